//! What the host is like at one moment, as the monitor sees it: a made-up /proc, files of several kernels, and this machine.

use crate::common;

use std::fs;
use std::path::Path;

use common::host::{TempDir, is_root};
use common::run::poll;
use common::skip;
use memdoor::host::{Host, zram_devices};
use memdoor::monitor::sample::{SLABS, SWAPS, Sample, Sources, Zram};
use memdoor::parse::vmstat::{self, Vmstat};
use memdoor::units::Bytes;

/// A directory that looks like /proc.
struct Proc(TempDir);

impl Proc {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let dir = TempDir::new();
        for below in ["sys/fs", "pressure"] {
            fs::create_dir_all(dir.path().join(below)).expect("a directory");
        }
        for (name, text) in files {
            dir.write(name, text);
        }
        Self(dir)
    }

    fn host(&self) -> Host {
        Host::open(self.0.c_str()).expect("a host")
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn sample(host: &mut Host) -> Sample {
    let mut sample = Sample::new();
    Sources::arm(host).read(host, &mut sample);
    sample
}

#[test]
fn each_kernels_vmstat_counts_what_it_says() {
    for release in ["5.10", "6.1", "6.12", "7.2"] {
        let found = vmstat::parse(&fixture(&format!("vmstat/{release}.txt")));
        assert_eq!((found.oom_kills, found.scanned), (Some(1), Some(0)), "{release}");
        let known = [found.scanned_direct, found.stolen, found.stalls, found.swapped_in, found.swapped_out];
        assert_eq!(known, [Some(0); 5], "{release}");
        assert!(found.major_faults.is_some_and(|faults| faults > 0), "{release}");
        assert_eq!(found.compact_stalls, Some(0), "{release}");
    }
}

#[test]
fn a_sample_has_what_each_file_says() {
    let proc = Proc::new(&[
        ("meminfo", b"MemTotal: 1000 kB\nMemAvailable: 250 kB\nSwapTotal: 100 kB\nSwapFree: 40 kB\n"),
        (
            "pressure/memory",
            b"some avg10=1.00 avg60=0.00 avg300=0.00 total=7\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=6\n",
        ),
        ("vmstat", b"pswpin 10\npgmajfault 20\noom_kill 1\n"),
        ("buddyinfo", &fixture("buddyinfo/5.10.txt")),
        ("slabinfo", &fixture("slabinfo/5.10.txt")),
        (
            "swaps",
            b"Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 1000 10 100\n/my\\040swap file 2000 20 -2\n",
        ),
        ("sys/fs/file-nr", b"672\t0\t2466170\n"),
    ]);
    let mut host = proc.host();
    let mut sources = Sources::arm(&mut host);
    let mut sample = Sample::new();
    sources.read(&mut host, &mut sample);
    assert_eq!(sample.used_percent().map(|share| share.hundredths), Some(7500));
    assert_eq!(sample.meminfo.swap_used(), Some(Bytes::from_kib(60)));
    assert_eq!(sample.pressure.full.map(|full| full.total), Some(6));
    assert_eq!(sample.files, Some((672, 2_466_170)));
    assert_eq!((sample.counters.oom_kills, sample.delta), (Some(1), Vmstat::default()));

    let swaps: Vec<_> = sample.swaps.iter().flatten().collect();
    assert_eq!(swaps.len(), 2);
    assert_eq!((swaps[1].path.as_bytes(), swaps[1].size.kib(), swaps[1].used.kib()), (&b"/my swap"[..], 2000, 20));

    let zones: Vec<_> = sample.zones.iter().flatten().collect();
    assert_eq!(zones.len(), 2);
    assert_eq!((zones[1].node, zones[1].name.as_bytes()), (0, &b"DMA32"[..]));
    assert!(zones.iter().all(|zone| zone.unusable.is_some()));

    let slabs: Vec<_> = sample.slabs.iter().flatten().collect();
    assert_eq!(slabs.len(), SLABS);
    assert!(slabs.is_sorted_by(|a, b| a.size >= b.size));
    assert_eq!(slabs.len(), SLABS);
    let named: Vec<_> = slabs.iter().map(|slab| slab.name.as_bytes().escape_ascii().to_string()).collect();
    assert_eq!(named, largest_by_words());

    // The kept files are read again, and slab caches are not.
    proc.0.write("vmstat", b"pswpin 15\npgmajfault 18\noom_kill 1\n");
    proc.0.write("slabinfo", b"x 1 1 1 1 100000 : tunables 0 0 0 : slabdata 1000 1000 0\n");
    sources.read(&mut host, &mut sample);
    let delta = sample.delta;
    assert_eq!((delta.swapped_in, delta.oom_kills), (Some(5), Some(0)));
    assert_eq!(delta.major_faults, None, "it went back");
    assert_eq!(sample.slabs.iter().flatten().count(), SLABS);
}

/// The ten largest caches of the fixture, found in another way.
fn largest_by_words() -> Vec<String> {
    let text = String::from_utf8(fixture("slabinfo/5.10.txt")).expect("UTF-8");
    let mut sizes: Vec<(u64, usize, String)> = Vec::new();
    for (number, line) in text.lines().skip(2).enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = |at: usize| words[at].parse::<u64>().expect("a number");
        sizes.push((at(5) * at(14), usize::MAX - number, words[0].into()));
    }
    sizes.sort_unstable();
    sizes.into_iter().rev().take(SLABS).map(|(.., name)| name).collect()
}

#[test]
fn without_any_file_nothing_is_known_and_nothing_is_nought() {
    let proc = Proc::new(&[]);
    let sample = sample(&mut proc.host());
    assert_eq!((sample.meminfo.used(), sample.meminfo.swap_used(), sample.files), (None, None, None));
    assert_eq!((sample.counters, sample.delta), (Vmstat::default(), Vmstat::default()));
    assert_eq!(sample.swaps.iter().flatten().count() + sample.zones.iter().flatten().count(), 0);
    assert!(sample.slabs.iter().flatten().next().is_none());
    assert!(sample.most_fragmented().is_none_or(|zone| zone.unusable.is_none()));
}

#[test]
fn what_has_no_room_is_counted_and_hostile_lines_are_left_out() {
    let mut swaps = String::from("Filename\n");
    for number in 0..SWAPS + 3 {
        swaps += &format!("/{number}{} file 10 1 -2\n", "x".repeat(100));
    }
    swaps += &"y".repeat(9000);
    swaps += "\n/last file -1 1 1\n";
    let proc = Proc::new(&[
        ("swaps", swaps.as_bytes()),
        ("buddyinfo", b"Node 0, zone\nNode 0, zone \x1b[31m 0 0 0\n\xff\nNode 0, zone Normal 1 2 x\n"),
        ("slabinfo", b"a : slabdata\n: tunables : slabdata 1 1 1\n"),
        ("vmstat", &[b'z'; 20_000]),
        ("sys/fs/file-nr", b"1\n"),
    ]);
    let sample = sample(&mut proc.host());
    assert_eq!(sample.unlisted, 3);
    let path = sample.swaps[0].as_ref().expect("one").path.clone();
    assert!(path.is_cut() && path.as_bytes().len() == 63);
    let zones: Vec<_> = sample.zones.iter().flatten().collect();
    assert_eq!(zones.len(), 1);
    assert_eq!((zones[0].name.as_bytes(), zones[0].unusable), (&b"\x1b[31m"[..], None), "nothing is free");
    assert!(sample.slabs.iter().flatten().next().is_none());
    assert_eq!((sample.files, sample.counters), (None, Vmstat::default()));
}

#[test]
fn all_zram_devices_count_together() {
    let block = TempDir::new();
    assert_eq!(zram_devices(block.c_str()), None);
    for (device, text) in [("zram0", "100 9 30 0\n"), ("zram1", "1000 9 300 0\n"), ("zram2", ""), ("vda", "7 7 7\n")] {
        fs::create_dir(block.path().join(device)).expect("a directory");
        block.write(&format!("{device}/mm_stat"), text.as_bytes());
    }
    let expected = Zram { stored: Bytes(1100), used: Bytes(330) };
    assert_eq!(zram_devices(block.c_str()), Some(expected));
}

#[test]
fn this_machine_says_it_all() {
    let mut host = Host::open(c"/proc").expect("/proc");
    let mut sample = Sample::new();
    let mut sources = Sources::arm(&mut host);
    sources.read(&mut host, &mut sample);
    sources.read(&mut host, &mut sample);
    assert!(sample.used_percent().is_some_and(|share| share.hundredths < 10_000));
    assert!(sample.counters.major_faults.is_some() && sample.delta.major_faults.is_some());
    // Each zone's free blocks as the kernel's own file has them, once it says the same before and after.
    poll("a moment in which no zone changes", || {
        let read = || fs::read_to_string("/proc/buddyinfo").expect("buddyinfo");
        let before = read();
        sources.read(&mut host, &mut sample);
        if read() != before {
            return None;
        }
        let shown = sample.zones.iter().flatten().map(|zone| zone.free.as_slice());
        let lines = before.lines().map(|line| {
            let numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
            numbers.collect::<Vec<u64>>()
        });
        assert!(shown.eq(lines), "{:?}\n{before}", sample.zones);
        Some(())
    });
    assert!(sample.files.is_some_and(|(open, most)| 0 < open && open < most));
    if !is_root() {
        return skip("needs root for /proc/slabinfo");
    }
    let largest = sample.slabs[0].as_ref().expect("slabinfo");
    assert!(largest.size.0 > 100_000, "{largest:?}");
}

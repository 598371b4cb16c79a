//! Logs as they are found: compressed, cut, damaged, endless, in directories, changing while they are read.

use crate::common;
use common::gzip::gzip;
use common::host::is_root;
use common::run::{own_test, run_command};

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use memdoor::oomlog::event::Mark;
use memdoor::oomlog::places::{Found, Machines, Root, of_directory, of_root};
use memdoor::oomlog::record::Record;
use memdoor::oomlog::scan::{Part, Scan, Tally};
use memdoor::oomlog::source::{Foreign, Packing, Source, Trouble};
use memdoor::sys::file::Dir;
use memdoor::sys::input::Input;

const HEADER: &str = "cat invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
const KILL: &str = "Out of memory: Killed process 12 (cat) total-vm:1kB, anon-rss:1kB";
/// A line of no interest, 64 bytes with its newline.
const NOISE: &str = "Nov 21 10:08:31 host app[1]: nothing of interest is said in it\n";

/// A directory that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = format!("memdoor-logsource-{}-{name}", std::process::id());
        let dir = std::env::temp_dir().join(dir);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory of our own");
        Self(dir)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory of our own");
        fs::write(&path, bytes).expect("write");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn c_path(path: &Path) -> CString {
    CString::new(path.to_str().expect("UTF-8")).expect("no NUL")
}

/// What was handed on, what was read, what went wrong.
fn read(path: &Path) -> (Vec<String>, Tally, Option<Trouble>) {
    let mut source = Source::new(Input::open(&c_path(path)).expect("open"));
    let mut found = Vec::new();
    let mut take = |record: Record<'_>, _| {
        found.push(String::from_utf8_lossy(record.text).into_owned());
        Part::Other
    };
    let tally = Scan::new().run(&mut source, &mut take).expect("read");
    (found, tally, source.trouble())
}

fn interesting(lines: &[String]) -> Vec<&str> {
    let is_wanted = |line: &&str| line.contains("oom-killer") || line.contains("Killed process");
    lines.iter().map(|line| &**line).filter(is_wanted).collect()
}

#[test]
fn a_log_without_a_needle_hands_on_nothing() {
    let scratch = Scratch::new("none");
    let path = scratch.file("log", NOISE.repeat(50_000).as_bytes());
    let (lines, tally, trouble) = read(&path);
    assert_eq!((lines.len(), trouble), (0, None));
    assert_eq!(tally.bytes, NOISE.len() as u64 * 50_000);
}

/// Wherever a chunk ends: in a needle, in its line, in the lines before it.
#[test]
fn a_report_is_found_wherever_a_read_ends() {
    let scratch = Scratch::new("seam");
    const CHUNK: usize = 512 << 10;
    let report = format!("[    1.000000] {HEADER}\n[    1.000001] {KILL}\n");
    for before in (CHUNK - report.len() - 2..CHUNK + 2).chain([0, 1, 2 * CHUNK - 30]) {
        let mut log = NOISE.repeat(before / NOISE.len()).into_bytes();
        while log.len() < before {
            log.push(b'\n');
        }
        log.extend(report.as_bytes());
        log.extend(NOISE.repeat(4_000).as_bytes());
        let (lines, ..) = read(&scratch.file("log", &log));
        assert_eq!(interesting(&lines), [HEADER, KILL], "{before}");
        assert!(lines.len() < 3_000, "{before}: {} lines", lines.len());
    }
}

#[test]
fn each_line_is_handed_on_once_and_in_order() {
    let scratch = Scratch::new("once");
    let mut log = String::new();
    for number in 0..60_000 {
        log.push_str(&format!("[    1.000000] line {number} {}\n", "x".repeat(30)));
        if number % 5_003 == 5_000 {
            log.push_str(&format!("[    1.000000] {KILL}\n"));
        }
    }
    let (lines, ..) = read(&scratch.file("log", log.as_bytes()));
    let numbers: Vec<u32> =
        lines.iter().filter_map(|line| line.strip_prefix("line ")?.split(' ').next()?.parse().ok()).collect();
    assert!(numbers.is_sorted_by(|one, other| one < other));
    assert!(numbers.len() > 1_000);
    assert_eq!(interesting(&lines).len(), 11);
}

/// A log whose lines say their number, with a needle in some of them.
fn numbered(lines: u32, end: &str, needle: impl Fn(u32) -> Option<&'static str>) -> Vec<u8> {
    let mut log = String::new();
    for number in 1..=lines {
        let length = usize::try_from(number * 7919 % 97).expect("small");
        let words = needle(number).unwrap_or("of no interest");
        log.push_str(&format!("[    1.000000] {number} {} {words}{end}", "x".repeat(length)));
    }
    log.into_bytes()
}

/// How many records were handed on, each with the number that it says.
fn numbers(path: &Path) -> usize {
    let mut source = Source::new(Input::open(&c_path(path)).expect("open"));
    let mut records = 0;
    let mut take = |record: Record<'_>, position: u64| {
        let text = String::from_utf8_lossy(record.text);
        if let Some(number) = text.split(' ').next().and_then(|word| word.parse::<u64>().ok()) {
            assert_eq!(position, number, "{text}");
            records += 1;
        }
        Part::Other
    };
    Scan::new().run(&mut source, &mut take).expect("read");
    records
}

#[test]
fn a_line_has_its_number_in_the_log_however_it_was_reached() {
    let scratch = Scratch::new("numbers");
    for (every, words) in [(9_001, HEADER), (14_003, KILL), (30_000, KILL)] {
        for end in ["\n", "\r\n"] {
            let needle = |number| (number % every == 0).then_some(words);
            let log = numbered(30_000, end, needle);
            let least = 30_000 / usize::try_from(every).expect("small");
            assert!(numbers(&scratch.file("log", &log)) >= least);
        }
    }
    let packed = gzip(&numbered(12_000, "\n", |number| (number % 5_000 == 0).then_some(KILL)));
    assert!(numbers(&scratch.file("log.gz", &packed)) > 2);
}

#[test]
fn line_numbers_are_right_wherever_a_chunk_ends() {
    let scratch = Scratch::new("seams");
    const CHUNK: usize = 512 << 10;
    let report = format!("[    1.000000] {HEADER}\n");
    for before in (CHUNK - report.len() - 2..CHUNK + 2).step_by(3) {
        let mut log = NOISE.repeat(before / NOISE.len()).into_bytes();
        while log.len() < before {
            log.push(b'\n');
        }
        let line = 1 + log.iter().filter(|byte| **byte == b'\n').count() as u64;
        log.extend(report.as_bytes());
        let path = scratch.file("log", &log);
        let mut source = Source::new(Input::open(&c_path(&path)).expect("open"));
        let mut at = 0;
        let mut take = |record: Record<'_>, position: u64| {
            if record.text == HEADER.as_bytes() {
                at = position;
            }
            Part::Other
        };
        Scan::new().run(&mut source, &mut take).expect("read");
        assert_eq!(at, line, "{before}");
    }
}

#[test]
fn an_entry_of_several_lines_has_the_number_of_its_message() {
    let scratch = Scratch::new("entries");
    let pretty =
        format!("{{\n\t\"_TRANSPORT\" : \"kernel\",\n\t\"MESSAGE\" : \"{KILL}\",\n\t\"PRIORITY\" : \"3\"\n}}\n");
    let export = format!("__CURSOR=x\n_TRANSPORT=kernel\nMESSAGE={KILL}\nPRIORITY=3\n\n");
    for (log, period, first) in [(pretty, 5, 3), (export, 5, 3)] {
        let path = scratch.file("log", log.repeat(3).as_bytes());
        let mut source = Source::new(Input::open(&c_path(&path)).expect("open"));
        let mut found = Vec::new();
        let mut take = |_: Record<'_>, position: u64| {
            found.push(position);
            Part::Other
        };
        Scan::new().run(&mut source, &mut take).expect("read");
        assert_eq!(found, [first, first + period, first + 2 * period], "{log}");
    }
}

#[test]
fn lines_before_a_kill_without_its_header_are_handed_on() {
    let scratch = Scratch::new("headless");
    let mut log = NOISE.repeat(30_000);
    log.push_str("[    1.000000] memory: usage 1kB, limit 1kB, failcnt 1\n");
    log.push_str(&"[    1.000000] [ 12]     0    12    1    1\n".repeat(2_000));
    log.push_str(&format!("[    1.000000] {KILL}\n"));
    let (lines, ..) = read(&scratch.file("log", log.as_bytes()));
    assert!(lines.iter().any(|line| line.starts_with("memory: usage")));
}

#[test]
fn the_second_line_of_an_old_kill_is_found_where_a_log_starts() {
    let scratch = Scratch::new("old");
    let old = "Killed process 12 (cat) total-vm:1kB, anon-rss:1kB, file-rss:0kB";
    let log = format!("{}[    1.000000] {old}\n", NOISE.repeat(100));
    let (lines, ..) = read(&scratch.file("log", log.as_bytes()));
    assert_eq!(interesting(&lines), [old]);
}

/// Journalctl's numbers, with a blank behind each comma or without; a log that is no JSON is not searched for them.
#[test]
fn a_message_in_numbers_is_found_wherever_a_read_ends() {
    let scratch = Scratch::new("numbers");
    const CHUNK: usize = 512 << 10;
    const ENTRY: &str = "{\"MESSAGE\":\"nothing of interest is said in this one, at all......\"}\n";
    for separator in [",", ", ", ",\n\t\t"] {
        for (text, start) in [(HEADER, "{}\n"), (KILL, "{}\n"), (KILL, "no JSON\n")] {
            let numbers: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
            let entry = if separator.contains('\n') {
                format!("{{\n\t\"MESSAGE\" : [\n\t\t{}\n\t]\n}}\n", numbers.join(separator))
            } else {
                format!("{{\"MESSAGE\":[{}]}}\n", numbers.join(separator))
            };
            for before in [0, 1000, CHUNK - 200, CHUNK - 100, CHUNK - 60, CHUNK - 20] {
                let mut log = start.as_bytes().to_vec();
                log.extend(ENTRY.repeat(before / ENTRY.len()).as_bytes());
                log.resize(log.len().max(before), b'\n');
                log.extend(entry.as_bytes());
                log.extend(ENTRY.repeat(9_000).as_bytes());
                let (lines, ..) = read(&scratch.file("log", &log));
                let expected: &[&str] = if start == "{}\n" { &[text] } else { &[] };
                assert_eq!(interesting(&lines), expected, "{before} {separator:?}");
            }
        }
    }
}

#[test]
fn gzip_is_known_by_its_first_bytes_and_members_follow_each_other() {
    let scratch = Scratch::new("gz");
    let mut packed = gzip(format!("[    1.000000] {HEADER}\n[    1.0").as_bytes());
    packed.extend(gzip(format!("00001] {KILL}\n").as_bytes()));
    let (lines, _, trouble) = read(&scratch.file("log", &packed));
    assert_eq!((interesting(&lines), trouble), (vec![HEADER, KILL], None));

    packed.extend([0; 1000]);
    assert_eq!(read(&scratch.file("padded", &packed)).2, None);
    packed.extend(b"else");
    let (lines, _, trouble) = read(&scratch.file("trailing", &packed));
    assert_eq!(interesting(&lines).len(), 2);
    assert_eq!(trouble, Some(Trouble::Trailing(Packing::Gzip)));
}

#[test]
fn gzip_cut_anywhere_gives_what_it_holds_and_says_so() {
    let scratch = Scratch::new("cut");
    let text = format!("[    1.000000] {HEADER}\n{NOISE}[    1.000001] {KILL}\n");
    let packed = gzip(text.as_bytes());
    let mut seen = [false; 3];
    for end in 2..packed.len() {
        let (lines, tally, trouble) = read(&scratch.file("log.gz", &packed[..end]));
        assert_eq!(trouble, Some(Trouble::CutOff(Packing::Gzip)), "{end}");
        assert!(tally.bytes <= text.len() as u64);
        seen[interesting(&lines).len()] = true;
    }
    assert!(seen[0] && seen[2], "the last bytes are a checksum");
}

#[test]
fn gzip_damaged_anywhere_is_no_panic_and_is_named() {
    let scratch = Scratch::new("damaged");
    let text = format!("[    1.000000] {HEADER}\n{NOISE}[    1.000001] {KILL}\n");
    let packed = gzip(text.as_bytes());
    for at in 10..packed.len() {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x55;
        let (_, _, trouble) = read(&scratch.file("log.gz", &damaged));
        assert!(trouble.is_some(), "{at}");
    }
}

/// Each way but gzip, which the tests above are about: by its own name, and packed by the tool of that name.
fn packed() -> [(Packing, Vec<u8>); 3] {
    let path = |end: &str| format!("{}/fixtures/packed/7.2-none-two.log.{end}", env!("CARGO_MANIFEST_DIR"));
    [(Packing::Xz, "xz"), (Packing::Zstd, "zst"), (Packing::Bzip2, "bz2")]
        .map(|(packing, end)| (packing, fs::read(path(end)).expect("a fixture")))
}

/// How long the text is that these are.
fn text_length() -> u64 {
    let plain = fs::read(format!("{}/fixtures/dmesg/7.2-none-two.log", env!("CARGO_MANIFEST_DIR"))).expect("a fixture");
    plain.len() as u64
}

#[test]
fn xz_zstd_and_bzip2_are_known_by_their_first_bytes_and_members_follow_each_other() {
    let scratch = Scratch::new("packed");
    let length = text_length();
    for (packing, bytes) in packed() {
        let name = packing.name();
        let (lines, tally, trouble) = read(&scratch.file("log", &bytes));
        assert_eq!((tally.bytes, trouble), (length, None), "{name}");
        assert!(lines.len() > 100, "{name}");
        let twice = [&bytes[..], &bytes, &[0; 1000]].concat();
        let (_, tally, trouble) = read(&scratch.file("twice", &twice));
        assert_eq!((tally.bytes, trouble), (2 * length, None), "{name}");
        let (_, tally, trouble) = read(&scratch.file("trailing", &[&bytes[..], b"something else"].concat()));
        assert_eq!((tally.bytes, trouble), (length, Some(Trouble::Trailing(packing))), "{name}");
    }
    // pzstd begins with a frame that is skipped.
    let [_, (_, zstd), _] = packed();
    let skipped = [&b"\x50\x2a\x4d\x18\x04\0\0\0size"[..], &zstd].concat();
    let (_, tally, trouble) = read(&scratch.file("skipped", &skipped));
    assert_eq!((tally.bytes, trouble), (length, None));
}

#[test]
fn xz_zstd_and_bzip2_cut_or_damaged_anywhere_give_what_they_hold_and_are_named() {
    let scratch = Scratch::new("packed_damaged");
    let length = text_length();
    for (packing, bytes) in packed() {
        let name = packing.name();
        let mut most = 0;
        for end in (6..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
            let (_, tally, trouble) = read(&scratch.file("cut", &bytes[..end]));
            assert_eq!(trouble, Some(Trouble::CutOff(packing)), "{name} {end}");
            assert!(tally.bytes <= length, "{name} {end}");
            most = most.max(tally.bytes);
        }
        assert_eq!(most, length, "{name}: its end is a checksum");
        let (whole, ..) = read(&scratch.file("whole", &bytes));
        let mut same = 0;
        for at in 8..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let (lines, tally, trouble) = read(&scratch.file("damaged", &damaged));
            // Some bits are of codes that nothing uses: their tools do not find fault with them either.
            let is_whole = (lines.len(), tally.bytes) == (whole.len(), length);
            assert!(trouble.is_some() || is_whole, "{name} {at}");
            same += usize::from(trouble.is_none());
        }
        assert!(same < bytes.len() / 100, "{name}: {same}");
    }
}

/// A window of more than 64 MiB is what an attacker asks for.
#[test]
fn a_window_that_is_too_large_is_named_and_not_made() {
    let scratch = Scratch::new("window");
    // RFC 8878: a window of 2^30 and no size of the content.
    let path = scratch.file("zst", b"\x28\xb5\x2f\xfd\x00\xa0\x01\0\0");
    assert_eq!(read(&path).2, Some(Trouble::Window(Packing::Zstd)));
    let mut options = lzma_rust2::XzOptions::with_preset(0);
    options.lzma_options.dict_size = 128 << 20;
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).expect("xz");
    writer.write_all(NOISE.as_bytes()).expect("xz");
    let path = scratch.file("xz", &writer.finish().expect("xz"));
    assert_eq!(read(&path).2, Some(Trouble::Window(Packing::Xz)));
}

/// All of it, not only what reads before the damaged one had unpacked.
#[test]
fn what_is_before_the_damage_in_a_gzip_file_is_read() {
    let scratch = Scratch::new("before");
    let text = format!("{}[    1.000000] {HEADER}\n", NOISE.repeat(500));
    let mut packed = gzip(text.as_bytes());
    // Where the member's code ends, its checksum begins; a member of nothing but a wrong code follows.
    packed.extend(&gzip(b"")[..10]);
    packed.extend([0xff; 8]);
    let (lines, tally, trouble) = read(&scratch.file("between", &packed));
    assert_eq!((interesting(&lines), trouble), (vec![HEADER], Some(Trouble::Damaged(Packing::Gzip))));
    assert_eq!(tally.bytes, text.len() as u64);

    // Inside of a member, and of one read: a stored block of all of the text, then a block of a kind that there is not.
    let length = u16::try_from(text.len()).expect("less than a block");
    let mut packed = gzip(b"")[..10].to_vec();
    packed.push(0);
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(text.as_bytes());
    packed.push(0b111);
    let (lines, tally, trouble) = read(&scratch.file("inside", &packed));
    assert_eq!((interesting(&lines), trouble), (vec![HEADER], Some(Trouble::Damaged(Packing::Gzip))));
    assert_eq!(tally.bytes, text.len() as u64);
}

#[test]
fn nuls_and_bytes_that_are_no_text_are_no_obstacle() {
    let scratch = Scratch::new("nuls");
    let mut log = vec![0; 700_000];
    log.extend(format!("[    1.000000] {KILL}\n").as_bytes());
    log.extend((0..=255).cycle().take(700_000));
    log.extend(format!("\n[    1.000000] {HEADER}").as_bytes());
    let (lines, tally, _) = read(&scratch.file("log", &log));
    // The first one is in a line of 700 kB, of which the start is cut away.
    assert_eq!(interesting(&lines).last(), Some(&HEADER));
    assert_eq!(tally.bytes, log.len() as u64);
}

/// The next tests measure a child: this one is it, when asked.
#[test]
fn child() {
    let Ok(path) = std::env::var("MEMDOOR_TEST_LOG") else {
        return;
    };
    let (lines, tally, trouble) = read(Path::new(&path));
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    let found = interesting(&lines).len();
    let _ = writeln!(
        std::io::stdout(),
        "result {} {found} {} {} {trouble:?}",
        peak.expect("VmHWM"),
        tally.bytes,
        tally.cut
    );
}

/// Peak memory in kB, lines of interest, bytes, cut lines: of a process of its own.
fn measured(path: &Path) -> [u64; 4] {
    let mut itself = Command::new(std::env::current_exe().expect("this test"));
    itself.arg(own_test(module_path!(), "child")).args(["--exact", "--nocapture", "--test-threads=1"]);
    itself.env("MEMDOOR_TEST_LOG", path);
    let text = run_command(itself).out;
    let at = text.find("result ").expect("a result");
    let mut numbers = text[at..].split(' ').skip(1).map(str::parse);
    [(); 4].map(|()| numbers.next().expect("four").expect("a number"))
}

#[test]
fn a_gzip_bomb_takes_no_more_memory_than_a_log() {
    let scratch = Scratch::new("bomb");
    // 64 MiB of zeros and not one newline in 64 kB, ten times over: members follow each other.
    let mut packed = gzip(&vec![0; 8 << 20]).repeat(8);
    packed.extend(gzip(format!("\n[    1.000000] {KILL}\n").as_bytes()));
    let [peak, found, bytes, _] = measured(&scratch.file("log.gz", &packed));
    assert!(bytes > 64 << 20);
    assert_eq!(found, 1);
    assert!(peak <= 8 << 10, "{peak} kB");
}

#[test]
fn a_line_of_100_mb_is_cut_and_what_follows_it_is_read() {
    let scratch = Scratch::new("long");
    let path = scratch.file("log", format!("{KILL} ").as_bytes());
    let mut file = OpenOptions::new().append(true).open(&path).expect("open");
    let part = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        file.write_all(&part).expect("write");
    }
    writeln!(file, "\n[    1.000000] {KILL}").expect("write");
    let [peak, found, _, cut] = measured(&path);
    assert_eq!((found, cut), (2, 1));
    assert!(peak <= 8 << 10, "{peak} kB");
}

#[test]
fn a_file_that_shrinks_or_grows_while_it_is_read_is_read_to_its_end() {
    let scratch = Scratch::new("changes");
    let log = format!("[    1.000000] {KILL}\n{}", NOISE.repeat(40_000));
    for grow in [false, true] {
        let path = scratch.file("log", log.as_bytes());
        let mut source = Source::new(Input::open(&c_path(&path)).expect("open"));
        let mut kills = 0;
        let mut changed = false;
        let mut take = |record: Record<'_>, _| {
            kills += usize::from(record.text.starts_with(b"Out of"));
            if !core::mem::replace(&mut changed, true) {
                let mut file = OpenOptions::new().append(true).open(&path).expect("open");
                if grow {
                    writeln!(file, "[    2.000000] {KILL}").expect("write");
                } else {
                    file.set_len(10).expect("truncate");
                }
            }
            Part::Other
        };
        Scan::new().run(&mut source, &mut take).expect("read");
        assert_eq!(kills, 1 + usize::from(grow));
        let expected = (!grow).then_some(Trouble::Shrunk);
        assert_eq!(source.trouble(), expected);
    }
}

#[test]
fn what_starts_in_the_middle_of_a_file_has_not_shrunk() {
    let scratch = Scratch::new("middle");
    let path = scratch.file("log", NOISE.repeat(100).as_bytes());
    let input = Input::open(&c_path(&path)).expect("open");
    assert_eq!(input.read(&mut [0; 100]), Ok(100));
    let mut source = Source::new(input);
    let tally = Scan::new().run(&mut source, &mut |_, _| Part::Other);
    assert_eq!(tally.expect("read").bytes, NOISE.len() as u64 * 100 - 100);
    assert_eq!(source.trouble(), None);
}

#[test]
fn what_others_must_unpack_is_known_by_its_first_bytes_and_not_searched() {
    let scratch = Scratch::new("foreign");
    for (magic, foreign) in [
        (&b"\x04\x22\x4d\x18"[..], Foreign::Lz4),
        (b"\x5d\0\0", Foreign::Lzma),
        (b"PK\x03\x04", Foreign::Zip),
        (b"\x1f\x9d", Foreign::Compress),
        (b"\xff\xfe", Foreign::Utf16),
        (b"\xfe\xff", Foreign::Utf16),
        (b"LPKSHHRH", Foreign::Journal),
    ] {
        for rest in ["", KILL] {
            let path = scratch.file("log", &[magic, rest.as_bytes()].concat());
            let (lines, tally, trouble) = read(&path);
            assert_eq!((lines.len(), tally.bytes), (0, 0));
            assert_eq!(trouble, Some(Trouble::Foreign(foreign)));
        }
        // Cut before it is known, or of a log's text.
        let path = scratch.file("log", &magic[..magic.len().min(3) - 1]);
        assert_eq!(read(&path).2, None);
        let path = scratch.file("log", &[b" ", magic].concat());
        assert_eq!(read(&path).2, None);
    }
    assert_eq!(read(&scratch.file("log", b"")).2, None);
}

/// What each name in the directory turned out to be.
fn listed(dir: &Path) -> Vec<(String, &'static str)> {
    let dir = Dir::open(&c_path(dir)).expect("open");
    let mut found = Vec::new();
    of_directory(&dir, &mut |name, what| found.push(named(name.to_bytes(), &what))).expect("list");
    found
}

fn named(name: &[u8], what: &Found) -> (String, &'static str) {
    let what = match what {
        Found::Log(_) => "log",
        Found::Skipped => "skipped",
        Found::Failed(_) => "failed",
        Found::TooMany => "too many",
        Found::Closed(_) => "closed",
        Found::OtherMachines(_) => "other machines",
        Found::Partly => "partly",
        Found::DirectoryLink => "directory link",
    };
    (String::from_utf8_lossy(name).into_owned(), what)
}

#[test]
fn what_is_no_file_in_a_directory_is_skipped_and_named() {
    let scratch = Scratch::new("fifo");
    scratch.file("a.log", b"");
    scratch.file("below/b.log", b"");
    let fifo = c_path(&scratch.0.join("c.fifo"));
    nix::unistd::mkfifo(&*fifo, nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
    symlink("/dev/null", scratch.0.join("d.link")).expect("symlink");
    let _socket = std::os::unix::net::UnixListener::bind(scratch.0.join("e.socket")).expect("bind");
    let found = listed(&scratch.0);
    let expected =
        [("a.log", "log"), ("c.fifo", "skipped"), ("d.link", "skipped"), ("e.socket", "skipped"), ("below", "partly")];
    assert_eq!(found, expected.map(|(name, what)| (name.to_string(), what)));
}

#[test]
fn a_file_that_may_not_be_read_is_named_and_the_others_are_read() {
    let scratch = Scratch::new("unreadable");
    let path = scratch.file("a.log", b"");
    scratch.file("b.log", b"");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).expect("chmod");
    if File::open(&path).is_ok() {
        common::skip("root may read what nobody may");
        return;
    }
    let found = listed(&scratch.0);
    assert_eq!(found[0], ("a.log".to_string(), "failed"));
    assert_eq!(found[1], ("b.log".to_string(), "log"));
}

#[test]
fn the_logs_of_a_root_are_found_and_links_stay_inside_of_it() {
    let scratch = Scratch::new("root");
    for name in [
        "var/log/kern.log",
        "var/log/kern.log.1",
        "var/log/kern.log.2.gz",
        "var/log/auth.log",
        "var/log/messages",
        "var/crash/202611211008/dmesg.txt",
        "var/lib/systemd/pstore/1700/dmesg-efi-170000000001001",
        "data/syslog",
    ] {
        scratch.file(name, b"x");
    }
    symlink("/data/syslog", scratch.0.join("var/log/syslog")).expect("symlink");
    symlink("/etc/passwd", scratch.0.join("var/log/syslog.1")).expect("symlink");
    scratch.file("var/log/journal/0123456789abcdef0123456789abcdef/system.journal", b"x");
    scratch.file("var/spool/abrt/oops-2026/dmesg", b"x");
    let root = Root::Other(Dir::open(&c_path(&scratch.0)).expect("open"));
    let mut found = Vec::new();
    of_root(&root, Machines::This, &mut |name, what| found.push(named(name.to_bytes(), &what))).expect("list");
    let expected = [
        ("var/log/journal/0123456789abcdef0123456789abcdef/system.journal", "log"),
        ("var/log/kern.log.2.gz", "log"),
        ("var/log/kern.log.1", "log"),
        ("var/log/kern.log", "log"),
        ("var/log/messages", "log"),
        ("var/log/syslog.1", "failed"),
        ("var/log/syslog", "log"),
        ("var/crash/202611211008/dmesg.txt", "log"),
        ("var/lib/systemd/pstore/1700/dmesg-efi-170000000001001", "log"),
        ("var/spool/abrt/oops-2026/dmesg", "log"),
    ];
    assert_eq!(found, expected.map(|(name, what)| (name.to_string(), what)));
}

#[test]
fn a_journal_is_found_from_a_root_its_logs_and_itself() {
    const MACHINE: &str = "0123456789abcdef0123456789abcdef";
    let scratch = Scratch::new("journal");
    let file = scratch.file(&format!("var/log/journal/{MACHINE}/system.journal"), b"x");
    let at = |path: &str| listed(&scratch.0.join(path));
    let journal = |path: &str, what| vec![(path.to_string(), what)];
    assert_eq!(at(""), journal(&format!("var/log/journal/{MACHINE}/system.journal"), "log"));
    assert_eq!(at("var/log"), journal(&format!("journal/{MACHINE}/system.journal"), "log"));
    assert_eq!(at("var/log/journal"), journal(&format!("{MACHINE}/system.journal"), "log"));
    let below = file.parent().expect("a parent");
    // Whoever may not list it knows that it is there.
    let journals = below.parent().expect("a parent");
    fs::set_permissions(journals, fs::Permissions::from_mode(0o300)).expect("chmod");
    let found = at("var/log");
    fs::set_permissions(journals, fs::Permissions::from_mode(0o700)).expect("chmod");
    if !is_root() {
        assert_eq!(found, journal("journal", "failed"));
    }
    // A directory of that name with nothing of the kind is none, and a link leads nowhere.
    fs::remove_dir_all(below).expect("remove");
    assert_eq!(at("var/log"), []);
    symlink("/", scratch.0.join("journal")).expect("a link");
    assert_eq!(at(""), [("journal".to_string(), "directory link")]);
}

/// Lines are counted as long as that is of use; behind it a position is what `tail -c +N` takes.
#[test]
fn a_line_far_into_a_log_is_found_by_its_byte() {
    let scratch = Scratch::new("byte");
    let mut log = NOISE.repeat((65 << 20) / NOISE.len()).into_bytes();
    log[100_000..100_000 + 3].copy_from_slice(b"\n\n\n");
    for gap in [700_000, 3, 64] {
        log.extend(NOISE.repeat(gap / NOISE.len() + 1).as_bytes());
        log.extend(format!("[    1.000000] {HEADER}\n[    1.000001] {KILL}\n").as_bytes());
    }
    let path = scratch.file("log", &log);
    let mut source = Source::new(Input::open(&c_path(&path)).expect("open"));
    let mut found = Vec::new();
    let mut take = |record: Record<'_>, at: u64| {
        let is_wanted = record.text.starts_with(b"cat invoked") || record.text.starts_with(b"Out of");
        if is_wanted {
            found.push(Mark::of(at));
        }
        Part::End
    };
    Scan::new().run(&mut source, &mut take).expect("read");
    let starts: Vec<Mark> = (0..log.len())
        .filter(|at| log[*at..].starts_with(b"[    1.00000"))
        .map(|at| Mark::Byte(at as u64 + 1))
        .collect();
    assert_eq!(found, starts);
}

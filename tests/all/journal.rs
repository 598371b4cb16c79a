//! Files of systemd-journald, read natively. The judges: what was told, systemd-journal-remote, which has made files of it, and journalctl.
//!
//! fixtures/journal has what systemd-journal-remote 252 wrote, so that all but the tests that ask for it run without. New ones are made with
//! `MEMDOOR_GOLDEN=write cargo test --locked --test all journal::the_fixtures`, as root: on a small tmpfs a file has 512 KiB and not 8 MiB.

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::host::{TempDir, works};
use common::journal::{
    BOOTS, Field, LATE_US, Layout, MACHINE, Object, Remote, Told, export, fixture, fixture_path, is_compact, items,
    journalctl, le64, objects, sorted, story,
};
use common::run::{Process, command, poll, run_command};
use common::skip;
use memdoor::journal::{Entry, File, Id, Message, Next, Now, Query, Reader, Refusal, Salvage, Speaker, State};

/// Reads all that a query is about.
fn read(path: &Path, query: Query) -> (Vec<(u64, Told)>, Salvage) {
    let mut reader = open(path).read(query);
    let all = rest(&mut reader);
    (all, *reader.salvage())
}

fn open(path: &Path) -> File {
    File::open(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Where each entry is, and the entry.
fn rest(reader: &mut Reader) -> Vec<(u64, Told)> {
    let mut all = Vec::new();
    while let Some(entry) = reader.next() {
        all.push((entry.at, told(entry)));
    }
    all
}

fn told(entry: &Entry) -> Told {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields = entry.fields().map(|(name, value)| (text(name), value.to_vec()));
    Told { realtime: entry.realtime_us, monotonic: entry.monotonic_us, fields: sorted(fields.collect()) }
}

/// The same as it is to be read: in the order of names, and without what is too long.
fn readable(all: &[Told], is_wanted: impl Fn(&Told) -> bool) -> Vec<Told> {
    let all = all.iter().filter(|told| is_wanted(told));
    let short = |fields: Vec<Field>| fields.into_iter().filter(|(_, value)| value.len() < 65_000).collect();
    all.map(|told| Told { fields: short(told.sorted()), ..told.clone() }).collect()
}

fn is_of_kernel(told: &Told) -> bool {
    told.field("_TRANSPORT") == Some(b"kernel") || told.field("MESSAGE_ID").is_some()
}

fn only(found: Vec<(u64, Told)>) -> Vec<Told> {
    found.into_iter().map(|(_, told)| told).collect()
}

/// Both ways to ask, held against what was told.
fn is_the_story(path: &Path, name: &str) {
    let story = story();
    let (all, salvage) = read(path, Query::all());
    assert_eq!(only(all), readable(&story, |_| true), "{name}");
    assert!(salvage.missing() == Some(0) && salvage.first.is_none() && salvage.walked == 0, "{name}: {salvage:?}");
    let (kernel, salvage) = read(path, Query::kernel());
    assert_eq!(only(kernel), readable(&story, is_of_kernel), "{name}");
    // 13, 63, and the number of the boot.
    assert_eq!((salvage.missed, salvage.too_long), (2 * (13 + 63) + 2, 2), "{name}: {salvage:?}");
    assert_eq!(
        salvage.to_string(),
        "2 values of more than 64 KiB were not read, 154 messages of the kernel were missed by journald"
    );
}

fn unpacked(dir: &TempDir, layout: Layout) -> std::path::PathBuf {
    dir.write(&format!("{}.journal", layout.name()), &fixture(layout)).into()
}

const COMPACT: Layout = Layout { is_compact: true, is_keyed: true, is_packed: true };
const REGULAR: Layout = Layout { is_compact: false, is_keyed: false, is_packed: false };

/// Made anew on demand; else they are what the tests below read.
#[test]
fn the_fixtures_are_what_systemd_journal_remote_has_written() {
    if std::env::var_os("MEMDOOR_GOLDEN").is_none_or(|word| word != "write") {
        return Layout::all().for_each(|layout| assert!(fixture(layout).starts_with(b"LPKSHHRH")));
    }
    let remote = Remote::find().expect("systemd-journal-remote");
    let dir = TempDir::new();
    let mount = |words: &[&str]| assert_eq!(run_command(command(words[0], &words[1..])).code(), 0);
    let at = dir.path().to_str().expect("UTF-8");
    mount(&["mount", "-t", "tmpfs", "-o", "size=12m", "none", at]);
    for layout in Layout::all() {
        let path = dir.path().join("a.journal");
        let _ = fs::remove_file(&path);
        remote.write(layout, &export(&story()), &path);
        let packed = common::gzip::gzip(&fs::read(&path).expect("a file"));
        fs::write(fixture_path(layout), packed).expect("write");
    }
    mount(&["umount", at]);
}

#[test]
fn every_layout_that_systemd_writes_is_read_as_it_was_told() {
    let dir = TempDir::new();
    for layout in Layout::all() {
        let path = unpacked(&dir, layout);
        is_the_story(&path, &layout.name());
        if works(&["journalctl", "--version"]) {
            let judged: Vec<Told> = journalctl(&path, &[]);
            assert_eq!(readable(&judged, |_| true), readable(&story(), |_| true), "{}", layout.name());
        }
    }
}

/// On this machine's own file system, by this machine's own systemd.
#[test]
fn what_systemd_journal_remote_writes_here_is_read_as_journalctl_reads_it() {
    let Some(remote) = Remote::find().filter(|_| works(&["journalctl", "--version"])) else {
        return skip("needs systemd-journal-remote and journalctl: apt-get install systemd-journal-remote");
    };
    let dir = TempDir::new();
    for layout in Layout::all() {
        let path = dir.path().join(format!("{}.journal", layout.name()));
        remote.write(layout, &export(&story()), &path);
        is_the_story(&path, &layout.name());
        for (words, query) in [
            (&[][..], Query::all()),
            (&["_TRANSPORT=kernel"], Query::of("_TRANSPORT", b"kernel")),
            (&["_SYSTEMD_UNIT=db1.service"], Query::of("_SYSTEMD_UNIT", b"db1.service")),
            (&["_PID=301", "+", "_TRANSPORT=syslog"], Query::of("_PID", b"301").or("_TRANSPORT", b"syslog")),
            (&["_PID=999"], Query::of("_PID", b"999")),
        ] {
            let judged = readable(&journalctl(&path, words), |_| true);
            assert_eq!(only(read(&path, query).0), judged, "{} {words:?}", layout.name());
        }
    }
}

/// systemd 252 writes neither any more: what was written before it is made of what it writes plain.
#[test]
fn payloads_packed_with_lz4_and_xz_are_read() {
    let dir = TempDir::new();
    for is_compact in [false, true] {
        for (flag, name) in [(1, "xz"), (2, "lz4")] {
            let plain = fixture(Layout { is_compact, is_keyed: is_compact, is_packed: false });
            let (file, packed) = repacked(&plain, flag);
            assert!(packed > 15, "{packed} of {name}");
            let path = dir.write(&format!("{name}-{is_compact}.journal"), &file);
            is_the_story(Path::new(&path), name);
            if works(&["journalctl", "--version"]) {
                let judged = readable(&journalctl(Path::new(&path), &[]), |_| true);
                assert_eq!(judged, readable(&story(), |_| true), "{name}");
            }
        }
    }
}

/// Each long payload packed in place. What becomes free is a list of entries that nothing leads to.
fn repacked(plain: &[u8], flag: u8) -> (Vec<u8>, usize) {
    let mut file = plain.to_vec();
    let start = if is_compact(plain) { 72 } else { 64 };
    let mut count = 0;
    file[12] |= flag;
    for object in objects(plain).iter().filter(|object| object.kind == 1 && object.size > start + 200) {
        let payload = &plain[object.at + start..object.at + object.size];
        let packed = if flag == 1 { xz(payload) } else { lz4(payload) };
        let size = start + packed.len();
        let (end, free) = ((object.at + size).next_multiple_of(8), (object.at + object.size).next_multiple_of(8));
        if end + 32 > free {
            continue;
        }
        count += 1;
        file[object.at + start..free].fill(0);
        file[object.at + start..object.at + size].copy_from_slice(&packed);
        file[object.at + 1] = flag;
        file[object.at + 8..object.at + 16].copy_from_slice(&(size as u64).to_le_bytes());
        file[end] = 6;
        file[end + 8..end + 16].copy_from_slice(&((free - end) as u64).to_le_bytes());
    }
    (file, count)
}

fn lz4(payload: &[u8]) -> Vec<u8> {
    let mut packed = vec![0; lz4_flex::block::get_maximum_output_size(payload.len())];
    let length = lz4_flex::block::compress_into(payload, &mut packed).expect("lz4");
    [&(payload.len() as u64).to_le_bytes()[..], &packed[..length]].concat()
}

fn xz(payload: &[u8]) -> Vec<u8> {
    let mut options = lzma_rust2::XzOptions::with_preset(6);
    options.set_check_sum_type(lzma_rust2::CheckType::None);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).expect("xz");
    writer.write_all(payload).expect("xz");
    writer.finish().expect("xz")
}

#[test]
fn the_kernel_is_who_says_so_by_kmsg_and_with_its_own_facility() {
    let dir = TempDir::new();
    let path = unpacked(&dir, COMPACT);
    let mut reader = open(&path).read(Query::kernel());
    let (mut kernel, mut other, mut missed) = (0, 0, 0);
    while let Some(entry) = reader.next() {
        let is_forged = matches!(entry.message(), Message::Text(text) if text.starts_with(b"forged"));
        match entry.speaker() {
            Speaker::Kernel => {
                assert!(!is_forged);
                kernel += 1;
                assert_eq!(entry.event_us(), entry.realtime_us - LATE_US);
                assert_eq!(entry.source_us(), Some(entry.monotonic_us - LATE_US));
            }
            Speaker::Missed(_) => missed += 1,
            Speaker::Other => {
                assert!(is_forged);
                other += 1;
            }
        }
    }
    assert_eq!((kernel, other, missed), (60, 14, 4));
    let (decoys, _) = read(&path, Query::of("_TRANSPORT", b"syslog"));
    assert_eq!(decoys.len(), 30);
    let mut decoys = open(&path).read(Query::of("_TRANSPORT", b"syslog"));
    assert_eq!(decoys.next().map(Entry::speaker), Some(Speaker::Other));
}

#[test]
fn a_message_is_text_of_any_kind_or_none_or_too_long() {
    let dir = TempDir::new();
    let mut reader = open(&unpacked(&dir, COMPACT)).read(Query::of("_TRANSPORT", b"kernel"));
    let mut seen = [0; 4];
    while let Some(entry) = reader.next() {
        match entry.message() {
            Message::Text(text) if text.contains(&b'\n') => seen[0] += 1,
            Message::Text(text) if core::str::from_utf8(text).is_err() => seen[1] += 1,
            Message::None => seen[2] += 1,
            Message::TooLong => seen[3] += 1,
            Message::Text(_) => {}
            Message::Lost => panic!("{entry:?}"),
        }
        assert_eq!((entry.host(), entry.machine()), (Some(&b"db1"[..]), Id::parse(MACHINE.as_bytes())));
        assert!(matches!(entry.priority(), Some(4 | 6)));
    }
    assert_eq!(seen, [2; 4]);
}

#[test]
fn a_boot_and_a_time_choose_among_entries() {
    let dir = TempDir::new();
    let path = unpacked(&dir, COMPACT);
    let ids = BOOTS.map(|boot| Id::parse(boot.as_bytes()).expect("an id"));
    let boots = open(&path).boots().expect("boots");
    let story = story();
    assert_eq!(boots, [(ids[0], Some(story[0].realtime)), (ids[1], Some(story[75].realtime))]);
    for (id, boot) in ids.iter().zip(BOOTS) {
        assert_eq!(id.to_string(), boot);
        let (of_boot, _) = read(&path, Query::kernel().boot(*id));
        let expected = readable(&story, |told| is_of_kernel(told) && told.field("_BOOT_ID") == Some(boot.as_bytes()));
        assert_eq!(only(of_boot), expected);
    }
    // The event's time, not that of the entry.
    let [first, last] = [story[20].realtime, story[40].realtime];
    let (within, _) = read(&path, Query::of("_TRANSPORT", b"kernel").since(first).until(last));
    let is_within = |told: &Told| (first..=last).contains(&(told.realtime - LATE_US));
    let expected = readable(&story, |told| told.field("_TRANSPORT") == Some(b"kernel") && is_within(told));
    assert_eq!(only(within), expected);
    assert!(!expected.is_empty());
    let file = open(&path);
    assert_eq!((file.entries(), file.state()), (150, State::Offline));
    assert_eq!(file.span(), Some([story[0].realtime, story[149].realtime]));
}

#[test]
fn what_can_not_be_read_is_refused_in_a_sentence() {
    let dir = TempDir::new();
    let whole = fixture(COMPACT);
    let mut later = whole.clone();
    later[13] = 1;
    for (bytes, sentence) in [
        (&b"Nov 30 10:00:00 db1 kernel: text"[..], "it is no file of systemd-journald"),
        (&[], "it is no file of systemd-journald"),
        (&whole[..100], "the file of systemd-journald ends inside of its header: there is nothing in it"),
        (
            &later,
            "it was written by a later systemd in a way that is not known here (incompatible flags 0x100): nothing of it was read",
        ),
    ] {
        let path = dir.write("a.journal", bytes);
        let refused = File::open(Path::new(&path)).err().expect("a refusal");
        assert_eq!(refused.to_string(), sentence);
    }
    let missing = File::open(&dir.path().join("nothing")).err().expect("a refusal");
    assert!(matches!(missing, Refusal::Io(_)), "{missing}");
    // Flags that change nothing for a reader are no reason.
    let mut sealed = whole;
    sealed[8] |= 0xf0;
    is_the_story(Path::new(&dir.write("b.journal", &sealed)), "compatible flags");
}

// Damage

/// What of a file is left when these bytes of it are gone: the kernel's entries of which all objects are whole.
fn survivors(file: &[u8], from: usize, to: usize) -> Vec<usize> {
    let all = objects(file);
    let is_whole = |object: &&Object| object.at + object.size <= from || object.at >= to;
    let whole: BTreeSet<usize> = all.iter().filter(is_whole).map(|object| object.at).collect();
    let start = if is_compact(file) { 72 } else { 64 };
    let payload = |object: &Object| &file[object.at + start..object.at + object.size];
    let kernel =
        all.iter().find(|object| object.kind == 1 && payload(object) == b"_TRANSPORT=kernel").expect("the value").at;
    let entries = all.iter().filter(|object| object.kind == 3 && whole.contains(&object.at));
    let all_whole = |entry: &&Object| {
        let items = items(file, entry);
        items.contains(&kernel) && items.iter().all(|item| whole.contains(item))
    };
    entries.filter(all_whole).map(|entry| entry.at).collect()
}

/// Reads a damaged file, and checks that all that is whole was found and nothing that was not told.
fn salvaged(path: &Path, whole: &[u8], damage: [usize; 2]) -> (usize, Salvage) {
    let story = story();
    let (found, salvage) = read(path, Query::of("_TRANSPORT", b"kernel"));
    let expected = survivors(whole, damage[0], damage[1]);
    for at in &expected {
        assert!(found.iter().any(|(known, _)| known == &(*at as u64)), "{at} of {damage:?}: {salvage:?}");
    }
    for (at, found) in &found {
        let is_told = story.iter().any(|told| {
            told.realtime == found.realtime && found.fields.iter().all(|field| told.fields.contains(field))
        });
        assert!(is_told, "at {at}: {found:?} with {damage:?}");
    }
    let all = survivors(whole, whole.len(), whole.len()).len();
    if found.len() < all {
        assert!(salvage.missing() != Some(0), "{} of {all} with {damage:?}: {salvage:?}", found.len());
    }
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "an order");
    (found.len(), salvage)
}

#[test]
fn of_a_file_that_is_cut_off_all_that_is_whole_is_found() {
    let dir = TempDir::new();
    for layout in [COMPACT, REGULAR] {
        let whole = fixture(layout);
        let used = le64(&whole, 136) + 4096;
        for cut in (512..used).step_by(1736) {
            let path = dir.write("cut.journal", &whole[..cut]);
            let (found, salvage) = salvaged(Path::new(&path), &whole, [cut, whole.len()]);
            let says = salvage.to_string();
            assert_eq!(says.contains("cut off at its end"), cut <= le64(&whole, 136), "{cut}: {says}");
            assert!(found > 0 || cut < used * 2 / 3, "{found} at {cut}");
        }
    }
}

#[test]
fn of_a_file_with_a_page_of_zeros_all_that_is_whole_is_found() {
    let dir = TempDir::new();
    for layout in [COMPACT, REGULAR] {
        let whole = fixture(layout);
        let used = le64(&whole, 136);
        for page in (512..used).step_by(512) {
            let end = (page + 4096).min(whole.len());
            let mut damaged = whole.clone();
            damaged[page..end].fill(0);
            let path = dir.write("zeros.journal", &damaged);
            salvaged(Path::new(&path), &whole, [page, end]);
        }
    }
}

/// The kernel writes pages back in any order: an index may be older than what it should have.
#[test]
fn of_a_file_that_was_not_closed_what_its_index_does_not_have_yet_is_found() {
    let dir = TempDir::new();
    for layout in [COMPACT, REGULAR] {
        let mut file = fixture(layout);
        file[16] = 1;
        let path = dir.write("online.journal", &file);
        is_the_story(Path::new(&path), "online");
        // The last places of each list, and how many there are, as they were before.
        let [start, item] = if layout.is_compact { [24, 4] } else { [24, 8] };
        for object in objects(&file).iter().filter(|object| object.kind == 6) {
            let places = (object.size - start) / item;
            let at = object.at + start + places / 2 * item;
            file[at..object.at + object.size].fill(0);
        }
        for object in objects(&file).iter().filter(|object| object.kind == 1) {
            file[object.at + 56..object.at + 64].copy_from_slice(&2_u64.to_le_bytes());
        }
        let path = dir.write("online.journal~", &file);
        let (kernel, salvage) = read(Path::new(&path), Query::kernel());
        assert_eq!(only(kernel), readable(&story(), is_of_kernel), "{salvage:?}");
        assert!(salvage.walked > 0, "{salvage:?}");
    }
}

/// A table of fields that is gone, one value of the field that is, and lists that go round.
#[test]
fn a_damaged_index_is_done_without() {
    let dir = TempDir::new();
    for layout in [COMPACT, REGULAR] {
        let whole = fixture(layout);
        let story = story();
        let fields = le64(&whole, 120);
        let mut files = Vec::new();
        let mut add = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut file = whole.clone();
            change(&mut file);
            files.push(file);
        };
        add(&|file| file[fields..fields + le64(&whole, 128)].fill(0));
        add(&|file| file[120..136].fill(0xff));
        for object in objects(&whole) {
            let (at, own) = (object.at, (object.at as u64).to_le_bytes());
            match object.kind {
                // To itself: the next of its place.
                2 => add(&|file| file[at + 24..at + 32].copy_from_slice(&own)),
                6 => add(&|file| file[at + 16..at + 24].copy_from_slice(&own)),
                _ => {}
            }
        }
        for (number, file) in files.iter().enumerate() {
            let path = dir.write("damaged.journal", file);
            let (kernel, salvage) = read(Path::new(&path), Query::kernel());
            assert_eq!(only(kernel), readable(&story, is_of_kernel), "{number}: {salvage:?}");
        }
    }
}

/// A step of a generator that gives the same numbers everywhere: splitmix64.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((z ^ (z >> 31)) >> 1).expect("63 bits")
}

/// 3,000 files, each damaged in another way: bytes, a cut, a page of zeros or of ones, a part in another's place.
#[test]
fn no_damage_makes_it_panic_or_take_long_or_tell_what_was_not_told() {
    let dir = TempDir::in_memory().unwrap_or_else(TempDir::new);
    let mut state = 20_261_201;
    let (xz, lz4) = (repacked(&fixture(REGULAR), 1).0, repacked(&fixture(REGULAR), 2).0);
    let mut longest = Duration::ZERO;
    let whole = readable(&story(), |_| true);
    let entries: BTreeSet<&Vec<Field>> = whole.iter().map(|told| &told.fields).collect();
    let fields: BTreeSet<&Field> = whole.iter().flat_map(|told| &told.fields).collect();
    for (number, whole) in [fixture(COMPACT), fixture(REGULAR), xz, lz4].iter().enumerate() {
        let used = le64(whole, 136) + 512;
        for turn in 0..750 {
            let mut file = whole.clone();
            for _ in 0..=random(&mut state) % 4 {
                mutate(&mut file, used, &mut state);
            }
            let path = dir.write("mutant.journal", &file);
            let start = Instant::now();
            for query in [Query::kernel(), Query::all()] {
                let Ok(file) = File::open(Path::new(&path)) else {
                    continue;
                };
                let mut reader = file.read(query);
                while let Some(entry) = reader.next() {
                    let is_whole = entry.lost + entry.too_long == 0;
                    let found = told(entry).fields;
                    let is_told = if is_whole {
                        entries.contains(&found)
                    } else {
                        found.iter().all(|field| fields.contains(field))
                    };
                    assert!(is_told, "{found:?} of {number} in turn {turn}");
                }
                assert!(reader.salvage().found <= 400 && !reader.salvage().to_string().is_empty());
            }
            longest = longest.max(start.elapsed());
        }
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

fn mutate(file: &mut Vec<u8>, used: usize, state: &mut u64) {
    let at = 24 + random(state) % (used - 24);
    let room = file.len().saturating_sub(at);
    let mut fill = |length: usize, byte| {
        let end = at + length.min(room);
        if at < end {
            file[at..end].fill(byte);
        }
    };
    match random(state) % 8 {
        0 => fill(1, u8::try_from(random(state) % 256).expect("a byte")),
        1 => fill(8, u8::try_from(random(state) % 256).expect("a byte")),
        2 => fill(4096, 0),
        3 => fill(random(state) % 512, 0xff),
        4 if room > 0 => file[at] ^= 1 << (random(state) % 8),
        5 if at > 300 => file.truncate(at),
        6 if room > 600 => {
            let from = (24 + random(state) % (used - 24)).min(file.len() - 512) & !7;
            file.copy_within(from..from + 512, at & !7);
        }
        // A size, or a place in a list: most of a file is payload.
        _ => {
            let all = if file.len() >= used { objects_of_any(file, used) } else { Vec::new() };
            if let Some(object) = all.get(random(state) % all.len().max(1)) {
                let word = object + 8 * (random(state) % 8);
                if word + 8 <= file.len() {
                    let number = (random(state) % (2 * used)) as u64 & !7;
                    file[word..word + 8].copy_from_slice(&number.to_le_bytes());
                }
            }
        }
    }
}

/// Where objects are, as far as one leads to the next.
fn objects_of_any(file: &[u8], used: usize) -> Vec<usize> {
    let mut all = Vec::new();
    let mut at = 264;
    while at + 16 <= used && file[at] != 0 {
        all.push(at);
        let size = u64::from_le_bytes(file[at + 8..at + 16].try_into().expect("8 bytes"));
        match usize::try_from(size) {
            Ok(size @ 16..) if size < used => at = (at + size).next_multiple_of(8),
            _ => break,
        }
    }
    all
}

// A file that is written to

#[test]
fn of_an_entry_that_is_passed_over_by_its_message_all_can_be_read_later() {
    let dir = TempDir::new();
    for layout in Layout::all() {
        let path = unpacked(&dir, layout);
        let whole = read(&path, Query::of("_TRANSPORT", b"kernel")).0;
        let is_wanted = |told: &Told| told.field("MESSAGE").is_some_and(|text| text.starts_with(b"oom-kill:"));
        let mut reader = open(&path).read(Query::of("_TRANSPORT", b"kernel"));
        let (mut taken, mut passed) = (Vec::new(), Vec::new());
        while let Some(next) = reader.next_or_passed(&mut |message| message.starts_with(b"oom-kill:")) {
            match next {
                Next::Entry(entry) => taken.push(told(entry)),
                Next::Passed { at, length } => passed.push((at, length)),
            }
        }
        // What has no message that could be read is no reason to pass over it.
        assert!(taken.iter().filter(|told| is_wanted(told)).count() > 5 && passed.len() > 20, "{}", layout.name());
        for (at, length) in &passed {
            let entry = told(reader.load(*at).expect("an entry"));
            assert_eq!(entry.field("MESSAGE").map(<[u8]>::len), Some(*length));
            assert!(!is_wanted(&entry));
        }
        assert_eq!(taken.len() + passed.len(), whole.len());
    }
}

#[test]
fn a_live_file_is_followed() {
    let Some(remote) = Remote::find() else {
        return skip("needs systemd-journal-remote: apt-get install systemd-journal-remote");
    };
    let dir = TempDir::new();
    let path = dir.path().join("live.journal");
    let mut writer = remote.command(COMPACT, &path);
    writer.arg("-").stdin(Stdio::piped());
    let mut writer = Process::start(writer);
    let mut input = writer.input.take().expect("a pipe");
    let story = story();
    let mut write = |part: &[Told]| {
        input.write_all(&export(part)).expect("write");
        input.flush().expect("write");
    };
    write(&story[..40]);
    let file = poll("a file", || File::open(&path).ok().filter(|file| file.entries() == 40));
    assert_eq!(file.state(), State::Online);
    let mut reader = file.read(Query::kernel()).following();
    let mut absent = open(&path).read(Query::of("_PID", b"31337")).following();
    assert_eq!(only(rest(&mut reader)), readable(&story[..40], is_of_kernel));
    assert!(reader.next().is_none() && absent.next().is_none());
    let late = Told {
        fields: vec![("MESSAGE".into(), b"new".into()), ("_PID".into(), b"31337".into())],
        ..story[149].clone()
    };
    let late = Told { fields: [late.fields, vec![("_BOOT_ID".into(), BOOTS[1].into())]].concat(), ..late };
    for part in [40..41, 41..90, 90..150] {
        write(&story[part.clone()]);
        if part.end == 150 {
            write(std::slice::from_ref(&late));
        }
        let expected = readable(&story[part.clone()], is_of_kernel);
        let mut found = Vec::new();
        poll("new entries", || {
            assert_eq!(reader.refresh().expect("a file"), Now::Written);
            found.extend(only(rest(&mut reader)));
            (reader.file().entries() >= part.end as u64 && found.len() >= expected.len()).then_some(())
        });
        assert_eq!(found, expected, "{part:?}");
    }
    poll("the first of a value", || {
        absent.refresh().expect("a file");
        (only(rest(&mut absent)) == readable(std::slice::from_ref(&late), |_| true)).then_some(())
    });
    assert!(reader.salvage().first.is_none(), "{:?}", reader.salvage());
    drop(input);
    assert!(writer.wait().success());
    assert!(matches!(reader.refresh(), Ok(Now::Closed | Now::Archived)));
    assert!(reader.next().is_none());
}

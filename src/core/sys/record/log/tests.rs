//! What a record holds when it is full, and at whatever store its writer is killed.

extern crate std;

use std::cell::Cell;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use super::super::read::{Found, read};
use super::*;

std::thread_local! {
    /// After so many stores memdoor is killed: the last of them is done in half.
    static FUSE: Cell<usize> = const { Cell::new(usize::MAX) };
}

pub(super) fn reached(from: usize, to: usize) -> usize {
    FUSE.set(FUSE.get().saturating_sub(1));
    match FUSE.get() {
        0 => from,
        1 => from + (to - from) / 2,
        _ => to,
    }
}

/// Does it with a fuse, and says whether it came to its end.
fn with_fuse(fuse: usize, mut run: impl FnMut()) -> bool {
    FUSE.set(fuse);
    run();
    FUSE.replace(usize::MAX) > 1
}

const FORMS: [Form; 2] = [Form::Text, Form::Json];

fn memory(size: usize) -> Vec<u8> {
    vec![b'\n'; size]
}

/// An entry of three sections.
fn entry(log: &mut Log<'_>, kind: Kind, name: &str, size: usize) {
    log.begin(kind);
    for section in ["one", "two", "three"] {
        log.append(format!("{name} {section}\n").as_bytes());
        log.append(format!("{}\n", "x".repeat(size / 3)).as_bytes());
        log.commit();
    }
    log.seal();
}

/// Kinds and first words; an open one has a `+`.
fn found(bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut copy = bytes.to_vec();
    let rest = read(&mut copy, &mut |found| {
        let (frame, body, mark) = match found {
            Found::Entry(frame, body) => (frame, body, ""),
            Found::Open(frame, body) => (frame, body, "+"),
            Found::Misnumbered(frame, _) => panic!("{} is out of its order", frame.number),
            Found::Lost(count) | Found::Behind(count) => panic!("{count} bytes are lost"),
        };
        let text = core::str::from_utf8(body).expect("UTF-8");
        assert!(text.ends_with('\n'), "{text:?}");
        let kind = core::str::from_utf8(frame.kind.name()).expect("ASCII");
        let name = text.split(' ').next().unwrap_or_default();
        names.push(format!("{kind}:{name}{mark}"));
        // All sections are whole: a name and its line of x.
        let lines: Vec<&str> = text.lines().collect();
        if frame.kind != Kind::Short {
            for section in lines.chunks(2) {
                assert!(section[0].starts_with(name), "{section:?}");
                assert!(section[1].bytes().all(|byte| byte == b'x'), "{section:?}");
            }
            let is_cut = text.starts_with("first one\nxxx\n");
            assert!(lines.len() == 6 || mark == "+" || is_cut, "{lines:?}");
        }
    });
    assert!(rest.is_some_and(|rest| rest.is_empty()));
    names
}

#[test]
fn what_is_written_is_found_in_order() {
    for form in FORMS {
        let mut bytes = memory(MIN);
        let mut log = Log::new(&mut bytes, form);
        entry(&mut log, Kind::Start, "head", 30);
        entry(&mut log, Kind::Below, "a", 30);
        entry(&mut log, Kind::Above, "b", 3000);
        assert!(log.last().starts_with(b"b one\n"));
        log.begin(Kind::Ended);
        log.seal();
        entry(&mut log, Kind::Ended, "end", 30);
        let end = log.length();
        let expected = ["start:head", "below:a", "above:b", "ended:end"];
        assert_eq!(found(&bytes), expected);
        assert_eq!(found(&bytes[..end]), expected);
        assert!(bytes[end..].iter().all(|byte| *byte == b'\n'));
    }
}

#[test]
fn the_first_crossing_the_last_snapshot_and_the_end_outlive_a_full_record() {
    for form in FORMS {
        let mut bytes = memory(MIN);
        let mut log = Log::new(&mut bytes, form);
        entry(&mut log, Kind::Start, "head", 300);
        for round in 0..40 {
            entry(&mut log, Kind::Below, &format!("w{round}"), 300);
        }
        entry(&mut log, Kind::Asked, "asked", 3000);
        for round in 0..20 {
            entry(&mut log, Kind::Above, &format!("s{round}"), 3000);
            entry(&mut log, Kind::Below, &format!("b{round}"), 300);
            log.prepare();
        }
        entry(&mut log, Kind::Ended, "end", 2000);
        let found = found(&bytes);
        assert_eq!(found[0], "start:head");
        assert!(found.contains(&"above:s0".to_string()), "{found:?}");
        assert!(found.contains(&"above:s19".to_string()), "{found:?}");
        assert_eq!(found.last().map(String::as_str), Some("ended:end"));
        assert!(!found.contains(&"asked:asked".to_string()), "{found:?}");
        assert!(!found.iter().any(|name| name.contains(":w")), "{found:?}");
    }
}

#[test]
fn reports_below_go_before_any_snapshot() {
    let mut bytes = memory(2 * MIN);
    let mut log = Log::new(&mut bytes, Form::Text);
    for round in 0..6 {
        entry(&mut log, Kind::Above, &format!("s{round}"), 3000);
    }
    for round in 0..200 {
        entry(&mut log, Kind::Below, &format!("b{round}"), 300);
    }
    let found = found(&bytes);
    for round in 0..6 {
        assert!(found.contains(&format!("above:s{round}")), "{found:?}");
    }
    assert_eq!(found.last().map(String::as_str), Some("below:b199"));
}

#[test]
fn a_report_that_does_not_fit_is_cut_at_a_line_and_costs_no_other() {
    let mut bytes = memory(MIN);
    let mut log = Log::new(&mut bytes, Form::Text);
    entry(&mut log, Kind::Above, "first", 3000);
    entry(&mut log, Kind::Above, "last", 3000);
    entry(&mut log, Kind::Above, "huge", 9 * MIN);
    entry(&mut log, Kind::Ended, "end", 1500);
    let expected = ["above:first", "above:last", "short:huge", "ended:end"];
    assert_eq!(found(&bytes), expected);
    let mut bytes = memory(MIN);
    let mut log = Log::new(&mut bytes, Form::Text);
    log.begin(Kind::Above);
    log.append(b"first one\nxxx\n");
    log.append(&[b'x'; 2 * MIN]);
    log.seal();
    for round in 0..50 {
        entry(&mut log, Kind::Below, &format!("b{round}"), 300);
    }
    assert_eq!(found(&bytes)[0], "short:first");
}

/// The body of the entry of this number.
fn body(bytes: &[u8], number: usize) -> String {
    let mut text = String::new();
    let _ = read(&mut bytes.to_vec(), &mut |found| match found {
        Found::Entry(frame, body) if frame.number == number => text = String::from_utf8_lossy(body).into_owned(),
        _ => {}
    });
    text
}

#[test]
fn what_is_cut_says_so_at_its_end_and_the_record_knows_what_it_lacks() {
    for form in FORMS {
        let mut bytes = memory(2 * MIN);
        let mut log = Log::new(&mut bytes, form);
        entry(&mut log, Kind::Start, "head", 300);
        assert_eq!(log.lack(), None);
        // Neither the first, which is too long, nor the last goes, and the death and the end have their room.
        entry(&mut log, Kind::Above, "first", 5 * MIN);
        for round in 0..9 {
            entry(&mut log, Kind::Above, &format!("s{round}"), 3 * MIN);
            entry(&mut log, Kind::Below, &format!("b{round}"), 300);
            log.prepare();
        }
        entry(&mut log, Kind::Death, "death", 3 * MIN);
        entry(&mut log, Kind::Ended, "end", 2000);
        let lack = log.lack().expect("a lack");
        let found = found(&bytes);
        let expected = ["start:head", "short:first", "short:death", "ended:end"];
        assert_eq!(found, expected);
        assert_eq!(lack.entries, 2);
        assert!(lack.needed > 4 * 5 * MIN, "{lack:?}");
        for number in [1, 20] {
            assert!(body(&bytes, number).as_bytes().ends_with(form.cut()), "{number}");
        }
    }
}

#[test]
fn the_last_snapshot_has_some_room_beside_a_first_that_does_not_fit_and_the_least_size_has_a_whole_first() {
    for form in FORMS {
        for snapshot in [3000, 20_000, 300_000] {
            let least = least_for(form, 400, snapshot + 100);
            let mut bytes = memory(least);
            let mut log = Log::new(&mut bytes, form);
            entry(&mut log, Kind::Start, "head", 300);
            entry(&mut log, Kind::Above, "first", snapshot);
            entry(&mut log, Kind::Above, "last", snapshot);
            entry(&mut log, Kind::Ended, "end", 2000);
            let names = found(&bytes);
            assert_eq!(names[..2], ["start:head", "above:first"], "{snapshot}");
            assert!(["above:last", "short:last"].contains(&&*names[2]), "{names:?}");
            assert_eq!(names[3], "ended:end");
            // With the size that is needed, nothing is missing.
            let mut bytes = memory(room_for(snapshot + 100));
            let mut log = Log::new(&mut bytes, form);
            entry(&mut log, Kind::Start, "head", 300);
            for round in 0..9 {
                entry(&mut log, Kind::Above, &format!("s{round}"), snapshot);
            }
            assert_eq!(log.lack(), None);
        }
        let mut bytes = memory(MIN);
        let mut log = Log::new(&mut bytes, form);
        entry(&mut log, Kind::Above, "first", 9 * MIN);
        entry(&mut log, Kind::Above, "last", 9 * MIN);
        assert_eq!(found(&bytes), ["short:first", "short:last"]);
    }
}

/// What both runs below write: enough to fill the record several times.
fn story(log: &mut Log<'_>) {
    entry(log, Kind::Start, "head", 300);
    for round in 0..6 {
        entry(log, Kind::Below, &format!("w{round}"), 600);
    }
    for round in 0..7 {
        entry(log, Kind::Above, &format!("s{round}"), 2400);
        entry(log, Kind::Below, &format!("b{round}"), 300);
    }
    entry(log, Kind::Ended, "end", 300);
}

#[test]
fn killed_in_the_middle_of_whatever_store_it_keeps_what_counted() {
    for form in FORMS {
        let mut last = 0;
        for fuse in 3.. {
            let mut bytes = memory(MIN);
            let mut log = Log::new(&mut bytes, form);
            let is_over = with_fuse(fuse, || story(&mut log));
            let found = found(&bytes);
            let snapshots: Vec<usize> =
                found.iter().filter_map(|name| name.strip_prefix("above:s")?.parse().ok()).collect();
            if let Some(newest) = snapshots.last() {
                assert_eq!(snapshots[0], 0, "{fuse}: the first crossing: {found:?}");
                assert!(*newest >= last, "{fuse}: s{last} was there: {found:?}");
                last = *newest;
            }
            assert!(last == 0 || !snapshots.is_empty(), "{fuse}: {found:?}");
            if is_over {
                assert_eq!(found.last().map(String::as_str), Some("ended:end"));
                break;
            }
        }
        assert_eq!(last, 6);
    }
}

/// A disk has some of the pages as they were earlier: what is found is whole, or not there.
#[test]
fn with_any_page_of_an_earlier_time_no_entry_is_a_mixture() {
    const PAGE: usize = 4096;
    for form in FORMS {
        let mut early = memory(MIN);
        let mut log = Log::new(&mut early, form);
        assert!(!with_fuse(150, || story(&mut log)));
        let mut late = memory(MIN);
        story(&mut Log::new(&mut late, form));
        for pages in 0_u32..1 << (MIN / PAGE) {
            let mut mixed = late.clone();
            for page in (0..MIN / PAGE).filter(|page| pages >> page & 1 == 1) {
                mixed[page * PAGE..][..PAGE].copy_from_slice(&early[page * PAGE..][..PAGE]);
            }
            let done = read(&mut mixed, &mut |found| {
                if let Found::Entry(frame, body) = found {
                    assert_eq!(check(body), frame.check);
                }
            });
            assert!(done.is_some(), "{pages:b}");
        }
    }
}

#[test]
fn what_is_recovered_can_be_recovered_again() {
    for form in FORMS {
        let mut bytes = memory(MIN);
        let mut log = Log::new(&mut bytes, form);
        assert!(!with_fuse(40, || story(&mut log)));
        let mut clean = form.magic().to_vec();
        let mut copy = bytes.clone();
        let done = read(&mut copy, &mut |found| {
            clean.extend_from_slice(found.line(form).as_bytes());
            if let Found::Entry(_, body) | Found::Open(_, body) = found {
                clean.extend_from_slice(body);
            }
        });
        assert!(done.is_some());
        let plain = |bytes: &[u8]| -> Vec<String> {
            let names = found(bytes);
            names.iter().map(|name| name.replace('+', "")).collect()
        };
        assert_eq!(plain(&clean), plain(&bytes));
    }
}

#[test]
fn behind_the_end_of_a_record_the_next_one_begins_and_all_else_is_counted() {
    let record = |form: Form, name: &str| {
        let mut bytes = memory(MIN);
        let mut log = Log::new(&mut bytes, form);
        entry(&mut log, Kind::Start, name, 30);
        entry(&mut log, Kind::Ended, name, 30);
        let end = log.length();
        bytes.truncate(end);
        bytes
    };
    let (first, second) = (record(Form::Text, "a"), record(Form::Json, "b"));
    let mut open = memory(MIN);
    entry(&mut Log::new(&mut open, Form::Text), Kind::Start, "c", 30);
    let garbage = b"Entry: no\nxyz\n";
    for (parts, expected) in [
        (&[&first[..], &second][..], &["a", "a", "b", "b"][..]),
        (&[&first, &first], &["a", "a", "a", "a"]),
        (&[&open, &second], &["c", "b", "b"]),
        (&[&first, b"\n\0\n", &second], &["a", "a", "b", "b"]),
        (&[&first, garbage, &second], &["a", "a", "+12", "b", "b"]),
        (&[&first, garbage], &["a", "a", "+12"]),
        // Whole entries are none of a record that has ended.
        (&[&first, &first[Form::Text.start()..]], &["a", "a", "+"]),
        (&[&first, b"\n\n\0"], &["a", "a"]),
    ] {
        let mut bytes = parts.concat();
        let mut names = Vec::new();
        let mut rest = &mut bytes[..];
        while Form::of(rest).is_some() {
            rest = read(rest, &mut |found| {
                names.push(match found {
                    Found::Entry(_, body) | Found::Open(_, body) => {
                        String::from_utf8_lossy(body).split(' ').next().unwrap_or_default().into()
                    }
                    Found::Misnumbered(frame, _) => panic!("{} is out of its order", frame.number),
                    Found::Lost(count) => panic!("{count} bytes are lost"),
                    Found::Behind(count) => format!("+{count}"),
                });
            })
            .expect("a record");
        }
        assert!(rest.is_empty());
        let is_same = names.len() == expected.len()
            && names
                .iter()
                .zip(expected)
                .all(|(name, expected)| name == expected || *expected == "+" && name.starts_with('+'));
        assert!(is_same, "{names:?} {expected:?}");
    }
}

//! OOM events of whole logs: as they are, cut at every line, with each line lost, and two at once line by line.

use std::fs;
use std::path::Path;

use memdoor::oomlog::assemble::Assembler;
use memdoor::oomlog::event::{Constraint, Event, Missing, Outcome, Row};
use memdoor::oomlog::prefix::record;
use memdoor::parse::oom_report::{self, Line};

/// A log, its lines, the events that it has when nothing is wrong, and all rows of each.
struct Log {
    name: String,
    lines: Vec<Vec<u8>>,
    events: Vec<Event>,
    rows: Vec<Vec<(u64, Vec<u8>, u64)>>,
}

fn events<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Vec<Event> {
    let mut assembler = Assembler::new();
    let mut found = Vec::new();
    for (position, line) in (1..).zip(lines) {
        assembler.push(&record(line), position, &mut |event| found.push(event));
    }
    assembler.finish(&mut |event| found.push(event));
    found
}

fn slices(lines: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    lines.iter().map(Vec::as_slice)
}

/// The rows of an event that is alone among its lines.
fn rows_of(lines: &[Vec<u8>], event: &Event) -> Vec<(u64, Vec<u8>, u64)> {
    let mut columns = None;
    let mut rows = Vec::new();
    for number in event.lines.first..=event.lines.last {
        let line = &lines[usize::try_from(number).expect("small") - 1];
        match oom_report::line(record(line).text) {
            Line::Columns(found) => columns = Some(found),
            Line::Row(row) => {
                let task = row.by(&columns.expect("a header")).expect("a whole row");
                rows.push((task.pid, task.comm.to_vec(), task.rss.expect("rss")));
            }
            _ => {}
        }
    }
    rows
}

fn log(name: &str) -> Log {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dmesg").join(name);
    let text = fs::read(path).expect("a fixture");
    let lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let events = events(slices(&lines));
    let rows = events.iter().map(|event| rows_of(&lines, event)).collect();
    Log { name: name.to_owned(), lines, events, rows }
}

fn logs() -> Vec<Log> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dmesg");
    let mut names: Vec<String> = fs::read_dir(dir)
        .expect("fixtures")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| name.ends_with(".log"))
        .collect();
    names.sort();
    names.iter().map(|name| log(name)).collect()
}

fn who(event: &Event) -> Option<(u64, Vec<u8>)> {
    let task = &event.victim.as_ref()?.task;
    Some((task.pid, task.comm.clone().unwrap_or_default()))
}

/// An event in few words, for a test that fails.
fn brief(event: &Event) -> String {
    let name = |text: &Option<Vec<u8>>| String::from_utf8_lossy(text.as_deref().unwrap_or(b"-")).into_owned();
    let top: Vec<u64> = event.table.top.iter().map(|row| row.pid).collect();
    let victim = event.victim.as_ref().map(|victim| victim.task.pid);
    let (first, last) = (event.lines.first, event.lines.last);
    format!(
        "\n  {first}-{last} by {} killed {victim:?} top {top:?} {:?} {:?}",
        name(&event.trigger.comm),
        event.outcome,
        event.missing
    )
}

/// Every victim is one that the logs have, and every row is of that victim's report.
fn check(logs: &[&Log], found: &[Event], what: &str) {
    for event in found {
        let of_event = |row: &Row, rows: &[(u64, Vec<u8>, u64)]| {
            rows.iter().any(|(pid, comm, rss)| *pid == row.pid && *comm == row.comm && *rss == row.rss)
        };
        let reports: Vec<_> = logs.iter().flat_map(|log| log.events.iter().zip(&log.rows)).collect();
        let mut fitting = reports.iter().filter(|(report, _)| {
            let is_member = |pid| report.group.iter().any(|task| task.pid == pid);
            match who(event) {
                None => true,
                Some((pid, comm)) => who(report) == Some((pid, comm)) || is_member(pid),
            }
        });
        let is_one = fitting.any(|(_, rows)| event.table.top.iter().all(|row| of_event(row, rows)));
        assert!(is_one, "{what}: {}", brief(event));
    }
}

#[test]
fn every_fixture_has_its_events() {
    for (name, expected) in [
        ("5.10-boot-without-event.log", &[][..]),
        ("5.10-none-comm-with-parenthesis.log", &[(122, "stress-ng-vm", 13), (134, "a b) (c:", 13)]),
        ("6.12-mempolicy-two-nodes.log", &[(222, "mpol_hog", 11)]),
        ("5.10-memcg-oom-group.log", &[(154, "leader", 4)]),
        ("6.18-memcg-40-ms-apart.log", &[(27474, "node", 3), (27473, "manager", 2)]),
    ] {
        let log = log(name);
        let found: Vec<_> = log
            .events
            .iter()
            .map(|event| {
                let (pid, comm) = who(event).expect("a victim");
                (pid, String::from_utf8(comm).expect("UTF-8"), event.table.rows)
            })
            .collect();
        let expected: Vec<_> = expected.iter().map(|(pid, comm, rows)| (*pid, (*comm).to_owned(), *rows)).collect();
        assert_eq!(found, expected, "{name}");
        assert!(log.events.iter().all(Event::is_complete), "{name}");
    }
}

#[test]
fn a_group_is_one_event_and_its_first_victim_is_no_member() {
    let log = log("5.10-memcg-oom-group.log");
    let members: Vec<u64> = log.events[0].group.iter().map(|task| task.pid).collect();
    assert_eq!(members, [151, 152, 153]);
    assert_eq!(log.events[0].constraint, Constraint::Memcg);
}

#[test]
fn a_panic_is_an_event_without_a_victim() {
    let log = log("7.2-none-panic-console.log");
    assert_eq!(log.events.len(), 1);
    assert_eq!(log.events[0].outcome, Outcome::Panic);
    assert_eq!(log.events[0].victim, None);
    assert_eq!(log.events[0].table.rows, 11);
}

#[test]
fn a_log_may_begin_and_end_anywhere() {
    for log in logs() {
        for at in 0..=log.lines.len() {
            let (head, tail) = log.lines.split_at(at);
            check(&[&log], &events(slices(head)), &format!("{} to {at}", log.name));
            let found = events(slices(tail));
            check(&[&log], &found, &format!("{} from {at}", log.name));
            let ends = |event: &&Event| event.lines.end.is_some_and(|end| end > at as u64);
            let is_end = |event: &&Event| event.outcome != Outcome::Unknown;
            assert!(
                found.iter().filter(is_end).count() >= log.events.iter().filter(ends).count(),
                "{} from {at}",
                log.name
            );
        }
    }
}

#[test]
fn any_line_may_be_lost() {
    for log in logs() {
        for lost in 0..log.lines.len() {
            let rest = slices(&log.lines).enumerate().filter(|(at, _)| *at != lost);
            let found = events(rest.map(|(_, line)| line));
            let what = format!("{} without {}", log.name, lost + 1);
            check(&[&log], &found, &what);
            let is_group = log.lines[lost].windows(9).any(|words| words == b"oom.group");
            assert!(found.len() == log.events.len() || is_group, "{what}: {found:#?}");
        }
    }
}

#[test]
fn two_logs_line_by_line_do_not_mix() {
    let logs = logs();
    for (at, a) in logs.iter().enumerate() {
        for b in &logs[at + 1..] {
            let mut mixed = Vec::new();
            for line in 0..a.lines.len().max(b.lines.len()) {
                mixed.extend(a.lines.get(line).map(Vec::as_slice));
                mixed.extend(b.lines.get(line).map(Vec::as_slice));
            }
            let found = events(mixed.iter().copied());
            let what = format!("{} and {}", a.name, b.name);
            check(&[a, b], &found, &what);
            let mut expected: Vec<_> = a.events.iter().chain(&b.events).filter_map(who).collect();
            let mut killed: Vec<_> = found.iter().filter_map(who).collect();
            expected.sort();
            killed.sort();
            assert_eq!(killed, expected, "{what}: {}", found.iter().map(brief).collect::<String>());
        }
    }
}

#[test]
fn a_kill_line_alone_is_an_event_and_says_what_is_missing() {
    let found = events([
        &b"[    1.000000] Out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:3 pgtables:48kB oom_score_adj:0"[..],
        b"[    1.100000] Out of memory: Killed process 8 (y) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:3 pgtables:48kB oom_score_adj:0",
    ].into_iter());
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].missing, [Missing::Header, Missing::Memory, Missing::Table]);
    assert_eq!(found[1].constraint, Constraint::Unknown);
}

#[test]
fn what_userspace_says_is_no_event() {
    let found = events([
        &b"Nov 21 10:03:52 host kubelet[12]: Memory cgroup out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB"[..],
        b"Nov 21 10:03:52 host app[1]: x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    ].into_iter());
    assert!(found.is_empty(), "{found:#?}");
}

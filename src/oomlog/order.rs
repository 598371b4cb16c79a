//! Logs whose newest line is the first: `journalctl -r`, `tac`, exports of log stores. They are read from their end.
//!
//! What tells is the order of a report's own lines, whatever their times say (syslog's whole seconds are the same for all of them); and, as in
//! any log, times that go back.

use super::assemble::place;
use super::form::Forms;
use super::prefix;
use super::record::Origin;
use super::scan::Part;
use super::start;
use crate::parse::oom_report;

/// How much of a log tells.
pub const LOOKED_AT: usize = 128 << 10;

/// The largest log that is turned round, as all of it must be in memory for that.
pub const MOST: usize = 64 << 20;

/// Steps back in a report that no mixture of reports has without as many steps on.
const BACK: usize = 4;

/// Whether the newest line is the first in a log that begins with this text.
#[must_use]
pub fn is_reversed(text: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    if !has(b"oom") && !has(b"ut of memory") {
        return false;
    }
    let (mut back, mut on, mut last) = (0, 0, None);
    let mut forms = Forms::new();
    let mut take = |record: super::record::Record<'_>, _| {
        if record.origin == Origin::Other {
            return Part::Other;
        }
        let Some(step) = place(&oom_report::line(record.text)) else {
            return Part::Other;
        };
        match last {
            Some(before) if step < before => back += 1,
            Some(before) if step > before => on += 1,
            _ => {}
        }
        last = Some(step);
        Part::Other
    };
    for line in text.split(|byte| *byte == b'\n') {
        forms.line(line, 0, &mut take);
    }
    forms.end(&mut take);
    if back + on < BACK {
        return back >= 2 && on == 0 || start::is_backwards(text) && on <= back;
    }
    back > 2 * on
}

/// Whether each line of a log that begins with this text is one by itself: an object that takes several lines, or an entry of the journal's
/// export form, has its own lines in their order.
#[must_use]
pub fn are_lines(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').take(100);
    lines.all(|line| {
        let is_field = line.starts_with(b"__") || line.starts_with(b"    _") || line.starts_with(b"MESSAGE=");
        let is_part = matches!(line.trim_ascii(), b"{" | b"}" | b"[" | b"]") || line.starts_with(b"\t\"");
        !is_field && !is_part
    })
}

/// The log with its last line first. Lines without a prefix that stand behind the one that they belong to stay there.
#[must_use]
pub fn turned(text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let is_below = |line: &[u8]| {
        line.first().is_none_or(|byte| matches!(byte, b' ' | b'\t')) && {
            let record = prefix::record(line);
            record.origin == Origin::Unknown && record.when.wall.is_none() && record.when.boot_us.is_none()
        }
    };
    // `tac` turns those lines round, too, and journalctl does not.
    let head = lines.iter().position(|line| memchr::memmem::find(line, b"active_anon:").is_some() && !is_below(line));
    let is_in_order = head.is_some_and(|at| lines.get(at + 1).is_some_and(|line| is_below(line)));
    let mut turned = Vec::with_capacity(text.len() + 1);
    let mut end = lines.len();
    while end > 0 {
        let mut start = end - 1;
        while is_in_order && start > 0 && is_below(lines[start]) {
            start -= 1;
        }
        for line in &lines[start..end] {
            turned.extend_from_slice(line);
            turned.push(b'\n');
        }
        end = start;
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: [&str; 5] = [
        "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "Mem-Info:",
        "Tasks state (memory values in pages):",
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=x,pid=7,uid=0",
        "Out of memory: Killed process 7 (x) total-vm:4kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0",
    ];

    fn log(lines: &[&str]) -> String {
        lines.iter().map(|line| format!("Feb  3 04:05:06 web1 kernel: {line}\n")).collect()
    }

    #[test]
    fn a_report_whose_lines_go_back_is_one_of_a_log_that_was_turned_round() {
        let forward = log(&REPORT);
        let mut lines = REPORT;
        lines.reverse();
        let backward = log(&lines);
        assert!(is_reversed(backward.as_bytes()) && is_reversed(backward.repeat(3).as_bytes()));
        assert!(!is_reversed(forward.as_bytes()) && !is_reversed(forward.repeat(9).as_bytes()));
        assert_eq!(turned(backward.as_bytes()), forward.as_bytes());
        // Kills alone, and two reports that are mixed.
        let kills = log(&[REPORT[4]; 9]);
        assert!(!is_reversed(kills.as_bytes()));
        let mixed: Vec<&str> = REPORT.iter().flat_map(|line| [*line, *line]).collect();
        assert!(!is_reversed(log(&mixed).as_bytes()));
        let grep = log(&[REPORT[0], REPORT[4], REPORT[0], REPORT[4]]);
        assert!(!is_reversed(grep.as_bytes()));
    }

    #[test]
    fn what_stands_below_a_line_stays_there_where_only_records_were_turned_round() {
        let text =
            "[    2.000000] b\n[    1.000000] active_anon:1\n                active_file:2\n                free:3\n";
        let expected =
            "[    1.000000] active_anon:1\n                active_file:2\n                free:3\n[    2.000000] b\n";
        assert_eq!(turned(text.as_bytes()), expected.as_bytes());
        let tac =
            "[    2.000000] b\n                free:3\n                active_file:2\n[    1.000000] active_anon:1\n";
        assert_eq!(turned(tac.as_bytes()), expected.as_bytes());
    }
}

//! Where the OOM killer's own words begin in a line that has something before them: whatever a transport puts there, and in whatever form.

use super::kill::{self, Killed, Selected, Summary};
use super::scan::{find, leading};
use super::{Line, header};

/// What stands right before the verb of a kill line, and its colon.
const MESSAGES: [&[u8]; 7] = [
    b"Memory cgroup out of memory",
    b"Memory cgroup out of memory (oom_kill_allocating_task)",
    b"Out of memory",
    b"Out of Memory",
    b"Out of memory (oom_kill_allocating_task)",
    b"No available memory in cpuset",
    b"No available memory (MPOL_BIND)",
];

/// The start of the words by which the kernel says what it did, where all that it says is there: nobody's prefix has them.
#[must_use]
pub fn anchor(text: &[u8]) -> Option<usize> {
    of_kill(text)
        .or_else(|| {
            let at = find(text, b"oom-kill:constraint=")?;
            matches!(kill::summary(&text[at..]), Some(Summary { pid: Some(_), .. })).then_some(at)
        })
        .or_else(|| {
            let at = find(text, b"oom_reaper: reaped process ")?;
            kill::reaped(&text[at..]).map(|_| at)
        })
        .or_else(|| find(text, b"Out of memory and no killable processes"))
        .or_else(|| {
            let at = find(text, b"Kernel panic - not syncing: ")?;
            // `---[ end Kernel panic ... ]---` says it again.
            let is_end = text[..at].ends_with(b"[ end ");
            kill::panic(&text[at..]).filter(|_| !is_end).map(|_| at)
        })
        .or_else(|| {
            let at = find(text, b"Tasks in /")?;
            kill::group(&text[at..]).map(|_| at)
        })
        .or_else(|| of_report(text))
}

/// The lines of a report that nobody else prints and that name what follows: where its header was cut off, they tell the prefix.
fn of_report(text: &[u8]) -> Option<usize> {
    const STARTS: [&[u8]; 6] = [
        b"Task in /",
        b"memory: usage ",
        b"Memory cgroup stats for ",
        b"Tasks state (memory",
        b"[ pid ]",
        b"[  pid  ]",
    ];
    STARTS.into_iter().find_map(|start| {
        let at = find(text, start)?;
        let is_whole = match super::line(&text[at..]) {
            Line::Whose(_) | Line::Stats(_) | Line::Title => true,
            Line::Usage(usage) => usage.usage.is_some() && usage.limit.is_some(),
            Line::Columns(columns) => columns.are_certain(),
            _ => false,
        };
        is_whole.then_some(at)
    })
}

/// `MSG: Killed process N (x)` or `MSG: Kill process N (x) score S`, or the first without what it says.
fn of_kill(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = find(&text[from..], b"ill").map(|at| from + at) {
        from = at + 1;
        let verb = at.checked_sub(1)?;
        let words = &text[verb + 1..];
        let is_verb = words.starts_with(b"illed process ") || words.starts_with(b"ill process ");
        if !is_verb || !matches!(text[verb], b'K' | b'k') {
            continue;
        }
        let message = text[..verb].strip_suffix(b": ").unwrap_or_default();
        let longest = MESSAGES.iter().filter(|words| message.ends_with(words)).map(|words| words.len()).max();
        let start = longest.map_or(verb, |length| message.len() - length);
        let here = &text[start..];
        let is_kill = match kill::killed(here) {
            Some(Killed { comm: Some(_), total_vm, .. }) => longest.is_some() || total_vm.is_some(),
            _ => matches!(kill::selected(here), Some(Selected { comm: Some(_), .. })),
        };
        if is_kill {
            return Some(start);
        }
    }
    None
}

/// Whether what stands before those words names a program and its pid: `app[123]: `. It quotes the kernel.
#[must_use]
pub fn names_a_program(prefix: &[u8]) -> bool {
    let Some(name) = prefix.trim_ascii_end().strip_suffix(b"]:") else {
        return false;
    };
    let Some(open) = name.iter().rposition(|byte| *byte == b'[') else {
        return false;
    };
    let is_name = name[..open].last().is_some_and(|byte| !byte.is_ascii_whitespace() && *byte != b':');
    is_name && matches!(leading(&name[open + 1..]), Some((_, b"")))
}

/// Whether a line is the start of a kill line, cut before its verb ends: `Memory cgroup out of memory: Kil`. Without a colon the words of a
/// machine that is out of memory are anybody's.
fn is_start_of_kill(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    MESSAGES.into_iter().filter_map(|message| Some((message, text.strip_prefix(message)?))).any(|(message, rest)| {
        let is_certain = !rest.is_empty() || message.starts_with(MESSAGES[0]);
        is_certain && b": Killed process ".starts_with(rest)
    })
}

/// Whether a line that is none of those that are understood has words of them all the same: it is a part of a report.
#[must_use]
pub fn has_words(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 11] = [
        b"OOM killed process ",
        b") total-vm:",
        b"oom-kill:constraint",
        b"oom_reaper: reaped process",
        b"oom_reaper: unable to reap",
        b"emory and no killable processes",
        b"emory: Killed process",
        b"emory: Kill process",
        b"Tasks state (memory values",
        b"total_vm      rss",
        b"are going to be killed due to memory.oom.group",
    ];
    let has_number = |words: &[u8]| {
        let behind = |at: usize| text.get(at + words.len()).is_some_and(u8::is_ascii_digit);
        find(text, words).is_some_and(behind)
    };
    is_start_of_kill(text)
        || has_number(b"Killed process ")
        || find(text, b" invoked oom-killer").is_some_and(|at| header::header(&text[at.saturating_sub(1)..]).is_some())
        || WORDS.iter().any(|words| find(text, words).is_some())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn the_words_of_a_deed_are_found_whatever_stands_before_them() {
        for words in [
            "Out of memory: Killed process 7 (x) total-vm:4kB, anon-rss:4kB",
            "Memory cgroup out of memory: Killed process 7 (a: b) total-vm:4kB, anon-rss:4kB",
            "Killed process 7 (x) total-vm:4kB, anon-rss:4kB",
            "Out of memory: Kill process 7 (x) score 9 or sacrifice child",
            "Out of memory (oom_kill_allocating_task): Killed process 7 (x) total-vm:4kB",
            "Out of Memory: Killed process 933 (x).",
            "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/,task=x,pid=7,uid=0",
            "oom_reaper: reaped process 7 (x), now anon-rss:0kB",
            "Out of memory and no killable processes...",
            "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled",
        ] {
            for prefix in
                ["", "03.02.2026 04:05:06 web1 kernel: ", "[21:03] bob: ", "9m  Warning  OOMKilling  node/x  ", "x"]
            {
                let line = std::format!("{prefix}{words}");
                assert_eq!(anchor(line.as_bytes()), Some(prefix.len()), "{line}");
            }
        }
        for text in [
            "",
            "ill",
            "the skill process 7 (x)",
            "Killed process 7 yesterday",
            "Kill process 7 (x) sharing same memory",
        ] {
            assert_eq!(anchor(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_program_with_its_pid_is_one_and_a_time_in_brackets_is_none() {
        for prefix in ["app[12]: ", "03.02.2026 web1 app[1]:"] {
            assert!(names_a_program(prefix.as_bytes()), "{prefix}");
        }
        for prefix in ["", "kernel: ", "[2026-02-03T04:05:06.1Z]: ", "err: [12]: ", "[0: java: 12] ", "app[x]: "] {
            assert!(!names_a_program(prefix.as_bytes()), "{prefix}");
        }
    }

    #[test]
    fn what_other_lines_of_the_kernel_have_are_no_words_of_a_report() {
        for text in [
            "oom_kill_process+0x57/0x1dc",
            "Kill process 7 (x) sharing same memory",
            "The OOM killer is enabled",
            "Out of memory",
            "Out of memory: Kiosk closed",
            "a process was killed: out of memory",
            "Killed process of the user",
        ] {
            assert!(!has_words(text.as_bytes()), "{text}");
        }
        for text in [
            "Memory cgroup out of memory: Kil",
            "Memory cgroup out of memory",
            "Out of memory:",
            "x Killed process 7 of",
            "I saw java invoked oom-killer: gfp",
            "unclear: Out of memory: Kill process",
        ] {
            assert!(has_words(text.as_bytes()), "{text}");
        }
    }
}

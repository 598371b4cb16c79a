//! Lines by which the kernel, or who reads its log, says that messages are missing: what is before them and what is behind may be of two
//! reports.

use super::scan::{find, leading, rsplit, split};

/// Messages that are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lost {
    /// How many, where that was counted.
    pub count: Option<u64>,
    /// Where.
    pub place: Place,
}

/// Where messages are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Between the lines around this one.
    Here,
    /// Anywhere before: the kernel prints fewer of one kind than there were, and says so with the next of them.
    Before,
    /// The same, of whole OOM reports: the kernel limits their rate, and not that of their kill lines.
    Reports,
}

/// Parses what says so.
#[must_use]
pub fn lost(text: &[u8]) -> Option<Lost> {
    let text = text.trim_ascii();
    let here = |count| Some(Lost { count, place: Place::Here });
    // console_unlock() of kernel/printk/printk.c: the console was too slow. To Linux 4.9 the next message is behind it.
    if let Some((count, rest)) = text.strip_prefix(b"** ").and_then(leading) {
        return here(Some(count)).filter(|_| rest.starts_with(b" printk messages dropped **"));
    }
    // journald-kmsg.c, since systemd 206 and before.
    if let Some((count, rest)) = text.strip_prefix(b"Missed ").and_then(leading) {
        return here(Some(count)).filter(|_| matches!(rest, b" kernel messages" | b" kernel message"));
    }
    if find(text, b"/dev/kmsg buffer overrun, some messages lost").is_some() {
        return here(None);
    }
    // rsyslog's imkmsg.
    if let Some((_, rest)) = split(text, b"imkmsg: lost ") {
        let (count, rest) = leading(rest)?;
        return here(Some(count)).filter(|_| rest.starts_with(b" messages"));
    }
    let (count, place) = suppressed(text)?;
    Some(Lost { count: Some(count), place })
}

/// How many the rate limit has held back: `oom_kill_process: 7 callbacks suppressed` of the OOM killer's own, `printk: 7 messages suppressed.` of
/// anybody's (to Linux 2.6.31).
fn suppressed(text: &[u8]) -> Option<(u64, Place)> {
    if let Some((count, rest)) = text.strip_prefix(b"printk: ").and_then(leading) {
        return rest.starts_with(b" messages suppressed").then_some((count, Place::Before));
    }
    let (head, _) = split(text, b" callbacks suppressed")?;
    let (function, count) = rsplit(head, b": ")?;
    let is_ours = find(function, b"oom").is_some() || function == b"dump_header";
    let (count, _) = leading(count)?;
    is_ours.then_some((count, Place::Reports))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_that_messages_are_missing_says_how_many_or_that_nobody_counted() {
        for (text, count, place) in [
            (&b"** 120 printk messages dropped **"[..], Some(120), Place::Here),
            (b"** 3 printk messages dropped ** [   42.578837] 0 pages hwpoisoned", Some(3), Place::Here),
            (b"Missed 154 kernel messages", Some(154), Place::Here),
            (b"/dev/kmsg buffer overrun, some messages lost.", None, Place::Here),
            (b"imkmsg: lost 200 messages", Some(200), Place::Here),
            (b"rsyslogd: imkmsg: lost 200 messages", Some(200), Place::Here),
            (b"printk: 120 messages suppressed.", Some(120), Place::Before),
            (b"oom_kill_process: 7 callbacks suppressed", Some(7), Place::Reports),
        ] {
            assert_eq!(lost(text), Some(Lost { count, place }));
        }
        for text in [
            &b"net_ratelimit: 7 callbacks suppressed"[..],
            b"** replaying previous printk message **",
            b"Missed 3 heartbeats",
            b"Missed kernel messages",
            b"imkmsg: lost connection",
            b"printk: systemd: 27 output lines suppressed due to ratelimiting",
            b"",
        ] {
            assert_eq!(lost(text), None);
        }
    }
}

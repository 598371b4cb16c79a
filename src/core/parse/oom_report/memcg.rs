//! The memory cgroup that is at its limit: mem_cgroup_print_oom_info() of mm/memcontrol.c.

use super::meminfo::{Pairs, kib_at};
use super::scan::{after, anything, is_of_memory, leading, split};
use crate::parse::ascii;
use crate::parse::memcg::{Limit, limit_of};
use crate::units::Bytes;

/// `Task in A killed as a result of limit of B`, before Linux 5.0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Whose<'l> {
    /// The cgroup of the task.
    pub task_memcg: &'l [u8],
    /// The cgroup whose limit it is.
    pub memcg: &'l [u8],
}

/// Parses whose limit it is.
#[must_use]
pub fn whose(text: &[u8]) -> Option<Whose<'_>> {
    let (task_memcg, memcg) = split(text.strip_prefix(b"Task in ")?, b" killed as a result of limit of ")?;
    Some(Whose { task_memcg, memcg: memcg.trim_ascii_end() })
}

/// What a line of usage counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counter {
    /// `memory`.
    Memory,
    /// `memory+swap` of cgroup v1.
    MemorySwap,
    /// `kmem` of cgroup v1.
    Kmem,
    /// `swap` of cgroup v2.
    Swap,
}

/// `memory: usage 40960kB, limit 40960kB, failcnt 55`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Of what.
    pub of: Counter,
    /// What is in use.
    pub usage: Option<Bytes>,
    /// How much may be.
    pub limit: Option<Limit>,
    /// How often that was refused.
    pub failcnt: Option<u64>,
}

/// Parses a line of usage.
#[must_use]
pub fn usage(text: &[u8]) -> Option<Usage> {
    let (name, rest) = split(text, b": usage ")?;
    let of = match ascii(name) {
        "memory" => Counter::Memory,
        "memory+swap" => Counter::MemorySwap,
        "kmem" => Counter::Kmem,
        "swap" => Counter::Swap,
        _ => return None,
    };
    Some(Usage {
        of,
        usage: kib_at(rest),
        limit: anything(rest, b", limit ").map(|limit| limit_of(limit.0)),
        failcnt: after(rest, b", failcnt ").and_then(leading).map(|(count, _)| count),
    })
}

/// `Memory cgroup stats for P: cache:0KB rss:..` to Linux 5.1; later only the path, and one value a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stats<'l> {
    /// The cgroup whose limit it is, the first time; then one below it.
    pub memcg: &'l [u8],
    /// The values of the older form.
    pub values: Pairs<'l>,
}

/// Parses the head of a cgroup's statistics.
#[must_use]
pub fn stats(text: &[u8]) -> Option<Stats<'_>> {
    let rest = text.strip_prefix(b"Memory cgroup stats")?;
    let rest = rest.trim_ascii_end();
    // 2.6.3x and early 3.x do not say whose.
    let rest = rest.strip_prefix(b" for ").unwrap_or(rest);
    let (memcg, values) = match split(rest, b": cache:") {
        Some((memcg, values)) => (memcg, &rest[rest.len() - values.len() - b"cache:".len()..]),
        None => (rest.strip_suffix(b":")?, &b""[..]),
    };
    Some(Stats { memcg, values: Pairs(values) })
}

/// `anon 33116160`: one value of a cgroup's statistics. Many a line looks like it: it counts only behind their head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat<'l> {
    /// As in memory.stat.
    pub key: &'l [u8],
    /// In bytes, or a count.
    pub value: u64,
}

/// Parses one value of the statistics.
#[must_use]
pub fn stat(text: &[u8]) -> Option<Stat<'_>> {
    let (key, value) = split(text.trim_ascii(), b" ")?;
    let is_key = key.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'0'..=b'9'));
    let (value, rest) = leading(value)?;
    let starts = key.first().is_some_and(u8::is_ascii_lowercase);
    (is_key && starts && rest.is_empty() && is_of_memory(value)).then_some(Stat { key, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_may_hold_blanks_and_colons() {
        let both = whose(b"Task in /a b killed as a result of limit of /a").expect("one");
        assert_eq!((both.task_memcg, both.memcg), (&b"/a b"[..], &b"/a"[..]));
        let old = stats(b"Memory cgroup stats for /a:b: cache:56KB rss:8KB swap:0KB").expect("one");
        assert_eq!(old.memcg, b"/a:b");
        assert!(old.values.eq([(&b"cache"[..], 56), (b"rss", 8), (b"swap", 0)]));
        assert_eq!(stats(b"Memory cgroup stats for /a b:").expect("one").memcg, b"/a b");
        assert_eq!(stats(b"Memory cgroup stats for /cut"), None);
    }

    #[test]
    fn usage_is_of_one_of_four() {
        let line = usage(b"memory+swap: usage 20kB, limit 9007199254740988kB, failcnt 7").expect("one");
        assert_eq!(line.of, Counter::MemorySwap);
        assert_eq!(line.usage, Some(Bytes::from_kib(20)));
        assert_eq!(line.failcnt, Some(7));
        assert_eq!(usage(b"kmem: usage 4kB, lim").expect("one").limit, None);
        assert_eq!(usage(b"disk: usage 4kB"), None);
    }

    #[test]
    fn a_value_is_a_word_and_a_number() {
        assert_eq!(stat(b" anon 33116160"), Some(Stat { key: b"anon", value: 33_116_160 }));
        for wrong in [&b"anon"[..], b"anon x", b"Anon 1", b"a b 1", b"1 1", b"anon 1x"] {
            assert_eq!(stat(wrong), None);
        }
    }
}

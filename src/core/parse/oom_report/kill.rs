//! What was done: the `oom-kill:` summary, the kill lines of every generation, and what may follow them. mm/oom_kill.c.

use super::scan::{after, find, is_cut, leading, leading_signed, number, rfind, rsplit, size, space, split, uid};
use crate::units::Bytes;

/// TASK_COMM_LEN less its NUL.
const COMM: usize = 15;

/// `oom-kill:constraint=...,task=X,pid=N,uid=N` (Linux 5.0). What was cut off is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary<'l> {
    /// `CONSTRAINT_NONE`, or a name that nobody knows yet.
    pub constraint: Option<&'l [u8]>,
    /// The nodes of the allocation, `(null)` for all.
    pub nodemask: Option<&'l [u8]>,
    /// The cpuset of who asked (Linux 5.4).
    pub cpuset: Option<&'l [u8]>,
    /// The nodes that it allows.
    pub mems_allowed: Option<&'l [u8]>,
    /// The cgroup whose limit it is.
    pub memcg: Option<&'l [u8]>,
    /// The cgroup of the task.
    pub task_memcg: Option<&'l [u8]>,
    /// The task that was selected.
    pub comm: Option<&'l [u8]>,
    /// Its pid.
    pub pid: Option<u64>,
    /// Its user.
    pub uid: Option<u32>,
}

/// Parses the summary.
#[must_use]
pub fn summary(text: &[u8]) -> Option<Summary<'_>> {
    let rest = text.strip_prefix(b"oom-kill:constraint=")?;
    let (body, comm, pid, uid) = match ids(rest) {
        Some((head, pid, uid)) => {
            let (body, comm) = split_task(head)?;
            (body, Some(comm), Some(pid), uid)
        }
        // Cut: what is before the last comma is whole.
        None => (&rest[..rfind(rest, b",").unwrap_or(0)], None, None, None),
    };
    let until = |key: &[u8], end: &[u8]| {
        let value = after(body, key)?;
        match find(value, end) {
            Some(at) => Some(&value[..at]),
            None => (pid.is_some() && end == b",task=").then_some(value),
        }
    };
    Some(Summary {
        constraint: split(body, b",").map(|(name, _)| name).or((!body.is_empty()).then_some(body)),
        nodemask: after(body, b",nodemask=").map(nodes),
        cpuset: until(b",cpuset=", b",mems_allowed="),
        mems_allowed: after(body, b",mems_allowed=").map(nodes),
        memcg: until(b",oom_memcg=", b",task_memcg="),
        task_memcg: until(b",task_memcg=", b",task="),
        comm,
        pid,
        uid,
    })
}

/// What is before the last `,pid=N,uid=N`, and these.
fn ids(text: &[u8]) -> Option<(&[u8], u64, Option<u32>)> {
    let (head, tail) = rsplit(text, b",pid=")?;
    let (pid, rest) = leading(tail)?;
    let (uid_number, _) = leading_signed(rest.strip_prefix(b",uid=")?)?;
    Some((head, pid, uid(uid_number)))
}

/// The name behind `,task=`. It may hold that word, and so may a path: a name is 15 bytes at most, when none is escaped.
fn split_task(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const KEY: &[u8] = b",task=";
    let last = rfind(text, KEY)?;
    let from = text.len().saturating_sub(COMM + KEY.len());
    let first = find(&text[from..], KEY).map_or(last, |at| from + at);
    Some((&text[..first], &text[first + KEY.len()..]))
}

/// A list of nodes, in which commas are followed by digits.
fn nodes(text: &[u8]) -> &[u8] {
    let end = (0..text.len()).find(|at| {
        let is_comma = text[*at] == b',';
        is_comma && !text.get(at + 1).is_some_and(u8::is_ascii_digit)
    });
    &text[..end.unwrap_or(text.len())]
}

/// What a kill line says before its verb.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Nothing: the second line of two.
    Unsaid,
    /// `Out of memory`: not because of a memory cgroup.
    Global,
    /// `Memory cgroup out of memory`.
    Memcg,
    /// `No available memory in cpuset`, before Linux 2.6.36.
    Cpuset,
    /// `No available memory (MPOL_BIND)`, before Linux 2.6.36.
    Mempolicy,
    /// Other words.
    Unknown,
}

/// With vm.oom_kill_allocating_task the kernel says so, and of no memory cgroup.
fn is_of_allocating(message: &[u8]) -> bool {
    find(message, b"(oom_kill_allocating_task)").is_some()
}

fn scope(message: &[u8]) -> Option<Scope> {
    Some(match message {
        b"" => Scope::Unsaid,
        b"No available memory in cpuset" => Scope::Cpuset,
        b"No available memory (MPOL_BIND)" => Scope::Mempolicy,
        _ if message.starts_with(b"Memory cgroup out of memory") => Scope::Memcg,
        _ if message.starts_with(b"Out of memory") || message.starts_with(b"Out of Memory") => Scope::Global,
        _ if message.len() <= 40 && find(message, b": ").is_none() => Scope::Unknown,
        _ => return None,
    })
}

/// `MSG: Kill process N (x) score S or sacrifice child`, before Linux 5.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Selected<'l> {
    /// By its message.
    pub scope: Scope,
    /// Whether it was selected because it asked for memory: `(oom_kill_allocating_task)`, mm/oom_kill.c.
    pub is_of_allocating: bool,
    /// The process that was selected; it may be a child of it that is killed.
    pub pid: u64,
    /// Its name, unless it was cut.
    pub comm: Option<&'l [u8]>,
    /// Its badness.
    pub score: Option<u64>,
}

/// Parses the line about the selected process.
#[must_use]
pub fn selected(text: &[u8]) -> Option<Selected<'_>> {
    let at = find(text, b"ill process ")?;
    let is_verb = matches!(text.get(at.checked_sub(1)?), Some(b'K' | b'k'));
    let message = text.get(..at.checked_sub(1)?)?.strip_suffix(b": ")?;
    let scope = scope(message).filter(|scope| *scope != Scope::Unknown)?;
    let (pid, rest) = leading(&text[at + b"ill process ".len()..])?;
    let rest = rest.strip_prefix(b" (")?;
    let (comm, score) = match rsplit(rest, b") score ") {
        Some((comm, score)) => (Some(comm), leading(score).map(|(score, _)| score)),
        None if find(rest, b") sharing same memory").is_some() => return None,
        None => (None, None),
    };
    is_verb.then_some(Selected { scope, is_of_allocating: is_of_allocating(message), pid, comm, score })
}

/// `MSG: Killed process N (x) total-vm:..`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Killed<'l> {
    /// By its message.
    pub scope: Scope,
    /// Whether it was killed because it asked for memory.
    pub is_of_allocating: bool,
    /// The process.
    pub pid: u64,
    /// Its name, unless it was cut.
    pub comm: Option<&'l [u8]>,
    /// Its user (el6, el7, Linux 5.4).
    pub uid: Option<u32>,
    /// `total-vm`.
    pub total_vm: Option<Bytes>,
    /// `anon-rss`.
    pub anon_rss: Option<Bytes>,
    /// `file-rss`.
    pub file_rss: Option<Bytes>,
    /// `shmem-rss` (Linux 4.5).
    pub shmem_rss: Option<Bytes>,
    /// `pgtables` (Linux 5.4).
    pub page_tables: Option<Bytes>,
    /// `oom_score_adj` (Linux 5.4).
    pub adj: Option<i64>,
    /// Whether what is behind the last of these is the start of more, as the line was cut there; or one of the sizes of RSS is none.
    pub is_cut: bool,
}

/// Parses a kill line.
#[must_use]
pub fn killed(text: &[u8]) -> Option<Killed<'_>> {
    if let Some(killed) = of_container(text) {
        return Some(killed);
    }
    let (message, rest) = split(text, b"Killed process ")?;
    let scope = match message {
        b"" => Scope::Unsaid,
        _ => scope(message.strip_suffix(b": ")?)?,
    };
    let (pid, rest) = leading(rest)?;
    let (uid, comm, tail) = named(rest)?;
    // Words that no kernel is known to print want all the rest to be right.
    if scope == Scope::Unknown && space(tail, b"total-vm:").is_none() {
        return None;
    }
    Some(Killed {
        scope,
        is_of_allocating: is_of_allocating(message),
        pid,
        comm,
        uid: uid.or_else(|| number(tail, b", UID:").and_then(|number| u32::try_from(number).ok())),
        total_vm: space(tail, b"total-vm:").or_else(|| space(tail, b"vsz:")),
        anon_rss: size(tail, b"anon-rss:"),
        file_rss: size(tail, b"file-rss:"),
        shmem_rss: size(tail, b"shmem-rss:"),
        page_tables: size(tail, b" pgtables:"),
        adj: after(tail, b" oom_score_adj:").and_then(|adj| Some(leading_signed(adj)?.0)).filter(|adj| is_adj(*adj)),
        is_cut: comm.is_none() || ends_in_a_part(tail) || lacks_a_part(tail),
    })
}

/// `[Out of memory in UB 123: ]OOM killed process N (x) score 0 vm:4kB, rss:4kB, swap:0kB` of OpenVZ's Linux 2.6.32, and before that `OOM killed
/// process N (x) vm=4kB, rss=4kB`: in a container, or of the machine. What of its memory was whose is not said.
fn of_container(text: &[u8]) -> Option<Killed<'_>> {
    let (message, rest) = split(text, b"OOM killed process ")?;
    let is_of_kernel = message.is_empty() || message.starts_with(b"Out of memory in UB ") && message.ends_with(b": ");
    if !is_of_kernel {
        return None;
    }
    let (pid, rest) = leading(rest)?;
    let rest = rest.strip_prefix(b" (")?;
    let ends = [&b") score "[..], b") vm:", b") vm="].into_iter().filter_map(|end| rfind(rest, end));
    let end = ends.min().or_else(|| rest.trim_ascii_end().strip_suffix(b")").map(<[u8]>::len));
    Some(Killed {
        scope: Scope::Unsaid,
        is_of_allocating: false,
        pid,
        comm: end.map(|end| &rest[..end]),
        uid: None,
        total_vm: space(&rest[end.unwrap_or(rest.len())..], b" vm:"),
        anon_rss: None,
        file_rss: None,
        shmem_rss: None,
        page_tables: None,
        adj: None,
        is_cut: true,
    })
}

/// What a process may have for its oom_score_adj: include/uapi/linux/oom.h. More is damage.
#[must_use]
pub const fn is_adj(adj: i64) -> bool {
    -1000 <= adj && adj <= 1000
}

/// Whether a size of RSS is there that is no size: the sum of the others is not all.
fn lacks_a_part(sizes: &[u8]) -> bool {
    const PARTS: [&[u8]; 3] = [b"anon-rss:", b"file-rss:", b"shmem-rss:"];
    PARTS.into_iter().any(|key| after(sizes, key).is_some() && size(sizes, key).is_none())
}

/// Whether the sizes end with a part of one, and not behind a number with its unit: `, shmem-r`, `, shmem-rss:12`, a comma.
fn ends_in_a_part(sizes: &[u8]) -> bool {
    let end = sizes.trim_ascii_end();
    let last = rsplit(end, b":").map_or(end, |(_, value)| value);
    let is_whole = |value: &[u8]| leading_signed(value).is_some_and(|(_, unit)| matches!(unit, b"" | b"kB" | b"KB"));
    // `UID:0 pgtables:12kB oom_score_adj:0`: a user and a score have no unit, a size has one.
    let is_size = rfind(end, b"-rss:").or(rfind(end, b"-vm:")).is_some_and(|at| rfind(end, b":") <= Some(at + 4));
    !end.is_empty() && (!is_whole(last) || is_size && last.last().is_some_and(u8::is_ascii_digit))
}

/// The start of a kill line, or of the line about the selected process, which was cut before its pid or in it: what is left of a number
/// is no pid.
#[must_use]
pub fn begun(text: &[u8]) -> Option<Scope> {
    const VERBS: [&[u8]; 2] = [b"Killed process ", b"Kill process "];
    let (message, _) = split(text, b"Kill")?;
    let verb = &text[message.len()..];
    let scope = match message {
        // A name that begins with a newline has room for a byte less than this, on a line of its own.
        b"" if !verb.starts_with(VERBS[0]) => return None,
        b"" => Scope::Unsaid,
        _ => scope(message.strip_suffix(b": ")?).filter(|scope| *scope != Scope::Unknown)?,
    };
    let is_pid = |rest: &[u8]| rest.len() <= 10 && rest.iter().all(u8::is_ascii_digit);
    let is_begun = |words: &[u8]| words.starts_with(verb.trim_ascii_end()) || is_cut_behind(verb, words, is_pid);
    VERBS.into_iter().any(is_begun).then_some(scope)
}

/// Whether what is behind the words fits, with or without the bracket of a name that is not there.
fn is_cut_behind(text: &[u8], words: &[u8], fits: impl Fn(&[u8]) -> bool) -> bool {
    text.strip_prefix(words).is_some_and(|rest| fits(rest.strip_suffix(b" (").unwrap_or(rest).trim_ascii_end()))
}

/// Who, as ` (x) total-vm:`, `, UID 500, (x) total-vm:` (el6), ` (x), UID 500, total-vm:` (el7), ` (x).` or ` (x)`: the user, the
/// name, and what is behind it. The name may hold any of these words, so it ends at the last of them.
type Named<'l> = (Option<u32>, Option<&'l [u8]>, &'l [u8]);

fn named(text: &[u8]) -> Option<Named<'_>> {
    let (early, text) = match text.strip_prefix(b", UID ") {
        Some(rest) => {
            let (number, rest) = leading_signed(rest)?;
            (uid(number), rest.strip_prefix(b",")?)
        }
        None => (None, text),
    };
    let rest = text.strip_prefix(b" (")?;
    // Linux 2.6.33 to 2.6.35 called it vsz.
    if let Some(at) = rfind(rest, b"total-vm:").or_else(|| rfind(rest, b") vsz:").map(|at| at + 2)) {
        let (head, tail) = rest.split_at(at);
        if let Some(comm) = head.strip_suffix(b") ") {
            return Some((early, Some(comm), tail));
        }
        // Virtuozzo 7 says in which container.
        if let Some((comm, _)) = rsplit(head, b") in VE ") {
            return Some((early, Some(comm), tail));
        }
        let (comm, number) = rsplit(head.strip_suffix(b", ")?, b"), UID ")?;
        let late = leading_signed(number).and_then(|(number, _)| uid(number));
        return Some((late, Some(comm), tail));
    }
    // Somebody who shortened it has left some of the sizes.
    const SIZES: [&[u8]; 5] = [b") anon-rss:", b") file-rss:", b") shmem-rss:", b") UID:", b") oom_score_adj:"];
    if let Some(at) = SIZES.iter().filter_map(|start| rfind(rest, start)).min() {
        return Some((early, Some(&rest[..at]), &rest[at + 1..]));
    }
    let comm = rfind(rest, b")").and_then(|at| {
        let behind = rest[at + 1..].trim_ascii_end();
        let is_end = matches!(behind, b"" | b".")
            || is_cut(behind, b" total-vm:")
            || is_cut(behind, b", UID ")
            || behind.starts_with(b", UID ");
        is_end.then(|| &rest[..at])
    });
    Some((early, comm, b""))
}

/// `Tasks in P are going to be killed due to memory.oom.group set` (Linux 4.19).
#[must_use]
pub fn group(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"Tasks in ")?;
    let (memcg, _) = split(rest, b" are going to be killed due to memory.oom.group")?;
    Some(memcg)
}

/// `oom_reaper: reaped process N (x), now anon-rss:..` (Linux 4.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reaped<'l> {
    /// The process whose memory was taken back.
    pub pid: u64,
    /// Its name, unless it was cut.
    pub comm: Option<&'l [u8]>,
}

/// Parses the reaper's line.
#[must_use]
pub fn reaped(text: &[u8]) -> Option<Reaped<'_>> {
    let rest = text.strip_prefix(b"oom_reaper: reaped process ")?;
    let (pid, rest) = leading(rest)?;
    let rest = rest.strip_prefix(b" (")?;
    Some(Reaped { pid, comm: rsplit(rest, b"), now ").map(|(comm, _)| comm) })
}

/// `oom_reaper: unable to reap pid:N (x)` (Linux 4.6): whose memory could not be taken back.
#[must_use]
pub fn unreaped(text: &[u8]) -> Option<u64> {
    let (pid, rest) = leading(text.strip_prefix(b"oom_reaper: unable to reap pid:")?)?;
    rest.starts_with(b" (").then_some(pid)
}

/// Why the kernel panicked, when that was for want of memory.
#[must_use]
pub fn panic(text: &[u8]) -> Option<&[u8]> {
    let why = text.strip_prefix(b"Kernel panic - not syncing: ")?;
    let is_oom =
        [&b"deadlocked on memory"[..], b"ut of memory", b"panic_on_oom"].iter().any(|words| find(why, words).is_some());
    is_oom.then(|| why.trim_ascii_end())
}

#[cfg(test)]
mod tests;

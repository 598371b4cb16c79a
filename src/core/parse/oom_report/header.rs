//! What a report begins with: who asked for memory, and where it ran. dump_header() of mm/oom_kill.c, dump_stack_print_info().

use super::scan::{after, is_cut, leading, leading_signed, rsplit, split};
use crate::parse::{hex, words};

/// `X invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header<'l> {
    /// Who; 2.6.9 did not say.
    pub comm: Option<&'l [u8]>,
    /// The flags of the allocation, as bits that differ from kernel to kernel.
    pub gfp_mask: Option<u64>,
    /// Their names (Linux 4.6), which may be none.
    pub gfp_flags: Option<&'l [u8]>,
    /// `nodemask=`, Linux 4.9 to 4.20.
    pub nodemask: Option<&'l [u8]>,
    /// 2^order pages were asked for; -1 when a person did, by SysRq.
    pub order: Option<i64>,
    /// `oom_score_adj` (Linux 2.6.36); the older `oom_adj` has another scale and is left out.
    pub adj: Option<i64>,
}

/// Parses a header.
#[must_use]
pub fn header(text: &[u8]) -> Option<Header<'_>> {
    const GFP: &[u8] = b": gfp_mask=";
    let (comm, rest) = match rsplit(text, b" invoked oom-killer") {
        Some((comm, rest)) => (Some(comm), rest),
        None => (None, text.strip_prefix(b"oom-killer")?),
    };
    let Some(rest) = rest.strip_prefix(GFP) else {
        // Of the oldest header nothing would be left.
        let is_header = comm.is_some() && (is_cut(rest, GFP) || is_left_out(rest));
        return is_header.then(|| Header { comm, ..Header::default() });
    };
    let (mask, rest) = until(rest, b",(");
    let flags = rest.strip_prefix(b"(").and_then(|rest| split(rest, b")"));
    let rest = flags.map_or(rest, |(_, rest)| rest);
    Some(Header {
        comm,
        gfp_mask: gfp_mask(mask, !rest.is_empty(), comm.is_none()),
        gfp_flags: flags.map(|(flags, _)| flags),
        nodemask: split_off(rest, b", nodemask="),
        order: after(rest, b" order=").and_then(signed),
        adj: after(rest, b" oom_score_adj=").and_then(signed).filter(|adj| super::kill::is_adj(*adj)),
    })
}

/// `: ...`, `: [...]`: what an author writes in the place of the rest.
fn is_left_out(rest: &[u8]) -> bool {
    let is_dots = |byte: &u8| matches!(byte, b'.' | b'[' | b']' | b' ');
    rest.strip_prefix(b":").is_some_and(|rest| rest.windows(3).any(|dots| dots == b"...") && rest.iter().all(is_dots))
}

/// `0x201d2`. Without anything behind it, it may have been cut, but for that of 2.6.9, which names nobody either.
fn gfp_mask(mask: &[u8], is_followed: bool, is_oldest: bool) -> Option<u64> {
    let digits = mask.trim_ascii().strip_prefix(b"0x")?;
    let is_whole = is_followed || is_oldest && digits.len() >= 2;
    if is_whole { hex(digits) } else { None }
}

fn signed(text: &[u8]) -> Option<i64> {
    leading_signed(text).map(|(number, _)| number)
}

fn until<'t>(text: &'t [u8], ends: &[u8]) -> (&'t [u8], &'t [u8]) {
    let at = text.iter().position(|byte| ends.contains(byte));
    text.split_at(at.unwrap_or(text.len()))
}

/// The value behind `key`, up to the comma and blank that end it: it may hold commas itself.
fn split_off<'t>(text: &'t [u8], key: &[u8]) -> Option<&'t [u8]> {
    let value = after(text, key)?;
    let (value, _) = split(value, b", ")?;
    Some(value.trim_ascii())
}

/// `CPU: 0 UID: 0 PID: 1 Comm: x Not tainted 6.12.0` or `Pid: 1, comm: x Not tainted 2.6.32`: printed by every warning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Running<'l> {
    /// The thread.
    pub pid: u64,
    /// Its name.
    pub comm: &'l [u8],
    /// The kernel's release.
    pub release: Option<&'l [u8]>,
}

/// Parses the line about who is running.
#[must_use]
pub fn running(text: &[u8]) -> Option<Running<'_>> {
    let (pid, rest) = match text.strip_prefix(b"Pid: ") {
        Some(rest) => {
            let (pid, rest) = leading(rest)?;
            (pid, rest.strip_prefix(b", comm: ")?)
        }
        None if text.starts_with(b"CPU: ") => {
            let (pid, rest) = leading(after(text, b" PID: ")?)?;
            (pid, rest.strip_prefix(b" Comm: ")?)
        }
        None => return None,
    };
    let (comm, taint) = rsplit(rest, b" Not tainted").or_else(|| rsplit(rest, b" Tainted: "))?;
    let comm = comm.strip_suffix(b" Kdump: loaded").unwrap_or(comm);
    Some(Running { pid, comm, release: words(taint).find(|word| word.first().is_some_and(u8::is_ascii_digit)) })
}

/// `X cpuset=/ mems_allowed=0`, Linux 2.6.32 to 4.20.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpuset<'l> {
    /// Who asked for memory.
    pub comm: &'l [u8],
    /// Its cpuset.
    pub cpuset: &'l [u8],
    /// The nodes that it may use.
    pub mems_allowed: &'l [u8],
}

/// Parses the line about the cpuset.
#[must_use]
pub fn cpuset(text: &[u8]) -> Option<Cpuset<'_>> {
    let (rest, mems_allowed) = rsplit(text, b" mems_allowed=")?;
    let is_list = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b',' | b'-');
    if !mems_allowed.iter().all(is_list) {
        return None;
    }
    let (comm, cpuset) = rsplit(rest, b" cpuset=")?;
    Some(Cpuset { comm, cpuset, mems_allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_generation() {
        for (text, comm, mask, flags, order, adj) in [
            (&b"oom-killer: gfp_mask=0x1d2"[..], None, 0x1d2, None, None, None),
            (b"httpd invoked oom-killer: gfp_mask=0x201d2, order=0, oomkilladj=0", Some(&b"httpd"[..]), 0x201d2, None, Some(0), None),
            (b"a b invoked oom-killer: gfp_mask=0xd0, order=0, oom_adj=-17, oom_score_adj=-1000", Some(b"a b"), 0xd0, None, Some(0), Some(-1000)),
            (b"x invoked oom-killer: gfp_mask=0x280da, order=3, oom_score_adj=5", Some(b"x"), 0x280da, None, Some(3), Some(5)),
            (b"x invoked oom-killer: gfp_mask=0x24000c0(GFP_KERNEL|__GFP_ZERO), nodemask=(null),  order=1, oom_score_adj=0", Some(b"x"), 0x0240_00c0, Some(&b"GFP_KERNEL|__GFP_ZERO"[..]), Some(1), Some(0)),
            (b"kworker/0:2 invoked oom-killer: gfp_mask=0x0(), order=-1, oom_score_adj=0", Some(b"kworker/0:2"), 0, Some(b""), Some(-1), Some(0)),
        ] {
            let header = header(text).expect("a header");
            assert_eq!(header.comm, comm);
            assert_eq!(header.gfp_mask, Some(mask));
            assert_eq!(header.gfp_flags, flags);
            assert_eq!(header.order, order);
            assert_eq!(header.adj, adj);
        }
    }

    #[test]
    fn a_nodemask_may_hold_commas() {
        let text = b"x invoked oom-killer: gfp_mask=0xd0(A), nodemask=0,2-3,  order=0, oom_score_adj=0";
        assert_eq!(header(text).expect("one").nodemask, Some(&b"0,2-3"[..]));
    }

    #[test]
    fn a_header_that_was_cut_keeps_what_it_has_and_other_words_are_none() {
        assert_eq!(header(b"x invoked oom-killer: gfp").expect("one").comm, Some(&b"x"[..]));
        assert_eq!(header(b"x invoked oom-killer: gfp_mask=0x1(A").expect("one").gfp_flags, None);
        assert_eq!(header(b"x invoked oom-killer: [...]").expect("one").comm, Some(&b"x"[..]));
        assert_eq!(header(b"x invoked oom-killer: ...").expect("one").comm, Some(&b"x"[..]));
        assert_eq!(header(b"x invoked oom-killer in vain"), None);
        assert_eq!(header(b"Start for oom-killer"), None);
        assert_eq!(header(b"oom-killer"), None);
    }

    #[test]
    fn who_runs_is_told_in_three_ways() {
        for (text, pid, comm, release) in [
            (&b"Pid: 9, comm: events/0 Not tainted 2.6.26-2-amd64 #1"[..], 9, &b"events/0"[..], &b"2.6.26-2-amd64"[..]),
            (b"CPU: 3 PID: 7 Comm: a Comm: b Tainted: G            E     5.10.0-32 #1", 7, b"a Comm: b", b"5.10.0-32"),
            (b"CPU: 0 UID: 112 PID: 143 Comm: x Kdump: loaded Tainted: G [W]=WARN 6.12.1 #2", 143, b"x", b"6.12.1"),
        ] {
            let running = running(text).expect("a line");
            assert_eq!((running.pid, running.comm, running.release), (pid, comm, Some(release)));
        }
        assert_eq!(running(b"CPU: 3 PID: 7 Comm: cut in the mid"), None);
    }

    #[test]
    fn a_cpuset_has_the_name_before_it() {
        let cpuset = cpuset(b"a cpuset=x cpuset=/jobs mems_allowed=0,2-4").expect("one");
        assert_eq!(cpuset.comm, b"a cpuset=x");
        assert_eq!(cpuset.cpuset, b"/jobs");
        assert_eq!(cpuset.mems_allowed, b"0,2-4");
    }
}

//! `/proc/PID/stat`: proc_pid_stat(5), fs/proc/array.c.
//!
//! `8893 (comm) S 1 8893 ...`: comm is whatever the process likes, spaces, parentheses and newlines included, so the fields
//! after it are those after the LAST parenthesis. Its 15 bytes (64 for a kernel worker) can't hold what follows it.

use super::{dec, one_number, signed};
use crate::units::Ticks;

/// What memdoor needs of the 52 fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat<'a> {
    /// Field 1, in the pid namespace of the `/proc` it was read from.
    pub pid: u64,
    /// Field 2, raw: 15 bytes, or up to 63 for a kernel worker.
    pub comm: &'a [u8],
    /// Field 3: `R`, `S`, `D`, `Z`, ...
    pub state: u8,
    /// Field 4: 0 for PID 1, for kthreadd and where the parent is outside of this pid namespace.
    pub ppid: u64,
    /// Field 7: the number of its controlling terminal; 0: it has none.
    pub terminal: u64,
    /// Field 20.
    pub threads: u64,
    /// Field 22: since boot.
    pub starttime: Ticks,
    /// Whether field 9, flags, has `PF_KTHREAD`.
    pub is_kernel_thread: bool,
    /// Whether field 9 has `PF_EXITING`: it is on its way to being a zombie.
    pub is_exiting: bool,
    /// Whether field 31, the signals that wait for its first thread, has SIGKILL: each thread of a process that is killed has it until it
    /// takes it and exits.
    pub is_killed: bool,
}

/// `PF_KTHREAD` of include/linux/sched.h, the same value since 2.6.27.
const PF_KTHREAD: u64 = 0x0020_0000;

/// `PF_EXITING`, the same value since 2.6.
const PF_EXITING: u64 = 0x4;

/// Its bit among the signals that wait: signal N is bit N - 1.
const SIGKILL: u64 = 1 << 8;

/// Whether a process with this state and so many threads has exited as a whole.
///
/// The state is its first thread's. One that called pthread_exit(3) is `Z` to the end of the process, whose other threads run on and
/// hold all of its memory; the kernel counts it among the threads until then (`num_threads` of stat, `Threads` of status). So `Z` with
/// one thread is a zombie, and `Z` with more is a process like any other. `X` is seen for a moment while the last thread is reaped.
#[must_use]
pub const fn has_exited(state: u8, threads: u64) -> bool {
    matches!(state, b'Z' | b'X' | b'x') && threads <= 1
}

/// Field numbers of the man page. The first behind comm is `state`, 3.
const STATE: usize = 3;
const PPID: usize = 4;
const TERMINAL: usize = 7;
const FLAGS: usize = 9;
const THREADS: usize = 20;
const STARTTIME: usize = 22;
const PENDING: usize = 31;
const STARTCODE: usize = 26;
const STARTSTACK: usize = 28;
const EXIT_CODE: usize = 52;

/// Parses the whole file.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Stat<'_>> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let comm = text.get(open + 1..close)?;
    let rest = text.get(close + 1..)?.trim_ascii();
    let mut fields = rest.split(|byte| *byte == b' ');
    // Each is asked for how many come between it and the one before.
    let &[state] = fields.next()? else {
        return None;
    };
    let ppid = one_number(fields.next()?)?;
    // An int, as the kernel prints it: of a terminal with a large minor number it is negative.
    let terminal = signed(fields.nth(TERMINAL - PPID - 1)?)?;
    let flags = dec(fields.nth(FLAGS - TERMINAL - 1)?)?;
    let threads = dec(fields.nth(THREADS - FLAGS - 1)?)?;
    let starttime = dec(fields.nth(STARTTIME - THREADS - 1)?)?;
    let pending = fields.nth(PENDING - STARTTIME - 1).and_then(dec);
    Some(Stat {
        pid: dec(text.get(..open)?.trim_ascii())?,
        comm,
        state,
        ppid: u64::try_from(ppid).ok()?,
        is_kernel_thread: flags & PF_KTHREAD != 0,
        is_exiting: flags & PF_EXITING != 0,
        is_killed: pending.is_some_and(|pending| pending & SIGKILL != 0),
        terminal: terminal.unsigned_abs(),
        threads,
        starttime: Ticks(starttime),
    })
}

/// Of a zombie what waitpid(2) will say to its parent: field 52, the last one, since Linux 3.5. `None`: it is none, or that is not told: 0
/// may be exit code 0, or that the reader may not ptrace(2) it.
#[must_use]
pub fn wait_status(text: &[u8]) -> Option<i32> {
    parse(text).filter(|stat| has_exited(stat.state, stat.threads))?;
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = text.get(close + 1..)?.trim_ascii().split(|byte| *byte == b' ').skip(EXIT_CODE - STATE);
    let status = signed(fields.next()?).and_then(|status| i32::try_from(status).ok());
    status.filter(|status| *status != 0)
}

/// Where code and stack of a process begin, in one number: what execve(2) draws at random, and fork(2) leaves as it is. `None`: it has no
/// memory, or the reader may not ptrace(2) it.
#[must_use]
pub fn image(text: &[u8]) -> Option<u64> {
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = text.get(close + 1..)?.trim_ascii().split(|byte| *byte == b' ').skip(STARTCODE - STATE);
    let code = dec(fields.next()?)?;
    let stack = dec(fields.nth(STARTSTACK - STARTCODE - 1)?)?;
    (stack > 0).then_some(stack ^ code.rotate_left(32))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{format, vec::Vec};

    const REST: &[u8] =
        b" S 1032 12262 1032 34816 -1 4194304 96 0 0 0 0 0 0 0 20 0 3 0 16541 3133440 433 18446744073709551615";

    fn with_comm(comm: &[u8]) -> Vec<u8> {
        [b"12262 (", comm, b")", REST, b"\n"].concat()
    }

    #[test]
    fn the_image_is_where_code_and_stack_begin_and_is_shown_to_who_may_trace() {
        let text =
            |fields: &str| format!("7 (x) 9) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 16541 4096 1 99 {fields} 0 0\n");
        let image = |fields| super::image(text(fields).as_bytes());
        assert_eq!(image("4096 8192 65536"), Some(65_536 | 4096 << 32));
        assert_eq!(image("1 1 0"), None);
        assert_eq!(super::image(b"7 (x) S 1 7"), None);
    }

    #[test]
    fn a_zombie_has_its_wait_status_at_the_end() {
        let zombie = |state: &str, status: &str| {
            format!(
                "7 (x) 9) {state} 1 7 7 0 -1 4228100 0 0 0 0 0 0 0 0 20 0 1 0 16541 0 0 1 {}{status}\n",
                "0 ".repeat(26)
            )
        };
        assert_eq!(wait_status(zombie("Z", "9").as_bytes()), Some(9));
        assert_eq!(wait_status(zombie("Z", "35072").as_bytes()), Some(137 << 8));
        assert_eq!(wait_status(zombie("Z", "0").as_bytes()), None, "it may not be told");
        assert_eq!(wait_status(zombie("S", "9").as_bytes()), None);
        assert_eq!(wait_status(&with_comm(b"cat")), None);
    }

    #[test]
    fn the_fields_are_those_of_the_man_page() {
        let text = with_comm(b"cat");
        let expected = Stat {
            pid: 12262,
            comm: b"cat",
            state: b'S',
            ppid: 1032,
            terminal: 34816,
            threads: 3,
            starttime: Ticks(16541),
            is_kernel_thread: false,
            is_exiting: false,
            is_killed: false,
        };
        assert_eq!(parse(&text), Some(expected));
    }

    #[test]
    fn no_comm_can_forge_a_field() {
        let hostile: [&[u8]; 10] = [
            b"my proc",
            b"a b 12262",
            b"x y 1",
            b"a) R 1 (b",
            b"foo) Z ",
            b"foo)\nZ\n",
            b") S 1 2 3 4 5",
            b"",
            b"(((",
            b"\xff\x1b[2J",
        ];
        for comm in hostile {
            let text = with_comm(comm);
            let stat = parse(&text).expect("parses");
            assert_eq!(
                (stat.comm, stat.state, stat.ppid, stat.starttime),
                (comm, b'S', 1032, Ticks(16541)),
                "{}",
                comm.escape_ascii()
            );
        }
    }

    #[test]
    fn a_kernel_thread_is_told_by_its_flag() {
        let text = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 4 0 0";
        assert!(parse(text).expect("parses").is_kernel_thread);
    }

    #[test]
    fn a_cut_line_is_malformed_until_the_last_field_that_counts() {
        let text = with_comm(b"cat");
        let enough = format!("{}", text.escape_ascii()).find(" 3133440").expect("vsize");
        for end in 0..enough - 5 {
            assert_eq!(parse(&text[..end]), None, "{end}");
        }
        assert!(parse(&text[..enough]).is_some());
    }
}

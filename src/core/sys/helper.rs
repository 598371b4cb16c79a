//! Other processes that read what can block for minutes.
//!
//! cmdline, environ, maps, smaps and smaps_rollup of a process wait for its mmap_lock. A process that faults on a dead network file
//! system, or that waits for memory at its cgroup's limit, may hold that for as long as it likes, and a reader then sleeps until it
//! lets go: with `--only cmdline:...` one stuck process would keep `kill` from ending any other. So memdoor has such files read by a
//! process of its own that it can leave behind.
//!
//! - [`Helper::start`] forks one or two processes while arming, before memory is locked and before anything large is mapped. Each locks
//!   its own memory and waits. Nothing is started later: at a cgroup's limit fork(2) fails.
//! - With [`Descriptors::Own`] each closes all descriptors but three. With [`Descriptors::Shared`] it has memdoor's, so that it can read
//!   what memdoor keeps open: at a cgroup's limit open(2) fails, too.
//! - [`Helper::ask`] copies a job into memory that both share, wakes one that is idle and waits for the answer until the deadline. A
//!   write to an eventfd takes no memory, where a pipe's fails at a cgroup's limit even if it is empty.
//! - One that does not answer is left alone. It is asked again once its late answer has come, which nobody reads. Until then nothing more
//!   is asked of the same subject, so that one stuck process holds one of them and no more. When all are stuck the answer is "none" at
//!   once. One that was killed is not waited for.
//! - They end with memdoor (PR_SET_PDEATHSIG), by SIGKILL: one that sleeps on a mmap_lock ends too, as that sleep is killable since
//!   Linux 5.8, and before that when the lock is free.
//!
//! What is asked, and how it is read, is the caller's: [`Helper`] knows only that a job is plain data.
//! Between the two calls a job belongs to one side alone: to memdoor until it wakes the other, then to the other until it answers.

extern crate std;

use core::cell::Cell;
use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
use core::time::Duration;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::clock::monotonic;
use super::file::Dir;
use super::map::Shared;
use super::signal::{self, Until, Woken};
use super::{Errno, Result, harden, system};
use crate::units::Pid;

/// How many there are at most: one that is stuck leaves another.
pub const WORKERS: usize = 2;

/// What it is called.
pub const COMM: &CStr = c"memdoor-reader";

/// Signals that are memdoor's to answer, and reach its whole process group or cgroup.
const IGNORED: [Signal; 7] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGPIPE,
];

/// Whose descriptors the processes have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Descriptors {
    /// Their own three. A lock or a pipe of memdoor's ends with memdoor, even if one of them can't be killed: before Linux 5.8.
    Own,
    /// memdoor's (CLONE_FILES), those that it opens later included.
    Shared,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// It did not come in time, or an earlier one has not come yet.
    Late,
    /// The processes were killed: nobody will ever answer.
    Killed,
}

/// One process.
#[derive(Debug)]
struct Worker {
    /// Holds one job.
    job: Shared,
    asked: OwnedFd,
    answered: OwnedFd,
    /// 0 in itself.
    pid: Cell<c_int>,
    state: Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Idle,
    /// It was asked about this subject, and has not answered.
    Busy(Option<Pid>),
    Killed,
}

/// Processes that do jobs of one kind.
#[derive(Debug)]
pub struct Helper<J: Copy> {
    workers: [Option<Worker>; WORKERS],
    job: core::marker::PhantomData<J>,
}

impl<J: Copy> Helper<J> {
    /// Starts `count` of them: one is enough where all jobs are about one subject. `work` does a job in place: it reads below `proc`, and
    /// uses neither the heap nor standard output. `empty` is a job that is never done. With [`Descriptors::Shared`] `proc` stays open.
    pub fn start(proc: &Dir, count: usize, descriptors: Descriptors, empty: J, work: fn(&Dir, &mut J)) -> Result<Self> {
        let worker = || -> Result<Worker> {
            let job = Shared::anonymous(size_of::<J>())?;
            // SAFETY: the mapping has room for one job and is aligned to a page, and nobody else has it yet.
            unsafe { job.start().cast::<J>().write(empty) };
            let (asked, answered) = (eventfd()?, eventfd()?);
            Ok(Worker { job, asked, answered, pid: Cell::new(0), state: Cell::new(State::Idle) })
        };
        let mut workers = [const { None }; WORKERS];
        for place in workers.iter_mut().take(count) {
            *place = Some(worker()?);
        }
        let parent = system::own_pid();
        // Where whoever started memdoor ignores SIGCHLD, the kernel collects children itself, and their numbers may be others' at any time.
        signal::notice_children();
        // A child that has memdoor's name, for however short, is a process that `kill` may choose.
        let name = ThreadName::take(COMM);
        for worker in workers.iter().flatten() {
            match fork(descriptors)? {
                0 => worker.serve(proc, descriptors, work, parent),
                pid => {
                    worker.pid.set(pid);
                    note(pid);
                }
            }
        }
        drop(name);
        Ok(Self { workers, job: core::marker::PhantomData })
    }

    fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.iter().flatten()
    }

    /// Has a job about `subject` done, which `fill` describes, and hands the answer to `take`. When one process alone is left that can be
    /// asked, `may_take_the_last` decides whether it is.
    pub fn ask<T>(
        &self,
        subject: Option<Pid>,
        may_take_the_last: impl FnOnce() -> bool,
        fill: impl FnOnce(&mut J),
        within: Duration,
        take: impl FnOnce(&J) -> T,
    ) -> core::result::Result<T, Unanswered> {
        self.workers().for_each(Worker::look);
        if self.workers().any(|worker| worker.state.get() == State::Busy(subject)) {
            return Err(Unanswered::Late);
        }
        let mut idle = self.workers().filter(|worker| worker.state.get() == State::Idle);
        let Some(worker) = idle.next() else {
            let is_none_left = self.workers().all(|worker| worker.state.get() == State::Killed);
            return Err(if is_none_left { Unanswered::Killed } else { Unanswered::Late });
        };
        if idle.next().is_none() && !may_take_the_last() {
            return Err(Unanswered::Late);
        }
        let mut place = worker.job.start().cast::<J>();
        // SAFETY: there is a job since the start, and the other side, which waits, runs this same program: whatever it wrote is a job.
        fill(unsafe { place.as_mut() });
        worker.state.set(State::Busy(subject));
        if add_one(worker.asked.as_fd()).is_err() {
            return Err(Unanswered::Late);
        }
        let until = monotonic().saturating_add(within);
        loop {
            let left = until.saturating_sub(monotonic());
            let woken = signal::wait(Some((worker.answered.as_fd(), Until::Readable)), Some(left));
            worker.look();
            match (worker.state.get(), woken) {
                // SAFETY: as above; the other side has answered and waits again.
                (State::Idle, _) => return Ok(take(unsafe { place.as_ref() })),
                // Another one may be left.
                (State::Killed, _) => return Err(Unanswered::Late),
                // What a signal means is asked elsewhere.
                (State::Busy(_), Ok(Woken::Signal)) if !left.is_zero() => {}
                (State::Busy(_), _) => return Err(Unanswered::Late),
            }
        }
    }
}

/// All that were started and not collected, 0: none.
static STARTED: [AtomicI32; 4 * WORKERS] = [const { AtomicI32::new(0) }; 4 * WORKERS];

fn note(pid: c_int) {
    let free = STARTED.iter().find(|place| place.load(Relaxed) == 0);
    // More than there is room for end with memdoor, and whoever inherits them collects them.
    if let Some(free) = free {
        free.store(pid, Relaxed);
    }
}

/// How long an end is waited for: one that sleeps on a mmap_lock can't be killed before Linux 5.8.
const END: Duration = Duration::from_millis(50);

/// Ends and collects all of them, for the end of memdoor: where PID 1 collects nobody, as in many a container, each would be a zombie
/// for as long as that lives, and take one of the numbers that `pids.max` counts.
pub fn end_all() {
    let until = monotonic().saturating_add(END);
    for place in &STARTED {
        let pid = place.load(Relaxed);
        if pid == 0 || collect(pid) {
            continue;
        }
        // It is a child that nobody has collected, so the number is its own.
        let _ = kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
        while !collect(pid) && monotonic() < until {
            let _ = signal::wait(None, Some(Duration::from_millis(1)));
        }
    }
}

/// Collects one of them if it has ended; whether it had. Its number may be another's from then on, and is forgotten.
fn collect(pid: c_int) -> bool {
    let found = waitpid(nix::unistd::Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
    let has_ended = found != Ok(WaitStatus::StillAlive);
    if has_ended {
        STARTED.iter().filter(|place| place.load(Relaxed) == pid).for_each(|place| place.store(0, Relaxed));
    }
    has_ended
}

/// A copy of this process: its number, 0 in the copy.
fn fork(descriptors: Descriptors) -> Result<c_int> {
    let flags = match descriptors {
        Descriptors::Own => libc::SIGCHLD,
        Descriptors::Shared => libc::SIGCHLD | libc::CLONE_FILES,
    };
    // nix's fork runs the C library's, which asks; and it shares no descriptors.
    // SAFETY: memdoor has no other thread, so the child is a whole copy of it, on its own copy of the stack. It makes system calls alone,
    // and nothing of the C library that would ask for the thread's number. Without a new stack and without the flags that write to
    // memory the other arguments are not used, in whatever order the architecture has them.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    if pid < 0 { Err(Errno::last()) } else { c_int::try_from(pid).map_err(|_| Errno::EOVERFLOW) }
}

/// Another name of this thread, until it is dropped.
struct ThreadName([u8; 16]);

impl ThreadName {
    fn take(name: &CStr) -> Self {
        let mut before = [0; 16];
        // nix's get_name returns a CString, which is on the heap.
        // SAFETY: the kernel writes at most 16 bytes, the NUL included.
        unsafe { libc::prctl(libc::PR_GET_NAME, before.as_mut_ptr(), 0, 0, 0) };
        let _ = prctl::set_name(name);
        Self(before)
    }
}

impl Drop for ThreadName {
    fn drop(&mut self) {
        let before = CStr::from_bytes_until_nul(&self.0).unwrap_or_default();
        let _ = prctl::set_name(before);
    }
}

impl Worker {
    /// Takes a late answer, or its end.
    fn look(&self) {
        if !matches!(self.state.get(), State::Busy(_)) {
            return;
        }
        if take(self.answered.as_fd()).is_ok() {
            self.state.set(State::Idle);
        } else if collect(self.pid.get()) {
            self.state.set(State::Killed);
        }
    }

    /// What the child does until memdoor ends.
    fn serve<J: Copy>(&self, proc: &Dir, descriptors: Descriptors, work: fn(&Dir, &mut J), parent: u64) -> ! {
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
        for signal in IGNORED {
            // SAFETY: SIG_IGN is no function of ours.
            let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigIgn) };
        }
        if descriptors == Descriptors::Own {
            close_all_but([proc.as_fd(), self.asked.as_fd(), self.answered.as_fd()]);
        }
        // As memdoor itself: all of it is best effort.
        let _ = harden::lock_memory();
        let _ = harden::exempt_from_oom_killer(proc);
        let _ = harden::raise_priority();
        // Its parent may have ended before the first line of this.
        while parent_pid() == parent {
            if signal::wait(Some((self.asked.as_fd(), Until::Readable)), None) == Ok(Woken::Ready)
                && take(self.asked.as_fd()).is_ok()
            {
                // SAFETY: the mapping has one job, which memdoor wrote before it woke this process; it does not use it until the answer.
                work(proc, unsafe { self.job.start().cast::<J>().as_mut() });
                let _ = add_one(self.answered.as_fd());
            }
        }
        // SAFETY: it ends this process without the handlers that memdoor may have for its own end.
        unsafe { libc::_exit(0) }
    }
}

fn eventfd() -> Result<OwnedFd> {
    EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map(OwnedFd::from)
}

fn add_one(event: BorrowedFd<'_>) -> Result<()> {
    nix::unistd::write(event, &1_u64.to_ne_bytes()).map(drop)
}

/// Takes what was added. EAGAIN: nothing was.
fn take(event: BorrowedFd<'_>) -> Result<()> {
    nix::unistd::read(event, &mut [0; 8]).map(drop)
}

fn parent_pid() -> u64 {
    u64::try_from(nix::unistd::getppid().as_raw()).unwrap_or(0)
}

/// Whoever reads memdoor's output must see its end when memdoor ends, and not when this process does.
fn close_all_but(kept: [BorrowedFd<'_>; 3]) {
    let kept = kept.map(|fd| fd.as_raw_fd());
    // Few are open while arming; what is above the soft limit of most systems was not opened by memdoor.
    for fd in (0..1024).filter(|fd| !kept.contains(fd)) {
        // Nothing in this process uses a descriptor but those three, and no owner of another one is ever dropped: it ends by _exit(2).
        let _ = nix::unistd::close(fd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Job {
        sleep: Duration,
        number: u64,
    }

    fn work(_: &Dir, job: &mut Job) {
        let _ = signal::wait(None, Some(job.sleep));
        job.number += 1;
    }

    fn start(proc: &Dir) -> Helper<Job> {
        let empty = Job { sleep: Duration::ZERO, number: 0 };
        Helper::start(proc, WORKERS, Descriptors::Own, empty, work).expect("two processes")
    }

    fn ask(
        helper: &Helper<Job>,
        subject: u64,
        millis: u64,
        number: u64,
        within: u64,
    ) -> core::result::Result<u64, Unanswered> {
        let fill = |job: &mut Job| *job = Job { sleep: Duration::from_millis(millis), number };
        let subject = Pid::new(subject).expect("a pid");
        helper.ask(Some(subject), || true, fill, Duration::from_millis(within), |job| job.number)
    }

    #[test]
    fn one_stuck_subject_holds_one_process_and_is_not_asked_about_again() {
        let helper = start(&Dir::open(c"/proc").expect("/proc"));
        let long = 60_000;
        assert_eq!(ask(&helper, 7, long, 0, 20), Err(Unanswered::Late));
        assert_eq!(ask(&helper, 7, 0, 0, long), Err(Unanswered::Late), "at once");
        assert_eq!(ask(&helper, 8, 0, 1, long), Ok(2));
        assert_eq!(ask(&helper, 7, 0, 0, long), Err(Unanswered::Late), "at once");
    }

    #[test]
    fn a_process_that_was_killed_is_not_waited_for() {
        let helper = start(&Dir::open(c"/proc").expect("/proc"));
        let long = 60_000;
        for worker in helper.workers() {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker.pid.get()), nix::sys::signal::SIGKILL)
                .expect("kill");
            let found = core::iter::from_fn(|| {
                // It is seen by whoever asks it; until it is dead it may be about to answer.
                Some(ask(&helper, 1, 0, 1, 200).is_err())
            });
            let _ = found.take(100).any(|is_late| is_late);
        }
        assert_eq!(ask(&helper, 1, 0, 1, long), Err(Unanswered::Killed));
    }

    #[test]
    fn a_job_is_done_by_another_process_and_one_that_is_stuck_is_left_behind() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let helper = start(&proc);
        let subject = Cell::new(0);
        let ask = |millis, number, within| {
            subject.set(subject.get() + 1);
            ask(&helper, subject.get(), millis, number, within).ok()
        };
        let long = 60_000;
        for number in 0..20 {
            assert_eq!(ask(0, number, long), Some(number + 1));
        }
        // Both are stuck, one after the other.
        let start = monotonic();
        assert_eq!(ask(3000, 0, 20), None);
        assert_eq!(ask(0, 5, long), Some(6), "the other one");
        assert_eq!(ask(3000, 0, 20), None);
        assert_eq!(ask(0, 0, long), None, "at once");
        assert!(monotonic().saturating_sub(start) < Duration::from_secs(3));
        // They come back, and their late answer is nobody's.
        let done = core::iter::from_fn(|| {
            let _ = signal::wait(None, Some(Duration::from_millis(50)));
            Some(ask(0, 7, long))
        });
        assert_eq!(done.take(1200).flatten().next(), Some(8));
    }
}

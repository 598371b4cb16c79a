//! A place of the table: one thread, from its seizure until its end was collected, and what is known of it afterwards.

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use nix::sys::ptrace::{self, Options};

use super::passed::Kept;
use super::stop::{Stop, number, request, thread, wait};
use super::{Held, Released, serve_all_but};
use crate::sys::clock::monotonic;
use crate::sys::signal::{self, Woken};
use crate::sys::{Errno, Result};
use crate::units::Pid;

/// Atomics, as the table is a static; there is no other thread, and so no order between them that counts.
pub(super) struct Place {
    /// Whether somebody has its handle. A thread in a place that nobody has is let go at its next stop.
    is_taken: AtomicBool,
    /// The thread that is seized, 0: none.
    seized: AtomicI32,
    /// Whom waitpid(2) is asked for, 0: nobody is traced. The thread that was seized, until its end was seen.
    traced: AtomicI32,
    /// The first thread of its process: after an exec() of another thread that was seized, the kernel calls that one by this number.
    leader: AtomicI32,
    /// The thread that is in its exit stop, 0: none. Its status, and when that was seen.
    held: AtomicI32,
    status: AtomicI32,
    since: AtomicU64,
    /// The status of the last thread that has gone, -1: none has.
    gone: AtomicI32,
    /// Whether an exit stop had to be passed on before anybody looked.
    was_missed: AtomicBool,
    pub(super) passed: Kept,
}

impl Place {
    pub(super) const fn new() -> Self {
        Self {
            is_taken: AtomicBool::new(false),
            seized: AtomicI32::new(0),
            traced: AtomicI32::new(0),
            leader: AtomicI32::new(0),
            held: AtomicI32::new(0),
            status: AtomicI32::new(0),
            since: AtomicU64::new(0),
            gone: AtomicI32::new(-1),
            was_missed: AtomicBool::new(false),
            passed: Kept::new(),
        }
    }

    /// Takes it, when it is free, and forgets who was there.
    pub(super) fn take(&self) -> bool {
        if self.is_taken.load(Relaxed) || self.is_tracing() {
            return false;
        }
        self.is_taken.store(true, Relaxed);
        self.gone.store(-1, Relaxed);
        self.was_missed.store(false, Relaxed);
        self.passed.forget();
        true
    }

    /// Gives it back. Whoever is held there goes.
    pub(super) fn give_back(&self) {
        self.let_go();
        self.is_taken.store(false, Relaxed);
    }

    pub(super) fn seize(&self, tid: Pid, leader: Pid) -> Result<()> {
        ptrace::seize(thread(tid.get()), Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACEEXIT)?;
        self.seized.store(tid.get(), Relaxed);
        self.traced.store(tid.get(), Relaxed);
        self.leader.store(leader.get(), Relaxed);
        Ok(())
    }

    pub(super) fn is_seized(&self) -> bool {
        self.seized.load(Relaxed) != 0
    }

    pub(super) fn is_tracing(&self) -> bool {
        self.traced.load(Relaxed) != 0
    }

    pub(super) fn held(&self) -> Option<Held> {
        (self.held.load(Relaxed) != 0)
            .then(|| Held { status: self.status.load(Relaxed), since: Duration::from_micros(self.since.load(Relaxed)) })
    }

    pub(super) fn gone(&self) -> Option<i32> {
        Some(self.gone.load(Relaxed)).filter(|status| *status >= 0)
    }

    pub(super) fn was_missed(&self) -> bool {
        self.was_missed.load(Relaxed)
    }

    /// Answers all stops that have come, without waiting: each is passed on as it came, but an exit stop, which is [`Place::held`].
    pub(super) fn serve(&self) {
        while self.is_tracing() && self.held.load(Relaxed) == 0 {
            let Some((tid, stop)) = self.next() else { return };
            match stop {
                Stop::Gone(_) => self.answer(tid, stop),
                _ if !self.is_taken.load(Relaxed) => {
                    self.detach(tid, stop);
                }
                _ => self.answer(tid, stop),
            }
        }
    }

    fn answer(&self, tid: c_int, stop: Stop) {
        // An error means that it was killed meanwhile: the next stop, or its end, says so.
        let _ = match stop {
            Stop::Exit => {
                self.hold(tid);
                return;
            }
            Stop::Exec => {
                self.seized.store(tid, Relaxed);
                request(libc::PTRACE_CONT, tid, 0)
            }
            Stop::Group => request(libc::PTRACE_LISTEN, tid, 0),
            // The same signal: the kernel then keeps its siginfo.
            Stop::Delivery(signal) => {
                self.passed.note(tid, signal);
                request(libc::PTRACE_CONT, tid, number(signal))
            }
            Stop::Trap => request(libc::PTRACE_CONT, tid, 0),
            Stop::Gone(status) => {
                self.is_seized_no_more(tid);
                self.gone.store(status, Relaxed);
                return;
            }
        };
    }

    fn hold(&self, tid: c_int) {
        let status = ptrace::getevent(thread(tid)).unwrap_or(0);
        self.status.store(c_int::try_from(status).unwrap_or(0), Relaxed);
        let now = u64::try_from(monotonic().as_micros()).unwrap_or(0);
        self.since.store(now, Relaxed);
        self.held.store(tid, Relaxed);
    }

    fn is_seized_no_more(&self, tid: c_int) {
        let _ = self.seized.compare_exchange(tid, 0, Relaxed, Relaxed);
    }

    pub(super) fn let_go(&self) {
        let tid = self.held.swap(0, Relaxed);
        if tid != 0 {
            self.is_seized_no_more(tid);
            let _ = request(libc::PTRACE_CONT, tid, 0);
        }
    }

    pub(super) fn let_go_unseen(&self) {
        if self.held().is_some() {
            self.was_missed.store(true, Relaxed);
            self.let_go();
        }
    }

    /// Lets a thread that has stopped run on untraced.
    fn detach(&self, tid: c_int, stop: Stop) -> bool {
        let signal = match stop {
            Stop::Delivery(signal) => number(signal),
            _ => 0,
        };
        let is_free = request(libc::PTRACE_DETACH, tid, signal).is_ok();
        if is_free {
            self.seized.store(0, Relaxed);
        }
        is_free
    }

    pub(super) fn release(&self, within: Duration) -> Released {
        let until = monotonic().saturating_add(within);
        self.serve();
        let tid = self.seized.load(Relaxed);
        if tid == 0 || ptrace::interrupt(thread(tid)).is_err() {
            self.serve();
        }
        loop {
            if self.held().is_some() {
                return Released::Dying;
            }
            if !self.is_seized() || !self.is_tracing() {
                return Released::Free;
            }
            match self.next() {
                Some((_, stop @ (Stop::Exit | Stop::Gone(_)))) => self.answer(tid, stop),
                Some((stopped, stop)) => {
                    if self.detach(stopped, stop) {
                        return Released::Free;
                    }
                }
                None => {
                    let left = until.saturating_sub(monotonic());
                    if left.is_zero() || signal::wait(None, Some(left)) == Ok(Woken::Timeout) {
                        return Released::Stuck;
                    }
                    serve_all_but(self);
                }
            }
        }
    }

    /// The next stop or end of the traced thread. Nobody else is waited for: memdoor has children that are not traced, those of
    /// [`crate::sys::helper`] and its shell's before exec().
    fn next(&self) -> Option<(c_int, Stop)> {
        let traced = self.traced.load(Relaxed);
        let leader = self.leader.load(Relaxed);
        let found = match wait(traced) {
            Err(Errno::ECHILD) if leader != traced => {
                let found = wait(leader);
                if found.is_ok() {
                    self.traced.store(leader, Relaxed);
                }
                found
            }
            found => found,
        };
        if found == Err(Errno::ECHILD) {
            self.seized.store(0, Relaxed);
            self.traced.store(0, Relaxed);
        }
        found.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Above what any kernel gives a thread: all that is asked of it fails, as of one that was killed meanwhile.
    const TID: c_int = c_int::MAX;

    fn seized() -> Place {
        let place = Place::new();
        assert!(place.take());
        for number in [&place.seized, &place.traced, &place.leader] {
            number.store(TID, Relaxed);
        }
        place
    }

    #[test]
    fn an_exit_stop_is_held_until_it_is_let_go() {
        let place = seized();
        place.answer(TID, Stop::Exit);
        assert!(place.held().is_some() && place.is_seized());
        place.let_go();
        assert!(place.held().is_none() && !place.is_seized() && place.is_tracing() && !place.was_missed());
    }

    #[test]
    fn an_exit_stop_that_nobody_could_look_at_is_missed_and_one_that_never_came_is_not() {
        let place = seized();
        place.let_go_unseen();
        assert!(!place.was_missed());
        place.answer(TID, Stop::Exit);
        place.let_go_unseen();
        assert!(place.held().is_none() && place.was_missed());
    }

    #[test]
    fn every_other_stop_leaves_it_seized_and_its_end_does_not() {
        let place = seized();
        for stop in [Stop::Group, Stop::Delivery(libc::SIGTERM), Stop::Trap, Stop::Exec] {
            place.answer(TID, stop);
            assert!(place.is_seized() && place.held().is_none() && place.gone().is_none(), "{stop:?}");
        }
        place.answer(TID, Stop::Gone(9));
        assert!(!place.is_seized());
        assert_eq!(place.gone(), Some(9));
    }

    #[test]
    fn after_an_exec_the_thread_has_its_leaders_number() {
        let place = seized();
        place.answer(TID - 1, Stop::Exec);
        assert_eq!(place.seized.load(Relaxed), TID - 1);
    }

    #[test]
    fn a_place_is_free_when_nobody_has_it_and_nobody_is_traced_there_and_forgets_who_was() {
        let place = seized();
        assert!(!place.take());
        place.answer(TID, Stop::Gone(9));
        place.give_back();
        assert!(!place.take(), "its end was not collected yet");
        // Nobody of that number: the kernel has nothing more to tell of it.
        place.serve();
        assert!(place.take());
        assert_eq!((place.gone(), place.passed.newest_first().next()), (None, None));
    }

    #[test]
    fn who_gives_a_place_back_holds_nobody() {
        let place = seized();
        place.answer(TID, Stop::Exit);
        place.give_back();
        assert!(place.held().is_none());
    }
}

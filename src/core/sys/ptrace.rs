//! Threads of other processes, seized so that they stop at their exit: ptrace(2), PTRACE_SEIZE since Linux 3.4.
//!
//! A seized thread runs on and only stops for its signals, a group stop, exec() and its exit. [`serve`] passes all of these on
//! unchanged but the last, which waits for [`Tracee::let_go`]. When the tracer ends, in whatever way, the kernel lets its threads run on.
//!
//! The table of them is the one static: the kernel's own is the process's, too, and whoever waits for a reader of memdoor's words answers
//! the stops that come meanwhile, however deep in a report that is. No signal handler touches it, and there is one tracer, without
//! threads. Whose thread is where only a [`Tracee`] knows.

mod passed;
mod place;
mod stop;

use core::time::Duration;

use super::{Errno, Result};
use crate::units::Pid;
use place::Place;

pub use passed::{LAST, Passed};

/// One for who is watched, and one for who was before and could not be stopped in time to be let go.
const PLACES: usize = 2;

static TABLE: [Place; PLACES] = [const { Place::new() }; PLACES];

/// A thread in its exit stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// What waitpid(2) will say of it, by PTRACE_GETEVENTMSG.
    pub status: i32,
    /// Since when, on [`crate::sys::clock::monotonic`]'s clock.
    pub since: Duration,
}

/// How [`Tracee::release`] ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Released {
    /// It runs on, untraced.
    Free,
    /// It is dying, and held.
    Dying,
    /// It could not be stopped in that time, as in an uninterruptible sleep: it is still seized.
    Stuck,
}

/// A place in the table, for one process as long as it is watched. Without one nobody can be seized.
///
/// Dropped, it lets go of who is held there. One that is still seized is let go at its next stop, or when memdoor ends: that disturbs
/// nobody, where [`Tracee::release`] may end a system call.
pub struct Tracee(Option<&'static Place>);

impl Tracee {
    /// No place.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// The next free place.
    #[must_use]
    pub fn take() -> Self {
        serve();
        Self(TABLE.iter().find(|place| place.take()))
    }

    /// Seizes a thread of the process `leader` by its number. It is not stopped.
    ///
    /// EPERM: not permitted (another user, Yama), already traced, or it has exited. ESRCH: there is none. EBUSY: there was no free place.
    pub fn seize(&self, tid: Pid, leader: Pid) -> Result<()> {
        self.0.ok_or(Errno::EBUSY)?.seize(tid, leader)
    }

    /// Whether a thread is seized and has not begun to exit.
    #[must_use]
    pub fn is_seized(&self) -> bool {
        self.0.is_some_and(Place::is_seized)
    }

    /// Whether something traced has not been collected yet: until then its parent does not see its end.
    #[must_use]
    pub fn is_tracing(&self) -> bool {
        self.0.is_some_and(Place::is_tracing)
    }

    /// The thread in its exit stop.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.0?.held()
    }

    /// The wait status of the last traced thread that has gone.
    #[must_use]
    pub fn gone(&self) -> Option<i32> {
        self.0?.gone()
    }

    /// Whether an exit stop went by unseen, because nobody read memdoor's output.
    #[must_use]
    pub fn was_missed(&self) -> bool {
        self.0.is_some_and(Place::was_missed)
    }

    /// The last signals that were passed on to it, the newest first.
    #[must_use]
    pub fn passed(&self) -> [Option<Passed>; LAST] {
        let mut last = [None; LAST];
        if let Some(place) = self.0 {
            for (slot, passed) in last.iter_mut().zip(place.passed.newest_first()) {
                *slot = Some(passed);
            }
        }
        last
    }

    /// Lets the thread in its exit stop go.
    pub fn let_go(&self) {
        if let Some(place) = self.0 {
            place.let_go();
        }
    }

    /// Lets the seized thread run on untraced. That takes a stop of it, which may end a system call of it with EINTR, as SIGCONT does.
    pub fn release(&self, within: Duration) -> Released {
        self.0.map_or(Released::Free, |place| place.release(within))
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.give_back();
        }
    }
}

/// Whether anything traced has not been collected yet.
#[must_use]
pub fn is_tracing() -> bool {
    TABLE.iter().any(Place::is_tracing)
}

/// Whether any thread is in its exit stop: then nothing may wait.
#[must_use]
pub fn is_holding() -> bool {
    TABLE.iter().any(|place| place.held().is_some())
}

/// Answers all stops that have come, without waiting: each is passed on as it came, but an exit stop, which is [`Tracee::held`].
pub fn serve() {
    TABLE.iter().for_each(Place::serve);
}

/// The same of all but one, which is waited for otherwise.
fn serve_all_but(one: &Place) {
    TABLE.iter().filter(|place| !core::ptr::eq(*place, one)).for_each(Place::serve);
}

/// While nobody reads what memdoor writes: who is held does not wait for that.
pub(super) fn let_go_unseen() {
    TABLE.iter().for_each(Place::let_go_unseen);
}

//! `--self-report` of a daemon: what it took of the heap and of pages since it was armed.

use crate::sys::harden::Faults;
use crate::sys::heap;
use crate::sys::out::say;

/// Whether memdoor says at its end what watching cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SelfReport {
    /// It does.
    Show,
    /// It does not.
    Hide,
}

/// What was taken until now.
pub(crate) struct Cost {
    allocations: u64,
    faults: Faults,
}

impl Cost {
    /// Up to here it is arming's.
    pub(crate) fn so_far() -> Self {
        Self { allocations: heap::allocations(), faults: Faults::so_far() }
    }

    /// Says what came since, and how often something was done.
    pub(crate) fn report(&self, what: &str, count: u64) {
        let faults = Faults::so_far().since(self.faults);
        say(format_args!(
            "memdoor: self-report: allocations {}, minor faults {}, major faults {}, {what} {count}",
            heap::allocations() - self.allocations,
            faults.minor,
            faults.major,
        ));
    }
}

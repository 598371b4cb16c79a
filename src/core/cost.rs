//! `--self-report` of a daemon: what it took of the heap and of pages since it was armed.

use crate::sys::harden::Faults;
use crate::sys::heap::{self, Sealed};
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
    _sealed: Sealed,
}

impl Cost {
    /// Up to here it is arming's; from here on nothing may allocate until this is dropped.
    pub(crate) fn so_far() -> Self {
        Self { allocations: heap::allocations(), faults: Faults::so_far(), _sealed: heap::seal() }
    }

    /// Allocations and page faults since then.
    pub(crate) fn since(&self) -> (u64, Faults) {
        (heap::allocations() - self.allocations, Faults::so_far().since(self.faults))
    }

    /// Says what came since, and how often something was done.
    pub(crate) fn report(&self, what: &str, count: u64) {
        let (allocations, faults) = self.since();
        say(format_args!(
            "memdoor: self-report: allocations {allocations}, minor faults {}, major faults {}, {what} {count}",
            faults.minor, faults.major,
        ));
    }
}

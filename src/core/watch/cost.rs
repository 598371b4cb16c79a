//! `--self-report`: what watching cost.

use super::end::WatchSummary;
use crate::host::Host;
use crate::mode::open_self;
use crate::snapshot::memory;
use crate::sys::harden::Faults;
use crate::sys::out::say;
use crate::units::{Bytes, micros};

impl WatchSummary {
    /// Says it on standard error: allocations and faults since arming.
    pub(super) fn say_cost(&self, (allocations, faults): (u64, Faults), host: &Host) {
        let Self { samples, snapshots, worst_lateness, .. } = self;
        say(format_args!(
            "memdoor: self-report: allocations {allocations}, minor faults {}, major faults {}, ticks {samples}, \
             snapshots {snapshots}, worst lateness {} us, RSS {}",
            faults.minor,
            faults.major,
            micros(*worst_lateness),
            Kib(own_rss(host)),
        ));
    }
}

/// `440 kB`, or `-`.
struct Kib(Option<Bytes>);

impl core::fmt::Display for Kib {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(size) => write!(f, "{} kB", size.kib()),
            None => f.write_str("-"),
        }
    }
}

fn own_rss(host: &Host) -> Option<Bytes> {
    let mut target = open_self(host)?;
    memory::rss(&mut target, host.page).ok()
}

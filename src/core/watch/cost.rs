//! `--self-report`: what watching cost.

use super::Armed;
use super::end::Seen;
use crate::mode::open_self;
use crate::snapshot::memory;
use crate::sys::harden::Faults;
use crate::sys::out::say;
use crate::units::{Bytes, micros};

impl Armed<'_> {
    /// Says it on standard error: allocations and faults since arming.
    pub(super) fn report_self(&self, (allocations, faults): (u64, Faults)) {
        let Seen { samples, snapshots, worst_lateness, .. } = self.seen;
        say(format_args!(
            "memdoor: self-report: allocations {allocations}, minor faults {}, major faults {}, ticks {samples}, \
             snapshots {snapshots}, worst lateness {} us, RSS {}",
            faults.minor,
            faults.major,
            micros(worst_lateness),
            Kib(own_rss(self)),
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

fn own_rss(armed: &Armed<'_>) -> Option<Bytes> {
    let mut target = open_self(&armed.host)?;
    memory::rss(&mut target, armed.host.page).ok()
}

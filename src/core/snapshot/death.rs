//! A process at its death: held in its exit stop, where all that it has is still there, for as short as can be.
//!
//! Cheap to dear, and nothing is opened: at a cgroup's hard limit that fails, or waits for memory that only this death will free.

use core::time::Duration;

use super::basic::BEGIN;
use super::{Completeness, END, Losses, Scene, Take, basic, head, history, late, mappings, memory, network};
use crate::report::{Name, Report, Section, Value};
use crate::sys::clock::monotonic;

/// What the dying process is said to die of.
#[derive(Clone, Copy, Debug)]
pub struct Death<'a> {
    /// In words: `killed by SIGKILL`.
    pub status: &'a [u8],
    /// When the stop was seen.
    pub since: Duration,
}

/// That it is dying, and of what.
const DEATH: Section = Section { key: "memdoor.snapshot.death", banner: "##### PROCESS DEATH INFORMATION #####\n" };

/// The sockets at 13 us each are the dearer ones when there are more: 60,000 mappings take 24 ms.
const FEW: usize = 2048;

/// The sections of a process with so many sockets.
fn sections(sockets: usize) -> [(&'static Section, Take); 6] {
    const NETWORK: (&Section, Take) = (&network::SECTION, network::take);
    const MAPPINGS: (&Section, Take) = (&mappings::SECTION, mappings::take);
    let (cheaper, dearer) = if sockets > FEW { (MAPPINGS, NETWORK) } else { (NETWORK, MAPPINGS) };
    [
        (&basic::SECTION, basic::take),
        (&memory::SECTION, memory::take),
        (&history::SECTION, history::take),
        cheaper,
        dearer,
        (&memory::ROLLUP, memory::rollup_alone),
    ]
}

/// Takes the snapshot of a process in its exit stop; `scene` says until when.
pub fn take_at_death(scene: &mut Scene<'_>, death: &Death<'_>, report: &mut dyn Report) -> Completeness {
    head(scene, report);
    report.begin(&DEATH);
    report.facts(&[
        Name(BEGIN, "Snapshot At", "").is(Value::Words("its death, in the exit stop")),
        Name(BEGIN, "Exit Status", "").is(Value::Text(death.status)),
    ]);
    report.end(&DEATH);
    let mut losses = Losses::new();
    for (section, take) in sections(scene.sockets.noted()) {
        let take = if scene.when.left().is_zero() { late } else { take };
        losses.one(section, take, scene, report);
    }
    report.facts(&[Name(END, "Snapshot", "").is(Value::Words(losses.all.name()))]);
    losses.foot(monotonic().saturating_sub(death.since), report)
}

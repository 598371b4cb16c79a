//! Whether two times can be of one event: they must agree by every clock that both have, not by the first that they share. The time since
//! boot comes again in the next boot, and a process's number and sizes on another day.
//!
//! This is the one rule for lines of one report, for a line that a log has twice, and for an event that several logs have; they differ in
//! how far apart is far.

use super::event::Stamp;
use super::moment::between;
use super::record::When;

/// What is there twice in one log is this near, by each clock: two programs write it, each late in its own way. In microseconds.
pub(super) const NEAR: u64 = 10_000_000;

/// How long the second is after the first, in microseconds, by each clock that both have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Apart {
    pub(super) boot: Option<i64>,
    pub(super) wall: Option<i64>,
}

impl Apart {
    /// Of two lines of one log, whose times may be only text.
    pub(super) fn of_lines(last: &Stamp, when: &When<'_>) -> Self {
        let boot = last.boot_us.zip(when.boot_us).and_then(|(last, now)| after(last, now));
        let wall = match (last.wall_us, when.wall_us) {
            (Some(last), Some(now)) => now.checked_sub(last),
            (None, None) => last
                .wall
                .as_deref()
                .zip(when.wall)
                .map(|(last, now)| if is_torn(last, now) { 0 } else { between(last, now).unwrap_or(UNSAID) }),
            _ => None,
        };
        Self { boot, wall }
    }

    /// By the clock that tells most: since boot no transport is late.
    pub(super) fn most_telling(self) -> Option<i64> {
        self.boot.or(self.wall)
    }

    /// Whether they are no further apart than this, by each clock that both have.
    pub(super) fn is_within(self, boot: u64, wall: u64) -> bool {
        let is_near = |apart: Option<i64>, most| apart.is_none_or(|us| us.unsigned_abs() <= most);
        is_near(self.boot, boot) && is_near(self.wall, wall)
    }
}

/// Of two texts that differ and in which there is no time.
const UNSAID: i64 = 1_000_000;

/// Whether it is the same time without its first bytes, as a log has it on its first line that was torn: `eb 03 19:57:08`.
fn is_torn(torn: &[u8], whole: &[u8]) -> bool {
    /// The clock's own.
    const CLOCK: usize = 8;
    torn.len() >= CLOCK && torn.len() < whole.len() && whole.ends_with(torn) && torn.contains(&b':')
}

pub(super) fn after(last: u64, now: u64) -> Option<i64> {
    i64::try_from(now).ok()?.checked_sub(i64::try_from(last).ok()?)
}

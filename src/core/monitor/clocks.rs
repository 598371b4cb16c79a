//! Whether the wall clock was set, or the machine slept: both make a curve lie.

use core::time::Duration;

use crate::sys::clock::{Now, monotonic};

/// The wall clock may be slewed by 500 ppm, which is 15 ms in 30 s: this is set.
const SET: Duration = Duration::from_secs(1);
/// Suspended for so long, or longer.
const SLEPT: Duration = Duration::from_secs(1);

/// What happened to the clocks between two samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ClockJump {
    /// The wall clock was set forward by so much.
    Forward(Duration),
    /// It was set back.
    Back(Duration),
    /// The machine was suspended for so long.
    Slept(Duration),
}

/// The clocks at the last sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// Since 1970.
    wall: Duration,
    /// Since boot, with suspended time.
    boot: Duration,
    /// Since boot, without it.
    steady: Duration,
}

impl Clocks {
    pub(super) fn at(now: &Now) -> Self {
        Self { wall: now.realtime, boot: now.boottime, steady: monotonic() }
    }

    /// What happened since `before`: first what the wall clock did, then the machine.
    pub(super) fn since(&self, before: &Self) -> [Option<ClockJump>; 2] {
        let passed = self.boot.saturating_sub(before.boot);
        let expected = before.wall.saturating_add(passed);
        let set = match (self.wall.saturating_sub(expected), expected.saturating_sub(self.wall)) {
            (ahead, _) if ahead >= SET => Some(ClockJump::Forward(ahead)),
            (_, behind) if behind >= SET => Some(ClockJump::Back(behind)),
            _ => None,
        };
        let awake = self.steady.saturating_sub(before.steady);
        let asleep = passed.saturating_sub(awake);
        [set, (asleep >= SLEPT).then_some(ClockJump::Slept(asleep))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn clocks(wall: u64, boot: u64, steady: u64) -> Clocks {
        Clocks {
            wall: Duration::from_millis(wall),
            boot: Duration::from_millis(boot),
            steady: Duration::from_millis(steady),
        }
    }

    #[test]
    fn a_clock_that_is_set_is_told_from_a_machine_that_slept() {
        let before = clocks(1_000_000, 50_000, 40_000);
        let since = |wall, boot, steady| clocks(wall, boot, steady).since(&before);
        assert_eq!(since(1_030_000, 80_000, 70_000), [None, None]);
        assert_eq!(since(1_030_900, 80_000, 70_000), [None, None], "slewed");
        let hour = Duration::from_secs(3600);
        assert_eq!(since(4_630_000, 80_000, 70_000), [Some(ClockJump::Forward(hour)), None]);
        assert_eq!(since(1_000_000, 80_000, 70_000), [Some(ClockJump::Back(Duration::from_secs(30))), None]);
        assert_eq!(since(4_630_000, 3_680_000, 70_000), [None, Some(ClockJump::Slept(hour))]);
    }

    #[test]
    fn now_is_no_leap() {
        let now = Clocks::at(&Now::read());
        assert_eq!(Clocks::at(&Now::read()).since(&now), [None, None]);
    }
}

//! The three clocks, and the calendar as libc knows it.

use core::mem::MaybeUninit;
use core::time::Duration;
use nix::time::ClockId;

use super::{Errno, Result};

/// One moment on the clocks that reports need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Since 1970, UTC.
    pub realtime: Duration,
    /// Since boot, suspended time included: the clock of `/proc/PID/stat`'s starttime.
    pub boottime: Duration,
    /// The wall clock in the local time zone.
    pub local: Civil,
    /// The wall clock in UTC.
    pub utc: Civil,
}

/// A date and a time of day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Civil {
    /// Four digits for some time to come.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// 0 is Sunday.
    pub weekday: u8,
}

/// Which calendar to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zone {
    /// `TZ` or /etc/localtime; UTC where neither is there (a rescue system).
    Local,
    /// UTC.
    Utc,
}

impl Now {
    /// Reads the clocks.
    #[must_use]
    pub fn read() -> Self {
        let realtime = read(ClockId::CLOCK_REALTIME);
        Self {
            realtime,
            boottime: read(ClockId::CLOCK_BOOTTIME),
            local: civil(realtime, Zone::Local),
            utc: civil(realtime, Zone::Utc),
        }
    }

    /// The wall clock when the machine had been up for `boottime`.
    #[must_use]
    pub fn at_boottime(&self, boottime: Duration) -> Duration {
        self.realtime.saturating_sub(self.boottime).saturating_add(boottime)
    }
}

/// The steady clock that paces sampling: it stands still while the machine is suspended.
#[must_use]
pub fn monotonic() -> Duration {
    read(ClockId::CLOCK_MONOTONIC)
}

fn read(clock: ClockId) -> Duration {
    // These clocks exist on every kernel since 2.6.39.
    clock.now().map_or(Duration::ZERO, Duration::from)
}

/// Waits, a signal or not: for when ppoll(2) fails.
pub fn sleep(span: Duration) {
    let time = libc::timespec { tv_sec: span.as_secs().try_into().unwrap_or(1), tv_nsec: span.subsec_nanos().into() };
    // SAFETY: it reads the structure, and is given no room for what is left of the time.
    unsafe { libc::nanosleep(&raw const time, core::ptr::null_mut()) };
}

/// The date of a moment since 1970. libc reads the zone file at the first call (arming does it) and keeps it.
#[must_use]
pub fn civil(since_1970: Duration, zone: Zone) -> Civil {
    calendar(since_1970, zone).unwrap_or_default()
}

fn calendar(since_1970: Duration, zone: Zone) -> Result<Civil> {
    let seconds = i64::try_from(since_1970.as_secs()).map_err(|_| Errno::EOVERFLOW)?;
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    let filled = match zone {
        // SAFETY: both pointers are valid; memdoor has one thread, so nobody changes TZ meanwhile.
        Zone::Local => unsafe { libc::localtime_r(&raw const seconds, parts.as_mut_ptr()) },
        // SAFETY: both pointers are valid.
        Zone::Utc => unsafe { libc::gmtime_r(&raw const seconds, parts.as_mut_ptr()) },
    };
    if filled.is_null() {
        return Err(Errno::EOVERFLOW);
    }
    // SAFETY: it was zeroed before libc filled it, and its fields are integers and one pointer that is not used.
    let parts = unsafe { parts.assume_init() };
    let small = |number: i32| u8::try_from(number).map_err(|_| Errno::ERANGE);
    Ok(Civil {
        year: parts.tm_year.saturating_add(1900),
        month: small(parts.tm_mon + 1)?,
        day: small(parts.tm_mday)?,
        hour: small(parts.tm_hour)?,
        minute: small(parts.tm_min)?,
        second: small(parts.tm_sec)?,
        weekday: small(parts.tm_wday)?,
    })
}

/// Seconds since 1970 of a date and a time of day, its weekday left alone; `None` when there is no such day or time, as 30 February.
///
/// An hour that comes twice when summer time ends is taken as libc takes it.
#[must_use]
pub fn since_1970(date: Civil, zone: Zone) -> Option<i64> {
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: all zero is a valid tm: its fields are integers and one pointer that may be null.
    let parts = unsafe { parts.assume_init_mut() };
    parts.tm_year = date.year.checked_sub(1900)?;
    parts.tm_mon = i32::from(date.month) - 1;
    parts.tm_mday = date.day.into();
    parts.tm_hour = date.hour.into();
    parts.tm_min = date.minute.into();
    parts.tm_sec = date.second.into();
    // Whether it is summer time is for libc to know.
    parts.tm_isdst = -1;
    // No weekday is -1: libc sets it unless it fails, and the -1 that it returns then is a time, too.
    parts.tm_wday = -1;
    let seconds = match zone {
        // SAFETY: the pointer is valid; memdoor has one thread, so nobody changes TZ meanwhile.
        Zone::Local => unsafe { libc::mktime(parts) },
        // SAFETY: the pointer is valid.
        Zone::Utc => unsafe { libc::timegm(parts) },
    };
    // libc makes 2 March of 30 February.
    let is_day = parts.tm_mday == i32::from(date.day) && parts.tm_mon + 1 == i32::from(date.month);
    let is_time = date.hour < 24 && date.minute < 60 && date.second <= 60;
    (parts.tm_wday >= 0 && is_time && (is_day || date.second == 60)).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_there_is_not_is_no_moment() {
        let date = civil(Duration::from_secs(1_714_344_264), Zone::Utc);
        assert_eq!(since_1970(date, Zone::Utc), Some(1_714_344_264));
        assert_eq!(since_1970(Civil { day: 31, ..date }, Zone::Utc), None);
        assert_eq!(since_1970(Civil { hour: 24, ..date }, Zone::Utc), None);
        assert_eq!(since_1970(Civil { month: 13, ..date }, Zone::Utc), None);
        let leap = |year| Civil { year, month: 2, day: 29, ..date };
        assert_eq!(since_1970(leap(2025), Zone::Utc), None);
        assert_eq!(since_1970(leap(2024), Zone::Utc), Some(1_709_246_664));
    }

    #[test]
    fn the_documents_first_report_was_on_a_sunday() {
        let date = civil(Duration::from_secs(1_714_344_264), Zone::Utc);
        assert_eq!(date, Civil { year: 2024, month: 4, day: 28, hour: 22, minute: 44, second: 24, weekday: 0 });
    }

    #[test]
    fn a_moment_before_now_is_on_the_wall_clock_of_then() {
        let now = Now {
            realtime: Duration::from_secs(1000),
            boottime: Duration::from_secs(100),
            local: Civil::default(),
            utc: Civil::default(),
        };
        assert_eq!(now.at_boottime(Duration::from_secs(40)), Duration::from_secs(940));
    }
}

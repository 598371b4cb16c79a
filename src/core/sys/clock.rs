//! The three clocks; the calendar, which the time crate knows; and the local zone, which libc does.

use core::mem::MaybeUninit;
use core::time::Duration;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use time::{Date, Month, Time, UtcDateTime};

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
    let _ = clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::empty(), &span.into());
}

/// The date of a moment since 1970; all zeros beyond the year 999,999, which no number of microseconds in 64 bits reaches.
///
/// libc reads the zone file at the first call (arming does it) and keeps it.
#[must_use]
pub fn civil(since_1970: Duration, zone: Zone) -> Civil {
    calendar(since_1970, zone).unwrap_or_default()
}

fn calendar(since_1970: Duration, zone: Zone) -> Option<Civil> {
    let seconds = i64::try_from(since_1970.as_secs()).ok()?;
    let east = match zone {
        Zone::Local => east(seconds)?,
        Zone::Utc => 0,
    };
    let moment = UtcDateTime::from_unix_timestamp(seconds.checked_add(east)?).ok()?;
    let (hour, minute, second) = moment.as_hms();
    Some(Civil { hour, minute, second, ..moment.date().into() })
}

/// How many seconds local time is ahead of UTC. nix has nothing of libc's zones.
fn east(seconds: i64) -> Option<i64> {
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid; memdoor has one thread, so nobody changes TZ meanwhile.
    let filled = unsafe { libc::localtime_r(&raw const seconds, parts.as_mut_ptr()) };
    if filled.is_null() {
        return None;
    }
    // SAFETY: it was zeroed before libc filled it, and its fields are integers and one pointer that is not used.
    Some(unsafe { parts.assume_init() }.tm_gmtoff)
}

/// Its midnight.
impl From<Date> for Civil {
    fn from(date: Date) -> Self {
        Self {
            year: date.year(),
            month: date.month().into(),
            day: date.day(),
            weekday: date.weekday().number_days_from_sunday(),
            ..Self::default()
        }
    }
}

impl Civil {
    /// `None`: there is no such day.
    fn date(self) -> Option<Date> {
        Date::from_calendar_date(self.year, Month::try_from(self.month).ok()?, self.day).ok()
    }

    /// Midnight of the day before.
    #[must_use]
    pub fn day_before(self) -> Option<Self> {
        self.date()?.previous_day().map(Self::from)
    }
}

/// Seconds since 1970 of a date and a time of day, its weekday left alone; `None` when there is no such day or time, as 30 February.
///
/// A leap second is the one behind it. An hour that comes twice when summer time ends is taken as libc takes it.
#[must_use]
pub fn since_1970(date: Civil, zone: Zone) -> Option<i64> {
    let leap = u8::from(date.second == 60);
    let time = Time::from_hms(date.hour, date.minute, date.second - leap).ok()?;
    let seconds = UtcDateTime::new(date.date()?, time).unix_timestamp() + i64::from(leap);
    match zone {
        Zone::Local => local(date),
        Zone::Utc => Some(seconds),
    }
}

/// The same of a date and a time that there are, in the local zone.
fn local(date: Civil) -> Option<i64> {
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
    // SAFETY: the pointer is valid; memdoor has one thread, so nobody changes TZ meanwhile.
    let seconds = unsafe { libc::mktime(parts) };
    // A zone may leave a day out, as Samoa did 30 December 2011: libc makes another of it.
    let is_day = parts.tm_mday == i32::from(date.day) && parts.tm_mon + 1 == i32::from(date.month);
    (parts.tm_wday >= 0 && (is_day || date.second == 60)).then_some(seconds)
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
    fn years_of_four_digits_and_of_six_have_their_leap_days() {
        let at = |seconds| civil(Duration::from_secs(seconds), Zone::Utc);
        let day = |year, month, day, weekday| Civil { year, month, day, weekday, ..Civil::default() };
        assert_eq!(at(0), day(1970, 1, 1, 4));
        assert_eq!(at(951_782_400), day(2000, 2, 29, 2));
        assert_eq!(at(4_107_542_400), day(2100, 3, 1, 1));
        assert_eq!(at(4_107_542_400 - 86_400), day(2100, 2, 28, 0));
        assert_eq!(at(253_402_300_800), day(10_000, 1, 1, 6));
        // The last microsecond that 64 bits hold.
        let last = Civil { year: 586_524, month: 1, day: 19, hour: 8, minute: 1, second: 49, weekday: 3 };
        assert_eq!(civil(Duration::from_micros(u64::MAX), Zone::Utc), last);
        assert_eq!(since_1970(last, Zone::Utc), Some(18_446_744_073_709));
        for zone in [Zone::Utc, Zone::Local] {
            assert_eq!(civil(Duration::MAX, zone), Civil::default());
            assert_eq!(since_1970(Civil { year: i32::MAX, ..last }, zone), None);
            assert_eq!(since_1970(Civil::default(), zone), None);
        }
    }

    #[test]
    fn a_date_before_1970_and_a_leap_second_are_moments() {
        let date = Civil { year: 1969, month: 12, day: 31, hour: 23, minute: 59, second: 60, weekday: 0 };
        assert_eq!(since_1970(date, Zone::Utc), Some(0));
        assert_eq!(since_1970(Civil { second: 59, ..date }, Zone::Utc), Some(-1));
        assert_eq!(since_1970(Civil { second: 61, ..date }, Zone::Utc), None);
        assert_eq!(
            since_1970(Civil { year: 0, month: 3, day: 1, ..Civil::default() }, Zone::Utc),
            Some(-62_162_035_200)
        );
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

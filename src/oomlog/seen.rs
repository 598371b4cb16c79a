//! Which events were seen before: the same one is in kern.log, syslog and messages, and in the log that was read an hour ago.
mod print;

use super::apart::{Apart, NEAR, after};
use super::moment::{By, Moment};
pub use print::{Print, Tells, beginning, number, print};

/// Events and their beginnings that are remembered; the oldest is forgotten first, and may then be reported twice. 2 MiB when full.
pub const MOST: usize = 32_768;

/// Of those that look alike so many are compared with, the latest first.
const LOOK: usize = 1024;

/// Where an event was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Where {
    /// In the log of this number.
    Log(u32),
    /// In an earlier run.
    Earlier,
}

/// What is known of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// It is new.
    New,
    /// This run has it from elsewhere.
    Repeated,
    /// An earlier run had it.
    Earlier,
}

/// The same, and under which number it is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noted {
    /// What is known.
    pub known: Known,
    /// The number, from 1.
    pub number: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    print: Print,
    place: Where,
    /// The number of the one before it with the same [`Seen::slot`]; 0 is none.
    link: u32,
    /// Whether later runs are told of it: not of one that was left out, as nobody has been shown it.
    is_kept: bool,
}

/// The events that were seen.
pub struct Seen {
    /// A ring: number n is at (n - 1) % MOST.
    entries: Vec<Entry>,
    heads: Box<[u32]>,
    /// The number of the last one, from 1.
    last: u32,
    /// How many were forgotten.
    forgotten: u64,
    /// What was before this time was forgotten by earlier runs.
    floor_us: Option<i64>,
    /// The earliest time of those that were left out.
    left_out_us: Option<i64>,
}

/// How far apart the times of one event may be, in microseconds, by each of the two clocks.
#[derive(Clone, Copy)]
struct Slack {
    boot: u64,
    wall: u64,
}

/// What a log has twice.
const OF_ONE_LOG: Slack = Slack { boot: 1_000, wall: NEAR };
/// The same where no size tells: for each request within a millisecond there may have been nobody to kill.
const OF_ONE_LOG_BY_PID: Slack = Slack { boot: 0, wall: NEAR };
/// Of two logs: transports round times, and each is late in its own way.
const OF_LOGS: Slack = Slack { boot: 1_000, wall: NEAR };
/// The same where the times since boot agree: while memory is short a transport may stand still for minutes.
const OF_LOGS_WITH_BOOT: Slack = Slack { boot: 1_000, wall: 120_000_000 };
/// The same where nothing but a pid tells: one process may find nobody to kill again and again.
const OF_LOGS_BY_PID: Slack = Slack { boot: 1_000, wall: 2_000_000 };
/// Of two runs: an event whose first lines are gone by now begins at a later line of it.
const OF_RUNS: Slack = Slack { boot: 120_000_000, wall: 120_000_000 };
/// Where nothing but a pid tells, it must be the same line.
const OF_RUNS_BY_PID: Slack = Slack { boot: 1_000, wall: 0 };
/// Zones differ by multiples of this...
const QUARTER_US: u64 = 900_000_000;
/// ... and by no more than this from UTC, in which containers write.
const ZONES_US: u64 = 14 * 3_600_000_000;
/// A year that was guessed may be another one; 29 February is in some.
const YEAR_US: u64 = 365 * DAY_US;
/// The live log's times are of a clock that stands still while the machine sleeps, and a wall clock may be set right after boot, but not by
/// this much between two logs of one boot.
const DAY_US: u64 = 86_400_000_000;

impl Default for Seen {
    fn default() -> Self {
        Self::new()
    }
}

impl Seen {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            heads: vec![0; 4096].into_boxed_slice(),
            last: 0,
            forgotten: 0,
            floor_us: None,
            left_out_us: None,
        }
    }

    /// Says whether it is new, and remembers it. When in doubt it is: an event too many is better than one too few.
    pub fn note(&mut self, print: Print, place: Where) -> Noted {
        if let Some(number) = self.find(&print, place) {
            let entry = &mut self.entries[(number - 1) as usize % MOST];
            // What one log does not say another may.
            entry.print.learn(&print);
            let known = match entry.place {
                Where::Log(_) => Known::Repeated,
                Where::Earlier => Known::Earlier,
            };
            return Noted { known, number };
        }
        self.remember(print, place);
        let is_forgotten = |floor| print.wall.is_some_and(|wall| wall.us < floor);
        let known = match self.floor_us {
            Some(floor) if is_forgotten(floor) => Known::Earlier,
            _ => Known::New,
        };
        Noted { known, number: self.last }
    }

    /// What is remembered under this number is of an event that a filter leaves out, which was at this time: this run has seen it, and
    /// later ones hear nothing of it.
    pub fn leave_out(&mut self, number: u32, wall: Option<Moment>) {
        if number > self.last || (self.last - number) as usize >= MOST {
            return;
        }
        self.entries[(number - 1) as usize % MOST].is_kept = false;
        let times = [self.left_out_us, wall.map(|wall| wall.us)];
        self.left_out_us = times.into_iter().flatten().min();
    }

    /// Remembers an event without a look at the others.
    pub fn remember(&mut self, print: Print, place: Where) {
        if self.last == u32::MAX {
            // Four milliards later: numbers begin anew, and what was known is forgotten.
            self.entries.clear();
            self.heads.fill(0);
            self.last = 0;
        }
        let slot = slot(&print);
        let entry = Entry { print, place, link: self.heads[slot], is_kept: true };
        let at = self.last as usize % MOST;
        if let Some(oldest) = self.entries.get_mut(at) {
            self.forgotten += 1;
            *oldest = entry;
        } else {
            self.entries.push(entry);
        }
        self.last += 1;
        self.heads[slot] = self.last;
    }

    /// All that later runs are told of, the oldest first.
    pub fn prints(&self) -> impl Iterator<Item = &Print> {
        let start = if self.entries.len() < MOST { 0 } else { self.last as usize % MOST };
        let (newer, older) = self.entries.split_at(start);
        older.iter().chain(newer).filter(|entry| entry.is_kept).map(|entry| &entry.print)
    }

    /// What was before this time may have been seen and forgotten. The earliest of those that are remembered, not the latest of those
    /// that are not: one wrong clock would hide what comes for years. What was left out is never before it.
    #[must_use]
    pub fn floor_us(&self) -> Option<i64> {
        let is_needed = self.forgotten > 0 || self.floor_us.is_some();
        let times = self.prints().filter_map(|print| print.wall);
        times.map(|wall| wall.us).chain(self.left_out_us).min().filter(|_| is_needed)
    }

    /// The same of earlier runs.
    pub const fn set_floor(&mut self, floor_us: Option<i64>) {
        self.floor_us = floor_us;
    }

    /// The number of the latest that is the same.
    fn find(&self, print: &Print, place: Where) -> Option<u32> {
        let mut number = self.heads[slot(print)];
        for _ in 0..LOOK {
            // Another has taken the place of what is older than the ring.
            if number == 0 || (self.last - number) as usize >= MOST {
                return None;
            }
            let at = (number - 1) as usize % MOST;
            let entry = &self.entries[at];
            if is_same(&entry.print, entry.place, print, place) || is_same_by_end(entry, print, place) {
                return Some(number);
            }
            number = entry.link;
        }
        None
    }
}

const fn slot(print: &Print) -> usize {
    (print.who >> 52) as usize
}

/// Whether both ended with the same line. A log that begins in the middle of a report has none of its first lines, and dates the event by a
/// later one; the line that says how it ended both have.
fn is_same_by_end(entry: &Entry, print: &Print, place: Where) -> bool {
    let ends = entry.print.at_end().zip(print.at_end());
    ends.is_some_and(|(one, other)| is_same(&one, entry.place, &other, place))
}

fn is_same(one: &Print, origin: Where, print: &Print, place: Where) -> bool {
    let differ = |a: u16, b: u16| a != 0 && b != 0 && a != b;
    let is_other_host = one.is_address == print.is_address && differ(one.host, print.host);
    if one.who != print.who || is_other_host || differ(one.boot, print.boot) {
        return false;
    }
    let is_one_log = origin == place;
    let walls = one.wall.zip(print.wall);
    let apart = Apart {
        boot: one.boot_us.zip(print.boot_us).and_then(|(one, other)| after(one, other)),
        wall: walls.map(|(one, other)| other.us.saturating_sub(one.us)),
    };
    let is_booted = apart.boot.is_some();
    let slack = match (origin, print.tells) {
        _ if is_one_log && is_booted && print.tells != Tells::Victim => OF_ONE_LOG_BY_PID,
        _ if is_one_log => OF_ONE_LOG,
        (Where::Log(_), _) if is_booted => OF_LOGS_WITH_BOOT,
        (Where::Log(_), Tells::Victim) => OF_LOGS,
        (Where::Log(_), _) => OF_LOGS_BY_PID,
        (Where::Earlier, Tells::Victim) => OF_RUNS,
        (Where::Earlier, _) => OF_RUNS_BY_PID,
    };
    // By a pid alone nothing is told apart where the zone may be any; and one log has one zone.
    let may_guess = |a: Moment, b: Moment| {
        let is_one_zone = is_one_log && a.by == b.by;
        (is_booted || print.tells == Tells::Victim) && !is_one_zone
    };
    let walls_agree = || match walls {
        Some((a, b)) if is_booted && (a.by == By::Clock || b.by == By::Clock) => {
            let is_of_boot = one.boot != 0 && one.boot == print.boot;
            is_of_boot || apart.is_within(u64::MAX, DAY_US)
        }
        Some((a, b)) if may_guess(a, b) && (a.by == By::Guess || b.by == By::Guess) => may_be_zones(a, b),
        _ => false,
    };
    let is_near = apart.is_within(slack.boot, slack.wall);
    if !is_near && (!apart.is_within(slack.boot, u64::MAX) || !walls_agree()) {
        return false;
    }
    if is_booted {
        return true;
    }
    if is_one_log {
        // One log writes one event's time in one way. Of two lines without any time that name nobody nothing tells that they are one.
        return one.written == print.written && (print.written != 0 || print.tells != Tells::Nothing);
    }
    if print.tells == Tells::Nothing {
        // It is what an earlier run has shown; of another log it may be another.
        let is_same = walls.map_or(one.wall == print.wall, |(a, b)| a.us == b.us);
        return origin == Where::Earlier && is_same;
    }
    // Times in a language that nobody knows: that they differ is all that is known of them.
    if one.wall.is_none() && print.wall.is_none() && one.written != 0 && print.written != 0 {
        return one.written == print.written;
    }
    // dmesg without wall time and syslog without boot time: nothing but the sizes tells.
    walls.is_some() || print.tells == Tells::Victim
}

/// Whether they are the same but for the zone or the year, neither of which a log without them tells.
fn may_be_zones(a: Moment, b: Moment) -> bool {
    let apart = a.us.abs_diff(b.us);
    let rest = apart % QUARTER_US;
    let is_quarter = rest <= NEAR || rest >= QUARTER_US - NEAR;
    // Of so many years; each fourth has a day more.
    let years = (apart + ZONES_US) / YEAR_US;
    let leap_days = years.div_ceil(4) * DAY_US;
    let of_years = apart.saturating_sub(years * YEAR_US);
    is_quarter && (apart <= ZONES_US + NEAR || years > 0 && of_years <= ZONES_US + leap_days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::event::{Event, Stamp, Task, Trigger, Victim};
    use crate::units::Bytes;

    const SECOND: i64 = 1_000_000;

    fn event(pid: u64) -> Event {
        Event {
            victim: Some(Victim {
                task: Task { comm: Some(b"java".into()), pid },
                process: None,
                uid: Some(0),
                total_vm: Some(Bytes(4096)),
                anon_rss: Some(Bytes(4096)),
                file_rss: Some(Bytes(0)),
                shmem_rss: Some(Bytes(0)),
                page_tables: None,
                adj: None,
                lacks_rss: false,
            }),
            ..Event::default()
        }
    }

    fn at(boot_us: impl Into<Option<u64>>, wall: impl Into<Option<(i64, By)>>) -> Print {
        of(&event(7), boot_us, wall)
    }

    fn of(event: &Event, boot_us: impl Into<Option<u64>>, wall: impl Into<Option<(i64, By)>>) -> Print {
        let event = Event { when: Stamp { boot_us: boot_us.into(), ..Stamp::default() }, ..event.clone() };
        let wall = wall.into().map(|(us, by)| Moment { us, by });
        print(&event, wall)
    }

    /// What is known of the last of them, each from a log of its own.
    fn last(prints: &[Print]) -> Known {
        let mut seen = Seen::new();
        let places = (0..).map(Where::Log);
        let known = prints.iter().zip(places);
        known.map(|(print, place)| seen.note(*print, place).known).last().expect("one")
    }

    #[test]
    fn times_since_boot_decide() {
        assert_eq!(last(&[at(5_000, None), at(6_000, None)]), Known::Repeated);
        assert_eq!(last(&[at(5_000, None), at(6_001, None)]), Known::New);
        let wall = (100 * SECOND, By::Log);
        assert_eq!(last(&[at(5_000, wall), at(9_000, wall)]), Known::New);
        // Of another boot of a machine that always starts alike.
        let later = (200_000 * SECOND, By::Log);
        assert_eq!(last(&[at(5_000, wall), at(5_000, later)]), Known::New);
    }

    /// A container that is started anew has the same pids and sizes each time, and a virtual machine boots alike.
    #[test]
    fn one_event_agrees_by_every_clock_that_both_logs_have() {
        let wall = |seconds, by| (seconds * SECOND, by);
        let days = |days: i64, by| wall(days * 86_400, by);
        let one_log = |prints: [Print; 2]| {
            let mut seen = Seen::new();
            prints.map(|print| seen.note(print, Where::Log(1)).known)[1]
        };
        for (one, other, expected) in [
            (at(5, days(21, By::Log)), at(5, days(25, By::Log)), Known::New),
            (at(5, days(21, By::Log)), at(5, wall(21 * 86_400 + 300, By::Log)), Known::New),
            (at(5, days(21, By::Log)), at(5, wall(21 * 86_400 + 5, By::Log)), Known::Repeated),
            (at(5, days(21, By::Guess)), at(5, days(25, By::Guess)), Known::New),
            (at(5, days(21, By::Guess)), at(5, days(22, By::Guess)), Known::New),
            (at(None, days(21, By::Guess)), at(None, days(22, By::Guess)), Known::New),
        ] {
            assert_eq!(last(&[one, other]), expected, "{one:?} {other:?}");
            assert_eq!(one_log([one, other]), expected, "{one:?} {other:?}");
        }
        // A year that was guessed.
        let years = [at(None, days(400, By::Guess)), at(None, days(765, By::Guess))];
        assert_eq!(last(&years), Known::Repeated);
        // The live log's clock stands still while the machine sleeps.
        assert_eq!(last(&[at(5, wall(50, By::Log)), at(5, wall(7000, By::Clock))]), Known::Repeated);
        assert_eq!(last(&[at(5, wall(50, By::Log)), at(5, days(4, By::Clock))]), Known::New);
    }

    #[test]
    fn wall_clock_times_decide_where_one_log_has_nothing_else() {
        let wall = |seconds| (seconds * SECOND, By::Log);
        assert_eq!(last(&[at(5, wall(50)), at(None, wall(60))]), Known::Repeated);
        assert_eq!(last(&[at(5, wall(50)), at(None, wall(61))]), Known::New);
    }

    #[test]
    fn in_one_log_the_same_event_has_the_same_time_as_it_is_written() {
        let mut seen = Seen::new();
        let place = Where::Log(1);
        let written = |event: &Event, wall: Option<&str>| {
            let when = Stamp { wall: wall.map(Into::into), ..Stamp::default() };
            print(&Event { when, ..event.clone() }, None)
        };
        for (wall, expected) in [
            (Some("Jan  7 03:19:32"), Known::New),
            (Some("Jan  7 03:19:32"), Known::Repeated),
            (Some("Jan  7 03:19:33"), Known::New),
            // In no language that is known.
            (Some("ene.  7 03:19:33"), Known::New),
            (Some("ene.  7 03:19:33"), Known::Repeated),
            (None, Known::New),
            (None, Known::Repeated),
        ] {
            assert_eq!(seen.note(written(&event(7), wall), place).known, expected, "{wall:?}");
        }
        assert_eq!(seen.note(written(&event(8), None), place).known, Known::New);
        let nobody = written(&Event::default(), None);
        assert_eq!(seen.note(nobody, place).known, Known::New);
        assert_eq!(seen.note(nobody, place).known, Known::New);
    }

    #[test]
    fn an_event_that_names_nobody_is_known_to_later_runs() {
        for wall in [None, Some((50 * SECOND, By::Log))] {
            let mut seen = Seen::new();
            let nobody = of(&Event::default(), None, wall);
            seen.remember(nobody, Where::Earlier);
            assert_eq!(seen.note(nobody, Where::Log(1)).known, Known::Earlier);
            let later = of(&Event::default(), None, (51 * SECOND, By::Log));
            assert_eq!(seen.note(later, Where::Log(1)).known, Known::New);
            assert_eq!(seen.prints().count(), 2);
        }
    }

    #[test]
    fn a_zone_that_is_not_known_may_be_any() {
        let hours = |hours: i64, by| (hours * 3600 * SECOND, by);
        let pair = [at(None, hours(5, By::Log)), at(None, hours(3, By::Guess))];
        assert_eq!(last(&pair), Known::Repeated);
        let known = [at(None, hours(5, By::Log)), at(None, hours(3, By::Log))];
        assert_eq!(last(&known), Known::New);
        let minutes = (5 * 3600 + 60) * SECOND;
        let other = [at(None, hours(5, By::Guess)), at(None, (minutes, By::Guess))];
        assert_eq!(last(&other), Known::New);
    }

    #[test]
    fn where_no_times_can_be_compared_the_sizes_tell() {
        let wall = (50 * SECOND, By::Log);
        assert_eq!(last(&[at(5, None), at(None, wall)]), Known::Repeated);
        // By what one log has said the third is told from the first.
        let later = (500 * SECOND, By::Log);
        let three = [at(5, None), at(None, wall), at(None, later)];
        assert_eq!(last(&three), Known::New);
        let bare = Event { trigger: Trigger { pid: Some(7), ..Trigger::default() }, ..Event::default() };
        assert_eq!(last(&[of(&bare, 5, None), of(&bare, None, wall)]), Known::New);
    }

    #[test]
    fn whoever_differs_is_another() {
        let wall = (50 * SECOND, By::Log);
        assert_eq!(last(&[at(5, wall), of(&event(8), 5, wall)]), Known::New);
        let mut larger = event(7);
        larger.victim.as_mut().expect("a victim").anon_rss = Some(Bytes(8192));
        assert_eq!(last(&[at(5, wall), of(&larger, 5, wall)]), Known::New);
        let of_host = |host: &[u8]| Event { host: Some(host.into()), ..event(7) };
        let [a, b] = [of_host(b"a"), of_host(b"b")].map(|event| of(&event, 5, wall));
        assert_eq!(last(&[a, b]), Known::New);
        assert_eq!(last(&[a, at(5, wall)]), Known::Repeated);
        let of_boot = |boot: &[u8]| Event { boot_id: Some(boot.into()), ..event(7) };
        let [a, b] = [of_boot(b"a"), of_boot(b"b")].map(|event| of(&event, 5, wall));
        assert_eq!(last(&[a, b]), Known::New);
        let nothing = of(&Event::default(), None, wall);
        assert_eq!(last(&[nothing, nothing]), Known::New);
    }

    #[test]
    fn an_event_of_an_earlier_run_may_have_lost_its_first_lines() {
        let mut seen = Seen::new();
        seen.remember(at(5_000_000, None), Where::Earlier);
        let cut = at(6_000_000, None);
        assert_eq!(seen.note(cut, Where::Log(1)).known, Known::Earlier);
        assert_eq!(seen.note(cut, Where::Log(2)).known, Known::Earlier);
        let later = at(500_000_000, None);
        assert_eq!(seen.note(later, Where::Log(1)).known, Known::New);
        assert_eq!(seen.note(later, Where::Log(2)).known, Known::Repeated);
    }

    #[test]
    fn one_process_may_find_nobody_to_kill_again_and_again() {
        let bare = Event { trigger: Trigger { pid: Some(7), ..Trigger::default() }, ..Event::default() };
        let at = |seconds: i64| of(&bare, None, (seconds * SECOND, By::Log));
        assert_eq!(last(&[at(10), at(12)]), Known::Repeated);
        assert_eq!(last(&[at(10), at(13)]), Known::New);
        let mut seen = Seen::new();
        seen.remember(at(10), Where::Earlier);
        assert_eq!(seen.note(at(10), Where::Log(1)).known, Known::Earlier);
        assert_eq!(seen.note(at(11), Where::Log(1)).known, Known::New);
    }

    #[test]
    fn the_oldest_is_forgotten_first_and_what_was_before_it_is_old() {
        let mut seen = Seen::new();
        let most = u64::try_from(MOST).expect("small");
        let number = |number: u64| {
            let seconds = i64::try_from(number).expect("small");
            of(&event(number), number * 1_000_000, (seconds * SECOND, By::Log))
        };
        for pid in 1..=most {
            assert_eq!(seen.note(number(pid), Where::Log(1)).known, Known::New);
        }
        assert_eq!(seen.floor_us(), None);
        assert_eq!(seen.note(number(1), Where::Log(2)).known, Known::Repeated);
        assert_eq!(seen.note(number(most + 1), Where::Log(2)).known, Known::New);
        assert_eq!(seen.prints().count(), MOST);
        assert_eq!(seen.prints().next(), Some(&number(2)));
        assert_eq!(seen.note(number(2), Where::Log(3)).known, Known::Repeated);
        assert_eq!(seen.floor_us(), Some(2 * SECOND));

        let mut again = Seen::new();
        again.set_floor(seen.floor_us());
        assert_eq!(again.note(number(1), Where::Log(1)).known, Known::Earlier);
        assert_eq!(again.note(number(2), Where::Log(1)).known, Known::New);
    }

    #[test]
    fn what_was_left_out_is_known_to_this_run_and_new_to_the_next() {
        let mut seen = Seen::new();
        let wall = |seconds| (seconds * SECOND, By::Log);
        let [hidden, shown] = [of(&event(7), 5, wall(50)), of(&event(8), 6, wall(51))];
        let noted = seen.note(hidden, Where::Log(1));
        assert_eq!(noted, Noted { known: Known::New, number: 1 });
        seen.leave_out(noted.number, hidden.wall);
        assert_eq!(seen.note(hidden, Where::Log(2)), Noted { known: Known::Repeated, number: 1 });
        assert_eq!(seen.note(shown, Where::Log(1)).known, Known::New);
        assert_eq!(seen.note(shown, Where::Log(2)).known, Known::Repeated);
        assert_eq!(seen.prints().collect::<Vec<_>>(), [&shown]);
        // No time up to which all is old has it behind it.
        seen.set_floor(Some(0));
        assert_eq!(seen.floor_us(), Some(50 * SECOND));
    }

    #[test]
    fn ten_thousand_that_look_alike_are_told_apart_in_no_time() {
        let mut seen = Seen::new();
        for second in 0..10_000 {
            assert_eq!(seen.note(at(second * 1_000_000, None), Where::Log(1)).known, Known::New);
        }
    }

    /// State files hold it.
    #[test]
    fn a_print_never_changes() {
        assert_eq!(at(5, None).who, 8_203_473_668_678_453_798);
    }
}

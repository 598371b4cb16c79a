//! A process that grows, or is about to have no descriptors left.

use core::fmt::Write;

use super::{Alert, Alerts, Change, Facts, Kind, Known, Level, Words, push_name};
use crate::history::trend::R2;
use crate::monitor::crowd::{Crowd, Row};
use crate::monitor::options::Limits;
use crate::report::columns::{Mb, OrDash};
use crate::units::{Bytes, Percent};

/// Growth by less is none.
const GAINED: u64 = 16 << 20;

/// And so is what is on no line.
const STEADY: R2 = R2(800);

/// Whether a process grows by so much and so steadily that it is worth saying.
pub(in crate::monitor) fn grows(row: &Row, crowd: &Crowd, limits: &Limits) -> bool {
    growth(row, crowd, limits) == Level::Above
}

fn growth(row: &Row, crowd: &Crowd, limits: &Limits) -> Level {
    let Some(growth) = crowd.growth(row).filter(|_| row.is_growing()) else {
        return Level::Below;
    };
    // A line through a few seconds of an hour is how a program starts.
    let is_long = growth.span * 10 >= crowd.window();
    let percent = u64::try_from(growth.percent).unwrap_or(0);
    let steadiness = u64::from(growth.r2.0);
    let gained = u64::try_from(growth.gained).unwrap_or(0);
    let levels = [
        Level::of(percent, limits.growth.hundredths),
        Level::of(steadiness, STEADY.0.into()),
        Level::of(gained, GAINED),
    ];
    let level = levels.into_iter().min().unwrap_or(Level::Below);
    if is_long { level } else { level.min(Level::Near) }
}

impl Alerts {
    pub(super) fn judge_processes(&mut self, facts: &Facts<'_>, each: &mut dyn FnMut(&Alert)) {
        let mut is_any_known = false;
        for known in self.known.iter_mut().flatten() {
            (known.is_there, is_any_known) = (false, true);
        }
        // Who has exited and waits to be reaped has neither memory nor descriptors: it is as gone as one that has no row any more.
        for row in facts.crowd.rows().filter(|row| !row.is_zombie()) {
            for kind in [Kind::Growth, Kind::Fds] {
                let level = match kind {
                    Kind::Growth => growth(row, facts.crowd, &self.limits),
                    _ => self.fds(row),
                };
                if level == Level::Above || is_any_known {
                    self.judge_process(kind, level, row, facts.crowd, each);
                }
            }
        }
        for place in &mut self.known {
            if let Some(gone) = place.take_if(|known| !known.is_there) {
                let mut words = Words::new();
                push_name(&mut words, gone.pid, &gone.comm);
                words.push(b" has exited");
                each(&Alert { kind: gone.kind, change: Change::Cleared, process: Some((gone.pid, gone.comm)), words });
            }
        }
    }

    fn judge_process(&mut self, kind: Kind, level: Level, row: &Row, crowd: &Crowd, each: &mut dyn FnMut(&Alert)) {
        let is_it = |known: &Option<Known>| {
            let known = known.as_ref();
            known.is_some_and(|known| (known.kind, known.pid, known.started) == (kind, row.pid, row.started))
        };
        let mut places = self.known.iter_mut();
        let change = match (level, places.find(|place| is_it(place))) {
            (Level::Below, Some(place)) => {
                *place = None;
                Change::Cleared
            }
            (_, Some(Some(known))) => {
                known.is_there = true;
                return;
            }
            (Level::Above, _) => {
                let Some(place) = self.known.iter_mut().find(|place| place.is_none()) else {
                    self.unlisted += 1;
                    return;
                };
                *place =
                    Some(Known { kind, pid: row.pid, started: row.started, comm: row.comm.clone(), is_there: true });
                Change::Raised
            }
            _ => return,
        };
        each(&Alert {
            kind,
            change,
            process: Some((row.pid, row.comm.clone())),
            words: self.words(kind, change, row, crowd),
        });
    }

    fn words(&self, kind: Kind, change: Change, row: &Row, crowd: &Crowd) -> Words {
        let mut words = Words::new();
        push_name(&mut words, row.pid, &row.comm);
        let positive = |number: i64| u64::try_from(number).ok();
        let (held, limit) = (Mb(row.held()), self.limits.growth);
        // A Fixed never returns an error: it cuts.
        let _ = match (kind, change, crowd.growth(row)) {
            (Kind::Growth, Change::Raised, Some(growth)) => {
                let by = OrDash(positive(growth.gained).map(|gained| Mb(Bytes(gained))));
                let percent = OrDash(positive(growth.percent).map(|hundredths| Percent { hundredths }));
                let rate = OrDash(positive(growth.per_second / 1024));
                let (seconds, r2) = (growth.span.as_secs(), Percent { hundredths: u64::from(growth.r2.0) / 10 });
                write!(
                    words,
                    " grew by {by} MB in {seconds} s, {percent} % (limit {limit} %): {rate} kB/s, R2 {r2}; it has {held} MB"
                )
            }
            (Kind::Growth, ..) => write!(words, " grows no more: it has {held} MB"),
            _ => {
                let (fds, most, share) = (OrDash(row.fds), OrDash(row.fds_most), OrDash(row.fds_share()));
                write!(words, " has {fds} of {most} descriptors, {share} % (limit {} %)", self.limits.fds)
            }
        };
        words
    }

    fn fds(&self, row: &Row) -> Level {
        let share = row.fds_share();
        share.map_or(Level::Near, |share| Level::of(share.hundredths, self.limits.fds.hundredths))
    }
}

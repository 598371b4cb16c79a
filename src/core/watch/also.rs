//! Snapshots below the threshold, while the host is in trouble.

use core::fmt::Write;

use crate::error::{Absent, Source};
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::parse::meminfo::Meminfo;
use crate::parse::pressure::Pressure;
use crate::refusal::say_hint;
use crate::snapshot::{Because, Completeness};
use crate::sys::out::say;
use crate::trigger::Threshold;
use crate::trigger::also::{self, Also, Trouble, Waiting};
use crate::units::{Bytes, Pid};

/// Which bound it was, and what reached it.
pub(super) fn because(trouble: Trouble, also: Also) -> Because {
    let mut words = Fixed::new();
    let available = also.available.map_or(0, Threshold::percent);
    let pressure = also.pressure.map(|bound| bound.at).unwrap_or_default();
    // A Fixed never returns an error: it cuts.
    let (reason, _) = match trouble {
        Trouble::Available(share) => {
            ("available", write!(words, "available memory is {share} % of MemTotal (--also-available {available})"))
        }
        Trouble::Pressure(of, share) => {
            ("psi", write!(words, "memory pressure {0} avg10 is {share} % (--also-psi {0}={pressure})", of.name()))
        }
    };
    Because { reason, words }
}

/// The host's own trouble, where it was asked for: it is reason enough for snapshots of whoever is watched.
pub(super) struct AlsoWatched {
    asked: Also,
    /// As of the last sample.
    pub(super) trouble: Option<Trouble>,
    /// Why a bound can't be judged any more, as it was said: it never fires then, and whoever relies on it must know.
    available: Option<Absent>,
    pressure: Option<Absent>,
    /// Partial once that was said.
    completeness: Completeness,
}

impl AlsoWatched {
    pub(super) const fn new(asked: Also) -> Self {
        Self { asked, trouble: None, available: None, pressure: None, completeness: Completeness::Complete }
    }

    /// Whether all bounds could be judged all the time.
    pub(super) const fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// A bound on what this machine does not tell never fires: better said now than found out afterwards.
    pub(super) fn check(&self, host: &mut Host) -> Result<(), Exit> {
        if self.asked.available.is_some() {
            let system = host.meminfo();
            // Opened now, as nothing is opened later.
            let _ = host.with_lists(system.unwrap_or_default());
            let known = available(&system);
            let hint = "leave --also-available out; MemAvailable came with Linux 3.14";
            known.map_err(|why| refuse(why, hint))?;
        }
        if let Some(bound) = self.asked.pressure {
            let known = stalls(&host.pressure(), bound.of);
            let hint = "boot with psi=1 (a kernel with CONFIG_PSI, Linux 4.20), or leave --also-psi out";
            known.map_err(|why| refuse(why, hint))?;
        }
        Ok(())
    }

    /// What was read at a sample of what the bounds are about. Whoever was looked at then, `pid`, is named where one can't be judged.
    pub(super) fn doubt(&mut self, pid: Pid, system: &Result<Meminfo, Absent>, pressure: &Result<Pressure, Absent>) {
        if self.asked.available.is_some() {
            let news = news(&mut self.available, available(system));
            self.say_unjudged(pid, "--also-available", news);
        }
        if let Some(bound) = self.asked.pressure {
            let news = news(&mut self.pressure, stalls(pressure, bound.of));
            self.say_unjudged(pid, "--also-psi", news);
        }
    }

    fn say_unjudged(&mut self, pid: Pid, option: &str, news: Option<Result<(), Absent>>) {
        match news {
            None => {}
            Some(Ok(())) => say(format_args!("memdoor: PID {pid}: {option} can be judged again")),
            Some(Err(why)) => {
                self.completeness = Completeness::Partial;
                say(format_args!("memdoor: PID {pid}: {option} can't be judged any more: {why}"));
            }
        }
    }

    /// Judges what was read at a sample; `free` says what is available with the pages that are on lists of CPUs.
    pub(super) fn judge(&mut self, now: also::Host, free: impl FnOnce() -> Option<Bytes>) {
        self.trouble = self.asked.trouble(now);
        // A page on a list of a CPU is free: where only those are missing there is no trouble.
        if let Some(Trouble::Available(_)) = self.trouble {
            self.trouble = self.asked.trouble(also::Host { available: free(), ..now });
        }
    }
}

/// Whether that is to be said now: once for each cause, and once when it is over.
fn news(said: &mut Option<Absent>, known: Result<(), Absent>) -> Option<Result<(), Absent>> {
    (core::mem::replace(said, known.err()) != known.err()).then_some(known)
}

/// Whether it is known how much memory is available.
fn available(system: &Result<Meminfo, Absent>) -> Result<(), Absent> {
    let lacks = Source::proc(c"meminfo").lacks("MemAvailable");
    system.as_ref().map_err(|why| *why)?.available.map(|_| ()).ok_or(lacks)
}

/// Whether it is known how much is waited for memory.
fn stalls(pressure: &Result<Pressure, Absent>, of: Waiting) -> Result<(), Absent> {
    let pressure = pressure.as_ref().map_err(|why| *why)?;
    let (stall, name) = match of {
        Waiting::Some => (pressure.some, "some"),
        Waiting::Full => (pressure.full, "full"),
    };
    stall.map(|_| ()).ok_or(Source::proc(c"pressure/memory").lacks(name))
}

fn refuse(why: Absent, hint: &str) -> Exit {
    say(format_args!("memdoor: {why}"));
    say_hint(Some(hint));
    Exit::Error
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::trigger::also::Pressure;
    use crate::units::Percent;
    use std::string::String;

    #[test]
    fn the_report_says_which_bound_and_by_what() {
        let at = Threshold::new(7).expect("1 to 99");
        let of = Waiting::Full;
        let also = Also { available: Some(at), pressure: Some(Pressure { of, at: Percent { hundredths: 750 } }) };
        let said = |trouble| {
            let because = because(trouble, also);
            let words = String::from_utf8_lossy(because.words.as_bytes()).into_owned();
            (because.reason, words)
        };
        let share = Percent { hundredths: 603 };
        assert_eq!(
            said(Trouble::Available(share)),
            ("available", "available memory is 6.03 % of MemTotal (--also-available 7)".into())
        );
        assert_eq!(
            said(Trouble::Pressure(of, Percent { hundredths: 10_000 })),
            ("psi", "memory pressure full avg10 is 100.00 % (--also-psi full=7.50)".into())
        );
    }

    #[test]
    fn only_pages_on_the_lists_of_cpus_are_no_trouble() {
        let mut also = AlsoWatched::new(Also { available: Threshold::new(10), pressure: None });
        let now = also::Host { total: Some(Bytes(1000)), available: Some(Bytes(90)), some: None, full: None };
        also.judge(now, || Some(Bytes(300)));
        assert_eq!(also.trouble, None);
        also.judge(now, || now.available);
        assert!(matches!(also.trouble, Some(Trouble::Available(_))));
        also.judge(also::Host { available: Some(Bytes(300)), ..now }, || panic!("it is not needed"));
        assert_eq!(also.trouble, None);
    }

    #[test]
    fn why_a_bound_cannot_be_judged_is_news_once_and_so_is_that_it_can_again() {
        let mut said = None;
        let mut news = |known| news(&mut said, known);
        assert_eq!(news(Ok(())), None);
        assert_eq!(news(Err(Absent::Hidden)), Some(Err(Absent::Hidden)));
        assert_eq!(news(Err(Absent::Hidden)), None);
        assert_eq!(news(Ok(())), Some(Ok(())));
    }
}

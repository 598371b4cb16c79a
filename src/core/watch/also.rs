//! Snapshots below the threshold, while the host is in trouble.

use core::fmt::Write;

use super::Armed;
use crate::error::{Absent, Source};
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::parse::meminfo::Meminfo;
use crate::parse::pressure::Pressure;
use crate::refusal::say_hint;
use crate::snapshot::{Because, Completeness};
use crate::sys::out::say;
use crate::trigger::Threshold;
use crate::trigger::also::{Also, Trouble, Waiting};

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

impl Armed<'_> {
    /// A bound on what this machine does not tell never fires: better said now than found out afterwards.
    pub(super) fn check_also(&mut self) -> Result<(), Exit> {
        let also = self.options.also;
        if also.available.is_some() {
            let system = self.host.meminfo();
            // Opened now, as nothing is opened later.
            let _ = self.host.with_lists(system.unwrap_or_default());
            let known = available(&system);
            let hint = "leave --also-available out; MemAvailable came with Linux 3.14";
            known.map_err(|why| refuse(why, hint))?;
        }
        if let Some(bound) = also.pressure {
            let known = stalls(&self.host.pressure(), bound.of);
            let hint = "boot with psi=1 (a kernel with CONFIG_PSI, Linux 4.20), or leave --also-psi out";
            known.map_err(|why| refuse(why, hint))?;
        }
        Ok(())
    }
}

/// Why a bound can't be judged any more, as it was said: it never fires then, and whoever relies on it must know.
#[derive(Debug, Default)]
pub(super) struct Unjudged {
    available: Option<Absent>,
    pressure: Option<Absent>,
}

impl Unjudged {
    /// Whether that is to be said now: once for each cause, and once when it is over.
    fn news(said: &mut Option<Absent>, known: Result<(), Absent>) -> Option<Result<(), Absent>> {
        (core::mem::replace(said, known.err()) != known.err()).then_some(known)
    }
}

impl Armed<'_> {
    /// What was read at a sample of what the bounds are about.
    pub(super) fn doubt_also(&mut self, system: &Result<Meminfo, Absent>, pressure: &Result<Pressure, Absent>) {
        let also = self.options.also;
        if also.available.is_some() {
            let known = available(system);
            let news = Unjudged::news(&mut self.unjudged.available, known);
            self.say_unjudged("--also-available", news);
        }
        if let Some(bound) = also.pressure {
            let known = stalls(pressure, bound.of);
            let news = Unjudged::news(&mut self.unjudged.pressure, known);
            self.say_unjudged("--also-psi", news);
        }
    }

    fn say_unjudged(&mut self, option: &str, news: Option<Result<(), Absent>>) {
        let pid = self.target.pid;
        match news {
            None => {}
            Some(Ok(())) => say(format_args!("memdoor: PID {pid}: {option} can be judged again")),
            Some(Err(why)) => {
                self.completeness = self.completeness.and(Completeness::Partial);
                say(format_args!("memdoor: PID {pid}: {option} can't be judged any more: {why}"));
            }
        }
    }
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
}

//! Snapshots below the threshold, while the host is in trouble.

use core::fmt::Write;

use super::Armed;
use crate::error::{Absent, Source};
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::refusal::say_hint;
use crate::snapshot::Because;
use crate::sys::out::say;
use crate::trigger::Threshold;
use crate::trigger::also::{Also, Trouble};

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
            let known =
                system.and_then(|system| system.available.ok_or(Source::proc(c"meminfo").lacks("MemAvailable")));
            let hint = "leave --also-available out; MemAvailable came with Linux 3.14";
            known.map_err(|why| refuse(why, hint))?;
        }
        if also.pressure.is_some() {
            let pressure = self.host.pressure();
            let known =
                pressure.and_then(|pressure| pressure.full.ok_or(Source::proc(c"pressure/memory").lacks("full")));
            let hint = "boot with psi=1 (a kernel with CONFIG_PSI, Linux 4.20), or leave --also-psi out";
            known.map_err(|why| refuse(why, hint))?;
        }
        Ok(())
    }
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
    use crate::trigger::also::{Pressure, Waiting};
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

//! What `kill` says of a decision, in words.

use core::fmt::Write;

use super::facts::{EXCLUDED, line};
use super::log::Log;
use super::options::{Only, Options, Whom};
use super::report::{Action, Outcome};
use super::when::{Join, State};
use crate::fixed::Fixed;
use crate::report::escape::Escaped;
use crate::units::micros;
use crate::victim::{By, Rank, Why};

impl Action {
    /// Why memory is short or not.
    pub(super) fn because(&self, options: &Options<'_>) -> Fixed<256> {
        let when = &options.when;
        let mut words = Fixed::new();
        let used = self.reading.used().unwrap_or_default();
        let _ = write!(words, "{used} % used, threshold {} %", when.threshold);
        let join = match when.join {
            Join::All => "and",
            Join::Any => "or",
        };
        if let Some(least) = when.swap_free {
            let _ = write!(words, ", {join} swap free {least} % or less");
        }
        if let Some(bound) = when.pressure {
            let who = bound.of.name();
            let _ = write!(words, ", {join} pressure {who} {} % or more", bound.at);
        }
        let _ = words.write_str(match self.state {
            State::Enough => ": not short",
            State::Short => ": short",
            State::Unknown => ": not known",
        });
        words
    }

    /// Why it is this one.
    pub(super) fn chosen(&self, by: By) -> Fixed<128> {
        let mut words = Fixed::new();
        let Some(victim) = &self.best[0] else {
            return words;
        };
        let _ = words.write_str(match by {
            By::Tree => "it holds most",
            By::Process => "it holds most of all processes",
            By::Score => "it has the highest oom_score",
        });
        let _ = write!(words, " of {}", self.trees - self.too_small);
        let _ = words.write_str(match victim.tree.rank {
            Rank::Preferred => ", among those that --prefer fits",
            Rank::Ordinary => "",
            Rank::Avoided => ", all of which --avoid fits",
        });
        words
    }

    /// How many may not be chosen, and why.
    pub(super) fn not_candidates(&self) -> Fixed<256> {
        let mut words = Fixed::new();
        let too_small = [("too small", self.too_small)];
        let all = EXCLUDED.iter().map(|(name, _)| *name).zip(self.excluded);
        for (name, count) in all.chain(too_small).filter(|(_, count)| *count > 0) {
            let comma = if words.as_bytes().is_empty() { "" } else { ", " };
            let _ = write!(words, "{comma}{count} {name}");
        }
        words
    }

    /// What to type when nobody may be ended.
    pub(super) fn nobody(&self, whom: &Whom<'_>) -> &'static str {
        let count = |why: Why| self.excluded[why as usize];
        let is_any = whom.only.iter().any(|only| matches!(only, Only::Any));
        match () {
            () if self.too_small > 0 => "lower --min-size",
            () if count(Why::Unwanted) > 0 && !is_any => {
                "--only any ends whoever the system does not hang on (for servers), --only REGEX those of that name"
            }
            () if count(Why::OthersProcess) > 0 => "run memdoor as root: they are other users' processes",
            () if count(Why::Ignored) > 0 => "--ignore fits them: name fewer",
            () if count(Why::Exempt) > 0 => "they have oom_score_adj -1000: memdoor protect -p PID --adj 0",
            () => "there is nobody else in this pid namespace: run memdoor on the host, or with --pid=host",
        }
    }

    /// One line: `outcome=killed pid=123 comm="chrome" ...`.
    pub(super) fn log(&self, options: &Options<'_>, log: &mut Log<'_>) {
        let mut words = Fixed::<768>::new();
        let _ = write!(words, "outcome={}", self.outcome.name());
        if let Some(victim) = &self.best[0] {
            let tree = &victim.tree;
            let _ = write!(
                words,
                " pid={} comm=\"{}\" processes={} held_kb={} rss_kb={} of_trees={}",
                victim.pid,
                Escaped(victim.comm.as_bytes()),
                tree.processes,
                tree.held.kib(),
                tree.rss.kib(),
                self.trees,
            );
        }
        if let Some(freed) = self.freed {
            let (freed, took) = (freed.kib(), micros(self.took) / 1000);
            let _ = write!(words, " freed_kb={freed} sigkills={} took_ms={took}", self.killed);
        }
        let because = self.because(options);
        let because = core::str::from_utf8(because.as_bytes()).unwrap_or_default();
        let _ = write!(words, " memory=\"{because}\"");
        for near in self.best.iter().skip(1).flatten() {
            let line = line(near);
            let line = core::str::from_utf8(line.as_bytes()).unwrap_or_default();
            let _ = write!(words, " near=\"{line}\"");
        }
        if self.outcome == Outcome::Nobody {
            let (not, hint) = (self.not_candidates(), self.nobody(&options.whom));
            let not = core::str::from_utf8(not.as_bytes()).unwrap_or_default();
            let _ = write!(words, " not=\"{not}\" hint=\"{hint}\"");
        }
        if let Some(why) = self.errno {
            let _ = write!(words, " reason=\"{why}\"");
        }
        let words = core::str::from_utf8(words.as_bytes()).unwrap_or_default();
        log.line(self.outcome.level(), format_args!("{words}"));
    }
}

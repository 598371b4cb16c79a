//! What `kill` says of a decision, in words.

use core::fmt::{self, Write};

use super::facts::{line, words_of};
use super::log::Log;
use super::options::{Only, Options, Policy, Scope};
use super::report::{Action, Failure, Outcome, Pardon};
use super::when::{Join, State};
use crate::error::by_right;
use crate::fixed::Fixed;
use crate::processes::sharing::WORTH;
use crate::report::escape::{Called, Escaped};
use crate::units::{Percent, micros, plural};
use crate::victim::{Exclusion, Rank, RankBy};

/// From so much of memory on, the line of a decision says what lasts whoever ends.
const MUCH: Percent = Percent { hundredths: 1000 };

impl Action {
    /// Why memory is short or not.
    pub(super) fn because(&self) -> Fixed<256> {
        let when = &self.terms.when;
        let mut words = Fixed::new();
        let _ = match self.reading.used() {
            Some(used) => write!(words, "{used} % used, threshold {} %", when.threshold),
            None => write!(words, "- % used, threshold {} %", when.threshold),
        };
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

    /// Where memory is that nobody's end gives back: `164864 kB, 71.90 % of memory, 164864 kB of it in /filled; stays until it is deleted: ...`.
    pub(super) fn lasting(&self) -> Fixed<256> {
        let mut words = Fixed::new();
        let Some(lasting) = &self.lasting else {
            return words;
        };
        let resident = lasting.resident(self.reading.shmem);
        let _ = write!(words, "{} kB", resident.kib());
        if let Some(share) = self.reading.total.and_then(|total| Percent::of(resident, total)) {
            let _ = write!(words, ", {share} % of memory");
        }
        // The parts are what file systems and segments say themselves, and some of that may be in swap: they are parts of their own sum.
        let all = lasting.all();
        if all > resident {
            let _ = write!(words, ", with swap {} kB", all.kib());
        }
        let segments = lasting.segments.unwrap_or_default();
        if segments > lasting.files {
            let _ = write!(words, ", {} kB of it in segments", segments.kib());
        } else if let Some(mount) = &lasting.fullest {
            // What a path may take of the sentence leaves room for the rest of it.
            let point = Fixed::<64>::of(mount.point.as_bytes());
            let cut = if mount.point.as_bytes().len() > point.as_bytes().len() { "..." } else { "" };
            let _ = write!(words, ", {} kB of it in {}{cut}", mount.used.kib(), Escaped(point.as_bytes()));
        }
        let _ = match lasting.segments {
            Ok(_) => write!(words, "; stays until it is deleted and closed: df -t tmpfs; lsof +L1; ipcs -m"),
            Err(why) => write!(words, "; segments: - ({why})"),
        };
        words
    }

    /// Whether that is much of memory.
    fn is_much_lasting(&self) -> bool {
        let resident = self.lasting.as_ref().map(|lasting| lasting.resident(self.reading.shmem));
        let share = resident.zip(self.reading.total).and_then(|(resident, total)| Percent::of(resident, total));
        share.is_some_and(|share| share >= MUCH)
    }

    /// Why it is this one.
    pub(super) fn chosen(&self) -> Fixed<192> {
        let mut words = Fixed::new();
        let Some(victim) = &self.victim else {
            return words;
        };
        let _ = words.write_str(match self.terms.by {
            RankBy::Tree | RankBy::Process => "it holds most",
            RankBy::Score => "it has the highest oom_score",
        });
        let _ = write!(words, " of {}", self.trees - self.too_small - self.empty);
        if self.overflow > 0 {
            let _ = write!(words, " (and of {} more processes, each smaller than those)", self.overflow);
        }
        let _ = words.write_str(match victim.tree.rank {
            Rank::Preferred => ", among those that --prefer fits",
            Rank::Ordinary if self.avoided > 0 => ", but for those that --avoid fits",
            Rank::Ordinary => "",
            Rank::Avoided if self.terms.scope == Scope::Cgroup => ", all of which --avoid fits, or one in their cgroup",
            Rank::Avoided => ", all of which --avoid fits",
        });
        words
    }

    /// How many may not be chosen, and why.
    pub(super) fn not_candidates(&self) -> Fixed<256> {
        let mut words = Fixed::new();
        let by_size = [("too small", self.too_small), ("with nothing to give back", self.empty)];
        let all = Exclusion::ALL.map(|why| (words_of(why), self.excluded.of(why)));
        for (name, count) in all.into_iter().chain(by_size).filter(|(_, count)| *count > 0) {
            let comma = if words.as_bytes().is_empty() { "" } else { ", " };
            let _ = write!(words, "{comma}{count} {name}");
        }
        words
    }

    /// The memdoor that was waited for: `PID 812 (memdoor), which ended PID 711 (chrome): 0.350 s`.
    pub(super) fn waited(&self) -> Fixed<256> {
        let mut words = Fixed::new();
        let Some(waited) = &self.waited else {
            return words;
        };
        let _ = match &waited.whom.memdoor {
            Some(one) => write!(words, "PID {} ({})", one.pid, Called(one.comm.as_bytes())),
            None => write!(words, "another memdoor, whose PID is not known"),
        };
        let _ = match &waited.whom.victim {
            Some(one) => write!(words, ", which ends PID {} ({})", one.pid, Called(one.comm.as_bytes())),
            None => write!(words, ", whose victim is not known"),
        };
        let millis = micros(waited.took) / 1000;
        let end = if waited.is_in_vain { ", in vain" } else { "" };
        let _ = write!(words, ": {}.{:03} s{end}", millis / 1000, millis % 1000);
        let before = micros(waited.before) / 1000;
        if before > 0 {
            let _ = write!(words, ", {}.{:03} s of it for others before", before / 1000, before % 1000);
        }
        words
    }

    /// Whether its cgroup is ended with it.
    pub(super) fn whole(&self) -> Fixed<256> {
        let mut words = Fixed::new();
        let _ = match self.whole {
            None => Ok(()),
            Some(Err(why)) if self.effect.is_narrowed => write!(
                words,
                "no: its processes got SIGTERM, and by the configuration that was read anew {}; only its tree ends",
                why.words()
            ),
            Some(Err(why)) => write!(words, "no: {}; only its tree", why.words()),
            Some(Ok(whole)) if self.effect.is_narrowed => {
                let count = whole.processes.saturating_sub(whole.exempt);
                let processes = plural(count.into(), "process", "processes");
                write!(
                    words,
                    "no: {count} {processes} got SIGTERM; by the configuration that was read anew only its tree ends, or with --by process it alone"
                )
            }
            Some(Ok(whole)) => {
                let spared = whole.exempt;
                let how = match (self.effect.is_by_cgroup_kill, self.outcome.did_spare()) {
                    (true, _) => ", SIGKILL by cgroup.kill",
                    (false, true) => " got SIGTERM, and no SIGKILL was sent",
                    (false, false) => "",
                };
                // Those that have joined it since are among those that were held.
                let count = self.effect.held.unwrap_or(whole.processes - spared);
                let _ = write!(words, "yes: {count} {}{how}", plural(count.into(), "process", "processes"));
                if spared > 0 {
                    let _ = write!(words, "; {spared} more with oom_score_adj -1000 stay");
                }
                match whole.may_have_others {
                    false => Ok(()),
                    true => write!(words, "; those of other pid namespaces are not seen (cgroup v1), and stay"),
                }
            }
        };
        words
    }

    /// Those of the tree that could not be held.
    pub(super) fn left(&self) -> Fixed<160> {
        let mut words = Fixed::new();
        if let Some(left) = self.effect.left {
            let processes = plural(left.count.into(), "process", "processes");
            let _ = write!(words, "{} {processes} of the tree: ", left.count);
            let _ = match left.why {
                Some(errno) => {
                    let failure = Failure::new("open them", errno);
                    write!(words, "{}; {}", failure.why, failure.hint())
                }
                None => write!(words, "there was no room for more than {}", super::members::ROOM),
            };
        }
        words
    }

    /// One that lives on, and why.
    pub(super) fn survivor(&self) -> Fixed<256> {
        let mut words = Fixed::new();
        if let Some(one) = &self.effect.survivor {
            let _ = write!(words, "PID {} ({}): {}", one.pid, Called(one.comm.as_bytes()), one.stuck.words());
        }
        words
    }

    /// Whether one was enough.
    pub(super) fn afterwards(&self) -> Fixed<128> {
        let mut words = Fixed::of(match self.effect.state_after {
            Some(State::Short) => b"still short",
            Some(State::Enough) => b"not short any more",
            Some(State::Unknown) => b"not known",
            None => b"",
        });
        if let (Some(when), Some(_)) = (self.effect.judged_anew, self.effect.state_after) {
            let _ = write!(words, ", by the configuration that was read anew ({when})");
        }
        words
    }

    /// What could not be done, why, and what to type.
    pub(super) fn why(&self) -> Fixed<256> {
        let mut words = Fixed::new();
        let pardon = self.effect.pardon.filter(|_| self.outcome == Outcome::Pardoned);
        let _ = words.write_str(match pardon {
            Some(Pardon::Configuration) => "by the configuration that was read anew it may not be ended",
            Some(Pardon::Avoided) => {
                "by the configuration that was read anew --avoid fits it, and there is somebody else"
            }
            Some(Pardon::Moved) => "it is outside of --cgroup by now",
            Some(Pardon::Program) => "it runs another program by now, or has another name, which may not be ended",
            None => "",
        });
        if let Some(failure) = self.failure {
            let _ = write!(words, "cannot {}: {}", failure.doing, failure.why);
            if !failure.hint().is_empty() {
                let _ = write!(words, "; {}", failure.hint());
            }
        }
        words
    }

    /// What to type when nobody may be ended.
    pub(super) fn nobody(&self, policy: &Policy<'_>) -> &'static str {
        let count = |why: Exclusion| self.excluded.of(why);
        let is_any = policy.only.iter().any(|only| matches!(only, Only::Any));
        match () {
            () if self.too_small > 0 => "lower --min-size",
            () if self.empty > 0 => {
                "nobody who may be ended holds memory that their end would give back: let --only fit others, or see memdoor check --where"
            }
            () if count(Exclusion::Unread) > 0 => {
                "of some the executable (exe:) may not be seen, or the arguments (cmdline:) did not answer in 200 ms (their memory map is locked) or are too long: a REGEX for names (comm:) reads neither"
            }
            () if count(Exclusion::OthersProcess) > 0 => by_right(
                "run memdoor as root: they are other users' processes",
                "root lacks CAP_KILL here: they are other users' processes",
            ),
            // Those that --only fits come before those that it does not: more of these would not help.
            () if count(Exclusion::Ignored) > 0 => "--ignore fits them: name fewer",
            () if count(Exclusion::Exempt) > 0 => "they have oom_score_adj -1000: memdoor protect -p PID --adj 0",
            () if count(Exclusion::Outside) > 0 => {
                "those that --only fits are outside of --cgroup: name the cgroup that they are in"
            }
            () if count(Exclusion::Unwanted) > 0 && !is_any => {
                "--only any ends whoever the system does not hang on (for servers), --only REGEX those of that name"
            }
            () if self.is_hidden => by_right(
                "run memdoor as root: /proc hides processes of other users (hidepid)",
                "/proc hides processes of other users (hidepid), and root needs CAP_SYS_PTRACE to see them: start memdoor with it",
            ),
            () => "there is nobody else in this pid namespace: run memdoor on the host, or with --pid=host",
        }
    }

    /// One line: `outcome=killed pid=123 comm="chrome" ...`, as logfmt has it: what may hold a blank stands in quotes ([`Quoted`]).
    pub(super) fn log(&self, options: &Options<'_>, log: &mut Log<'_>) {
        let mut words = Fixed::<1000>::new();
        let _ = write!(words, "outcome={}", self.outcome.name());
        if let Some(victim) = &self.victim {
            let tree = &victim.tree;
            let mut comm = Fixed::<64>::new();
            let _ = write!(comm, "{}", Called(victim.comm.as_bytes()));
            let _ = write!(
                words,
                " pid={} comm={} processes={} held_kb={} rss_kb={} of_trees={}",
                victim.pid,
                Quoted(comm.as_bytes()),
                self.processes(victim),
                tree.held.kib(),
                tree.rss.kib(),
                self.trees,
            );
            // Fields of their own, so that all that reads held_kb goes on to find a number there.
            for (name, size) in [("unread_kb", tree.unread), ("left_out_kb", tree.left_out)] {
                if size >= WORTH {
                    let _ = write!(words, " {name}={}", size.kib());
                }
            }
        }
        if let Some(freed) = self.effect.freed {
            let (freed, took) = (freed.kib(), micros(self.effect.took) / 1000);
            let _ = write!(words, " freed_kb={freed} sigkills={} took_ms={took}", self.effect.killed);
        }
        let _ = write!(words, " memory={}", Quoted(self.because().as_bytes()));
        if self.is_much_lasting() {
            let _ = write!(words, " lasting={}", Quoted(self.lasting().as_bytes()));
        }
        for near in self.near.iter().flatten() {
            let _ = write!(words, " near={}", Quoted(line(near).as_bytes()));
        }
        // By what was said before it is known how it stands afterwards, but for where that is judged by something else.
        if self.effect.judged_anew.is_some() && self.effect.state_after.is_some() {
            let _ = write!(words, " memory_after={}", Quoted(self.afterwards().as_bytes()));
        }
        let sentences = [("waited_for", self.waited()), ("not_ended", self.survivor()), ("reason", self.why())];
        for (name, sentence) in &sentences {
            if !sentence.as_bytes().is_empty() {
                let _ = write!(words, " {name}={}", Quoted(sentence.as_bytes()));
            }
        }
        if self.outcome == Outcome::Nobody {
            let (not, hint) = (self.not_candidates(), self.nobody(&options.policy));
            let _ = write!(words, " not={} hint={}", Quoted(not.as_bytes()), Quoted(hint.as_bytes()));
        }
        let words = core::str::from_utf8(words.as_bytes()).unwrap_or_default();
        log.line(self.outcome.level(), format_args!("{words}"));
    }
}

/// A value of logfmt: text that was escaped before, in quotes, with a `\` before each `"` and `\` of it. A name can't end its field and
/// begin another.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for letter in core::str::from_utf8(self.0).unwrap_or_default().chars() {
            if matches!(letter, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(letter)?;
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn no_name_ends_its_field_in_the_log() {
        let quoted = |text: &str| std::format!("{}", Quoted(text.as_bytes()));
        assert_eq!(quoted("chrome"), r#""chrome""#);
        assert_eq!(quoted(r#"a" pid=1 b"#), r#""a\" pid=1 b""#);
        assert_eq!(quoted(r"a\"), r#""a\\""#);
    }
}

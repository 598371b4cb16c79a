//! Every exit code of memdoor, in one place.

/// How memdoor ends. `memdoor --help` and README list the same codes; tests/all/watch.rs, tests/all/kill.rs and tests/all/dmesg.rs see each of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It can't be done; one line on standard error says why.
    Error = 1,
    /// The command line is wrong.
    Usage = 2,
    /// What an option asks about holds: `--fail-on-oom`, and there was an event.
    Found = 3,
    /// Done, but part of the evidence could not be read: it stands as `-` with the reason.
    Partial = 4,
    /// The target is gone, or is not the one named.
    Gone = 5,
    /// The kernel's OOM killer ended the target, for certain or likely: a watch with `--exit-code`.
    OomKilled = 6,
    /// Another SIGKILL or another signal ended the target: a watch with `--exit-code`.
    Killed = 7,
    /// The target exited by itself, whatever its own exit code: a watch with `--exit-code`.
    Ended = 8,
}

impl Exit {
    /// Whether it says that the target is gone, however it ended.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Gone | Self::OomKilled | Self::Killed | Self::Ended)
    }

    /// The worse of two, for runs over several targets: error, then gone, then what was asked about, then partial: a cron job must
    /// not miss an event because of a log that it may not read.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Done => 0,
            Self::Partial => 1,
            Self::Found => 2,
            Self::Gone | Self::OomKilled | Self::Killed | Self::Ended => 3,
            Self::Error => 4,
            Self::Usage => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// What monitoring plugins say by their exit code (Nagios, Icinga, monit): the same numbers as above, for other things.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// 0: below both thresholds.
    Ok,
    /// 1: on the first or above it.
    Warning,
    /// 2: on the second or above it.
    Critical,
    /// 3: it can't be told, or the command line is wrong.
    Unknown,
}

impl Verdict {
    /// The word of the plugin's first line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => Self::Done,
            Verdict::Warning => Self::Error,
            Verdict::Critical => Self::Usage,
            Verdict::Unknown => Self::Found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Verdict};

    #[test]
    fn verdicts_have_the_codes_of_monitoring_plugins() {
        let verdicts = [Verdict::Ok, Verdict::Warning, Verdict::Critical, Verdict::Unknown];
        assert_eq!(verdicts.map(|verdict| Exit::from(verdict) as u8), [0, 1, 2, 3]);
    }

    #[test]
    fn a_lost_target_outranks_a_lost_value() {
        assert_eq!(Exit::Done.worse(Exit::Partial), Exit::Partial);
        assert_eq!(Exit::Gone.worse(Exit::Partial), Exit::Gone);
        assert_eq!(Exit::Partial.worse(Exit::Found), Exit::Found);
        assert_eq!(Exit::Gone.worse(Exit::Error), Exit::Error);
    }
}

//! Every exit code of memdoor, in one place.

/// How memdoor ends. `memdoor --help` and README list the same codes; tests/watch.rs sees each of them.
///
/// 3 is kept for modes to come: "the condition that was asked about holds", only where an option asks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It can't be done; one line on standard error says why.
    Error = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Done, but part of the evidence could not be read: it stands as `-` with the reason.
    Partial = 4,
    /// The target is gone, or is not the one named.
    Gone = 5,
}

impl Exit {
    /// The worse of two, for runs over several targets: error, then gone, then partial.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Done => 0,
            Self::Partial => 1,
            Self::Gone => 2,
            Self::Error => 3,
            Self::Usage => 4,
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn a_lost_target_outranks_a_lost_value() {
        assert_eq!(Exit::Done.worse(Exit::Partial), Exit::Partial);
        assert_eq!(Exit::Gone.worse(Exit::Partial), Exit::Gone);
        assert_eq!(Exit::Gone.worse(Exit::Error), Exit::Error);
    }
}

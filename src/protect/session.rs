//! `protect session`: what a person's login needs to live, and what the kernel should take first.

use crate::essential::{self, Role};
use crate::families::browser;

/// For what a session hangs on: as much as half of all memory less. Not -1000: a compositor that leaks must still be killable.
pub(super) const SESSION: i64 = -500;

/// For browsers: they lose a tab or come back.
pub(super) const BROWSER: i64 = 300;

/// What a process's oom_score_adj should be, when it is `before`: never less protection for a session than it has, and never less
/// of an offer for a browser.
pub(super) fn wanted(comm: &[u8], exe: Option<&[u8]>, before: i64) -> Adjustment {
    match essential::role(comm, exe) {
        // What the first two start, the user's jobs, would inherit it; the last are no session's.
        Some(Role::Supervisor | Role::Terminal | Role::Host) => Adjustment::Nothing,
        Some(_) => Adjustment::Less(before.min(SESSION)),
        None => browser(comm, exe).map_or(Adjustment::Nothing, |_| Adjustment::More(before.max(BROWSER))),
    }
}

/// What a process's oom_score_adj should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Adjustment {
    /// As it is.
    Nothing,
    /// This, for what a session hangs on: if its executable is what its name says.
    Less(i64),
    /// This.
    More(i64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_never_protected_less_than_before() {
        assert_eq!(wanted(b"gnome-shell", None, 0), Adjustment::Less(SESSION));
        assert_eq!(wanted(b"sshd", None, -1000), Adjustment::Less(-1000));
        assert_eq!(wanted(b"firefox", None, 0), Adjustment::More(BROWSER));
        assert_eq!(wanted(b"firefox", None, 900), Adjustment::More(900));
        assert_eq!(wanted(b"mysqld", None, 0), Adjustment::Nothing);
    }
}

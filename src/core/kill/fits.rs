//! Whether a process is one that was asked for.

use super::options::{Only, Policy};
use crate::identity::ProcessIdentity;
use crate::victim::{Exclusion, Rank};

impl ProcessIdentity<'_> {
    /// Whether a name or a pattern of `--only` is about it, as `any` is about nobody.
    pub(super) fn is_named(&mut self, only: &Only) -> bool {
        match only {
            Only::Any => false,
            Only::Browsers => self.browser().is_some(),
            Only::Fits(pattern) => self.fits(pattern),
        }
    }

    /// How much it is wanted, or why it may not be chosen.
    pub(super) fn judge(&mut self, policy: &Policy<'_>, group: Option<&[u8]>) -> core::result::Result<Rank, Exclusion> {
        let mut is_essential = false;
        let is_wanted = policy.only.iter().any(|only| match only {
            Only::Any => {
                is_essential = self.is_essential();
                !is_essential
            }
            only => self.is_named(only),
        });
        if is_essential && !is_wanted {
            return Err(Exclusion::Essential);
        }
        if !is_wanted {
            let may_fit = |only: &Only| matches!(only, Only::Fits(pattern) if self.is_unread(pattern));
            return Err(if policy.only.iter().any(may_fit) { Exclusion::Unread } else { Exclusion::Unwanted });
        }
        if group.is_some_and(|group| !self.is_in(group)) {
            return Err(Exclusion::Outside);
        }
        if self.fits_any(policy.ignore) {
            return Err(Exclusion::Ignored);
        }
        if self.may_fit_any(policy.ignore) {
            return Err(Exclusion::Unread);
        }
        Ok(if self.may_fit_any(policy.avoid) {
            Rank::Avoided
        } else if self.fits_any(policy.prefer) {
            Rank::Preferred
        } else {
            Rank::Ordinary
        })
    }
}

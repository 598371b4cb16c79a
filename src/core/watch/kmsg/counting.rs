//! Where the kernel counts an OOM kill, and what the cgroups that its log names are to that.

use super::victim::Relationship;
use crate::cgroup::Path;
use crate::parse::cgroup::{Version, is_below};
use crate::parse::kmsg::unescape;

/// Longer than the log's longest record has room for.
const PATH: usize = 1024;

/// The memory cgroup in which the target's OOM kill would be counted, as the kernel's log would name it.
#[derive(Debug)]
pub(super) struct CountingCgroup {
    pub(super) version: Version,
    pub(super) path: Path,
}

impl CountingCgroup {
    /// What a kill in the cgroup `of` because of the limit of `at` is to it; the second says whether it is certainly not counted in it.
    pub(super) fn look(&self, of: Option<&[u8]>, at: Option<&[u8]>) -> (Option<Relationship>, bool) {
        let home = self.path.as_bytes();
        let (mut of_buf, mut at_buf) = ([0; PATH], [0; PATH]);
        let of = of.map(|of| unescape(of, &mut of_buf));
        let at = at.map(|at| unescape(at, &mut at_buf));
        // All are below the root: that is no kinship.
        let is_root = |path: &[u8]| path.is_empty() || path == b"/";
        let is_in = |path: &[u8], group: &[u8]| !is_root(group) && is_below(path, group);
        let is_elsewhere = of.is_some_and(|of| match self.version {
            // v1 counts in the victim's own alone.
            Version::V1 => of != home,
            Version::V2 => !is_root(home) && !is_in(of, home),
        });
        let kin = match (of, at) {
            (Some(of), _) if is_in(of, home) => Some(Relationship::Group),
            (_, Some(at)) if is_in(home, at) => Some(Relationship::Limit),
            _ => None,
        };
        (kin, is_elsewhere)
    }
}

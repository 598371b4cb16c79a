//! Is the process still running the executable that the user named?

use super::Target;
use crate::fixed::Fixed;
use crate::sys::Result;

/// Room for a path: PATH_MAX, and the kernel's " (deleted)" behind it.
pub const LINK_MAX: usize = 4096 + 16;

/// What the kernel puts behind the path of a file that is no longer there: an upgraded binary.
const DELETED: &[u8] = b" (deleted)";

/// A path as `/proc/PID/exe` shows it.
pub type Link = Fixed<LINK_MAX>;

impl Target {
    /// Where `/proc/PID/exe` points. Needs ptrace read access: the same user and no set-uid, or root.
    pub fn exe(&self) -> Result<Link> {
        let mut buf = [0; LINK_MAX];
        self.view().link(c"exe", &mut buf).map(Fixed::of)
    }

    /// Where `/proc/PID/cwd` points, into `buf`.
    pub fn cwd<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        self.view().link(c"cwd", buf)
    }

    /// Whether `link` is `wanted`: literally, as the target's own root resolves it, or either with the executable deleted meanwhile.
    #[must_use]
    pub fn runs(&self, link: &Link, wanted: &[u8]) -> bool {
        let link = link.as_bytes();
        let present = present(link);
        link == wanted || present == wanted || self.is_realpath(present, wanted).unwrap_or(false)
    }

    /// Resolves `wanted` inside the target's root: `/bin/x` is `/usr/bin/x` on a merged-/usr system, and a container has a root of its own.
    /// When the file itself has gone, its directory is resolved: that still names what was run.
    fn is_realpath(&self, link: &[u8], wanted: &[u8]) -> Option<bool> {
        let root = self.view().dir(c"root").ok()?;
        let mut buf = [0; LINK_MAX];
        let path = Link::of(wanted);
        if root.realpath_in_root(path.as_c_str()?, &mut buf).is_ok_and(|real| real == link) {
            return Some(true);
        }
        let slash = wanted.iter().rposition(|byte| *byte == b'/')?;
        let (parent, name) = wanted.split_at(slash);
        let parent = if parent.is_empty() { Link::of(b"/") } else { Link::of(parent) };
        let real = root.realpath_in_root(parent.as_c_str()?, &mut buf).ok()?;
        let real = real.strip_suffix(b"/").unwrap_or(real);
        Some(link.strip_prefix(real) == Some(name))
    }
}

/// The path without the kernel's mark that the file is no longer there.
#[must_use]
pub fn present(link: &[u8]) -> &[u8] {
    link.strip_suffix(DELETED).unwrap_or(link)
}

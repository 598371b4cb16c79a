//! The memory cgroups that processes are in, and all above them.

use crate::parse::cgroup::Version;
use crate::parse::memcg::Bounds;
use crate::sys::Result;
use crate::sys::reserved::Reserved;

/// A cgroup.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Where its path is in the text.
    start: usize,
    end: usize,
    /// The one above it; `None`: this is the root.
    parent: Option<usize>,
    /// What the OOM killer goes by in it, once that was read.
    pub bounds: Bounds,
}

/// Cgroups, each once. A number that [`Groups::add`] gave stands for one until [`Groups::clear`].
#[derive(Debug)]
pub struct Groups {
    /// Neither is ever longer than its room, so that nothing is allocated after [`Groups::arm`].
    rows: Reserved<Group>,
    text: Reserved<u8>,
    version: Version,
    overflow: u64,
}

impl Groups {
    /// Room for so many, with paths of 256 bytes on average: kubelet's longest are about 250.
    pub fn arm(room: usize) -> Result<Self> {
        let (rows, text) = (Reserved::new(room)?, Reserved::new(room * 256)?);
        Ok(Self { rows, text, version: Version::V2, overflow: 0 })
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.text.clear();
        self.overflow = 0;
    }

    /// The number of the cgroup `path`; `None` when there is no room for it.
    pub fn add(&mut self, version: Version, path: &[u8]) -> Option<usize> {
        self.version = version;
        // The root is the empty path, so that what is before a slash is always the parent.
        self.find_or_add(path.strip_suffix(b"/").unwrap_or(path))
    }

    fn find_or_add(&mut self, path: &[u8]) -> Option<usize> {
        // Neighbours in /proc are in the same cgroup more often than not, so the newest is looked at first.
        let known = (0..self.rows.len()).rev().find(|at| self.raw(*at) == path);
        if known.is_some() {
            return known;
        }
        // No recursion: a path may have 2,000 parts.
        let mut parent = None;
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let ends = slashes.map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let here = path.get(..end)?;
            let known = (0..self.rows.len()).rev().find(|at| self.raw(*at) == here);
            parent = Some(match known {
                Some(known) => known,
                None => self.push(here, parent)?,
            });
        }
        parent
    }

    fn push(&mut self, path: &[u8], parent: Option<usize>) -> Option<usize> {
        let (start, end) = (self.text.len(), self.text.len() + path.len());
        let group = Group { start, end, parent, bounds: Bounds::default() };
        if !self.rows.has_room() || !self.text.extend_from_slice(path) || self.rows.push(group).is_err() {
            self.overflow += 1;
            return None;
        }
        Some(self.rows.len() - 1)
    }

    fn raw(&self, group: usize) -> &[u8] {
        let row = self.rows.get(group);
        row.and_then(|row| self.text.get(row.start..row.end)).unwrap_or_default()
    }

    /// Its path in the hierarchy.
    #[must_use]
    pub fn path(&self, group: usize) -> &[u8] {
        match self.raw(group) {
            b"" => b"/",
            path => path,
        }
    }

    /// In which hierarchy they are.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// All of them, by number; each behind those above it.
    #[must_use]
    pub fn rows(&self) -> &[Group] {
        &self.rows
    }

    /// The same, to note their bounds.
    pub fn rows_mut(&mut self) -> &mut [Group] {
        &mut self.rows
    }

    /// It and all above it, from below.
    pub fn upwards(&self, group: usize) -> impl Iterator<Item = usize> {
        core::iter::successors(Some(group), |at| self.rows.get(*at)?.parent)
    }

    /// How often there was no room for one.
    #[must_use]
    pub const fn overflow(&self) -> u64 {
        self.overflow
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn each_cgroup_is_there_once_with_all_above_it() {
        let mut groups = Groups::arm(8).expect("room");
        let leaf = groups.add(Version::V1, b"/lab/app").expect("room");
        let root = groups.add(Version::V1, b"/").expect("room");
        assert_eq!(groups.add(Version::V1, b"/lab/app"), Some(leaf));
        let paths: Vec<&[u8]> = groups.upwards(leaf).map(|at| groups.path(at)).collect();
        assert_eq!(paths, [&b"/lab/app"[..], b"/lab", b"/"]);
        assert_eq!(groups.upwards(leaf).last(), Some(root));
        assert_eq!(groups.rows().len(), 3);
    }

    #[test]
    fn what_has_no_room_is_counted_and_nothing_grows() {
        let mut groups = Groups::arm(2).expect("room");
        assert_eq!(groups.add(Version::V2, b"/a/b"), None);
        assert_eq!(groups.overflow(), 1);
        assert_eq!(groups.add(Version::V2, &[b'/'; 4000]), None);
        assert!(groups.rows().len() <= 2);
    }
}

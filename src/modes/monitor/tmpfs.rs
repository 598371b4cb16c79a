//! File systems in memory: who fills one holds memory that no process shows.

use crate::fixed::Fixed;
use crate::largest::keep;
use crate::parse::mountinfo::tmpfs_mount;
use crate::sys::file::Dir;
use crate::sys::lines::Lines;
use crate::units::Bytes;

/// The fullest that are named.
const SHOWN: usize = 5;

/// A tmpfs.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    /// Where it is mounted first, raw.
    pub(super) point: Fixed<256>,
    /// What is in it, in memory or swap.
    pub(super) used: Bytes,
}

/// File systems that are told apart; beyond that one that is mounted twice counts twice.
const DEVICES: usize = 64;

/// All that memdoor's own mount namespace shows.
#[derive(Debug)]
pub(super) struct Mounts {
    /// The fullest first.
    pub(super) fullest: [Option<Mount>; SHOWN],
    /// The sum over all.
    pub(super) used: Bytes,
    /// `0:27`: by its device one that is mounted twice is known.
    devices: [Fixed<16>; DEVICES],
    count: usize,
}

impl Mounts {
    const fn none() -> Self {
        Self { fullest: [const { None }; SHOWN], used: Bytes(0), devices: [const { Fixed::new() }; DEVICES], count: 0 }
    }

    /// Looks at each: one fstatfs(2).
    pub(super) fn read(proc: &Dir, buf: &mut [u8]) -> Self {
        let mut all = Self::none();
        let Ok(file) = proc.file(c"self/mountinfo") else {
            return all;
        };
        let mut lines = Lines::new(&file, buf);
        while let Some(Ok(line)) = lines.next() {
            if let Some((point, device)) = tmpfs_mount(line) {
                let dir = point.as_c_str().map(Dir::open);
                if let Some(Ok(used)) = dir.map(|dir| dir?.used()) {
                    all.add(point.as_bytes(), device, Bytes(used));
                }
            }
        }
        all
    }

    /// How much was in the same file system; of one that was not among the fullest, the most that it can have had.
    pub(super) fn used_at(&self, now: &Mount) -> Bytes {
        let mut all = self.fullest.iter().flatten();
        let then = all.find(|then| then.point.as_bytes() == now.point.as_bytes());
        let least = || self.fullest.last()?.as_ref().map(|last| last.used);
        then.map(|then| then.used).or_else(least).unwrap_or_default()
    }

    fn add(&mut self, point: &[u8], device: &[u8], used: Bytes) {
        let known = self.devices.get(..self.count).unwrap_or_default();
        if known.iter().any(|known| known.as_bytes() == device) {
            return;
        }
        if let Some(slot) = self.devices.get_mut(self.count) {
            *slot = Fixed::of(device);
            self.count += 1;
        }
        self.used = self.used.plus(used);
        let point = Fixed::of(point);
        keep(&mut self.fullest, Mount { point, used }, |mount| mount.used);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn the_fullest_come_first_and_none_twice() {
        let mut all = Mounts::none();
        for (device, used) in [(1, 5), (2, 9), (2, 9), (3, 1), (4, 7), (5, 2), (6, 8), (3, 1)] {
            let device = std::format!("0:{device}");
            all.add(device.as_bytes(), device.as_bytes(), Bytes(used));
        }
        let used: std::vec::Vec<u64> = all.fullest.iter().flatten().map(|mount| mount.used.0).collect();
        assert_eq!(used, [9, 8, 7, 5, 2]);
        assert_eq!(all.used, Bytes(32));
    }
}

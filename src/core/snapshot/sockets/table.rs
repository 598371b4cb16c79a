//! The process's sockets by inode, so that one of 100,000 rows of the host is recognised in 17 steps.

use crate::sys;
use crate::sys::map::Region;

/// Sockets in a sorted array of 64-bit numbers: inode, descriptor (31 bits), settled (1 bit).
#[derive(Debug)]
pub(super) struct Table {
    region: Region,
    len: usize,
    open: usize,
}

/// A socket and one of the process's descriptors of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) inode: u32,
    pub(super) fd: u32,
}

const SETTLED: u64 = 1;

impl Entry {
    /// Descriptors are below 2^31: they are ints.
    fn pack(self) -> u64 {
        (u64::from(self.inode) << 32) | (u64::from(self.fd & 0x7fff_ffff) << 1)
    }

    fn unpack(packed: u64) -> Self {
        Self { inode: inode_of(packed), fd: u32::try_from((packed >> 1) & 0x7fff_ffff).unwrap_or(0) }
    }
}

fn inode_of(packed: u64) -> u32 {
    u32::try_from(packed >> 32).unwrap_or(0)
}

impl Table {
    /// Room for `capacity` sockets, 8 bytes each.
    pub(super) fn new(capacity: usize) -> sys::Result<Self> {
        Ok(Self { region: Region::new(capacity.saturating_mul(size_of::<u64>()))?, len: 0, open: 0 })
    }

    /// Forgets every socket.
    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.open = 0;
    }

    /// Notes a descriptor; false when there is no room.
    pub(super) fn push(&mut self, entry: Entry) -> bool {
        let Some(slot) = self.region.as_u64s().get_mut(self.len) else {
            return false;
        };
        *slot = entry.pack();
        self.len += 1;
        true
    }

    /// Ends the noting: one entry a socket, that of its lowest descriptor. Nothing is settled.
    pub(super) fn sort(&mut self) {
        let all = self.region.as_u64s();
        let Some(noted) = all.get_mut(..self.len) else {
            return;
        };
        noted.sort_unstable();
        let mut kept = 0;
        let mut last = None;
        for at in 0..noted.len() {
            let Some(entry) = noted.get(at).copied() else {
                break;
            };
            if last.replace(inode_of(entry)) == Some(inode_of(entry)) {
                continue;
            }
            if let Some(slot) = noted.get_mut(kept) {
                *slot = entry;
                kept += 1;
            }
        }
        self.len = kept;
        self.open = kept;
    }

    /// Nothing is settled any more.
    pub(super) fn reopen(&mut self) {
        self.sockets().iter_mut().for_each(|entry| *entry &= !SETTLED);
        self.open = self.len;
    }

    /// How many sockets there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many are not settled.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    /// Whether the process has a socket with this inode.
    pub(super) fn has(&mut self, inode: u32) -> bool {
        self.find(inode).is_some()
    }

    /// Settles a socket; true when it is one of the process's and was not settled before.
    pub(super) fn settle(&mut self, inode: u32) -> bool {
        let Some(entry) = self.find(inode) else {
            return false;
        };
        if *entry & SETTLED != 0 {
            return false;
        }
        *entry |= SETTLED;
        self.open = self.open.saturating_sub(1);
        true
    }

    /// The socket at `at` of [`Table::len`], unless it is settled.
    pub(super) fn open_at(&mut self, at: usize) -> Option<Entry> {
        let entry = self.sockets().get(at)?;
        (*entry & SETTLED == 0).then(|| Entry::unpack(*entry))
    }

    fn find(&mut self, inode: u32) -> Option<&mut u64> {
        let sockets = self.sockets();
        let at = sockets.binary_search_by_key(&inode, |entry| inode_of(*entry)).ok()?;
        sockets.get_mut(at)
    }

    fn sockets(&mut self) -> &mut [u64] {
        self.region.as_u64s().get_mut(..self.len).unwrap_or(&mut [])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(capacity: usize, entries: &[(u32, u32)]) -> Table {
        let mut table = Table::new(capacity).expect("memory");
        for (inode, fd) in entries {
            table.push(Entry { inode: *inode, fd: *fd });
        }
        table.sort();
        table
    }

    #[test]
    fn duplicated_descriptors_are_one_socket() {
        let mut table = table(8, &[(9, 5), (7, 4), (9, 3), (7, 6), (u32::MAX, 0x7fff_ffff)]);
        assert_eq!((table.len(), table.open()), (3, 3));
        assert_eq!(table.open_at(0), Some(Entry { inode: 7, fd: 4 }));
        assert_eq!(table.open_at(1), Some(Entry { inode: 9, fd: 3 }));
        let last = Entry { inode: u32::MAX, fd: 0x7fff_ffff };
        assert_eq!(table.open_at(2), Some(last));
        assert_eq!(table.open_at(3), None);
    }

    #[test]
    fn a_socket_is_settled_once() {
        let mut table = table(8, &[(9, 5), (7, 4)]);
        assert!(table.settle(9));
        assert!(!table.settle(9));
        assert!(!table.settle(8), "another's");
        assert!(!table.settle(0), "nobody's");
        assert!(table.has(9) && !table.has(8));
        assert_eq!((table.open(), table.open_at(1)), (1, None));
    }

    #[test]
    fn a_full_table_says_so_and_can_be_used_again() {
        let mut table = Table::new(2).expect("memory");
        for round in 0..2 {
            table.clear();
            let entry = Entry { inode: round + 1, fd: 3 };
            assert!(table.push(entry) && table.push(entry));
            assert!(!table.push(entry));
            table.sort();
            assert_eq!(table.len(), 1);
            assert!(table.has(round + 1) && !table.has(round));
        }
    }
}

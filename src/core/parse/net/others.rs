//! Sockets that are neither TCP nor UDP: `/proc/PID/net/unix`, `netlink`, `packet`, `raw` and `raw6`.
//!
//! Only the inode is read, to count a process's sockets by family.

use crate::parse::{dec, words};

/// One of the files. The columns are those of Linux 2.6.12 to 6.18.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// `unix`: `Num RefCount Protocol Flags Type St Inode Path`.
    ///
    /// The path is the owner's choice and is printed as it is: a newline in it begins a line that looks like another socket.
    /// Whoever does that changes a count and nothing else.
    Unix,
    /// `netlink`: `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`. Without the sockets that were never bound nor used.
    Netlink,
    /// `packet`: `sk RefCnt Type Proto Iface R Rmem User Inode`.
    Packet,
    /// `raw` and `raw6`: the columns of `udp`. Its header names 12 before the inode, of which two pairs share a word.
    Raw,
}

impl Table {
    /// How many words come before the inode.
    const fn column(self) -> usize {
        match self {
            Self::Unix => 6,
            Self::Packet => 8,
            Self::Netlink | Self::Raw => 9,
        }
    }

    /// The inode of a line's socket; `None` for the header, a line without one, and a socket that no process has open (0).
    #[must_use]
    pub fn inode(self, line: &[u8]) -> Option<u32> {
        let inode = dec(words(line).nth(self.column())?)?;
        u32::try_from(inode).ok().filter(|inode| *inode != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Linux 6.18.
    const UNIX: &[u8] = b"00000000813009d2: 00000002 00000000 00000000 0001 01 17667 @demo sock";
    const UNIX_HEADER: &[u8] = b"Num       RefCount Protocol Flags    Type St Inode Path";
    const NETLINK: &[u8] =
        b"000000000cf23df9 0   16389      00000440 0        0        0     2        0        17666   ";
    const NETLINK_HEADER: &[u8] =
        b"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode";
    const PACKET: &[u8] = b"000000007024fbbd 3      3    0003   0     1 4      0      17665 ";
    const PACKET_HEADER: &[u8] = b"sk               RefCnt Type Proto  Iface R Rmem   User   Inode";
    const RAW: &[u8] = b" 198: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 17664 2 0000000063abcfd2 0";
    const RAW_HEADER: &[u8] = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops";

    #[test]
    fn each_file_has_its_inode_in_a_column_of_its_own() {
        assert_eq!(Table::Unix.inode(UNIX), Some(17667));
        assert_eq!(Table::Netlink.inode(NETLINK), Some(17666));
        assert_eq!(Table::Packet.inode(PACKET), Some(17665));
        assert_eq!(Table::Raw.inode(RAW), Some(17664));
    }

    #[test]
    fn headers_and_sockets_without_an_inode_are_nobodys() {
        assert_eq!(Table::Unix.inode(UNIX_HEADER), None);
        assert_eq!(Table::Netlink.inode(NETLINK_HEADER), None);
        assert_eq!(Table::Packet.inode(PACKET_HEADER), None);
        assert_eq!(Table::Raw.inode(RAW_HEADER), None);
        assert_eq!(Table::Unix.inode(b"0: 2 0 0 1 3 0"), None);
        assert_eq!(Table::Unix.inode(b"0: 2 0 0 1 3 4294967296"), None);
    }

    #[test]
    fn neither_cutting_nor_hostile_bytes_panic() {
        for line in [UNIX, NETLINK, PACKET, RAW, b"\xff\xff \0 : : : : : : : : -1"] {
            for table in [Table::Unix, Table::Netlink, Table::Packet, Table::Raw] {
                for upto in 0..line.len() {
                    let _ = table.inode(&line[..upto]);
                }
            }
        }
    }
}

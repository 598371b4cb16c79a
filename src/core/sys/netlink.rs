//! The kernel's socket tables in binary form: sock_diag(7), Linux 3.3.
//!
//! The socket is opened while arming, as socket(2) fails at a memory cgroup's limit and a dump on an open one does not. It
//! shows the network namespace in which it was opened, and no other.

extern crate std;

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::{Errno, Result};

/// Room that a dump needs: the kernel's messages are a page less its bookkeeping, at most 8 KiB (`NLMSG_GOODSIZE`), and
/// grow to 32 KiB with the buffer they are read into.
pub const LEAST_BUFFER: usize = 8 * 1024;

/// More datagrams than any dump has: some 40 million sockets. A kernel that sends more is not listened to.
const MOST_DATAGRAMS: u32 = 1 << 20;

/// `SOCK_DIAG_BY_FAMILY` of include/uapi/linux/sock_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// include/uapi/linux/netlink.h.
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `sizeof(struct nlmsghdr)`: length (4), type (2), flags (2), sequence number (4), port (4).
const HEADER: usize = 16;
/// The header and `struct inet_diag_req_v2`, 56 bytes.
const REQUEST: usize = HEADER + 56;

/// Which table to dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// `IPPROTO_TCP`, `IPPROTO_UDP` or `IPPROTO_UDPLITE`.
    pub protocol: u8,
    /// One bit for each TCP state: `1 << state`. Bit 13 asks for sockets that are only bound, Linux 6.8.
    pub states: u32,
}

/// Every state, TIME_WAIT included.
pub const ALL_STATES: u32 = u32::MAX;

/// How a dump ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dumped {
    /// It is whole.
    Whole,
    /// The table changed meanwhile in a way that may have lost rows (`NLM_F_DUMP_INTR`).
    Interrupted,
}

/// A netlink socket that answers with socket tables.
#[derive(Debug)]
pub struct SockDiag {
    fd: OwnedFd,
    sequence: u32,
    /// A dump that was not read to its end blocks the next one (EBUSY): then a new socket is needed.
    unfinished: bool,
}

impl SockDiag {
    /// Opens the socket, in the network namespace of the calling thread. EPROTONOSUPPORT: a kernel without sock_diag.
    pub fn open() -> Result<Self> {
        Ok(Self { fd: open()?, sequence: 0, unfinished: false })
    }

    /// Hands each `struct inet_diag_msg` of a table, with the attributes after it, to `each`.
    ///
    /// ENOENT, EOPNOTSUPP: the kernel lacks the module for this table. EMSGSIZE: `buf` is less than [`LEAST_BUFFER`] or a
    /// message did not fit. EAGAIN: the kernel had no memory to go on. After an error `each` may have seen some rows.
    pub fn dump(&mut self, table: Table, buf: &mut [u8], each: &mut dyn FnMut(&[u8])) -> Result<Dumped> {
        if buf.len() < LEAST_BUFFER {
            return Err(Errno::EMSGSIZE);
        }
        if self.unfinished {
            self.fd = open()?;
            self.unfinished = false;
        }
        self.sequence = self.sequence.wrapping_add(1);
        send(std::os::fd::AsRawFd::as_raw_fd(&self.fd), &request(table, self.sequence), MsgFlags::MSG_DONTWAIT)?;
        let done = self.receive(buf, each);
        // An error that the kernel sent is an end like any other; the remaining ones leave a dump behind.
        self.unfinished = done.is_err();
        done?
    }

    /// Reads to the end of the dump. The outer error: the end was not reached. The inner one: the kernel's answer.
    fn receive(&self, buf: &mut [u8], each: &mut dyn FnMut(&[u8])) -> Result<Result<Dumped>> {
        let mut dumped = Dumped::Whole;
        let mut cut = false;
        for _ in 0..MOST_DATAGRAMS {
            let len = receive_one(&self.fd, buf)?;
            cut |= len > buf.len();
            let datagram = buf.get(..len.min(buf.len())).ok_or(Errno::EMSGSIZE)?;
            for message in Messages(datagram) {
                if message.sequence != self.sequence {
                    continue;
                }
                if message.flags & NLM_F_DUMP_INTR != 0 {
                    dumped = Dumped::Interrupted;
                }
                match message.kind {
                    NLMSG_NOOP => {}
                    NLMSG_ERROR | NLMSG_DONE => {
                        let answer = answer(message.payload).and(if cut { Err(Errno::EMSGSIZE) } else { Ok(dumped) });
                        return Ok(answer);
                    }
                    _ => each(message.payload),
                }
            }
        }
        Err(Errno::EOVERFLOW)
    }
}

fn open() -> Result<OwnedFd> {
    socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)
}

/// One datagram's real length, which may be more than `buf` took (`MSG_TRUNC`).
///
/// Never waits: the kernel prepares the next part of a dump before the last one is read, so if nothing is there, then
/// nothing will come (it had no memory for it) and a wait would be for ever.
fn receive_one(fd: &OwnedFd, buf: &mut [u8]) -> Result<usize> {
    let fd = std::os::fd::AsRawFd::as_raw_fd(&fd.as_fd());
    loop {
        match recv(fd, buf, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC) {
            Err(Errno::EINTR) => {}
            // A netlink socket has no end of file: a datagram of no bytes would be a kernel error.
            Ok(0) => return Err(Errno::EBADMSG),
            done => return done,
        }
    }
}

fn request(table: Table, sequence: u32) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let mut rest = &mut bytes[..];
    let mut put = |value: &[u8]| {
        if let Some((head, tail)) = core::mem::take(&mut rest).split_at_mut_checked(value.len()) {
            head.copy_from_slice(value);
            rest = tail;
        }
    };
    put(&u32::try_from(REQUEST).unwrap_or(0).to_ne_bytes());
    put(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    put(&sequence.to_ne_bytes());
    put(&0_u32.to_ne_bytes());
    // No extensions: addresses, state, queues and inode are in the fixed part. The address to match stays zero: any.
    put(&[table.family, table.protocol, 0, 0]);
    put(&table.states.to_ne_bytes());
    bytes
}

/// The error number of an `NLMSG_ERROR` or `NLMSG_DONE`: negative or zero, or not there at all (before Linux 2.6.30).
fn answer(payload: &[u8]) -> Result<()> {
    match payload.first_chunk().map(|code| i32::from_ne_bytes(*code)) {
        Some(code) if code < 0 => Err(Errno::from_raw(code.saturating_neg())),
        _ => Ok(()),
    }
}

struct Message<'d> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'d [u8],
}

/// The netlink messages in one datagram; a length that can't be ends it.
struct Messages<'d>(&'d [u8]);

impl<'d> Iterator for Messages<'d> {
    type Item = Message<'d>;

    fn next(&mut self) -> Option<Message<'d>> {
        let header = self.0.first_chunk::<HEADER>()?;
        let number = |at: usize| header.get(at..)?.first_chunk().copied();
        let short = |at: usize| header.get(at..)?.first_chunk().copied();
        let len = usize::try_from(u32::from_ne_bytes(number(0)?)).ok()?;
        let message = Message {
            kind: u16::from_ne_bytes(short(4)?),
            flags: u16::from_ne_bytes(short(6)?),
            sequence: u32::from_ne_bytes(number(8)?),
            payload: self.0.get(HEADER..len)?,
        };
        // Messages begin at multiples of 4; the last one need not be padded.
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const TCP: Table = Table { family: 2, protocol: 6, states: ALL_STATES };

    fn message(len: u32, kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(len.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(NLM_F_DUMP_INTR.to_ne_bytes());
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn a_listener_is_in_the_dump_and_the_socket_can_be_used_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let port = listener.local_addr().expect("address").port().to_be_bytes();
        let mut diag = SockDiag::open().expect("open");
        for _ in 0..3 {
            let mut found = false;
            let dumped = diag.dump(TCP, &mut [0; LEAST_BUFFER], &mut |message| {
                found |= message.get(4..6) == Some(&port);
            });
            assert_eq!(dumped, Ok(Dumped::Whole));
            assert!(found);
        }
    }

    #[test]
    fn a_table_that_the_kernel_lacks_is_an_error_and_the_socket_stays_usable() {
        let mut diag = SockDiag::open().expect("open");
        let none = Table { protocol: 200, ..TCP };
        let mut buf = [0; LEAST_BUFFER];
        assert_eq!(diag.dump(none, &mut buf, &mut |_| {}), Err(Errno::ENOENT), "no such protocol");
        assert!(!diag.unfinished);
        assert_eq!(diag.dump(TCP, &mut buf, &mut |_| {}), Ok(Dumped::Whole));
    }

    #[test]
    fn a_dump_left_unread_does_not_spoil_the_next_one() {
        let mut diag = SockDiag::open().expect("open");
        let sent = send(std::os::fd::AsRawFd::as_raw_fd(&diag.fd), &request(TCP, 99), MsgFlags::empty());
        assert_eq!(sent, Ok(REQUEST));
        let mut buf = [0; LEAST_BUFFER];
        let mut rows = 0;
        // The stale answer is skipped by its number, or the socket is busy and is opened anew.
        let first = diag.dump(TCP, &mut buf, &mut |_| rows += 1);
        let second = diag.dump(TCP, &mut buf, &mut |_| rows += 1);
        assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
    }

    #[test]
    fn a_buffer_that_is_too_small_is_refused_before_anything_is_sent() {
        let mut diag = SockDiag::open().expect("open");
        assert_eq!(diag.dump(TCP, &mut [0; 100], &mut |_| {}), Err(Errno::EMSGSIZE));
    }

    #[test]
    fn no_length_leads_out_of_the_datagram() {
        for len in [0, 1, 15, 16, 17, 19, 20, 21, 24, u32::MAX] {
            let bytes = message(len, NLMSG_DONE, &[0; 4]);
            for upto in 0..=bytes.len() {
                for message in Messages(&bytes[..upto]) {
                    assert!(message.payload.len() <= 4);
                }
            }
        }
        assert_eq!(Messages(&message(20, NLMSG_DONE, &[0; 4])).count(), 1);
        assert_eq!(Messages(&message(21, NLMSG_DONE, &[0; 4])).count(), 0);
    }

    #[test]
    fn an_error_number_of_any_size_is_an_error() {
        assert_eq!(answer(&[]), Ok(()));
        assert_eq!(answer(&0_i32.to_ne_bytes()), Ok(()));
        assert_eq!(answer(&(-2_i32).to_ne_bytes()), Err(Errno::ENOENT));
        assert!(answer(&i32::MIN.to_ne_bytes()).is_err());
    }
}

//! One socket at a time, through a duplicate of the process's descriptor.
//!
//! A duplicate is held for some 5 us. In that time it can have an effect in two ways, both of a process that closes the socket
//! just then: the connection ends that much later, and with SO_LINGER it is memdoor whose close(2) lingers.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use super::listing::Listing;
use super::summary::{Family, Method};
use super::table::Entry;
use super::tally::Tally;
use crate::error::Absent;
use crate::parse::net::{Protocol, Socket, State, unsent};
use crate::sys::Errno;
use crate::sys::clock::monotonic;
use crate::sys::pidfd::PidFd;
use crate::sys::socket::{self, Inet, Inspected};
use crate::units::Bytes;

/// What a descriptor turned out to be.
enum Descriptor {
    Row(Socket),
    Other(Family),
    /// Closed since it was listed, or used anew for something else.
    Closed,
}

/// Why a descriptor told nothing.
enum Trouble {
    /// This one: the tables may know it.
    Socket(Absent),
    /// The next one would fail as well.
    Method(Absent),
}

/// How it is known that a descriptor was closed meanwhile.
#[derive(Clone, Copy)]
pub(super) enum Closed<'l> {
    /// The list of descriptors says so.
    By(&'l Listing),
    /// The process is held and closes nothing: what is not there was closed before. Only until then is looked.
    Until(Duration),
}

impl Closed<'_> {
    fn says_so(self, entry: Entry) -> bool {
        match self {
            Self::By(listing) => !listing.still_has(entry),
            Self::Until(_) => true,
        }
    }

    fn is_late(self, at: usize) -> bool {
        // Asked seldom: 32 sockets are 160 us.
        matches!(self, Self::Until(until) if at % 32 == 31 && monotonic() >= until)
    }
}

/// Settles what is open in the table. An error ends it: the method does not work for this process.
pub(super) fn settle_open(pidfd: &PidFd, closed: Closed<'_>, tally: &mut Tally<'_>) -> Result<(), Absent> {
    for at in 0..tally.table.len() {
        let Some(entry) = tally.table.open_at(at) else {
            continue;
        };
        if closed.is_late(at) {
            return Err(Absent::Late);
        }
        match look(pidfd, closed, entry) {
            Ok(seen) => {
                tally.table.settle(entry.inode);
                count(seen, tally);
            }
            Err(Trouble::Socket(why)) => tally.trouble(why),
            Err(Trouble::Method(why)) => return Err(why),
        }
    }
    Ok(())
}

/// Counts a socket that is not in the table; false when it could not be looked at.
pub(super) fn settle_one(pidfd: &PidFd, closed: Closed<'_>, entry: Entry, tally: &mut Tally<'_>) -> bool {
    match look(pidfd, closed, entry) {
        Ok(seen) => {
            count(seen, tally);
            true
        }
        Err(Trouble::Socket(why) | Trouble::Method(why)) => {
            tally.trouble(why);
            false
        }
    }
}

fn count(seen: Descriptor, tally: &mut Tally<'_>) {
    match seen {
        Descriptor::Row(socket) => tally.emit(&socket, Method::Getfd),
        Descriptor::Other(family) => tally.count(family, Method::Getfd),
        Descriptor::Closed => {}
    }
}

fn look(pidfd: &PidFd, closed: Closed<'_>, entry: Entry) -> Result<Descriptor, Trouble> {
    let number = i32::try_from(entry.fd).map_err(|_| Trouble::Socket(Absent::Malformed))?;
    let fd = match pidfd.getfd(number) {
        Ok(fd) => fd,
        Err(Errno::EBADF) if closed.says_so(entry) => return Ok(Descriptor::Closed),
        // EBADF though the descriptor is there: the pidfd is of a leader that has exited before its threads, or of one
        // with a descriptor table of its own.
        Err(errno) => return Err(Trouble::Method(errno.into())),
    };
    let inode = socket::inode(&fd).map_err(|errno| Trouble::Socket(errno.into()))?;
    if inode != Some(u64::from(entry.inode)) {
        return Ok(Descriptor::Closed);
    }
    let inspected = socket::inspect(&fd);
    drop(fd);
    match inspected {
        Ok(inspected) => Ok(seen(&inspected, entry.inode)),
        Err(errno) => Err(Trouble::Socket(errno.into())),
    }
}

fn seen(socket: &Inspected, inode: u32) -> Descriptor {
    if let Some(inet) = &socket.inet {
        return Descriptor::Row(row(inet, socket.protocol, inode));
    }
    Descriptor::Other(match (socket.domain, socket.kind, socket.protocol) {
        (socket::AF_UNIX, ..) => Family::Unix,
        (socket::AF_NETLINK, ..) => Family::Netlink,
        (socket::AF_PACKET, ..) => Family::Packet,
        (socket::AF_VSOCK, ..) => Family::Vsock,
        (socket::AF_INET | socket::AF_INET6, socket::SOCK_RAW, _) => Family::Raw,
        (socket::AF_INET | socket::AF_INET6, _, socket::IPPROTO_SCTP) => Family::Sctp,
        _ => Family::Other,
    })
}

fn row(inet: &Inet, number: i32, inode: u32) -> Socket {
    let protocol = match (inet.tcp_state, number, inet.local) {
        (Some(_), _, SocketAddr::V4(_)) => Protocol::Tcp,
        (Some(_), _, SocketAddr::V6(_)) => Protocol::Tcp6,
        (None, socket::IPPROTO_UDPLITE, SocketAddr::V4(_)) => Protocol::UdpLite,
        (None, socket::IPPROTO_UDPLITE, SocketAddr::V6(_)) => Protocol::UdpLite6,
        (None, _, SocketAddr::V4(_)) => Protocol::Udp,
        (None, _, SocketAddr::V6(_)) => Protocol::Udp6,
    };
    let state = match (inet.tcp_state, inet.peer) {
        (Some(state), _) => protocol.state(state),
        (None, Some(_)) => State::Established,
        (None, None) => State::Unconn,
    };
    let nobody = if protocol.is_v6() { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let count = |sockets: u32| Bytes(u64::from(sockets));
    let (tx_queue, rx_queue) = match inet.backlog {
        Some((now, most)) => (Some(count(most)), Some(count(now))),
        // SIOCINQ, unlike the tables, does not count a FIN.
        None => (inet.unsent.map(|bytes| unsent(state, bytes)), inet.unread.map(count)),
    };
    Socket {
        protocol,
        state,
        local: inet.local,
        remote: inet.peer.unwrap_or(SocketAddr::new(nobody, 0)),
        tx_queue,
        rx_queue,
        inode,
    }
}

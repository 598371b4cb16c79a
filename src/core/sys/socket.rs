//! One socket, looked at through a descriptor of it: what getsockopt(2), getsockname(2) and ioctl(2) tell.
//!
//! The descriptor is a duplicate of another process's, so nothing here changes the socket, waits for it or keeps it.

extern crate std;

use core::ffi::c_int;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

pub use libc::{
    AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP,
    IPPROTO_UDPLITE, SOCK_RAW,
};
use nix::sys::stat::{SFlag, fstat};

use super::{Errno, Result};

/// `SO_PEERNAME` and `SO_MEMINFO` (Linux 4.12) of include/uapi/asm-generic/socket.h, which libc lacks for musl.
const SO_PEERNAME: c_int = 28;
const SO_MEMINFO: c_int = 55;
/// `TCP_LISTEN` of include/net/tcp_states.h.
const TCP_LISTEN: u8 = 10;

/// What the kernel says about one socket, as raw numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inspected {
    /// `SO_DOMAIN`: the address family, `AF_UNIX` and so on.
    pub domain: c_int,
    /// `SO_TYPE`: `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_RAW` and so on.
    pub kind: c_int,
    /// `SO_PROTOCOL`: `IPPROTO_TCP` and so on; 262 is MPTCP.
    pub protocol: c_int,
    /// Addresses and queues of a TCP, MPTCP, UDP or UDP-Lite socket; `None` for any other.
    pub inet: Option<Inet>,
}

/// The ends and the queues of a TCP or UDP socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inet {
    /// getsockname(2); all zero when unbound.
    pub local: SocketAddr,
    /// The other end; `None` when there is none.
    pub peer: Option<SocketAddr>,
    /// `tcpi_state`: 1 to 11; `None` for UDP.
    pub tcp_state: Option<u8>,
    /// A listening socket's connections that wait for accept(2), and how many may.
    pub backlog: Option<(u32, u32)>,
    /// Bytes that the process has not read. TCP: of the stream. UDP: with the kernel's overhead, as in /proc/net/udp.
    pub unread: Option<u32>,
    /// Bytes that were sent and not acknowledged (TCP), or that have not left the host (UDP).
    pub unsent: Option<u32>,
}

/// The inode of a socket; `None` when the descriptor is of something else.
pub fn inode(fd: impl AsFd) -> Result<Option<u64>> {
    let stat = fstat(fd)?;
    let is_socket = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFSOCK;
    Ok(is_socket.then_some(stat.st_ino))
}

/// Looks at a socket: 3 system calls, and 5 more for TCP and UDP.
pub fn inspect(fd: impl AsFd) -> Result<Inspected> {
    let fd = fd.as_fd();
    let domain = number(fd, libc::SO_DOMAIN)?;
    let kind = number(fd, libc::SO_TYPE)?;
    let protocol = number(fd, libc::SO_PROTOCOL)?;
    let inet = match (domain, kind, protocol) {
        // Go has listened with MPTCP by default since 1.24; to a peer without it that is TCP.
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM, libc::IPPROTO_TCP | libc::IPPROTO_MPTCP) => {
            Some(tcp(fd, domain)?)
        }
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM, libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE) => {
            Some(udp(fd, domain)?)
        }
        _ => None,
    };
    Ok(Inspected { domain, kind, protocol, inet })
}

fn tcp(fd: BorrowedFd<'_>, domain: c_int) -> Result<Inet> {
    // struct tcp_info (include/uapi/linux/tcp.h): the state is its first byte, then 7 bytes and 4 numbers of 32 bits,
    // then tcpi_unacked and tcpi_sacked, which for a listening socket are the backlog and its limit.
    let mut info = [0; 32];
    option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info)?;
    let state = info[0];
    let listens = state == TCP_LISTEN;
    Ok(Inet {
        local: local(fd)?,
        peer: peer(fd, domain)?,
        tcp_state: Some(state),
        backlog: if listens { u32_at(&info, 24).zip(u32_at(&info, 28)) } else { None },
        // Both are EINVAL for a listening socket.
        unread: queue(fd, queues::unread),
        unsent: queue(fd, queues::unsent),
    })
}

fn udp(fd: BorrowedFd<'_>, domain: c_int) -> Result<Inet> {
    // SIOCINQ is the size of the first datagram only; SK_MEMINFO_RMEM_ALLOC and _WMEM_ALLOC are the whole queues.
    let mut memory = [0; 12];
    let known = option(fd, libc::SOL_SOCKET, SO_MEMINFO, &mut memory).is_ok();
    Ok(Inet {
        local: local(fd)?,
        peer: peer(fd, domain)?,
        tcp_state: None,
        backlog: None,
        unread: known.then(|| u32_at(&memory, 0)).flatten(),
        unsent: if known { u32_at(&memory, 8) } else { queue(fd, queues::unsent) },
    })
}

/// SIOCINQ and SIOCOUTQ, which are FIONREAD and TIOCOUTQ under other names.
mod queues {
    nix::ioctl_read_bad!(unread, libc::FIONREAD, libc::c_int);
    nix::ioctl_read_bad!(unsent, libc::TIOCOUTQ, libc::c_int);
}

/// By one of the two.
fn queue(fd: BorrowedFd<'_>, ask: unsafe fn(c_int, *mut c_int) -> Result<c_int>) -> Option<u32> {
    let mut bytes = 0;
    // SAFETY: both write one int to the address given, and `bytes` lives through the call.
    let done = unsafe { ask(fd.as_raw_fd(), &raw mut bytes) };
    done.ok().and_then(|_| u32::try_from(bytes).ok())
}

fn local(fd: BorrowedFd<'_>) -> Result<SocketAddr> {
    let mut name = [0_u8; size_of::<libc::sockaddr_in6>()];
    let mut len = socklen(name.len());
    // Not by nix's getsockname: these bytes are read as those of SO_PEERNAME are.
    // SAFETY: the kernel writes at most `len` bytes, the length of `name`, to it.
    let done = unsafe { libc::getsockname(fd.as_raw_fd(), name.as_mut_ptr().cast(), &raw mut len) };
    Errno::result(done)?;
    address(&name).ok_or(Errno::EAFNOSUPPORT)
}

/// `SO_PEERNAME` rather than getpeername(2): that one denies the peer of a connection that is still being made (SYN_SENT)
/// or has broken (CLOSE), and whom a process tried to reach is evidence.
fn peer(fd: BorrowedFd<'_>, domain: c_int) -> Result<Option<SocketAddr>> {
    let mut name = [0_u8; size_of::<libc::sockaddr_in6>()];
    // A length above the family's own is EINVAL.
    let len = if domain == libc::AF_INET { size_of::<libc::sockaddr_in>() } else { name.len() };
    let name = name.get_mut(..len).ok_or(Errno::EINVAL)?;
    match option(fd, libc::SOL_SOCKET, SO_PEERNAME, name) {
        Ok(_) => address(name).map(Some).ok_or(Errno::EAFNOSUPPORT),
        Err(Errno::ENOTCONN) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// An address of `struct sockaddr_in` or `sockaddr_in6`. The scope of a link-local one is left out, as it is in /proc.
fn address(name: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(bytes(name, 0)?);
    let port = u16::from_be_bytes(bytes(name, 2)?);
    match c_int::from(family) {
        libc::AF_INET => {
            let ip = Ipv4Addr::from(bytes::<4>(name, 4)?);
            Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(bytes::<16>(name, 8)?);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, 0)))
        }
        _ => None,
    }
}

fn number(fd: BorrowedFd<'_>, name: c_int) -> Result<c_int> {
    let mut value = [0; size_of::<c_int>()];
    option(fd, libc::SOL_SOCKET, name, &mut value)?;
    Ok(c_int::from_ne_bytes(value))
}

/// getsockopt(2) into `value`; returns how much of it the kernel filled. nix has neither these options nor a part of a structure.
fn option(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &mut [u8]) -> Result<usize> {
    let mut len = socklen(value.len());
    let to = value.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `len` bytes, the length of `value`, to it.
    let done = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, to, &raw mut len) };
    Errno::result(done)?;
    usize::try_from(len).map_err(|_| Errno::EOVERFLOW)
}

fn socklen(len: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(len).unwrap_or(0)
}

fn u32_at(from: &[u8], at: usize) -> Option<u32> {
    bytes(from, at).map(u32::from_ne_bytes)
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> Option<[u8; N]> {
    from.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    #[test]
    fn a_listening_socket_has_a_backlog_and_no_queues() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("address");
        let _client = TcpStream::connect(address).expect("connect");
        let inet = inspect(&listener).expect("inspect").inet.expect("inet");
        assert_eq!((inet.local, inet.peer), (address, None));
        assert_eq!(inet.backlog.map(|(now, _)| now), Some(1));
        assert!(inet.backlog.is_some_and(|(_, most)| most > 1));
        assert_eq!((inet.unread, inet.unsent), (None, None));
    }

    #[test]
    fn a_connected_datagram_socket_has_a_peer_and_a_whole_queue() {
        let one = UdpSocket::bind("[::1]:0").expect("bind");
        let two = UdpSocket::bind("[::1]:0").expect("bind");
        one.connect(two.local_addr().expect("address")).expect("connect");
        two.connect(one.local_addr().expect("address")).expect("connect");
        for _ in 0..3 {
            two.send(&[7; 100]).expect("send");
        }
        let inet = inspect(&one).expect("inspect").inet.expect("inet");
        assert_eq!(inet.peer, two.local_addr().ok());
        assert!(inet.unread.is_some_and(|bytes| bytes >= 300));
        assert_eq!(inet.unsent, Some(0));
    }

    #[test]
    fn a_file_has_no_socket_inode() {
        let file = std::fs::File::open("/proc/self/stat").expect("open");
        assert_eq!(inode(&file), Ok(None));
        assert_eq!(inspect(&file), Err(Errno::ENOTSOCK));
    }
}

//! `struct inet_diag_msg` of include/uapi/linux/inet_diag.h, the answer of sock_diag(7).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Protocol, Socket, unread, unsent};

/// Offsets in the message, 72 bytes without its attributes. Ports and addresses are of the network's byte order.
const FAMILY: usize = 0;
const STATE: usize = 1;
const SPORT: usize = 4;
const DPORT: usize = 6;
const SRC: usize = 8;
const DST: usize = 24;
const RQUEUE: usize = 56;
const WQUEUE: usize = 60;
const INODE: usize = 68;

/// The kernel's `AF_INET` and `AF_INET6`, the same on every architecture.
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The socket of one message; `None` when it is too short or not of the family asked for.
///
/// The message does not name the protocol: it is that of the request. LISTEN's queues are the backlog and its limit.
#[must_use]
pub fn message(bytes: &[u8], protocol: Protocol) -> Option<Socket> {
    let [family] = at(bytes, FAMILY)?;
    let [state] = at(bytes, STATE)?;
    if family != if protocol.is_v6() { AF_INET6 } else { AF_INET } {
        return None;
    }
    let state = protocol.state(state);
    Some(Socket {
        protocol,
        state,
        local: address(bytes, protocol, SRC, SPORT)?,
        remote: address(bytes, protocol, DST, DPORT)?,
        tx_queue: Some(unsent(state, u32::from_ne_bytes(at(bytes, WQUEUE)?))),
        rx_queue: Some(unread(state, u32::from_ne_bytes(at(bytes, RQUEUE)?))),
        inode: u32::from_ne_bytes(at(bytes, INODE)?),
    })
}

fn address(bytes: &[u8], protocol: Protocol, ip: usize, port: usize) -> Option<SocketAddr> {
    let ip = if protocol.is_v6() {
        IpAddr::V6(Ipv6Addr::from(at::<16>(bytes, ip)?))
    } else {
        IpAddr::V4(Ipv4Addr::from(at::<4>(bytes, ip)?))
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(at(bytes, port)?)))
}

fn at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::parse::net::State;
    use crate::units::Bytes;
    use std::{string::ToString, vec::Vec};

    fn sample(family: u8, state: u8) -> Vec<u8> {
        let mut bytes = std::vec![0; 72];
        bytes[0] = family;
        bytes[1] = state;
        bytes[4..6].copy_from_slice(&8080_u16.to_be_bytes());
        bytes[6..8].copy_from_slice(&443_u16.to_be_bytes());
        bytes[8..12].copy_from_slice(&[127, 0, 0, 1]);
        bytes[24..28].copy_from_slice(&[192, 0, 2, 7]);
        bytes[56..60].copy_from_slice(&5_u32.to_ne_bytes());
        bytes[60..64].copy_from_slice(&4096_u32.to_ne_bytes());
        bytes[68..72].copy_from_slice(&1076_u32.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_listening_socket_has_its_backlog_and_the_limit() {
        let socket = message(&sample(2, 10), Protocol::Tcp).expect("a message");
        assert_eq!(socket.state, State::Listen);
        assert_eq!(socket.local.to_string(), "127.0.0.1:8080");
        assert_eq!(socket.remote.to_string(), "192.0.2.7:443");
        assert_eq!((socket.rx_queue, socket.tx_queue, socket.inode), (Some(Bytes(5)), Some(Bytes(4096)), 1076));
    }

    #[test]
    fn an_ipv6_socket_has_sixteen_bytes() {
        let socket = message(&sample(10, 7), Protocol::Udp6).expect("a message");
        assert_eq!(socket.local.to_string(), "[7f00:1::]:8080");
        assert_eq!(socket.state, State::Unconn);
    }

    #[test]
    fn another_family_and_every_cut_message_are_refused() {
        let whole = sample(2, 1);
        assert_eq!(message(&whole, Protocol::Tcp6), None);
        for upto in 0..whole.len() {
            assert_eq!(message(&whole[..upto], Protocol::Tcp), None, "{upto}");
        }
    }

    #[test]
    fn attributes_after_it_do_not_matter_and_no_byte_panics() {
        let mut bytes = sample(2, 1);
        bytes.extend([0xff; 40]);
        assert!(message(&bytes, Protocol::Tcp).is_some());
        for byte in 0..=u8::MAX {
            let _ = message(&[byte; 72], Protocol::Tcp);
            let _ = message(&[byte; 72], Protocol::UdpLite6);
        }
    }
}

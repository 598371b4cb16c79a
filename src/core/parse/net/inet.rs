//! A line of `/proc/PID/net/tcp`, `tcp6`, `udp`, `udp6`, `udplite` and `udplite6`.
//!
//! ```text
//!   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//!    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1076 1 00000000590c9f30 100 0 0 10 0
//! ```
//!
//! tcp4_seq_show() and its like in net/ipv4/tcp_ipv4.c print the columns from `sl` to the pointer in every state; what comes
//! after it differs and is not read.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Protocol, Socket, State, pair, unread, unsent};
use crate::parse::{dec, hex, words};
/// The socket of one line; `None` for the header and for a line in which any column is not what it should be.
#[must_use]
pub fn line(text: &[u8], protocol: Protocol) -> Option<Socket> {
    let mut words = words(text);
    let (slot, nothing) = pair(words.next()?)?;
    let local = address(words.next()?, protocol)?;
    let remote = address(words.next()?, protocol)?;
    let state = protocol.state(u8::try_from(hex(words.next()?)?).ok()?);
    let (tx, rx) = pair(words.next()?)?;
    let (timer, expires) = pair(words.next()?)?;
    let retransmits = words.next()?;
    let (uid, timeout) = (words.next()?, words.next()?);
    let inode = words.next()?;
    // Two more columns follow. Without them the line was cut, perhaps within the inode: 1076 became 10, another's.
    let (references, pointer) = (words.next()?, words.next()?);

    let plausible = nothing.is_empty()
        && [slot, uid, timeout, references].iter().all(|text| dec(text).is_some())
        && [timer, expires, retransmits, pointer].iter().all(|text| hex(text).is_some());
    if !plausible {
        return None;
    }
    let tx = u32::try_from(hex(tx)?).ok()?;
    Some(Socket {
        protocol,
        state,
        local,
        remote,
        // The file prints 0 for a listening socket whatever its limit is.
        tx_queue: (state != State::Listen).then_some(unsent(state, tx)),
        rx_queue: Some(unread(state, u32::try_from(hex(rx)?).ok()?)),
        inode: u32::try_from(dec(inode)?).ok()?,
    })
}

/// `0100007F:1F90`. The address is printed as numbers of 32 bits of the host's byte order that lie in memory in the network's:
/// one for IPv4, four for IPv6. The port is a plain number.
fn address(text: &[u8], protocol: Protocol) -> Option<SocketAddr> {
    let (ip, port) = pair(text)?;
    if port.len() != 4 {
        return None;
    }
    let port = u16::try_from(hex(port)?).ok()?;
    let ip = match (protocol.is_v6(), ip.len()) {
        (false, 8) => IpAddr::V4(Ipv4Addr::from(word(ip)?)),
        (true, 32) => {
            let mut bytes = [0; 16];
            for (to, from) in bytes.chunks_exact_mut(4).zip(ip.chunks_exact(8)) {
                to.copy_from_slice(&word(from)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn word(text: &[u8]) -> Option<[u8; 4]> {
    Some(u32::try_from(hex(text)?).ok()?.to_ne_bytes())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::units::Bytes;
    use std::{format, string::ToString, vec::Vec};

    // Linux 6.18, x86-64; but for MADE_UP, which has what is hard to catch: both queues, a timer, the largest inode.
    const LISTEN: &[u8] = b"   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1076 1 00000000590c9f30 100 0 0 10 0                      ";
    const ESTABLISHED: &[u8] = b"   4: 0100007F:904E 0100007F:E841 01 00000000:0000012C 00:00000000 00000000     0        0 17655 2 00000000ffe71005 20 4 30 10 -1                    ";
    const MADE_UP: &[u8] = b"  12: 0100007F:A0F2 0200007F:1F90 01 0000002A:00000100 01:00000019 00000002  1000        0 4294967295 4 ffff88810a5e2300 20 4 30 10 -1";
    const TIME_WAIT: &[u8] = b"   5: 0100007F:E841 0100007F:9050 06 00000000:00000000 03:0000176F 00000000     0        0 0 3 00000000d5bc9a19                                      ";
    const CLOSE_WAIT6: &[u8] = b"   1: 00000000000000000000000001000000:B612 00000000000000000000000001000000:9097 08 00000000:00000001 00:00000000 00000000     0        0 17660 2 000000007de6a1e9 20 4 0 10 -1";
    const UDP: &[u8] = b" 8621: 0100007F:C023 00000000:0000 07 00000000:00000340 00:00000000 00000000     0        0 17657 2 0000000090007bc0 0         ";
    const HEADER: &[u8] = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     ";

    fn tcp(text: &[u8]) -> Option<Socket> {
        line(text, Protocol::Tcp)
    }

    #[test]
    fn a_listening_sockets_queue_is_its_backlog() {
        let socket = tcp(LISTEN).expect("a line");
        assert_eq!(socket.state, State::Listen);
        assert_eq!(socket.local.to_string(), "0.0.0.0:2024");
        assert_eq!(socket.remote.to_string(), "0.0.0.0:0");
        assert_eq!((socket.tx_queue, socket.rx_queue, socket.inode), (None, Some(Bytes(0)), 1076));
    }

    #[test]
    fn a_connection_has_both_ends_and_both_queues() {
        let socket = tcp(ESTABLISHED).expect("a line");
        assert_eq!(socket.state, State::Established);
        assert_eq!(socket.local.to_string(), "127.0.0.1:36942");
        assert_eq!(socket.remote.to_string(), "127.0.0.1:59457");
        assert_eq!((socket.tx_queue, socket.rx_queue, socket.inode), (Some(Bytes(0)), Some(Bytes(300)), 17655));
        let socket = tcp(MADE_UP).expect("a line");
        assert_eq!(socket.remote.to_string(), "127.0.0.2:8080");
        assert_eq!((socket.tx_queue, socket.rx_queue, socket.inode), (Some(Bytes(42)), Some(Bytes(256)), u32::MAX));
    }

    #[test]
    fn a_time_wait_socket_is_nobodys() {
        let socket = tcp(TIME_WAIT).expect("a line");
        assert_eq!((socket.state, socket.inode), (State::TimeWait, 0));
    }

    #[test]
    fn ipv6_addresses_are_four_words_of_the_hosts_order() {
        let socket = line(CLOSE_WAIT6, Protocol::Tcp6).expect("a line");
        assert_eq!(socket.local.to_string(), "[::1]:46610");
        let text =
            core::str::from_utf8(CLOSE_WAIT6).expect("ASCII").replacen("0000000000000000", "B80D0120EFBEADDE", 1);
        let other = line(text.as_bytes(), Protocol::Tcp6).expect("a line");
        assert_eq!(other.local.to_string(), "[2001:db8:dead:beef::1]:46610");
        assert_eq!(socket.rx_queue, Some(Bytes(0)), "the FIN is no byte");
    }

    #[test]
    fn fault_5_24_an_unconnected_udp_socket_is_unconn() {
        let socket = line(UDP, Protocol::Udp).expect("a line");
        assert_eq!((socket.state, socket.rx_queue), (State::Unconn, Some(Bytes(832))));
        let socket = line(UDP, Protocol::UdpLite).expect("a line");
        assert_eq!(socket.protocol.name(), "UDPLITE");
    }

    #[test]
    fn the_header_and_the_other_family_are_no_sockets() {
        assert_eq!(tcp(HEADER), None);
        assert_eq!(tcp(CLOSE_WAIT6), None);
        assert_eq!(line(LISTEN, Protocol::Tcp6), None);
        assert_eq!(tcp(b""), None);
    }

    #[test]
    fn fault_5_23_a_cut_line_never_gives_another_sockets_inode() {
        for (whole, protocol) in [
            (LISTEN, Protocol::Tcp),
            (ESTABLISHED, Protocol::Tcp),
            (MADE_UP, Protocol::Tcp),
            (TIME_WAIT, Protocol::Tcp),
            (CLOSE_WAIT6, Protocol::Tcp6),
            (UDP, Protocol::Udp),
        ] {
            let socket = line(whole, protocol);
            assert!(socket.is_some());
            for upto in 0..whole.len() {
                let cut = line(&whole[..upto], protocol);
                assert!(cut.is_none() || cut == socket, "cut at {upto}");
            }
        }
    }

    #[test]
    fn fault_5_23_every_column_is_checked() {
        let words: Vec<&str> = core::str::from_utf8(LISTEN).expect("ASCII").split_whitespace().collect();
        for at in 0..12 {
            for bad in ["-", "-1", "x", "0x10", "1:2:3", "99999999999999999999", "é"] {
                let mut words = words.clone();
                words[at] = bad;
                assert_eq!(tcp(words.join(" ").as_bytes()), None, "{bad} as word {at}");
            }
        }
    }

    #[test]
    fn no_byte_panics_at_any_place() {
        for at in 0..MADE_UP.len() {
            for byte in [0, b' ', b':', b'\n', b'0', b'F', b'G', b'-', 0x7f, 0x80, 0xff] {
                let mut text = MADE_UP.to_vec();
                text[at] = byte;
                let _ = tcp(&text);
                let _ = line(&text, Protocol::Udp6);
            }
        }
        let long = format!("{}: {}", "9".repeat(5000), "F".repeat(5000));
        assert_eq!(tcp(long.as_bytes()), None);
    }
}

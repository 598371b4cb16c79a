//! Sockets, as the kernel's tables describe them.
//!
//! Two forms of the same table: text in `/proc/PID/net/tcp` and its like ([`inet`]), and `struct inet_diag_msg` of
//! sock_diag(7) ([`diag`]). Both become a [`Socket`].

pub mod diag;
pub mod inet;
pub mod others;
pub mod sockstat;

use core::fmt;
use core::net::SocketAddr;

use crate::units::Bytes;

/// One TCP or UDP socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Socket {
    /// Protocol and address family.
    pub protocol: Protocol,
    /// The connection's state.
    pub state: State,
    /// The own end; all zero when unbound. Without the scope of a link-local address, which `/proc` does not print.
    pub local: SocketAddr,
    /// The other end; all zero when there is none.
    pub remote: SocketAddr,
    /// Bytes sent and not yet acknowledged (TCP) or not yet gone (UDP). LISTEN: how many connections may wait to be accepted,
    /// which is not a size and which `/proc` does not tell.
    pub tx_queue: Option<Bytes>,
    /// Bytes that came and are not yet read; for UDP with the kernel's overhead. LISTEN: how many connections wait to be
    /// accepted.
    pub rx_queue: Option<Bytes>,
    /// The number in `socket:[N]` of `/proc/PID/fd`; 0 when no process has it open (TIME_WAIT, not yet accepted).
    pub inode: u32,
}

/// Which table a socket is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Protocol {
    /// TCP over IPv4.
    Tcp,
    /// TCP over IPv6, and over IPv4 on a socket of both (`::ffff:192.0.2.1`).
    Tcp6,
    /// UDP over IPv4.
    Udp,
    /// UDP over IPv6.
    Udp6,
    /// UDP-Lite over IPv4, RFC 3828.
    UdpLite,
    /// UDP-Lite over IPv6.
    UdpLite6,
}

impl Protocol {
    /// `TCP`, `TCP6`, `UDP` and so on.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Tcp6 => "TCP6",
            Self::Udp => "UDP",
            Self::Udp6 => "UDP6",
            Self::UdpLite => "UDPLITE",
            Self::UdpLite6 => "UDPLITE6",
        }
    }

    /// Whether it is TCP: the only one whose states mean something.
    #[must_use]
    pub const fn is_tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::Tcp6)
    }

    /// Whether its addresses are IPv6 ones.
    #[must_use]
    pub const fn is_v6(self) -> bool {
        matches!(self, Self::Tcp6 | Self::Udp6 | Self::UdpLite6)
    }

    /// The state that the kernel's number means here: a UDP socket is connected or not, whatever its number is called in TCP.
    #[must_use]
    pub const fn state(self, number: u8) -> State {
        match (self.is_tcp(), number) {
            (true, _) => State::of_tcp(number),
            (false, 1) => State::Established,
            (false, 7) => State::Unconn,
            (false, _) => State::Unknown(number),
        }
    }
}

/// A socket's state, by the kernel's names (include/net/tcp_states.h).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// 1: connected, of UDP too.
    Established,
    /// 2: connect(2) waits for an answer.
    SynSent,
    /// 3: the peer asked for a connection.
    SynRecv,
    /// 4: closed here, not yet acknowledged.
    FinWait1,
    /// 5: closed here and acknowledged; the peer still sends.
    FinWait2,
    /// 6: over; kept for stray segments. No process has it open.
    TimeWait,
    /// 7: not connected, or not any more.
    Close,
    /// 8: the peer has closed, the process has not.
    CloseWait,
    /// 9: both have closed, the last acknowledgement is due.
    LastAck,
    /// 10: accepts connections.
    Listen,
    /// 11: both closed at once.
    Closing,
    /// 12, Linux 4.4: a connection request that is no socket yet.
    NewSynRecv,
    /// 13, Linux 6.8: bound to a port, neither connected nor listening. sock_diag is asked for it by this number, and
    /// answers CLOSE (seen on 6.18).
    BoundInactive,
    /// A UDP socket that is not connected.
    Unconn,
    /// A number that no kernel known to memdoor uses.
    Unknown(u8),
}

/// The TCP states with a name, by the kernel's number less one.
const TCP: [State; 13] = [
    State::Established,
    State::SynSent,
    State::SynRecv,
    State::FinWait1,
    State::FinWait2,
    State::TimeWait,
    State::Close,
    State::CloseWait,
    State::LastAck,
    State::Listen,
    State::Closing,
    State::NewSynRecv,
    State::BoundInactive,
];

impl State {
    /// Room for a counter of each TCP state: [`State::index`] is below it.
    pub const COUNT: usize = TCP.len() + 1;

    /// The TCP state with the kernel's `number`.
    #[must_use]
    pub const fn of_tcp(number: u8) -> Self {
        let at = number as usize;
        if at >= 1 && at <= TCP.len() { TCP[at - 1] } else { Self::Unknown(number) }
    }

    /// Every TCP state that has a name, in the kernel's order.
    #[must_use]
    pub const fn all_of_tcp() -> &'static [Self] {
        &TCP
    }

    /// The kernel's number of a TCP state; 0, which the kernel does not use, for the others.
    #[must_use]
    pub fn index(self) -> usize {
        TCP.iter().position(|state| *state == self).map_or(0, |at| at + 1)
    }

    /// `ESTABLISHED`, `SYN_SENT` and so on; `UNCONN` as ss(8) has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
            Self::NewSynRecv => "NEW_SYN_RECV",
            Self::BoundInactive => "BOUND_INACTIVE",
            Self::Unconn => "UNCONN",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "UNKNOWN({number})"),
            named => f.pad(named.name()),
        }
    }
}

/// What the kernel's tables call rx_queue, in bytes to read.
///
/// They count a FIN that was received and not yet read as one byte more (`rcv_nxt - copied_seq`); SIOCINQ does not, and
/// neither does who asks how much a process has left unread. The FIN is the last of a stream: while it is unread it is counted.
const fn unread(state: State, rx_queue: u32) -> Bytes {
    let bytes = match state {
        State::CloseWait | State::LastAck | State::Closing => rx_queue.saturating_sub(1),
        _ => rx_queue,
    };
    Bytes(bytes as u64)
}

/// What the kernel's tables call tx_queue, and SIOCOUTQ, in bytes to send.
///
/// A SYN or a FIN that is not acknowledged is counted as one byte (`write_seq - snd_una`). In these states there is one.
#[must_use]
pub const fn unsent(state: State, tx_queue: u32) -> Bytes {
    let bytes = match state {
        State::SynSent | State::FinWait1 | State::LastAck | State::Closing => tx_queue.saturating_sub(1),
        _ => tx_queue,
    };
    Bytes(bytes as u64)
}

/// `a:b`.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b':')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn fault_5_24_any_state_number_has_a_name() {
        for number in 0..=u8::MAX {
            let state = Protocol::Tcp.state(number);
            assert!(state.index() < State::COUNT);
            assert_eq!(state == State::Unknown(number), !(1..=13).contains(&number));
            assert!(!Protocol::Udp6.state(number).to_string().is_empty());
        }
        assert_eq!(Protocol::Tcp.state(12).name(), "NEW_SYN_RECV");
        assert_eq!(Protocol::Tcp6.state(13).name(), "BOUND_INACTIVE");
        assert_eq!(Protocol::Tcp.state(14).to_string(), "UNKNOWN(14)");
    }

    #[test]
    fn fault_5_24_an_unconnected_udp_socket_is_not_closed() {
        assert_eq!(Protocol::Udp.state(7).name(), "UNCONN");
        assert_eq!(Protocol::UdpLite6.state(1).name(), "ESTABLISHED");
    }

    #[test]
    fn a_states_index_is_the_kernels_number() {
        assert_eq!(State::Established.index(), 1);
        assert_eq!(State::Listen.index(), 10);
        assert_eq!(State::Unconn.index(), 0);
        for (at, state) in State::all_of_tcp().iter().enumerate() {
            assert_eq!(state.index(), at + 1);
        }
    }

    #[test]
    fn neither_syn_nor_fin_is_a_byte() {
        assert_eq!(unsent(State::SynSent, 1), Bytes(0));
        assert_eq!(unsent(State::FinWait1, 101), Bytes(100));
        assert_eq!(unsent(State::FinWait2, 0), Bytes(0));
        assert_eq!(unread(State::CloseWait, 1), Bytes(0));
        assert_eq!(unread(State::CloseWait, 0), Bytes(0));
        assert_eq!(unread(State::Established, 1), Bytes(1));
    }
}

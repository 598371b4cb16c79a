//! The process's TCP and UDP sockets row by row, and the counts of all of them.

use core::fmt::Write;

use super::sockets::{SocketOwner, Summary};
use super::{Completeness, Scene, When};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::parse::net::State;
use crate::report::{Event, Name, Report, Row, Section, Value};

const NETWORK: &Event = &Event::of_snapshot("memdoor.snapshot.network", "socket counts");

/// Its sockets.
pub(super) const SECTION: Section = Section {
    key: "memdoor.snapshot.socket",
    banner: concat!(
        "##### PROCESS NETWORK CONNECTION INFORMATION #####\n",
        "PROT STATE        LOCAL ADDRESS         REMOTE ADDRESS        TX QUEUE    RX QUEUE    \n"
    ),
};

const TCP: Name = Name(NETWORK, "TCP Sockets", "memdoor.network.tcp");
const UDP: Name = Name(NETWORK, "UDP Sockets", "memdoor.network.udp");
const MISSING: Name = Name(NETWORK, "Sockets Missing", "memdoor.network.sockets");

/// The states that a process's socket can be in, with their JSON keys.
const STATES: [(State, Name); 12] = [
    (State::Established, Name(NETWORK, "", "memdoor.network.tcp_state.established")),
    (State::SynSent, Name(NETWORK, "", "memdoor.network.tcp_state.syn_sent")),
    (State::SynRecv, Name(NETWORK, "", "memdoor.network.tcp_state.syn_recv")),
    (State::FinWait1, Name(NETWORK, "", "memdoor.network.tcp_state.fin_wait1")),
    (State::FinWait2, Name(NETWORK, "", "memdoor.network.tcp_state.fin_wait2")),
    (State::TimeWait, Name(NETWORK, "", "memdoor.network.tcp_state.time_wait")),
    (State::Close, Name(NETWORK, "", "memdoor.network.tcp_state.close")),
    (State::CloseWait, Name(NETWORK, "", "memdoor.network.tcp_state.close_wait")),
    (State::LastAck, Name(NETWORK, "", "memdoor.network.tcp_state.last_ack")),
    (State::Listen, Name(NETWORK, "", "memdoor.network.tcp_state.listen")),
    (State::Closing, Name(NETWORK, "", "memdoor.network.tcp_state.closing")),
    (State::BoundInactive, Name(NETWORK, "", "memdoor.network.tcp_state.bound_inactive")),
];

/// The counts, then one for each state.
const FACTS: usize = 12 + STATES.len();

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    let whose = SocketOwner { view: scene.target.view(), pidfd: scene.target.pidfd(), lender: scene.target.lender() };
    let row = &mut |socket: &_| report.row(Row::Socket(socket));
    let mut summary = match scene.when {
        When::Dying { until } => scene.sockets.take_noted(whose, until, row)?,
        When::Alive | When::Condemned { .. } => scene.sockets.take(whose, scene.buf, row)?,
    };
    // A process that exits closes its descriptors first: what was not seen is not known to be nothing.
    if scene.target.is_leaving() {
        summary.missing = Some(Absent::Gone);
    }

    let method = method(&summary);
    let (states, others) = (tcp_states(&summary), others(&summary));
    let count = |number: u32| Value::Count(number.into());
    let other = summary.others.vsock.saturating_add(summary.others.sctp);
    let facts = [
        Name(NETWORK, "Sockets Read By", "memdoor.network.method").is(Value::text_or_nothing(method.as_bytes())),
        TCP.is(count(summary.tcp)),
        Name(NETWORK, "TCP States", "").is(Value::text_or_nothing(states.as_bytes())),
        UDP.is(count(summary.udp)),
        Name(NETWORK, "Other Sockets", "").is(Value::text_or_nothing(others.as_bytes())),
        Name(NETWORK, "", "memdoor.network.unix").is(count(summary.others.unix)),
        Name(NETWORK, "", "memdoor.network.netlink").is(count(summary.others.netlink)),
        Name(NETWORK, "", "memdoor.network.raw").is(count(summary.others.raw)),
        Name(NETWORK, "", "memdoor.network.packet").is(count(summary.others.packet)),
        Name(NETWORK, "", "memdoor.network.other").is(count(other.saturating_add(summary.others.other))),
        Name(NETWORK, "Sockets Not Identified", "memdoor.network.unidentified").is(count(summary.unidentified)),
        MISSING.is(summary.missing.map_or(Value::Nothing, Value::Absent)),
    ];
    let in_state = STATES.map(|(state, name)| match summary.in_state(state) {
        0 => name.is(Value::Nothing),
        number => name.is(count(number)),
    });
    let mut all = [MISSING.is(Value::Nothing); FACTS];
    for (slot, fact) in all.iter_mut().zip(in_state.into_iter().chain(facts)) {
        *slot = fact;
    }
    // The last two say what is missing: not when nothing is.
    let shown = match all.split_last_chunk::<2>() {
        Some((found, _)) if summary.missing.is_none() => found,
        _ => &all,
    };
    report.facts(shown);
    Ok(Completeness::of(shown))
}

/// The methods used, and the one that failed with its reason: `sock_diag (pidfd_getfd: permission denied)`.
fn method(summary: &Summary) -> Fixed<160> {
    let mut words = Fixed::new();
    // Without sockets there was nothing to read. A Fixed never returns an error: it cuts.
    if summary.methods.iter().next().is_some() {
        let _ = write!(words, "{}", summary.methods);
    }
    if let Some((method, why)) = summary.setback {
        let _ = write!(words, " ({method}: {why})");
    }
    words
}

/// `ESTABLISHED 10, LISTEN 2`
fn tcp_states(summary: &Summary) -> Fixed<256> {
    let mut words = Fixed::new();
    for (state, _) in STATES {
        push_count(&mut words, summary.in_state(state), format_args!("{state}"));
    }
    words
}

/// `unix 3, netlink 1`
fn others(summary: &Summary) -> Fixed<256> {
    let others = &summary.others;
    let mut words = Fixed::new();
    for (name, count) in [
        ("unix", others.unix),
        ("netlink", others.netlink),
        ("raw", others.raw),
        ("packet", others.packet),
        ("vsock", others.vsock),
        ("sctp", others.sctp),
        ("other", others.other),
    ] {
        push_count(&mut words, count, format_args!("{name}"));
    }
    words
}

fn push_count(words: &mut Fixed<256>, count: u32, name: core::fmt::Arguments<'_>) {
    if count > 0 {
        let comma = if words.as_bytes().is_empty() { "" } else { ", " };
        let _ = write!(words, "{comma}{name} {count}");
    }
}

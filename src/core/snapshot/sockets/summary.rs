//! What is left of a pass over a process's sockets once the rows have gone by.

use core::fmt;

use crate::error::Absent;
use crate::listed::listed;
use crate::parse::net::State;

listed! {
    /// A way to learn about a process's sockets.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Method {
        /// Duplicates each descriptor for a moment: pays for the sockets of the process only, sees unbound ones, crosses network
        /// namespaces. Linux 5.6 and the permission to ptrace-attach.
        Getfd,
        /// The kernel's tables in binary form: pays for every socket of the host. The own network namespace only.
        Diag,
        /// The same tables as text.
        Proc,
    }
}

impl Method {
    /// `pidfd_getfd`, `sock_diag` or `/proc/PID/net`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Getfd => "pidfd_getfd",
            Self::Diag => "sock_diag",
            Self::Proc => "/proc/PID/net",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The methods that a pass used: `pidfd_getfd, sock_diag` in words, `-` for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Methods(u8);

impl Methods {
    pub(super) const fn add(&mut self, method: Method) {
        self.0 |= 1 << method as u8;
    }

    /// Whether `method` was used.
    #[must_use]
    pub const fn has(self, method: Method) -> bool {
        self.0 & (1 << method as u8) != 0
    }

    /// The methods used.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().filter(move |method| self.has(*method))
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("-");
        }
        for (at, method) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{method}")?;
        }
        Ok(())
    }
}

/// Sockets that are neither TCP nor UDP, by family.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Others {
    /// `AF_UNIX`.
    pub unix: u32,
    /// `AF_NETLINK`.
    pub netlink: u32,
    /// `SOCK_RAW` of IPv4 and IPv6.
    pub raw: u32,
    /// `AF_PACKET`.
    pub packet: u32,
    /// `AF_VSOCK`; only pidfd_getfd sees it.
    pub vsock: u32,
    /// SCTP; only pidfd_getfd sees it.
    pub sctp: u32,
    /// Whatever else pidfd_getfd saw, as ping sockets.
    pub other: u32,
}

impl Others {
    /// The family's counter.
    pub(super) const fn of(&mut self, family: Family) -> &mut u32 {
        match family {
            Family::Unix => &mut self.unix,
            Family::Netlink => &mut self.netlink,
            Family::Raw => &mut self.raw,
            Family::Packet => &mut self.packet,
            Family::Vsock => &mut self.vsock,
            Family::Sctp => &mut self.sctp,
            Family::Other => &mut self.other,
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u32 {
        [self.unix, self.netlink, self.raw, self.packet, self.vsock, self.sctp, self.other]
            .into_iter()
            .fold(0, u32::saturating_add)
    }
}

/// What a socket is that has no row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    Unix,
    Netlink,
    Raw,
    Packet,
    Vsock,
    Sctp,
    Other,
}

/// Counts and caveats of one pass. Each socket is counted once, however many descriptors the process has of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// What the rows and the counts come from.
    pub methods: Methods,
    /// The first method that was tried and failed or ended halfway, and why. The others did its work as far as they could:
    /// only [`Summary::missing`] says that something is lost.
    pub setback: Option<(Method, Absent)>,
    /// TCP rows, both families.
    pub tcp: u32,
    /// UDP and UDP-Lite rows, both families.
    pub udp: u32,
    /// Sockets without a row.
    pub others: Others,
    /// TCP rows by [`State::index`]: at 0 those in a state without a name.
    pub tcp_states: [u32; State::COUNT],
    /// Sockets of which only the inode is known: no permitted method shows them.
    pub unidentified: u32,
    /// Descriptors of sockets that did not fit the table of [`super::Sockets::arm`]. They are in the other counts too, a
    /// socket once for each descriptor.
    pub overflow: u32,
    /// Lines of `/proc/PID/net` that no kernel prints.
    pub malformed: u32,
    /// Why the rows may not be all: set when something is unidentified, or a descriptor's link could not be read.
    pub missing: Option<Absent>,
}

impl Summary {
    /// TCP sockets in `state`.
    #[must_use]
    pub fn in_state(&self, state: State) -> u32 {
        self.tcp_states.get(state.index()).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn methods_print_as_a_list() {
        let mut methods = Methods::default();
        assert_eq!(methods.to_string(), "-");
        methods.add(Method::Diag);
        assert_eq!(methods.to_string(), "sock_diag");
        methods.add(Method::Getfd);
        methods.add(Method::Getfd);
        assert_eq!(methods.to_string(), "pidfd_getfd, sock_diag");
    }

    #[test]
    fn each_family_has_a_counter_of_its_own() {
        let mut others = Others::default();
        for family in
            [Family::Unix, Family::Netlink, Family::Raw, Family::Packet, Family::Vsock, Family::Sctp, Family::Other]
        {
            *others.of(family) += 1;
        }
        assert_eq!(others.total(), 7);
        assert_eq!((others.unix, others.other), (1, 1));
    }
}

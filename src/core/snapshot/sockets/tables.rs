//! The kernel's tables of a whole network namespace, matched by inode.

use core::ffi::CStr;

use super::summary::{Family, Method};
use super::tally::Tally;
use crate::error::Absent;
use crate::parse::net::{Protocol, diag, inet, others, sockstat};
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::lines::Lines;
use crate::sys::netlink::{self, Dumped, SockDiag};
use crate::sys::socket::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE};

/// A table under its three names.
struct Inet {
    protocol: Protocol,
    file: &'static CStr,
    family: i32,
    number: i32,
}

const fn inet(protocol: Protocol, file: &'static CStr, family: i32, number: i32) -> Inet {
    Inet { protocol, file, family, number }
}

const INET: [Inet; 6] = [
    inet(Protocol::Tcp, c"net/tcp", AF_INET, IPPROTO_TCP),
    inet(Protocol::Tcp6, c"net/tcp6", AF_INET6, IPPROTO_TCP),
    inet(Protocol::Udp, c"net/udp", AF_INET, IPPROTO_UDP),
    inet(Protocol::Udp6, c"net/udp6", AF_INET6, IPPROTO_UDP),
    inet(Protocol::UdpLite, c"net/udplite", AF_INET, IPPROTO_UDPLITE),
    inet(Protocol::UdpLite6, c"net/udplite6", AF_INET6, IPPROTO_UDPLITE),
];

const OTHERS: [(&CStr, others::Table, Family); 5] = [
    (c"net/unix", others::Table::Unix, Family::Unix),
    (c"net/netlink", others::Table::Netlink, Family::Netlink),
    (c"net/packet", others::Table::Packet, Family::Packet),
    (c"net/raw", others::Table::Raw, Family::Raw),
    (c"net/raw6", others::Table::Raw, Family::Raw),
];

/// Every state but TIME_WAIT (6) and NEW_SYN_RECV (12): what no process has open has no inode to match.
const STATES: u32 = netlink::ALL_STATES & !(1 << 6 | 1 << 12);

/// Which tables a method has gone through.
#[derive(Clone, Copy, Default)]
pub(super) struct Done([bool; INET.len()]);

/// TCP and UDP sockets of the namespace, from sockstat and sockstat6; `None` when that can't be told.
pub(super) fn host_sockets(view: &Dir, buf: &mut [u8]) -> Option<u64> {
    let v4 = sockstat::visited(view.read(c"net/sockstat", buf).ok()?)?;
    // There is none where IPv6 is switched off.
    let v6 = view.read(c"net/sockstat6", buf).ok();
    Some(v4.saturating_add(v6.and_then(sockstat::visited).unwrap_or(0)))
}

/// Dumps the tables of memdoor's own namespace.
pub(super) fn by_diag(diag: &mut SockDiag, buf: &mut [u8], tally: &mut Tally<'_>) -> Done {
    let mut done = Done::default();
    for (table, done) in INET.iter().zip(&mut done.0) {
        if tally.table.open() == 0 {
            break;
        }
        let request = netlink::Table {
            family: u8::try_from(table.family).unwrap_or(0),
            protocol: u8::try_from(table.number).unwrap_or(0),
            states: STATES,
        };
        let dumped = diag.dump(request, buf, &mut |bytes| {
            if let Some(socket) = diag::message(bytes, table.protocol) {
                tally.offer(&socket, Method::Diag);
            }
        });
        match dumped {
            Ok(Dumped::Whole) => {
                tally.summary.methods.add(Method::Diag);
                *done = true;
            }
            // Rows may be lost, the text has them.
            Ok(Dumped::Interrupted) => tally.summary.methods.add(Method::Diag),
            // No module for this table (UDP's is one of its own), or no such protocol in this kernel: not even in the text.
            Err(Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EPROTONOSUPPORT) => {}
            Err(errno) => tally.setback(Method::Diag, errno.into()),
        }
    }
    done
}

/// Reads the tables that are not `done` as text, in the process's own namespace.
pub(super) fn by_proc(view: &Dir, done: Done, buf: &mut [u8], tally: &mut Tally<'_>) {
    for (table, done) in INET.iter().zip(done.0) {
        if !done {
            lines(view, table.file, buf, tally, &mut |line, tally| match inet::line(line, table.protocol) {
                Some(socket) => tally.offer(&socket, Method::Proc),
                None => tally.malformed(),
            });
        }
    }
}

/// Counts unix, netlink, packet and raw sockets.
pub(super) fn by_others(view: &Dir, buf: &mut [u8], tally: &mut Tally<'_>) {
    for (file, table, family) in OTHERS {
        lines(view, file, buf, tally, &mut |line, tally| {
            if let Some(inode) = table.inode(line) {
                tally.offer_other(inode, family, Method::Proc);
            }
        });
    }
}

/// The lines of a table after its header, for as long as a socket is open.
fn lines(view: &Dir, name: &CStr, buf: &mut [u8], tally: &mut Tally<'_>, each: &mut dyn FnMut(&[u8], &mut Tally<'_>)) {
    if tally.table.open() == 0 {
        return;
    }
    let file = match view.file(name) {
        Ok(file) => file,
        // IPv6 is switched off, or the kernel has no such sockets.
        Err(Errno::ENOENT) => return,
        Err(errno) => return tally.setback(Method::Proc, errno.into()),
    };
    tally.summary.methods.add(Method::Proc);
    let mut lines = Lines::new(&file, buf);
    let mut header = true;
    while let Some(line) = lines.next() {
        match line {
            Ok(_) if core::mem::take(&mut header) => {}
            Ok(line) => each(line, tally),
            Err(errno) => return tally.setback(Method::Proc, errno.into()),
        }
        if tally.table.open() == 0 {
            return;
        }
    }
    if lines.cut() > 0 {
        tally.setback(Method::Proc, Absent::Malformed);
    }
}

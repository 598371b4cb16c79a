//! Where rows go by: the table says whose they are, the summary counts them, the caller gets them.

use super::summary::{Family, Method, Summary};
use super::table::Table;
use crate::error::Absent;
use crate::parse::net::Socket;

/// The state of one pass that every method works on.
pub(super) struct Tally<'a> {
    pub(super) table: &'a mut Table,
    pub(super) summary: Summary,
    row: &'a mut dyn FnMut(&Socket),
    /// The first reason for which something may be missing.
    why: Option<Absent>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(table: &'a mut Table, row: &'a mut dyn FnMut(&Socket)) -> Self {
        Self { table, summary: Summary::default(), row, why: None }
    }

    /// A row of the host: hands it on when it is the process's and new.
    ///
    /// New, as a text table that changes while it is read shows a socket twice, and a connection of several MPTCP subflows
    /// has one inode.
    pub(super) fn offer(&mut self, socket: &Socket, method: Method) {
        if self.table.settle(socket.inode) {
            self.emit(socket, method);
        }
    }

    /// A socket of the process without a row, if it is the process's and new.
    pub(super) fn offer_other(&mut self, inode: u32, family: Family, method: Method) {
        if self.table.settle(inode) {
            self.count(family, method);
        }
    }

    /// Counts a row and hands it on.
    pub(super) fn emit(&mut self, socket: &Socket, method: Method) {
        self.summary.methods.add(method);
        if socket.protocol.is_tcp() {
            self.summary.tcp += 1;
            if let Some(count) = self.summary.tcp_states.get_mut(socket.state.index()) {
                *count += 1;
            }
        } else {
            self.summary.udp += 1;
        }
        (self.row)(socket);
    }

    /// Counts a socket that has no row.
    pub(super) fn count(&mut self, family: Family, method: Method) {
        self.summary.methods.add(method);
        *self.summary.others.of(family) += 1;
    }

    /// A line that no kernel prints: it may be of a socket that stays unidentified.
    pub(super) fn malformed(&mut self) {
        self.summary.malformed += 1;
        self.trouble(Absent::Malformed);
    }

    /// Something failed that may leave sockets unidentified.
    pub(super) fn trouble(&mut self, why: Absent) {
        self.why.get_or_insert(why);
    }

    /// A whole method, or a table of it, failed.
    pub(super) fn setback(&mut self, method: Method, why: Absent) {
        self.summary.setback.get_or_insert((method, why));
        self.trouble(why);
    }

    /// The end: what is open is unidentified. `unread`: why a link could not be read.
    pub(super) fn finish(mut self, unread: Option<Absent>) -> Summary {
        let open = u32::try_from(self.table.open()).unwrap_or(u32::MAX);
        self.summary.unidentified = self.summary.unidentified.saturating_add(open);
        self.summary.missing = match (unread, self.summary.unidentified) {
            (Some(why), _) => Some(why),
            (None, 0) => None,
            (None, _) => Some(self.why.unwrap_or(Absent::Unidentified)),
        };
        self.summary
    }
}

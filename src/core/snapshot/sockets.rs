//! The sockets of one process: found by inode, streamed, counted.
//!
//! The kernel has no list of a process's sockets. Its descriptors say `socket:[INODE]`, and three methods tell what an inode
//! is ([`Method`]). On Linux 6.18, 2 CPUs, pidfd_getfd costs about 5 us for each socket of the process, sock_diag 0.8 to 1.1 us
//! and the text 1.5 to 1.8 us for each socket of the host, and walking an empty table costs as well. So the cheaper one goes
//! first, and what it can't tell is asked of the next. The CPU of one pass, 40,000 TCP sockets on the host:
//!
//! | | pidfd_getfd | sock_diag | text |
//! |---|---|---|---|
//! | the process has 21 | 0.18 ms | 32 | 63 |
//! | it has 13,331 | 123 | 79 | 122 |
//!
//! Rows are of the process's network namespace, and of any other that it has sockets in where pidfd_getfd is permitted.
//! What no process has open is nobody's: TIME_WAIT, connections not yet accepted, sockets that close in the background.
//! Rows are not one moment's: a socket may change between two of them. One that is closed meanwhile is left out in silence.

mod getfd;
mod listing;
mod summary;
mod table;
mod tables;
mod tally;

pub use summary::{Method, Methods, Others, Summary};

use core::time::Duration;

use crate::error::Absent;
use crate::fixed::Fixed;
use crate::parse::net::Socket;
use crate::sys::file::Dir;
use crate::sys::netlink::{self, SockDiag};
use crate::sys::pidfd::PidFd;
use crate::sys::{self, Errno};
use listing::Listing;
use table::Table;
use tables::Done;
use tally::Tally;

/// Least size of the buffer lent to [`Sockets::take`]. With 32 KiB sock_diag needs a quarter of the system calls.
pub const LEAST_BUFFER: usize = netlink::LEAST_BUFFER;

/// Room in the table beyond twice the descriptors that the process has while arming: 4 KiB.
const SPARE: usize = 512;

/// What a duplicate and a look at it cost, for each socket of the process (see above).
const GETFD_NANOS: u64 = 5_000;
/// What sock_diag costs for each socket of the host.
const DIAG_NANOS: u64 = 1_100;
/// What sock_diag costs when there are none: the hash tables are walked, TCP's twice.
const WALK_NANOS: u64 = 1_000_000;

/// Which method goes first. The others still do what it can't.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Choice {
    /// Whichever is cheaper.
    #[default]
    Auto,
    /// pidfd_getfd, whatever it costs.
    Getfd,
    /// sock_diag; the text where it can't be: in another network namespace.
    Diag,
    /// The text of `/proc/PID/net`.
    Proc,
}

/// Whose sockets.
#[derive(Clone, Copy, Debug)]
pub struct SocketOwner<'t> {
    /// `/proc/PID`, or `/proc/PID/task/TID` of a thread that lives when the leader has exited.
    pub view: &'t Dir,
    /// The process, where the kernel has pidfds.
    pub pidfd: Option<&'t PidFd>,
    /// Through what its descriptors are duplicated: itself, or that thread.
    pub lender: Result<&'t PidFd, Absent>,
}

/// What taking sockets needs, acquired while arming. It serves any number of processes, one after the other.
#[derive(Debug)]
pub struct Sockets {
    /// Which method goes first.
    pub choice: Choice,
    table: Table,
    diag: Result<SockDiag, Errno>,
    /// The own network namespace as its link says it, the one that `diag` shows.
    namespace: Option<Fixed<32>>,
}

impl Sockets {
    /// Takes the memory for twice `expected_fds` descriptors and some, and opens sock_diag's socket. Only the memory is vital.
    pub fn arm(expected_fds: usize) -> sys::Result<Self> {
        let capacity = expected_fds.saturating_mul(2).saturating_add(SPARE);
        Ok(Self {
            choice: Choice::Auto,
            table: Table::new(capacity)?,
            diag: SockDiag::open(),
            // The link of the thread that opens the socket: a thread can have a namespace of its own.
            namespace: Dir::open(c"/proc/thread-self").ok().and_then(|view| namespace(&view)),
        })
    }

    /// Hands every TCP and UDP socket of a process to `row` and counts the others. No heap, no wait.
    ///
    /// An error means that nothing is known: a list that may not be read is not a process without sockets.
    /// `buf` is of at least [`LEAST_BUFFER`] bytes; with less sock_diag is not used.
    pub fn take(
        &mut self,
        whose: SocketOwner<'_>,
        buf: &mut [u8],
        row: &mut dyn FnMut(&Socket),
    ) -> Result<Summary, Absent> {
        let gone = |why| match whose.pidfd {
            // A zombie's descriptors are unreadable for other users and an empty list for root.
            Some(pidfd) if pidfd.has_exited() => Absent::Gone,
            _ => why,
        };
        let listing = Listing::open(whose.view).map_err(gone)?;
        self.table.clear();
        let mut overflow = false;
        let unread = listing.sockets(&mut |entry| overflow |= !self.table.push(entry)).map_err(gone)?;
        self.table.sort();
        if self.table.len() == 0 && whose.pidfd.is_some_and(PidFd::has_exited) {
            return Err(Absent::Gone);
        }
        let getfd_first = self.getfd_first(whose, buf);
        let diag = self.shows(whose.view).then_some(&mut self.diag);
        let mut pass = Pass { whose, listing, tally: Tally::new(&mut self.table, row), buf };
        if getfd_first {
            pass.getfd();
        }
        pass.tables(diag);
        pass.getfd();
        tables::by_others(whose.view, pass.buf, &mut pass.tally);
        pass.forget_closed();
        if overflow {
            pass.overflow();
        }
        Ok(pass.tally.finish(unread))
    }

    /// Notes which sockets a process has open now, for [`Sockets::take_noted`]. A [`Sockets::take`] has noted them as well.
    pub fn note(&mut self, view: &Dir) {
        let Ok(listing) = Listing::open(view) else {
            return;
        };
        self.table.clear();
        let _ = listing.sockets(&mut |entry| {
            self.table.push(entry);
        });
        self.table.sort();
    }

    /// How many are noted.
    #[must_use]
    pub const fn noted(&self) -> usize {
        self.table.len()
    }

    /// The same as [`Sockets::take`] for a process that is held at its death: only what was noted is looked at, because a list of
    /// descriptors takes memory, which at a cgroup's limit is not to be had.
    pub fn take_noted(
        &mut self,
        whose: SocketOwner<'_>,
        until: Duration,
        row: &mut dyn FnMut(&Socket),
    ) -> Result<Summary, Absent> {
        let lender = whose.lender?;
        self.table.reopen();
        let mut tally = Tally::new(&mut self.table, row);
        if let Err(why) = getfd::settle_open(lender, getfd::Closed::Until(until), &mut tally) {
            tally.setback(Method::Getfd, why);
        }
        Ok(tally.finish(None))
    }

    fn getfd_first(&self, whose: SocketOwner<'_>, buf: &mut [u8]) -> bool {
        let own = u64::try_from(self.table.len()).unwrap_or(u64::MAX).saturating_mul(GETFD_NANOS);
        match self.choice {
            Choice::Getfd => true,
            Choice::Diag | Choice::Proc => false,
            Choice::Auto if own <= WALK_NANOS => true,
            // Without a count of the host's sockets: the method whose cost has a bound that is known.
            Choice::Auto => tables::host_sockets(whose.view, buf)
                .is_none_or(|host| own < WALK_NANOS.saturating_add(host.saturating_mul(DIAG_NANOS))),
        }
    }

    /// Whether sock_diag shows the namespace of `view`; no too when that can't be told.
    fn shows(&self, view: &Dir) -> bool {
        let own = self.namespace.as_ref().map(Fixed::as_bytes);
        let its = namespace(view);
        self.choice != Choice::Proc && own.is_some() && its.as_ref().map(Fixed::as_bytes) == own
    }
}

/// `net:[4026531840]`.
fn namespace(view: &Dir) -> Option<Fixed<32>> {
    let mut buf = [0; 32];
    let link = view.link(c"ns/net", &mut buf).ok()?;
    Some(Fixed::of(link)).filter(|name| !name.is_cut())
}

/// One pass over one process.
struct Pass<'a> {
    whose: SocketOwner<'a>,
    listing: Listing,
    tally: Tally<'a>,
    buf: &'a mut [u8],
}

impl Pass<'_> {
    /// Looks at what is open, descriptor by descriptor. If the kernel refuses, it is not asked again.
    fn getfd(&mut self) {
        let Ok(lender) = self.whose.lender else {
            return;
        };
        let closed = getfd::Closed::By(&self.listing);
        if let Err(why) = getfd::settle_open(lender, closed, &mut self.tally) {
            self.tally.setback(Method::Getfd, why);
            self.whose.lender = Err(why);
        }
    }

    /// Looks for what is open in the tables of the namespace.
    fn tables(&mut self, diag: Option<&mut Result<SockDiag, Errno>>) {
        let mut done = Done::default();
        if self.tally.table.open() > 0 {
            match diag {
                Some(Ok(diag)) => done = tables::by_diag(diag, self.buf, &mut self.tally),
                Some(Err(errno)) => self.tally.setback(Method::Diag, Absent::from(*errno)),
                None => {}
            }
        }
        tables::by_proc(self.whose.view, done, self.buf, &mut self.tally);
    }

    /// What was closed since it was listed is in no table, and is not missing.
    fn forget_closed(&mut self) {
        for at in 0..self.tally.table.len() {
            if let Some(entry) = self.tally.table.open_at(at)
                && !self.listing.still_has(entry)
            {
                self.tally.table.settle(entry.inode);
            }
        }
    }

    /// The sockets that the table had no room for: looked at one by one, with nothing to tell duplicates by.
    fn overflow(&mut self) {
        let Self { whose, listing, tally, .. } = self;
        let listed = listing.sockets(&mut |entry| {
            if tally.table.has(entry.inode) {
                return;
            }
            tally.summary.overflow += 1;
            let known =
                whose.lender.is_ok_and(|lender| getfd::settle_one(lender, getfd::Closed::By(listing), entry, tally));
            if !known {
                tally.summary.unidentified += 1;
            }
        });
        if let Err(why) = listed {
            tally.trouble(why);
        }
    }
}

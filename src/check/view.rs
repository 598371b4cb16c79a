//! What was read for a check.

use super::account::{Beside, PAGE_CACHE, account};
use super::{Options, Show};
use crate::environment::{Unfit, no_room};
use crate::error::{Absent, Error, Source};
use crate::exit::Verdict;
use crate::host::{BLOCK, Host, zram_devices};
use crate::parse::meminfo::Meminfo;
use crate::parse::mm_stat::Zram;
use crate::parse::net::sockstat;
use crate::parse::pressure::{Pressure, Stall};
use crate::parse::swaps::{self, Medium};
use crate::parse::{lines, one_number};
use crate::processes::reader::{self, Reader};
use crate::processes::sharing::{self, REFINING};
use crate::processes::{Depth, Process, Table, descending};
use crate::refusal::fail;
use crate::report::columns::COMMAND_MAX;
use crate::sample::Seen;
use crate::snapshot::Cmdline;
use crate::tmpfs::Lasting;
use crate::units::Bytes;

/// All of it. What could not be read is `None`, or empty.
pub(super) struct View<'h> {
    pub(super) host: &'h Host,
    pub(super) options: &'h Options,
    pub(super) meminfo: Meminfo,
    /// Why there is nothing in it.
    pub(super) unread: Option<Absent>,
    pub(super) pressure: Result<Pressure, Absent>,
    /// `vm.swappiness`.
    pub(super) swappiness: Option<u64>,
    /// All zram devices together; `None`: there is none.
    pub(super) zram: Option<Zram>,
    /// How much of the swap is on zram.
    pub(super) zram_swap: Bytes,
    /// What sockets hold.
    pub(super) sockets: Option<Bytes>,
    /// What lasts whoever ends: read where it is asked for where memory is.
    pub(super) lasting: Option<Lasting>,
    pub(super) table: Table,
    /// Reads what may block.
    pub(super) reader: Option<Reader>,
}

/// By what the largest processes are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SortKey {
    /// RSS, shared pages included.
    Rss,
    /// What their end would give back.
    Freeable,
}

impl SortKey {
    pub(super) fn of(self, process: &Process) -> Option<Bytes> {
        match self {
            Self::Rss => process.memory.rss,
            Self::Freeable => process.memory.freeable(),
        }
    }
}

impl<'h> View<'h> {
    pub(super) fn read(host: &'h mut Host, options: &'h Options) -> Result<Self, Unfit> {
        let show = options.show;
        let read = host.meminfo().map(|meminfo| host.with_lists(meminfo));
        let (meminfo, unread) = (read.unwrap_or_default(), read.err());
        let pressure = host.pressure();
        let host = &*host;
        let mut buf = [0; 4096];
        let swappiness = one_number(text(host, c"sys/vm/swappiness", &mut buf));
        let sockets = sockstat::memory(text(host, c"net/sockstat", &mut buf));
        let zram = lines(text(host, c"swaps", &mut buf)).filter_map(swaps::line);
        let zram = zram.filter(|swap| swap.medium == Medium::Zram);
        let zram_swap = zram.fold(Bytes(0), |sum, swap| sum.plus(swap.size));
        let reader = match show {
            Show::Browsers => Reader::start_for_patterns(&host.proc).ok(),
            Show::Glance | Show::Tree | Show::Where => Reader::start(&host.proc).ok(),
        };
        let lasting = match show {
            Show::Where => reader::lasting(reader.as_ref(), &host.proc, REFINING),
            Show::Glance | Show::Tree | Show::Browsers => None,
        };
        let mut table = Table::arm_for(&host.proc).map_err(no_room)?;
        if matches!(show, Show::Glance | Show::Tree) {
            // Without processes there is all the rest.
            if let Err(errno) = table.read(&host.proc, Depth::Weight) {
                let _ = fail(&Error::new("list", b"/proc", errno));
            }
            sharing::refine(&host.proc, &mut table, reader.as_ref());
        }
        Ok(Self {
            meminfo,
            unread,
            pressure,
            swappiness: swappiness.and_then(|number| u64::try_from(number).ok()),
            zram: zram_devices(BLOCK),
            zram_swap,
            sockets: sockets.map(|pages| pages.bytes(host.page)),
            lasting,
            table,
            reader,
            options,
            host,
        })
    }

    /// What so much of the memory being used means.
    pub(super) fn verdict(&self) -> Verdict {
        super::verdict(self.used(), self.total(), self.options.warning, self.options.critical)
    }

    /// A process, with its arguments where they were asked for.
    pub(super) fn seen<'p>(&self, process: &'p Process, buf: &'p mut [u8; COMMAND_MAX]) -> Seen<'p> {
        let command_line = match self.options.cmdline {
            Cmdline::Show => reader::arguments(self.reader.as_ref(), &self.host.proc, process.pid, buf),
            Cmdline::Hide => b"",
        };
        Seen { total: self.total(), command_line, ..Seen::new(process) }
    }

    /// How much was waited for memory, or why that is not known: some, then all.
    pub(super) fn stalls(&self) -> [Result<Stall, Absent>; 2] {
        let source = Source::proc(c"pressure/memory");
        let of = |pick: fn(Pressure) -> Option<Stall>, line| {
            self.pressure.and_then(|all| pick(all).ok_or(source.lacks(line)))
        };
        [of(|all| all.some, "some"), of(|all| all.full, "full")]
    }

    /// What is not in meminfo.
    pub(super) fn beside(&self) -> Beside {
        Beside { sockets: self.sockets, zram: self.zram.map(|zram| zram.used) }
    }

    /// What is used: all that is not available.
    pub(super) fn used(&self) -> Bytes {
        self.meminfo.used().unwrap_or_default()
    }

    pub(super) fn total(&self) -> Bytes {
        self.meminfo.total.unwrap_or_default()
    }

    /// The page cache without tmpfs.
    pub(super) fn page_cache(&self) -> Option<Bytes> {
        account(&self.meminfo, self.beside()).0[PAGE_CACHE]
    }

    /// The largest processes, the largest first.
    pub(super) fn each_top(&self, by: SortKey, each: &mut dyn FnMut(&Process)) {
        let rows = self.table.rows();
        let key = |at: usize| {
            let size = by.of(rows.get(at)?)?;
            Some((i64::try_from(size.0).ok()?, 0))
        };
        for at in descending(rows.len(), &key).take(self.options.count) {
            each(&rows[at]);
        }
    }
}

/// A file below /proc; nothing when it can't be read.
fn text<'b>(host: &Host, name: &core::ffi::CStr, buf: &'b mut [u8]) -> &'b [u8] {
    host.proc.read(name, buf).unwrap_or_default()
}

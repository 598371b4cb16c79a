//! The machine: what does not change while memdoor runs, and the one file of it that does.

use crate::error::{Absent, Error, Source};
use crate::fixed::Fixed;
use crate::parse::arcstats::{self, ZfsCache};
use crate::parse::memcg::event;
use crate::parse::meminfo::{self, Meminfo};
use crate::parse::mm_stat::{self, Zram};
use crate::parse::pressure::{self, Pressure};
use crate::parse::version::{self, Statm};
use crate::parse::vmstat::Vmstat;
use crate::parse::zoneinfo;
use crate::parse::{self, stat};
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::kept::Kept;
use crate::sys::system::{self, Uname};
use crate::units::{Bytes, PageSize, Pages};

/// Room for /proc/meminfo: 1.5 KiB on 6.18, more with hugetlb sizes.
pub const MEMINFO_MAX: usize = 4 * 1024;

/// A machine.
#[derive(Debug)]
pub struct Host {
    /// `/proc`, or a directory that looks like it.
    pub proc: Dir,
    /// The size of a page.
    pub page: PageSize,
    /// uname(2).
    pub uname: Uname,
    uncounted: Uncounted,
    meminfo: Kept,
    arcstats: Kept,
    vmstat: Kept,
    zoneinfo: Kept,
    pressure: Result<Kept, Absent>,
}

impl Host {
    /// The machine behind `proc`.
    pub fn open(proc: &'static core::ffi::CStr) -> Result<Self, Error> {
        let dir = Dir::open(proc).map_err(|errno| {
            let error = Error::new("open", proc.to_bytes(), errno);
            match errno {
                Errno::ENOENT | Errno::ENOTDIR => error.hint("mount -t proc proc /proc"),
                _ => error,
            }
        })?;
        let uname = Uname::read();
        let page = system::page_size();
        let uncounted = uncounted(uname.release.as_bytes(), page, system::cpus());
        let mut host = Self {
            proc: dir,
            page,
            uncounted,
            uname,
            meminfo: Kept::new(c"meminfo"),
            arcstats: Kept::new(c"spl/kstat/zfs/arcstats"),
            vmstat: Kept::new(c"vmstat"),
            zoneinfo: Kept::new(c"zoneinfo"),
            pressure: Ok(Kept::new(c"pressure/memory")),
        };
        host.look_for_arc();
        Ok(host)
    }

    /// Opens the ARC's figures if they have come since: ZFS is a module, which may be loaded after memdoor was started. What runs for long
    /// calls it while memory is plenty; [`Host::meminfo`] opens nothing.
    pub fn look_for_arc(&mut self) {
        // Without ZFS there is no such file, which is no loss.
        let _ = self.arcstats.open(&self.proc);
    }

    /// How much more or less than statm says the RSS of a process may be. `threads` is asked only where it matters.
    pub fn statm_error(&self, threads: impl FnOnce() -> Result<u64, Absent>) -> Bytes {
        match self.uncounted {
            Uncounted::Nowhere => Bytes(0),
            Uncounted::OnCpus(error) => error,
            Uncounted::InThreads(each) => Bytes(each.0.saturating_mul(threads().unwrap_or(1))),
        }
    }

    /// Which pid namespace the numbers in this `/proc` are of.
    ///
    /// Kernel threads live in the initial one alone, where kthreadd is the second process. With hidepid it may not be seen: then
    /// memdoor's own namespace decides, which is this `/proc`'s when memdoor has one number only.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        /// PROC_PID_INIT_INO of include/linux/proc_ns.h.
        const INITIAL: &[u8] = b"pid:[4026531836]";
        let mut buf = [0; 2048];
        let kthreadd = self.proc.read(c"2/stat", &mut buf).ok();
        if kthreadd.and_then(stat::parse).is_some_and(|stat| stat.is_kernel_thread) {
            return Numbers::Initial;
        }
        let is_initial = self.pid_namespace().as_bytes() == INITIAL;
        let status = self.proc.read(c"self/status", &mut buf).unwrap_or_default();
        let mut fields = parse::lines(status).filter_map(parse::key_value);
        let numbers = fields.find(|(key, _)| *key == b"NSpid");
        let is_one = numbers.is_none_or(|(_, numbers)| parse::words(numbers).count() == 1);
        if is_initial && is_one { Numbers::Initial } else { Numbers::Other }
    }

    /// memdoor's own pid namespace, as the kernel writes it (Linux 3.8): `pid:[4026531836]`; empty where it can't be read. Its number alone
    /// tells it from others: device numbers of namespaces were those of each mount of /proc before Linux 3.19.
    #[must_use]
    pub fn pid_namespace(&self) -> Fixed<32> {
        let mut buf = [0; 64];
        Fixed::of(self.proc.link(c"self/ns/pid", &mut buf).unwrap_or_default())
    }

    /// Memory of the system now. What of ZFS's cache can shrink is in what is available.
    ///
    /// A meminfo that can't be true, or has no MemTotal, is none, for every mode: what lies over the kernel's is believed in nothing.
    pub fn meminfo(&mut self) -> Result<Meminfo, Absent> {
        let mut buf = [0; MEMINFO_MAX];
        let text = self.meminfo.once(&self.proc, &mut buf);
        let source = Source::proc(c"meminfo");
        let text = text.map_err(|errno| source.failed(errno))?;
        if text.is_empty() {
            return Err(source.empty());
        }
        let meminfo = meminfo::parse(text);
        total(&meminfo)?;
        if !meminfo.is_possible() {
            return Err(source.untrue("MemAvailable up to MemTotal"));
        }
        Ok(self.arc().map_or(meminfo, |arc| meminfo.with_arc(arc)))
    }

    /// The same with free pages on the lists of CPUs, which the kernel takes before it calls memory short: whoever judges what is available
    /// asks for it where that may change what it does.
    ///
    /// Reading it takes 20 us with 2 CPUs and 3 zones, and about 1 us more for each CPU of each zone, whose lock the kernel holds meanwhile.
    /// Where meminfo is not the kernel's (lxcfs puts a container's over it) the lists, which are the machine's, are none of its memory.
    pub fn with_lists(&mut self, meminfo: Meminfo) -> Meminfo {
        let mut seen = zoneinfo::Lines::default();
        if self.zoneinfo.each_line(&self.proc, &mut |line| seen.add(line)).is_err() {
            return meminfo;
        }
        let managed = seen.managed().map(|pages| pages.bytes(self.page).0);
        // Both are read while memory may be added or taken (a balloon).
        let is_same = |managed: u64, total: u64| managed.abs_diff(total) <= total / 64;
        let is_the_kernels = managed.zip(meminfo.total).is_some_and(|(managed, total)| is_same(managed, total.0));
        let on_lists = seen.on_lists().filter(|_| is_the_kernels);
        on_lists.map_or(meminfo, |pages| meminfo.with_lists(pages.bytes(self.page)))
    }

    /// ZFS's cache, where its figures are open.
    fn arc(&mut self) -> Option<ZfsCache> {
        let mut seen = arcstats::Lines::default();
        if self.arcstats.is_open() {
            self.arcstats.each_line(&self.proc, &mut |line| seen.add(line)).ok()?;
        }
        seen.arc()
    }

    /// OOM kills since boot, /proc/vmstat's oom_kill (Linux 4.13).
    pub fn oom_kills(&mut self) -> Result<u64, Absent> {
        let mut kills = None;
        let read = self.vmstat.each_line(&self.proc, &mut |line| kills = kills.or(event(line, b"oom_kill")));
        read.map_err(|errno| Source::proc(c"vmstat").failed(errno))?;
        kills.ok_or(Source::proc(c"vmstat").lacks("oom_kill"))
    }

    /// Adds what /proc/vmstat counts, in as many reads as it has 4 KiB.
    pub fn vmstat(&mut self, into: &mut Vmstat) -> Result<(), Absent> {
        let mut is_empty = true;
        let read = self.vmstat.each_line(&self.proc, &mut |line| {
            is_empty = false;
            into.add(line);
        });
        let source = Source::proc(c"vmstat");
        read.map_err(|errno| source.failed(errno))?;
        if is_empty { Err(source.empty()) } else { Ok(()) }
    }

    /// How much of the time the machine waits for memory, /proc/pressure/memory (Linux 4.20, CONFIG_PSI, psi=1). Where there was none
    /// it is not looked for again: not even that is free at the limit.
    pub fn pressure(&mut self) -> Result<Pressure, Absent> {
        let mut buf = [0; 256];
        let file = self.pressure.as_mut().map_err(|why| *why)?;
        let source = Source::proc(c"pressure/memory");
        match file.once(&self.proc, &mut buf) {
            Ok(b"") => Err(source.empty()),
            Ok(text) => Ok(pressure::parse(text)),
            Err(errno) => {
                let why = source.failed(errno);
                if matches!(errno, Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EACCES | Errno::EPERM) {
                    self.pressure = Err(why);
                }
                Err(why)
            }
        }
    }

    /// The boot's id, a UUID; empty when it can't be read.
    #[must_use]
    pub fn boot_id(&self) -> Fixed<66> {
        let mut buf = [0; 64];
        let id = self.proc.read(c"sys/kernel/random/boot_id", &mut buf);
        Fixed::of(id.map(<[u8]>::trim_ascii).unwrap_or_default())
    }
}

/// What pids mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbers {
    /// What they mean to the kernel's log.
    Initial,
    /// Something else, as in a container.
    Other,
}

impl Numbers {
    /// What is said behind a number of the kernel's log where it means another process here, or none.
    pub const OF_INITIAL: &str = "of the initial pid namespace";
}

/// Where this kernel keeps pages that it has not yet added to RSS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Uncounted {
    /// Nowhere: statm is exact.
    Nowhere,
    /// Linux 6.2 to 6.15: statm is not summed over the CPUs. Each holds back a batch of max(32, 2 * CPUs) pages
    /// (percpu_counter_batch) in each of the three counters that make up RSS.
    OnCpus(Bytes),
    /// Before 6.2: each thread holds back up to 64 pages (TASK_RSS_EVENTS_THRESH). A new busybox with 1,400 kB shows 4.
    InThreads(Bytes),
}

fn uncounted(release: &[u8], page: PageSize, cpus: u64) -> Uncounted {
    let batch = cpus.saturating_mul(2).max(32);
    match version::parse(release).map(version::Version::statm) {
        Some(Statm::Exact) | None => Uncounted::Nowhere,
        Some(Statm::PerCpu) => Uncounted::OnCpus(Pages(batch.saturating_mul(3 * cpus)).bytes(page)),
        Some(Statm::PerThread) => Uncounted::InThreads(Pages(64).bytes(page)),
    }
}

/// Where the kernel shows block devices.
pub const BLOCK: &core::ffi::CStr = c"/sys/block";

/// All zram devices of [`BLOCK`] together; `None`: there is none.
#[must_use]
pub fn zram_devices(block: &core::ffi::CStr) -> Option<Zram> {
    let block = Dir::open(block).ok()?;
    let listing = block.listing(c".").ok()?;
    let mut entries = Entries::new(&listing).ok()?;
    let mut sum: Option<Zram> = None;
    while let Some(Ok(name)) = entries.next() {
        if !name.to_bytes().starts_with(b"zram") {
            continue;
        }
        let mut buf = [0; 256];
        let device = block.dir(name);
        let text = device.and_then(|device| Ok(device.read(c"mm_stat", &mut buf)?.len()));
        let text = text.ok().and_then(|length| buf.get(..length));
        if let Some(zram) = text.and_then(mm_stat::parse) {
            let before = sum.unwrap_or_default();
            sum = Some(Zram { stored: before.stored.plus(zram.stored), used: before.used.plus(zram.used) });
        }
    }
    sum
}

/// The machine's id from /etc/machine-id; empty where there is none, as on a rescue system.
#[must_use]
pub fn machine_id() -> Fixed<66> {
    let mut buf = [0; 64];
    let id = Dir::open(c"/etc").and_then(|etc| etc.read(c"machine-id", &mut buf));
    Fixed::of(id.map(<[u8]>::trim_ascii).unwrap_or_default())
}

/// MemTotal, which is never 0: of that every process would be over any percentage.
pub fn total(meminfo: &Meminfo) -> Result<Bytes, Absent> {
    match meminfo.total {
        None => Err(Source::proc(c"meminfo").untrue("MemTotal")),
        Some(Bytes(0)) => Err(Source::proc(c"meminfo").untrue("MemTotal above 0")),
        Some(total) => Ok(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_statm_leaves_out_depends_on_the_kernel() {
        let page = PageSize(4096);
        assert_eq!(uncounted(b"6.18.44", page, 2), Uncounted::Nowhere);
        assert_eq!(uncounted(b"6.12.0", page, 2), Uncounted::OnCpus(Bytes(32 * 3 * 2 * 4096)));
        assert_eq!(uncounted(b"6.12.0", page, 64), Uncounted::OnCpus(Bytes(128 * 3 * 64 * 4096)));
        assert_eq!(uncounted(b"5.10.0", page, 64), Uncounted::InThreads(Bytes(64 * 4096)));
    }
}

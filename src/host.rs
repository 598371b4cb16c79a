//! The machine: what does not change while memdoor runs, and the one file of it that does.

use crate::error::{Absent, Error};
use crate::fixed::Fixed;
use crate::parse::memcg::event;
use crate::parse::meminfo::{self, Meminfo};
use crate::parse::version;
use crate::sys::file::Dir;
use crate::sys::kept::Kept;
use crate::sys::system::{self, Uname};
use crate::units::{Bytes, PageSize};

/// Room for /proc/meminfo: 1.5 KiB on 6.18, more with hugetlb sizes.
pub const MEMINFO_MAX: usize = 4 * 1024;

/// Room for /proc/vmstat: 5 KiB on 6.18, where oom_kill stands in the first two thirds.
const VMSTAT_MAX: usize = 16 * 1024;

/// A machine.
#[derive(Debug)]
pub struct Host {
    /// `/proc`, or a directory that looks like it.
    pub proc: Dir,
    /// The size of a page.
    pub page: PageSize,
    /// How far statm may be off the truth: 0 but for Linux 6.2 to 6.15.
    pub statm_error: Bytes,
    /// uname(2).
    pub uname: Uname,
    meminfo: Kept,
    vmstat: Kept,
}

impl Host {
    /// The machine behind `proc`.
    pub fn open(proc: &'static core::ffi::CStr) -> Result<Self, Error> {
        let dir = Dir::open(proc).map_err(|errno| {
            Error::new("open", proc.to_bytes(), errno).hint("mount -t proc proc /proc")
        })?;
        let uname = Uname::read();
        let page = system::page_size();
        let statm_error = statm_error(uname.release.as_bytes(), page);
        Ok(Self {
            proc: dir,
            page,
            statm_error,
            uname,
            meminfo: Kept::new(c"meminfo"),
            vmstat: Kept::new(c"vmstat"),
        })
    }

    /// Memory of the system now.
    pub fn meminfo(&mut self) -> Result<Meminfo, Absent> {
        let mut buf = [0; MEMINFO_MAX];
        Ok(meminfo::parse(self.meminfo.once(&self.proc, &mut buf)?))
    }

    /// OOM kills since boot, /proc/vmstat's oom_kill (Linux 4.13).
    pub fn oom_kills(&mut self) -> Result<u64, Absent> {
        let mut buf = [0; VMSTAT_MAX];
        event(self.vmstat.once(&self.proc, &mut buf)?, b"oom_kill").ok_or(Absent::NotSupported)
    }

    /// The boot's id, a UUID; empty when it can't be read.
    #[must_use]
    pub fn boot_id(&self) -> Fixed<66> {
        let mut buf = [0; 64];
        let id = self.proc.read(c"sys/kernel/random/boot_id", &mut buf);
        Fixed::of(id.map(<[u8]>::trim_ascii).unwrap_or_default())
    }
}

/// From Linux 6.2 to 6.15 statm is not summed over the CPUs: each may hold back a batch of max(32, 2 * CPUs) pages
/// (percpu_counter_batch), in each of the three counters that make up RSS.
fn statm_error(release: &[u8], page: PageSize) -> Bytes {
    let is_coarse = version::parse(release).is_some_and(version::Version::has_coarse_statm);
    let cpus = system::cpus();
    let batch = cpus.saturating_mul(2).max(32);
    if is_coarse {
        Bytes(
            batch
                .saturating_mul(cpus)
                .saturating_mul(3)
                .saturating_mul(page.0),
        )
    } else {
        Bytes(0)
    }
}

/// The machine's id from /etc/machine-id; empty where there is none, as on a rescue system.
#[must_use]
pub fn machine_id() -> Fixed<66> {
    let mut buf = [0; 64];
    let id = Dir::open(c"/etc").and_then(|etc| etc.read(c"machine-id", &mut buf));
    Fixed::of(id.map(<[u8]>::trim_ascii).unwrap_or_default())
}

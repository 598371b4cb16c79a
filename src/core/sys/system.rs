//! Facts of the running system that do not change: page size, kernel release, host name, CPUs.

use nix::sys::utsname::uname;
use nix::unistd::{SysconfVar, sysconf};

use crate::fixed::Fixed;
use crate::units::{PageSize, Pid};

/// The size of a page, `_SC_PAGESIZE`.
#[must_use]
pub fn page_size() -> PageSize {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    PageSize(size.and_then(|size| u64::try_from(size).ok()).unwrap_or(4096))
}

/// CPUs that may come online, `_SC_NPROCESSORS_CONF`: what the kernel's per-CPU counters are sized by.
#[must_use]
pub fn cpus() -> u64 {
    let cpus = sysconf(SysconfVar::_NPROCESSORS_CONF).ok().flatten();
    cpus.and_then(|cpus| u64::try_from(cpus).ok()).unwrap_or(1).max(1)
}

/// What uname(2) says.
#[derive(Clone, Debug, Default)]
pub struct Uname {
    /// The host's name in this UTS namespace.
    pub host: Fixed<66>,
    /// `6.1.0-18-amd64`.
    pub release: Fixed<66>,
    /// `x86_64`.
    pub machine: Fixed<66>,
}

impl Uname {
    /// Asks the kernel.
    #[must_use]
    pub fn read() -> Self {
        let Ok(name) = uname() else { return Self::default() };
        let [host, release, machine] =
            [name.nodename(), name.release(), name.machine()].map(|text| Fixed::of(text.as_encoded_bytes()));
        Self { host, release, machine }
    }
}

mod ioctls {
    nix::ioctl_read_bad!(window_size, libc::TIOCGWINSZ, libc::winsize);
}

/// Columns and rows of the terminal that standard output is; `None` when it is none, or does not know its size.
#[must_use]
pub fn terminal_size() -> Option<(usize, usize)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel fills the structure that it is given, or fails.
    let _ = unsafe { ioctls::window_size(libc::STDOUT_FILENO, &raw mut size) };
    let is_known = size.ws_col > 0 && size.ws_row > 0;
    is_known.then_some((size.ws_col.into(), size.ws_row.into()))
}

/// Who sends a signal, as kill(2) looks at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sender {
    /// The real user.
    pub real: u32,
    /// The effective user.
    pub effective: u32,
}

/// Who memdoor is to those that it may not all send signals to; `None`: it may to everybody. Root without CAP_KILL is a user like any
/// other, so that nobody is chosen who can't be ended.
#[must_use]
pub fn signals_only() -> Option<Sender> {
    let effective = effective_user();
    let real = nix::unistd::getuid().as_raw();
    (effective != 0 || !has_capability(CAP_KILL)).then_some(Sender { real, effective })
}

/// The right to signal any process: include/uapi/linux/capability.h.
const CAP_KILL: u32 = 5;

/// Whether it is in the effective set.
fn has_capability(number: u32) -> bool {
    capabilities() >> number & 1 == 1
}

/// The effective set, `CapEff` of `/proc/self/status`, a bit each: capget(2). Where that can't be asked root has all.
#[must_use]
pub fn capabilities() -> u64 {
    /// `_LINUX_CAPABILITY_VERSION_3`: two words of 32 capabilities each (Linux 2.6.26).
    const VERSION: u32 = 0x2008_0522;
    // `cap_user_header_t`: the version, and 0 for the calling thread.
    let mut header = [VERSION, 0];
    // `cap_user_data_t`: effective, permitted and inheritable, twice.
    let mut sets = [0_u32; 6];
    // nix has no capget(2), nor kcmp(2) below.
    // SAFETY: the kernel reads and writes the header and fills two structures of three words each, which the array has room for.
    let done = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) };
    if done == 0 { u64::from(sets[0]) | u64::from(sets[3]) << 32 } else { u64::MAX }
}

/// Whether two processes have one address space: kcmp(2) (Linux 3.5, CONFIG_KCMP), which takes the right to ptrace(2) both. Without it they
/// are taken for two. It may block as long as one of them is in execve(2).
#[must_use]
pub fn has_same_memory(one: Pid, other: Pid) -> bool {
    const KCMP_VM: libc::c_int = 1;
    // SAFETY: five integers and no memory.
    unsafe { libc::syscall(libc::SYS_kcmp, one.get(), other.get(), KCMP_VM, 0, 0) == 0 }
}

/// memdoor's own number, in its own pid namespace.
#[must_use]
pub fn own_pid() -> u64 {
    u64::try_from(nix::unistd::getpid().as_raw()).unwrap_or(0)
}

/// Whom the kernel takes memdoor for: the effective user id; 0 is root.
#[must_use]
pub fn effective_user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

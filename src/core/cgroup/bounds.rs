//! What the OOM killer goes by in any cgroup, the target's or not.

use super::once::Once;
use super::{Memcg, Path, TEXT_MAX, below_mount};
use crate::parse::cgroup::Version;
use crate::parse::memcg::{Bounds, Victims, event};
use crate::sys::file::Dir;
use crate::sys::{Errno, Result};
use crate::units::Bytes;

/// The swap of the system, which a cgroup may use within its own limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Swap {
    /// `SwapTotal`.
    pub total: Bytes,
    /// `vm.swappiness`: at 0 the kernel counts on none of it.
    pub swappiness: Option<u64>,
}

impl Memcg {
    /// Reads what bounds the cgroup at `path`. One that is not shown here, or that has gone meanwhile, has no limit as far as is known; that
    /// one can't be looked into is an error, as whoever takes it for one without a limit names the wrong victim.
    pub fn bounds(&self, version: Version, path: &[u8], swap: Swap) -> Result<Bounds> {
        let mount = match version {
            Version::V1 => self.v1.as_ref(),
            Version::V2 => self.v2.as_ref(),
        };
        let Some((mount, below)) = mount.and_then(|mount| Some((mount, below_mount(mount, path)?))) else {
            return Ok(Bounds::default());
        };
        let mut full: Path = mount.point.clone();
        full.push(below);
        let opened = full.as_c_str().ok_or(Errno::ENAMETOOLONG).and_then(Dir::open);
        match opened.and_then(|dir| of_dir(&dir, version, swap)) {
            Err(Errno::ENOENT | Errno::ENODEV) => Ok(Bounds::default()),
            bounds => bounds,
        }
    }
}

/// mem_cgroup_get_max() of mm/memcontrol.c, as far as files tell.
fn of_dir(dir: &Dir, version: Version, swap: Swap) -> Result<Bounds> {
    let group = Once::new(dir, version);
    // Linux 4.19, and not in the root.
    let is_group = match version {
        Version::V1 => false,
        Version::V2 => known(group.number(c"memory.oom.group"))? == Some(1),
    };
    let victims = if is_group { Victims::All } else { Victims::One };
    let Some(limit) = group.limit()? else {
        return Ok(Bounds { victims, ..Bounds::default() });
    };
    let (swappiness, room) = match version {
        Version::V2 => (swap.swappiness, group.swap_limit()?),
        // Without a file for both together, the kernel does not count swap, and does not bound it.
        Version::V1 => (
            known(group.number(c"memory.swappiness"))?,
            group.swap_limit()?.map(|both| Bytes(both.0.saturating_sub(limit.0))),
        ),
    };
    let may_swap = match swappiness {
        Some(0) => Bytes(0),
        _ => room.map_or(swap.total, |room| room.min(swap.total)),
    };
    let mut buf = [0; TEXT_MAX];
    let control = match version {
        Version::V1 => known(group.events(&mut buf))?.unwrap_or_default(),
        Version::V2 => b"",
    };
    let victims = match event(control, b"oom_kill_disable") {
        Some(1) => Victims::Nobody,
        _ => victims,
    };
    Ok(Bounds { limit: Some(limit), usage: group.usage().ok(), swap: may_swap, swap_limit: room, victims })
}

/// What a file tells; `None` where this cgroup has no such file.
fn known<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(Errno::ENOENT) => Ok(None),
        read => read.map(Some),
    }
}

//! What the OOM killer goes by in any cgroup, the target's or not.

use super::once::Once;
use super::{Memcg, Path, TEXT_MAX, below_mount};
use crate::parse::cgroup::Version;
use crate::parse::memcg::{Bounds, Victims, event};
use crate::sys::file::Dir;
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
    /// Reads what bounds the cgroup at `path`. One that can't be looked into has no limit as far as is known.
    #[must_use]
    pub fn bounds(&self, version: Version, path: &[u8], swap: Swap) -> Bounds {
        self.open_at(version, path).map_or_else(Bounds::default, |dir| of_dir(&dir, version, swap))
    }

    fn open_at(&self, version: Version, path: &[u8]) -> Option<Dir> {
        let mount = match version {
            Version::V1 => self.v1.as_ref(),
            Version::V2 => self.v2.as_ref(),
        }?;
        let mut full: Path = mount.point.clone();
        full.push(below_mount(mount, path)?);
        Dir::open(full.as_c_str()?).ok()
    }
}

/// mem_cgroup_get_max() of mm/memcontrol.c, as far as files tell.
fn of_dir(dir: &Dir, version: Version, swap: Swap) -> Bounds {
    let group = Once::new(dir, version);
    let victims = match version {
        Version::V2 if group.number(c"memory.oom.group") == Ok(1) => Victims::All,
        _ => Victims::One,
    };
    let Some(limit) = group.limit() else {
        return Bounds { victims, ..Bounds::default() };
    };
    let (swappiness, room) = match version {
        Version::V2 => (swap.swappiness, group.swap_limit()),
        // Without a file for both together, the kernel does not count swap, and does not bound it.
        Version::V1 => (
            group.number(c"memory.swappiness").ok(),
            group.swap_limit().map(|both| Bytes(both.0.saturating_sub(limit.0))),
        ),
    };
    let may_swap = match swappiness {
        Some(0) => Bytes(0),
        _ => room.map_or(swap.total, |room| room.min(swap.total)),
    };
    let mut buf = [0; TEXT_MAX];
    let control = match version {
        Version::V1 => group.events(&mut buf).unwrap_or_default(),
        Version::V2 => b"",
    };
    let victims = match event(control, b"oom_kill_disable") {
        Some(1) => Victims::Nobody,
        _ => victims,
    };
    Bounds { limit: Some(limit), usage: group.usage().ok(), swap: may_swap, swap_limit: room, victims }
}

//! All memory cgroups that matter: those with a limit, and those with more than 1 % of memory. v1, v2 and both mounted.

use crate::fixed::Fixed;
use crate::parse::pressure::Stall;
use crate::units::{Bytes, Percent};

/// A cgroup's path: kubelet's longest are about 250 bytes; longer ones keep their end.
pub type Path = Fixed<320>;

/// A cgroup at one moment. What could not be read is `None`.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its path in the hierarchy, from `/`.
    pub path: Path,
    /// memory.current or memory.usage_in_bytes.
    pub usage: Option<Bytes>,
    /// memory.max or memory.limit_in_bytes; `None`: no limit.
    pub limit: Option<Bytes>,
    /// memory.peak or memory.max_usage_in_bytes.
    pub peak: Option<Bytes>,
    /// anon or total_rss of memory.stat.
    pub anon: Option<Bytes>,
    /// file or total_cache.
    pub file: Option<Bytes>,
    /// kernel (Linux 5.18) or memory.kmem.usage_in_bytes.
    pub kernel: Option<Bytes>,
    /// sock or memory.kmem.tcp.usage_in_bytes.
    pub sock: Option<Bytes>,
    /// memory.pressure's full (v2).
    pub full: Option<Stall>,
    /// How often its limit was hit since the sample before: `max` of memory.events (v2), memory.failcnt (v1).
    pub max: Option<u64>,
    /// OOM situations since the sample before (v2).
    pub oom: Option<u64>,
    /// OOM kills since the sample before.
    pub oom_kills: Option<u64>,
    /// The same since the cgroup was made: what memory.events or memory.oom_control says.
    pub oom_kills_ever: Option<u64>,
}

impl Group {
    /// Its usage as a share of its limit.
    #[must_use]
    pub fn percent(&self) -> Option<Percent> {
        Percent::of(self.usage?, self.limit?)
    }
}

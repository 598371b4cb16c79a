//! What the files of one cgroup say.

use super::Group;
use crate::cgroup::Once;
use crate::parse::cgroup::Version;
use crate::parse::memcg::{self, event};
use crate::parse::pressure;
use crate::units::Bytes;

/// All but its usage and its limit. Events are counted since it was made.
pub(super) fn fill(group: &mut Group, files: &Once<'_>, version: Version) {
    let mut buf = [0; 4096];
    let stat = memcg::stat(files.stat(&mut buf).unwrap_or_default());
    group.anon = stat.anon;
    group.file = stat.file;
    group.kernel = stat.kernel;
    group.sock = stat.sock;
    group.peak = files.peak().ok();
    let events = files.events(&mut buf).unwrap_or_default();
    group.max = event(events, b"max");
    group.oom = event(events, b"oom");
    group.oom_kills = event(events, b"oom_kill");
    match version {
        Version::V1 => {
            group.kernel = files.number(c"memory.kmem.usage_in_bytes").ok().map(Bytes);
            group.sock = files.number(c"memory.kmem.tcp.usage_in_bytes").ok().map(Bytes);
            // A limit of memory and swap that is no larger is hit first. Linux 6.18 counts only the other, and none where swap is not counted.
            let swap = files.number(c"memory.memsw.failcnt").unwrap_or(0);
            let memory = files.number(c"memory.failcnt").ok();
            group.max = memory.map(|count| count.saturating_add(swap));
        }
        Version::V2 => {
            let pressure = files.text(c"memory.pressure", &mut buf);
            group.full = pressure::parse(pressure.unwrap_or_default()).full;
        }
    }
}

//! What the files of one cgroup say.

use core::ffi::CStr;

use super::Group;
use crate::parse::cgroup::Version;
use crate::parse::memcg::{self, event};
use crate::parse::{dec, pressure};
use crate::sys::file::Dir;
use crate::sys::{Errno, Result};
use crate::target::memcg::Names;
use crate::units::Bytes;

/// A file with one number in it.
pub(super) fn number(dir: &Dir, name: &CStr) -> Result<u64> {
    let mut buf = [0; 64];
    dec(once(dir, name, &mut buf)?.trim_ascii()).ok_or(Errno::EBADMSG)
}

/// A file with a limit in it.
pub(super) fn limit(dir: &Dir, name: &CStr) -> Option<Bytes> {
    memcg::limit(once(dir, name, &mut [0; 64]).ok()?)?.size()
}

/// All but what [`super::Groups::look`] knows by then. Events are counted since it was made.
pub(super) fn fill(group: &mut Group, dir: &Dir, version: Version, names: &Names) {
    // memory.stat is the longest: 1.9 KiB on 6.18.
    let mut buf = [0; 4096];
    let stat = memcg::stat(once(dir, names.stat, &mut buf).unwrap_or_default());
    group.anon = stat.anon;
    group.file = stat.file;
    group.kernel = stat.kernel;
    group.sock = stat.sock;
    group.peak = number(dir, names.peak).ok().map(Bytes);
    let events = once(dir, names.events, &mut buf).unwrap_or_default();
    group.max = event(events, b"max");
    group.oom = event(events, b"oom");
    group.oom_kills = event(events, b"oom_kill");
    match version {
        Version::V1 => {
            group.kernel = number(dir, c"memory.kmem.usage_in_bytes").ok().map(Bytes);
            group.sock = number(dir, c"memory.kmem.tcp.usage_in_bytes").ok().map(Bytes);
            // A limit of memory and swap that is no larger is hit first. Linux 6.18 counts only the other, and none where swap is not counted.
            let swap = number(dir, c"memory.memsw.failcnt").unwrap_or(0);
            let memory = number(dir, c"memory.failcnt").ok();
            group.max = memory.map(|count| count.saturating_add(swap));
        }
        Version::V2 => {
            let pressure = once(dir, c"memory.pressure", &mut buf);
            group.full = pressure::parse(pressure.unwrap_or_default()).full;
        }
    }
}

/// One open, one read: the kernel prints all of these in one go.
fn once<'b>(dir: &Dir, name: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    dir.file(name)?.once(buf)
}

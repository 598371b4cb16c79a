//! A cgroup that needs a higher limit: how to give it one, by who made it and by which limits it has.

use super::super::{Mib, Who, cgroup_label, in_mib};
use super::Advice;
use crate::oomlog::event::{Counter, Event};
use crate::oomlog::shell;
use crate::parse::cgroup::{Version, owner};
use crate::parse::memcg::Limit;
use crate::parse::version::Version as Linux;
use crate::shell::argument;
use crate::units::Bytes;

/// The limits that are proposed, in MiB.
struct Limits {
    memory: u64,
    /// Memory and swap together: never less than there is now.
    both: Both,
}

#[derive(Clone, Copy)]
enum Both {
    Unlimited,
    Mib(u64),
    /// The report does not say whether the cgroup may swap.
    Unknown,
}

/// A higher limit, or a smaller program.
pub(super) fn advise(event: &Event) -> Option<Advice> {
    let path = event.memcg.as_deref()?;
    if let Some(limit) = hit_of_kernel(event) {
        let more = limit.0.saturating_add(limit.0 / 2).div_ceil(1 << 20).max(1);
        let file = shell::cgroup_file(b"/sys/fs/cgroup/memory", path, b"memory.kmem.limit_in_bytes");
        return Some(Advice {
            words: format!("{} needs more than its {} of kernel memory", cgroup_label(path), Mib(limit)),
            command: file.map(|file| format!("echo {more}M >{file}")),
            evidence: format!("its kernel memory was at its limit of {} kB, and its memory below its own", limit.kib()),
        });
    }
    let hit = hit(event)?;
    let biggest = event.table.top.first().map(|row| {
        let held = in_mib(event, row.rss);
        format!("; the largest in it: {}, {held}", Who::row(row))
    });
    Some(Advice {
        words: format!("{} needs more than its {}, or its programs less", cgroup_label(path), Mib(hit.1)),
        command: command(event, path, &limits(event)?),
        evidence: format!("it was at its limit of {} kB of {}{}", hit.1.kib(), hit.0, biggest.unwrap_or_default()),
    })
}

/// The limit of a v1 cgroup's kernel memory, where that was hit and none of the others.
fn hit_of_kernel(event: &Event) -> Option<Bytes> {
    let counters = &event.counters;
    // A charge that failed is not in the usage any more.
    let is_at = |counter: Option<Counter>| {
        let both = counter.and_then(|counter| counter.usage).zip(limit_of(counter));
        both.is_some_and(|(usage, limit)| usage.0 >= limit.0 - limit.0 / 32)
    };
    let is_other = is_at(counters.memory) || is_at(counters.memory_swap);
    limit_of(counters.kmem).filter(|_| is_at(counters.kmem) && !is_other)
}

/// The limit that was hit: of memory, or of memory and swap.
fn hit(event: &Event) -> Option<(&'static str, Bytes)> {
    let counters = &event.counters;
    let is_full =
        |counter: &Counter| counter.usage.zip(limit_of(Some(*counter))).is_some_and(|(usage, limit)| usage >= limit);
    let both = counters.memory_swap.filter(is_full).and_then(|both| limit_of(Some(both)));
    let memory = limit_of(counters.memory);
    match both {
        Some(both) => Some(("memory and swap", both)),
        None => memory.map(|limit| ("memory", limit)),
    }
}

fn limit_of(counter: Option<Counter>) -> Option<Bytes> {
    counter?.limited_to().filter(|limit| limit.0 > 0)
}

fn limits(event: &Event) -> Option<Limits> {
    let counters = &event.counters;
    let mib = |bytes: u64| bytes.div_ceil(1 << 20).max(1);
    let memory = limit_of(counters.memory)?.0;
    // Half as much again.
    let more = memory.saturating_add(memory / 2);
    let both = match (counters.memory_swap, counters.swap) {
        (Some(_), _) => limit_of(counters.memory_swap)
            .map_or(Both::Unlimited, |both| Both::Mib(mib(both.0.max(memory).saturating_add(memory / 2)))),
        (None, Some(swap)) => match swap.limit? {
            Limit::None => Both::Unlimited,
            Limit::At(limit) => Both::Mib(mib(more.saturating_add(limit.0))),
        },
        (None, None) => Both::Unknown,
    };
    Some(Limits { memory: mib(more), both })
}

fn command(event: &Event, path: &[u8], limits: &Limits) -> Option<String> {
    let has = |part: &[u8]| path.windows(part.len()).any(|window| window == part);
    let owner = owner(path);
    let memory = limits.memory;
    if owner.pod.is_some() {
        return Some(format!("kubectl set resources deployment NAME --limits=memory={memory}Mi"));
    }
    let engine = match owner.container {
        Some(_) if has(b"libpod") => Some("podman"),
        Some(_) if has(b"docker") => Some("docker"),
        _ => None,
    };
    if let (Some(engine), Some(id)) = (engine, owner.container) {
        let id = argument(id.get(..12)?)?;
        let swap = match limits.both {
            Both::Unlimited => " --memory-swap -1".into(),
            Both::Mib(both) => format!(" --memory-swap {both}m"),
            Both::Unknown => String::new(),
        };
        return Some(format!("{engine} update --memory {memory}m{swap} {id}"));
    }
    if let Some(unit) = owner.unit.filter(|_| owner.container.is_none() && !is_of_guest(path)) {
        let unit = argument(unit)?;
        let user = if has(b"/user@") { " --user" } else { "" };
        let property = unit_property(event);
        return Some(format!("systemctl{user} set-property {unit} {property}={memory}M"));
    }
    of_files(event, path, limits)
}

/// Whether it is of a system container, whose units are those of its own systemd: the host has others of the same names.
pub(in crate::oomlog::analysis) fn is_of_guest(path: &[u8]) -> bool {
    let mut parts = path.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        let is_machine = matches!(part, b"lxc" | b"payload")
            || part.starts_with(b"lxc.payload")
            || part.starts_with(b"systemd-nspawn@");
        if is_machine && parts.peek().is_some() {
            return true;
        }
    }
    false
}

/// The cgroup's own files: v1 refuses a limit above that of memory and swap.
fn of_files(event: &Event, path: &[u8], limits: &Limits) -> Option<String> {
    let memory = limits.memory;
    let file = |place: &[u8], name: &[u8]| shell::cgroup_file(place, path, name);
    if event.counters.version != Some(Version::V1) {
        return file(b"/sys/fs/cgroup", b"memory.max").map(|file| format!("echo {memory}M >{file}"));
    }
    let place = b"/sys/fs/cgroup/memory";
    let only = file(place, b"memory.limit_in_bytes").map(|file| format!("echo {memory}M >{file}"))?;
    Some(match limits.both {
        Both::Mib(both) => {
            let swap = file(place, b"memory.memsw.limit_in_bytes")?;
            format!("echo {both}M >{swap}; {only}")
        }
        _ => only,
    })
}

/// systemd knows MemoryMax since version 231, of 2016; kernels before 4.5 are older than that. One that is not known is not.
pub(in crate::oomlog::analysis) fn unit_property(event: &Event) -> &'static str {
    match event.kernel() {
        Some(kernel) if kernel < Linux::new(4, 5) => "MemoryLimit",
        _ => "MemoryMax",
    }
}

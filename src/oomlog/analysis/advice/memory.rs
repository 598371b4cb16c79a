//! What to change about memory: limits, swap, overcommit, and what no process's RSS shows.

extern crate alloc;

use alloc::format;
use alloc::vec::Vec;

use super::super::{Mb, NO_LIMIT, Who, cgroup_label, freed, in_mb, whole};
use super::{Advice, Grounds, fixed, shell};
use crate::oomlog::analysis::account::{Share, account};
use crate::oomlog::event::Event;
use crate::parse::cgroup::{Version, owner};
use crate::report::escape::Escaped;
use crate::units::{Bytes, Percent};

/// A higher limit, or a smaller program.
pub(super) fn limit(event: &Event) -> Option<Advice> {
    let path = event.memcg.as_deref()?;
    let limit = event
        .counters
        .memory?
        .limit
        .filter(|limit| limit.0 < NO_LIMIT)?;
    // Half as much again, in whole MiB.
    let more = (limit.0 / 2)
        .saturating_add(limit.0)
        .div_ceil(1 << 20)
        .max(1);
    let owner = owner(path);
    let command = if let Some(container) = owner.container.filter(|_| owner.pod.is_none()) {
        shell(container.get(..12)?)
            .map(|id| format!("docker update --memory {more}m --memory-swap {more}m {id}"))
    } else if owner.pod.is_some() {
        Some(format!(
            "kubectl set resources deployment NAME --limits=memory={more}Mi"
        ))
    } else if let Some(unit) = owner.unit {
        shell(unit).map(|unit| format!("systemctl set-property {unit} MemoryMax={more}M"))
    } else {
        let (place, file) = match event.counters.version {
            Some(Version::V1) => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => ("/sys/fs/cgroup", "memory.max"),
        };
        let file = [place.as_bytes(), path, b"/", file.as_bytes()].concat();
        shell(&file).map(|file| format!("echo {more}M >{file}"))
    };
    let biggest = event.table.top.first().map(|row| {
        format!(
            "; the largest in it: {}, {}",
            Who::row(row),
            in_mb(event, row.rss)
        )
    });
    Some(Advice {
        words: format!(
            "{} needs more than its {}, or its programs less",
            cgroup_label(path),
            Mb(limit)
        ),
        command,
        evidence: format!(
            "it was at its limit of {} kB{}",
            limit.kib(),
            biggest.unwrap_or_default()
        ),
    })
}

pub(super) fn swap(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let (Some(total), free) = (event.machine.swap_total, event.machine.swap_free) else {
        return;
    };
    if total.0 == 0 {
        let command = "fallocate -l 4G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile";
        all.push((
            Grounds::NoSwap,
            fixed(
                "add swap, or zram, so that cold memory can leave RAM",
                command,
                "Total swap = 0kB".into(),
            ),
        ));
    } else if let Some(free) = free
        && Percent::of(free, total).is_some_and(|percent| percent.hundredths < 500)
    {
        all.push((
            Grounds::SwapFull,
            fixed(
                "swap is full: find who fills it before adding more",
                "grep VmSwap /proc/[0-9]*/status | sort -nk2 | tail",
                format!("{} of {} were free", Mb(free), Mb(total)),
            ),
        ));
    }
}

pub(super) fn overcommit(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let (Some(victim), Some(whole)) = (&event.victim, whole(event)) else {
        return;
    };
    let swap = event.machine.swap_total.unwrap_or_default();
    let (Some(reserved), all_there_is) = (victim.total_vm, whole.bytes.plus(swap)) else {
        return;
    };
    // Address space is cheap: only where it is mostly used does a limit on it help.
    let used = freed(victim).unwrap_or_default();
    if reserved > all_there_is && used.0 > reserved.0 / 2 {
        all.push((
            Grounds::Overcommit,
            fixed(
                "let malloc fail instead: strict overcommit",
                "sysctl vm.overcommit_memory=2 vm.overcommit_ratio=90",
                format!(
                    "{} had {} of address space, more than RAM and swap: {}",
                    Who::task(&victim.task),
                    Mb(reserved),
                    Mb(all_there_is)
                ),
            ),
        ));
    }
}

/// Parts of the memory that no process's RSS shows, when they are a quarter of all.
pub(super) fn parts(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let Some(whole) = whole(event) else {
        return;
    };
    let shares = account(event);
    let large = |is_of: &dyn Fn(&str) -> bool| {
        let of_kind = shares.iter().filter(|share: &&Share| is_of(share.what));
        let sum = of_kind.fold(Bytes(0), |sum, share| sum.plus(share.bytes));
        let percent = Percent::of(sum, whole.bytes)?;
        (percent.hundredths >= 2500).then(|| {
            format!(
                "{}, {} % of {}",
                Mb(sum),
                percent.hundredths / 100,
                whole.what
            )
        })
    };
    for (grounds, what, words, command) in [
        (
            Grounds::SharedMemory,
            "shared memory",
            "empty or limit tmpfs and shared memory: only deleting frees them",
            "df -h -t tmpfs; ipcs -m; ls -l /dev/shm",
        ),
        (
            Grounds::KernelMemory,
            "slab, unreclaimable",
            "the kernel itself holds much: look which slab grows",
            "slabtop -o -s c | head -20",
        ),
        (
            Grounds::HugePages,
            "huge pages",
            "reserve fewer huge pages: nobody else can use them",
            "grep Huge /proc/meminfo; sysctl vm.nr_hugepages",
        ),
    ] {
        if let Some(evidence) = large(&|name| name.starts_with(what)) {
            let largest = event
                .machine
                .slabs
                .first()
                .filter(|_| grounds == Grounds::KernelMemory);
            let slab = largest
                .map(|slab| format!("; the largest: {}, {}", Escaped(&slab.name), Mb(slab.size)));
            all.push((
                grounds,
                fixed(
                    words,
                    command,
                    evidence + slab.as_deref().unwrap_or_default(),
                ),
            ));
        }
    }
}

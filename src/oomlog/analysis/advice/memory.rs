//! What to change about memory: swap, overcommit, and what no process's RSS shows.

use super::super::{Mib, Who, freed, whole};
use super::{Advice, Grounds, fixed};
use crate::oomlog::analysis::account::{ANON, HUGE, SHARED, Share, UNRECLAIMABLE, account};
use crate::oomlog::analysis::shortage::is_of_victim;
use crate::oomlog::event::{Constraint, Event};
use crate::report::escape::Escaped;
use crate::units::Percent;

pub(super) fn swap(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let (Some(total), free) = (event.machine.swap_total, event.machine.swap_free) else {
        return;
    };
    if total.0 == 0 {
        // Only anonymous memory can be swapped.
        let shares = account(event);
        let of_anon = shares.iter().find(|share| share.what == ANON);
        let anon = of_anon.map(|share| share.bytes).unwrap_or_default();
        let share = whole(event).and_then(|whole| Percent::of(anon, whole.bytes));
        if !shares.is_empty() && share.is_some_and(|share| share.hundredths < 2500) {
            return;
        }
        let command = "fallocate -l 4G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile";
        let words = "add swap, or zram, so that cold memory can leave RAM";
        fixed(all, Grounds::NoSwap, words, command, &"Total swap = 0kB");
    } else if let Some(free) = free
        && Percent::of(free, total).is_some_and(|percent| percent.hundredths < 500)
    {
        fixed(
            all,
            Grounds::SwapFull,
            "swap is full: find who fills it before adding more",
            "grep VmSwap /proc/[0-9]*/status | sort -nk2 | tail",
            &format_args!("{} of {} were free", Mib(free), Mib(total)),
        );
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
    let is_used = freed(victim).is_some_and(|freed| freed.bytes.0 > reserved.0 / 2);
    if reserved > all_there_is && is_used {
        fixed(
            all,
            Grounds::Overcommit,
            "let malloc fail instead: strict overcommit",
            "sysctl vm.overcommit_memory=2 vm.overcommit_ratio=90",
            &format_args!(
                "{} had {} of address space, more than RAM and swap: {}",
                Who::task(&victim.task),
                Mib(reserved),
                Mib(all_there_is)
            ),
        );
    }
}

/// Parts of the memory that no process's RSS shows, when they are a quarter of all.
pub(super) fn parts(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let Some(whole) = whole(event) else {
        return;
    };
    let shares = account(event);
    let large = |what: &str| {
        let share = shares.iter().find(|share: &&Share| share.what == what)?;
        if what == SHARED && is_of_victim(event, share.bytes) {
            return None;
        }
        let percent = Percent::of(share.bytes, whole.bytes)?;
        (percent.hundredths >= 2500)
            .then(|| format!("{}, {} % of {}", Mib(share.bytes), percent.hundredths / 100, whole.what))
    };
    for (grounds, what, words, command) in parts_of(event) {
        if let Some(evidence) = large(what) {
            let largest = event.machine.slabs.first().filter(|_| grounds == Grounds::KernelMemory);
            let slab = largest.map(|slab| format!("; the largest: {}, {}", Escaped(&slab.name), Mib(slab.size)));
            let slab = slab.as_deref().unwrap_or_default();
            fixed(all, grounds, words, command, &(evidence + slab));
        }
    }
}

/// What is looked at, and what to do about it.
fn parts_of(event: &Event) -> [(Grounds, &'static str, &'static str, &'static str); 3] {
    let is_cgroup = event.constraint == Constraint::Memcg;
    [
        (
            Grounds::SharedMemory,
            SHARED,
            "empty or limit tmpfs and shared memory: only deleting frees them",
            if is_cgroup {
                "df -h -t tmpfs; ls -l /dev/shm   # inside of its container"
            } else {
                "df -h -t tmpfs; ipcs -m; ls -l /dev/shm"
            },
        ),
        (
            Grounds::KernelMemory,
            UNRECLAIMABLE,
            "the kernel itself holds much: look which slab grows",
            "slabtop -o -s c | head -20",
        ),
        (
            Grounds::HugePages,
            HUGE,
            "reserve fewer huge pages: nobody else can use them",
            "grep Huge /proc/meminfo; sysctl vm.nr_hugepages",
        ),
    ]
}

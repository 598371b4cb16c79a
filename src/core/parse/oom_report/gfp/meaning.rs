//! What an allocation is for: as far as its flags tell, which is not far.

/// What is known of an allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meaning {
    /// What it is for.
    pub purpose: For,
    /// The highest zone that it may come from: gfp_zone().
    pub zone: Zone,
    /// What it may wait for.
    pub waits: Waits,
    /// Who pays.
    pub charge: Charge,
    /// Where it may come from.
    pub nodes: Nodes,
    /// Whether it may fail.
    pub failure: Failure,
}

/// What memory is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum For {
    /// A process, which gets it zeroed: its heap, its stack.
    UserPage,
    /// The cache of files: __GFP_COLD of read-ahead (until 4.14), __GFP_WRITE, or what a file system must not be asked for.
    PageCache,
    /// One of these two; a copy on write and a read of a file have the same flags.
    UserOrCache,
    /// GFP_USER: a process, and the kernel or a device as well.
    Shared,
    /// The kernel's own.
    Kernel,
    /// A page or an object that was charged to a cgroup: [`Meaning::charged`].
    Charged,
    /// A page fault that failed; the OOM killer is called behind it, and its flags are lost.
    Fault,
    /// The flags do not tell.
    Unknown,
}

/// The zones of memory, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Zone {
    /// Of the oldest devices: 16 MiB of x86.
    Dma,
    /// Of devices with 32 address bits.
    Dma32,
    /// What the kernel has an address for.
    Normal,
    /// Above it, on machines of 32 bits.
    HighMem,
    /// What can be moved elsewhere.
    Movable,
}

/// What an allocation may wait for, to get memory back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waits {
    /// Anything.
    Freely,
    /// Not for a file system, which may be who asks: GFP_NOFS.
    NotForFiles,
    /// Not for a disk either: GFP_NOIO.
    NotForDisk,
    /// Nothing.
    Never,
}

/// Who pays for kernel memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charge {
    /// The cgroup: __GFP_ACCOUNT of Linux 4.5, __GFP_KMEMCG of 3.8 to 3.15.
    Cgroup,
    /// The flags do not say.
    NotSaid,
}

/// Which nodes may give memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nodes {
    /// Those that the process may use.
    Any,
    /// One: __GFP_THISNODE.
    One,
}

/// Whether an allocation may fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Its caller knows what to do then.
    Possible,
    /// It is tried for ever: __GFP_NOFAIL.
    Never,
}

/// What a name says about the meaning, one bit each.
type Traits = u16;

const DMA: Traits = 1;
const DMA32: Traits = 1 << 1;
const HIGHMEM: Traits = 1 << 2;
const MOVABLE: Traits = 1 << 3;
const RECLAIM: Traits = 1 << 4;
const IO: Traits = 1 << 5;
const FS: Traits = 1 << 6;
const HARDWALL: Traits = 1 << 7;
const CACHE: Traits = 1 << 8;
const ZERO: Traits = 1 << 9;
const ACCOUNT: Traits = 1 << 10;
const THISNODE: Traits = 1 << 11;
const NOFAIL: Traits = 1 << 12;

const KERNEL: Traits = RECLAIM | IO | FS;
const HIGHUSER: Traits = KERNEL | HARDWALL | HIGHMEM;

/// Of include/linux/gfp.h, 2.6.9 to 6.18. Names that say nothing about the meaning are left out, but for those of a mask alone.
#[rustfmt::skip]
static TRAITS: &[(&str, Traits)] = &[
    ("GFP_TRANSHUGE", HIGHUSER | MOVABLE),
    ("GFP_TRANSHUGE_LIGHT", HIGHUSER & !RECLAIM | MOVABLE),
    ("GFP_HIGHUSER_MOVABLE", HIGHUSER | MOVABLE),
    ("GFP_HIGHUSER", HIGHUSER),
    ("GFP_USER", KERNEL | HARDWALL),
    ("GFP_TEMPORARY", KERNEL),
    ("GFP_KERNEL_ACCOUNT", KERNEL | ACCOUNT),
    ("GFP_KERNEL", KERNEL),
    ("GFP_NOFS", RECLAIM | IO),
    ("GFP_NOIO", RECLAIM),
    ("GFP_ATOMIC", 0),
    ("GFP_NOWAIT", 0),
    ("GFP_DMA", DMA),
    ("GFP_DMA32", DMA32),
    ("__GFP_DMA", DMA),
    ("__GFP_DMA32", DMA32),
    ("__GFP_HIGHMEM", HIGHMEM),
    ("__GFP_MOVABLE", MOVABLE),
    ("__GFP_WAIT", RECLAIM),
    ("__GFP_RECLAIM", RECLAIM),
    ("__GFP_DIRECT_RECLAIM", RECLAIM),
    ("__GFP_IO", IO),
    ("__GFP_FS", FS),
    ("__GFP_HARDWALL", HARDWALL),
    ("__GFP_COLD", CACHE),
    ("__GFP_WRITE", CACHE),
    ("__GFP_ZERO", ZERO),
    ("__GFP_ACCOUNT", ACCOUNT),
    ("__GFP_KMEMCG", ACCOUNT),
    ("__GFP_THISNODE", THISNODE),
    ("__GFP_NOFAIL", NOFAIL),
];

impl Meaning {
    /// Of the names that Linux 4.6 and later print: `GFP_HIGHUSER_MOVABLE|__GFP_COMP`, nothing or `none` where the mask is 0.
    #[must_use]
    pub fn of_names(names: &[u8]) -> Meaning {
        let names = names.split(|byte| *byte == b'|').map(<[u8]>::trim_ascii);
        Self::of_each(names.filter(|name| !matches!(*name, b"" | b"none")))
    }

    pub(super) fn of(names: impl Iterator<Item = &'static str>) -> Meaning {
        Self::of_each(names.map(str::as_bytes))
    }

    fn of_each<'n>(names: impl Iterator<Item = &'n [u8]>) -> Meaning {
        let mut purpose = For::Fault;
        let mut all: Traits = 0;
        for name in names {
            let known = TRAITS.iter().find(|(known, _)| known.as_bytes() == name);
            all |= known.map_or(0, |(_, traits)| *traits);
            purpose = match (purpose, known) {
                (_, Some(_)) => For::Kernel,
                (For::Fault, None) => For::Unknown,
                (_, None) => purpose,
            };
        }
        if purpose == For::Kernel {
            purpose = purpose_of(all);
        }
        Self::of_traits(all, purpose)
    }

    fn of_traits(all: Traits, purpose: For) -> Meaning {
        let has = |traits| all & traits == traits;
        Meaning {
            purpose,
            zone: zone_of(all),
            waits: match () {
                () if has(KERNEL) => Waits::Freely,
                () if has(RECLAIM | IO) => Waits::NotForFiles,
                () if has(RECLAIM) => Waits::NotForDisk,
                () => Waits::Never,
            },
            charge: if has(ACCOUNT) { Charge::Cgroup } else { Charge::NotSaid },
            nodes: if has(THISNODE) { Nodes::One } else { Nodes::Any },
            failure: if has(NOFAIL) { Failure::Never } else { Failure::Possible },
        }
    }

    /// The same when the limit of a memory cgroup was hit: whatever is charged, a page of a process too, is charged with GFP_KERNEL.
    ///
    /// mem_cgroup_charge() of Linux 2.6.25 on; of a file's page only what concerns waiting was left, so that 0x50 may be one.
    #[must_use]
    pub fn charged(self) -> Meaning {
        let purpose = match self.purpose {
            For::Kernel if self.charge == Charge::NotSaid => For::Charged,
            purpose => purpose,
        };
        Meaning { purpose, ..self }
    }

    /// The same where the kernel's own can not be told from a process's.
    pub(super) fn doubted(self) -> Meaning {
        let purpose = match self.purpose {
            For::Kernel => For::Unknown,
            purpose => purpose,
        };
        Meaning { purpose, ..self }
    }
}

/// A process's memory obeys its cpuset: __GFP_HARDWALL. With __GFP_HIGHMEM alone it is the kernel's, as of vmalloc().
fn purpose_of(all: Traits) -> For {
    let has = |traits| all & traits == traits;
    let of_user = has(HARDWALL);
    if has(CACHE) && (of_user || has(HIGHMEM)) || of_user && !has(FS) {
        return For::PageCache;
    }
    match (of_user, has(HIGHMEM)) {
        (true, true) if has(ZERO) => For::UserPage,
        (true, true) => For::UserOrCache,
        (true, false) => For::Shared,
        (false, _) => For::Kernel,
    }
}

fn zone_of(all: Traits) -> Zone {
    let has = |traits| all & traits == traits;
    match () {
        () if has(DMA) => Zone::Dma,
        () if has(DMA32) => Zone::Dma32,
        () if has(HIGHMEM | MOVABLE) => Zone::Movable,
        () if has(HIGHMEM) => Zone::HighMem,
        () => Zone::Normal,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::names;
    use super::*;
    use std::string::{String, ToString};

    fn of_mask(mask: u64, release: Option<&[u8]>) -> String {
        names(mask, release).expect("known").meaning().to_string()
    }

    #[test]
    fn printed_names_mean_the_same_in_every_kernel() {
        for (names, expected) in [
            (&b"GFP_HIGHUSER_MOVABLE|__GFP_ZERO"[..], "a page for a process's own memory"),
            (b"GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO", "a page for a process's own memory"),
            (b"GFP_HIGHUSER_MOVABLE|__GFP_COMP", "a page for a process or for the file cache"),
            (b"GFP_HIGHUSER_MOVABLE|__GFP_COLD", "a page of file cache"),
            (b"GFP_HIGHUSER_MOVABLE|__GFP_WRITE", "a page of file cache"),
            (
                b"GFP_NOFS|__GFP_HIGHMEM|__GFP_HARDWALL|__GFP_MOVABLE",
                "a page of file cache, without waiting for file systems",
            ),
            (b"GFP_USER|__GFP_NOWARN", "memory for a process that the kernel uses too"),
            (b"GFP_KERNEL", "memory for the kernel itself"),
            (b"GFP_KERNEL|__GFP_ACCOUNT", "memory for the kernel itself, charged to its cgroup"),
            (b"GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_NOTRACK", "memory for the kernel itself, charged to its cgroup"),
            (b"GFP_KERNEL|__GFP_HIGHMEM|__GFP_ZERO", "memory for the kernel itself"),
            (b"GFP_KERNEL|GFP_DMA", "memory for the kernel itself, from zone DMA"),
            (b"GFP_KERNEL|GFP_DMA32", "memory for the kernel itself, from zone DMA32"),
            (
                b"GFP_NOFS|__GFP_NOFAIL|__GFP_ACCOUNT",
                "memory for the kernel itself, and may not fail, charged to its cgroup",
            ),
            (b"GFP_NOIO", "memory for the kernel itself, without waiting for disk I/O"),
            (b"GFP_KERNEL|__GFP_THISNODE", "memory for the kernel itself, from one node"),
            (b"GFP_ATOMIC", "memory for the kernel itself, without waiting"),
            (b"", "a page fault that got no memory; for what is not said"),
            (b"none", "a page fault that got no memory; for what is not said"),
            (b"0x40", "the flags do not tell for what, without waiting"),
            (b"GFP_KERNEL|", "memory for the kernel itself"),
            (b"GFP_KERNEL|__GFP_NEW|0x8000000", "memory for the kernel itself"),
        ] {
            assert_eq!(Meaning::of_names(names).to_string(), expected, "{}", names.escape_ascii());
        }
    }

    #[test]
    fn masks_mean_what_their_names_do() {
        for (mask, release, expected) in [
            (0x201da, Some(&b"3.10.0-957.el7.x86_64"[..]), "a page of file cache"),
            (0x280da, None, "a page for a process's own memory"),
            (0x24200ca, None, "a page for a process or for the file cache"),
            (0x1d2, Some(b"2.6.9-89.EL"), "a page of file cache"),
            (0x1d2, None, "a page of file cache"),
            (0xd2, Some(b"2.6.9-89.EL"), "a page for a process or for the file cache"),
            (0xd2, Some(b"3.2.0"), "memory for the kernel itself"),
            (0xd2, None, "the flags do not tell for what"),
            (0x2084d0, None, "memory for the kernel itself"),
            (0x27080c0, Some(b"4.5.0"), "memory for the kernel itself, charged to its cgroup"),
            (0x20858, Some(b"3.16.0"), "a page of file cache, and may not fail"),
            (0, None, "a page fault that got no memory; for what is not said"),
        ] {
            assert_eq!(of_mask(mask, release), expected, "{mask:#x}");
        }
    }

    #[test]
    fn a_charge_says_nothing_of_what_is_charged() {
        for (names, expected) in [
            (&b"GFP_KERNEL"[..], For::Charged),
            (b"GFP_NOFS", For::Charged),
            (b"GFP_KERNEL_ACCOUNT", For::Kernel),
            (b"GFP_HIGHUSER_MOVABLE|__GFP_ZERO", For::UserPage),
            (b"", For::Fault),
        ] {
            assert_eq!(Meaning::of_names(names).charged().purpose, expected);
        }
    }

    #[test]
    fn a_zone_is_that_of_gfp_zone() {
        for (names, zone) in [
            (&b"GFP_KERNEL"[..], Zone::Normal),
            (b"GFP_HIGHUSER_MOVABLE", Zone::Movable),
            (b"GFP_HIGHUSER", Zone::HighMem),
            (b"GFP_USER|__GFP_MOVABLE", Zone::Normal),
            (b"GFP_KERNEL|GFP_DMA", Zone::Dma),
            (b"GFP_KERNEL|__GFP_DMA32", Zone::Dma32),
        ] {
            assert_eq!(Meaning::of_names(names).zone, zone);
        }
    }
}

//! What each bit of a gfp_mask was called, and when: include/linux/gfp.h of Linux 2.6.9 to 4.9.
//!
//! Read in these trees: 2.6.9 (RHEL 4), 2.6.12, 2.6.14, 2.6.18 (RHEL 5), 2.6.20, 2.6.22, 2.6.24, 2.6.32 (RHEL 6 under OpenVZ 6), 3.0,
//! 3.3 to 3.5, 3.7, 3.10 (RHEL 7 under Virtuozzo 7), 3.13, 3.18, 4.2, 4.4. What changed between two of them is dated by the patch that
//! did it, and 4.5 by the patch alone; the names that 4.6 to 4.9 print agree. Where that left a doubt there is a gap, and the bit has
//! no name: __GFP_NO_GROW in 2.6.21, __GFP_MEMALLOC in 3.6. Flags of vendors are not here: CMA of Android, swap over NFS of SLES 11.

/// Of a kernel. From 3.0 on the last number is 0: it counts the updates, and those leave the bits where they are.
///
/// In bytes, as the bits are in 32: with u64 the table took 1.4 kB more, and it is relocated, so that each process has its own.
pub(super) type Version = (u8, u8, u8);

/// The first that prints an OOM report.
pub(super) const FIRST: Version = (2, 6, 9);
/// The first that prints the names itself.
pub(super) const NAMED: Version = (4, 6, 0);
/// The first whose bits are not known here: OTHER_NODE went, and those above it moved down.
pub(super) const END: Version = (4, 10, 0);

/// A name that a bit had.
struct Flag {
    bit: u32,
    name: &'static str,
    from: Version,
    until: Version,
}

const fn flag(bit: u32, name: &'static str, from: Version, until: Version) -> Flag {
    Flag { bit, name, from, until }
}

/// In the order of the bits. CONFIG_KMEMCHECK decided whether NOTRACK had its bit or none, up to 3.5.
#[rustfmt::skip]
static FLAGS: &[Flag] = &[
    flag(0x1, "GFP_DMA", FIRST, END),
    flag(0x2, "__GFP_HIGHMEM", FIRST, END),
    flag(0x4, "GFP_DMA32", (2, 6, 15), END),
    flag(0x8, "__GFP_MOVABLE", (2, 6, 31), END),
    flag(0x10, "__GFP_WAIT", FIRST, (4, 4, 0)),
    flag(0x10, "__GFP_RECLAIMABLE", (4, 4, 0), END),
    flag(0x20, "__GFP_HIGH", FIRST, END),
    flag(0x40, "__GFP_IO", FIRST, END),
    flag(0x80, "__GFP_FS", FIRST, END),
    flag(0x100, "__GFP_COLD", FIRST, END),
    flag(0x200, "__GFP_NOWARN", FIRST, END),
    flag(0x400, "__GFP_REPEAT", FIRST, END),
    flag(0x800, "__GFP_NOFAIL", FIRST, END),
    flag(0x1000, "__GFP_NORETRY", FIRST, END),
    flag(0x2000, "__GFP_NO_GROW", FIRST, (2, 6, 21)),
    flag(0x2000, "__GFP_MEMALLOC", (3, 7, 0), END),
    flag(0x4000, "__GFP_COMP", FIRST, END),
    flag(0x8000, "__GFP_ZERO", (2, 6, 11), END),
    flag(0x1_0000, "__GFP_NOMEMALLOC", (2, 6, 12), END),
    flag(0x2_0000, "__GFP_NORECLAIM", (2, 6, 13), (2, 6, 15)),
    flag(0x2_0000, "__GFP_HARDWALL", (2, 6, 15), END),
    flag(0x4_0000, "__GFP_HARDWALL", (2, 6, 14), (2, 6, 15)),
    flag(0x4_0000, "__GFP_THISNODE", (2, 6, 19), END),
    flag(0x8_0000, "__GFP_MOVABLE", (2, 6, 23), (2, 6, 24)),
    flag(0x8_0000, "__GFP_RECLAIMABLE", (2, 6, 24), (4, 4, 0)),
    flag(0x8_0000, "__GFP_ATOMIC", (4, 4, 0), END),
    flag(0x10_0000, "__GFP_MOVABLE", (2, 6, 24), (2, 6, 31)),
    flag(0x10_0000, "__GFP_KMEMCG", (3, 8, 0), (3, 16, 0)),
    flag(0x10_0000, "__GFP_NOACCOUNT", (4, 1, 0), (4, 5, 0)),
    flag(0x10_0000, "__GFP_ACCOUNT", (4, 5, 0), END),
    flag(0x20_0000, "__GFP_NOTRACK", (2, 6, 31), END),
    flag(0x40_0000, "__GFP_NO_KSWAPD", (2, 6, 38), (4, 4, 0)),
    flag(0x40_0000, "__GFP_DIRECT_RECLAIM", (4, 4, 0), END),
    flag(0x80_0000, "__GFP_OTHER_NODE", (2, 6, 39), END),
    flag(0x100_0000, "__GFP_WRITE", (3, 3, 0), END),
    flag(0x200_0000, "__GFP_KSWAPD_RECLAIM", (4, 4, 0), END),
];

/// A name for several flags.
pub(super) struct Composite {
    /// It.
    pub(super) name: &'static str,
    /// With `|` between them.
    flags: &'static str,
    until: Version,
}

const fn composite(name: &'static str, flags: &'static str) -> Composite {
    Composite { name, flags, until: END }
}

/// Largest first, as in include/trace/events/gfpflags.h, and without GFP_TRANSHUGE: it asks for no OOM killer.
///
/// Of old kernels GFP_ATOMIC is left out too: it was __GFP_HIGH alone, and with __GFP_WAIT, which an OOM report has, the opposite of its name.
pub(super) static COMPOSITES: &[Composite] = &[
    composite("GFP_HIGHUSER_MOVABLE", "__GFP_RECLAIM|__GFP_IO|__GFP_FS|__GFP_HARDWALL|__GFP_HIGHMEM|__GFP_MOVABLE"),
    composite("GFP_HIGHUSER", "__GFP_RECLAIM|__GFP_IO|__GFP_FS|__GFP_HARDWALL|__GFP_HIGHMEM"),
    Composite { name: "GFP_HIGHUSER", flags: "__GFP_RECLAIM|__GFP_IO|__GFP_FS|__GFP_HIGHMEM", until: (2, 6, 14) },
    composite("GFP_USER", "__GFP_RECLAIM|__GFP_IO|__GFP_FS|__GFP_HARDWALL"),
    composite("GFP_TEMPORARY", "__GFP_RECLAIM|__GFP_IO|__GFP_FS|__GFP_RECLAIMABLE"),
    composite("GFP_KERNEL_ACCOUNT", "__GFP_RECLAIM|__GFP_IO|__GFP_FS|__GFP_ACCOUNT"),
    composite("GFP_KERNEL", "__GFP_RECLAIM|__GFP_IO|__GFP_FS"),
    composite("GFP_NOFS", "__GFP_RECLAIM|__GFP_IO"),
    composite("GFP_ATOMIC", "__GFP_HIGH|__GFP_ATOMIC|__GFP_KSWAPD_RECLAIM"),
    composite("GFP_NOIO", "__GFP_RECLAIM"),
    composite("GFP_NOWAIT", "__GFP_KSWAPD_RECLAIM"),
];

/// Both of Linux 4.4; before, __GFP_WAIT was what they are.
const RECLAIM: &str = "__GFP_RECLAIM";

impl Composite {
    /// Its bits; `None` where a flag of it was none yet.
    pub(super) fn mask(&self, version: Version) -> Option<u64> {
        if version >= self.until {
            return None;
        }
        self.flags.split('|').try_fold(0, |mask, name| Some(mask | named(name, version)?))
    }
}

fn named(name: &str, version: Version) -> Option<u64> {
    if name == RECLAIM {
        return reclaim(version);
    }
    FLAGS.iter().find(|flag| flag.name == name && flag.is_of(version)).map(|flag| u64::from(flag.bit))
}

/// The bits of an allocation that may wait for memory: without them the OOM killer is not called.
pub(super) fn reclaim(version: Version) -> Option<u64> {
    named("__GFP_WAIT", version)
        .or_else(|| Some(named("__GFP_DIRECT_RECLAIM", version)? | named("__GFP_KSWAPD_RECLAIM", version)?))
}

impl Flag {
    fn is_of(&self, version: Version) -> bool {
        (self.from..self.until).contains(&version)
    }
}

/// The flags that a kernel knew: bit and name.
pub(super) fn flags(version: Version) -> impl Iterator<Item = (u64, &'static str)> {
    FLAGS.iter().filter(move |flag| flag.is_of(version)).map(|flag| (u64::from(flag.bit), flag.name))
}

/// Every version that begins to call a bit something else, some of them more than once, but none that prints names.
pub(super) fn generations() -> impl Iterator<Item = Version> {
    FLAGS.iter().flat_map(|flag| [flag.from, flag.until]).filter(|version| *version < NAMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kernel_has_two_names_for_a_bit_nor_two_bits_for_a_name() {
        for version in generations() {
            for (bit, name) in flags(version) {
                assert!(bit.is_power_of_two());
                assert_eq!(
                    flags(version).filter(|(other_bit, other)| *other_bit == bit || *other == name).count(),
                    1,
                    "{name} of {version:?}"
                );
            }
        }
    }

    #[test]
    fn every_flag_of_a_composite_is_one_of_some_kernel() {
        for composite in COMPOSITES {
            assert!(generations().any(|version| composite.mask(version).is_some()), "{}", composite.name);
        }
    }
}

//! The gfp_mask of a report in words. Linux 4.6 prints the names of its flags; before, there are only bits, which moved many times.

mod meaning;
mod table;
mod words;

pub use meaning::{Charge, Failure, For, Meaning, Nodes, Waits, Zone};

use super::scan::{find, leading};
use core::fmt;
use table::Version;

/// The names of the flags of a mask, as the kernel would write them: `GFP_KERNEL|__GFP_ZERO`, bits without a name as `0x2000` at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Names {
    mask: u64,
    /// Whose names they are.
    version: Version,
    source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// The release was known.
    Release,
    /// All that could have printed the mask agree.
    Agreement,
}

/// Decodes a mask for the kernel that printed it: `release` is `2.6.32-431.el6.x86_64`, or `None` when the log does not say.
///
/// `None` when the kernel is not one of 2.6.9 to 4.9, whose bits are known; without a release, when the kernels before 4.6 that
/// could have printed the mask do not agree about each of its bits.
#[must_use]
pub fn names(mask: u64, release: Option<&[u8]>) -> Option<Names> {
    match release {
        Some(release) => Some(Names { mask, version: version(release)?, source: Source::Release }),
        None => agreed(mask),
    }
}

/// The kernel whose bits a release has: its own number, or that of the later kernel from which its vendor took them.
fn version(release: &[u8]) -> Option<Version> {
    let (major, rest) = leading(release)?;
    let (minor, rest) = leading(rest.strip_prefix(b".")?)?;
    let patch = rest.strip_prefix(b".").and_then(leading);
    let patch = patch.map_or(0, |(patch, _)| patch);
    let has = |word: &[u8]| find(release, word).is_some();
    let version = match (major, minor, patch) {
        // OpenVZ 6 has flags of its own at 0x100000 (UBC) and 0x800000 (SOFT_UBC, where RHEL 6 has OTHER_NODE).
        (2, 6, 32) if has(b"stab") || has(b"-pve") => (2, 6, 38),
        (2, 6, 32) if has(b".el6") => (2, 6, 39),
        // 0x100000 came and went between the updates of RHEL 7; elrepo's 3.10.107 is Linux 3.10 itself.
        (3, 10, 0) if has(b".el7") || has(b".vz7") => (3, 7, 0),
        (0..3, ..) => (major, minor, patch),
        _ => (major, minor, 0),
    };
    // No kernel that is told from another has a number that large.
    let byte = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    let version = (byte(version.0), byte(version.1), byte(version.2));
    (table::FIRST..table::END).contains(&version).then_some(version)
}

/// The names that every kernel gives the bits that could have printed them.
fn agreed(mask: u64) -> Option<Names> {
    let mut candidates = table::generations().filter(|version| could_print(mask, *version));
    let first = candidates.next()?;
    let latest =
        candidates.try_fold(first, |latest, version| is_same(mask, latest, version).then(|| latest.max(version)))?;
    Some(Names { mask, version: latest, source: Source::Agreement })
}

/// Whether a kernel that prints bare masks could have called the OOM killer with this one.
///
/// A mask with its names cut off may be of 4.6 or later, so what those print and these can not is sorted out here.
fn could_print(mask: u64, version: Version) -> bool {
    // From 2.6.29 on a page fault that failed calls the OOM killer by itself, and says 0: pagefault_out_of_memory().
    if mask == 0 {
        return true;
    }
    let known = table::flags(version).fold(0, |known, (bit, _)| known | bit);
    // __alloc_pages_slowpath() and mem_cgroup_try_charge() give up before the OOM killer when the caller may not wait.
    let waits = table::reclaim(version).is_some_and(|bits| mask & bits == bits);
    // NO_KSWAPD comes with NORETRY (huge pages, MTD), which asks for no OOM killer; REPEAT excludes NOFAIL. 5.x has bits of RECLAIM there.
    let is_of_later = version < (4, 4, 0) && (mask & 0x40_0000 != 0 || mask & 0xc00 == 0xc00);
    mask & !known == 0 && waits && !is_of_later
}

fn is_same(mask: u64, one: Version, other: Version) -> bool {
    let names = |version| table::flags(version).filter(move |(bit, _)| mask & bit != 0);
    names(one).eq(names(other))
}

impl Names {
    /// What the allocation is for, as far as its flags tell.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let meaning = Meaning::of(self.parts());
        // Up to 2.6.13 GFP_HIGHUSER was GFP_KERNEL|__GFP_HIGHMEM, which later is the kernel's own.
        if self.source == Source::Agreement && meaning.zone == Zone::HighMem {
            return meaning.doubted();
        }
        meaning
    }

    fn parts(&self) -> Parts {
        Parts { rest: self.mask, version: self.version }
    }
}

/// The names, and in `rest` the bits that are not named yet.
struct Parts {
    rest: u64,
    version: Version,
}

impl Iterator for Parts {
    type Item = &'static str;

    /// What trace_print_flags_seq() does: the first whose bits are all there takes them away.
    fn next(&mut self) -> Option<&'static str> {
        let composites = table::COMPOSITES.iter().filter_map(|composite| {
            let mask = composite.mask(self.version)?;
            Some((mask, composite.name))
        });
        let (mask, name) = composites.chain(table::flags(self.version)).find(|(mask, _)| self.rest & mask == *mask)?;
        self.rest &= !mask;
        Some(name)
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mask == 0 {
            return f.write_str("none");
        }
        let mut parts = self.parts();
        let mut between = "";
        for name in parts.by_ref() {
            write!(f, "{between}{name}")?;
            between = "|";
        }
        match parts.rest {
            0 => Ok(()),
            rest => write!(f, "{between}{rest:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::{String, ToString};

    fn text(mask: u64, release: Option<&[u8]>) -> Option<String> {
        names(mask, release).map(|names| names.to_string())
    }

    #[test]
    fn masks_of_every_generation_have_the_names_of_their_time() {
        for (mask, release, expected) in [
            (0x1d2, &b"2.6.9-89.EL"[..], "GFP_HIGHUSER|__GFP_COLD"),
            (0xd0, b"2.6.9-89.EL", "GFP_KERNEL"),
            (0xd2, b"2.6.12", "GFP_HIGHUSER"),
            (0x201d2, b"2.6.13", "GFP_HIGHUSER|__GFP_COLD|__GFP_NORECLAIM"),
            (0x401d2, b"2.6.14", "GFP_HIGHUSER|__GFP_COLD"),
            (0x201d2, b"2.6.18-128.el5", "GFP_HIGHUSER|__GFP_COLD"),
            (0x280d2, b"2.6.18-128.el5", "GFP_HIGHUSER|__GFP_ZERO"),
            (0xa01d2, b"2.6.23.17", "GFP_HIGHUSER_MOVABLE|__GFP_COLD"),
            (0x1201d2, b"2.6.26-2-amd64", "GFP_HIGHUSER_MOVABLE|__GFP_COLD"),
            (0x1280d2, b"2.6.30", "GFP_HIGHUSER_MOVABLE|__GFP_ZERO"),
            (0x201da, b"2.6.32-431.el6.x86_64", "GFP_HIGHUSER_MOVABLE|__GFP_COLD"),
            (0x280da, b"2.6.32-431.el6.x86_64", "GFP_HIGHUSER_MOVABLE|__GFP_ZERO"),
            (0x84d0, b"2.6.32-431.el6.x86_64", "GFP_KERNEL|__GFP_REPEAT|__GFP_ZERO"),
            (0x8000d0, b"2.6.32-431.el6.x86_64", "GFP_KERNEL|__GFP_OTHER_NODE"),
            (0x80d0, b"2.6.32-042stab120.6", "GFP_KERNEL|__GFP_ZERO"),
            (0x50, b"3.10.0-957.27.2.el7.x86_64", "GFP_NOFS"),
            (0x201da, b"3.10.0-957.el7.x86_64", "GFP_HIGHUSER_MOVABLE|__GFP_COLD"),
            (0x2084d0, b"3.13.0-24-generic", "GFP_KERNEL|__GFP_REPEAT|__GFP_ZERO|__GFP_NOTRACK"),
            (0x3000d0, b"3.13.0-24-generic", "GFP_KERNEL|__GFP_KMEMCG|__GFP_NOTRACK"),
            (0x20858, b"3.16.0-4-amd64", "GFP_NOFS|__GFP_MOVABLE|__GFP_NOFAIL|__GFP_HARDWALL"),
            (0x10, b"4.1.12", "GFP_NOIO"),
            (0x24200ca, b"4.4.0-59-generic", "GFP_HIGHUSER_MOVABLE"),
            (0x26040c0, b"4.4.0-59-generic", "GFP_KERNEL|__GFP_COMP|__GFP_NOTRACK"),
            (0x26142c0, b"4.4.0-59-generic", "GFP_KERNEL|__GFP_NOWARN|__GFP_COMP|__GFP_NOMEMALLOC|__GFP_NOTRACK"),
            (0x27080c0, b"4.4.0-59-generic", "GFP_KERNEL|__GFP_ZERO|__GFP_NOACCOUNT|__GFP_NOTRACK"),
            (0x27080c0, b"4.5.0", "GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_NOTRACK"),
            (0x24000d0, b"4.4.0", "GFP_TEMPORARY"),
            (0x2080020, b"4.4.0", "GFP_ATOMIC"),
            (0x2000000, b"4.4.0", "GFP_NOWAIT"),
        ] {
            assert_eq!(text(mask, Some(release)).as_deref(), Some(expected), "{mask:#x}");
        }
    }

    #[test]
    fn masks_that_linux_4_6_to_4_9_named_themselves_have_the_same_names_here() {
        for (mask, printed) in [
            (0x24280ca, "GFP_HIGHUSER_MOVABLE|__GFP_ZERO"),
            (0x24201ca, "GFP_HIGHUSER_MOVABLE|__GFP_COLD"),
            (0x24200c8, "GFP_USER|__GFP_MOVABLE"),
            (0x240c2c0, "GFP_KERNEL|__GFP_NOWARN|__GFP_COMP|__GFP_ZERO"),
            (0x26040c0, "GFP_KERNEL|__GFP_COMP|__GFP_NOTRACK"),
            (0x26042c0, "GFP_KERNEL|__GFP_NOWARN|__GFP_COMP|__GFP_NOTRACK"),
            (0x27000c0, "GFP_KERNEL_ACCOUNT|__GFP_NOTRACK"),
            (0x27080c0, "GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_NOTRACK"),
        ] {
            assert_eq!(text(mask, Some(b"4.9.56")).as_deref(), Some(printed));
        }
    }

    #[test]
    fn bits_without_a_name_stay_bits() {
        for (mask, release, expected) in [
            (0x0010_00d0, &b"3.10.0-957.el7.x86_64"[..], "GFP_KERNEL|0x100000"),
            (0x0010_00d0, b"3.18.14", "GFP_KERNEL|0x100000"),
            (0x0090_00d0, b"2.6.32-042stab120.6", "GFP_KERNEL|0x900000"),
            (0x0020_0000_0000, b"4.4.0", "0x2000000000"),
            (u64::MAX << 32 | 0xd0, b"3.2.0", "GFP_KERNEL|0xffffffff00000000"),
            (0x2000, b"2.6.21", "0x2000"),
        ] {
            assert_eq!(text(mask, Some(release)).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_update_of_elrepo_is_no_kernel_of_rhel() {
        assert_eq!(
            text(0x0010_00d0, Some(b"3.10.107-1.el7.elrepo.x86_64")).as_deref(),
            Some("GFP_KERNEL|__GFP_KMEMCG")
        );
    }

    #[test]
    fn without_a_release_only_what_all_agree_about_has_names() {
        for (mask, expected) in [
            (0xd0, Some("GFP_KERNEL")),
            (0x50, Some("GFP_NOFS")),
            (0x201da, Some("GFP_HIGHUSER_MOVABLE|__GFP_COLD")),
            (0x280da, Some("GFP_HIGHUSER_MOVABLE|__GFP_ZERO")),
            (0x1d2, Some("GFP_KERNEL|__GFP_HIGHMEM|__GFP_COLD")),
            (0x2084d0, Some("GFP_KERNEL|__GFP_REPEAT|__GFP_ZERO|__GFP_NOTRACK")),
            (0x24200ca, Some("GFP_HIGHUSER_MOVABLE")),
            (0x26040c0, Some("GFP_KERNEL|__GFP_COMP|__GFP_NOTRACK")),
            (0, Some("none")),
            // NORECLAIM of 2.6.13, HARDWALL since.
            (0x201d2, None),
            // MOVABLE of 2.6.23, RECLAIMABLE since.
            (0x800d0, None),
            (0x1200d2, None),
            // NOACCOUNT of 4.4, ACCOUNT of 4.5.
            (0x27080c0, None),
            (0x20, None),
        ] {
            assert_eq!(text(mask, None).as_deref(), expected, "{mask:#x}");
        }
    }

    #[test]
    fn a_mask_of_a_later_kernel_whose_names_were_cut_off_is_not_taken_for_an_old_one() {
        for mask in [
            0xcc0,
            0xcd0,
            0xc40,
            0x0010_0cca,
            0x0014_0cca,
            0x0014_0dca,
            0x0010_1cca,
            0x0040_0cc0,
            0x0140_00c0,
            0x0140_00d0,
            0x0142_00ca,
            0x0150_00c0,
            0x0060_00c0,
            0x0060_00d0,
            0x0062_00ca,
            0x0070_80c0,
        ] {
            assert_eq!(names(mask, None), None, "{mask:#x}");
        }
    }

    #[test]
    fn kernels_whose_bits_are_not_known_have_no_names() {
        for release in [
            &b"2.4.21-27.EL"[..],
            b"2.6.8",
            b"4.10.0",
            b"4.18.0-147.el8",
            b"6.12.0",
            b"",
            b"x",
            b"4",
            b"4.",
            b".4.4",
            b"99999999999999999999.1",
        ] {
            assert_eq!(names(0xd0, Some(release)), None);
        }
    }

    #[test]
    fn no_mask_makes_it_panic() {
        for release in [None, Some(&b"2.6.32"[..]), Some(b"4.4.0"), Some(b"2.6.9")] {
            for shift in 0..64 {
                for mask in [1 << shift, u64::MAX >> shift, u64::MAX << shift] {
                    if let Some(names) = names(mask, release) {
                        assert!(!names.to_string().is_empty());
                        let _ = names.meaning().to_string();
                    }
                }
            }
        }
    }
}

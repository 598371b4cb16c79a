//! `/proc/slabinfo`: slabinfo(5), version 2.1 and 2.0. Root's only; with SLUB it needs CONFIG_SLUB_DEBUG.
//!
//! `dentry  268 270 192 21 1 : tunables 0 0 0 : slabdata 13 13 0`

use super::{dec, words};
use crate::units::{Bytes, PageSize, Pages};

/// A slab cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cache<'a> {
    /// Its name, which may have blanks in it.
    pub name: &'a [u8],
    /// Objects in use. SLUB counts those that wait in a processor's list as used.
    pub active: u64,
    /// Objects that there is room for.
    pub objects: u64,
    /// The memory of its slabs.
    pub size: Bytes,
}

/// Parses a line; `None` for both headers.
#[must_use]
pub fn line(text: &[u8], page: PageSize) -> Option<Cache<'_>> {
    // From behind, as a name may have colons in it: `slabdata`, `tunables`, and what counts objects.
    let mut parts = text.rsplitn(3, |byte| *byte == b':');
    let mut slabs = words(parts.next()?);
    slabs.next().filter(|word| *word == b"slabdata")?;
    let slabs = dec(slabs.nth(1)?)?;
    let head = parts.nth(1)?;
    // Active and all objects, their size, objects and pages of a slab. What is before them is the name.
    let mut numbers = [0; 5];
    let mut name = head;
    for number in numbers.iter_mut().rev() {
        let line = name.trim_ascii_end();
        let blank = line.iter().rposition(|byte| *byte == b' ')?;
        *number = dec(line.get(blank + 1..)?)?;
        name = line.get(..blank)?;
    }
    let [active, objects, _, _, pages] = numbers;
    Some(Cache { name: name.trim_ascii(), active, objects, size: Pages(slabs.saturating_mul(pages)).bytes(page) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: PageSize = PageSize(4096);

    #[test]
    fn the_memory_of_a_cache_is_that_of_its_slabs() {
        let slub = b"kmalloc-8k           268    272   8192    4    8 : tunables    0    0    0 : slabdata     67     68      0";
        let expected = Cache { name: b"kmalloc-8k", active: 268, objects: 272, size: Bytes(68 * 8 * 4096) };
        assert_eq!(line(slub, PAGE), Some(expected));
        let slab = b"size-64(DMA)  9 226 16 226 1 : tunables  120   60    8 : slabdata 1 2 0";
        assert_eq!(line(slab, PAGE).map(|cache| cache.size), Some(Bytes(8192)));
    }

    #[test]
    fn a_name_may_have_blanks_and_digits() {
        let text = b"my cache 7 : 1 2    10     20     8    2    1 : tunables 0 0 0 : slabdata 1 1 0";
        let cache = line(text, PAGE).expect("a cache");
        assert_eq!((cache.name, cache.active, cache.objects), (&b"my cache 7 : 1 2"[..], 10, 20));
        let text = b"dentry(12:a : slabdata 1 1) 1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0";
        assert_eq!(line(text, PAGE).map(|cache| cache.name), Some(&b"dentry(12:a : slabdata 1 1)"[..]));
    }

    #[test]
    fn headers_and_cut_lines_are_no_caches() {
        for text in [
            &b"slabinfo - version: 2.1"[..],
            b"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>",
            b"",
            b" : ",
            b"a 1 2 3 4 5 : slabdata 1 1 0",
            b"1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0",
            b"a 1 2 3 4 5 : tunables 0 0 0 : slabdata 1",
        ] {
            assert_eq!(line(text, PAGE), None, "{}", text.escape_ascii());
        }
        let most = b"a 1 2 3 4 18446744073709551615 : tunables 0 0 0 : slabdata 1 18446744073709551615 0";
        assert_eq!(line(most, PAGE).map(|cache| cache.size), Some(Bytes(u64::MAX)));
    }
}

//! Who in the kernel holds memory: dump_unreclaimable_slab() of mm/slab_common.c, and the allocation profile of mm/show_mem.c.

use super::scan::{is_of_memory, leading};
use crate::units::Bytes;

/// Something of the kernel's with a name and a size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holder<'l> {
    /// Its name, as it is printed.
    pub name: &'l [u8],
    /// What it takes.
    pub size: Bytes,
}

/// `dentry                    13KB         20KB` (Linux 4.15): what of a slab is used, and all of it, which counts. Many a line may
/// look like it: it counts only behind its head.
#[must_use]
pub fn slab(text: &[u8]) -> Option<Holder<'_>> {
    let (rest, total) = last_word(text.trim_ascii_end())?;
    let (name, used) = last_word(rest)?;
    kib(used)?;
    let size = kib(total)?;
    (!name.is_empty()).then_some(Holder { name, size })
}

fn last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().rposition(|byte| *byte == b' ')?;
    Some((text[..at].trim_ascii(), &text[at + 1..]))
}

fn kib(word: &[u8]) -> Option<Bytes> {
    let (number, unit) = leading(word)?;
    (unit == b"KB").then(|| Bytes::from_kib(number)).filter(|size| is_of_memory(size.0))
}

/// `    48.9 MiB    12544 mm/memory.c:1234 func:do_anonymous_page` (Linux 6.10): the bytes, the calls, and where. The size has three
/// digits and a unit, or, in the first kernels, all digits and none.
#[must_use]
pub fn allocation(text: &[u8]) -> Option<Holder<'_>> {
    let text = text.trim_ascii();
    let (whole, rest) = leading(text)?;
    let (thousandths, rest) = match rest.strip_prefix(b".") {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let rest = rest.strip_prefix(b" ")?.trim_ascii_start();
    let (unit, rest) = match unit(rest) {
        Some((unit, rest)) => (unit, rest.trim_ascii_start()),
        None => (1, rest),
    };
    let (_calls, rest) = leading(rest)?;
    let name = rest.strip_prefix(b" ")?.trim_ascii_start();
    let is_place = super::scan::find(name, b" func:").is_some();
    let size = whole.saturating_mul(unit).saturating_add(thousandths * unit / 1000);
    (is_place && is_of_memory(size)).then_some(Holder { name, size: Bytes(size) })
}

/// Up to three digits behind the point.
fn fraction(text: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = leading(text)?;
    let scale = match text.len() - rest.len() {
        1 => 100,
        2 => 10,
        3 => 1,
        _ => return None,
    };
    Some((number * scale, rest))
}

fn unit(text: &[u8]) -> Option<(u64, &[u8])> {
    const UNITS: [(&[u8], u64); 5] =
        [(b"B ", 1), (b"KiB ", 1 << 10), (b"MiB ", 1 << 20), (b"GiB ", 1 << 30), (b"TiB ", 1 << 40)];
    UNITS.iter().find_map(|(name, bytes)| Some((*bytes, text.strip_prefix(*name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slab_is_a_name_and_two_sizes() {
        let found = slab(b"kmalloc-2k             59164KB      59168KB").expect("one");
        assert_eq!((found.name, found.size), (&b"kmalloc-2k"[..], Bytes::from_kib(59_168)));
        assert_eq!(slab(b"a b(1:c d) 1KB 2KB").expect("one").name, b"a b(1:c d)");
        for wrong in [
            &b"Name                      Used          Total"[..],
            b"dentry 13KB",
            b"dentry 13KB 20kB",
            b"13KB 20KB",
            b"",
        ] {
            assert_eq!(slab(wrong), None);
        }
    }

    #[test]
    fn an_allocation_is_a_size_and_a_place() {
        for (text, name, size) in [
            (
                &b"    48.9 MiB    12544 mm/memory.c:1234 func:do_anonymous_page"[..],
                &b"mm/memory.c:1234 func:do_anonymous_page"[..],
                51_275_366,
            ),
            (b"1.25 GiB     2 a.c:1 [mod] func:f", b"a.c:1 [mod] func:f", 1_342_177_280),
            (b"512 B 1 a.c:1 func:f", b"a.c:1 func:f", 512),
            (b"   4096 1 a.c:1 func:f", b"a.c:1 func:f", 4096),
        ] {
            let found = allocation(text).expect("one");
            assert_eq!((found.name, found.size), (name, Bytes(size)));
        }
        for wrong in [
            &b"48.9 MiB"[..],
            b"48.9 MiB 12 mm/memory.c:1234",
            b"48.9 apples 12 a.c:1 func:f",
            b"4.12345 MiB 1 a.c:1 func:f",
            b"",
        ] {
            assert_eq!(allocation(wrong), None);
        }
    }
}

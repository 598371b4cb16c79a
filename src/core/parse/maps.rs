//! `/proc/PID/maps`: proc_pid_maps(5), `show_map_vma` of fs/proc/task_mmu.c.
//!
//! `55d0-55d1 r--p 00000000 fe:00 247030                     /usr/bin/cat`

use super::dec;
use crate::units::Bytes;

/// One mapping. The slices are the kernel's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping<'a> {
    /// First address.
    pub start: u64,
    /// Address behind the last.
    pub end: u64,
    /// `rwxp`, `s` for shared.
    pub perms: &'a [u8],
    /// Into the file, in bytes.
    pub offset: u64,
    /// `major:minor` in hexadecimal, two digits each or more: `103:02` is an NVMe partition, `00:1a3` an overlay.
    pub dev: &'a [u8],
    /// 0 for none.
    pub inode: u64,
    /// Everything behind the inode: spaces belong to it, so does ` (deleted)`, and a newline stands as the kernel's `\012`.
    pub path: &'a [u8],
}

impl Mapping<'_> {
    /// Address space, not residence.
    #[must_use]
    pub const fn size(&self) -> Bytes {
        Bytes(self.end.saturating_sub(self.start))
    }
}

/// Parses one line without its newline, in one pass: a process may have 65,530 of them.
#[must_use]
pub fn line(text: &[u8]) -> Option<Mapping<'_>> {
    let (start, rest) = hex_up_to(text, b'-')?;
    let (end, rest) = hex_up_to(rest, b' ')?;
    let (perms, rest) = rest.split_at_checked(4)?;
    let (offset, rest) = hex_up_to(rest.strip_prefix(b" ")?, b' ')?;
    let (dev, rest) = rest.split_at(rest.iter().position(|byte| *byte == b' ')?);
    let rest = rest.strip_prefix(b" ")?;
    let digits = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    let (inode, path) = rest.split_at(digits);
    let is_whole = start <= end && dev.contains(&b':') && !perms.contains(&b' ');
    is_whole.then_some(Mapping { start, end, perms, offset, dev, inode: dec(inode)?, path: path.trim_ascii_start() })
}

/// The hexadecimal number before `end`, and what follows `end`.
fn hex_up_to(text: &[u8], end: u8) -> Option<(u64, &[u8])> {
    let mut number: u64 = 0;
    for (at, byte) in text.iter().enumerate() {
        let digit = HEX[usize::from(*byte)];
        if digit > 15 {
            let is_end = *byte == end && (1..=16).contains(&at);
            return if is_end { Some((number, text.get(at + 1..)?)) } else { None };
        }
        number = number << 4 | u64::from(digit);
    }
    None
}

/// The value of each lower-case hexadecimal digit, and 255 for all other bytes: it takes half the time of comparisons.
const HEX: [u8; 256] = {
    let mut table = [255; 256];
    let mut digit = 0_u8;
    while digit < 16 {
        table[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digit += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &[u8]) -> Option<&[u8]> {
        line(text).map(|mapping| mapping.path)
    }

    #[test]
    fn a_line_is_six_fields_and_a_path() {
        let mapping =
            line(b"7ffc5f8cf000-7ffc5f8d3000 r-xp 00021000 103:02 330129                     /usr/lib/libc.so.6")
                .expect("parses");
        assert_eq!(
            (mapping.start, mapping.end, mapping.offset, mapping.inode),
            (0x7ffc_5f8c_f000, 0x7ffc_5f8d_3000, 0x21000, 330_129)
        );
        assert_eq!(
            (mapping.perms, mapping.dev, mapping.path),
            (&b"r-xp"[..], &b"103:02"[..], &b"/usr/lib/libc.so.6"[..])
        );
        assert_eq!(mapping.size(), Bytes(16_384));
    }

    #[test]
    fn a_path_keeps_its_spaces_its_escapes_and_its_end() {
        assert_eq!(
            path(b"1000-2000 r--p 00000000 00:1a3 7                          /opt/My App/lib.so (deleted)"),
            Some(&b"/opt/My App/lib.so (deleted)"[..])
        );
        assert_eq!(
            path(b"1000-2000 r--p 00000000 fe:00 7                           /tmp/a\\012b"),
            Some(&b"/tmp/a\\012b"[..])
        );
        assert_eq!(
            path(b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]"),
            Some(&b"[vsyscall]"[..])
        );
        assert_eq!(path(b"1000-2000 rw-p 00000000 00:00 0 "), Some(&b""[..]));
        assert_eq!(path(b"1000-2000 rw-p 00000000 00:00 0"), Some(&b""[..]));
    }

    #[test]
    fn what_is_no_mapping_is_malformed() {
        for text in [
            &b""[..],
            b"1000",
            b"1000-2000 r--p",
            b"1000-2000 r--p 0 fe:00",
            b"2000-1000 r--p 0 fe:00 1 ",
            b"x-y r--p 0 fe:00 1 ",
            b"1-2 rwxpp 0 fe:00 1 ",
            b"1-2 r--p  fe:00 1 ",
            b"1-12345678123456789 r--p 0 fe:00 1 ",
            b"1-2 r--p A fe:00 1 ",
            b"1-2 r--p 0 fe00 1 ",
        ] {
            assert_eq!(line(text), None, "{}", text.escape_ascii());
        }
    }
}

//! Rows in columns.

use super::Text;
use crate::fixed::{Fixed, copy};
use crate::parse::maps::Mapping;
use crate::parse::net::Socket;
use crate::report::escape::{self, Source};
use crate::report::time::seconds;
use crate::report::{Grower, Relation, Relative, Sample, put_fmt};
use crate::units::Bytes;

impl Text<'_, '_> {
    /// `000055e87e594000  4               kB  r--p  00:2e  330129     /home/ericlee/oom`
    pub(super) fn mapping(&mut self, mapping: &Mapping<'_>) {
        match mapping_columns(mapping) {
            Some(columns) => self.out.put(&columns),
            None => self.wide_mapping_columns(mapping),
        }
        escape::text(self.out, mapping.path, Source::Kernel);
        self.out.put(b"\n");
    }

    /// Columns that don't fit push what follows them on.
    fn wide_mapping_columns(&mut self, mapping: &Mapping<'_>) {
        let mut columns = Fixed::<128>::new();
        columns.push(&hex16(mapping.start)).push(b"  ");
        pad_dec(&mut columns, mapping.size().kib(), 16);
        columns.push(b"kB  ").push(mapping.perms).push(b"  ");
        pad(&mut columns, mapping.dev, 7);
        pad_dec(&mut columns, mapping.inode, 11);
        self.out.put(columns.as_bytes());
    }

    /// `TCP  ESTABLISHED  127.0.0.1:5432        127.0.0.1:40112       0           0           `
    pub(super) fn socket(&mut self, socket: &Socket) {
        let mut columns = Fixed::<256>::new();
        pad(&mut columns, socket.protocol.name().as_bytes(), 5);
        let mut word = Fixed::<64>::new();
        put_fmt(&mut word, format_args!("{}", socket.state));
        pad(&mut columns, word.as_bytes(), 13);
        for address in [socket.local, socket.remote] {
            word.clear();
            put_fmt(&mut word, format_args!("{address}"));
            pad(&mut columns, word.as_bytes(), 22);
        }
        for queue in [socket.tx_queue, socket.rx_queue] {
            match queue {
                Some(bytes) => pad_dec(&mut columns, bytes.0, 12),
                None => pad(&mut columns, b"-", 12),
            }
        }
        columns.push(b"\n");
        self.out.put(columns.as_bytes());
    }

    /// `12.345       65536       65000       0           23445000     66000       0.00`
    pub(super) fn sample(&mut self, sample: &Sample) {
        let mut columns = Fixed::<128>::new();
        pad(&mut columns, seconds(sample.ago).as_bytes(), 13);
        let mut size = |size: Option<Bytes>, width| match size {
            Some(size) => pad_dec(&mut columns, size.kib(), width),
            None => pad(&mut columns, b"-", width),
        };
        size(sample.rss, 12);
        size(sample.anon, 12);
        size(sample.swap, 12);
        size(sample.available, 13);
        size(sample.usage, 12);
        match sample.full {
            Some(percent) => put_fmt(&mut columns, format_args!("{percent}")),
            None => _ = columns.push(b"-"),
        }
        columns.push(b"\n");
        self.out.put(columns.as_bytes());
    }

    /// `Mapping Grown Since First Snapshot: 00007f3b39e01000-00007f3b3de02000 anon, 65540 kB, by 61444 kB`
    pub(super) fn grower(&mut self, grower: &Grower) {
        self.out.put(b"Mapping Grown Since First Snapshot: ");
        self.out.put(&hex16(grower.start));
        self.out.put(b"-");
        self.out.put(&hex16(grower.end));
        let size = Bytes(grower.end - grower.start).kib();
        let (kind, by) = (grower.kind, grower.by.kib());
        put_fmt(self.out, format_args!(" {kind}, {size} kB, by {by} kB\n"));
    }

    /// `8893 (comm) - OOM score: 667 - OOM adjustment score: 0 - RSS: 1024 kB - Swap: 0 kB`
    pub(super) fn relative(&mut self, relative: &Relative<'_>) {
        if relative.relation == Relation::Child {
            self.out.put(b"Child: ");
        }
        self.out.put_dec(relative.pid.get());
        self.out.put(b" (");
        match relative.comm {
            Ok(comm) => escape::text(self.out, comm, Source::Raw),
            Err(why) => self.absent(why),
        }
        self.out.put(b") - OOM score: ");
        self.number_or_reason(relative.oom_score);
        self.out.put(b" - OOM adjustment score: ");
        self.number_or_reason(relative.oom_score_adj);
        self.out.put(b" - RSS: ");
        self.kib_or_reason(relative.rss);
        self.out.put(b" - Swap: ");
        self.kib_or_reason(relative.swap);
        self.out.put(b"\n");
    }
}

/// The columns of a mapping before its path, placed instead of pushed: there may be 65,530 of them, and pushing doubles their cost.
fn mapping_columns(mapping: &Mapping<'_>) -> Option<[u8; 62]> {
    let mut columns = *b"                                  kB                          ";
    *columns.first_chunk_mut::<16>()? = hex16(mapping.start);
    place(columns.get_mut(18..34)?, itoa::Buffer::new().format(mapping.size().kib()).as_bytes())?;
    place(columns.get_mut(38..42)?, mapping.perms)?;
    place(columns.get_mut(44..50)?, mapping.dev)?;
    place(columns.get_mut(51..61)?, itoa::Buffer::new().format(mapping.inode).as_bytes())?;
    Some(columns)
}

/// Puts `text` at the start of `column`; `None` when it is longer.
fn place(column: &mut [u8], text: &[u8]) -> Option<()> {
    copy(column.get_mut(..text.len())?, text);
    Some(())
}

/// 16 lower-case digits.
fn hex16(number: u64) -> [u8; 16] {
    let mut text = [0; 16];
    let (first, last) = text.split_at_mut(8);
    first.copy_from_slice(&hex8(number >> 32).to_be_bytes());
    last.copy_from_slice(&hex8(number & 0xffff_ffff).to_be_bytes());
    text
}

/// The eight digits of a number of 32 bits, the first in the highest byte: all at once, as each of 65,530 mappings has 16 to print.
const fn hex8(number: u64) -> u64 {
    // Each step halves what is together and moves the upper half away: 16 bits, 8, and 4, until a byte has one digit's value.
    let mut digits = (number | number << 16) & 0x0000_ffff_0000_ffff;
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    digits = (digits | digits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // 10 and more have a bit 4 once 6 is added; `a` is 39 behind where the digit after `9` would be.
    let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    digits + 0x3030_3030_3030_3030 + letters * 39
}

/// Appends `text` and blanks up to `width`, at least one: a long IPv6 address pushes the next column on.
fn pad<const N: usize>(columns: &mut Fixed<N>, text: &[u8], width: usize) {
    const BLANKS: &[u8; 24] = &[b' '; 24];
    let blanks = width.saturating_sub(text.len()).max(1);
    columns.push(text).push(BLANKS.get(..blanks).unwrap_or(BLANKS));
}

fn pad_dec<const N: usize>(columns: &mut Fixed<N>, number: u64, width: usize) {
    pad(columns, itoa::Buffer::new().format(number).as_bytes(), width);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    #[test]
    fn sixteen_digits_are_those_of_format() {
        let mut number = 0x0123_4567_89ab_cdef_u64;
        for _ in 0..1000 {
            assert_eq!(hex16(number), format!("{number:016x}").as_bytes());
            number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        }
        assert_eq!((hex16(0), hex16(u64::MAX)), (*b"0000000000000000", *b"ffffffffffffffff"));
    }
}

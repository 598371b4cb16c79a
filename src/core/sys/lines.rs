//! Streaming a file of any length through a lent buffer, one line at a time.

use super::file::ReadAt;
use super::{Errno, Result};

/// The lines of a file, without their newline.
///
/// A line longer than the buffer is cut to it and the rest skipped; [`Lines::cut`] counts those.
/// The last line may lack its newline.
pub struct Lines<'f, 'b> {
    file: &'f dyn ReadAt,
    buf: &'b mut [u8],
    /// The unread part of `buf`.
    start: usize,
    end: usize,
    offset: u64,
    skipping: bool,
    finished: bool,
    cut: u64,
}

impl<'f, 'b> Lines<'f, 'b> {
    /// From the start of `file`.
    #[must_use]
    pub fn new(file: &'f dyn ReadAt, buf: &'b mut [u8]) -> Self {
        Self::resume(file, buf, 0)
    }

    /// With the first `len` bytes of the file already in `buf`.
    #[must_use]
    pub fn resume(file: &'f dyn ReadAt, buf: &'b mut [u8], len: usize) -> Self {
        Self { file, buf, start: 0, end: len, offset: len as u64, skipping: false, finished: false, cut: 0 }
    }

    /// How many lines were longer than the buffer.
    #[must_use]
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// The next line, `None` at the end. After an error the next call is the end.
    pub fn next(&mut self) -> Option<Result<&[u8]>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buf[searched..self.end]) {
                let line = self.start..searched + at;
                self.start = line.end + 1;
                if core::mem::take(&mut self.skipping) {
                    searched = self.start;
                    continue;
                }
                return Some(Ok(&self.buf[line]));
            }
            if self.finished {
                let rest = core::mem::replace(&mut self.start, self.end)..self.end;
                return (!rest.is_empty() && !self.skipping).then(|| Ok(&self.buf[rest]));
            }
            if self.start == 0 && self.end == self.buf.len() {
                // One line fills the whole buffer: lend it, and skip to the next newline.
                let first_part = !core::mem::replace(&mut self.skipping, true);
                self.start = self.end;
                if first_part {
                    self.cut += 1;
                    return Some(Ok(&self.buf[..self.end]));
                }
            }
            if self.skipping {
                self.start = self.end;
            }
            searched = self.end - self.start;
            if let Err(errno) = self.refill() {
                self.finished = true;
                self.start = self.end;
                return Some(Err(errno));
            }
        }
    }

    /// Hands each of the rest to `take`, up to the first error.
    pub fn each(mut self, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        while let Some(line) = self.next() {
            take(line?);
        }
        Ok(())
    }

    /// Moves the unread part to the front and reads after it.
    fn refill(&mut self) -> Result<()> {
        self.buf.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let read = self.file.read_at(&mut self.buf[self.end..], self.offset)?;
        self.finished = read == 0;
        self.end += read;
        self.offset = self.offset.checked_add(read as u64).ok_or(Errno::EOVERFLOW)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::file::Dir;
    use std::{ffi::CString, format, fs, string::String, vec::Vec};

    fn lines_of(name: &str, text: &str, buffer: usize) -> (Vec<String>, u64) {
        let path = std::env::temp_dir().join(format!("memdoor-lines-{}-{name}", std::process::id()));
        fs::write(&path, text).expect("write");
        let dir = Dir::open(c"/").expect("/");
        let relative = CString::new(path.to_str().expect("UTF-8").trim_start_matches('/')).expect("no NUL");
        let file = dir.file(&relative).expect("open");
        fs::remove_file(&path).expect("remove");
        let mut buf = std::vec![0; buffer];
        let mut lines = Lines::new(&file, &mut buf);
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            found.push(String::from_utf8(line.expect("read").to_vec()).expect("UTF-8"));
        }
        (found, lines.cut())
    }

    #[test]
    fn lines_are_the_same_whatever_the_buffer() {
        let text = "one\n\nthree is longer\nfour\nno newline";
        for buffer in [16, 17, 23, 64, 4096] {
            let (found, cut) = lines_of(&format!("same{buffer}"), text, buffer);
            assert_eq!((found, cut), (text.split('\n').map(String::from).collect(), 0), "buffer of {buffer}");
        }
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_cut_and_counted() {
        let (found, cut) = lines_of("cut", "short\n0123456789abcdef\nnext\n", 8);
        assert_eq!(found, ["short", "01234567", "next"]);
        assert_eq!(cut, 1);
    }

    #[test]
    fn a_last_line_that_is_too_long_is_cut_too() {
        assert_eq!(lines_of("last", "0123456789abcdefghij", 8), (std::vec![String::from("01234567")], 1));
    }

    #[test]
    fn an_empty_file_has_no_lines() {
        assert_eq!(lines_of("empty", "", 8), (Vec::new(), 0));
    }
}

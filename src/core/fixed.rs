//! Text of a bounded length that needs no heap: paths, links, messages.

use core::ffi::CStr;

/// Up to `N - 1` bytes and the NUL that C wants after them.
///
/// What does not fit is cut, and [`Fixed::is_cut`] says so: a cut path must never be opened.
#[derive(Clone)]
pub struct Fixed<const N: usize> {
    bytes: [u8; N],
    len: usize,
    cut: bool,
}

impl<const N: usize> Fixed<N> {
    /// Empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; N], len: 0, cut: false }
    }

    /// The text `bytes`, cut to what fits.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = Self::new();
        text.push(bytes);
        text
    }

    /// A decimal number.
    #[must_use]
    pub fn dec(number: impl itoa::Integer) -> Self {
        let mut text = Self::new();
        text.push_dec(number);
        text
    }

    /// Appends `bytes`, cut to what fits.
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) -> &mut Self {
        let (len, is_whole) = append(&mut self.bytes, self.len, bytes);
        self.len = len;
        self.cut |= !is_whole;
        self
    }

    /// Appends a decimal number.
    #[inline(never)]
    pub fn push_dec(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.push(itoa::Buffer::new().format(number).as_bytes())
    }

    /// Keeps the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.bytes[len..self.len].fill(0);
            self.len = len;
        }
    }

    /// Forgets the text.
    pub fn clear(&mut self) {
        self.truncate(0);
        self.cut = false;
    }

    /// The text without its NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The text as C wants it; `None` when it was cut or holds a NUL itself.
    #[must_use]
    pub fn as_c_str(&self) -> Option<&CStr> {
        if self.cut {
            return None;
        }
        CStr::from_bytes_with_nul(&self.bytes[..=self.len]).ok()
    }

    /// Whether something did not fit.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.cut
    }
}

/// Copies as much as there is room for behind the first `len` of `all`, all but the last of which are for text: the new length, and
/// whether that was all. Once for texts of any room: 4 kB less.
#[inline(never)]
fn append(all: &mut [u8], len: usize, bytes: &[u8]) -> (usize, bool) {
    let end = all.len().saturating_sub(1);
    let room = all.get_mut(len..end).unwrap_or_default();
    let taken = bytes.len().min(room.len());
    copy(&mut room[..taken], &bytes[..taken]);
    (len + taken, taken == bytes.len())
}

impl<const N: usize> Default for Fixed<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> core::fmt::Write for Fixed<N> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl<const N: usize> core::fmt::Debug for Fixed<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

/// Copies `from` to `to`, both of one length, without a call when it is short.
///
/// musl's memcpy on x86-64 is `rep movs`, which takes 30 cycles to start: three of them are a third of what writing a mapping costs. Two
/// copies of a fixed size that overlap are two instructions each; a loop over bytes the compiler makes a call of again.
#[inline]
pub fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        0 => {}
        1 => copy_ends::<1>(to, from),
        2..4 => copy_ends::<2>(to, from),
        4..8 => copy_ends::<4>(to, from),
        8..16 => copy_ends::<8>(to, from),
        16..32 => copy_ends::<16>(to, from),
        32..=64 => copy_ends::<32>(to, from),
        _ => to.copy_from_slice(from),
    }
}

#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_path_is_no_path() {
        let mut path = Fixed::<8>::of(b"/proc");
        assert_eq!(path.as_c_str(), Some(c"/proc"));
        path.push(b"/1234");
        assert_eq!(path.as_bytes(), b"/proc/1");
        assert!(path.is_cut());
        assert_eq!(path.as_c_str(), None);
    }

    #[test]
    fn a_copy_is_a_copy_whatever_its_length() {
        let from: [u8; 100] = core::array::from_fn(|at| u8::try_from(at + 1).expect("up to 100"));
        for length in 0..=100 {
            let mut to = [0; 102];
            copy(&mut to[1..=length], &from[..length]);
            assert_eq!(to[1..=length], from[..length], "{length}");
            assert_eq!((to[0], to[length + 1]), (0, 0), "{length}");
        }
    }

    #[test]
    fn text_with_a_nul_is_no_path() {
        assert_eq!(Fixed::<8>::of(b"a\0b").as_c_str(), None);
    }

    #[test]
    fn truncating_leaves_a_terminated_text() {
        let mut path = Fixed::<16>::of(b"/a/b");
        path.truncate(2);
        assert_eq!(path.as_c_str(), Some(c"/a"));
        path.clear();
        assert_eq!(path.as_c_str(), Some(c""));
    }
}

//! Finding words and numbers in text that may end anywhere.

use crate::parse::{dec, signed};
use crate::units::Bytes;

/// Where `word` is first.
pub(super) fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let first = *word.first()?;
    let last = text.len().checked_sub(word.len())?;
    (0..=last).find(|at| text[*at] == first && text[*at..].starts_with(word))
}

/// Where `word` is last.
pub(super) fn rfind(text: &[u8], word: &[u8]) -> Option<usize> {
    let first = *word.first()?;
    let last = text.len().checked_sub(word.len())?;
    (0..=last).rev().find(|at| text[*at] == first && text[*at..].starts_with(word))
}

/// What is before and behind the first `word`.
pub(super) fn split<'t>(text: &'t [u8], word: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let at = find(text, word)?;
    Some((&text[..at], &text[at + word.len()..]))
}

/// What is before and behind the last `word`.
pub(super) fn rsplit<'t>(text: &'t [u8], word: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let at = rfind(text, word)?;
    Some((&text[..at], &text[at + word.len()..]))
}

/// What is behind the first `word`.
pub(super) fn after<'t>(text: &'t [u8], word: &[u8]) -> Option<&'t [u8]> {
    split(text, word).map(|(_, behind)| behind)
}

/// The number that the text begins with, and what is behind it.
pub(super) fn leading(text: &[u8]) -> Option<(u64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    Some((dec(digits)?, rest))
}

/// The same with a sign.
pub(super) fn leading_signed(text: &[u8]) -> Option<(i64, &[u8])> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(sign + digits);
    Some((signed(number)?, rest))
}

/// The number behind `key`, complete: something must follow it, or it may have been cut.
pub(super) fn number(text: &[u8], key: &[u8]) -> Option<u64> {
    let (number, rest) = leading(after(text, key)?)?;
    (!rest.is_empty()).then_some(number)
}

/// The size behind `key`, `kB` or `KB`; without its unit it may have been cut.
pub(super) fn size(text: &[u8], key: &[u8]) -> Option<Bytes> {
    anything(text, key).filter(|size| is_of_memory(size.0))
}

/// The same of addresses.
pub(super) fn space(text: &[u8], key: &[u8]) -> Option<Bytes> {
    anything(text, key).filter(|size| is_of_space(size.0))
}

/// The same of whatever is no memory: a limit may be as large as a number.
pub(super) fn anything(text: &[u8], key: &[u8]) -> Option<Bytes> {
    let (kib, rest) = leading(after(text, key)?)?;
    is_unit(rest).then(|| Bytes::from_kib(kib))
}

/// Whether so many bytes may be memory, or so many of what is counted in it. A processor has physical addresses of 52 bits at most (x86-64,
/// arm64): more is a negative number that the kernel has printed as an unsigned one (its counters of RSS may be below 0 for a moment), or
/// damage, and is as good as no number.
pub(super) const fn is_of_memory(bytes: u64) -> bool {
    bytes < 1 << 52
}

/// The same of virtual addresses, of which a process has 57 bits at most.
pub(super) const fn is_of_space(bytes: u64) -> bool {
    bytes < 1 << 57
}

/// So many pages have as many bytes at least.
pub(super) const PAGE: u64 = 4096;

/// Whether so many pages may be memory.
pub(super) const fn are_of_memory(pages: u64) -> bool {
    is_of_memory(pages.saturating_mul(PAGE))
}

fn is_unit(rest: &[u8]) -> bool {
    rest.starts_with(b"kB") || rest.starts_with(b"KB")
}

/// A user id as the kernel holds it: `%d` of 4294967294 is -2.
pub(super) fn uid(number: i64) -> Option<u32> {
    u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
}

/// Whether the text is the beginning of `whole`, so that it may have been cut there.
pub(super) fn is_cut(text: &[u8], whole: &[u8]) -> bool {
    whole.starts_with(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_are_found_and_a_longer_word_is_not() {
        assert_eq!(find(b"abab", b"ab"), Some(0));
        assert_eq!(rfind(b"abab", b"ab"), Some(2));
        assert_eq!(find(b"a", b"ab"), None);
        assert_eq!(rfind(b"", b"ab"), None);
    }

    #[test]
    fn a_size_without_its_unit_may_have_been_cut() {
        assert_eq!(size(b"total-vm:12kB", b"total-vm:"), Some(Bytes(12_288)));
        assert_eq!(size(b"total-vm:12", b"total-vm:"), None);
        assert_eq!(number(b"UID:10 ", b"UID:"), Some(10));
        assert_eq!(number(b"UID:10", b"UID:"), None);
    }

    #[test]
    fn a_user_id_is_the_same_whichever_way_it_was_printed() {
        assert_eq!(uid(-2), Some(4_294_967_294));
        assert_eq!(uid(4_294_967_294), Some(4_294_967_294));
        assert_eq!(uid(1 << 40), None);
    }
}

//! The one place where bytes of other processes, of the kernel or of a log become safe to print: in the form of [`crate::escape`].

use crate::escape::{is_plain, pieces};
use crate::sys::out::{Out, Sink};

pub use crate::escape::{Called, Escaped, Source};

/// Longest JSON string of a fact, in bytes of output: four of them and the envelope stay under 16 KiB, where log shippers cut lines.
pub const JSON_MAX: usize = 3 * 1024;

/// Writes `bytes` for a terminal or a log file.
pub fn text(out: &mut Out<'_>, bytes: &[u8], source: Source) {
    if is_plain(bytes) {
        out.put(bytes);
    } else {
        pieces(bytes, source, &mut |piece| out.put(piece));
    }
}

/// Writes `bytes` as a JSON string with its quotes, cut after `max` bytes of output. Says whether it was cut.
pub fn json(out: &mut Out<'_>, bytes: &[u8], source: Source, max: usize) -> bool {
    let mut left = max;
    let mut cut = false;
    out.put(b"\"");
    pieces(bytes, source, &mut |piece| {
        let doubled = piece.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        if cut || piece.len() + doubled > left {
            cut = true;
            return;
        }
        left -= piece.len() + doubled;
        if doubled == 0 {
            return out.put(piece);
        }
        for byte in piece {
            if matches!(byte, b'"' | b'\\') {
                out.put(b"\\");
            }
            out.put(core::slice::from_ref(byte));
        }
    });
    out.put(b"\"");
    cut
}

/// Whether [`json`] would cut it at [`JSON_MAX`].
#[must_use]
pub fn is_cut_in_json(bytes: &[u8]) -> bool {
    // No byte takes more than five bytes of output: `\\033`.
    bytes.len() > JSON_MAX / 5 && json(&mut Out::new(Sink::Nowhere, &mut [0; 256]), bytes, Source::Raw, JSON_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_string_is_cut_between_characters_and_says_so() {
        let mut buf = [0; 64];
        let mut out = Out::new(Sink::Nowhere, &mut buf);
        assert!(!json(&mut out, b"a\"b", Source::Raw, 4));
        assert!(json(&mut out, "ab\x1b".as_bytes(), Source::Raw, 4));
        assert!(json(&mut out, "\"\"\"".as_bytes(), Source::Raw, 4));
    }
}

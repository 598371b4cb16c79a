//! Regular expressions on what a process is called: its comm, its executable or its command line.
//!
//! Compiling takes memory, and so does the first match: [`Pattern::parse`] does both, so that matching while armed takes none
//! (tests/no_heap.rs counts).

extern crate alloc;

use alloc::string::String;
use core::fmt;

use regex_lite::Regex;

use crate::fixed::Fixed;

/// Why a text is no pattern.
#[derive(Clone, Debug)]
pub enum Invalid {
    /// It is no regular expression.
    Regex(regex_lite::Error),
    /// It is found in the empty text, as `x*`, `x|` and `^` are, and so in every name: nobody who types one means everybody, and a
    /// variable that is not set leaves one behind.
    FitsEverybody,
    /// It is found in the empty text and not in every name, as `^x*$`, or in nothing else, as `^$`.
    FitsEmpty(Besides),
    /// It is longer than [`LONGEST`].
    TooLong,
}

/// Where else a pattern is found that is found in the empty text, and not everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Besides {
    /// Nowhere.
    Nothing,
    /// In some names.
    Some,
}

/// Bytes of a pattern: the time of a search grows with its length times that of the text, and faster for some (800 times `a`: 9 s).
const LONGEST: usize = 256;

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Regex(error) => error.fmt(f),
            Self::TooLong => write!(f, "it has more than {LONGEST} bytes"),
            Self::FitsEverybody => f.write_str("it fits the empty text, and so every process"),
            Self::FitsEmpty(Besides::Nothing) => f.write_str("it fits only the empty text, which no process is called"),
            Self::FitsEmpty(Besides::Some) => f.write_str(
                "it fits the empty text as well, which no process is called: + in place of * wants a letter",
            ),
        }
    }
}

/// The longest text that is looked at: a path (PATH_MAX) and ` (deleted)`; of a command line as much.
pub const TEXT_MAX: usize = 4096 + 16;

/// What of a process a pattern is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// Its name, at most 15 bytes: `comm:`, or nothing before the pattern.
    Comm,
    /// Where `/proc/PID/exe` points: `exe:`. Of other users' processes only root may see it.
    Exe,
    /// Its arguments with blanks between them: `cmdline:`. Reading it waits for the process's mmap_lock.
    Cmdline,
}

/// A regular expression and what it is about.
#[derive(Debug)]
pub struct Pattern {
    field: Field,
    regex: Regex,
}

impl Pattern {
    /// `REGEX`, `comm:REGEX`, `exe:REGEX` or `cmdline:REGEX`, found anywhere unless `^` and `$` hold it: regex-lite's syntax, which is
    /// that of Rust's regex without Unicode classes. One that fits the empty text is none.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > LONGEST {
            return Err(Invalid::TooLong);
        }
        let fields = [("comm:", Field::Comm), ("exe:", Field::Exe), ("cmdline:", Field::Cmdline)];
        let named = fields.iter().find_map(|(name, field)| Some((*field, text.strip_prefix(name)?)));
        let (field, regex) = named.unwrap_or((Field::Comm, text));
        let pattern = Self { field, regex: Regex::new(regex).map_err(Invalid::Regex)? };
        if pattern.regex.is_match("") {
            return Err(why_empty(&pattern.regex, regex));
        }
        pattern.warm(regex);
        Ok(pattern)
    }

    /// What it is about.
    #[must_use]
    pub const fn field(&self) -> Field {
        self.field
    }

    /// Whether it is found in `text`; a byte that is no UTF-8 counts as `?`.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        if let Ok(text) = core::str::from_utf8(text) {
            return self.regex.is_match(text);
        }
        let mut plain = Fixed::<TEXT_MAX>::new();
        for chunk in text.utf8_chunks() {
            plain.push(chunk.valid().as_bytes());
            for _ in chunk.invalid() {
                plain.push(b"?");
            }
        }
        // Cut within a character, the end is none.
        let valid = plain.as_bytes().utf8_chunks().next();
        self.regex.is_match(valid.map_or("", |chunk| chunk.valid()))
    }

    /// The first match takes what the regex is run with, and longer ones may let its stack grow: the text of the regex itself leads
    /// through most of its states, and once more behind each of its letters.
    fn warm(&self, text: &str) {
        let mut all = String::with_capacity(3 * text.len());
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '/' | '.' | ':');
        all.extend(text.chars().filter(plain));
        all.push_str(text);
        all.extend(text.chars().rev());
        let ends = all.char_indices().map(|(at, _)| at);
        for at in ends {
            let _ = self.regex.is_match(&all[at..]);
        }
    }
}

/// What is wrong with a regex that fits the empty text.
fn why_empty(regex: &Regex, text: &str) -> Invalid {
    // Nobody means these by anything but "everybody"; where it is found in all of them it is held at neither end.
    let is_everywhere = ["\u{1}", "a\u{2}0", " /Z-"].iter().all(|name| regex.is_match(name));
    // Nothing in it stands for a letter.
    let is_nothing = text.chars().all(|c| matches!(c, '^' | '$' | '(' | ')' | '|'));
    match (is_everywhere, is_nothing) {
        (true, _) => Invalid::FitsEverybody,
        (false, true) => Invalid::FitsEmpty(Besides::Nothing),
        (false, false) => Invalid::FitsEmpty(Besides::Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_comm_unless_it_says_otherwise() {
        for (text, field) in [
            ("^chrome$", Field::Comm),
            ("comm:^chrome$", Field::Comm),
            ("exe:^/opt/", Field::Exe),
            ("cmdline:--type=renderer", Field::Cmdline),
            // No field of ours: it belongs to the regex.
            ("name:x", Field::Comm),
        ] {
            assert_eq!(Pattern::parse(text).expect("valid").field(), field, "{text}");
        }
        assert!(Pattern::parse("name:x").expect("valid").is_match(b"name:x"));
    }

    #[test]
    fn it_is_found_anywhere_unless_it_is_held() {
        let (free, held) = (Pattern::parse("java"), Pattern::parse("^java$"));
        let (free, held) = (free.expect("valid"), held.expect("valid"));
        assert!(free.is_match(b"javac") && free.is_match(b"java"));
        assert!(!held.is_match(b"javac") && held.is_match(b"java"));
    }

    #[test]
    fn what_is_no_utf_8_is_a_question_mark() {
        let pattern = Pattern::parse(r"^a\?b\?\?$").expect("valid");
        assert!(pattern.is_match(b"a\xffb\xc3\xc3"));
        assert!(!pattern.is_match(b"a\xffb"));
        let dot = Pattern::parse("^...$").expect("valid");
        assert!(dot.is_match(b"\xff\n?") == dot.is_match(b"?\n?"));
        // Longer than there is room, cut within a character.
        let long = [b"\xff", "ä".repeat(TEXT_MAX).as_bytes()].concat();
        assert!(Pattern::parse("^.ä+$").expect("valid").is_match(&long));
    }

    #[test]
    fn what_fits_the_empty_text_is_no_pattern() {
        for everybody in ["", ".*", "a*", "x|", "|x", "^", "$", "(?i)", "x?", "()", "exe:", "cmdline:.*", "comm:^.*$"] {
            let error = Pattern::parse(everybody).expect_err(everybody);
            assert!(matches!(error, Invalid::FitsEverybody), "{everybody}: {error}");
        }
        for (text, besides) in [
            ("^$", Besides::Nothing),
            ("comm:^()$", Besides::Nothing),
            ("^x*$", Besides::Some),
            ("^(ab)?$", Besides::Some),
        ] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::FitsEmpty(is) if is == besides), "{text}: {error}");
        }
        for some in [".", "^.+$", "a+", "^x", r"\bx"] {
            assert!(Pattern::parse(some).is_ok(), "{some}");
        }
    }

    #[test]
    fn a_wrong_regex_is_an_error_with_words() {
        for wrong in ["(", "a**[", "exe:[z-a]", r"\p{Greek}"] {
            let error = Pattern::parse(wrong).expect_err(wrong);
            assert!(!alloc::format!("{error}").is_empty());
        }
    }
}

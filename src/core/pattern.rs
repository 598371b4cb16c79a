//! Regular expressions on what a process is called: its comm, its executable or its command line.
//!
//! Compiling takes memory, and so does the first match: [`Pattern::parse`] does both, so that matching while armed takes none
//! (tests/no_heap.rs counts).

use core::fmt;

use crate::fixed::Fixed;
use regex_lite::Regex;

/// Why a text is no pattern.
#[derive(Clone, Debug)]
pub enum Invalid {
    /// It is no regular expression.
    Regex(regex_lite::Error),
    /// It is found in the empty text, as `x*`, `x|` and `^` are, and so in every name: nobody who types one means everybody, and a
    /// variable that is not set leaves one behind.
    FitsEverybody,
    /// It is found in all of the field's [`probes`], as `.`, `\\S` and `exe:/` are: as good as everybody.
    FitsAny(Field),
    /// It is found in the empty text and not in every name, as `^x*$`, or in nothing else, as `^$`.
    FitsEmpty(Besides),
    /// It is longer than [`LONGEST`].
    TooLong,
    /// It is about comm, and plain text of so many bytes, which no comm has.
    NoComm(usize),
    /// It begins with this word and a colon, as if it were about something that patterns are not about.
    NoField(&'static str),
    /// It begins with one of the fields in other letters: `Cmdline:`.
    FieldIs(&'static str),
    /// It is about the executable and held at its start with a letter that is no `/`, while executables have absolute paths.
    NoPath,
    /// It is about comm, and plain text that begins with `/` and is held there, or has another `/` in it.
    Path,
    /// It is brackets alone, and so stands for one letter: a list in somebody's mind.
    Letters,
    /// It is digits alone.
    Number,
    /// It is plain text with a comma in it.
    List,
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
            Self::NoComm(count) => write!(
                f,
                "it stands for {count} bytes, and comm has {COMM_MAX} bytes at most, so that no process fits: exe: or cmdline: before it"
            ),
            Self::NoField(word) => write!(
                f,
                "no pattern is about {word}: comm: (the name), exe: (the executable) and cmdline: (the arguments) are all there is; \
                 comm:{word}: is a name that has it"
            ),
            Self::FieldIs(field) => write!(f, "fields are written small: {field}:"),
            Self::NoPath => f.write_str(
                "an executable is an absolute path, and begins with /, so that no process fits: exe:/NAME$ is a file of that name",
            ),
            Self::Path => f.write_str(
                "a name is no path, so that no process fits: exe: before it is about the executable, comm: about a name that begins so",
            ),
            Self::Letters => f.write_str(
                "brackets stand for one of the letters in them, which nearly every name has, and make no list: type the name without them, with \
                 | between two: ^(a|b)$; comm: before it is about any name with one of these letters",
            ),
            Self::Number => f.write_str(
                "a PID is no name, so that no process fits: name the program; comm: before it is about a name of digits",
            ),
            Self::List => f.write_str(
                "a comma makes no list, so that no process fits: type | in its place, as in ^(a|b)$; comm: before it is about a name with a comma",
            ),
            Self::FitsEverybody => f.write_str("it fits the empty text, and so every process"),
            Self::FitsAny(field) => write!(
                f,
                "it fits whatever {} a process may have, and so every process",
                match field {
                    Field::Comm => "name",
                    Field::Exe => "executable",
                    Field::Cmdline => "arguments",
                }
            ),
            Self::FitsEmpty(Besides::Nothing) => f.write_str("it fits only the empty text, which no process is called"),
            Self::FitsEmpty(Besides::Some) => f.write_str(
                "it fits the empty text as well, which no process is called: + in place of * wants a letter",
            ),
        }
    }
}

/// TASK_COMM_LEN without its end.
const COMM_MAX: usize = 15;

/// What somebody may take for a field, and is none: such a pattern is found in no name, and what was to be spared by it would not be.
const NO_FIELDS: [&str; 14] = [
    "name",
    "user",
    "uid",
    "pid",
    "cgroup",
    "path",
    "args",
    "arguments",
    "cmd",
    "command",
    "unit",
    "service",
    "exec",
    "executable",
];

/// What stands before a pattern, and what that is then about.
const FIELDS: [(&str, Field); 3] = [("comm", Field::Comm), ("exe", Field::Exe), ("cmdline", Field::Cmdline)];

/// What processes are called that have nothing in common: a pattern that is found in all of a field's fits everybody, whatever it looks
/// like. What leaves one of them out may still fit nearly all (`comm:[a-z]`); nobody types that by mistake.
const fn probes(field: Field) -> &'static [&'static str] {
    match field {
        Field::Comm => &["sh", "XX", "00", "Web Content", "(sd-pam)", "ksoftirqd/0"],
        Field::Exe => &["/bin/sh", "/usr/lib/systemd/systemd", "/opt/1", "/XYZ/10", "/home/a b/.x"],
        Field::Cmdline => {
            &["sh", "XX 00", "(sd-pam)", "-bash", "/usr/lib/systemd/systemd --user", "nginx: worker process"]
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
    /// that of Rust's regex without Unicode classes. One that fits the empty text is none, or every process, and neither is one that no process can fit: who
    /// types one means somebody, who would not be spared. What is only unlikely to be a name (`/usr/bin/java`, `1234`, `a,b`) is one
    /// behind `comm:`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > LONGEST {
            return Err(Invalid::TooLong);
        }
        let named = text.split_once(':').and_then(|(word, rest)| {
            let (_, field) = FIELDS.into_iter().find(|(name, _)| *name == word)?;
            Some((field, rest))
        });
        if let (None, Some((word, _))) = (named, text.split_once(':')) {
            if let Some((field, _)) = FIELDS.into_iter().find(|(known, _)| word.trim().eq_ignore_ascii_case(known)) {
                return Err(Invalid::FieldIs(field));
            }
            if let Some(word) = NO_FIELDS.into_iter().find(|known| word.trim().eq_ignore_ascii_case(known)) {
                return Err(Invalid::NoField(word));
            }
        }
        let (field, regex) = named.unwrap_or((Field::Comm, text));
        let pattern = Self { field, regex: Regex::new(regex).map_err(Invalid::Regex)? };
        if pattern.regex.is_match("") {
            return Err(why_empty(&pattern.regex, regex));
        }
        match field {
            Field::Exe if begins_with_no_slash(regex) => return Err(Invalid::NoPath),
            Field::Comm if named.is_none() => unlikely(regex)?,
            _ => {}
        }
        if let (Field::Comm, Some(count)) = (field, shortest(regex).filter(|count| *count > COMM_MAX)) {
            return Err(Invalid::NoComm(count));
        }
        if probes(field).iter().all(|probe| pattern.regex.is_match(probe)) {
            return Err(Invalid::FitsAny(field));
        }
        pattern.warm(regex);
        Ok(pattern)
    }

    /// What it is about.
    #[must_use]
    pub const fn field(&self) -> Field {
        self.field
    }

    /// Its field and a colon, as it is typed; nothing for the name.
    #[must_use]
    pub const fn prefix(&self) -> &'static str {
        match self.field {
            Field::Comm => "",
            Field::Exe => "exe:",
            Field::Cmdline => "cmdline:",
        }
    }

    /// The regex, as it was typed behind `cmdline:` and the like.
    #[must_use]
    pub fn text(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it is found in `text`; a byte that is no UTF-8 counts as `?`.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        if let Ok(text) = core::str::from_utf8(text) {
            return self.regex.is_match(text);
        }
        // Names and paths; of whatever else may be longer see [`in_utf8`].
        let mut plain = [0; TEXT_MAX];
        let mut length = text.len().min(plain.len());
        // Cut within a character, the end is none.
        while length < text.len() && length > 0 && text[length] & 0xc0 == 0x80 {
            length -= 1;
        }
        plain[..length].copy_from_slice(&text[..length]);
        let plain = in_utf8(&mut plain[..length]);
        self.regex.is_match(core::str::from_utf8(plain).unwrap_or_default())
    }

    /// The first match takes what the regex is run with, and longer ones may let its stack grow: the text of the regex itself leads
    /// through most of its states, and once more behind each of its letters.
    fn warm(&self, text: &str) {
        let mut all = Fixed::<{ 3 * LONGEST }>::new();
        let mut push = |letter: char| {
            all.push(letter.encode_utf8(&mut [0; 4]).as_bytes());
        };
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '/' | '.' | ':');
        text.chars().filter(plain).for_each(&mut push);
        text.chars().for_each(&mut push);
        text.chars().rev().for_each(&mut push);
        let all = core::str::from_utf8(all.as_bytes()).unwrap_or_default();
        for (at, _) in all.char_indices() {
            let _ = self.regex.is_match(&all[at..]);
        }
    }
}

/// Puts `?` in the place of each byte that is no UTF-8.
pub fn in_utf8(text: &mut [u8]) -> &mut [u8] {
    let mut at = 0;
    while let Some(Err(error)) = text.get(at..).map(core::str::from_utf8) {
        at += error.valid_up_to();
        // Within the last character there is no length.
        let end = error.error_len().map_or(text.len(), |length| at + length);
        text[at..end].fill(b'?');
        at = end;
    }
    text
}

/// Whether a regex is held at its start with a letter, a digit or the like, and no part of it is another beginning.
fn begins_with_no_slash(regex: &str) -> bool {
    let mut letters = regex.strip_prefix('^').unwrap_or_default().chars();
    let is_letter = letters.next().is_some_and(|first| first.is_alphanumeric() || matches!(first, '_' | '-'));
    is_letter && !regex.contains('|') && !letters.as_str().starts_with(['?', '*', '{'])
}

/// What could be a name, and was meant to be something else.
fn unlikely(regex: &str) -> Result<(), Invalid> {
    let is_held = regex.starts_with('^');
    let text = regex.strip_prefix('^').unwrap_or(regex);
    let text = text.strip_suffix('$').unwrap_or(text);
    match plain(regex) {
        _ if is_one_bracket(text) => Err(Invalid::Letters),
        // Of a thread of the kernel `/0` may be a part; a name with two of them nobody has.
        Some(_) if text.strip_prefix('/').is_some_and(|rest| is_held || rest.contains('/')) => Err(Invalid::Path),
        Some(_) if text.contains(',') => Err(Invalid::List),
        Some(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => Err(Invalid::Number),
        _ => Ok(()),
    }
}

/// Whether a regex is one bracket expression and nothing else: `[java]`, `[^a]`, `[[:alpha:]_]`.
fn is_one_bracket(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[') else { return false };
    let inner = inner.strip_prefix('^').unwrap_or(inner);
    // As the first it is a letter.
    let mut letters = inner.strip_prefix(']').unwrap_or(inner).chars();
    let mut depth = 1;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return letters.as_str().is_empty();
        }
    }
    false
}

/// How many bytes the shortest of the plain texts has that a regex stands for: one, or several with `|` between them, in parentheses or
/// not. `None`: it is more than that.
fn shortest(regex: &str) -> Option<usize> {
    let text = regex.strip_prefix('^').unwrap_or(regex);
    let text = text.strip_suffix('$').filter(|text| !text.ends_with('\\')).unwrap_or(text);
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).filter(|text| !text.ends_with('\\'));
    let inner = inner.map(|inner| inner.strip_prefix("?:").unwrap_or(inner));
    let mut parts = inner.unwrap_or(regex).split('|').map(plain);
    parts.try_fold(usize::MAX, |least, count| Some(least.min(count?)))
}

/// How many bytes a regex stands for that is plain text, held at its ends or not, or text with dots for some of its letters; `None`:
/// it is more than that.
fn plain(regex: &str) -> Option<usize> {
    let regex = regex.strip_prefix('^').unwrap_or(regex);
    let mut letters = regex.chars();
    let mut count = 0;
    while let Some(letter) = letters.next() {
        count += match letter {
            '$' if letters.as_str().is_empty() => 0,
            '\\' => letters.next().filter(|letter| !letter.is_alphanumeric())?.len_utf8(),
            '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => return None,
            letter => letter.len_utf8(),
        };
    }
    Some(count)
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
    extern crate std;
    use super::*;

    #[test]
    fn a_pattern_is_about_comm_unless_it_says_otherwise() {
        for (text, field) in [
            ("^chrome$", Field::Comm),
            ("comm:^chrome$", Field::Comm),
            ("exe:^/opt/", Field::Exe),
            ("cmdline:--type=renderer", Field::Cmdline),
            // No field of ours: it belongs to the regex.
            ("tmux: server", Field::Comm),
            ("comm:name:x", Field::Comm),
        ] {
            assert_eq!(Pattern::parse(text).expect("valid").field(), field, "{text}");
        }
        assert!(Pattern::parse("comm:name:x").expect("valid").is_match(b"name:x"));
    }

    #[test]
    fn what_no_name_can_fit_is_no_pattern() {
        for (text, count) in [
            ("^kf-fifteen-bytes-long$", 21),
            ("comm:postgres_exporter", 17),
            (r"^java\.util\.logging$", 17),
            ("^a.cdefghijklmnopq", 17),
        ] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::NoComm(is) if is == count), "{text}: {error}");
        }
        for (text, count) in [("(postgres_background_worker)", 26), ("^(?:sixteen-bytes-xx|another-long-name)$", 16)] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::NoComm(is) if is == count), "{text}: {error}");
        }
        for text in ["Cmdline:pg", "EXE:/usr/bin/java", "Comm:java"] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::FieldIs(_)), "{text}: {error}");
        }
        for text in ["exe:^java$", "exe:^java", "exe:^usr/bin/java$"] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::NoPath), "{text}: {error}");
        }
        for text in ["java,db", "^java, db$", r#""a", "b""#] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::List), "{text}: {error}");
        }
        for text in ["^/usr/bin/java$", "/usr/bin/java", "/usr/sbin/nginx", "/bin/sh$"] {
            assert!(matches!(Pattern::parse(text), Err(Invalid::Path)), "{text}");
        }
        for text in ["[java]", "[java postgres]", "^[java]$", "[^a]", r"[\]x]", "[[:alpha:]_]", "[]a]"] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::Letters), "{text}: {error}");
        }
        for text in ["[Jj]ava", "[javx]+", "[ab][cd]", "comm:[java]", "cmdline:[x]", "[a]|[b]"] {
            assert!(Pattern::parse(text).is_ok(), "{text}");
        }
        for text in ["4242", "^4242$"] {
            assert!(matches!(Pattern::parse(text), Err(Invalid::Number)), "{text}");
        }
        for text in ["name:x", "user:postgres", "UID:1000", "cmd:x", "cgroup:/system.slice"] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::NoField(_)), "{text}: {error}");
        }
        for text in [
            "^fifteen-bytes-x$",
            "exe:^/a/path/of/some/more/bytes$",
            "cmdline:sixteen-bytes-xx",
            "^(kf-|x)fifteen-bytes-x",
            "(postgres_background_worker|pg)",
            "(postgres_background_worker)?pg",
            "exe:^.java$",
            "exe:^j?/java",
            "exe:^java|/jvm/",
            "exe:java",
            "/0",
            "cmdline:8080",
            "cmdline:a,b",
            "a{1,2}b",
            "comm:4242",
            "comm:a,b",
            "comm:^/usr/bin/x$",
            "7z",
        ] {
            assert!(Pattern::parse(text).is_ok(), "{text}");
        }
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
        for some in ["a+", "^x", r"\bx"] {
            assert!(Pattern::parse(some).is_ok(), "{some}");
        }
    }

    #[test]
    fn what_fits_whatever_a_process_is_called_is_no_pattern() {
        for (text, field) in [
            (".", Field::Comm),
            (".+", Field::Comm),
            ("^.+$", Field::Comm),
            ("..", Field::Comm),
            (r"\S", Field::Comm),
            ("comm:.", Field::Comm),
            ("comm:[^q]", Field::Comm),
            ("sh|.", Field::Comm),
            ("exe:/", Field::Exe),
            ("exe:^/", Field::Exe),
            ("exe:.", Field::Exe),
            ("exe:^/.*/", Field::Exe),
            ("cmdline:.", Field::Cmdline),
            (r"cmdline:\w", Field::Cmdline),
        ] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(matches!(error, Invalid::FitsAny(is) if is == field), "{text}: {error}");
        }
        // As wide as somebody may mean it.
        for text in
            ["s", "^.$", "comm:^[a-z]", "exe:^/(bin|usr|opt|home)/", "exe:^/opt/", "exe:sh$", "cmdline:/", "cmdline:-"]
        {
            assert!(Pattern::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_wrong_regex_is_an_error_with_words() {
        for wrong in ["(", "a**[", "exe:[z-a]", r"\p{Greek}"] {
            let error = Pattern::parse(wrong).expect_err(wrong);
            assert!(!std::format!("{error}").is_empty());
        }
    }
}

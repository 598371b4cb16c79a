//! The configuration file: lines of `name = value` under `[mode]`, where each name is a long option of the mode.
//!
//! A value is the bytes that stand there, as it is on the command line: a path may have any, and what takes UTF-8 alone says so with
//! the line. Nothing is put in a byte's place: a pattern that was changed fits others than those it was written for.

use std::borrow::Cow;
use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};

use memdoor::files::Unusable;
use memdoor::fixed::Fixed;
use memdoor::sys::ours::{Refused, Why, believed, is_missing};

use super::values::{quoted, whole};
use super::{Result, UsageError, kill};

/// Read when it is there and `--config` names no other.
const DEFAULT: &CStr = c"/etc/memdoor.conf";

/// Larger than any configuration: a device or a log named by mistake is not read to its end, and is refused. A part of one is no
/// configuration: `threshold = 95` would be cut to `threshold = 9`, and a `dry-run = true` behind the cut be lost.
const SIZE_MAX: usize = 256 * 1024;

/// The modes that read the configuration. A section of another mode would be read by nobody, and a line that does nothing is an error:
/// who has written it believes that it holds.
const SECTIONS: [&str; 2] = ["kill", "monitor"];

/// The section of lines before the first one: the keys of OOM Tracker's config.yaml are those of `kill`.
///
/// Another mode passes over them in the default file, which is everybody's, as far as `kill` knows them. In a file that was named
/// for it they would do nothing, and are an error.
const FIRST: &str = "kill";

/// Whose file it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum File {
    /// `--config` names it.
    Named,
    /// The default one.
    Everybodys,
}

/// A line of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Setting {
    /// The option without its two hyphens; underscores are hyphens.
    pub(super) name: String,
    /// Its value.
    pub(super) value: OsString,
    /// `FILE:LINE`.
    pub(super) origin: String,
}

/// Whether the default file has been read. One that is gone when a SIGHUP comes, as an editor or a deployment may move it away for a
/// moment, is no configuration that says nothing: without its `ignore` somebody would be ended whom it spares.
static WAS_THERE: AtomicBool = AtomicBool::new(false);

/// The lines of a section: of `named`, which must be there, or of the default file, which need not.
pub(super) fn read(named: Option<&CStr>, section: &str) -> Result<Vec<Setting>> {
    let path = named.unwrap_or(DEFAULT);
    let name = whole(OsStr::from_bytes(path.to_bytes()));
    // One more than it may have tells whether it has.
    let mut bytes = vec![0; SIZE_MAX + 1];
    let opened = believed(path).and_then(|file| {
        let length = file.fill(&mut bytes).map(<[u8]>::len);
        length.map_err(|errno| Refused { at: Fixed::of(path.to_bytes()), why: Why::Failed(errno) })
    });
    match opened {
        Ok(length) if length > SIZE_MAX => {
            return Err(UsageError::new(format!(
                "cannot read {}: it is larger than {} KiB, and no part of a configuration is taken for the whole\nhint: name another file: --config FILE",
                name.trim_matches('\''),
                SIZE_MAX >> 10
            )));
        }
        Ok(length) => {
            bytes.truncate(length);
            WAS_THERE.fetch_or(named.is_none(), Ordering::Relaxed);
        }
        Err(refused) if named.is_none() && is_missing(&refused) && WAS_THERE.load(Ordering::Relaxed) => {
            return Err(UsageError::unread(format!(
                "cannot read {name}: it was read before, and is gone\nhint: an empty file there is a configuration that says nothing: touch {name}"
            )));
        }
        Err(refused) if named.is_none() && is_missing(&refused) => return Ok(Vec::new()),
        Err(refused) => return Err(refuse(path, refused)),
    }
    let name = name.trim_matches('\'');
    if !is_utf_16(&bytes)
        && let Some(at) = bytes.iter().position(|byte| *byte == 0)
    {
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        return Err(UsageError::new(format!("{name}:{line}: a NUL byte stands there, and a configuration is text")));
    }
    if is_utf_16(&bytes) {
        return Err(UsageError::new(format!(
            "cannot read {name}: it is UTF-16, and a configuration is UTF-8\nhint: write it anew: iconv -f UTF-16 -t UTF-8 {name} > NEW"
        )));
    }
    let whose = if named.is_some() { File::Named } else { File::Everybodys };
    parse(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes), name, whose, section)
}

/// By its byte order mark, or, as `iconv -t UTF-16LE` leaves that out, because each of its first letters is half a NUL.
fn is_utf_16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, 0, 1..=255, ..] | [1..=255, 0, 1..=255, 0, ..])
}

/// For root, what others may write to is no configuration: whoever may would do with root's rights what it can say.
fn refuse(path: &CStr, refused: Refused) -> UsageError {
    let unusable =
        Unusable { doing: "read", path: path.to_bytes(), name: "configuration", option: "--config FILE", refused };
    UsageError::unread(format!("{unusable}\nhint: {}", unusable.hint()))
}

fn parse(text: &[u8], file: &str, whose: File, section: &str) -> Result<Vec<Setting>> {
    // `None`: above any section.
    let mut current = None;
    let mut found = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let origin = format!("{file}:{}", at + 1);
        let line = trim(line);
        let wrong = |why: &str| UsageError::new(format!("{origin}: {} {why}", quoted(OsStr::from_bytes(line))));
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b";") || line == b"---" {
            continue;
        }
        if let Some(name) = line.strip_prefix(b"[") {
            let name = name.strip_suffix(b"]").map(trim);
            let known = SECTIONS.into_iter().find(|known| Some(known.as_bytes()) == name);
            let sections = SECTIONS.map(|known| format!("[{known}]")).join(" and ");
            current = Some(known.ok_or_else(|| wrong(&format!("is no section: they are {sections}")))?);
            continue;
        }
        let end = line.iter().position(|byte| matches!(byte, b'=' | b':'));
        let (name, value) = end
            .and_then(|end| Some((str::from_utf8(trim(&line[..end])).ok()?, &line[end + 1..])))
            .ok_or_else(|| wrong("is no line of the kind name = value"))?;
        if name.is_empty() {
            return Err(wrong("has no name before its value"));
        }
        let name = name.replace('_', "-");
        if current.is_none() && section != FIRST && (whose == File::Named || !is_of_kill(&name)) {
            return Err(wrong(&format!(
                "stands above any section, and so is of memdoor {FIRST}: type [{section}] above it, or [{FIRST}]"
            )));
        }
        if current.unwrap_or(FIRST) == section {
            let (value, is_quoted) = (value_of(value), is_quoted(trim(value)));
            if is_list(&value) && !is_quoted {
                return Err(wrong(&format!(
                    "is a list, and a value is one word here: type a line {name} = VALUE for each, without brackets"
                )));
            }
            if starts_with_quote(&value) && !is_quoted {
                return Err(wrong("begins with a quote that ends nowhere, or behind whose end more follows"));
            }
            found.push(Setting { name, value: OsStr::from_bytes(&value).into(), origin });
        }
    }
    Ok(found)
}

/// Without blanks around it, those of Unicode among them where it is UTF-8.
fn trim(text: &[u8]) -> &[u8] {
    str::from_utf8(text).map_or_else(|_| text.trim_ascii(), |text| text.trim().as_bytes())
}

/// Whether it is a list of YAML or TOML, `["java", 'python']` or `[java, python]`: as a regex it would be a class of letters and fit
/// nearly everybody.
fn is_list(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    inner.is_some_and(|inner| inner.iter().any(|byte| matches!(byte, b'"' | b'\'')) || split(inner, b", ").is_some())
}

/// A value as the configuration may have it, and as a terminal may: what is printed is read as the same value.
pub(super) fn shown(value: &OsStr) -> String {
    let is_same = |text: &String| {
        let bytes = text.as_bytes();
        *value_of(bytes) == *value.as_bytes() && (is_quoted(bytes) || !is_list(bytes))
    };
    let text = value.to_str().filter(|text| !text.chars().any(char::is_control));
    let plain = text.filter(|text| !text.contains([' ', '#', '"', '\'']));
    let forms =
        [plain.map(str::to_string), text.map(|text| format!("\"{text}\"")), text.map(|text| format!("'{text}'"))];
    forms.into_iter().flatten().find(is_same).unwrap_or_else(|| {
        // As bash writes it, `printf %q`.
        let mut all = String::from("$'");
        for chunk in value.as_bytes().utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '\\' | '\'' => all.extend(['\\', letter]),
                    letter if letter.is_control() => {
                        letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| all.push_str(&format!("\\{byte:03o}")));
                    }
                    letter => all.push(letter),
                }
            }
            chunk.invalid().iter().for_each(|byte| all.push_str(&format!("\\{byte:03o}")));
        }
        all + "'"
    })
}

/// Whether a line above any section does something.
fn is_of_kill(name: &str) -> bool {
    kill::MODE.options.iter().any(|row| row.is_called(name))
}

/// What stands in quotes, where nothing but a comment is behind them.
fn quoted_part(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if let Some(rest) = text.strip_prefix(b"$'") {
        let (value, rest) = unescaped(rest)?;
        return is_end(rest).then_some(value.into());
    }
    [b'"', b'\''].into_iter().find_map(|quote| {
        let (inner, rest) = split(text.strip_prefix(&[quote])?, &[quote])?;
        is_end(rest).then_some(inner.into())
    })
}

fn starts_with_quote(text: &[u8]) -> bool {
    text.starts_with(b"$'") || matches!(text.first(), Some(b'"' | b'\''))
}

fn is_quoted(text: &[u8]) -> bool {
    quoted_part(text).is_some()
}

fn is_end(rest: &[u8]) -> bool {
    trim(rest).is_empty() || trim(rest).starts_with(b"#")
}

/// Up to the quote that no `\` stands before, as bash(1) reads `$'...'`, but for its characters by number (`\u`, `\U`, `\c`); and what is
/// behind it. A `\` before what it knows nothing of stays.
fn unescaped(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        let (letter, behind) = rest.split_first()?;
        rest = behind;
        match letter {
            b'\'' => return Some((value, rest)),
            b'\\' => {
                let (byte, behind) = escape(rest)?;
                value.extend(byte.is_none().then_some(b'\\'));
                value.extend(byte);
                rest = behind;
            }
            letter => value.push(*letter),
        }
    }
}

/// What stands behind a `\`: the byte that it means, if it means one, and what is behind that.
fn escape(text: &[u8]) -> Option<(Option<u8>, &[u8])> {
    let (letter, behind) = text.split_first()?;
    let simple = match letter {
        b'\\' | b'\'' | b'"' | b'?' => *letter,
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        b'e' | b'E' => 27,
        b'0'..=b'7' => {
            let (byte, behind) = number(text, 3, 8);
            return Some((Some(byte), behind));
        }
        b'x' if behind.first().is_some_and(u8::is_ascii_hexdigit) => {
            let (byte, behind) = number(behind, 2, 16);
            return Some((Some(byte), behind));
        }
        _ => return Some((None, text)),
    };
    Some((Some(simple), behind))
}

/// The byte of at most so many digits at the start, and what is behind them. As in bash `\400` is `\0`.
fn number(text: &[u8], most: usize, base: u32) -> (u8, &[u8]) {
    let digits = text.iter().take(most).map_while(|byte| char::from(*byte).to_digit(base));
    let length = digits.clone().count();
    let [low, ..] = digits.fold(0_u32, |sum, digit| sum * base + digit).to_le_bytes();
    (low, &text[length..])
}

/// In quotes it is taken as it is, and in `$'...'` as bash reads that ([`unescaped`]). Without quotes, blanks around it and what follows
/// ` #` are not part of it, so that one which begins with `#` is a comment behind an empty value.
fn value_of(text: &[u8]) -> Cow<'_, [u8]> {
    let text = trim(text);
    if text.starts_with(b"#") {
        return Cow::default();
    }
    quoted_part(text).unwrap_or_else(|| trim(split(text, b" #").map_or(text, |(value, _)| value)).into())
}

/// What stands before the first `by`, and what behind it.
fn split<'t>(text: &'t [u8], by: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let at = text.windows(by.len()).position(|part| part == by)?;
    Some((text.get(..at)?, text.get(at + by.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let settings = parse(text.as_bytes(), "f", File::Named, "kill").expect("valid");
        settings.into_iter().map(|one| (one.name, one.value.into_string().expect("UTF-8"))).collect()
    }

    #[test]
    fn what_stands_in_dollar_and_quotes_is_read_as_bash_reads_it() {
        for (text, value) in [
            (r"$'^p\\w+$'", r"^p\w+$"),
            (r"$'^p\w+$'", r"^p\w+$"),
            (r"$'a\.b'", r"a\.b"),
            (r"$'it\'s'", "it's"),
            (r"$'a\tb\x41\101\e'", "a\tbAA\u{1b}"),
            (r"$'\d\xg'", r"\d\xg"),
        ] {
            assert_eq!(pairs(&format!("[kill]\nonly = {text} # why\n")), [("only".into(), value.into())], "{text}");
        }
        for text in ["\"^python3$", "'x", "$'x", "\"a\" b", r"$'x\'"] {
            let wrong = parse(format!("only = {text}").as_bytes(), "f", File::Named, "kill").expect_err(text).words;
            assert!(wrong.starts_with("f:1: ") && wrong.contains("begins with a quote"), "{text}: {wrong}");
        }
    }

    #[test]
    fn a_section_holds_until_the_next() {
        let text = "# x\n\n[monitor]\nany = 1\n[kill]\n threshold= 80\nonly = \"a # b\"  # why\nprefer = x#y # z\n[monitor]\nz = 1\n";
        let expected = [("threshold", "80"), ("only", "a # b"), ("prefer", "x#y")];
        assert_eq!(pairs(text), expected.map(|(a, b)| (a.into(), b.into())));
    }

    #[test]
    fn yaml_of_oom_tracker_is_understood() {
        let text = "---\nmemory_threshold_percent: 85   # percent\nlog_level: \"INFO\"\n";
        let expected = [("memory-threshold-percent", "85"), ("log-level", "INFO")];
        assert_eq!(pairs(text), expected.map(|(a, b)| (a.into(), b.into())));
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        for (text, expected) in [
            ("a = 1\nnonsense\n", "f:2: 'nonsense' is no line of the kind name = value"),
            ("[frob]\n", "f:1: '[frob]' is no section: they are"),
            ("[kill\n", "f:1: '[kill' is no section: they are"),
            (
                "only = [\"java\", 'x']  # both\n",
                "f:1: 'only = [\"java\", 'x']  # both' is a list, and a value is one word here: type a line only = VALUE",
            ),
            ("[watch]\nquiet = true\n", "f:1: '[watch]' is no section: they are [kill] and [monitor]"),
        ] {
            let error = parse(text.as_bytes(), "f", File::Named, "kill").expect_err(text).words;
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_line_above_any_section_that_does_nothing_is_an_error_that_says_what_to_type() {
        let said = |text: &str, whose| parse(text.as_bytes(), "f", whose, "monitor").map_err(|error| error.words);
        let refused = "f:2: 'format = csv' stands above any section, and so is of memdoor kill: type [monitor] above it, or [kill]";
        assert_eq!(said("# x\nformat = csv\n", File::Named), Err(refused.into()));
        // Everybody's file may begin with what is kill's, and what nobody knows does nothing there either.
        for text in ["format = json\n", "memory_threshold_percent: 85\n"] {
            assert_eq!(said(&format!("{text}[monitor]\n"), File::Everybodys), Ok(Vec::new()));
        }
        let error = said("max-bytes = 1M\n[monitor]\n", File::Everybodys).expect_err("nobody's");
        assert!(error.starts_with("f:1: 'max-bytes = 1M' stands above any section"), "{error}");
        assert_eq!(said("[kill]\nformat = json\n", File::Named), Ok(Vec::new()));
    }

    #[test]
    fn bytes_that_are_no_utf_8_stay_what_they_are() {
        let text = b"# gr\xf6sse\nlog-file = '/tmp/gr\xf6sse'  # gr\xf6sse\nignore: ^gr\xf6sse \r\n";
        let settings = parse(text, "f", File::Named, "kill").expect("valid");
        let values: Vec<&[u8]> = settings.iter().map(|one| one.value.as_bytes()).collect();
        assert_eq!(values, [&b"/tmp/gr\xf6sse"[..], b"^gr\xf6sse"]);
        let error = parse(b"\xf6 = 1\n", "f", File::Named, "kill").expect_err("no name").words;
        assert!(error.starts_with("f:1: '\\366 = 1' is no line of the kind"), "{error}");
    }

    #[test]
    fn a_class_of_letters_is_no_list() {
        for text in ["[abc]x", "[\"a]x", "x[\"]", "[abc]", "[a,b]"] {
            assert!(!is_list(text.as_bytes()), "{text}");
        }
    }
}

//! The configuration file: lines of `name = value` under `[mode]`, where each name is a long option of the mode.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;

use memdoor::fixed::Fixed;
use memdoor::modes::files::Unusable;
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
    pub(super) value: String,
    /// `FILE:LINE`.
    pub(super) origin: String,
}

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
            return Err(UsageError(format!(
                "cannot read {}: it is larger than {} KiB, and no part of a configuration is taken for the whole\nhint: name another file: --config FILE",
                name.trim_matches('\''),
                SIZE_MAX >> 10
            )));
        }
        Ok(length) => bytes.truncate(length),
        Err(refused) if named.is_none() && is_missing(&refused) => return Ok(Vec::new()),
        Err(refused) => return Err(refuse(path, refused)),
    }
    let text = String::from_utf8_lossy(&bytes);
    let whose = if named.is_some() { File::Named } else { File::Everybodys };
    parse(&text, name.trim_matches('\''), whose, section)
}

/// For root, what others may write to is no configuration: whoever may would do with root's rights what it can say.
fn refuse(path: &CStr, refused: Refused) -> UsageError {
    let unusable =
        Unusable { doing: "read", path: path.to_bytes(), name: "configuration", option: "--config FILE", refused };
    UsageError(format!("{unusable}\nhint: {}", unusable.hint()))
}

fn parse(text: &str, file: &str, whose: File, section: &str) -> Result<Vec<Setting>> {
    // `None`: above any section.
    let mut current = None;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let origin = format!("{file}:{}", at + 1);
        let wrong = |why: &str| UsageError(format!("{origin}: {} {why}", quoted(line.as_ref())));
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) || line == "---" {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').map(str::trim);
            let known = SECTIONS.into_iter().find(|known| Some(*known) == name);
            let sections = SECTIONS.map(|known| format!("[{known}]")).join(" and ");
            current = Some(known.ok_or_else(|| wrong(&format!("is no section: they are {sections}")))?);
            continue;
        }
        let end = line.find(['=', ':']);
        let (name, value) = end
            .map(|end| (line[..end].trim(), &line[end + 1..]))
            .ok_or_else(|| wrong("is no line of the kind name = value"))?;
        let name = name.replace('_', "-");
        if current.is_none() && section != FIRST && (whose == File::Named || !is_of_kill(&name)) {
            return Err(wrong(&format!(
                "stands above any section, and so is of memdoor {FIRST}: type [{section}] above it, or [{FIRST}]"
            )));
        }
        if current.unwrap_or(FIRST) == section {
            found.push(Setting { name, value: value_of(value).into(), origin });
        }
    }
    Ok(found)
}

/// A value as the configuration may have it, and as a terminal may.
pub(super) fn shown(value: &OsStr) -> String {
    let text = match value.to_str() {
        Some(text) if !text.chars().any(char::is_control) => text,
        _ => return whole(value),
    };
    let is_plain = text.trim() == text && !text.contains([' ', '#', '"', '\'']);
    match (is_plain, text.contains('"')) {
        (true, _) => text.into(),
        (false, false) => format!("\"{text}\""),
        (false, true) => format!("'{text}'"),
    }
}

/// Whether a line above any section does something.
fn is_of_kill(name: &str) -> bool {
    kill::MODE.options.iter().any(|row| row.key() == name || row.other_name == name)
}

/// In quotes it is taken as it is; without, blanks around it and what follows ` #` are not part of it, so that one which begins with
/// `#` is a comment behind an empty value.
fn value_of(text: &str) -> &str {
    let text = text.trim();
    if text.starts_with('#') {
        return "";
    }
    for quote in ['"', '\''] {
        let inner = text.strip_prefix(quote).and_then(|text| text.split_once(quote));
        if let Some((inner, rest)) = inner
            && (rest.trim().is_empty() || rest.trim_start().starts_with('#'))
        {
            return inner;
        }
    }
    text.split_once(" #").map_or(text, |(value, _)| value).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let settings = parse(text, "f", File::Named, "kill").expect("valid");
        settings.into_iter().map(|one| (one.name, one.value)).collect()
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
            ("[watch]\nquiet = true\n", "f:1: '[watch]' is no section: they are [kill] and [monitor]"),
        ] {
            let error = parse(text, "f", File::Named, "kill").expect_err(text).0;
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_line_above_any_section_that_does_nothing_is_an_error_that_says_what_to_type() {
        let said = |text: &str, whose| parse(text, "f", whose, "monitor").map_err(|error| error.0);
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
}

//! What `--help` and `--version` print, from the tables of options: at most 80 columns.

use super::options::{Mode, Row, Takes};
use super::{Result, UsageError};

/// Columns of a terminal.
const WIDTH: usize = 80;
/// Where descriptions begin.
const COLUMN: usize = 23;
/// Where a synopsis goes on.
const USAGE: usize = 15;

/// What every mode has.
const ABOUT: [(&str, &str); 2] = [("-h, --help", "this text"), ("-V, --version", "the version")];
/// What each has that reads the configuration.
const CONFIG: [(&str, &str); 2] = [
    (
        "    --config FILE",
        "default /etc/memdoor.conf, if it is there: lines of name = value under [MODE]; the names are these options. As root, \
         one that others may write to is refused",
    ),
    ("    --print-config", "shows what holds and where it comes from"),
];

/// `memdoor version 2.0.0`
pub(super) fn version() -> String {
    format!("memdoor version {}\n", env!("CARGO_PKG_VERSION"))
}

/// `memdoor MODE --help`
pub(super) fn of<T>(mode: &Mode<T>) -> String {
    let mut text = version() + &usage(mode) + "\n";
    for paragraph in mode.about.split('\n') {
        wrap(&mut text, 0, 0, paragraph);
    }
    text.push('\n');
    for (word, words) in mode.described {
        describe(&mut text, word, words);
    }
    let mut heads = Vec::new();
    for row in mode.options {
        heads.push(head(row));
        if !row.help.is_empty() {
            describe(&mut text, &joined(&heads), &help(row));
            heads.clear();
        }
    }
    if mode.has_config() {
        for (head, words) in CONFIG {
            describe(&mut text, head, &words.replace("MODE", mode.name));
        }
    }
    for (head, words) in ABOUT {
        describe(&mut text, head, words);
    }
    text.push('\n');
    if !mode.more.is_empty() {
        text.push_str(mode.more);
        text.push('\n');
    }
    text.push_str("exit codes:\n");
    for (code, words) in mode.codes {
        text.push_str(&format!("  {code}  "));
        wrap(&mut text, 5, 5, words);
    }
    text
}

/// The synopsis: options that it does not name itself follow in brackets.
pub(super) fn usage<T>(mode: &Mode<T>) -> String {
    let own = mode.usage.join("\n       ");
    let mut text = format!("usage: {own}");
    let mut column = text.rsplit('\n').next().unwrap_or_default().len();
    let options = mode.options.iter().filter(|row| !row.typed().any(|name| own.contains(name)));
    let mut words: Vec<String> = options.map(bracketed).collect();
    if mode.has_config() {
        words.extend(["[--config FILE]".into(), "[--print-config]".into()]);
    }
    for word in words {
        if column + 1 + word.len() > WIDTH {
            text.push_str(&format!("\n{:USAGE$}{word}", ""));
            column = USAGE + word.len();
        } else {
            text.push_str(&format!(" {word}"));
            column += 1 + word.len();
        }
    }
    if mode.name.is_empty() {
        for other in super::other_modes().into_iter().flat_map(|(_, usage)| usage) {
            text.push_str(&format!("\n       {other}"));
        }
    }
    text + "\n"
}

/// `[-n|--top N]`
fn bracketed<T>(row: &Row<T>) -> String {
    let names = row.names.replace(", ", "|");
    let more = if row.is_many() { "..." } else { "" };
    match row.word() {
        Some(word) => format!("[{names} {word}]{more}"),
        None => format!("[{names}]"),
    }
}

/// `-p, --pid PID`; without a short name where the long one would stand.
fn head<T>(row: &Row<T>) -> String {
    let indent = if row.names.starts_with("--") { "    " } else { "" };
    match &row.takes {
        Takes::Nothing(_) => format!("{indent}{}", row.names),
        Takes::Value(valued) => format!("{indent}{} {}", row.names, valued.word),
    }
}

/// Options that are described together.
fn joined(heads: &[String]) -> String {
    let mut all = heads.iter();
    let first = all.next().cloned().unwrap_or_default();
    all.fold(first, |text, head| format!("{text}, {}", head.trim_start()))
}

fn help<T>(row: &Row<T>) -> String {
    match row.default {
        "" => row.help.into(),
        default => format!("{}; default {default}", row.help),
    }
}

fn describe(text: &mut String, head: &str, words: &str) {
    let head = format!("  {head}");
    text.push_str(&head);
    let column = head.len();
    if column + 1 > COLUMN {
        text.push_str(&format!("\n{:COLUMN$}", ""));
    } else {
        text.push_str(&" ".repeat(COLUMN - column));
    }
    wrap(text, COLUMN, COLUMN, words);
}

/// Appends words and a newline: the first line begins at `column`, the others behind `indent` blanks.
fn wrap(text: &mut String, mut column: usize, indent: usize, words: &str) {
    let start = column;
    for word in words.split(' ') {
        let is_first = column == start && !text.ends_with(|end: char| end != ' ' && end != '\n');
        if !is_first && column + 1 + word.len() > WIDTH {
            text.push_str(&format!("\n{:indent$}", ""));
            column = indent;
        } else if !is_first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
    text.push('\n');
}

/// Whoever typed a mode that is not one is told which there are.
pub(super) fn unknown_mode<T>(word: &str) -> Result<T> {
    let [others @ .., last] = super::other_modes().map(|(name, _)| name);
    Err(UsageError::new(format!("unknown mode {word}: the modes are watch, {} and {last}", others.join(", "))))
}

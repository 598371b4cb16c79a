//! Lines to records: one each, or several as in the journal's forms.

extern crate alloc;

mod binary;

use binary::{Binary, Next};

use super::entry::Entry;
use super::escape::lines_of;
use super::event::Position;
use super::json::{Value, members};
use super::prefix;
use super::record::Record;
use super::scan::{Part, Take};

/// What the lines are now. They may change their form at any line: files are concatenated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A record a line.
    Lines,
    /// JSON whose object is not complete yet: journalctl -o json-pretty, dmesg --json.
    Json,
    /// journalctl -o verbose: a line with the time, and `NAME=value` lines behind four blanks.
    Verbose,
    /// journalctl -o export: `NAME=value` lines.
    Export,
    /// Of those a binary value: its name on a line, its length in eight bytes, and that many bytes.
    Binary(Binary),
}

/// The form so far, and a record that has begun.
pub(super) struct Forms {
    form: Form,
    entry: Entry,
}

impl Forms {
    pub(super) fn new() -> Self {
        Self { form: Form::Lines, entry: Entry::default() }
    }

    pub(super) fn reset(&mut self) {
        self.form = Form::Lines;
        self.entry.clear();
    }

    /// The next line without its newline, and its number.
    pub(super) fn line(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        match self.form {
            Form::Binary(binary) => match binary.line(line, &mut self.entry) {
                Next::Binary(binary) => {
                    self.form = Form::Binary(binary);
                    Part::Other
                }
                Next::Export => {
                    self.form = Form::Export;
                    Part::Other
                }
                Next::Lines => {
                    self.reset();
                    self.other(line, at, take)
                }
            },
            Form::Export => self.export(line, at, take),
            Form::Verbose => self.verbose(line, at, take),
            Form::Json | Form::Lines => self.other(line, at, take),
        }
    }

    /// What has begun ends here.
    pub(super) fn end(&mut self, take: &mut Take<'_>) -> Part {
        self.form = Form::Lines;
        self.emit(take)
    }

    fn other(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        let inside = line.trim_ascii();
        match inside.first() {
            Some(b'{') if matches!(inside.get(1), None | Some(b'"' | b' ' | b'\t')) => {
                self.entry.clear();
                self.json(inside, at, take)
            }
            Some(b'"' | b'}' | b']') if self.form == Form::Json => self.json(inside, at, take),
            Some(b'"') if line.first() != Some(&b'"') && is_member(inside) => self.json(inside, at, take),
            Some(b'0'..=b'9') if self.form == Form::Json && is_numbers(inside) => {
                self.entry.numbers(inside);
                Part::Other
            }
            Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') if verbose_head(line).is_some() => {
                self.verbose(line, at, take)
            }
            Some(b'_' | b'M') if verbose_field(line).is_some() => {
                self.entry.clear();
                self.verbose(line, at, take)
            }
            None if self.form == Form::Json => Part::Other,
            Some(b'_' | b'M') if is_field_of_export(line) => {
                self.entry.clear();
                self.form = Form::Export;
                self.export(line, at, take)
            }
            _ => {
                self.form = Form::Lines;
                hand_on(prefix::record(line), at, take)
            }
        }
    }

    /// A whole object, or a part of one.
    fn json(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        self.form = Form::Json;
        let mut part = Part::Other;
        if line.starts_with(b"}") {
            part = self.emit(take);
        }
        let entry = &mut self.entry;
        members(line, |name, value| entry.member(name, value, at));
        let ends = line.strip_suffix(b",").unwrap_or(line).ends_with(b"}");
        if ends && line.len() > 2 && part != Part::Stop {
            self.form = Form::Lines;
            let last = self.emit(take);
            part = both(part, last);
        }
        part
    }

    fn export(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        if line.is_empty() {
            return self.end(take);
        }
        let length = name_length(line);
        match line.get(length) {
            Some(b'=') => {
                let (name, value) = (&line[..length], &line[length + 1..]);
                self.entry.member(name, Value::Bare(value), at);
                Part::Other
            }
            None => {
                self.form = Form::Binary(Binary::new(line, at));
                Part::Other
            }
            Some(_) => {
                let part = self.end(take);
                if part == Part::Stop {
                    return part;
                }
                both(part, self.other(line, at, take))
            }
        }
    }

    /// A field is one of the entry that has begun, whose message may go on; the next head ends it, and so does anything else.
    fn verbose(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        self.form = Form::Verbose;
        if let Some((name, value)) = verbose_field(line) {
            self.entry.member(name, Value::Bare(value), at);
            return Part::Other;
        }
        if let Some(rest) = line.strip_prefix(MESSAGE_GOES_ON) {
            self.entry.append(b"\n", at);
            self.entry.append(rest, at);
            return Part::Other;
        }
        let part = self.end(take);
        if part == Part::Stop {
            return part;
        }
        let Some((time, boot_id)) = verbose_head(line) else {
            return both(part, self.other(line, at, take));
        };
        self.form = Form::Verbose;
        self.entry.begun(time, boot_id);
        part
    }

    fn emit(&mut self, take: &mut Take<'_>) -> Part {
        let at = self.entry.line();
        let part = match self.entry.record() {
            Some(record) => hand_on(record, at, take),
            None => Part::Other,
        };
        self.entry.clear();
        part
    }
}

fn hand_on(record: Record<'_>, at: Position, take: &mut Take<'_>) -> Part {
    let mut part = Part::Other;
    for line in lines_of(record) {
        part = both(part, take(line, at));
        if part == Part::Stop {
            break;
        }
    }
    part
}

fn both(one: Part, other: Part) -> Part {
    match (one, other) {
        (Part::Stop, _) | (_, Part::Stop) => Part::Stop,
        (Part::Report, _) | (_, Part::Report) => Part::Report,
        _ => Part::Other,
    }
}

/// `"name" : ` with something behind it: a member on a line of its own.
fn is_member(line: &[u8]) -> bool {
    let mut found = false;
    members(line, |_, _| found = true);
    found
}

/// `101,`: of an array with an element a line.
fn is_numbers(line: &[u8]) -> bool {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b',' | b' ');
    line.iter().all(is_part)
}

/// The blanks before a message's further lines: as many as `    MESSAGE=` takes.
const MESSAGE_GOES_ON: &[u8] = b"            ";

/// `Fri 2025-11-21 10:03:52.027622 UTC [s=..;i=..;b=..;m=..;t=..;x=..]`: the time and the boot.
fn verbose_head(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = line.trim_ascii_end().strip_suffix(b"]")?;
    let at = memchr::memmem::find(inside, b" [s=")?;
    let mut fields = inside[at + 2..].split(|byte| *byte == b';');
    let boot_id = fields.find_map(|field| field.strip_prefix(b"b="))?;
    Some((&line[..at], boot_id))
}

/// `    NAME=value`.
fn verbose_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let field = line.strip_prefix(b"    ")?;
    let length = name_length(field);
    let value = field.get(length..)?.strip_prefix(b"=")?;
    (length > 2).then_some((&field[..length], value))
}

/// The fields that journald gives every entry, any of which may be the first that is left.
fn is_field_of_export(line: &[u8]) -> bool {
    let length = name_length(line);
    let is_ours = line.starts_with(b"MESSAGE") || line.starts_with(b"_");
    is_ours && length > 2 && line.get(length) == Some(&b'=')
}

fn name_length(line: &[u8]) -> usize {
    line.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'_').count()
}

#[cfg(test)]
mod tests;

//! Lines to records: one each, or several as in the journal's forms, or a part of a line as in compact JSON.
mod binary;

use binary::{Binary, Next};

use super::entry::Entry;
use super::escape::lines_of;
use super::event::Position;
use super::json::{Token, Value, members, tokens};
use super::markup;
use super::prefix;
use super::quoted_printable::{self, Soft};
use super::record::Record;
use super::scan::{Part, Take};
use super::split::{Split, second};
use super::unwrap::{Unwrap, Wrap};

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
    /// How many objects have begun on earlier lines that are members' values: they are parts of the one around them.
    inside: usize,
    unwrap: Unwrap,
    /// Whether the lines are those of a web page.
    is_marked_up: bool,
    /// Lines of a mail that go on, where it has such.
    soft: Option<Soft>,
    split: Split,
}

impl Forms {
    pub(super) fn new() -> Self {
        Self {
            form: Form::Lines,
            entry: Entry::default(),
            inside: 0,
            unwrap: Unwrap::default(),
            is_marked_up: false,
            soft: None,
            split: Split::default(),
        }
    }

    pub(super) fn reset(&mut self) {
        self.form = Form::Lines;
        self.inside = 0;
        self.entry.clear();
    }

    /// Another log begins with this text.
    pub(super) fn begin(&mut self, start: &[u8]) {
        self.unwrap.begin(Wrap::of(start));
        self.is_marked_up = markup::is_in(start);
        self.soft = quoted_printable::is_in(start).then(Soft::default);
        self.split.clear();
    }

    /// Whether they are put together again.
    pub(super) const fn is_cut_at_a_width(&self) -> bool {
        self.unwrap.cuts_words()
    }

    /// The next line without its newline, and its number.
    pub(super) fn line(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        // Values of any bytes are nobody's lines.
        if !self.ends_at_cr() {
            return self.whole(line, at, take);
        }
        if let Some(soft) = &mut self.soft {
            let Some((line, at)) = soft.next(line, at) else {
                return Part::Other;
            };
            return self.unmarked(&line, at, take);
        }
        self.unmarked(line, at, take)
    }

    /// A line as the mail had it that carried it.
    fn unmarked(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        if self.is_marked_up {
            return self.unsplit(&markup::undone(line), at, take);
        }
        self.unsplit(line, at, take)
    }

    /// A line as the page had it that it was in.
    fn unsplit(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        let mut part = Part::Other;
        match self.split.next(line, at) {
            None => return self.unwrapped(line, at, take),
            Some(ready) => {
                for (line, at) in ready.into_iter().flatten() {
                    part = part.and(self.unwrapped(&line, at, take));
                }
            }
        }
        part
    }

    /// A line as the container's runtime got it.
    fn unwrapped(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        if !self.unwrap.is_needed() || self.form != Form::Lines {
            return self.whole(line, at, take);
        }
        let mut part = Part::Other;
        for (line, at) in self.unwrap.next(line, at).into_iter().flatten() {
            part = part.and(self.whole(&line, at, take));
            if part == Part::Stop {
                break;
            }
        }
        part
    }

    fn whole(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
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
        let mut part = Part::Other;
        if let Some((line, at)) = self.soft.as_mut().and_then(Soft::end) {
            part = part.and(self.unmarked(&line, at, take));
        }
        if let Some((line, at)) = self.split.end() {
            part = part.and(self.unwrapped(&line, at, take));
        }
        if let Some((line, at)) = self.unwrap.end() {
            part = part.and(self.whole(&line, at, take));
        }
        self.form = Form::Lines;
        part = part.and(self.emit(take));
        let at = self.entry.line();
        part.and(self.entry.rest(&mut |record| hand_on(record, at, take)))
    }

    /// Whether a CR alone ends a line, as old captures of terminals have it: the values of the journal's export form may hold any byte.
    pub(super) const fn ends_at_cr(&self) -> bool {
        !matches!(self.form, Form::Binary(_) | Form::Export)
    }

    /// The whole objects that a line of JSON begins with, which is longer than what is kept of one; and how much of it they take, 0 where
    /// it is no JSON or no object has ended.
    pub(super) fn objects(&mut self, start: &[u8], at: Position, take: &mut Take<'_>) -> (Part, usize) {
        if !self.is_json(without_mark(start)) {
            return (Part::Other, 0);
        }
        self.form = Form::Json;
        let (part, used) = self.json(start, at, take);
        // Of the object that goes on nothing is known yet.
        self.entry.clear();
        (part, used)
    }

    /// Whether this is the start of an object, or of more of what has begun.
    pub(super) fn is_json(&self, line: &[u8]) -> bool {
        match line.first() {
            Some(b'{') => matches!(line.get(1), None | Some(b'"' | b' ' | b'\t')),
            Some(b'[') => matches!(line[1..].trim_ascii_start(), [b'{', b'"', ..]),
            Some(b'"' | b'}' | b']' | b',') => self.form == Form::Json,
            _ => false,
        }
    }

    fn other(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> Part {
        let inside = without_mark(line.trim_ascii());
        match inside.first() {
            _ if self.is_json(inside) => {
                self.form = Form::Json;
                self.json(inside, at, take).0
            }
            Some(b'"') if line.first() != Some(&b'"') && is_member(inside) => {
                self.form = Form::Json;
                self.json(inside, at, take).0
            }
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
                // An object that was cut has ended all the same.
                let part = if self.form == Form::Json { self.emit(take) } else { Part::Other };
                self.form = Form::Lines;
                self.inside = 0;
                if part == Part::Stop {
                    return part;
                }
                part.and(hand_on(prefix::record(line), at, take))
            }
        }
    }

    /// Whole objects, or a part of one; and where the last of those ends that are records of their own. An object that is a member's
    /// value is a part of the one around it, one of an array is a record when its message is in it and not around it.
    fn json(&mut self, line: &[u8], at: Position, take: &mut Take<'_>) -> (Part, usize) {
        let (mut part, mut used) = (Part::Other, 0);
        // The objects that have begun in this line, and within how many the message is.
        let (mut open, mut of_message) = (Vec::new(), 0);
        tokens(line, |token, end| match token {
            _ if part == Part::Stop => {}
            Token::Member(name, value) => {
                let had_message = self.entry.has_message();
                self.entry.member(name, value, at);
                if !had_message {
                    of_message = open.len();
                }
            }
            Token::Element(text) => part = part.and(self.entry.element(text, &mut |record| hand_on(record, at, take))),
            Token::OpensInside => open.push(token),
            Token::Opens => {
                // What was before it was cut, or it is a member's on a line of its own.
                if open.is_empty() {
                    part = part.and(self.emit(take));
                    self.inside = 0;
                }
                open.push(token);
            }
            Token::Closes => {
                let depth = open.len();
                let is_record = match open.pop() {
                    Some(Token::OpensInside) => false,
                    // Of one without a message the object around it may have more: a list of labels is before many a text.
                    Some(_) => open.is_empty() || self.entry.has_message() && of_message >= depth,
                    // It has begun on another line.
                    None if self.inside > 0 => {
                        self.inside -= 1;
                        false
                    }
                    None => true,
                };
                if is_record {
                    part = part.and(self.emit(take));
                    used = end;
                }
            }
        });
        self.inside += open.iter().filter(|token| **token == Token::OpensInside).count();
        if line.len() > 2 && line[used..].trim_ascii_start().len() <= usize::from(line.ends_with(b",")) {
            self.form = Form::Lines;
        }
        (part, used)
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
                part.and(self.other(line, at, take))
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
            return part.and(self.other(line, at, take));
        };
        self.form = Form::Verbose;
        self.entry.begun(time, boot_id);
        part
    }

    fn emit(&mut self, take: &mut Take<'_>) -> Part {
        let at = self.entry.line();
        let part = self.entry.records(&mut |record| hand_on(record, at, take));
        self.entry.clear();
        part
    }
}

/// The lines of a record.
pub(super) fn hand_on(record: Record<'_>, at: Position, take: &mut Take<'_>) -> Part {
    let mut part = Part::Other;
    for line in lines_of(record) {
        match second(&line) {
            Some((first, second)) => part = part.and(take(first, at)).and(take(second, at)),
            None => part = part.and(take(line, at)),
        }
        if part == Part::Stop {
            break;
        }
    }
    part
}

/// How far into a line a tool may say whose object follows.
const TOLD: usize = 200;

/// Without what stands before an object: the mark of RFC 7464 (journalctl -o json-seq), the field of an event stream (json-sse), the host that
/// Ansible got it from (`web1 | CHANGED => {`).
fn without_mark(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\x1e").unwrap_or(line);
    if let Some(object @ [b'{', ..]) = line.strip_prefix(b"data: ") {
        return object;
    }
    let near = &line[..line.len().min(TOLD)];
    match memchr::memmem::find(near, b" => {") {
        Some(at) if line[at + 5..].is_empty() || line[at + 5..].trim_ascii_start().starts_with(b"\"") => {
            &line[at + 4..]
        }
        _ => line,
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

//! Lines that somebody has wrapped: a terminal, a pager or a form at its last column, a mail at a blank. They are put together before anybody
//! reads them, as a number that ends there is another number, a name another name, and half a list of free blocks another list.
//!
//! That is known of a log whose kernel lines have prefixes: what has none is the rest of the line before it.
//!
//! 1. At a column: no line is longer than the width, every piece but the last is as long as that, and what follows has no prefix.
//! 2. At a blank: the word that a line without a prefix begins with would not have fitted where others have their last blank, and it is no line
//!    of the kernel's as it stands. What begins with blanks is below the line before it, and no rest of it. A newline in a process's name is
//!    another thing: lines that are longer show that nobody wrapped there (`assemble/wrapped/name.rs`).
//!
//! Where no line has a prefix, nothing tells the rest of a line from the next one, but the words that it begins with
//! (`assemble/wrapped.rs`).
use super::event::Position;
use super::feed::LINE;
use super::prefix;
use super::record::Origin;
use crate::parse::oom_report::kill::{Killed, Scope, Selected, Summary};
use crate::parse::oom_report::{Line, line as line_of};

/// Terminals and forms are as wide as this. In any other log it takes more than one line to tell.
const WIDTHS: [usize; 7] = [80, 100, 120, 132, 140, 160, 200];

/// So many lines that go on where nothing but their length tells.
const ENOUGH: usize = 3;

/// So much of a log is looked at for lines that were wrapped at a blank: each of them is taken apart.
const LOOKED_AT: usize = 128 << 10;

/// So many lines are looked at for a width.
const MOST: usize = 4096;

/// dmesg writes the rest of a record below its text, at least so far to the right.
const BELOW: usize = 15;

/// What may be left of a row is shorter.
const ROW: usize = 160;

/// How the lines of a log were wrapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrap {
    /// At that column.
    At(usize),
    /// At a blank. The last blank of no line is further to the right than this.
    Blank(usize),
}

impl Wrap {
    /// How those were that this text begins with; `None`: nobody has.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        width(text)
            .map(Self::At)
            .or_else(|| widest(text).map(Self::Blank))
            .or_else(|| width_of_bare(text).map(Self::At))
    }
}

/// Whether a line has no prefix.
fn is_bare(line: &[u8]) -> bool {
    prefix::record(line).is_bare()
}

/// The width that a log which begins with this text was cut at.
fn width(text: &[u8]) -> Option<usize> {
    let without_cr = |line: &'_ [u8]| line.len() - usize::from(line.ends_with(b"\r"));
    let lines = || text.split(|byte| *byte == b'\n');
    let longest = lines().map(without_cr).max()?;
    if !(60..=300).contains(&longest) {
        return None;
    }
    let (mut full, mut goes_on, mut others) = (0, 0, 0);
    // Whether the line before is full, and has a prefix or goes on with one that has.
    let mut is_wrapped = false;
    for line in lines().take(MOST) {
        let is_bare = is_wrapped && !line.is_empty() && is_bare(line);
        // A mail wraps at the blank before, and lines of any length go on.
        others += usize::from(!is_wrapped && matches!(kind(line), Kind::Rest));
        goes_on += usize::from(is_bare);
        let is_full = without_cr(line) == longest && !line.starts_with(b"{");
        full += usize::from(is_full);
        is_wrapped = is_full && (is_bare || !self::is_bare(line));
    }
    let is_width = WIDTHS.contains(&longest) && goes_on > 0 || goes_on >= ENOUGH;
    // Others end with a line that was as long, or were cut off there.
    (is_width && goes_on * 2 >= full && others <= goes_on).then_some(longest)
}

/// The same of a log whose lines have no prefix: those that are as long as the longest are followed by what is no line of a report's.
fn width_of_bare(text: &[u8]) -> Option<usize> {
    let lines = || text.split(|byte| *byte == b'\n').take(MOST);
    let longest = lines().map(<[u8]>::len).max()?;
    if !(60..=300).contains(&longest) || lines().any(|line| !is_bare(line)) {
        return None;
    }
    // Texts of anybody's are as wide as they like.
    let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    if !has(b"oom-kill") && !has(b"ut of memory") && !has(b"total_vm") {
        return None;
    }
    let (mut full, mut goes_on, mut all) = (0, 0, 0);
    let mut is_full = false;
    for line in lines() {
        all += 1;
        goes_on += usize::from(is_full && !line.is_empty() && line_of(line) == Line::Other);
        is_full = line.len() == longest && !line.starts_with(b"{");
        full += usize::from(is_full);
    }
    (full > ENOUGH && full * 2 < all && goes_on * 4 >= full * 3).then_some(longest)
}

/// What a line may be for those around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It has a prefix, or stands below one that has: more of it may follow.
    Begins,
    /// It may be the rest of the line before it.
    Rest,
    /// It is a line as it stands, and the rest of one only where that has nothing but its prefix: a long word did not fit behind it.
    Whole,
    /// It is neither.
    Apart,
}

fn kind(line: &[u8]) -> Kind {
    let blanks = line.iter().take_while(|byte| **byte == b' ').count();
    let record = prefix::record(line);
    if record.origin != Origin::Unknown || record.when.wall.is_some() || record.when.boot_us.is_some() {
        return Kind::Begins;
    }
    if blanks >= BELOW {
        return Kind::Begins;
    }
    let text = record.text;
    if text.is_empty() || matches!(text[0], b' ' | b'\t' | b'{' | b'}') {
        return Kind::Apart;
    }
    if is_whole(text) { Kind::Whole } else { Kind::Rest }
}

/// Whether it is a line of the kernel's as it stands.
fn is_whole(text: &[u8]) -> bool {
    match line_of(text) {
        // Of Linux 2.6.9 it has no name; else that is on the line before.
        Line::Header(header) => header.gfp_mask.is_some() && header.comm.is_some(),
        Line::Killed(Killed { scope, comm: Some(_), .. }) => !matches!(scope, Scope::Unsaid | Scope::Unknown),
        Line::Selected(Selected { comm: Some(_), .. }) | Line::Summary(Summary { pid: Some(_), .. }) => true,
        Line::Row(row) => row.is_certain(),
        Line::Columns(columns) => columns.are_certain(),
        Line::MemInfo
        | Line::Title
        | Line::Stats(_)
        | Line::Whose(_)
        | Line::Usage(_)
        | Line::Running(_)
        | Line::Group(_)
        | Line::NoneKillable
        | Line::Panic(_)
        | Line::Boot
        | Line::Cut => true,
        _ => false,
    }
}

/// Whether a line has nothing behind its prefix.
fn is_empty(line: &[u8]) -> bool {
    prefix::record(line).text.trim_ascii().is_empty()
}

/// Where the last blank of a line is, at which a mail would have wrapped it.
fn last_blank(line: &[u8]) -> usize {
    memchr::memrchr(b' ', line.trim_ascii_end()).unwrap_or(0)
}

/// No mail has a line with a blank so far to the right: RFC 5322 wants 78 columns at most.
const WIDE: usize = 80;

/// How long a line would have been with the first word of the next one; where it ends in a process's name, a newline in that is as likely, but
/// in a log that is as narrow as mails are.
fn needed(text: &[u8], columns: usize, rest: &[u8]) -> usize {
    let rest = prefix::record(rest).text;
    let word = rest.iter().take_while(|byte| **byte != b' ').count();
    let text = prefix::record(text).text.trim_ascii_end();
    let is_in_name = match line_of(text) {
        Line::Killed(killed) => killed.comm.is_none() || killed.total_vm.is_none(),
        Line::Selected(selected) => selected.comm.is_none(),
        Line::Summary(summary) => summary.pid.is_none(),
        Line::Begun(_) => true,
        Line::Other => [&b" Comm:"[..], b" comm:"].iter().any(|word| memchr::memmem::find(text, word).is_some()),
        _ => false,
    };
    let needed = columns + 1 + word;
    if is_in_name { needed.min(WIDE) } else { needed }
}

/// Whether the first is a line of counts that goes on, or a row of the table of tasks, or its header, of which numbers and the name may come in the next line: between two columns
/// there are more blanks than a mail keeps.
fn is_without_its_end(text: &[u8], rest: &[u8]) -> bool {
    const COLUMNS: [&[u8]; 5] = [b"rss", b"pgtables", b"swapents", b"oom_score_adj", b"name"];
    let text = prefix::record(text).text.trim_ascii_end();
    let rest = prefix::record(rest).text;
    let starts_with_size = || {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && rest[digits..].starts_with(b"*")
    };
    let starts_with_key = || {
        let word = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
        word.ends_with(b"kB") && word.contains(&b':')
    };
    match line_of(text) {
        // A list of free blocks ends with its sum.
        _ if memchr::memmem::find(text, b"*4kB").is_some() => !text.contains(&b'=') && starts_with_size(),
        Line::Zone(_) | Line::Node(_) => starts_with_key(),
        Line::Row(_) => text.last().is_some_and(u8::is_ascii_digit) && rest.trim_ascii_end().len() <= ROW,
        _ => text.starts_with(b"[") && COLUMNS.iter().any(|name| rest.starts_with(name)),
    }
}

/// Where the last blank is that is furthest to the right, in a log that was wrapped at blanks.
fn widest(text: &[u8]) -> Option<usize> {
    let text = &text[..text.len().min(LOOKED_AT)];
    let mut widest = 0;
    let mut needs = Vec::new();
    let mut before: Option<(&[u8], usize, bool)> = None;
    for line in text.split(|byte| *byte == b'\n') {
        let columns = line.trim_ascii_end().len();
        let kind = kind(line);
        let goes_on = match (kind, before) {
            (Kind::Rest, Some((last, columns, _))) | (Kind::Whole, Some((last, columns, true))) => {
                let is_certain = is_without_its_end(last, line);
                needs.push(if is_certain { usize::MAX } else { needed(last, columns, line) });
                true
            }
            (kind, _) => kind == Kind::Begins,
        };
        before = goes_on.then(|| (line, columns, kind == Kind::Begins && is_empty(line)));
        if goes_on {
            widest = widest.max(last_blank(line));
        }
    }
    needs.into_iter().any(|needed| needed > widest).then_some(widest)
}

/// A line that may go on, and waits for its rest.
#[derive(Default)]
pub(super) struct Unwrap {
    wrap: Option<Wrap>,
    text: Vec<u8>,
    at: Position,
    /// How long its last piece is.
    columns: usize,
}

/// What there is to read now: a line that has ended before this one, and this one or what it is the end of.
pub(super) type Ready = [Option<(Vec<u8>, Position)>; 2];

impl Unwrap {
    /// Another log begins, which was wrapped so.
    pub(super) fn begin(&mut self, wrap: Option<Wrap>) {
        self.wrap = wrap;
        self.text.clear();
    }

    pub(super) const fn is_needed(&self) -> bool {
        self.wrap.is_some()
    }

    /// Whether any of its words may have been cut, those too by which a report is found.
    pub(super) const fn cuts_words(&self) -> bool {
        matches!(self.wrap, Some(Wrap::At(_)))
    }

    pub(super) fn next(&mut self, line: &[u8], at: Position) -> Ready {
        match self.wrap {
            Some(Wrap::Blank(widest)) => self.at_blank(line, at, widest),
            Some(Wrap::At(width)) => self.at_column(line, at, width),
            None => [None, Some((line.to_vec(), at))],
        }
    }

    fn at_column(&mut self, line: &[u8], at: Position, width: usize) -> Ready {
        // Where no line has a prefix, what is a line of a report's is none of another's.
        let goes_on = |line: &[u8]| is_bare(line) && (line_of(line) == Line::Other || !is_bare(&self.text));
        let is_rest = !self.text.is_empty() && !line.is_empty() && goes_on(line);
        let before = if is_rest { None } else { self.end() };
        if self.text.is_empty() {
            self.at = at;
        }
        self.text.extend_from_slice(line);
        let waits = line.len() == width && self.text.len() < LINE;
        // An empty line is one, too.
        let now = if waits { None } else { Some((core::mem::take(&mut self.text), self.at)) };
        [before, now]
    }

    fn at_blank(&mut self, line: &[u8], at: Position, widest: usize) -> Ready {
        let kind = kind(line);
        let columns = line.trim_ascii_end().len();
        let has_room = self.text.len() + line.len() < LINE;
        let may_be = kind == Kind::Rest || kind == Kind::Whole && is_empty(&self.text);
        let did_not_fit = || needed(&self.text, self.columns, line) > widest || is_without_its_end(&self.text, line);
        if may_be && !self.text.is_empty() && has_room && did_not_fit() {
            let end = self.text.trim_ascii_end().len();
            self.text.truncate(end);
            // `oom-`, `kill:`: some wrap behind a hyphen, too.
            if !matches!(self.text.as_slice(), [.., before, b'-'] if before.is_ascii_alphanumeric()) {
                self.text.push(b' ');
            }
            self.text.extend_from_slice(prefix::record(line).text);
            self.columns = columns;
            return [None, None];
        }
        let before = self.end();
        if kind != Kind::Begins {
            return [before, Some((line.to_vec(), at))];
        }
        self.at = at;
        self.columns = columns;
        self.text.extend_from_slice(line);
        [before, None]
    }

    /// Nothing follows: what waits is all.
    pub(super) fn end(&mut self) -> Option<(Vec<u8>, Position)> {
        (!self.text.is_empty()).then(|| (core::mem::take(&mut self.text), self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 4] = [
        "[    1.000000] chromium --type invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=300",
        "[    1.000001] short",
        "[    1.000002] Out of memory: Killed process 192 (chromium --type) total-vm:362480kB, anon-rss:360824kB, file-rss:0kB, shmem-rss:640kB",
        "[    1.000003] end",
    ];

    fn cut(width: usize) -> String {
        let pieces = LINES.iter().flat_map(|line| line.as_bytes().chunks(width));
        pieces.map(|piece| format!("{}\n", core::str::from_utf8(piece).expect("ASCII"))).collect()
    }

    /// The lines, each wrapped at its blanks.
    fn wrapped(width: usize) -> String {
        let mut text = String::new();
        for line in LINES {
            let mut columns = 0;
            for word in line.split(' ') {
                if columns > 0 && columns + 1 + word.len() > width {
                    text.push('\n');
                    columns = 0;
                } else if columns > 0 {
                    text.push(' ');
                    columns += 1;
                }
                text.push_str(word);
                columns += word.len();
            }
            text.push('\n');
        }
        text
    }

    fn whole(text: &str, wrap: Wrap) -> Vec<String> {
        let mut unwrap = Unwrap::default();
        unwrap.begin(Some(wrap));
        let mut whole: Vec<_> = text.lines().zip(1..).flat_map(|(line, at)| unwrap.next(line.as_bytes(), at)).collect();
        whole.push(unwrap.end());
        whole.into_iter().flatten().map(|(line, _)| String::from_utf8(line).expect("ASCII")).collect()
    }

    #[test]
    fn what_was_cut_at_a_width_is_whole_again() {
        for wide in [80, 100, 120] {
            let text = cut(wide);
            assert_eq!(Wrap::of(text.as_bytes()), Some(Wrap::At(wide)));
            assert_eq!(whole(&text, Wrap::At(wide)), LINES, "{wide}");
        }
    }

    #[test]
    fn what_a_mail_has_wrapped_is_whole_again() {
        for wide in [65, 72, 78, 100] {
            let text = wrapped(wide);
            let wrap = Wrap::of(text.as_bytes());
            assert!(matches!(wrap, Some(Wrap::Blank(_))), "{wide} {wrap:?}");
            let squeezed: Vec<String> = LINES.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(whole(&text, wrap.expect("one")), squeezed, "{wide}");
        }
        let hyphen =
            "[    1.000000] oom-\nkill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,task=x,pid=7,uid=0\n";
        let [line] = whole(hyphen, Wrap::of(hyphen.as_bytes()).expect("wrapped")).try_into().expect("one line");
        assert!(line.starts_with("[    1.000000] oom-kill:constraint=CONSTRAINT_NONE"), "{line}");
    }

    #[test]
    fn a_log_that_nobody_cut_has_no_width() {
        assert_eq!(Wrap::of(LINES.join("\n").as_bytes()), None);
        // Long lines that stand for themselves, and those without prefixes.
        let line = format!("[    1.000000] {}", "x".repeat(85));
        assert_eq!(Wrap::of([line.as_str(); 9].join("\n").as_bytes()), None);
        let bare: Vec<String> = LINES.iter().map(|line| line.split_at(15).1.chars().take(80).collect()).collect();
        assert_eq!(Wrap::of(bare.join("\n").as_bytes()), None);
        // A newline in a name, where no mail would have wrapped, and a whole line of somebody who left the prefix out.
        let name = format!("{}\n[    1.000004] CPU: 0 PID: 7 Comm: ab\ncd Not tainted 5.10\n", LINES.join("\n"));
        assert_eq!(Wrap::of(name.as_bytes()), None);
        let bare = "[    1.000000] x\nMemory cgroup out of memory: Killed process 66120 (python) anon-rss:1100000kB\n";
        assert_eq!(Wrap::of(bare.as_bytes()), None);
    }
}

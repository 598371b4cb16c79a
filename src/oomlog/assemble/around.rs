//! Prefixes that nobody knows: learned from a report's header, as `invoked oom-killer` is found behind any words.
//!
//! What stands before it there is a prefix and a process's name. Which part is the prefix tells the first line that has one of the same
//! shape before words of a report: the same letters and signs, and numbers where it has numbers. From then on it is taken off.

use crate::oomlog::escape::unescape;
use crate::parse::oom_report::kill::{Killed, Scope};
use crate::parse::oom_report::{self, Line};

/// TASK_COMM_LEN less its NUL; a kernel thread's name with its work is longer.
const COMM: usize = 15;
const WORKER: usize = 63;

/// The longest prefix and name.
const LONGEST: usize = 512;

/// What is known of the prefix.
#[derive(Default)]
pub(super) struct Around {
    /// What is before `invoked oom-killer`, and the number of the report's first line.
    head: Vec<u8>,
    pub(super) start: u64,
    /// The last prefix that was learned.
    prefix: Vec<u8>,
}

impl Around {
    pub(super) const fn new() -> Self {
        Self { head: Vec::new(), start: 0, prefix: Vec::new() }
    }

    /// Notes the header of report `start`, and says whether what stands before its words can be a name.
    pub(super) fn note(&mut self, head: &[u8], start: u64) -> bool {
        self.head.clear();
        self.head.extend_from_slice(&head[..head.len().min(LONGEST)]);
        self.start = start;
        is_name(head)
    }

    /// What stands before the words of the last header.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// What is behind the prefix that was learned.
    pub(super) fn behind<'l>(&self, text: &'l [u8]) -> Option<&'l [u8]> {
        let (mut ours, mut theirs) = (self.prefix.as_slice(), text);
        if ours.is_empty() {
            return None;
        }
        while !ours.is_empty() {
            let (a, b) = alike(ours, theirs)?;
            // The blanks that follow a prefix are the message's own.
            let is_last = a == ours.len() && ours[0] == b' ';
            (ours, theirs) = (&ours[a..], &theirs[if is_last { a.min(b) } else { b }..]);
        }
        Some(self.unquoted(theirs))
    }

    /// The same for the prefix that this line tells, and the name that is then left of the header.
    pub(super) fn learn<'l>(&mut self, text: &'l [u8]) -> Option<(&'l [u8], &[u8])> {
        let (mut ours, mut theirs) = (self.head.as_slice(), text);
        let mut longest = None;
        while let Some((a, b)) = alike(ours, theirs) {
            (ours, theirs) = (&ours[a..], &theirs[b..]);
            if is_name(ours) && is_certain(&oom_report::line(theirs)) {
                longest = Some((ours, theirs));
            }
        }
        let (ours, theirs) = longest?;
        let name = self.head.len() - ours.len();
        self.prefix.clear();
        self.prefix.extend_from_slice(&self.head[..name]);
        Some((self.unquoted(theirs), &self.head[name..]))
    }

    /// What was found before words that the kernel alone says.
    pub(super) fn know(&mut self, prefix: &[u8]) {
        if prefix.len() <= LONGEST {
            self.prefix.clear();
            self.prefix.extend_from_slice(prefix);
        }
    }

    /// Whether the report's header, which has words before it that may be a prefix and a name, has another prefix than this one.
    pub(super) fn differs(&self, prefix: &[u8]) -> bool {
        let (mut ours, mut theirs) = (self.head.as_slice(), prefix);
        while !theirs.is_empty() {
            match alike(ours, theirs) {
                Some((a, b)) => (ours, theirs) = (&ours[a..], &theirs[b..]),
                None => return !self.head.is_empty(),
            }
        }
        false
    }

    /// A column of CSV ends with its quote.
    fn unquoted<'l>(&self, text: &'l [u8]) -> &'l [u8] {
        if !self.prefix.contains(&b'"') {
            return text;
        }
        let end = (0..text.len()).find(|at| {
            text[*at] == b'"' && matches!(text.get(at + 1), None | Some(b',')) && (*at == 0 || text[at - 1] != b'"')
        });
        &text[..end.unwrap_or(text.len())]
    }
}

fn is_name(text: &[u8]) -> bool {
    let mut buf = [0; WORKER + 1];
    if text.is_empty() || text.len() > 4 * COMM {
        return false;
    }
    let length = unescape(text, &mut buf).len();
    length <= COMM || length <= WORKER && text.starts_with(b"kworker/")
}

/// How long the first pieces of both are, when these are alike.
fn alike(one: &[u8], other: &[u8]) -> Option<(usize, usize)> {
    let run = |text: &[u8], is_of: fn(&u8) -> bool| text.iter().take_while(|byte| is_of(byte)).count();
    let (first, second) = (one.first()?, other.first()?);
    if first.is_ascii_alphanumeric() && second.is_ascii_alphanumeric() {
        let (a, b) = (run(one, u8::is_ascii_alphanumeric), run(other, u8::is_ascii_alphanumeric));
        let (word, another) = (&one[..a], &other[..b]);
        let has_digit = |word: &[u8]| word.iter().any(u8::is_ascii_digit);
        let is_same = word == another || has_digit(word) && has_digit(another) || is_level(word) && is_level(another);
        return is_same.then_some((a, b));
    }
    let is_blank: fn(&u8) -> bool = |byte| *byte == b' ';
    match (first, second) {
        (b' ', b' ') => Some((run(one, is_blank), run(other, is_blank))),
        (a, b) => (a == b).then_some((1, 1)),
    }
}

/// The lines of a report are of several levels.
fn is_level(word: &[u8]) -> bool {
    // One letter each in Android's log.
    const LEVELS: [&[u8]; 20] = [
        b"D",
        b"I",
        b"W",
        b"E",
        b"F",
        b"emerg",
        b"alert",
        b"crit",
        b"err",
        b"warn",
        b"notice",
        b"info",
        b"debug",
        b"warning",
        b"error",
        b"panic",
        b"critical",
        b"informational",
        b"fatal",
        b"default",
    ];
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
}

/// Lines of a report that no other text looks like.
fn is_certain(line: &Line<'_>) -> bool {
    matches!(
        line,
        Line::Running(_)
            | Line::Cpuset(_)
            | Line::Whose(_)
            | Line::Usage(_)
            | Line::Stats(_)
            | Line::MemInfo
            | Line::Title
            | Line::Columns(_)
            | Line::Row(_)
            | Line::Summary(_)
            | Line::Selected(_)
            | Line::Killed(Killed {
                scope: Scope::Unsaid | Scope::Global | Scope::Memcg | Scope::Cpuset | Scope::Mempolicy,
                ..
            })
            | Line::Group(_)
            | Line::Reaped(_)
            | Line::NoneKillable
            | Line::Panic(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILL: &[u8] = b"Out of memory: Killed process 7 (x) total-vm:1kB";

    fn learned(head: &str, prefix: &str) -> Option<std::string::String> {
        let mut around = Around::new();
        around.note(head.as_bytes(), 1);
        let line = [prefix.as_bytes(), KILL].concat();
        let (text, name) = around.learn(&line)?;
        assert_eq!(text, KILL);
        let name = std::string::String::from_utf8_lossy(name).into_owned();
        assert_eq!(around.behind(&line), Some(KILL));
        Some(name)
    }

    #[test]
    fn a_prefix_is_what_the_header_and_a_line_of_a_report_have_alike() {
        for (head, prefix, name) in [
            ("foo| node", "foo| ", "node"),
            ("a=1 b=22 [x] Web Content", "a=10 b=3 [x] ", "Web Content"),
            ("2026/11/21 10:08:31 WARN kmsg> java", "2026/11/21 10:08:31 ERR kmsg> ", "java"),
            ("x  12: java", "x 9: ", "java"),
            ("seq0017,\"java", "seq0018,\"", "java"),
        ] {
            assert_eq!(learned(head, prefix).as_deref(), Some(name), "{head}");
        }
        // Other words, no name left, more than a prefix.
        for (head, prefix) in
            [("foo| node", "bar| "), ("app node", "app node "), ("java", "app: "), ("foo| node", "foo| app: ")]
        {
            assert_eq!(learned(head, prefix), None, "{head}");
        }
    }

    #[test]
    fn more_than_a_name_can_hold_is_none() {
        assert!(is_name(b"a-name-of-15-by"));
        assert!(is_name(b"\\x0a\\x0a\\x0a\\x0a\\x0a\\x0a\\x0a\\x0a"));
        assert!(is_name(b"kworker/u8:2-events_unbound"));
        assert!(!is_name(b"a prefix: and java"));
        assert!(!is_name(b""));
    }
}

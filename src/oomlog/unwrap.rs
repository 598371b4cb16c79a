//! Lines that a terminal, a pager or a form has cut at its last column: every piece but the last is as long as that, and what follows has
//! no prefix. They are put together before anybody reads them, as a number that ends there is another number, and a name another name.
//!
//! That is known of a log whose kernel lines have prefixes, and in which no line is longer than the width. Where lines have none, nothing
//! tells the rest of a line from the next one; what a mail has wrapped at blanks is another thing (`assemble/wrapped.rs`).
use super::event::Position;
use super::feed::LINE;
use super::prefix;
use super::record::Origin;

/// Terminals and forms are as wide as this. In any other log it takes more than one line to tell.
const WIDTHS: [usize; 7] = [80, 100, 120, 132, 140, 160, 200];

/// So many lines that go on where nothing but their length tells.
const ENOUGH: usize = 3;

/// Whether a line has no prefix.
fn is_bare(line: &[u8]) -> bool {
    let record = prefix::record(line);
    record.origin == Origin::Unknown && record.when.wall.is_none() && record.when.boot_us.is_none()
}

/// The width that a log which begins with this text was cut at.
pub(super) fn width(text: &[u8]) -> Option<usize> {
    let without_cr = |line: &'_ [u8]| line.len() - usize::from(line.ends_with(b"\r"));
    let lines = || text.split(|byte| *byte == b'\n');
    let longest = lines().map(without_cr).max()?;
    if !(60..=300).contains(&longest) {
        return None;
    }
    let (mut full, mut goes_on) = (0, 0);
    // Whether the line before is full, and has a prefix or goes on with one that has.
    let mut is_wrapped = false;
    for line in lines() {
        let is_bare = is_wrapped && !line.is_empty() && is_bare(line);
        goes_on += usize::from(is_bare);
        let is_full = without_cr(line) == longest && !line.starts_with(b"{");
        full += usize::from(is_full);
        is_wrapped = is_full && (is_bare || !self::is_bare(line));
    }
    let is_width = WIDTHS.contains(&longest) && goes_on > 0 || goes_on >= ENOUGH;
    // Others end with a line that was as long, or were cut off there.
    (is_width && goes_on * 2 >= full).then_some(longest)
}

/// A line that is as long as the width, and waits for its rest.
#[derive(Default)]
pub(super) struct Unwrap {
    width: Option<usize>,
    text: Vec<u8>,
    at: Position,
}

/// What there is to read now: a line that has ended before this one, and this one or what it is the end of.
pub(super) type Ready = [Option<(Vec<u8>, Position)>; 2];

impl Unwrap {
    /// Another log begins, which was cut at that width.
    pub(super) fn begin(&mut self, width: Option<usize>) {
        self.width = width;
        self.text.clear();
    }

    pub(super) const fn is_needed(&self) -> bool {
        self.width.is_some()
    }

    pub(super) fn next(&mut self, line: &[u8], at: Position) -> Ready {
        let is_rest = !self.text.is_empty() && !line.is_empty() && is_bare(line);
        let before = if is_rest { None } else { self.end() };
        if self.text.is_empty() {
            self.at = at;
        }
        self.text.extend_from_slice(line);
        let waits = Some(line.len()) == self.width && self.text.len() < LINE;
        // An empty line is one, too.
        let now = if waits { None } else { Some((core::mem::take(&mut self.text), self.at)) };
        [before, now]
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

    #[test]
    fn what_was_cut_at_a_width_is_whole_again() {
        for wide in [80, 100, 120] {
            let text = cut(wide);
            assert_eq!(width(text.as_bytes()), Some(wide));
            let mut unwrap = Unwrap::default();
            unwrap.begin(Some(wide));
            let mut whole: Vec<_> =
                text.lines().zip(1..).flat_map(|(line, at)| unwrap.next(line.as_bytes(), at)).collect();
            whole.push(unwrap.end());
            let whole: Vec<_> =
                whole.into_iter().flatten().map(|(line, _)| String::from_utf8(line).expect("ASCII")).collect();
            assert_eq!(whole, LINES, "{wide}");
        }
    }

    #[test]
    fn a_log_that_nobody_cut_has_no_width() {
        assert_eq!(width(LINES.join("\n").as_bytes()), None);
        // Long lines that stand for themselves, and those without prefixes.
        let line = format!("[    1.000000] {}", "x".repeat(85));
        assert_eq!(width([line.as_str(); 9].join("\n").as_bytes()), None);
        let bare: Vec<String> = LINES.iter().map(|line| line.split_at(15).1.chars().take(80).collect()).collect();
        assert_eq!(width(bare.join("\n").as_bytes()), None);
    }
}

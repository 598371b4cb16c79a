//! The lines of an OOM report in the kernel's log: dump_header() and oom_kill_process() of mm/oom_kill.c, Linux 2.6.9 to 7.x.
//!
//! Each line is told by its own words, whatever came before it, and may end anywhere. What belongs together is for others to say.

pub mod anchor;
pub mod gfp;
pub mod header;
pub mod holders;
pub mod kill;
pub mod lost;
pub mod memcg;
pub mod meminfo;
mod scan;
pub mod table;

/// What a line of the kernel's log is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line<'l> {
    /// `X invoked oom-killer`.
    Header(header::Header<'l>),
    /// Who runs: of this report, or of anybody's warning.
    Running(header::Running<'l>),
    /// The cpuset of who asked.
    Cpuset(header::Cpuset<'l>),
    /// Another report with the same blocks: a failed allocation, or SysRq m.
    Foreign,
    /// Whose limit it is.
    Whose(memcg::Whose<'l>),
    /// A memory cgroup's usage and limit.
    Usage(memcg::Usage),
    /// The head of a memory cgroup's statistics.
    Stats(memcg::Stats<'l>),
    /// One of them, or anything that looks like it.
    Stat(memcg::Stat<'l>),
    /// `Mem-Info:`.
    MemInfo,
    /// Counts of the whole machine, in pages.
    Counts(meminfo::Pairs<'l>),
    /// A zone and its watermarks.
    Zone(meminfo::Zone<'l>),
    /// A node.
    Node(meminfo::Node),
    /// The reserve of the zone before it.
    Reserve([u64; meminfo::ZONES]),
    /// A zone's free blocks.
    Blocks(meminfo::Blocks<'l>),
    /// A node's huge pages of one size.
    HugePages(meminfo::HugePages),
    /// One number of the whole machine.
    Total(meminfo::Total),
    /// `Memory allocations:`.
    Allocations,
    /// One of them, or anything that looks like it.
    Allocation(holders::Holder<'l>),
    /// `Unreclaimable slab info:`.
    Slabs,
    /// One of them, or anything that looks like it.
    Slab(holders::Holder<'l>),
    /// `Tasks state (memory values in pages):`.
    Title,
    /// The header of the table of tasks.
    Columns(table::Columns),
    /// A row of it.
    Row(table::Row<'l>),
    /// `oom-kill:`.
    Summary(kill::Summary<'l>),
    /// `Kill process`.
    Selected(kill::Selected<'l>),
    /// `Killed process`.
    Killed(kill::Killed<'l>),
    /// One of these two, cut before it names anybody.
    Begun(kill::Scope),
    /// The cgroup whose tasks are all killed.
    Group(&'l [u8]),
    /// The process whose memory was taken back.
    Reaped(kill::Reaped<'l>),
    /// The process whose memory could not be taken back.
    Unreaped(u64),
    /// Nobody could be killed.
    NoneKillable,
    /// Why the kernel panicked.
    Panic(&'l [u8]),
    /// The first line of a kernel, or journalctl's between two: nothing of before goes on.
    Boot,
    /// What authors write in the place of lines that they cut out.
    Cut,
    /// SysRq f: a person asks for a kill; the report follows.
    Manual,
    /// Messages are missing, and somebody says so.
    Lost(lost::Lost),
    /// `COMPACTION is disabled!!!`, of a report whose request was for several pages.
    NoCompaction,
    /// The function in a call trace that runs where a memory cgroup is at its limit.
    MemcgCall,
    /// Anything else.
    Other,
}

/// Tells what a line is. `text` is what the kernel printed, without any prefix.
#[must_use]
pub fn line(text: &[u8]) -> Line<'_> {
    let whole = without_end(text);
    let text = unindented(whole);
    if let Some(header) = header::header(text) {
        return Line::Header(header);
    }
    // Of a process whose name is blanks: the last of them parts it from the word.
    if text.starts_with(b"invoked oom-killer")
        && let Some(start) = whole.len().checked_sub(text.len() + 2)
        && let Some(header) = header::header(&whole[start..])
    {
        return Line::Header(header);
    }
    // A name may look like any other line; these words behind it don't fit into one.
    if let Some(cpuset) = header::cpuset(text) {
        return Line::Cpuset(cpuset);
    }
    let text = text.trim_ascii_start();
    if is_boot(text) {
        return Line::Boot;
    }
    if is_cut_mark(text) {
        return Line::Cut;
    }
    let Some(first) = text.first() else {
        return Line::Other;
    };
    match first {
        b'[' => of_table(text),
        b'0'..=b'9' => {
            meminfo::total(text).map(Line::Total).or_else(|| holders::allocation(text).map(Line::Allocation))
        }
        b'A'..=b'Z' => deed(text).or_else(|| of_machine(text)).or_else(|| of_memcg(text)),
        _ => of_memcg(text).or_else(|| of_machine(text)).or_else(|| deed(text)),
    }
    .or_else(|| holders::slab(text).map(Line::Slab))
    .or_else(|| is_foreign(text).then_some(Line::Foreign))
    .or_else(|| is_manual(text).then_some(Line::Manual))
    .or_else(|| text.starts_with(b"COMPACTION is disabled!!!").then_some(Line::NoCompaction))
    .or_else(|| scan::find(text, b"mem_cgroup_out_of_memory+0x").map(|_| Line::MemcgCall))
    .unwrap_or(Line::Other)
}

/// Without the end of the line. Blanks stay: a name may end in them.
fn without_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0));
    &text[..end.map_or(0, |end| end + 1)]
}

/// A kernel's first line, or journalctl's between two boots: with as much behind the words as a process's name has no room for, which a newline
/// puts at the start of a line. The one that is shorter is all of its line.
fn is_boot(text: &[u8]) -> bool {
    let number = |words: &[u8], is_of: fn(&u8) -> bool| text.strip_prefix(words)?.first().filter(|byte| is_of(byte));
    number(b"Linux version ", u8::is_ascii_digit).is_some()
        || number(b"-- Boot ", u8::is_ascii_hexdigit).is_some() && text.len() > 15
        || text.trim_ascii_end() == b"-- Reboot --"
}

/// `...`, `<snip>`, `[ cut ]`: dots or one such word, and nothing but brackets around it.
fn is_cut_mark(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [b"snip", b"snipped", b"cut", b"skipped", b"truncated", b"\xe2\x80\xa6"];
    if text.is_empty() || text.len() > 40 {
        return false;
    }
    let is_around = |byte: &u8| byte.is_ascii_whitespace() || b"[]<>()-=~*#/.".contains(byte);
    let start = text.iter().position(|byte| !is_around(byte));
    let Some(start) = start else {
        return text.windows(3).any(|three| three == b"...");
    };
    let end = text.iter().rposition(|byte| !is_around(byte)).unwrap_or(start);
    let word = &text[start..=end];
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Without the blanks that an author or a transport put before it. One alone may be the start of a name.
fn unindented(text: &[u8]) -> &[u8] {
    match text {
        [b' ', b' ' | b'\t', ..] | [b'\t', ..] => text.trim_ascii_start(),
        _ => text,
    }
}

fn of_table(text: &[u8]) -> Option<Line<'_>> {
    table::row(text).map(Line::Row).or_else(|| table::columns(text).map(Line::Columns))
}

fn deed(text: &[u8]) -> Option<Line<'_>> {
    if text.starts_with(b"Out of memory and no killable processes") {
        return Some(Line::NoneKillable);
    }
    kill::summary(text)
        .map(Line::Summary)
        .or_else(|| kill::killed(text).map(Line::Killed))
        .or_else(|| kill::selected(text).map(Line::Selected))
        .or_else(|| kill::begun(text).map(Line::Begun))
        .or_else(|| kill::group(text).map(Line::Group))
        .or_else(|| kill::reaped(text).map(Line::Reaped))
        .or_else(|| kill::unreaped(text).map(Line::Unreaped))
        .or_else(|| kill::panic(text).map(Line::Panic))
        .or_else(|| lost::lost(text).map(Line::Lost))
}

fn of_machine(text: &[u8]) -> Option<Line<'_>> {
    match text {
        _ if text == b"Mem-Info:" || text == b"Mem-info:" => return Some(Line::MemInfo),
        _ if text == b"Memory allocations:" => return Some(Line::Allocations),
        _ if text == b"Unreclaimable slab info:" => return Some(Line::Slabs),
        _ if text.starts_with(b"Tasks state (memory values in pages)") => return Some(Line::Title),
        _ => {}
    }
    header::running(text)
        .map(Line::Running)
        .or_else(|| meminfo::counts(text).map(Line::Counts))
        .or_else(|| meminfo::zone(text).map(Line::Zone))
        .or_else(|| meminfo::node(text).map(Line::Node))
        .or_else(|| meminfo::blocks(text).map(Line::Blocks))
        .or_else(|| meminfo::lowmem_reserve(text).map(Line::Reserve))
        .or_else(|| meminfo::huge_pages(text).map(Line::HugePages))
        .or_else(|| meminfo::total(text).map(Line::Total))
}

fn of_memcg(text: &[u8]) -> Option<Line<'_>> {
    memcg::usage(text)
        .map(Line::Usage)
        .or_else(|| memcg::whose(text).map(Line::Whose))
        .or_else(|| memcg::stats(text).map(Line::Stats))
        .or_else(|| memcg::stat(text).map(Line::Stat))
}

/// sysrq_handle_moom() of drivers/tty/sysrq.c; `SysRq : ` or `sysrq: ` stands before it.
fn is_manual(text: &[u8]) -> bool {
    let is_sysrq = text.starts_with(b"SysRq") || text.starts_with(b"sysrq");
    is_sysrq && text.ends_with(b"Manual OOM execution")
}

fn is_foreign(text: &[u8]) -> bool {
    [&b": page allocation failure"[..], b": page allocation stalls for", b"Show Memory"]
        .iter()
        .any(|words| scan::find(text, words).is_some())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn words_in_the_middle_of_other_lines_are_nothing() {
        for text in [
            &b""[..],
            b" ",
            b"\0",
            b" oom_kill_process+0x57/0x1dc",
            b"---[ end Kernel panic - not syncing: Out of memory ]---",
            b"[<ffffffff8027388c>] oom_kill_process+0x57/0x1dc",
            b"Kill process 7 (x) sharing same memory",
        ] {
            assert_eq!(line(text), Line::Other);
        }
    }

    #[test]
    fn a_mark_of_a_cut_is_dots_or_a_word_between_brackets() {
        for text in [
            "...",
            "[...]",
            " [ ... ] ",
            "<snip>",
            "(snip)",
            "--- snip ---",
            "[cut]",
            "[…]",
            "......",
            "..snip..",
            "[truncated]",
        ] {
            assert_eq!(line(text.as_bytes()), Line::Cut, "{text}");
        }
        for text in ["", "..", "---", "[ 12]", "cut here ]---", "------------[ cut here ]------------", "x ..."] {
            assert_ne!(line(text.as_bytes()), Line::Cut, "{text}");
        }
    }

    #[test]
    fn every_kind_is_found_by_its_words() {
        assert!(matches!(line(b"a [1] 2 invoked oom-killer: gfp_mask=0x1, order=0"), Line::Header(_)));
        for blanks in [&b"  "[..], b"   ", b"    "] {
            let text = [blanks, b"invoked oom-killer: gfp_mask=0x1, order=0"].concat();
            assert!(matches!(line(&text), Line::Header(header::Header { comm: Some(b" "), .. })));
        }
        assert!(matches!(line(b"[1] invoked oom-killer: gfp_mask=0x1, order=0\r\n"), Line::Header(_)));
        assert!(matches!(line(b"x: page allocation failure: order:0"), Line::Foreign));
        assert!(matches!(line(b" active_file:1 inactive_file:2"), Line::Counts(_)));
        assert!(matches!(line(b"               anon 12"), Line::Stat(_)));
        for indent in [&b" "[..], b"    ", b"\t"] {
            let text = [indent, b"Out of memory: Killed process 7 (x) total-vm:4kB"].concat();
            assert!(matches!(line(&text), Line::Killed(_)));
            let text = [indent, b"[    7]     0     7     1 2 3 x"].concat();
            assert!(matches!(line(&text), Line::Row(_)));
        }
        assert!(matches!(line(b"DMA free:4kB min:1kB"), Line::Zone(_)));
        assert!(matches!(line(b"[    1]     0     1     2 3 4"), Line::Row(_)));
        assert!(matches!(line(b"lowmem_reserve[]: 0 1 2"), Line::Reserve(_)));
        assert!(matches!(line(b"DMA: 1*4kB = 4kB"), Line::Blocks(_)));
        assert!(matches!(line(b"9p_cache 1KB 2KB"), Line::Slab(_)));
        assert!(matches!(line(b"oom_reaper: unable to reap pid:7 (x)"), Line::Unreaped(7)));
        assert!(matches!(line(b"Linux version 5.10.0-32-amd64 (x@y) (gcc)"), Line::Boot));
        assert!(matches!(line(b" 4.0 KiB 1 a.c:1 func:f"), Line::Allocation(_)));
        assert!(matches!(line(b"Node 0 active_anon:4kB dirty:0kB"), Line::Node(_)));
        assert!(matches!(line(b"Out of memory and no killable processes..."), Line::NoneKillable));
        for name in ["1", "[ 123] 1 2 3", "memory: usage", "Mem-Info:"] {
            let text = [name.as_bytes(), b" cpuset=/ mems_allowed=0-1,3"].concat();
            assert!(matches!(line(&text), Line::Cpuset(_)), "{name}");
        }
    }
}

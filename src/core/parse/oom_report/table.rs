//! The table of tasks: dump_tasks() of mm/oom_kill.c. Its columns changed nine times, so a row is read by its header's names.

use super::scan::{PAGE, are_of_memory, is_of_memory, is_of_space, leading, uid};
use crate::parse::ascii;
use crate::parse::{signed, words};
use crate::units::Bytes;

/// The oldest table has six columns between pid and name (uid, tgid, total_vm, rss, cpu, oom_adj): no kernel prints fewer.
const NUMBERS: usize = 6;

/// More columns than any kernel prints; what is behind them is not read.
const MAX: usize = 16;

/// What memdoor reads of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Column {
    Uid,
    Tgid,
    TotalVm,
    Rss,
    /// Pages of one level of page tables.
    TablePages,
    /// Page tables of all levels, in bytes.
    TableBytes,
    Swap,
    OldAdj,
    Adj,
    Unread,
}

/// The columns between pid and name, in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Columns {
    columns: [Column; MAX],
    len: usize,
}

impl Columns {
    /// The four that every kernel prints first. Read by them alone, a row's name begins with the columns that nobody named.
    pub const FIRST: Self = {
        let mut columns = [Column::Unread; MAX];
        columns[0] = Column::Uid;
        columns[1] = Column::Tgid;
        columns[2] = Column::TotalVm;
        columns[3] = Column::Rss;
        Self { columns, len: 4 }
    };
}

/// Parses `[  pid  ]   uid  tgid total_vm      rss ... name`; `None` when it was cut before the name.
#[must_use]
pub fn columns(text: &[u8]) -> Option<Columns> {
    let inside = text.strip_prefix(b"[")?.trim_ascii_start();
    let rest = inside.strip_prefix(b"pid")?.trim_ascii_start();
    let names = rest.strip_prefix(b"]")?;
    let mut columns = Columns { columns: [Column::Unread; MAX], len: 0 };
    for name in words(names) {
        if name == b"name" {
            return Some(columns);
        }
        *columns.columns.get_mut(columns.len)? = match ascii(name) {
            "uid" => Column::Uid,
            "tgid" => Column::Tgid,
            "total_vm" => Column::TotalVm,
            "rss" => Column::Rss,
            "nr_ptes" | "nr_pmds" | "nr_puds" => Column::TablePages,
            "pgtables_bytes" => Column::TableBytes,
            "oom_adj" => Column::OldAdj,
            "swapents" => Column::Swap,
            "oom_score_adj" => Column::Adj,
            _ => Column::Unread,
        };
        columns.len += 1;
    }
    None
}

/// A line that looks like a row: `[  123]` and numbers. What they mean, the header knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row<'l> {
    /// The task.
    pub pid: u64,
    /// Bytes between the brackets.
    width: usize,
    rest: &'l [u8],
}

/// Parses the beginning of a row.
#[must_use]
pub fn row(text: &[u8]) -> Option<Row<'_>> {
    let inside = text.strip_prefix(b"[")?;
    let (pid, rest) = leading(inside.trim_ascii_start())?;
    let rest = rest.trim_ascii_start().strip_prefix(b"]")?;
    let width = inside.len() - rest.len() - 1;
    // Two numbers at least: [123] alone is anybody's.
    let mut numbers = words(rest).map(|word| signed(word).is_some());
    let is_row = numbers.next()? && numbers.next()?;
    is_row.then_some(Row { pid, width, rest })
}

/// A row by its header's names. Sizes are in pages, of a size that the log does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task<'l> {
    /// `pid`.
    pub pid: u64,
    /// `tgid`.
    pub tgid: Option<u64>,
    /// `uid`.
    pub uid: Option<u32>,
    /// `total_vm`.
    pub total_vm: Option<u64>,
    /// `rss`.
    pub rss: Option<u64>,
    /// `swapents` (Linux 3.7).
    pub swap: Option<u64>,
    /// `nr_ptes`, `nr_pmds` and `nr_puds` together (Linux 3.7 to 4.14), in pages.
    pub table_pages: Option<u64>,
    /// `pgtables_bytes` (Linux 4.15).
    pub table_bytes: Option<Bytes>,
    /// `oom_adj`, -17 to 15, to Linux 3.6.
    pub old_adj: Option<i64>,
    /// `oom_score_adj` (Linux 2.6.36).
    pub adj: Option<i64>,
    /// `name`, which may be empty or hold anything.
    pub comm: &'l [u8],
}

impl Columns {
    /// Whether they are of a kernel that counts shared memory apart in what it prints of a victim (Linux 4.5): page tables are in bytes from
    /// 4.16 on.
    #[must_use]
    pub fn count_shared_apart(&self) -> bool {
        self.columns[..self.len].contains(&Column::TableBytes)
    }

    /// Whether they are as many as all kernels print.
    #[must_use]
    pub const fn are_certain(&self) -> bool {
        self.len >= NUMBERS
    }
}

impl<'l> Row<'l> {
    /// Whether it can only be a row: as wide as all kernels print the number, and with the six numbers that all of them print.
    ///
    /// Whoever calls a process `\n[7] 0 7 9 9 9` and lets it crash has a line that looks like one in a text log, where the 14 bytes behind
    /// the newline stand at the start of a line. This many do not fit.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        const WIDTH: usize = 5;
        let numbers = words(self.rest).take_while(|word| signed(word).is_some()).count();
        self.width >= WIDTH && self.rest.starts_with(b" ") && numbers >= NUMBERS
    }

    /// Reads the row; `None` when it was cut, or is not of this table.
    #[must_use]
    pub fn by(&self, columns: &Columns) -> Option<Task<'l>> {
        let mut task = Task {
            pid: self.pid,
            tgid: None,
            uid: None,
            total_vm: None,
            rss: None,
            swap: None,
            table_pages: None,
            table_bytes: None,
            old_adj: None,
            adj: None,
            comm: b"",
        };
        let mut rest = self.rest;
        for column in columns.columns.get(..columns.len)? {
            let text = rest.trim_ascii_start();
            let end = text.iter().position(|byte| *byte == b' ')?;
            let (word, behind) = text.split_at(end);
            // A count below 0 is printed as one that no signed number holds: the row has it, and it tells nothing.
            let number = signed(word);
            if number.is_none() && !word.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let count = number.and_then(|number| u64::try_from(number).ok());
            let pages = count.filter(|pages| are_of_memory(*pages));
            match column {
                Column::Uid => task.uid = number.and_then(uid),
                Column::Tgid => task.tgid = count,
                Column::TotalVm => task.total_vm = count.filter(|pages| is_of_space(pages.saturating_mul(PAGE))),
                Column::Rss => task.rss = pages,
                Column::TablePages => {
                    let sum = task.table_pages.unwrap_or(0);
                    task.table_pages = pages.map(|count| sum.saturating_add(count));
                }
                Column::TableBytes => task.table_bytes = count.filter(|bytes| is_of_memory(*bytes)).map(Bytes),
                Column::OldAdj => task.old_adj = number,
                Column::Swap => task.swap = pages,
                Column::Adj => task.adj = number.filter(|adj| super::kill::is_adj(*adj)),
                Column::Unread => {}
            }
            rest = behind;
        }
        // One blank parts it from the name, which may begin with another.
        task.comm = rest.strip_prefix(b" ")?;
        Some(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task<'l>(header: &[u8], text: &'l [u8]) -> Option<Task<'l>> {
        row(text)?.by(&columns(header)?)
    }

    #[test]
    fn rows_of_every_header() {
        for (header, text, adj, swap) in [
            (&b"[ pid ]   uid  tgid total_vm      rss cpu oom_adj name"[..], &b"[  478]    -2   478     2719        1   6     -17 a b"[..], None, None),
            (b"[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name", b"[  478]    -2   478     2719        1   6     -17         -1000 a b", Some(-1000), None),
            (b"[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name", b"[  478] 4294967294   478     2719        1      13        5           -17 a b", Some(-17), Some(5)),
            (b"[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name", b"[  478]    -2   478     2719        1      13       3        5             0 a b", Some(0), Some(5)),
            (b"[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds nr_puds swapents oom_score_adj name", b"[  478]    -2   478     2719        1      13       3       2        5             0 a b", Some(0), Some(5)),
            (b"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name", b"[    478]    -2   478     2719        1    45056        5           985 a b", Some(985), Some(5)),
            (b"[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name", b"[    478]    -2   478     2719        1      104        2         0    53248        5         -1000 a b", Some(-1000), Some(5)),
        ] {
            let task = task(header, text).expect("a row");
            assert_eq!((task.pid, task.tgid, task.uid), (478, Some(478), Some(4_294_967_294)));
            assert_eq!((task.total_vm, task.rss), (Some(2719), Some(1)));
            assert_eq!((task.adj, task.swap), (adj, swap));
            assert_eq!(task.comm, b"a b");
        }
    }

    #[test]
    fn page_tables_of_all_levels_are_one_sum() {
        for (header, text, pages, bytes, old_adj) in [
            (
                &b"[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name"[..],
                &b"[  478]    -2   478     2719        1   6     -17         -1000 a"[..],
                None,
                None,
                Some(-17),
            ),
            (
                b"[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds nr_puds swapents oom_score_adj name",
                b"[  478]    -2   478     2719        1      13       3       2        5             0 a",
                Some(18),
                None,
                None,
            ),
            (
                b"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
                b"[    478]    -2   478     2719        1    45056        5           985 a",
                None,
                Some(Bytes(45_056)),
                None,
            ),
        ] {
            let task = task(header, text).expect("a row");
            assert_eq!((task.table_pages, task.table_bytes), (pages, bytes));
            assert_eq!(task.old_adj, old_adj);
        }
    }

    #[test]
    fn a_name_may_be_a_number_or_empty_or_begin_with_a_blank() {
        const HEADER: &[u8] = b"[ pid ]   uid  tgid total_vm      rss cpu oom_adj name";
        for name in [&b"531"[..], b"", b" x", b"] 1 2 3", b"[1] 2"] {
            let mut text = [b' '; 64];
            let head = b"[  478]     0   478     2719        1   6       0 ";
            text[..head.len()].copy_from_slice(head);
            text[head.len()..head.len() + name.len()].copy_from_slice(name);
            let text = &text[..head.len() + name.len()];
            assert_eq!(task(HEADER, text).expect("a row").comm, name);
        }
    }

    #[test]
    fn without_a_header_the_first_four_are_known() {
        let row = row(b"[  478]    -2   479     2719        1   6     -17 a b").expect("a row");
        let task = row.by(&Columns::FIRST).expect("four");
        assert_eq!((task.tgid, task.uid), (Some(479), Some(4_294_967_294)));
        assert_eq!((task.total_vm, task.rss, task.adj), (Some(2719), Some(1), None));
    }

    #[test]
    fn what_was_cut_is_no_row_of_the_table() {
        const HEADER: &[u8] = b"[ pid ]   uid  tgid total_vm      rss cpu oom_adj name";
        assert_eq!(columns(b"[ pid ]   uid  tgid total_vm"), None);
        assert_eq!(task(HEADER, b"[  478]     0   478     2719"), None);
        assert_eq!(row(b"[  478]     0"), None);
        assert_eq!(row(b"[  478] usb 1"), None);
        assert_eq!(row(b"[<ffffffff811261dd>] dump_header"), None);
    }
}

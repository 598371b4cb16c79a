//! Who had the memory, and where it was.
use core::fmt::Write;

use super::super::lines::paragraph;
use crate::oomlog::analysis::{Mib, account, in_mib, lru, plural, size, whole};
use crate::oomlog::event::{Event, Mark, Row};
use crate::report::escape::{Called, Escaped};
use crate::units::{Bytes, Percent};

pub(super) fn consumers(to: &mut String, event: &Event) {
    let table = &event.table;
    if table.top.is_empty() {
        return;
    }
    let of = whole(event).map(|whole| format!(" (% of {})", Mib(whole.bytes))).unwrap_or_default();
    let _ = write!(to, "\nTop {} Memory Consumers at time of OOM, by RSS{of}:\n", table.top.len());
    rows(to, event, &table.top, |row| row.rss);
    let with_swap = &table.top_with_swap;
    if with_swap.iter().any(|row| row.swap.unwrap_or(0) > 0) {
        to.push_str("By RSS and swap:\n");
        rows(to, event, with_swap, |row| row.rss.saturating_add(row.swap.unwrap_or(0)));
    }
}

/// `  1. java                 (PID 1234  ) -   6835.9 MB  42.7 %  adj 0`
fn rows(to: &mut String, event: &Event, rows: &[Row], pages: impl Fn(&Row) -> u64) {
    for (at, row) in rows.iter().enumerate() {
        let name = format!("{}", Called(&row.comm));
        let held = in_mib(event, pages(row));
        let percent = share_of(size(event, pages(row)), whole(event).map(|whole| whole.bytes));
        let adj = row.adj.map(|adj| format!("  adj {adj}")).unwrap_or_default();
        let _ = writeln!(to, "{:>3}. {name:<20} (PID {:<6}) - {held:>11}{percent}{adj}", at + 1, row.pid);
    }
}

/// `  42.7 %`
fn share_of(part: Option<Bytes>, whole: Option<Bytes>) -> String {
    let share = part.zip(whole).and_then(|(part, whole)| Percent::of(part, whole));
    share
        .map(|Percent { hundredths }| format!(" {:>4}.{} %", hundredths / 100, hundredths % 100 / 10))
        .unwrap_or_default()
}

pub(super) fn sums(to: &mut String, event: &Event) {
    let table = &event.table;
    if table.rows > 0 {
        let whole = whole(event);
        let percent = share_of(size(event, table.rss), whole.map(|whole| whole.bytes));
        // Of pages whose size nothing tells there is no percentage.
        let whole = whole.filter(|_| !percent.is_empty());
        let of = whole.map(|whole| format!(" ({} of {})", percent.trim(), whole.what)).unwrap_or_default();
        // Tables before Linux 3.7 have no column for it.
        let swap = match table.top.first().and_then(|row| row.swap) {
            Some(_) => format!(", swap {}", in_mib(event, table.swap)),
            None => String::new(),
        };
        let words = format!(
            "Sum of the table: {} {}, RSS {}{of}{swap}; what they share counts once for each of them",
            table.rows,
            plural(table.rows, "task", "tasks"),
            in_mib(event, table.rss),
        );
        to.push('\n');
        paragraph(to, "", "  ", &words);
    }
    let lists = lru(event);
    if !lists.is_empty() {
        let mut words = String::from("Active and inactive memory:");
        for (at, (name, bytes)) in lists.iter().enumerate() {
            words.push_str(if at > 0 { ", " } else { " " });
            let _ = write!(words, "{name} {}", Mib(*bytes));
        }
        paragraph(to, "", "  ", &words);
    }
}

pub(super) fn shares(to: &mut String, event: &Event) {
    let all = account(event);
    let Some(first) = all.first() else {
        return;
    };
    let line = first.line.map(|line| format!(" [{}]", Mark::of(line))).unwrap_or_default();
    let _ = write!(to, "\nWhere the memory was:{line}\n");
    let whole = whole(event).map(|whole| whole.bytes);
    for share in &all {
        let percent = share_of(Some(share.bytes), whole);
        let _ = writeln!(to, "  {:<36} {:>12}{percent}", share.what, format!("{}", Mib(share.bytes)));
    }
    for (title, list) in [
        ("Largest unreclaimable slabs", &event.machine.slabs),
        ("Largest kernel allocations", &event.machine.allocations),
    ] {
        if !list.is_empty() {
            let mut words = format!("{title}:");
            for named in list.iter().take(5) {
                let _ = write!(words, " {} {},", Escaped(&named.name), Mib(named.size));
            }
            paragraph(to, "  ", "    ", words.trim_end_matches(','));
        }
    }
}

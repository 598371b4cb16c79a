//! `/proc/PID/net/sockstat` and `sockstat6`: how many sockets a network namespace has.
//!
//! ```text
//! sockets: used 170
//! TCP: inuse 12 orphan 0 tw 3 alloc 14 mem 2
//! UDP: inuse 5 mem 3
//! UDPLITE: inuse 0
//! ```

use crate::parse::{dec, words};
use crate::units::Pages;

/// How many TCP and UDP sockets a dump of the namespace's tables would visit; `None` when the text has no such line.
///
/// `tw`, the TIME_WAIT sockets, is in sockstat only and covers both families. Add up both files.
#[must_use]
pub fn visited(text: &[u8]) -> Option<u64> {
    text.split(|byte| *byte == b'\n').filter_map(of_line).reduce(u64::saturating_add)
}

fn of_line(line: &[u8]) -> Option<u64> {
    let mut words = words(line);
    let table: &[u8] = words.next()?;
    if !matches!(table, b"TCP:" | b"UDP:" | b"UDPLITE:" | b"TCP6:" | b"UDP6:" | b"UDPLITE6:") {
        return None;
    }
    let mut count = None;
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        if matches!(name, b"inuse" | b"tw") {
            count = Some(dec(value)?.saturating_add(count.unwrap_or(0)));
        }
    }
    count
}

/// What sockets of TCP and UDP hold in their buffers, of all network namespaces together: `mem`, in pages. Part of it is slab.
#[must_use]
pub fn memory(text: &[u8]) -> Option<Pages> {
    let mut sum = None;
    for line in text.split(|byte| *byte == b'\n') {
        let mut words = words(line).skip_while(|word| *word != b"mem");
        if words.next().is_some() {
            let pages = words.next().and_then(dec)?;
            sum = Some(Pages(pages.saturating_add(sum.unwrap_or(Pages(0)).0)));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_tcp_and_udp_is_added_up() {
        assert_eq!(memory(SOCKSTAT), Some(Pages(5)));
        assert_eq!(memory(SOCKSTAT6), None);
        assert_eq!(memory(b"TCP: inuse 1 mem\n"), None);
        assert_eq!(memory(b""), None);
    }

    const SOCKSTAT: &[u8] = b"sockets: used 170\nTCP: inuse 12 orphan 1 tw 3 alloc 14 mem 2\nUDP: inuse 5 mem 3\nUDPLITE: inuse 1\nRAW: inuse 9\nFRAG: inuse 7 memory 0\n";
    const SOCKSTAT6: &[u8] =
        b"TCP6: inuse 4\nUDP6: inuse 2\nUDPLITE6: inuse 0\nRAW6: inuse 8\nFRAG6: inuse 0 memory 0\n";

    #[test]
    fn connections_in_time_wait_are_visited_too() {
        assert_eq!(visited(SOCKSTAT), Some(12 + 3 + 5 + 1));
        assert_eq!(visited(SOCKSTAT6), Some(6));
    }

    #[test]
    fn a_text_without_tables_is_not_an_empty_host() {
        assert_eq!(visited(b""), None);
        assert_eq!(visited(b"sockets: used 170\n"), None);
        assert_eq!(visited(b"TCP: inuse many\n"), None);
        assert_eq!(visited(b"TCP: inuse 0\n"), Some(0));
    }

    #[test]
    fn neither_size_nor_cutting_panics() {
        assert_eq!(visited(b"TCP: inuse 18446744073709551615 tw 1\nUDP: inuse 1\n"), Some(u64::MAX));
        for upto in 0..SOCKSTAT.len() {
            let _ = visited(&SOCKSTAT[..upto]);
        }
        let _ = visited(b"TCP: inuse\nTCP:\nUDP: \xff \xfe\n\0");
    }
}

//! `/proc/zoneinfo`: what is free and in no other figure.
//!
//! The kernel keeps pages that were given back on lists of the CPUs that did so, one of each zone, and takes from there first. They are in
//! neither MemFree nor MemAvailable, and in no line of meminfo: on Linux 6.7 and later (`high_max`) up to an eighth of memory, for 10 s and
//! more after a process has ended. It puts them back (drain_all_pages) before it calls memory short.
//!
//! Node and zone, figures of the zone (`managed  3840`), then `pagesets` with a block for each CPU: `cpu: 0`, `count:    123`, `high:     378`.

use super::{dec, words};
use crate::units::Pages;

/// The lines that were seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    on_lists: Option<u64>,
    managed: Option<u64>,
}

impl Lines {
    /// Adds a line.
    pub fn add(&mut self, line: &[u8]) {
        let mut words = words(line);
        let sum = match words.next() {
            Some(b"count:") => &mut self.on_lists,
            Some(b"managed") => &mut self.managed,
            _ => return,
        };
        if let Some(pages) = words.next().and_then(dec) {
            *sum = Some(sum.unwrap_or_default().saturating_add(pages));
        }
    }

    /// What is on the lists of all CPUs; `None`: no line tells.
    #[must_use]
    pub fn on_lists(self) -> Option<Pages> {
        self.on_lists.map(Pages)
    }

    /// All that the kernel gives out, which is MemTotal (Linux 3.8).
    #[must_use]
    pub fn managed(self) -> Option<Pages> {
        self.managed.map(Pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::lines;

    #[test]
    fn the_lists_of_all_cpus_and_zones_are_one_sum() {
        let text = b"Node 0, zone      DMA\n  pages free     3840\n        present  3998\n        managed  3840\n  pagesets\n    cpu: 0\n              count:    0\n\
            Node 0, zone    DMA32\n      nr_free_pages 700123\n        managed  160\n  pagesets\n    cpu: 0\n              count:    123\n              high:     378\n\
                          batch:    63\n  vm stats threshold: 12\n    cpu: 1\n              count:    77\n";
        let mut seen = Lines::default();
        assert_eq!(seen.on_lists(), None);
        lines(text).for_each(|line| seen.add(line));
        assert_eq!((seen.on_lists(), seen.managed()), (Some(Pages(200)), Some(Pages(4000))));
    }
}

//! What an allocation is for, in a few plain words.

use super::meaning::{Charge, Failure, For, Meaning, Nodes, Waits, Zone};
use core::fmt;

/// As long as it may be, so that the line it ends stays one.
const ROOM: usize = 70;

impl fmt::Display for Meaning {
    /// What it is for, and what else there is to say of it as long as there is room, the most telling first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let purpose = self.purpose.words();
        f.write_str(purpose)?;
        if self.purpose == For::Fault {
            return Ok(());
        }
        let mut room = ROOM.saturating_sub(purpose.len());
        for words in self.tails() {
            if words.len() <= room {
                room -= words.len();
                f.write_str(words)?;
            }
        }
        Ok(())
    }
}

impl For {
    fn words(self) -> &'static str {
        match self {
            For::UserPage => "a page for a process's own memory",
            For::PageCache => "a page of file cache",
            For::UserOrCache => "a page for a process or for the file cache",
            For::Shared => "memory for a process that the kernel uses too",
            For::Kernel => "memory for the kernel itself",
            For::Charged => "a page or a kernel object, charged to the cgroup",
            For::Fault => "a page fault that got no memory; for what is not said",
            For::Unknown => "the flags do not tell for what",
        }
    }
}

impl Meaning {
    fn tails(&self) -> [&'static str; 5] {
        [
            match self.zone {
                Zone::Dma => ", from zone DMA",
                Zone::Dma32 => ", from zone DMA32",
                Zone::Normal | Zone::HighMem | Zone::Movable => "",
            },
            match self.failure {
                Failure::Never => ", and may not fail",
                Failure::Possible => "",
            },
            match self.charge {
                Charge::Cgroup => ", charged to its cgroup",
                Charge::NotSaid => "",
            },
            match self.waits {
                Waits::Freely => "",
                Waits::NotForFiles => ", without waiting for file systems",
                Waits::NotForDisk => ", without waiting for disk I/O",
                Waits::Never => ", without waiting",
            },
            match self.nodes {
                Nodes::One => ", from one node",
                Nodes::Any => "",
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn no_sentence_is_longer_than_its_room() {
        let names = [
            "GFP_DMA",
            "GFP_DMA32",
            "__GFP_HIGHMEM",
            "__GFP_RECLAIM",
            "__GFP_IO",
            "__GFP_FS",
            "__GFP_HARDWALL",
            "__GFP_COLD",
            "__GFP_ZERO",
            "__GFP_ACCOUNT",
            "__GFP_THISNODE",
            "__GFP_NOFAIL",
            "__GFP_OF_TOMORROW",
        ];
        for set in 0..1_usize << names.len() {
            let some = names.iter().enumerate();
            let some = some.filter(|(at, _)| set & 1 << at != 0);
            let meaning = Meaning::of(some.map(|(_, name)| *name));
            for meaning in [meaning, meaning.charged(), meaning.doubted()] {
                let text = meaning.to_string();
                assert!(text.len() <= ROOM, "{text}");
            }
        }
    }
}

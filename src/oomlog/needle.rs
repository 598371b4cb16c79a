//! Which parts of a log may be about the OOM killer at all.

use memchr::memmem::Finder;

/// What reports have in them, in all kernels from 2.6.9 on: the first in their header, the second in each kill or the line before it.
///
/// The third is all that is left of a report of before Linux 5.1 whose other lines went with the file before this one. It is looked
/// for where a log starts alone: each pass over a GiB takes 0.02 s of CPU, a tenth of all that a scan takes.
const NEEDLES: [&[u8]; 3] = [b"oom-kill", b"ut of memory", b"Killed process"];

/// What the first of them is in a report's header.
const HEADER: &[u8] = b"oom-killer";

/// The longest of [`NEEDLES`].
pub(super) const LONGEST: usize = 14;

/// Where the first needle is, and whether it begins a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hit {
    pub(super) at: usize,
    pub(super) is_header: bool,
}

/// Which part of a log it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The first chunk.
    Start,
    /// What follows it.
    Further,
}

/// Searches for all needles. Three passes over a chunk that the cache holds cost less than one that knows all three.
pub(super) struct Needles([Finder<'static>; 3]);

impl Needles {
    pub(super) fn new() -> Self {
        Self(NEEDLES.map(Finder::new))
    }

    /// The first needle in `text`, which is where the log starts or is not.
    pub(super) fn find(&self, text: &[u8], place: Place) -> Option<Hit> {
        let mut found: Option<Hit> = None;
        let passes = match place {
            Place::Start => NEEDLES.len(),
            Place::Further => NEEDLES.len() - 1,
        };
        for finder in &self.0[..passes] {
            let near = &text[..found.map_or(text.len(), |hit| hit.at)];
            if let Some(at) = finder.find(near) {
                // `oom-kill` at a chunk's end may go on in the next.
                let name = &text[at..text.len().min(at + HEADER.len())];
                let is_header = HEADER.starts_with(name);
                found = Some(Hit { at, is_header });
            }
        }
        found
    }
}

//! Which parts of a log may be about the OOM killer at all.

use memchr::memmem::Finder;

/// What each line of interest has in it, in all kernels from 2.6.9 on. The first begins a report; any of them may be all that is left.
const NEEDLES: [&[u8]; 3] = [b"oom-kill", b"Killed process", b"ut of memory"];

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

/// Searches for all needles. Three passes over a chunk that the cache holds cost less than one that knows all three.
pub(super) struct Needles([Finder<'static>; 3]);

impl Needles {
    pub(super) fn new() -> Self {
        Self(NEEDLES.map(Finder::new))
    }

    /// The first needle in `text`.
    pub(super) fn find(&self, text: &[u8]) -> Option<Hit> {
        let mut found: Option<Hit> = None;
        for finder in &self.0 {
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

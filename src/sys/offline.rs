//! The code that nothing armed runs: it is not kept in memory while a process is watched.
//!
//! Reading kernel logs is two fifths of the program, and arming, the heap and panics a tenth. The linker puts that code together
//! (.cargo/offline.ld), between two markers, and once armed its pages are given back. Without that script the markers are neighbours, and nothing is between them. What is called
//! all the same is read from the file again: only slower.

use core::ffi::c_void;

/// Where it begins.
#[used]
// SAFETY: a byte that is only ever an address; the section is one of code, and holds whatever is there.
#[unsafe(link_section = ".text.offline.first")]
static FIRST: u8 = 0;

/// Before that, where the code begins that writes a record when armed: a watch without one leaves it out, too.
#[used]
// SAFETY: as above.
#[unsafe(link_section = ".text.offline.record")]
static RECORD: u8 = 0;

/// Where the code begins that only an armed `kill` runs.
#[used]
// SAFETY: as above.
#[unsafe(link_section = ".text.offline.kill")]
static KILL: u8 = 0;

/// Where the code begins that an armed `kill` runs as well: it opens who is to be ended as others open who is to be watched.
#[used]
// SAFETY: as above.
#[unsafe(link_section = ".text.offline.arming")]
static ARMING: u8 = 0;

/// Behind its end.
#[used]
// SAFETY: as above.
#[unsafe(link_section = ".text.offline.last")]
static LAST: u8 = 0;

/// What is armed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Armed {
    /// A watch that writes a record.
    Recorder,
    /// A watch that writes none.
    Watch,
    /// `kill`.
    Kill,
}

/// Unlocks and gives back the pages of offline code: of a watch 316 kB of what was locked.
pub fn leave_out(armed: Armed) {
    const PAGE: usize = 65_536;
    let (first, last) = match armed {
        Armed::Recorder => (&raw const KILL, &raw const LAST),
        Armed::Watch => (&raw const RECORD, &raw const LAST),
        Armed::Kill => (&raw const FIRST, &raw const ARMING),
    };
    let (first, last) = (first.addr(), last.addr());
    // Only the end of the segment is a page of its own.
    let is_end = last == (&raw const LAST).addr();
    // Whole pages, of whatever size: 64 KiB is the largest. Offline code is the last of its segment, so that its last page is its own.
    let page = usize::try_from(super::system::page_size().0).unwrap_or(PAGE);
    let end = if is_end { last.next_multiple_of(page) } else { last / page * page };
    let start = first.next_multiple_of(page);
    let Some(length) = end.checked_sub(start).filter(|length| *length > 0) else {
        return;
    };
    let start: *mut c_void = core::ptr::with_exposed_provenance_mut(start);
    // SAFETY: whole pages of this program's own text, which munlock does not change.
    unsafe { libc::munlock(start, length) };
    // SAFETY: these pages are of a file that nobody writes to: what is given back is read again when it is called.
    unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) };
}

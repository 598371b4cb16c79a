//! What is said on standard error: names of files as they are, but safe to print.

use core::fmt::Write;

use crate::error::Because;
use crate::report::escape::{self, Source};
use crate::sys::Errno;
use crate::sys::out::{Out, Sink};

/// One line on standard error, written at once unless a name is very long.
pub(super) fn line(write: impl FnOnce(&mut Out<'_>)) {
    let mut buf = [0; 1024];
    let mut out = Out::new(Sink::Stderr, &mut buf);
    out.put(b"memdoor: ");
    write(&mut out);
    out.put(b"\n");
    out.flush();
}

/// `cannot open /x/y: permission denied (EACCES)`
pub(super) fn cannot(doing: &str, path: &[u8], errno: Errno) {
    line(|out| {
        let _ = write!(out, "cannot {doing} ");
        escape::text(out, path, Source::Raw);
        let _ = write!(out, ": {}", Because(errno));
    });
}

/// `cannot open .../system.journal and 41 more files of the journal: permission denied (EACCES)`, with what to type.
pub(super) fn cannot_of_journal(path: &[u8], more: u64) {
    line(|out| {
        out.put(b"cannot open ");
        escape::text(out, path, Source::Raw);
        match more {
            0 => {}
            1 => out.put(b" and 1 more file of the journal"),
            _ => {
                let _ = write!(out, " and {more} more files of the journal");
            }
        }
        let _ = write!(out, ": {}", Because(Errno::EACCES));
    });
    crate::refusal::say_hint(Some("run memdoor as root, or as a member of the group systemd-journal or adm"));
}

/// `cannot read /dev/zero: it is a character device, and no log`
pub(super) fn refused(path: &[u8], why: &str) {
    line(|out| {
        out.put(b"cannot read ");
        escape::text(out, path, Source::Raw);
        let _ = write!(out, ": {why}");
    });
}

/// `warning: /x/y.gz: the gzip file is cut off`
pub(super) fn warn(path: &[u8], what: core::fmt::Arguments<'_>) {
    line(|out| {
        out.put(b"warning: ");
        escape::text(out, path, Source::Raw);
        let _ = write!(out, ": {what}");
    });
}

/// `note: /x/fifo: not a file: it is skipped`
pub(super) fn note(path: &[u8], what: &str) {
    line(|out| {
        out.put(b"note: ");
        escape::text(out, path, Source::Raw);
        let _ = write!(out, ": {what}");
    });
}

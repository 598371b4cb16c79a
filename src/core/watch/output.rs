//! Standard output that can't be written: a full disk is no reason to stop watching.
//!
//! What is lost is said once when it begins, once when it is over, and counted at the end; the verdict is on standard error. A reader that
//! has gone (EPIPE) ends the watch: it has what it wanted.

use super::end::Ending;
use super::record::{Place, Recording};
use crate::error::Error;
use crate::mode::with_report;
use crate::refusal::say_hint;
use crate::report::json::{Envelope, LOST};
use crate::report::{Format, Report};
use crate::snapshot::Completeness;
use crate::sys::Errno;
use crate::sys::out::{Out, say};
use crate::sys::record::frame::Kind;

/// What a reader finds where reports are missing.
const fn note(format: Format) -> &'static [u8] {
    match format {
        Format::Text => b"[standard output could not be written: reports are missing here]\n",
        Format::Json => LOST,
    }
}

/// The reports that standard output has lost.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct LostOutput {
    count: u64,
    /// Whether the last one was.
    is_failing: bool,
}

impl LostOutput {
    /// Whether there are any.
    pub(super) const fn is_any(self) -> bool {
        self.count > 0
    }

    /// Says once that it begins.
    fn fail(&mut self, errno: Errno, is_recorded: bool) {
        if !core::mem::replace(&mut self.is_failing, true) {
            let error = Error::of_output(errno);
            say(format_args!("memdoor: {error}"));
            say_hint(error.advice());
            let record = if is_recorded { ", but for the record," } else { "" };
            say(format_args!(
                "memdoor: the watch goes on; its reports are lost{record} until standard output can be written"
            ));
        }
    }

    /// Says at the end how many there are; whether there are any.
    pub(super) fn say(self) -> bool {
        if !self.is_any() {
            return false;
        }
        let (count, noun) = (self.count, if self.count == 1 { "report was" } else { "reports were" });
        say(format_args!("memdoor: {count} {noun} lost: standard output could not be written"));
        true
    }
}

/// Where the reports go, and what became of them.
pub(super) struct Output<'a> {
    pub(super) to: Out<'a>,
    pub(super) envelope: Envelope,
    pub(super) format: Format,
    /// The record, where one was asked for.
    pub(super) place: Option<Place<'a>>,
    /// What standard output has lost.
    pub(super) lost: LostOutput,
    completeness: Completeness,
}

impl<'a> Output<'a> {
    pub(super) fn new(to: Out<'a>, envelope: Envelope, format: Format) -> Self {
        Self { to, envelope, format, place: None, lost: LostOutput::default(), completeness: Completeness::Complete }
    }

    /// Whether all that was to be in the reports could be read.
    pub(super) const fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// So much of a report could be read.
    pub(super) fn note(&mut self, completeness: Completeness) {
        self.completeness = self.completeness.and(completeness);
    }

    /// Hands a report to `write`.
    pub(super) fn write<T>(&mut self, write: impl FnOnce(&mut dyn Report) -> T) -> T {
        with_report(self.format, &mut self.to, &self.envelope, write)
    }

    /// The same with its frame in the record.
    pub(super) fn report<T>(&mut self, kind: Kind, write: impl FnOnce(&mut dyn Report) -> T) -> T {
        self.to.begin(kind);
        let written = self.write(write);
        self.to.seal();
        written
    }

    /// Says before the watch begins that there is no standard output, where that is so. A record needs none.
    pub(super) fn check(&mut self, record: Option<Recording<'_>>) {
        if let Some(errno) = self.to.failed() {
            if record.is_none() {
                self.lost.fail(errno, false);
            }
            self.to.try_again(b"");
        }
    }

    /// Counts a report that was lost. How the watch ends where nobody reads any more.
    pub(super) fn look(&mut self) -> Option<Ending> {
        if let Some(errno) = self.to.failed() {
            self.lost.fail(errno, self.place.is_some());
            self.lost.count += 1;
            self.to.try_again(note(self.format));
            return None;
        }
        match self.to.broken() {
            Some(broken) => Some(Ending::output(broken)),
            None => {
                if self.lost.is_failing && self.to.writes_again() {
                    self.lost.is_failing = false;
                    say(format_args!("memdoor: standard output can be written again"));
                }
                None
            }
        }
    }
}

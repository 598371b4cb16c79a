//! Standard output that can't be written: a full disk is no reason to stop watching.
//!
//! What is lost is said once when it begins, once when it is over, and counted at the end; the verdict is on standard error. A reader that
//! has gone (EPIPE) ends the watch: it has what it wanted.

use super::Armed;
use super::end::Ending;
use crate::error::Error;
use crate::refusal::say_hint;
use crate::report::Format;
use crate::report::json::LOST;
use crate::sys::Errno;
use crate::sys::out::say;

/// What a reader finds where reports are missing.
const fn note(format: Format) -> &'static [u8] {
    match format {
        Format::Text => b"[standard output could not be written: reports are missing here]\n",
        Format::Json => LOST,
    }
}

/// The reports that standard output has lost.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Lost {
    count: u64,
    /// Whether the last one was.
    is_failing: bool,
}

impl Lost {
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

impl Armed<'_> {
    /// Says before the watch begins that there is no standard output, where that is so. A record needs none.
    pub(super) fn check_output(&mut self) {
        if let Some(errno) = self.out.failed() {
            if self.options.record.is_none() {
                self.lost.fail(errno, false);
            }
            self.out.try_again(b"");
        }
    }

    /// Counts a report that was lost. How the watch ends where nobody reads any more.
    pub(super) fn look_at_output(&mut self) -> Option<Ending> {
        if let Some(errno) = self.out.failed() {
            self.lost.fail(errno, self.place.is_some());
            self.lost.count += 1;
            self.out.try_again(note(self.options.format));
            return None;
        }
        match self.out.broken() {
            Some(broken) => Some(Ending::output(broken)),
            None => {
                if self.lost.is_failing && self.out.writes_again() {
                    self.lost.is_failing = false;
                    say(format_args!("memdoor: standard output can be written again"));
                }
                None
            }
        }
    }
}

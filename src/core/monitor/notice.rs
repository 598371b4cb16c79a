//! What is noticed beside the figures of a sample.

use core::fmt::Write;

use super::clocks::Clocks;
use super::process_table::SortKey;
use super::{MAPPED, Sampler};
use crate::error::Because;
use crate::fixed::Fixed;
use crate::host::Numbers;
use crate::sys::Errno;

impl Sampler<'_> {
    /// What the tables can't show, once.
    pub(super) fn say_what_is_missing(&mut self, is_first: bool) {
        let now = &self.sample.now;
        if let (true, Some(errno)) = (is_first, self.kills.unread()) {
            let mut words = Fixed::<200>::new();
            // A Fixed never returns an error: it cuts.
            let _ = write!(words, "cannot read /dev/kmsg: {}", Because(errno));
            if matches!(errno, Errno::EPERM | Errno::EACCES) {
                words.push(b" (root or CAP_SYSLOG may)");
            }
            words.push(b": OOM kills are counted, and have no names");
            self.notes.say(now, core::str::from_utf8(words.as_bytes()).unwrap_or_default());
        }
        if is_first && self.host.numbers() == Numbers::Other {
            let words = "only processes of this pid namespace are seen; the host's memory is that of all";
            self.notes.say(now, words);
        }
        if is_first && self.groups.version().is_none() {
            self.notes.say(now, "no cgroup is seen: no hierarchy with the memory controller is mounted here");
        }
        if let (true, Some(errno)) = (is_first, self.groups.failed()) {
            let mut words = Fixed::<200>::new();
            // A Fixed never returns an error: it cuts.
            let _ = write!(words, "some cgroups can't be looked into, and are left out: {}", Because(errno));
            self.notes.say(now, core::str::from_utf8(words.as_bytes()).unwrap_or_default());
        }
        let unlisted = self.processes.unlisted() + self.groups.unlisted();
        if unlisted > 0 && self.unlisted == 0 {
            let words = "more processes or cgroups than there is room for: some are not looked at";
            self.notes.say(now, words);
        }
        self.unlisted = unlisted;
    }

    pub(super) fn look_at_clocks(&mut self) {
        let now = Clocks::at(&self.sample.now);
        if let Some(before) = self.clocks.replace(now) {
            for leap in now.since(&before).into_iter().flatten() {
                self.notes.leap(&self.sample.now, leap);
            }
        }
    }

    /// What mappings of the largest and of those that begin to grow are like, so that the end can say which of them grew.
    pub(super) fn remember_mappings(&mut self, is_first: bool) {
        let Self { processes, mapped, host, reader, .. } = self;
        let by = if is_first { SortKey::Rss } else { SortKey::Growth };
        processes.each_top(by, MAPPED, &mut |row| {
            mapped.note(reader.as_ref(), &host.proc, row.pid, row.started);
        });
    }
}

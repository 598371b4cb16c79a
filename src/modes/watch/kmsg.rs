//! What the running kernel's log says of the target's end.
//!
//! The device is opened when the watch is armed and read once a second, so that what is said at the end is at hand while memory is
//! short, and is not overwritten by a thousand rows of a table of tasks.

mod kill;

pub(super) use kill::{Kills, Match, Role, Short};

use core::time::Duration;

use crate::error::Absent;
use crate::modes::kmsg::{Drained, drain};
use crate::sys::Errno;
use crate::sys::clock::monotonic;
use crate::sys::kmsg::Kmsg;
use crate::sys::signal::Woken;

/// A line stands in the log before the process that it names is gone; when the log is also written to a slow console, it may come later.
const LATE: Duration = Duration::from_millis(100);

/// Records that were lost longer ago than this were not about the end: the log is read once a second.
const RECENT: Duration = Duration::from_secs(5);

/// A process is gone so long after the kernel has said that it killed it, as a rule: who lives on was not meant, where only the name
/// tells.
const DYING: Duration = Duration::from_secs(3);

/// The running kernel's log since the watch began.
pub(super) struct KernelLog {
    log: Result<Kmsg, Absent>,
    /// When records were last overwritten before they could be read.
    lost: Option<Duration>,
    pub(super) kills: Kills,
    /// When a kill of the target was read, and when it was logged.
    found: Option<(Duration, u64)>,
}

/// How much of the log could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Coverage {
    /// All of it.
    Whole,
    /// All, but its numbers are those of another pid namespace.
    Unnumbered,
    /// Records of the last seconds were lost.
    Gaps,
    /// Nothing.
    None(Absent),
}

impl KernelLog {
    /// Opens the log, from now on.
    pub(super) fn open(pid: u64, comm: &[u8], by: Match) -> Self {
        let log = Kmsg::open(c"/dev/kmsg").and_then(|log| log.skip().map(|()| log));
        Self {
            log: log.map_err(|errno| match errno {
                // A container may have another device in its place, or none.
                Errno::ENOENT | Errno::ENXIO | Errno::ENODEV => Absent::Hidden,
                errno => Absent::from(errno),
            }),
            lost: None,
            kills: Kills::new(pid, comm, by),
            found: None,
        }
    }

    /// Reads what has come. `buf` must hold a record.
    pub(super) fn read(&mut self, buf: &mut [u8]) {
        if self.kills.by() == Match::Name
            && let Some((found, boot_us)) = self.found
            && monotonic().saturating_sub(found) > DYING
        {
            self.kills.disown(boot_us);
            self.found = None;
        }
        let Self { log, kills, found, .. } = self;
        let Ok(log) = log else {
            return;
        };
        let drained = drain(log, buf, &mut |record| {
            kills.take(record.text, record.boot_us);
            if kills.role().is_some() && found.is_none() {
                *found = Some((monotonic(), record.boot_us));
            }
        });
        match drained {
            Ok(Drained::Whole) => {}
            Ok(Drained::Gaps) => self.lost = Some(monotonic()),
            Err(errno) => self.log = Err(Absent::from(errno)),
        }
    }

    /// Reads until the log has said what became of the target, or it has had time to.
    pub(super) fn wait(&mut self, buf: &mut [u8]) {
        let until = monotonic().saturating_add(LATE);
        loop {
            self.read(buf);
            let left = until.saturating_sub(monotonic());
            let Ok(log) = &self.log else {
                return;
            };
            if self.kills.role().is_some() || left.is_zero() {
                return;
            }
            if matches!(log.wait(left), Ok(Woken::Timeout) | Err(_)) {
                return;
            }
        }
    }

    /// How much of it was read.
    pub(super) fn coverage(&self) -> Coverage {
        let is_recent = |lost: Duration| monotonic().saturating_sub(lost) < RECENT;
        match (&self.log, self.lost) {
            (Err(why), _) => Coverage::None(*why),
            (Ok(_), Some(lost)) if is_recent(lost) => Coverage::Gaps,
            (Ok(_), _) if self.kills.by() == Match::Name => Coverage::Unnumbered,
            (Ok(_), _) => Coverage::Whole,
        }
    }
}

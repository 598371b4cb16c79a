//! What may block is read by another process ([`Helper`]): cmdline, maps and smaps wait for the process's mmap_lock, kcmp(2) for its
//! execve(2).

mod job;

use core::cell::{RefCell, RefMut};
use core::time::Duration;

use super::kin::Kin;
use super::sharing::WORTH;
use super::{Process, command_line};
use crate::fixed::Fixed;
use crate::history::grown::{Growers, Largest};
use crate::parse::smaps;
use crate::parse::smaps_rollup::Rollup;
use crate::sys::Result;
use crate::sys::bounded::PATIENCE;
use crate::sys::clock::monotonic;
use crate::sys::file::Dir;
use crate::sys::helper::{Descriptors, Helper, WORKERS};
use crate::sys::map::Region;
use crate::tmpfs::{Lasting, Mount};
use crate::units::{Pid, Ticks};
pub(super) use job::About;
use job::{Answer, Job, Question, Subject, TEXT, sleeps};

/// Arguments of so many bytes and more are not known: a pattern is never tried on a part of them, in which `$` would fit at the cut and what
/// is behind it be missed. Class paths of JVMs have some tens of KiB. It is the room for them, which `kill` locks.
pub const LONGEST: usize = 64 * 1024;

/// Reads what may block, in another process.
pub struct Reader {
    helper: Helper<Job>,
    /// Room for the arguments of one process; `None` where no pattern is about them.
    room: RefCell<Option<Region>>,
}

impl Reader {
    /// Starts the processes that read.
    pub fn start(proc: &Dir) -> Result<Self> {
        let helper = Helper::start(proc, WORKERS, Descriptors::Own, Job::EMPTY, |proc, job| job.work(proc))?;
        Ok(Self { helper, room: RefCell::default() })
    }

    /// The same for patterns about arguments, which are read whole ([`Reader::whole_arguments`]): with room for them, all of it touched.
    pub fn start_for_patterns(proc: &Dir) -> Result<Self> {
        let reader = Self::start(proc)?;
        reader.room.replace(Some(Region::new(LONGEST)?));
        Ok(reader)
    }

    /// The start of the arguments of a process, words that end with a NUL. `None`: it could not be read, or there was no answer in 200 ms.
    pub fn arguments<'b>(&self, pid: Pid, buf: &'b mut [u8]) -> Option<&'b [u8]> {
        let length = self.piece(pid, 0, buf, PATIENCE)?;
        buf.get(..length)
    }

    /// All arguments of a process, words that end with a NUL, until they are dropped. `None`: they are not known, as above, or as they have
    /// [`LONGEST`] bytes or more, or those of another are held.
    pub fn whole_arguments(&self, pid: Pid) -> Option<RefMut<'_, [u8]>> {
        let room = self.room.try_borrow_mut().ok()?;
        let mut room = RefMut::filter_map(room, |room| Some(room.as_mut()?.as_bytes())).ok()?;
        let until = monotonic().saturating_add(PATIENCE);
        let mut length = 0;
        loop {
            let rest = room.get_mut(length..).filter(|rest| !rest.is_empty())?;
            let read = self.piece(pid, length, rest, until.saturating_sub(monotonic()))?;
            length += read;
            if read < TEXT {
                break;
            }
        }
        RefMut::filter_map(room, |room| room.get_mut(..length)).ok()
    }

    /// Arguments from there on: how many bytes, at most [`TEXT`].
    fn piece(&self, pid: Pid, from: usize, buf: &mut [u8], within: Duration) -> Option<usize> {
        let question = Question::Process(Subject { pid, started: None }, About::Arguments(u64::try_from(from).ok()?));
        self.ask(question, within, |job| {
            let Answer::Arguments(length) = job.answer else { return None };
            let length = length.min(buf.len());
            buf.get_mut(..length)?.copy_from_slice(job.text.get(..length)?);
            Some(length)
        })
    }

    /// Memory that lasts whoever ends. `None`: there was no answer in that time.
    #[must_use]
    pub fn lasting(&self, within: Duration) -> Option<Lasting> {
        self.ask(Question::Lasting, within, |job| {
            let Answer::Lasting { files, segments, fullest } = job.answer else { return None };
            let mount = |(length, used)| Mount { point: Fixed::of(job.text.get(..length).unwrap_or_default()), used };
            Some(Lasting { files, segments, fullest: fullest.map(mount) })
        })
    }

    fn ask<T>(&self, question: Question, within: Duration, take: impl FnOnce(&Job) -> Option<T>) -> Option<T> {
        let subject = match question {
            Question::Process(subject, _) => Some(subject.pid),
            Question::Lasting => None,
        };
        let fill = |job: &mut Job| (job.question, job.answer) = (question, Answer::Failed);
        let may_take_the_last = || subject.is_some_and(|pid| !sleeps(pid));
        self.helper.ask(subject, may_take_the_last, fill, within, take).ok()?
    }

    /// Does once what may be asked, about memdoor itself: the processes then have touched all that it takes.
    pub fn rehearse(&self, own: &mut Process) {
        for _ in 0..2 {
            let _ = self.arguments(own.pid, &mut [0; 64]);
            let _ = self.whole_arguments(own.pid);
            own.memory.shmem = Some(WORTH);
            own.kin = Some(Kin { lead: own.pid, count: 2, nearest: own.pid, most: WORTH, is_sampled: false });
            self.refine(own, Duration::MAX);
            let _ = self.lasting(PATIENCE);
        }
    }

    /// What maps or smaps says of a process, if it does until then.
    pub(super) fn ask_parts(
        &self,
        (pid, started): (Pid, Option<Ticks>),
        about: About,
        until: Duration,
    ) -> Option<smaps::Totals> {
        let within = until.saturating_sub(monotonic()).min(PATIENCE);
        self.ask(Question::Process(Subject { pid, started }, about), within, |job| match job.answer {
            Answer::Totals(totals) => Some(totals),
            _ => None,
        })
    }
}

impl core::fmt::Debug for Reader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Reader")
    }
}

/// The arguments of a process, words that end with a NUL, read by `reader` if there is one; nothing when they can't be read.
#[must_use]
pub fn arguments<'b>(reader: Option<&Reader>, proc: &Dir, pid: Pid, buf: &'b mut [u8]) -> &'b [u8] {
    match reader {
        Some(reader) => reader.arguments(pid, buf).unwrap_or_default(),
        None => command_line(proc, pid, buf).unwrap_or_default(),
    }
}

/// What is asked of one process, answered by `reader`, or by memdoor itself if there is none.
fn ask_or_work<T>(
    reader: Option<&Reader>,
    proc: &Dir,
    (pid, started): (Pid, Ticks),
    about: About,
    take: impl FnOnce(&Job) -> Option<T>,
) -> Option<T> {
    let question = Question::Process(Subject { pid, started: Some(started) }, about);
    match reader {
        Some(reader) => reader.ask(question, PATIENCE, take),
        None => {
            let mut job = Job { question, ..Job::EMPTY };
            job.work(proc);
            take(&job)
        }
    }
}

/// PSS, USS and swap of a process. `None`: they could not be read, or there was no answer in 200 ms.
#[must_use]
pub fn rollup(reader: Option<&Reader>, proc: &Dir, process: (Pid, Ticks)) -> Option<Rollup> {
    ask_or_work(reader, proc, process, About::Rollup, |job| match job.answer {
        Answer::Rollup(rollup) => Some(rollup),
        _ => None,
    })
}

/// The largest mappings of a process. `None` as above.
#[must_use]
pub fn largest(reader: Option<&Reader>, proc: &Dir, process: (Pid, Ticks)) -> Option<Largest> {
    ask_or_work(reader, proc, process, About::Largest, |job| match job.answer {
        Answer::Largest(largest) => Some(largest),
        _ => None,
    })
}

/// The mappings of a process that have grown since `then`. `None` as above.
#[must_use]
pub fn growers(reader: Option<&Reader>, proc: &Dir, process: (Pid, Ticks), then: Largest) -> Option<Growers> {
    ask_or_work(reader, proc, process, About::Growers(then), |job| match job.answer {
        Answer::Growers(growers) => Some(growers),
        _ => None,
    })
}

/// Memory that lasts whoever ends, read by `reader` if there is one. `None`: there was no answer in that time.
#[must_use]
pub fn lasting(reader: Option<&Reader>, proc: &Dir, within: Duration) -> Option<Lasting> {
    match reader {
        Some(reader) => reader.lasting(within),
        None => Some(Lasting::read(proc, &mut [0; 4096])),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    fn own_process() -> (Dir, (Pid, Ticks)) {
        let proc = Dir::open(c"/proc").expect("/proc");
        let own =
            crate::processes::look(&proc, Pid::new(std::process::id().into()).expect("a pid")).expect("this process");
        (proc, (own.pid, own.started.expect("a start")))
    }

    #[test]
    fn another_process_reads_the_same_as_memdoor_itself() {
        let (proc, own) = own_process();
        let reader = Reader::start(&proc).expect("two processes");
        for reader in [None, Some(&reader)] {
            assert!(rollup(reader, &proc, own).expect("smaps_rollup").pss.is_some_and(|pss| pss.0 > 0));
            assert!(largest(reader, &proc, own).is_some());
            let mut buf = [0; 4096];
            assert!(!arguments(reader, &proc, own.0, &mut buf).is_empty());
            assert!(lasting(reader, &proc, Duration::from_secs(60)).is_some());
        }
    }

    #[test]
    fn who_has_the_number_of_another_start_is_another_process() {
        let (proc, (pid, started)) = own_process();
        let other = (pid, Ticks(started.0 + 1));
        let reader = Reader::start(&proc).expect("two processes");
        for reader in [None, Some(&reader)] {
            assert!(rollup(reader, &proc, other).is_none());
            assert!(largest(reader, &proc, other).is_none());
        }
    }
}

//! What is read by [`Helper`], because it may block: cmdline, maps and smaps wait for the process's mmap_lock.

use core::cell::{RefCell, RefMut};
use core::ffi::CStr;
use core::time::Duration;

use super::freeable::Ending;
use super::{Process, Table, View, command_line, view};
use crate::fixed::Fixed;
use crate::history::grown::{Grower, Growers, Kind, Largest, SMALLEST};
use crate::parse::maps::{self, Mapping};
use crate::parse::smaps_rollup::Rollup;
use crate::parse::{smaps, stat};
use crate::sys::Result;
use crate::sys::bounded::PATIENCE;
use crate::sys::clock::monotonic;
use crate::sys::file::{Dir, File};
use crate::sys::helper::{Descriptors, HANDS, Helper};
use crate::sys::lines::Lines;
use crate::sys::map::Region;
use crate::tmpfs::{Lasting, Mount};
use crate::units::{Bytes, Pid, Ticks};

/// So much of the arguments of a process is read at once.
const ARGUMENTS: usize = 4096;

/// Arguments of so many bytes and more are not known: a pattern is never tried on a part of them, in which `$` would fit at the cut and what
/// is behind it be missed. Class paths of JVMs have some tens of KiB. It is the room for them, which `kill` locks.
pub const LONGEST: usize = 64 * 1024;

/// So long the few that matter are asked for what of their shared memory ends with them.
pub const REFINING: Duration = Duration::from_millis(50);

/// Shared memory below this decides nothing.
pub const WORTH: Bytes = Bytes(1 << 20);

/// Of so many it is asked whether they share anonymous memory with others.
const FORKS: usize = 16;

/// Whether anonymous memory may be shared with others, since a fork(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anonymous {
    /// It is not.
    OfOne,
    /// It may be: smaps tells.
    OfSeveral,
}

/// Whether they may have come from one another by fork(2): a parent and its child, or two of one name.
fn are_related(one: &Process, other: &Process) -> bool {
    let is_parent = |parent: &Process, child: &Process| child.parent == Some(parent.pid);
    one.pid != other.pid
        && (one.comm.as_bytes() == other.comm.as_bytes() || is_parent(one, other) || is_parent(other, one))
}

/// What is asked of one process, and the answer.
#[derive(Clone, Copy)]
struct Job {
    pid: Pid,
    /// `None`: whoever has the number.
    started: Option<Ticks>,
    what: What,
    answer: Answer,
    arguments: [u8; ARGUMENTS],
}

#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "it lies in memory that two processes share, where a box means nothing")]
enum What {
    /// cmdline from there on.
    Arguments(u64),
    /// How much its shared memory may be that ends with it: maps, without a walk of page tables.
    Size,
    /// How much it is: smaps.
    Share,
    /// PSS, USS and swap: smaps_rollup.
    Rollup,
    /// The largest mappings: maps.
    Largest,
    /// Which mappings have grown since these were the largest: maps.
    Growers(Largest),
    /// What lasts whoever ends: of no process. Where a tmpfs is mounted below a dead file system, to look at it may block.
    Lasting,
}

#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "it lies in memory that two processes share, where a box means nothing")]
enum Answer {
    /// It could not be read.
    Failed,
    /// So many bytes of the arguments are there.
    Arguments(usize),
    Ending(smaps::Ending),
    Rollup(Rollup),
    Largest(Largest),
    Growers(Growers),
    /// What lasts, and how much of it the fullest tmpfs has, whose place is in so many bytes of the arguments.
    Lasting {
        files: Bytes,
        segments: Bytes,
        fullest: Option<(usize, Bytes)>,
    },
}

/// Reads what may block, in another process.
pub struct Reader {
    helper: Helper<Job>,
    /// Room for the arguments of one process; `None` where no pattern is about them.
    room: RefCell<Option<Region>>,
}

impl Reader {
    /// Starts the processes that read.
    pub fn start(proc: &Dir) -> Result<Self> {
        let (what, answer) = (What::Size, Answer::Failed);
        let empty = Job { pid: Pid::MAX, started: None, what, answer, arguments: [0; ARGUMENTS] };
        let helper = Helper::start(proc, HANDS, Descriptors::Own, empty, work)?;
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
            if read < ARGUMENTS {
                break;
            }
        }
        RefMut::filter_map(room, |room| room.get_mut(..length)).ok()
    }

    /// Arguments from there on: how many bytes, at most [`ARGUMENTS`].
    fn piece(&self, pid: Pid, from: usize, buf: &mut [u8], within: Duration) -> Option<usize> {
        self.ask(pid, None, What::Arguments(u64::try_from(from).ok()?), within, |job| {
            let Answer::Arguments(length) = job.answer else { return None };
            let length = length.min(buf.len());
            buf.get_mut(..length)?.copy_from_slice(job.arguments.get(..length)?);
            Some(length)
        })
    }

    /// Memory that lasts whoever ends. `None`: there was no answer in that time.
    #[must_use]
    pub fn lasting(&self, within: Duration) -> Option<Lasting> {
        self.ask(Pid::MAX, None, What::Lasting, within, |job| {
            let Answer::Lasting { files, segments, fullest } = job.answer else { return None };
            let mount =
                |(length, used)| Mount { point: Fixed::of(job.arguments.get(..length).unwrap_or_default()), used };
            Some(Lasting { files, segments, fullest: fullest.map(mount) })
        })
    }

    fn ask<T>(
        &self,
        pid: Pid,
        started: Option<Ticks>,
        what: What,
        within: Duration,
        take: impl FnOnce(&Job) -> Option<T>,
    ) -> Option<T> {
        let fill = |job: &mut Job| {
            (job.pid, job.started, job.what, job.answer) = (pid, started, what, Answer::Failed);
        };
        self.helper.ask(pid, || !matches!(what, What::Lasting) && !sleeps(pid), fill, within, take).ok()?
    }

    /// Does once what may be asked, about memdoor itself: the processes then have touched all that it takes.
    pub fn rehearse(&self, own: &mut Process) {
        for _ in 0..2 {
            let _ = self.arguments(own.pid, &mut [0; 64]);
            let _ = self.whole_arguments(own.pid);
            own.memory.shmem = Some(WORTH);
            self.refine(own, Duration::MAX, Anonymous::OfSeveral);
            let _ = self.lasting(PATIENCE);
        }
    }

    /// Whether it is worth while to ask for the shared memory of a process, and was not done before.
    #[must_use]
    fn is_wanted(process: &Process) -> bool {
        process.memory.ending.is_none() && process.memory.shmem >= Some(WORTH)
    }

    /// Finds out what of their shared memory ends with those for whom `is_asked` holds; how many they were. Those who have most of it are
    /// asked first: the time may be up before all are.
    pub fn refine_all(&self, rows: &mut [Process], until: Duration, is_asked: &dyn Fn(usize) -> bool) -> usize {
        let mut count = 0;
        while monotonic() < until {
            let wanted = rows.iter().enumerate().filter(|(at, row)| Self::is_wanted(row) && is_asked(*at));
            let Some((at, _)) = wanted.max_by_key(|(_, row)| row.memory.shmem) else { break };
            let Some(row) = rows.get_mut(at) else { break };
            self.refine(row, until, Anonymous::OfOne);
            count += 1;
        }
        count + self.refine_forks(rows, until, is_asked)
    }

    /// The same of anonymous memory that is shared since a fork(2): of those with most of it, if there is somebody that they may share it
    /// with.
    fn refine_forks(&self, rows: &mut [Process], until: Duration, is_asked: &dyn Fn(usize) -> bool) -> usize {
        let mut seen = [None; FORKS];
        let mut count = 0;
        for at_last in 0..FORKS {
            let is_new = |row: &Process| !seen.contains(&Some(row.pid)) && row.memory.anon >= Some(WORTH);
            let wanted = rows.iter().enumerate().filter(|(at, row)| is_new(row) && is_asked(*at));
            let Some((at, row)) = wanted.max_by_key(|(_, row)| row.memory.anon) else { break };
            let is_related = row.memory.ending.is_none() && rows.iter().any(|other| are_related(row, other));
            seen[at_last] = Some(row.pid);
            if monotonic() >= until {
                break;
            }
            if let Some(row) = rows.get_mut(at).filter(|_| is_related) {
                self.refine(row, until, Anonymous::OfSeveral);
                count += 1;
            }
        }
        count
    }

    /// Finds out what of the shared memory of a process ends with it. Without an answer until then `RssShmem` stands for it.
    fn refine(&self, process: &mut Process, until: Duration, anonymous: Anonymous) {
        let shmem = process.memory.shmem.unwrap_or_default();
        process.memory.ending = Some(self.ending(process.pid, process.started, shmem, anonymous, until));
    }

    /// What of the shared memory of a process ends with it, of which it has `shmem`.
    #[must_use]
    pub fn ending(
        &self,
        pid: Pid,
        started: Option<Ticks>,
        shmem: Bytes,
        anonymous: Anonymous,
        until: Duration,
    ) -> Ending {
        let ask = |what| {
            let left = until.saturating_sub(monotonic());
            self.ask(pid, started, what, left.min(PATIENCE), |job| match job.answer {
                Answer::Ending(ending) => Some(ending),
                _ => None,
            })
        };
        // maps says at once that there is none, and how much there may be if smaps takes too long: 83 ms at 8 GiB.
        let size = ask(What::Size).map(|ending| ending.size);
        let is_asked = anonymous == Anonymous::OfSeveral || size.is_some_and(|size| size.0 > 0);
        let parts = size.filter(|_| is_asked).and_then(|_| ask(What::Share));
        match (parts, size) {
            (Some(parts), _) => Ending::of(&parts).at_most(shmem),
            // There is nothing to divide.
            (None, Some(Bytes(0))) => Ending::of(&smaps::Ending::default()),
            (None, Some(size)) => Ending::AtMost(size.min(shmem)),
            (None, None) => Ending::AtMost(shmem),
        }
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

/// Finds out what of the shared memory ends with whom, as far as that takes no longer than a moment: for modes that look once.
pub fn refine(table: &mut Table, reader: Option<&Reader>) {
    if let Some(reader) = reader {
        reader.refine_all(table.rows_mut(), monotonic().saturating_add(REFINING), &|_| true);
    }
}

/// A job about one process done by `reader`, or by memdoor itself if there is none.
fn done<T>(
    reader: Option<&Reader>,
    proc: &Dir,
    (pid, started): (Pid, Ticks),
    what: What,
    take: impl FnOnce(&Job) -> Option<T>,
) -> Option<T> {
    match reader {
        Some(reader) => reader.ask(pid, Some(started), what, PATIENCE, take),
        None => {
            let (started, arguments) = (Some(started), [0; ARGUMENTS]);
            let mut job = Job { pid, started, what, answer: Answer::Failed, arguments };
            work(proc, &mut job);
            take(&job)
        }
    }
}

/// PSS, USS and swap of a process. `None`: they could not be read, or there was no answer in 200 ms.
#[must_use]
pub fn rollup(reader: Option<&Reader>, proc: &Dir, process: (Pid, Ticks)) -> Option<Rollup> {
    done(reader, proc, process, What::Rollup, |job| match job.answer {
        Answer::Rollup(rollup) => Some(rollup),
        _ => None,
    })
}

/// The largest mappings of a process. `None` as above.
#[must_use]
pub fn largest(reader: Option<&Reader>, proc: &Dir, process: (Pid, Ticks)) -> Option<Largest> {
    done(reader, proc, process, What::Largest, |job| match job.answer {
        Answer::Largest(largest) => Some(largest),
        _ => None,
    })
}

/// The mappings of a process that have grown since `then`. `None` as above.
#[must_use]
pub fn growers(reader: Option<&Reader>, proc: &Dir, process: (Pid, Ticks), then: Largest) -> Option<Growers> {
    done(reader, proc, process, What::Growers(then), |job| match job.answer {
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

/// Whether a process sleeps uninterruptibly, as whoever is stuck does. When a file system is dead there are many, and the last process
/// that can be asked is kept for the others.
fn sleeps(pid: Pid) -> bool {
    let mut buf = [0; 4096];
    let path = Fixed::<32>::new().push_dec(pid.get()).push(b"/stat").clone();
    // No descriptor is kept for this: it is seldom asked.
    let proc = Dir::open(c"/proc");
    let stat = proc.as_ref().ok().and_then(|proc| proc.read(path.as_c_str()?, &mut buf).ok());
    stat.and_then(stat::parse).is_some_and(|stat| stat.state == b'D')
}

/// Does a job, in the other process.
fn work(proc: &Dir, job: &mut Job) {
    job.answer = read(proc, job).unwrap_or(Answer::Failed);
}

fn read(proc: &Dir, job: &mut Job) -> Option<Answer> {
    if matches!(job.what, What::Lasting) {
        let Lasting { files, segments, fullest } = Lasting::read(proc, &mut [0; 4096]);
        let fullest = fullest.map(|mount| {
            let point = mount.point.as_bytes();
            job.arguments.iter_mut().zip(point).for_each(|(to, byte)| *to = *byte);
            (point.len(), mount.used)
        });
        return Some(Answer::Lasting { files, segments, fullest });
    }
    let name = Fixed::<16>::new().push_dec(job.pid.get()).clone();
    let dir = proc.dir(name.as_c_str()?).ok()?;
    let mut buf = [0; 4096];
    let (state, threads, started) = {
        let stat = stat::parse(dir.read(c"stat", &mut buf).ok()?)?;
        (stat.state, stat.threads, stat.starttime)
    };
    if job.started.is_some_and(|expected| expected != started) {
        return None;
    }
    let view = view(&dir, b"", state, threads);
    match job.what {
        What::Arguments(from) => {
            let file = open(&dir, &view, c"cmdline")?;
            file.read_at(&mut job.arguments, from).ok().map(Answer::Arguments)
        }
        What::Lasting => None,
        What::Size => ending(&open(&dir, &view, c"maps")?, &mut buf),
        What::Share => ending(&open(&dir, &view, c"smaps")?, &mut buf),
        What::Rollup => {
            let mut rollup = Rollup::default();
            let file = open(&dir, &view, c"smaps_rollup")?;
            Lines::new(&file, &mut buf).each(&mut |line| rollup.add(line)).ok()?;
            Some(Answer::Rollup(rollup))
        }
        What::Largest => {
            let mut largest = Largest::new();
            each_mapping(&dir, &view, &mut |mapping| largest.note(mapping.start, mapping.end))?;
            Some(Answer::Largest(largest))
        }
        What::Growers(then) => {
            let mut growers = Growers::none();
            each_mapping(&dir, &view, &mut |mapping| {
                let by = match mapping.size().0 {
                    SMALLEST.. => then.growth(mapping.start, mapping.end),
                    _ => 0,
                };
                if by > 0 {
                    let (start, end, kind) = (mapping.start, mapping.end, Kind::of(mapping.path));
                    growers.note(Grower { start, end, kind, by: Bytes(by) });
                }
            })?;
            Some(Answer::Growers(growers))
        }
    }
}

fn open(dir: &Dir, view: &View, file: &CStr) -> Option<File> {
    let mut path = Fixed::<48>::of(view.as_bytes());
    if !view.as_bytes().is_empty() {
        path.push(b"/");
    }
    dir.file(path.push(file.to_bytes()).as_c_str()?).ok()
}

/// Hands each mapping to `take`; `None` when they can't be read, or there are none: it has exited.
fn each_mapping(dir: &Dir, view: &View, take: &mut dyn FnMut(&Mapping<'_>)) -> Option<()> {
    let file = open(dir, view, c"maps")?;
    // A line may be as long as a path whose every byte is escaped.
    let mut buf = [0; 24 * 1024];
    let mut has_any = false;
    let read = Lines::new(&file, &mut buf).each(&mut |line| {
        if let Some(mapping) = maps::line(line) {
            take(&mapping);
            has_any = true;
        }
    });
    read.ok().filter(|()| has_any)
}

fn ending(file: &File, buf: &mut [u8]) -> Option<Answer> {
    let mut ending = smaps::Ending::default();
    Lines::new(file, buf).each(&mut |line| ending.add(line)).ok()?;
    Some(Answer::Ending(ending))
}

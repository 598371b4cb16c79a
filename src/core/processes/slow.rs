//! What is read by [`Helper`], because it may block: cmdline, maps and smaps wait for the process's mmap_lock, kcmp(2) for its execve(2).

use core::cell::{RefCell, RefMut};
use core::ffi::CStr;
use core::time::Duration;

use super::freeable::{Ending, Forked, Known, PageKinds};
use super::kin::{Kin, Kinship};
use super::{Memory, Process, Table, View, command_line, view};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::history::grown::{Grower, Growers, Kind, Largest, SMALLEST};
use crate::parse::maps::{self, Mapping};
use crate::parse::smaps_rollup::Rollup;
use crate::parse::vmstat::Vmstat;
use crate::parse::{smaps, stat};
use crate::sys::Result;
use crate::sys::bounded::PATIENCE;
use crate::sys::clock::monotonic;
use crate::sys::file::{Dir, File};
use crate::sys::helper::{Descriptors, Helper, WORKERS};
use crate::sys::lines::Lines;
use crate::sys::map::Region;
use crate::sys::system::{has_same_memory, page_size};
use crate::tmpfs::{Lasting, Mount};
use crate::units::{Bytes, Pages, Pid, Ticks};

/// So much of the arguments of a process is read at once.
const ARGUMENTS: usize = 4096;

/// Arguments of so many bytes and more are not known: a pattern is never tried on a part of them, in which `$` would fit at the cut and what
/// is behind it be missed. Class paths of JVMs have some tens of KiB. It is the room for them, which `kill` locks.
pub const LONGEST: usize = 64 * 1024;

/// So long the few that matter are asked for what of their shared memory ends with them.
pub const REFINING: Duration = Duration::from_millis(50);

/// Shared memory below this decides nothing.
pub const WORTH: Bytes = Bytes(1 << 20);

/// Of so many files of shared memory that a relative maps it is known that it does.
const INODES: usize = 64;

/// What is asked of one process, and the answer.
#[derive(Clone, Copy)]
struct Job {
    pid: Pid,
    /// `None`: whoever has the number.
    started: Option<Ticks>,
    what: Question,
    answer: Answer,
    arguments: [u8; ARGUMENTS],
}

#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "it lies in memory that two processes share, where a box means nothing")]
enum Question {
    /// cmdline from there on.
    Arguments(u64),
    /// How much its shared memory may be that ends with it: maps, without a walk of page tables.
    Size,
    /// How much it is, and what of all its memory it shares with a relative: smaps, beside maps of that one.
    Share(Option<Pid>),
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
        segments: core::result::Result<Bytes, Absent>,
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
        let (what, answer) = (Question::Size, Answer::Failed);
        let empty = Job { pid: Pid::MAX, started: None, what, answer, arguments: [0; ARGUMENTS] };
        let helper = Helper::start(proc, WORKERS, Descriptors::Own, empty, work)?;
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
        self.ask(pid, None, Question::Arguments(u64::try_from(from).ok()?), within, |job| {
            let Answer::Arguments(length) = job.answer else { return None };
            let length = length.min(buf.len());
            buf.get_mut(..length)?.copy_from_slice(job.arguments.get(..length)?);
            Some(length)
        })
    }

    /// Memory that lasts whoever ends. `None`: there was no answer in that time.
    #[must_use]
    pub fn lasting(&self, within: Duration) -> Option<Lasting> {
        self.ask(Pid::MAX, None, Question::Lasting, within, |job| {
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
        what: Question,
        within: Duration,
        take: impl FnOnce(&Job) -> Option<T>,
    ) -> Option<T> {
        let fill = |job: &mut Job| {
            (job.pid, job.started, job.what, job.answer) = (pid, started, what, Answer::Failed);
        };
        self.helper.ask(pid, || !matches!(what, Question::Lasting) && !sleeps(pid), fill, within, take).ok()?
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

    /// Finds out what of their shared memory ends with those for whom `is_asked` holds; how many they were. Of each family one is asked
    /// first, which tells most about all of it, then those who have most: the time may be up before all are.
    ///
    /// `rows` are all of a table, whose relatives [`Kinship::find`] has told. Once nobody is left to be asked, or no time, [`settle`] gives a
    /// figure to those that were not.
    pub fn refine_all(
        &self,
        rows: &mut [Process],
        given_up: GivenUp,
        until: Duration,
        is_asked: &dyn Fn(usize) -> bool,
    ) -> usize {
        let mut count = 0;
        let is_given_up = match given_up {
            GivenUp::Perhaps => may_have_given_up,
            GivenUp::Nothing => |_: &Process| false,
        };
        for is_wanted in [wants_a_look as fn(&Process) -> bool, wants_a_closer_look, is_given_up] {
            while monotonic() < until {
                let wanted = rows.iter().enumerate().filter(|(at, row)| is_wanted(row) && is_asked(*at));
                let Some((at, _)) = wanted.max_by_key(|(_, row)| row.weight()) else { break };
                let Some(row) = rows.get_mut(at) else { break };
                self.refine(row, until);
                count += 1;
                if let Some(kin) = row.kin.filter(|kin| !kin.is_sampled)
                    && row.memory.forked.is_some_and(|forked| forked.known == Known::Read)
                {
                    sample(rows, kin.lead);
                }
            }
            // What was found out may bring others to the front, of whom nothing is known: they go first.
            if count > 0 {
                break;
            }
        }
        count
    }

    /// Finds out what of the shared memory of a process ends with it. Without an answer until then `RssShmem` stands for it.
    fn refine(&self, process: &mut Process, until: Duration) {
        let shmem = process.memory.shmem.unwrap_or_default();
        let beside = Beside::Pages(process.kin.map(|kin| kin.nearest));
        let (ending, parts) = self.look(process.pid, process.started, shmem, beside, until);
        process.memory.ending = Some(ending);
        process.memory.kinds = Some(parts.as_ref().map_or(PageKinds::Unanswered, |parts| PageKinds::of(parts, shmem)));
        if process.kin.is_some() {
            let nothing = Forked { cow: Bytes(0), share: Bytes(0), known: Known::Unanswered };
            process.memory.forked = Some(match parts {
                None => nothing,
                Some(smaps::Ending { is_one_space: true, .. }) => Forked { known: Known::OneSpace, ..nothing },
                Some(smaps::Ending { cow, cow_share, .. }) => Forked { cow, share: cow_share, known: Known::Read },
            });
        }
    }

    /// What all of them map of files of a tmpfs that were deleted: each its part, and of whom there is no answer until then all that it may be.
    #[must_use]
    pub fn deleted_files(&self, rows: &[Process], until: Duration) -> Bytes {
        let of = |row: &Process| {
            let shmem = row.memory.shmem.filter(|shmem| *shmem >= WORTH)?;
            if let Some(Ending::Parts { files, .. }) = row.memory.ending {
                return Some(files);
            }
            let ask = |what| self.ask_parts((row.pid, row.started), what, until);
            // maps says of most that they have none.
            let most = ask(Question::Size).map_or(shmem, |ending| ending.file_size.min(shmem));
            let files = if most.0 > 0 { ask(Question::Share(None)).map(|ending| ending.files) } else { None };
            Some(files.unwrap_or(most))
        };
        rows.iter().filter_map(of).fold(Bytes(0), Bytes::plus)
    }

    /// What maps or smaps says of a process, if it does until then.
    fn ask_parts(
        &self,
        (pid, started): (Pid, Option<Ticks>),
        what: Question,
        until: Duration,
    ) -> Option<smaps::Ending> {
        let left = until.saturating_sub(monotonic());
        self.ask(pid, started, what, left.min(PATIENCE), |job| match job.answer {
            Answer::Ending(ending) => Some(ending),
            _ => None,
        })
    }

    /// What of the shared memory of a process ends with it, of which it has `shmem`.
    #[must_use]
    pub fn ending(&self, pid: Pid, started: Option<Ticks>, shmem: Bytes, until: Duration) -> Ending {
        self.look(pid, started, shmem, Beside::Nothing, until).0
    }

    /// The same, and what smaps showed of it.
    fn look(
        &self,
        pid: Pid,
        started: Option<Ticks>,
        shmem: Bytes,
        beside: Beside,
        until: Duration,
    ) -> (Ending, Option<smaps::Ending>) {
        let ask = |what| self.ask_parts((pid, started), what, until);
        // maps says at once that there is none, and how much there may be if smaps takes too long: 83 ms at 8 GiB.
        let wants_all = matches!(beside, Beside::Pages(_));
        let size = if wants_all && shmem < WORTH { None } else { ask(Question::Size).map(|ending| ending.size) };
        let parts = match beside {
            Beside::Pages(relative) => ask(Question::Share(relative)),
            Beside::Nothing if size.is_some_and(|size| size.0 > 0) => ask(Question::Share(None)),
            Beside::Nothing => None,
        };
        let ending = match (parts, size) {
            (Some(parts), _) => Ending::of(&parts).at_most(shmem),
            // There is nothing to divide.
            (None, Some(Bytes(0))) => Ending::of(&smaps::Ending::default()),
            (None, Some(size)) => Ending::AtMost(size.min(shmem)),
            (None, None) => Ending::AtMost(shmem),
        };
        (ending, parts)
    }
}

/// What is asked beside how much of its shared memory ends with a process.
#[derive(Clone, Copy)]
enum Beside {
    /// Nothing: of who has no such memory smaps is not read.
    Nothing,
    /// Which pages count otherwise ([`PageKinds`]), and what it shares with this relative.
    Pages(Option<Pid>),
}

/// Whether anybody may have memory that was given up with MADV_FREE, and that smaps tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GivenUp {
    /// No: nothing was since boot, or it was taken, or the kernel has no such thing (before Linux 4.12).
    Nothing,
    /// Yes, or it is not known.
    Perhaps,
}

impl GivenUp {
    /// What /proc/vmstat counts of it: most machines have no program that does it, and there smaps is read of fewer.
    #[must_use]
    pub fn read(proc: &Dir) -> Self {
        let mut counters = Vmstat::default();
        let mut buf = [0; 4096];
        let file = proc.file(c"vmstat");
        let read = file.and_then(|file| Lines::new(&file, &mut buf).each(&mut |line| counters.add(line)));
        let Vmstat { given_up, given_up_taken, .. } = counters;
        let left = given_up.unwrap_or(0).saturating_sub(given_up_taken.unwrap_or(0));
        let left = Pages(left).bytes(page_size());
        if read.is_ok() && left < WORTH { Self::Nothing } else { Self::Perhaps }
    }
}

/// Whether nothing is known yet of memory that it may share or have locked, neither its own smaps nor that of a relative.
fn wants_a_look(process: &Process) -> bool {
    let Memory { ending, forked, shmem, kinds, .. } = process.memory;
    let is_forked = process.kin.is_some() && process.memory.anonymous() >= WORTH;
    let may_be_locked = kinds.is_none() && process.memory.may_be_locked() >= WORTH;
    is_forked && forked.is_none() || ending.is_none() && shmem >= Some(WORTH) || may_be_locked
}

/// Whether it may have given up memory, and nobody has looked.
fn may_have_given_up(process: &Process) -> bool {
    process.memory.kinds.is_none() && process.memory.anonymous() >= WORTH
}

/// Whether only a relative was looked at.
fn wants_a_closer_look(process: &Process) -> bool {
    process.memory.forked.is_some_and(|forked| forked.known == Known::Sampled)
}

/// What a relative that was looked at shares is taken for what each of its family does that was not.
fn sample(rows: &mut [Process], lead: Pid) {
    let is_of = |row: &Process| row.kin.is_some_and(|kin| kin.lead == lead);
    let read = |row: &Process| row.memory.forked.filter(|forked| forked.known == Known::Read).map(|forked| forked.cow);
    let Some(most) = rows.iter().filter(|row| is_of(row)).filter_map(read).max() else { return };
    for row in rows.iter_mut().filter(|row| is_of(row)) {
        let Some(kin) = &mut row.kin else { continue };
        kin.is_sampled = true;
        if row.memory.forked.is_none_or(|forked| !matches!(forked.known, Known::Read | Known::OneSpace)) {
            row.memory.forked = Some(guess(most, kin.count, &row.memory, Known::Sampled));
        }
    }
}

/// That it shares no more than `most` with all its relatives, of which they are `count`.
fn guess(most: Bytes, count: u32, memory: &Memory, known: Known) -> Forked {
    let cow = most.min(memory.anonymous());
    Forked { cow, share: Bytes(cow.0.div_ceil(u64::from(count.max(1)))), known }
}

/// Gives a figure to those whose smaps was not read and who may share memory, once there is nobody to ask any more, or no time.
pub fn settle(rows: &mut [Process]) {
    for row in rows.iter_mut() {
        let Some(kin) = row.kin else { continue };
        if row.memory.forked.is_none_or(|forked| forked.known == Known::Unanswered) {
            row.memory.forked = Some(guess(kin.most, kin.count, &row.memory, Known::Bounded));
        }
    }
    // An address space of several: each has a part of all that is in it.
    for at in 0..rows.len() {
        let is_one = |row: &Process| row.memory.forked.is_some_and(|forked| forked.known == Known::OneSpace);
        let Some(kin) = rows.get(at).filter(|row| is_one(row)).and_then(|row| row.kin) else { continue };
        let is_of = |row: &&Process| is_one(row) && row.kin.is_some_and(|other| other.lead == kin.lead);
        // There are two at least, though one may not be in the table.
        let count = (rows.iter().filter(is_of).count() as u64).max(2);
        if let Some(row) = rows.get_mut(at) {
            share_all(&mut row.memory, count);
        }
    }
}

/// All that a process has is of so many, with one address space.
fn share_all(memory: &mut Memory, count: u64) {
    let all = memory.anonymous();
    memory.forked = Some(Forked { cow: all, share: Bytes(all.0.div_ceil(count)), known: Known::OneSpace });
    // What is locked in it is so as long as one of them lives, and counts for none.
    if let Some(PageKinds::Read { locked, .. }) = &mut memory.kinds {
        *locked = Bytes(0);
    }
    if let Some(Ending::Parts { private, share, shared, inherited, .. }) = &mut memory.ending
        && private.0 > 0
    {
        *share = Bytes(private.plus(*share).0.div_ceil(count));
        *shared = private.plus(*shared);
        (*private, *inherited) = (Bytes(0), Bytes(0));
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
pub fn refine(proc: &Dir, table: &mut Table, reader: Option<&Reader>) {
    let rows = table.rows_mut();
    if let Ok(mut kinship) = Kinship::arm(rows.len()) {
        kinship.find(proc, rows, WORTH);
    }
    let until = monotonic().saturating_add(REFINING);
    if let Some(reader) = reader {
        let given_up = GivenUp::read(proc);
        while reader.refine_all(rows, given_up, until, &|_| true) > 0 {}
    }
    settle(rows);
}

/// A job about one process done by `reader`, or by memdoor itself if there is none.
fn done<T>(
    reader: Option<&Reader>,
    proc: &Dir,
    (pid, started): (Pid, Ticks),
    what: Question,
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
    done(reader, proc, process, Question::Rollup, |job| match job.answer {
        Answer::Rollup(rollup) => Some(rollup),
        _ => None,
    })
}

/// The largest mappings of a process. `None` as above.
#[must_use]
pub fn largest(reader: Option<&Reader>, proc: &Dir, process: (Pid, Ticks)) -> Option<Largest> {
    done(reader, proc, process, Question::Largest, |job| match job.answer {
        Answer::Largest(largest) => Some(largest),
        _ => None,
    })
}

/// The mappings of a process that have grown since `then`. `None` as above.
#[must_use]
pub fn growers(reader: Option<&Reader>, proc: &Dir, process: (Pid, Ticks), then: Largest) -> Option<Growers> {
    done(reader, proc, process, Question::Growers(then), |job| match job.answer {
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
    if matches!(job.what, Question::Lasting) {
        let Lasting { files, segments, fullest } = Lasting::read(proc, &mut [0; 4096]);
        let fullest = fullest.map(|mount| {
            let point = mount.point.as_bytes();
            job.arguments.iter_mut().zip(point).for_each(|(to, byte)| *to = *byte);
            (point.len(), mount.used)
        });
        return Some(Answer::Lasting { files, segments, fullest });
    }
    let name = Fixed::<16>::dec(job.pid.get());
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
        Question::Arguments(from) => {
            let file = open(&dir, &view, c"cmdline")?;
            file.read_at(&mut job.arguments, from).ok().map(Answer::Arguments)
        }
        Question::Lasting => None,
        Question::Size => ending(&open(&dir, &view, c"maps")?, &mut buf),
        Question::Share(relative) => share(proc, (job.pid, relative), &open(&dir, &view, c"smaps")?, &mut buf),
        Question::Rollup => {
            let mut rollup = Rollup::default();
            let file = open(&dir, &view, c"smaps_rollup")?;
            Lines::new(&file, &mut buf).each(&mut |line| rollup.add(line)).ok()?;
            Some(Answer::Rollup(rollup))
        }
        Question::Largest => {
            let mut largest = Largest::new();
            each_mapping(&dir, &view, &mut |mapping| largest.note(mapping.start, mapping.end))?;
            Some(Answer::Largest(largest))
        }
        Question::Growers(then) => {
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

/// What a process shares with those who live on; with a relative, what that one has mapped and not touched, which is no less shared.
fn share(proc: &Dir, (pid, relative): (Pid, Option<Pid>), file: &File, buf: &mut [u8]) -> Option<Answer> {
    let is_one_space = relative.is_some_and(|relative| relative != pid && has_same_memory(pid, relative));
    let mut inodes = [(0, 0); INODES];
    let count = match relative {
        Some(relative) if !is_one_space => shared_inodes(proc, relative, &mut inodes),
        _ => 0,
    };
    let known = inodes.get(..count).unwrap_or_default();
    let mut ending = smaps::Ending::default();
    ending.is_one_space = is_one_space;
    let mut is_inherited = |mapping: &Mapping<'_>| known.contains(&identity(mapping));
    Lines::new(file, buf).each(&mut |line| ending.add_beside(line, &mut is_inherited)).ok()?;
    Some(Answer::Ending(ending))
}

/// The files of shared memory that a process maps; how many they are. None of one that seems to be stuck, as its maps may never come.
fn shared_inodes(proc: &Dir, pid: Pid, inodes: &mut [(u64, u64); INODES]) -> usize {
    let mut count = 0;
    let name = Fixed::<16>::dec(pid.get());
    let dir = name.as_c_str().and_then(|name| proc.dir(name).ok());
    let mut buf = [0; 4096];
    let (Some(dir), false) = (dir, sleeps(pid)) else { return 0 };
    let Some(stat) = dir.read(c"stat", &mut buf).ok().and_then(stat::parse) else { return 0 };
    let (state, threads) = (stat.state, stat.threads);
    let _ = each_mapping(&dir, &view(&dir, b"", state, threads), &mut |mapping| {
        let is_shared = matches!(mapping.perms, [.., b's']) && smaps::ends_with_its_processes(mapping);
        if let (true, Some(place)) = (is_shared, inodes.get_mut(count)) {
            *place = identity(mapping);
            count += 1;
        }
    });
    count
}

/// Its device, as a number of its own, and its inode.
fn identity(mapping: &Mapping<'_>) -> (u64, u64) {
    (mapping.dev.iter().fold(0, |device, byte| device << 8 | u64::from(*byte)), mapping.inode)
}

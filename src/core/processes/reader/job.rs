//! What the other process does for a [`Reader`](super::Reader): the questions, how each is answered, and the answers.

use core::ffi::CStr;

use crate::error::Absent;
use crate::fixed::Fixed;
use crate::history::grown::{Grower, Growers, Kind, Largest, SMALLEST};
use crate::parse::maps::{self, Mapping};
use crate::parse::smaps_rollup::Rollup;
use crate::parse::{smaps, stat};
use crate::processes::{View, view};
use crate::sys::file::{Dir, File};
use crate::sys::lines::Lines;
use crate::sys::system::has_same_memory;
use crate::tmpfs::Lasting;
use crate::units::{Bytes, Pid, Ticks};

/// So much of the arguments of a process is read at once.
pub(super) const TEXT: usize = 4096;

/// Of so many files of shared memory that a relative maps it is known that it does.
const INODES: usize = 64;

/// A question, and the answer: what two processes share.
#[derive(Clone, Copy)]
pub(super) struct Job {
    pub(super) question: Question,
    pub(super) answer: Answer,
    /// What an answer has of text; how much, it says itself.
    pub(super) text: [u8; TEXT],
}

impl Job {
    pub(super) const EMPTY: Self = Self { question: Question::Lasting, answer: Answer::Failed, text: [0; TEXT] };

    /// Answers its question.
    pub(super) fn work(&mut self, proc: &Dir) {
        let answer = match self.question {
            Question::Lasting => Some(lasting(proc, &mut self.text)),
            Question::Process(subject, about) => of_process(proc, subject, about, &mut self.text),
        };
        self.answer = answer.unwrap_or(Answer::Failed);
    }
}

/// What is asked.
#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "it lies in memory that two processes share, where a box means nothing")]
pub(super) enum Question {
    /// About a process.
    Process(Subject, About),
    /// What lasts whoever ends. Where a tmpfs is mounted below a dead file system, to look at it may block.
    Lasting,
}

/// Whom it is about.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) pid: Pid,
    /// `None`: whoever has the number.
    pub(super) started: Option<Ticks>,
}

/// What is asked of a process.
#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "it lies in memory that two processes share, where a box means nothing")]
pub(in super::super) enum About {
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
}

#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "it lies in memory that two processes share, where a box means nothing")]
pub(super) enum Answer {
    /// It could not be read.
    Failed,
    /// So many bytes of the arguments are in the text.
    Arguments(usize),
    Totals(smaps::Totals),
    Rollup(Rollup),
    Largest(Largest),
    Growers(Growers),
    /// What lasts, and how much of it the fullest tmpfs has, whose mount point is so many bytes of the text.
    Lasting {
        files: Bytes,
        segments: Result<Bytes, Absent>,
        fullest: Option<(usize, Bytes)>,
    },
}

fn lasting(proc: &Dir, text: &mut [u8; TEXT]) -> Answer {
    let Lasting { files, segments, fullest } = Lasting::read(proc, &mut [0; 4096]);
    let fullest = fullest.map(|mount| {
        let point = mount.point.as_bytes();
        text.iter_mut().zip(point).for_each(|(to, byte)| *to = *byte);
        (point.len().min(TEXT), mount.used)
    });
    Answer::Lasting { files, segments, fullest }
}

fn of_process(proc: &Dir, subject: Subject, about: About, text: &mut [u8; TEXT]) -> Option<Answer> {
    let name = Fixed::<16>::dec(subject.pid.get());
    let dir = proc.dir(name.as_c_str()?).ok()?;
    let mut buf = [0; 4096];
    let (state, threads, started) = {
        let stat = stat::parse(dir.read(c"stat", &mut buf).ok()?)?;
        (stat.state, stat.threads, stat.starttime)
    };
    if subject.started.is_some_and(|expected| expected != started) {
        return None;
    }
    let view = view(&dir, b"", state, threads);
    match about {
        About::Arguments(from) => {
            let file = open(&dir, &view, c"cmdline")?;
            file.read_at(text, from).ok().map(Answer::Arguments)
        }
        About::Size => totals(&open(&dir, &view, c"maps")?, &mut buf),
        About::Share(relative) => share(proc, (subject.pid, relative), &open(&dir, &view, c"smaps")?, &mut buf),
        About::Rollup => {
            let mut rollup = Rollup::default();
            let file = open(&dir, &view, c"smaps_rollup")?;
            Lines::new(&file, &mut buf).each(&mut |line| rollup.add(line)).ok()?;
            Some(Answer::Rollup(rollup))
        }
        About::Largest => {
            let mut largest = Largest::new();
            each_mapping(&dir, &view, &mut |mapping| largest.note(mapping.start, mapping.end))?;
            Some(Answer::Largest(largest))
        }
        About::Growers(then) => {
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

fn totals(file: &File, buf: &mut [u8]) -> Option<Answer> {
    let mut totals = smaps::Totals::default();
    Lines::new(file, buf).each(&mut |line| totals.add(line)).ok()?;
    Some(Answer::Totals(totals))
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
    let mut totals = smaps::Totals::default();
    totals.is_one_space = is_one_space;
    let mut is_inherited = |mapping: &Mapping<'_>| known.contains(&identity(mapping));
    Lines::new(file, buf).each(&mut |line| totals.add_beside(line, &mut is_inherited)).ok()?;
    Some(Answer::Totals(totals))
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

/// Whether a process sleeps uninterruptibly, as whoever is stuck does. When a file system is dead there are many, and the last process
/// that can be asked is kept for the others.
pub(super) fn sleeps(pid: Pid) -> bool {
    let mut buf = [0; 4096];
    let path = Fixed::<32>::new().push_dec(pid.get()).push(b"/stat").clone();
    // No descriptor is kept for this: it is seldom asked.
    let proc = Dir::open(c"/proc");
    let stat = proc.as_ref().ok().and_then(|proc| proc.read(path.as_c_str()?, &mut buf).ok());
    stat.and_then(stat::parse).is_some_and(|stat| stat.state == b'D')
}

//! Logs to events: which ones are read, in which order, and what is said of those that can't be.
mod journal;

use core::ffi::CStr;
use core::fmt::Write;
use core::time::Duration;
use std::ffi::CString;

use super::machine::{live_reference, machine, now_us};
use super::sink::{Log, Sink};
use super::trouble::State;
use super::{reach, words};
use crate::oomlog::assemble::{Assembler, Unplaced};
use crate::oomlog::event::{Position, Stamp};
use crate::oomlog::live::Live;
use crate::oomlog::moment::{self, Reference};
use crate::oomlog::places::{self, Found, Machines, Root};
use crate::oomlog::record::Record;
use crate::oomlog::scan::{Part, Scan};
use crate::oomlog::source::{Packing, Source, Trouble};
use crate::oomlog::start::Start;
use crate::report::escape::Escaped;
use crate::shell;
use crate::sys::clock::Zone;
use crate::sys::file::Dir;
use crate::sys::input::{Input, Kind, Writer};
use crate::sys::{Errno, Result};

/// How long the writer of a FIFO is waited for: who starts both in one script has started it by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why what was named is not read, and what to type.
const NOBODY_WRITES: [&str; 2] = [
    "it is a FIFO, and nobody has opened it to write to it for 5 s",
    "start its writer first, or pipe the log: zcat kern.log.2.gz | memdoor dmesg -",
];
const NO_LOG: [&str; 2] =
    ["it is a character device, and no log", "name a log, or a directory that has some: memdoor dmesg /var/log"];
const STDIN_IS_CLOSED: [&str; 2] = ["standard input is closed", "give it a log: memdoor dmesg - </var/log/kern.log"];
const STDIN_IS_A_DIRECTORY: [&str; 2] = ["it is a directory", "name it: memdoor dmesg /var/log"];

/// So many directories are named of which not all was read.
const SHOWN: usize = 4;

/// Reads logs one after the other.
pub(super) struct Reader<'s, 'a, 'b> {
    scan: Option<Scan>,
    assembler: Assembler,
    pub(super) log: Log,
    pub(super) sink: &'s mut Sink<'a, 'b>,
    notes: Notes,
}

/// Whether what is no error is said, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Notes {
    /// Said.
    Said,
    /// Left out: somebody wants to hear of new events only.
    Silent,
}

/// Why a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    /// It was named.
    Name,
    /// It is in a directory that was.
    Directory,
}

impl<'s, 'a, 'b> Reader<'s, 'a, 'b> {
    pub(super) fn new(sink: &'s mut Sink<'a, 'b>, notes: Notes) -> Self {
        Self { scan: None, assembler: Assembler::new(), log: Log::default(), sink, notes }
    }

    /// The running kernel's log.
    pub(super) fn live(&mut self, device: &CStr) -> Result<()> {
        self.finish();
        let live = Live::open(device)?;
        self.log.next();
        self.log.machine = Some(machine());
        let now = live_reference();
        let start = self.log.piece(live.name().as_bytes(), now);
        let Self { assembler, log, sink, .. } = self;
        sink.reach.begin(live.name().as_bytes());
        // Whatever is left in it, and be it nothing: nobody but the kernel speaks there.
        sink.reach.note(None, None, true);
        sink.reach.note_end(reach::ALWAYS);
        let mut bytes = 0;
        let mut is_first = true;
        let mut take = |record: Record<'_>, line: Position| {
            if core::mem::take(&mut is_first) {
                let begins = moment::of(&Stamp::of(&record.when), &now).map(|begins| begins.us);
                sink.reach.note(None, begins, true);
            }
            bytes += record.text.len() as u64;
            assembler.push(&record, start + line, &mut |event| sink.event(event, log));
            wanted(sink, Part::Other)
        };
        let gaps = live.read(&mut take)?;
        self.sink.run.logs += 1;
        self.sink.run.bytes += bytes;
        self.sink.run.overwritten += gaps.lost;
        self.finish();
        Ok(())
    }

    /// All logs of a system, whose root has this path.
    pub(super) fn root(&mut self, root: &Root, path: &[u8], machines: Machines) {
        self.sink.queue.expect_several();
        let read = places::of_root(root, machines, &mut |name, found| self.found(path, name, found));
        self.finish();
        if let Err(errno) = read {
            self.failed("read", path, errno);
        }
    }

    /// What was named. Pieces of a rotated log that follow each other are read oldest first: a shell sorts kern.log* the other way.
    pub(super) fn named(&mut self, operands: &[CString]) {
        if operands.len() > 1 {
            self.sink.queue.expect_several();
        }
        let mut rest = operands;
        while let [first, behind @ ..] = rest {
            let is_piece = |name: &&CString| places::is_one_log(first.to_bytes(), name.to_bytes());
            let length = 1 + behind.iter().take_while(is_piece).count();
            let (pieces, behind) = rest.split_at(length);
            rest = behind;
            let mut sorted: Vec<&CString> = Vec::with_capacity(pieces.len());
            for piece in pieces {
                places::place(&mut sorted, piece, |piece| piece.to_bytes());
            }
            for piece in sorted {
                self.operand(piece);
            }
            self.finish();
        }
    }

    /// The one place where what was named is opened.
    ///
    /// A FIFO is as good as a file (`<(zcat ...)` is one), once there is somebody who writes to it. A character device is no log but for
    /// /dev/kmsg: it may have no end, and to open it may do something, so it is looked at first. A terminal is read as standard input.
    fn operand(&mut self, path: &CStr) {
        let name = path.to_bytes();
        let is_stdin = name == b"-";
        // Whoever reads that takes it from others, and waits for what comes next.
        if name == b"/proc/kmsg" {
            return self.device(c"/dev/kmsg");
        }
        if !is_stdin && Kind::at(path) == Ok(Kind::Device) {
            return self.refused(name, NO_LOG);
        }
        let opened = if is_stdin { Input::stdin() } else { Input::open(path) };
        let (kind, input) = match opened.and_then(|input| Ok((input.kind()?, input))) {
            Ok(opened) => opened,
            Err(Errno::EBADF) if is_stdin => return self.refused(name, STDIN_IS_CLOSED),
            Err(errno) => return self.failed("open", name, errno),
        };
        match kind {
            Kind::Directory if is_stdin => self.refused(name, STDIN_IS_A_DIRECTORY),
            Kind::Directory => self.directory(path),
            Kind::Kmsg => self.device(if is_stdin { c"/dev/kmsg" } else { path }),
            Kind::Device => self.refused(name, NO_LOG),
            Kind::Terminal if !is_stdin => self.refused(name, NO_LOG),
            Kind::Fifo if !is_stdin => match input.wait_for_writer(PATIENCE) {
                Ok(Writer::Known) => self.read(name, input, By::Name),
                Ok(Writer::Nobody) => self.refused(name, NOBODY_WRITES),
                Err(errno) => self.failed("read", name, errno),
            },
            Kind::File | Kind::Fifo | Kind::Terminal | Kind::Other => self.read(name, input, By::Name),
        }
    }

    fn refused(&mut self, path: &[u8], [why, hint]: [&str; 2]) {
        self.sink.run.failed += 1;
        words::refused(path, why);
        crate::refusal::say_hint(Some(hint));
    }

    fn device(&mut self, path: &CStr) {
        if let Err(errno) = self.live(path) {
            self.failed("read", path.to_bytes(), errno);
        }
    }

    fn directory(&mut self, path: &CStr) {
        self.sink.queue.expect_several();
        self.finish();
        let mut partly = Vec::new();
        let read = Dir::open(path).and_then(|dir| {
            places::of_directory(&dir, &mut |name, found| match found {
                Found::Partly => partly.push(CString::from(name)),
                _ => self.found(path.to_bytes(), name, found),
            })
        });
        self.finish();
        if self.notes == Notes::Said {
            partly_read(path.to_bytes(), &partly);
        }
        if let Err(errno) = read {
            self.failed("read", path.to_bytes(), errno);
        }
    }

    fn found(&mut self, dir: &[u8], name: &CStr, found: Found) {
        let separator: &[u8] = if dir.ends_with(b"/") { b"" } else { b"/" };
        let path = [dir, separator, name.to_bytes()].concat();
        match found {
            Found::Log(input) => self.read(&path, input, By::Directory),
            Found::Skipped if self.notes == Notes::Said => {
                words::note(&path, "it is no file, and no link to one: it is skipped");
            }
            Found::DirectoryLink if self.notes == Notes::Said => {
                let what = format!(
                    "it is a link to a directory: it is not followed. Type: memdoor dmesg {}",
                    shell::Path(&path)
                );
                words::note(&path, &what);
            }
            Found::Skipped | Found::DirectoryLink | Found::Partly => {}
            Found::Failed(errno) => self.failed("open", &path, errno),
            Found::Closed(more) => {
                self.sink.run.failed += 1;
                words::cannot_of_journal(&path, more);
            }
            Found::OtherMachines(_) if self.notes == Notes::Silent => {}
            Found::OtherMachines(others) => {
                let (are, machines) =
                    if others == 1 { ("is a journal", "machine") } else { ("are journals", "machines") };
                let what =
                    format!("there {are} of {others} other {machines}, not read: --all-machines reads all of them");
                words::note(&path, &what);
            }
            Found::TooMany => {
                self.sink.run.failed += 1;
                let most = places::NAMES;
                words::warn(
                    &path,
                    format_args!("it has more names than the {most} that are read: name the logs that matter"),
                );
            }
        }
    }

    /// Reads a log, or the next piece of one.
    fn read(&mut self, name: &[u8], input: Input, by: By) {
        if self.sink.broken().is_some() {
            return;
        }
        if !self.log.name().is_some_and(|before| places::is_one_log(before, name)) {
            self.finish();
            self.log.next();
        }
        // It is read in any order, which a pipe is not.
        match journal::of(&input) {
            Some(file) => self.journal_file(name, &input, file),
            None => self.text(name, input, by),
        }
    }

    fn text(&mut self, name: &[u8], input: Input, by: By) {
        // Of a pipe, and where even that can't be told, it is now.
        let is_file = input.kind() == Ok(Kind::File);
        let modified = input.modified_us().ok().filter(|_| is_file);
        let state = State::of(&input).ok().filter(|_| is_file);
        let mut source = Source::new(input);
        self.join(&mut source);
        if let Err(errno) = source.turn() {
            return self.failed("read", name, errno);
        }
        let lines = source.turned();
        let reference = Reference { latest_us: modified.unwrap_or_else(now_us), boot_us: None, zone: Zone::Local };
        let start = self.log.piece(name, reference);
        let Self { scan, assembler, log, sink, .. } = self;
        sink.reach.begin(name);
        let events = sink.events;
        let mut take = |record: Record<'_>, line: Position| {
            sink.see(&record, log);
            // Of a log that was turned round it is the line that it has in the file.
            let at = start + lines.map_or(line, |lines| (lines + 1).saturating_sub(line).max(1));
            let part = assembler.push(&record, at, &mut |event| sink.event(event, log));
            wanted(sink, part)
        };
        let done = scan.get_or_insert_with(Scan::new).run(&mut source, &mut take);
        match done {
            Err(errno) => self.failed("read", name, errno),
            Ok(tally) => {
                let has_event = self.sink.events > events || self.assembler.has_report();
                let sink = &mut *self.sink;
                sink.run.bytes += tally.bytes;
                let start = tally.start;
                // wtmp and the like are in each /var/log; who names such a file takes it for a log.
                let is_no_text = by == By::Name && start.has_nul && !start.of_kernel && !has_event;
                let trouble = source
                    .trouble()
                    .or(start.is_backwards.then_some(Trouble::Backwards))
                    .or(tally.lost.map(Trouble::Long))
                    .or(start.has_no_message.then_some(Trouble::NoMessage))
                    .or(is_no_text.then_some(Trouble::NoText));
                let is_unread = matches!(trouble, Some(Trouble::Window(_))) && tally.bytes == 0;
                if is_unread || matches!(trouble, Some(Trouble::Foreign(_) | Trouble::NoText)) {
                    sink.unread += 1;
                } else {
                    sink.run.logs += 1;
                    reached(sink, start, tally.end, &reference);
                }
                if let Some(trouble) = trouble {
                    sink.troubles.say(name, state, trouble, source.packing());
                    sink.run.failed += 1;
                }
                self.say_unplaced(state);
            }
        }
    }

    /// Puts the line together that the piece before has begun and this one ends, as a rotation in the middle of a line leaves it.
    fn join(&mut self, source: &mut Source) {
        let Some(scan) = &mut self.scan else {
            return;
        };
        match source.begins().ok().and_then(|text| scan.goes_on_in(text)) {
            Some(tail) => source.put_before(&tail),
            None => self.let_go(),
        }
    }

    /// Takes the line that the last piece has ended with: it has no end, and gets none.
    fn let_go(&mut self) {
        let Self { scan: Some(scan), assembler, log, sink, .. } = self else {
            return;
        };
        let start = log.start();
        scan.let_go(&mut |record: Record<'_>, line: Position| {
            sink.see(&record, log);
            let part = assembler.push(&record, start + line, &mut |event| sink.event(event, log));
            wanted(sink, part)
        });
        self.say_unplaced(None);
    }

    /// Says which lines of OOM reports belong to no event: whatever was found, a log in which there are some is not clean.
    fn say_unplaced(&mut self, state: Option<State>) {
        let Self { assembler, log, sink, .. } = self;
        let (Some(Unplaced { count, first, last }), Some(name)) = (assembler.unplaced(), log.name()) else {
            return;
        };
        // Where it was read in pieces, those are meant that the last one has.
        let here = |at: Position| if at < log.start() { 1 } else { at - log.start() };
        let trouble = Trouble::Unplaced(Unplaced { count, first: here(first), last: here(last) });
        sink.troubles.say(name, state, trouble, Packing::Plain);
        sink.run.failed += 1;
    }

    /// What takes records, apart.
    pub(super) fn parts(&mut self) -> (&mut Assembler, &Log, &mut Sink<'a, 'b>) {
        (&mut self.assembler, &self.log, self.sink)
    }

    /// Nothing has come for a while: what has ended is over.
    pub(super) fn settle(&mut self) {
        let (assembler, log, sink) = self.parts();
        assembler.settle(&mut |event| sink.event(event, log));
    }

    /// The log ends: so does every report in it.
    pub(super) fn finish(&mut self) {
        self.let_go();
        let Self { assembler, log, sink, .. } = self;
        assembler.finish(&mut |event| sink.event(event, log));
        self.say_unplaced(None);
        self.assembler = Assembler::new();
        self.log.end();
    }

    pub(super) fn failed(&mut self, doing: &str, path: &[u8], errno: Errno) {
        self.sink.run.failed += 1;
        words::cannot(doing, path, errno);
    }
}

/// Notes from when to when the log that was read last is.
fn reached(sink: &mut Sink<'_, '_>, start: Start, end: Option<Stamp>, reference: &Reference) {
    let begins = start.when.and_then(|when| moment::of(&when, reference)).map(|begins| begins.us);
    sink.reach.note(start.host.as_deref(), begins, start.of_kernel);
    let end = end.and_then(|when| moment::of(&when, reference));
    sink.reach.note_end(end.map(|end| end.us));
}

/// Says of which directories in a directory not all was read.
fn partly_read(path: &[u8], names: &[CString]) {
    let [first, ..] = names else {
        return;
    };
    let mut what = String::from("of what is in ");
    for (at, name) in names.iter().take(SHOWN).enumerate() {
        let separator = if at > 0 { ", " } else { "" };
        let _ = write!(what, "{separator}{}", Escaped(name.to_bytes()));
    }
    if names.len() > SHOWN {
        let _ = write!(what, " and {} more directories", names.len() - SHOWN);
    }
    let inner = [path.strip_suffix(b"/").unwrap_or(path), b"/", first.to_bytes()].concat();
    let inner = shell::Path(&inner);
    let _ = write!(
        what,
        " only logs of a kernel's name are read (kern*, messages*, syslog*, dmesg*, console*). For the rest: memdoor dmesg {inner}"
    );
    words::note(path, &what);
}

/// Whether more is wanted: not when nothing can be written any more.
pub(super) fn wanted(sink: &Sink<'_, '_>, part: Part) -> Part {
    if sink.broken().is_some() { Part::Stop } else { part }
}

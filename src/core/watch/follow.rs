//! `--follow`, and `-e` without `-p`: waits for a process that runs an executable.

use core::time::Duration;

use super::member::Evidence;
use super::options::Options;
use crate::environment::{FEW, Others};
use crate::error::{Error, by_right};
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::mode::open_host;
use crate::refusal::{fail, output_exit, say_hint};
use crate::report::Format;
use crate::report::escape::Escaped;
use crate::sys::Errno;
use crate::sys::file::{Dir, File};
use crate::sys::out::{Out, Sink, say};
use crate::sys::ptrace;
use crate::sys::signal::{self, Stop};
use crate::sys::system;
use crate::target::exe::{LINK_MAX, Link, present};
use crate::target::find::{Search, Wanted, find};
use crate::units::{Pid, Ticks};

/// How often all processes are looked at: 3 us each, of a second in which a service manager starts the next one.
const LOOK: Duration = Duration::from_millis(500);

/// Who was watched before.
#[derive(Clone, Copy)]
pub(super) struct Previous {
    /// How much of the buffer for reading is its executable, which there is no room for on a stack that stays in memory.
    exe: Option<usize>,
    user: Option<u64>,
    started: Ticks,
}

impl Previous {
    /// Leaves its executable in the buffer for reading, which is the next one's to use.
    pub(super) fn of(evidence: &Evidence, buf: &mut [u8]) -> Self {
        let Evidence { target, identity, .. } = evidence;
        let exe = identity.exe().ok().map(|link| present(link.as_bytes()));
        if let Some(room) = exe.and_then(|exe| buf.get_mut(..exe.len())) {
            room.copy_from_slice(exe.unwrap_or_default());
        }
        Self { exe: exe.map(<[u8]>::len), user: identity.user, started: target.started }
    }
}

/// Waits for the next process; the exit code when there is none to wait for, or a signal asks for the end.
pub(super) fn wait(options: &Options<'_>, previous: Option<Previous>, buf: &[u8]) -> Result<Pid, Exit> {
    let host = open_host(FEW)?;
    signal::install().map_err(|errno| fail(&Error::new("handle", b"signals", errno)))?;
    let known = previous.and_then(|previous| buf.get(..previous.exe?));
    let Some(exe) = options.exe.or(known) else {
        say(format_args!("memdoor: cannot follow: what the process ran could not be read; give -e PATH"));
        return Err(Exit::Error);
    };
    let wanted = Wanted {
        exe,
        user: previous.and_then(|previous| previous.user),
        after: previous.map(|previous| previous.started),
    };
    let mut user = Fixed::<40>::new();
    if let Some(id) = wanted.user {
        user.push(b" as user ").push_dec(id);
    }
    let user = core::str::from_utf8(user.as_bytes()).unwrap_or_default();
    say(format_args!("memdoor: waiting for a process that runs {}{user}", Escaped(exe)));
    note_path(exe);
    let mut is_noted = wanted.user == Some(u64::from(system::effective_user()));
    loop {
        if let Some(stop) = signal::stop_requested() {
            return Err(stopped(stop, options.format));
        }
        match find(&host.proc, &wanted) {
            Ok(Search { found: Some(found), .. }) => {
                let pid = found.pid;
                say(format_args!("memdoor: watching PID {pid}"));
                if found.others > 0 {
                    let others = found.others;
                    say(format_args!("memdoor: note: {others} more run it, started later; -p PID names one"));
                }
                return Ok(pid);
            }
            Ok(Search { found: None, has_unseen }) => {
                if !is_noted && (has_unseen || Others::of(&host.proc) == Others::Hidden) {
                    say(format_args!("memdoor: note: what other users run may not be seen, and is not found"));
                    say_hint(Some(by_right(
                        "run memdoor as root",
                        "root needs CAP_SYS_PTRACE for that: start memdoor with it",
                    )));
                }
                is_noted = true;
            }
            Err(errno) => return Err(fail(&Error::new("list", b"/proc", errno))),
        }
        // Of who was watched before and could not be let go of yet.
        ptrace::serve();
        // A signal ends the wait early, and any other end of it is looked at again.
        let _ = signal::wait(None, Some(LOOK));
    }
}

/// What can't run now, or never will, is better said than waited for. In a container the same path may be another file.
fn note_path(exe: &[u8]) {
    let note = match first_bytes(exe) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => "there is no such file here now",
        Err(Errno::EISDIR) => "it is a directory",
        Ok([b'#', b'!']) => "it is a script: what runs is its interpreter; -p PID watches one",
        _ => return,
    };
    say(format_args!("memdoor: note: {}: {note}", Escaped(exe)));
}

fn first_bytes(path: &[u8]) -> Result<[u8; 2], Errno> {
    let path = Link::of(path);
    let path = path.as_c_str().ok_or(Errno::ENAMETOOLONG)?;
    let mut buf = [0; LINK_MAX];
    let real = Link::of(Dir::open(c"/")?.realpath_in_root(path, &mut buf)?);
    let file = File::open_plain(real.as_c_str().ok_or(Errno::ENAMETOOLONG)?)?;
    let mut start = [0; 2];
    file.read_at(&mut start, 0)?;
    Ok(start)
}

/// The sentence of the original.
pub(super) fn stopped(stop: Stop, format: Format) -> Exit {
    let mut buf = [0; 64];
    let mut out = Out::new(Sink::Stdout, &mut buf);
    if format == Format::Text {
        out.put(stop.sentence().as_bytes());
        out.put(b"\n");
        out.flush();
    }
    out.broken().map_or(Exit::Done, output_exit)
}

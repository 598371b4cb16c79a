//! What all modes have in common: how they open the machine, how they end, and what they say then. Each mode that stays arms (it may fail
//! loudly), then works without allocating.

use crate::cgroup::Memcg;
use crate::error::{Error, by_right, limit};
use crate::exit::Exit;
use crate::history::History;
use crate::host::{Host, Numbers, machine_id};
use crate::refusal::{fail, say_hint};
use crate::report::json::{Envelope, Json};
use crate::report::text::Text;
use crate::report::{Format, Report};
use crate::snapshot::sockets::Sockets;
use crate::snapshot::{Cmdline, Completeness, Scene, When};
use crate::sys::out::{Out, say};
use crate::sys::{Errno, harden};
use crate::target::Target;
use crate::units::Pid;

/// Memory lent by the caller for the whole run.
pub struct Buffers<'b> {
    /// For output: [`OUT`] bytes.
    pub out: &'b mut [u8],
    /// For reading: [`crate::snapshot::BUFFER`] bytes.
    pub read: &'b mut [u8],
    /// For what a watch remembers.
    pub past: &'b mut History,
}

/// A write(2) of 16 KiB costs next to nothing for each of the 200 mappings in it; a larger buffer gains nothing and is locked memory.
pub const OUT: usize = 16 * 1024;

/// Hands a report of `format` on `out` to `write`.
pub fn with_report<T>(
    format: Format,
    out: &mut Out<'_>,
    envelope: &Envelope,
    write: impl FnOnce(&mut dyn Report) -> T,
) -> T {
    match format {
        Format::Text => write(&mut Text::new(out)),
        Format::Json => write(&mut Json::new(out, envelope)),
    }
}

/// The machine, if `/proc` can be believed and there are descriptors enough for what the mode does.
pub fn open_host(descriptors: usize) -> Result<Host, Exit> {
    crate::environment::open(descriptors).map_err(|unfit| unfit.fail())
}

/// memdoor itself, to be looked at as a target is.
pub fn open_self(host: &Host) -> Option<Target> {
    let pid = u64::try_from(nix::unistd::getpid().as_raw()).ok()?;
    Target::open(&host.proc, Pid::new(pid)?).ok()
}

/// What JSON says of the machine in each line.
#[must_use]
pub fn envelope(host: &Host) -> Envelope {
    Envelope {
        host: host.uname.host.clone(),
        host_id: machine_id(),
        arch: host.uname.machine.clone(),
        boot_id: host.boot_id(),
        release: host.uname.release.clone(),
        others: None,
        groups: None,
    }
}

/// The table for the target's sockets, sized by what it has open now.
pub fn arm_sockets(target: &Target) -> Result<Sockets, Exit> {
    Sockets::arm(target.descriptors())
        .map_err(|errno| fail(&Error::new("map", b"memory for the table of sockets", errno)))
}

/// How a snapshot is written.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Text or JSON.
    pub format: Format,
    /// Whether its arguments are shown.
    pub cmdline: Cmdline,
}

/// One snapshot of a process that is not watched, with what it takes to make it. The reason has been said when there is none.
pub fn take_once(
    target: &mut Target,
    host: &mut Host,
    envelope: &Envelope,
    out: &mut Out<'_>,
    buf: &mut [u8],
    manner: Manner,
    past: Option<&mut History>,
) -> Result<Completeness, Exit> {
    let mut memcg = Memcg::new(&host.proc, buf);
    let mut sockets = arm_sockets(target)?;
    let scene = Scene::new(target, host, &mut memcg, &mut sockets, buf, When::Alive);
    let mut scene = Scene { cmdline: manner.cmdline, past, ..scene };
    Ok(with_report(manner.format, out, envelope, |report| crate::snapshot::take(&mut scene, report)))
}

/// Says that there may be more processes than /proc shows.
pub fn say_what_is_not_seen(host: &Host) {
    if host.numbers() == Numbers::Other {
        say(format_args!("memdoor: only processes of this pid namespace are seen; memory is the whole host's"));
    }
}

/// The exit code of what was done so far.
pub const fn done(completeness: Completeness) -> Exit {
    match completeness {
        Completeness::Complete => Exit::Done,
        Completeness::Gone | Completeness::Partial | Completeness::Denied => Exit::Partial,
    }
}

/// Says what exit code 4 means; the reasons stand in the report. A right is what to type only where one was missing; for what has
/// gone, or ran another program meanwhile, there is nothing to type.
pub fn say_if_partial(exit: Exit, completeness: Completeness) {
    if exit == Exit::Partial {
        say(format_args!("memdoor: part of the evidence could not be read: it stands as - with the reason"));
        let root = by_right(
            "where permission was denied: run memdoor as root",
            "where permission was denied: root needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for it",
        );
        // A limit that is lower than what a snapshot opens is the reason, whoever runs it.
        let of_limit = match harden::open_files_limit() {
            Some(0..harden::OPEN_FILES) => limit(Errno::EMFILE),
            _ => None,
        };
        say_hint(match completeness {
            Completeness::Complete | Completeness::Gone => None,
            Completeness::Partial => {
                of_limit.or(Some("what stands behind each - says why: mend that, then type this again"))
            }
            Completeness::Denied => of_limit.or(Some(root)),
        });
    }
}

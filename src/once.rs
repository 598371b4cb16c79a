//! `memdoor snapshot`: one of each process named, now.

use crate::environment::FEW;
use crate::exit::Exit;
use crate::host::Host;
use crate::mode::{Buffers, Manner, done, envelope, open_host, say_if_partial, take_once};
use crate::refusal::{output_exit, refuse};
use crate::report::Format;
use crate::report::json::Envelope;
use crate::snapshot::{Cmdline, Completeness};
use crate::sys::bounded::{Bounded, Of};
use crate::sys::out::{Out, Sink};
use crate::sys::signal;
use crate::target::Target;
use crate::units::Pid;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Of whom, in this order.
    pub pids: &'a [Pid],
    /// How it is written.
    pub format: Format,
    /// Whether command lines are shown.
    pub cmdline: Cmdline,
}

/// Takes them, then ends. A process that can't be looked at does not keep the others from it.
// Its frame is not a part of a watch's stack, which stays in memory.
#[inline(never)]
#[must_use]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    let mut host = match open_host(FEW) {
        Ok(host) => host,
        Err(exit) => return exit,
    };
    // SIGUSR1 is for a watch, yet `kill -USR1 $(pidof memdoor)` reaches this, too.
    signal::ignore_snapshot_requests();
    let envelope = envelope(&host);
    // Without it a snapshot may wait for its process: no worse than none.
    let by = Bounded::start(&host.proc, Of::Many).ok();
    let mut out = Out::new(Sink::Stdout, buffers.out);
    let (mut exit, mut completeness) = (Exit::Done, Completeness::Complete);
    for pid in options.pids {
        let (ended, taken) = one(*pid, options, &mut host, by, &envelope, &mut out, buffers.read);
        (exit, completeness) = (exit.worse(ended), completeness.and(taken));
        if let Some(broken) = out.broken() {
            return output_exit(broken);
        }
    }
    say_if_partial(exit, completeness);
    exit
}

fn one(
    pid: Pid,
    options: &Options<'_>,
    host: &mut Host,
    by: Option<Bounded>,
    envelope: &Envelope,
    out: &mut Out<'_>,
    buf: &mut [u8],
) -> (Exit, Completeness) {
    let mut target = match Target::open(&host.proc, pid) {
        Ok(target) => target,
        Err(refusal) => return (refuse(&refusal), Completeness::Complete),
    };
    target.read_by(by);
    let manner = Manner { format: options.format, cmdline: options.cmdline };
    match take_once(&mut target, host, envelope, out, buf, manner, None) {
        Ok(taken) if taken != Completeness::Complete && target.is_leaving() => (Exit::Gone, Completeness::Complete),
        Ok(taken) => (done(taken), taken),
        Err(exit) => (exit, Completeness::Complete),
    }
}

//! `memdoor scores`: whom the OOM killer would choose, in which order, and what would change that.

mod figures;
mod json;
mod rank;
mod text;
mod view;

use core::mem::ManuallyDrop;

use crate::environment::{self, FEW, Others};
use crate::error::Absent;
use crate::exit::Exit;
use crate::host::Host;
use crate::mode::{Buffers, envelope, open_host};
use crate::refusal::{output_exit, refuse_named, say_hint};
use crate::report::Format;
use crate::sys::out::{Out, Sink, say};
use crate::target::{NamedBy, Target};
use crate::units::Pid;
pub use rank::Change;
use view::View;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// How many processes are listed.
    pub count: usize,
    /// What is shown.
    pub show: Show,
    /// Adjustments to be tried out: the last of each process counts.
    pub changes: &'a [Change],
    /// How it is written.
    pub format: Format,
}

/// What is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Show {
    /// The most likely victims and the protected ones.
    #[default]
    Ranking,
    /// Who would be killed now, in the system and in each cgroup with a limit.
    Next,
}

/// Who is named of each cgroup: the victim and the next two.
const NEXT: usize = 3;

/// A process of `--what-if` is refused as every mode does that is about one: the OOM killer chooses neither a thread of the kernel nor
/// who has exited, so that nothing would be told by assuming it. What hidepid hides is alive, and not gone.
fn check(host: &Host, view: &View<'_>, (pid, adj): Change) -> Result<(), Exit> {
    Target::open(&host.proc, pid).map_err(|refusal| refuse_named(&refusal, NamedBy::WhatIf(adj)))?;
    if view.table.rows().iter().any(|row| row.pid == pid) { Ok(()) } else { Err(unlisted(pid)) }
}

/// Says that a process that was named is not in the table.
fn unlisted(pid: Pid) -> Exit {
    say(format_args!("memdoor: PID {pid} was not looked at: it has just started, or there was no room for it"));
    say_hint(Some("ask again"));
    Exit::Error
}

/// Writes it once, then ends.
#[must_use]
#[inline(never)]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    // What ends with the process needs no code to give it back.
    let mut host = match open_host(FEW) {
        Ok(host) => ManuallyDrop::new(host),
        Err(exit) => return exit,
    };
    let mut envelope = envelope(&host);
    crate::mode::say_what_is_not_seen(&host);
    let meminfo = match host.meminfo() {
        Ok(meminfo) => meminfo,
        Err(why) => return environment::fail_meminfo(why),
    };
    let others = Others::say(&host.proc, &mut envelope);
    let mut view = match View::read(&host, meminfo, options) {
        Ok(view) => ManuallyDrop::new(view),
        Err(unfit) => return unfit.fail(),
    };
    if view.table.rows().is_empty() {
        say(format_args!("memdoor: cannot read /proc: no process is in it"));
        return Exit::Error;
    }
    if let Err(why) = view.scale_known() {
        return environment::fail_meminfo(why);
    }
    for change in options.changes {
        if let Err(exit) = check(&host, &view, *change) {
            return exit;
        }
    }
    if options.show == Show::Next {
        view.read_groups(buffers.read);
        if let Some(why) = view.unseen {
            envelope.groups = Some(why);
            say(format_args!("memdoor: warning: the limits of cgroups can't be read: {why}: they are left out"));
            say_hint((why == Absent::NotMounted).then_some(environment::MOUNT));
        }
    }
    let mut out = Out::new(Sink::Stdout, buffers.out);
    match options.format {
        Format::Text => text::put(&view, options, others, &mut out),
        Format::Json => json::put(&view, options, &envelope, &mut out),
    }
    out.flush();
    let exit = others.qualify(out.broken().map_or(Exit::Done, output_exit));
    if view.unseen.is_some() { exit.worse(Exit::Partial) } else { exit }
}

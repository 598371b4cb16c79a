//! What is opened and taken room for before the first sample.

use super::alerts::Alerts;
use super::analysis::HostSummary;
use super::groups::Groups;
use super::kills::Kills;
use super::mapped::Mapped;
use super::notes::Notes;
use super::options::{Destination, Options};
use super::process_table::ProcessTable;
use super::sample::{Sample, Sources};
use super::show::Show;
use super::{GROUPS, Monitor, Sampler};
use crate::environment::{self, Locked, MANY, Others, fail_no_room};
use crate::error::Error;
use crate::exit::Exit;
use crate::mode::{Buffers, envelope, open_host};
use crate::processes::reader::Reader;
use crate::refusal::fail;
use crate::sys::clock::{Now, monotonic};
use crate::sys::{harden, signal};
use crate::tmpfs::Mounts;

impl<'a> Monitor<'a> {
    /// Opens and reads everything once, and makes the files of the session.
    #[inline(never)]
    pub(super) fn arm(options: Options<'a>, buffers: Buffers<'a>) -> Result<Self, Exit> {
        // Before anything else: a path that is wrong is better known at once.
        let show = Show::open(&options, &Now::read())?;
        let mut host = open_host(MANY)?;
        environment::memory(&mut host, |meminfo| meminfo.available.or(meminfo.free).is_some())
            .map_err(|unfit| unfit.fail())?;
        let mut envelope = envelope(&host);
        let others = Others::say(&host.proc, &mut envelope);
        let handle = |errno| fail(&Error::new("handle", b"signals", errno));
        signal::install().map_err(handle)?;
        signal::reload_on_hup().map_err(handle)?;
        if matches!(options.to, Destination::Screen(..)) {
            signal::wake_on_resize().map_err(handle)?;
        }
        let sources = Sources::arm(&mut host);
        // Before memory is locked and anything large is mapped.
        let reader = Reader::start(&host.proc).ok();
        // Best effort, as containers have no right to it: who records how memory goes should be there to the end.
        let _ = harden::exempt_from_oom_killer(&host.proc);
        let sampler = Sampler {
            sources,
            reader,
            sample: Sample::new(),
            processes: ProcessTable::arm(&host, options.window.min(options.length), options.interval)
                .map_err(fail_no_room)?,
            groups: Groups::arm(&host, GROUPS).map_err(fail_no_room)?,
            alerts: Alerts::new(options.limits),
            kills: Kills::arm(host.numbers()).map_err(fail_no_room)?,
            clocks: None,
            notes: Notes::new(),
            summary: HostSummary::new(),
            mapped: Mapped::new(),
            total: None,
            unlisted: 0,
            mounts: Mounts::read(&host.proc, buffers.read),
            envelope,
            others,
            since: monotonic(),
            host,
            options,
        };
        // What was used before is there when memory is short; room for processes that may come takes none of it, but all of a limit.
        if let Err(errno) = environment::lock(Locked::Touched) {
            environment::say_unlocked(errno);
        }
        Ok(Self { sampler, show, out: buffers.out, buf: buffers.read })
    }
}

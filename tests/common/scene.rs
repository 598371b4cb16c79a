//! Snapshots taken by the library inside the test, of any directory that looks like `/proc`.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::AsFd;

use memdoor::cgroup::Memcg;
use memdoor::history::grown::Sizes;
use memdoor::host::Host;
use memdoor::mode::{OUT, envelope};
use memdoor::report::json::{Envelope, Json};
use memdoor::report::text::Text;
use memdoor::report::{Format, Report};
use memdoor::snapshot::sockets::Sockets;
use memdoor::snapshot::{self, BUFFER, Cmdline, Completeness, Scene, When};
use memdoor::sys::clock::Now;
use memdoor::sys::out::{Out, Sink};
use memdoor::target::{NamedBy, Target};
use memdoor::units::Pid;

/// What a snapshot needs, kept from one to the next.
pub struct Camera {
    target: Target,
    host: Host,
    memcg: Memcg,
    sockets: Sockets,
    envelope: Envelope,
    read: Vec<u8>,
    out: Vec<u8>,
}

impl Camera {
    /// Aims at a process of `proc`; the reason, when there is no process to look at.
    pub fn aim(proc: &'static CStr, pid: u64) -> Result<Self, String> {
        let host = Host::open(proc).map_err(|error| error.to_string())?;
        let pid = Pid::new(pid).ok_or("no pid")?;
        let target = Target::open(&host.proc, pid).map_err(|refusal| refusal.in_words(NamedBy::Pid).to_string())?;
        let mut read = vec![0; BUFFER];
        let memcg = Memcg::new(&host.proc, &mut read);
        let sockets = Sockets::arm(target.descriptors()).expect("memory");
        Ok(Self { envelope: envelope(&host), target, host, memcg, sockets, read, out: vec![0; OUT] })
    }

    /// Takes a snapshot and writes it to `file`.
    pub fn take(&mut self, format: Format, file: &File) -> Completeness {
        let mut scene = Scene {
            target: &mut self.target,
            host: &mut self.host,
            memcg: &mut self.memcg,
            sockets: &mut self.sockets,
            now: Now::read(),
            when: When::Alive,
            because: None,
            buf: &mut self.read,
            cmdline: Cmdline::Show,
            exe: Err(memdoor::error::Absent::Late),
            rss: None,
            sizes: Sizes::default(),
            past: None,
        };
        let mut out = Out::new(Sink::Fd(file.as_fd()), &mut self.out);
        let mut take = |report: &mut dyn Report| snapshot::take(&mut scene, report);
        let done = match format {
            Format::Text => take(&mut Text::new(&mut out)),
            Format::Json => take(&mut Json::new(&mut out, &self.envelope)),
        };
        assert!(out.broken().is_none(), "{:?}", out.broken());
        done
    }
}

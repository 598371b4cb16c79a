//! Snapshots taken by the library inside the test, of any directory that looks like `/proc`.

use std::ffi::{CStr, CString};
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use memdoor::host::Host;
use memdoor::modes::OUT;
use memdoor::report::json::{Envelope, Json};
use memdoor::report::text::Text;
use memdoor::report::{Format, Report};
use memdoor::snapshot::sockets::Sockets;
use memdoor::snapshot::{self, BUFFER, Cmdline, Completeness, Scene};
use memdoor::sys::clock::Now;
use memdoor::sys::out::{Out, Sink};
use memdoor::target::Target;
use memdoor::target::memcg::Memcg;
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
        let target = Target::open(&host.proc, pid).map_err(|refusal| refusal.to_string())?;
        let mut read = vec![0; BUFFER];
        let memcg = Memcg::new(&host.proc, &mut read);
        let sockets = Sockets::arm(target.descriptors()).map_err(|why| why.to_string())?;
        Ok(Self {
            envelope: Envelope {
                host: host.uname.host.clone(),
                host_id: memdoor::host::machine_id(),
                arch: host.uname.machine.clone(),
                boot_id: host.boot_id(),
                release: host.uname.release.clone(),
            },
            target,
            host,
            memcg,
            sockets,
            read,
            out: vec![0; OUT],
        })
    }

    /// Takes a snapshot and writes it to `file`.
    pub fn take(&mut self, format: Format, file: &File) -> Completeness {
        let mut scene = Scene {
            target: &mut self.target,
            host: &mut self.host,
            memcg: &mut self.memcg,
            sockets: &mut self.sockets,
            now: Now::read(),
            buf: &mut self.read,
            cmdline: Cmdline::Show,
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

/// A directory of its own, removed with all that is in it.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("memdoor-{}-{count}", std::process::id()));
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// An empty file to write to and to read back.
    pub fn file(&self, name: &str) -> File {
        let mut options = OpenOptions::new();
        let open = options.read(true).write(true).create(true).truncate(true);
        open.open(self.0.join(name)).expect("a new file")
    }

    /// Its path as Host::open wants it. Leaked: a few bytes for each test.
    pub fn c_str(&self) -> &'static CStr {
        let path = self.0.to_str().expect("UTF-8");
        Box::leak(CString::new(path).expect("no NUL").into_boxed_c_str())
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

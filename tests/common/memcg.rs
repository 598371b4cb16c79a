//! Memory control groups of the tests' own, in either version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::host::is_root;
use super::run::{poll, through_shell};
use super::skip;

/// A group with a limit or without; removed when dropped, and what still runs in it is killed before.
pub struct Memcg {
    dir: PathBuf,
    mount: PathBuf,
    version: u8,
}

pub const MIB: u64 = 1 << 20;

impl Memcg {
    /// A group for the calling test, which is skipped without.
    pub fn or_skip(limit: Option<u64>) -> Option<Self> {
        if !is_root() {
            skip("needs root for a memory control group of its own");
            return None;
        }
        Self::new(limit).map_err(|why| skip(&why)).ok()
    }

    /// A group, or why there is none.
    fn new(limit: Option<u64>) -> Result<Self, String> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("memdoor-test-{}-{number}", std::process::id());
        let mut why = String::from("no memory controller is mounted");
        for (mount, version) in mounts() {
            // The root of the hierarchy first; in a container, or with a v2 root that delegates nothing, the own group.
            let own = own_path(version).map(|path| mount.join(path.trim_start_matches('/')));
            for parent in [Some(mount.clone()), own].into_iter().flatten() {
                let dir = parent.join(&name);
                let made = Self::make(dir, mount.clone(), version, limit);
                match made {
                    Ok(group) => return Ok(group),
                    Err(error) => why = error,
                }
            }
        }
        Err(format!("needs a memory control group of its own: {why}"))
    }

    /// A group below this one.
    pub fn below(&self, limit: Option<u64>) -> Result<Self, String> {
        if self.version == 2 {
            write(&self.dir.join("cgroup.subtree_control"), "+memory")?;
        }
        Self::make(self.dir.join("below"), self.mount.clone(), self.version, limit)
    }

    fn make(dir: PathBuf, mount: PathBuf, version: u8, limit: Option<u64>) -> Result<Self, String> {
        fs::create_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let group = Self { dir, mount, version };
        let limit = limit.map_or_else(|| group.unlimited().into(), |bytes| bytes.to_string());
        write(&group.dir.join(group.names().0), &limit)?;
        // Else what does not fit is swapped out and nothing is ever killed. Not every kernel counts swap.
        if version == 2 {
            let _ = fs::write(group.dir.join("memory.swap.max"), "0");
        } else {
            let _ = fs::write(group.dir.join("memory.memsw.limit_in_bytes"), &limit);
        }
        Ok(group)
    }

    fn unlimited(&self) -> &'static str {
        if self.version == 2 { "max" } else { "-1" }
    }

    fn names(&self) -> (&'static str, &'static str, &'static str) {
        match self.version {
            2 => ("memory.max", "memory.events", "memory.current"),
            _ => ("memory.limit_in_bytes", "memory.oom_control", "memory.usage_in_bytes"),
        }
    }

    /// 1 or 2.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Its path in the hierarchy, as /proc/PID/cgroup has it.
    pub fn path(&self) -> String {
        let below = self.dir.strip_prefix(&self.mount).expect("below its mount");
        format!("/{}", below.display())
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where its hierarchy is mounted.
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// Whether it lies directly below the root, where nothing above it has a limit.
    pub fn is_at_root(&self) -> bool {
        self.dir.parent() == Some(&self.mount)
    }

    /// The same command, inside of it from its first moment.
    pub fn inside(&self, command: &Command) -> Command {
        let procs = self.dir.join("cgroup.procs");
        through_shell(&format!("echo $$ > '{}' && exec \"$@\"", procs.display()), command)
    }

    /// Moves a process into it.
    pub fn take(&self, pid: u32) {
        write(&self.dir.join("cgroup.procs"), &pid.to_string()).expect("moved");
    }

    /// Sets another limit.
    pub fn set_limit(&self, bytes: u64) {
        let bytes = bytes.to_string();
        if self.version == 1 {
            // Swap included may never be less than memory alone.
            let _ = fs::write(self.dir.join("memory.memsw.limit_in_bytes"), &bytes);
        }
        write(&self.dir.join(self.names().0), &bytes).expect("limit");
        if self.version == 1 {
            let _ = fs::write(self.dir.join("memory.memsw.limit_in_bytes"), &bytes);
        }
    }

    /// Takes the limit away.
    pub fn remove_limit(&self) {
        if self.version == 1 {
            let _ = fs::write(self.dir.join("memory.memsw.limit_in_bytes"), self.unlimited());
        }
        write(&self.dir.join(self.names().0), self.unlimited()).expect("no limit");
    }

    /// Lets it swap out: so much, or in version 1 what memory leaves of it.
    pub fn allow_swap(&self, bytes: u64) {
        let file = match self.version {
            2 => "memory.swap.max",
            _ => "memory.memsw.limit_in_bytes",
        };
        write(&self.dir.join(file), &bytes.to_string()).expect("swap");
    }

    /// Kills all of it when the kernel kills one of it: version 2 only.
    pub fn set_oom_group(&self) {
        write(&self.dir.join("memory.oom.group"), "1").expect("oom.group");
    }

    /// Who is in it.
    pub fn processes(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.join("cgroup.procs")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Removes it, and makes another of the same path once `between` is done.
    pub fn made_anew(self, limit: u64, between: impl FnOnce()) -> Self {
        let (dir, mount, version) = (self.dir.clone(), self.mount.clone(), self.version);
        drop(self);
        between();
        Self::make(dir, mount, version, Some(limit)).expect("a group")
    }

    /// Bytes that are charged to it.
    pub fn usage(&self) -> u64 {
        let text = fs::read_to_string(self.dir.join(self.names().2)).expect("usage");
        text.trim().parse().expect("a number")
    }

    /// How many processes the kernel has killed in it.
    pub fn oom_kills(&self) -> u64 {
        let text = fs::read_to_string(self.dir.join(self.names().1)).expect("events");
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).expect("oom_kill")
    }
}

impl Drop for Memcg {
    fn drop(&mut self) {
        poll("an empty control group", || {
            for pid in fs::read_to_string(self.dir.join("cgroup.procs"))
                .unwrap_or_default()
                .lines()
                .filter_map(|pid| pid.parse().ok())
            {
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
            }
            let removed = fs::remove_dir(&self.dir);
            (removed.is_ok() || !self.dir.exists()).then_some(())
        });
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Where memory control groups are mounted: v1's controller, or v2 if it has it.
fn mounts() -> Vec<(PathBuf, u8)> {
    let text = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mount = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (point, kind, options) = (words.next()?, words.next()?, words.next()?);
        let point = PathBuf::from(point);
        match kind {
            "cgroup" if options.split(',').any(|option| option == "memory") => Some((point, 1)),
            "cgroup2" => {
                let controllers = fs::read_to_string(point.join("cgroup.controllers")).ok()?;
                let has_memory = controllers.split_whitespace().any(|name| name == "memory");
                has_memory.then_some((point, 2))
            }
            _ => None,
        }
    };
    text.lines().filter_map(mount).collect()
}

fn own_path(version: u8) -> Option<String> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let is_it = match version {
            2 => number == "0",
            _ => controllers.split(',').any(|name| name == "memory"),
        };
        is_it.then(|| path.to_owned())
    })
}

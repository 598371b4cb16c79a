//! What the machine allows, temporary directories, other users.

use std::ffi::{CStr, CString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::run::{MEMDOOR, command, through, through_shell, try_run};
use super::{skip, target};

/// Whether the tests run as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The command that mounts a /proc with `hidepid`, if this kernel can: for a mount namespace.
pub fn mount_hidepid(hidepid: &str) -> Option<String> {
    let script = format!("mount -t proc -o hidepid={hidepid} proc /proc");
    if !works(&["unshare", "-m", "sh", "-c", &script]) {
        skip(&format!("this kernel has no hidepid={hidepid}"));
        return None;
    }
    Some(script)
}

/// Whether a program can be started, with arguments that let it do nothing.
pub fn works(words: &[&str]) -> bool {
    let (program, args) = words.split_first().expect("a program");
    try_run(command(program, args)).is_ok_and(|ended| ended.status.success())
}

/// linux/capability.h
pub const CAP_IPC_LOCK: u32 = 14;

/// Lowering oom_score_adj.
pub const CAP_SYS_RESOURCE: u32 = 24;

/// Whether the tests have a capability: root in a container lacks most of what root may.
pub fn has_capability(number: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    set.expect("CapEff") >> number & 1 == 1
}

/// MemTotal in kB.
pub fn memtotal_kib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").expect("meminfo");
    text.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("MemTotal")
}

/// A directory of one test, removed with all that is in it when dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// One whose files are in memory only; none where /dev/shm is missing.
    pub fn in_memory() -> Option<Self> {
        let shm = Path::new("/dev/shm");
        let is_writable = nix::unistd::access(shm, nix::unistd::AccessFlags::W_OK).is_ok();
        is_writable.then(|| Self::below(shm))
    }

    fn below(parent: &Path) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("memdoor-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // The link of a process shows the real path, whatever TMPDIR is.
        let path = parent.canonicalize().expect("a temporary directory").join(name);
        fs::create_dir(&path).expect("a new directory");
        for_everybody(&path);
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path in it, as text.
    pub fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Its path as Host::open wants it. Leaked: a few bytes for each test.
    pub fn c_str(&self) -> &'static CStr {
        let path = CString::new(self.0.to_str().expect("UTF-8")).expect("no NUL");
        Box::leak(path.into_boxed_c_str())
    }

    /// A file in it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.join(name);
        fs::write(&path, bytes).expect("write");
        path
    }

    /// An empty file in it, to write to and to read back.
    pub fn file(&self, name: &str) -> File {
        let mut options = OpenOptions::new();
        let open = options.read(true).write(true).create(true).truncate(true);
        open.open(self.0.join(name)).expect("a new file")
    }

    /// A copy of a program that everybody may run: not all may enter the directory where it was built.
    pub fn program(&self, program: &Path, name: &str) -> String {
        let path = self.join(name);
        if Path::new(&path).exists() {
            // It may still run: memdoor's helper process ends a moment after it.
            return path;
        }
        // By another process: a descriptor of ours that may write to it would go to whatever another test starts just then, and the file
        // is "busy" (ETXTBSY) until that has called exec().
        let program = fs::canonicalize(program).unwrap_or_else(|error| panic!("{program:?}: {error}"));
        let copied = try_run(command("cp", &[program.to_str().expect("UTF-8"), &path])).expect("cp");
        assert!(copied.status.success(), "{program:?}: {copied:?}");
        for_everybody(Path::new(&path));
        path
    }

    /// A copy of the victim.
    pub fn victim(&self, name: &str) -> String {
        self.program(&target::path(), name)
    }

    /// A copy of memdoor.
    pub fn memdoor(&self) -> String {
        self.program(Path::new(MEMDOOR), "memdoor")
    }
}

/// What is in a directory, in order.
pub fn names(dir: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("one").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// To be read and run, or entered, by all, whatever the umask is.
fn for_everybody(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("mode");
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `nobody`, without groups and capabilities.
const NOBODY: [&str; 5] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];

/// Runs it as a user without rights: as nobody when the tests run as root, else as who they run.
pub fn unprivileged(inner: &Command) -> Command {
    if is_root() { through(&NOBODY, inner) } else { through(&["env"], inner) }
}

/// Whether [`unprivileged`] can be had.
pub fn has_unprivileged() -> bool {
    !is_root() || works(&[&NOBODY[..], &["true"]].concat())
}

/// Whether a process of another user can be looked at; the calling test is skipped if not.
pub fn may_be_another_user() -> bool {
    let may = is_root() && has_unprivileged();
    if !may {
        skip("needs root and setpriv to become another user");
    }
    may
}

/// Runs it as a user without rights who may lock no memory.
pub fn unlockable(inner: &Command) -> Command {
    through_shell("ulimit -l 0; exec \"$@\"", &unprivileged(inner))
}

//! What the machine allows, temporary directories, other users.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::run::{MEMDOOR, copy_of, through};
use super::target;

/// Whether the tests run as root.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Whether a program can be started, with arguments that let it do nothing.
pub fn works(words: &[&str]) -> bool {
    let (program, args) = words.split_first().expect("a program");
    Command::new(program)
        .args(args)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// MemTotal in kB.
pub fn memtotal_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").expect("meminfo");
    text.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("MemTotal")
}

/// A directory of one test, removed with all that is in it when dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "memdoor-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        // The link of a process shows the real path, whatever TMPDIR is.
        let path = std::env::temp_dir()
            .canonicalize()
            .expect("a temporary directory")
            .join(name);
        std::fs::create_dir(&path).expect("a new directory");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("mode");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path in it, as text.
    pub fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// A file in it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.join(name);
        std::fs::write(&path, bytes).expect("write");
        path
    }

    /// A copy of the victim.
    pub fn victim(&self, name: &str) -> String {
        let path = self.join(name);
        copy_of(target::path().to_str().expect("UTF-8"), Path::new(&path));
        path
    }

    /// A copy of memdoor, where everybody may run it.
    pub fn memdoor(&self) -> String {
        let path = self.join("memdoor");
        copy_of(MEMDOOR, Path::new(&path));
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `nobody`, without groups and capabilities.
const NOBODY: [&str; 5] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--",
];

/// Runs it as a user without rights: as nobody when the tests run as root, else as who they run.
pub fn unprivileged(inner: &Command) -> Command {
    if is_root() {
        through(&NOBODY, inner)
    } else {
        through(&["env"], inner)
    }
}

/// Whether [`unprivileged`] can be had.
pub fn has_unprivileged() -> bool {
    !is_root()
        || works(&[
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
            "true",
        ])
}

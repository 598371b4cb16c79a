//! What kind of file system something is in: the one table of their numbers, include/uapi/linux/magic.h.

extern crate std;

use std::os::fd::AsFd;

/// A kind of file system that memdoor tells from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// /proc.
    Proc,
    /// Another whose files are the kernel's: what is read from them may be taken from others, what is written may end the host.
    Kernel,
    /// tmpfs and ramfs: gone with a reboot. /dev is one.
    Memory,
    /// Pipes without a name.
    Pipes,
    /// Any other: a disk's, a network's.
    Other,
}

/// By their numbers; those that are not here are [`Kind::Other`].
const TABLE: [(u64, Kind, &str); 19] = [
    (0x9fa0, Kind::Proc, "proc"),
    (0x6265_6572, Kind::Kernel, "sysfs"),
    (0x6462_6720, Kind::Kernel, "debugfs"),
    (0x7472_6163, Kind::Kernel, "tracefs"),
    (0x0027_e0eb, Kind::Kernel, "cgroup"),
    (0x6367_7270, Kind::Kernel, "cgroup2"),
    (0x7363_6673, Kind::Kernel, "securityfs"),
    (0x6265_6570, Kind::Kernel, "configfs"),
    (0xcafe_4a11, Kind::Kernel, "bpf"),
    (0x6165_676c, Kind::Kernel, "pstore"),
    (0xde5e_81e4, Kind::Kernel, "efivarfs"),
    (0xf97c_ff8c, Kind::Kernel, "selinuxfs"),
    (0x4249_4e4d, Kind::Kernel, "binfmt_misc"),
    (0x1cd1, Kind::Kernel, "devpts"),
    (0x1980_0202, Kind::Kernel, "mqueue"),
    (0x6e73_6673, Kind::Kernel, "nsfs"),
    (0x0102_1994, Kind::Memory, "tmpfs"),
    (0x8584_58f6, Kind::Memory, "ramfs"),
    (0x5049_5045, Kind::Pipes, "pipefs"),
];

/// In what kind of file system it is, fstatfs(2); [`Kind::Other`] where that can't be asked.
#[must_use]
pub fn kind(file: impl AsFd) -> Kind {
    nix::sys::statfs::fstatfs(file).map_or(Kind::Other, |of| of_number(of.filesystem_type().0))
}

/// The same of what a path leads to, statfs(2), which opens nothing.
#[must_use]
pub fn kind_at(path: &[u8]) -> Kind {
    nix::sys::statfs::statfs(path).map_or(Kind::Other, |of| of_number(of.filesystem_type().0))
}

fn of_number(number: u64) -> Kind {
    TABLE.iter().find(|row| row.0 == number).map_or(Kind::Other, |row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the kernel that runs: /proc/self/mountinfo names what statfs(2) numbers.
    #[test]
    fn each_file_system_that_is_mounted_here_has_the_number_of_its_name() {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        let mut seen = 0;
        for line in mounts.lines() {
            let (before, after) = line.split_once(" - ").expect("a separator");
            let (point, name) = (before.split(' ').nth(4).expect("a mount point"), after.split(' ').next());
            let Ok(found) = nix::sys::statfs::statfs(point) else { continue };
            let row = TABLE.iter().find(|row| row.0 == found.filesystem_type().0);
            // Another file system may lie over it.
            if mounts.lines().filter(|other| other.split(' ').nth(4) == Some(point)).count() > 1 {
                continue;
            }
            // /dev is a tmpfs of another name.
            let expected = TABLE.iter().find(|row| Some(row.2) == name || row.2 == "tmpfs" && name == Some("devtmpfs"));
            assert_eq!(row, expected, "{line}");
            seen += usize::from(row.is_some());
        }
        assert!(seen >= 2, "at least /proc and /sys");
    }

    #[test]
    fn a_pipe_and_proc_are_known_and_no_number_stands_twice() {
        let (pipe, _writer) = nix::unistd::pipe().expect("a pipe");
        assert_eq!(kind(&pipe), Kind::Pipes);
        assert_eq!(kind(std::fs::File::open("/proc/self/stat").expect("proc")), Kind::Proc);
        for (at, row) in TABLE.iter().enumerate() {
            assert!(TABLE.iter().skip(at + 1).all(|other| other.0 != row.0 && other.2 != row.2), "{row:?}");
        }
    }
}

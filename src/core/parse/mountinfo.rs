//! `/proc/PID/mountinfo`: proc_pid_mountinfo(5). Where the cgroup hierarchies are mounted.

use super::cgroup::Version;
use super::{dec, unescape};
use crate::fixed::Fixed;

/// A cgroup mount.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Which hierarchy it is.
    pub version: Version,
    /// Field 4: the cgroup that the mount shows at its top; `/` unless it is a bind mount or another namespace's.
    pub root: Fixed<1024>,
    /// Field 5: where it is mounted.
    pub point: Fixed<1024>,
}

/// Parses one line; `None` unless it mounts cgroup2, or cgroup v1's memory controller.
#[must_use]
pub fn cgroup_mount(line: &[u8]) -> Option<Mount> {
    let separator = line.windows(3).position(|window| window == b" - ")?;
    let mut before = line.get(..separator)?.split(|byte| *byte == b' ');
    let mut after = line.get(separator + 3..)?.split(|byte| *byte == b' ');
    let version = match after.next()? {
        b"cgroup2" => Version::V2,
        b"cgroup" => {
            let options = after.nth(1)?;
            options.split(|byte| *byte == b',').any(|option| option == b"memory").then_some(Version::V1)?
        }
        _ => return None,
    };
    let (mut root, mut point) = (Fixed::new(), Fixed::new());
    unescape(before.nth(3)?, &mut |byte| _ = root.push(&[byte]));
    unescape(before.next()?, &mut |byte| _ = point.push(&[byte]));
    (!root.is_cut() && !point.is_cut()).then_some(Mount { version, root, point })
}

/// Where a line mounts a tmpfs, and its device: the major number in the upper half, the minor one in the lower. `None` for any other.
#[must_use]
pub fn tmpfs_mount(line: &[u8]) -> Option<(Fixed<1024>, u64)> {
    let separator = line.windows(3).position(|window| window == b" - ")?;
    let mut before = line.get(..separator)?.split(|byte| *byte == b' ');
    let kind = line.get(separator + 3..)?.split(|byte| *byte == b' ').next();
    if kind != Some(b"tmpfs") {
        return None;
    }
    let device = before.nth(2)?;
    let (major, minor) = device.split_at(device.iter().position(|byte| *byte == b':')?);
    let device = dec(major)? << 32 | dec(minor.get(1..)?)?;
    let mut point = Fixed::new();
    unescape(before.nth(1)?, &mut |byte| _ = point.push(&[byte]));
    (!point.is_cut()).then_some((point, device))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    fn parsed(line: &[u8]) -> Option<(Version, std::vec::Vec<u8>, std::vec::Vec<u8>)> {
        cgroup_mount(line).map(|mount| (mount.version, mount.root.as_bytes().to_vec(), mount.point.as_bytes().to_vec()))
    }

    #[test]
    fn both_kinds_of_mounts_are_told_apart() {
        let v1 = b"33 25 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory";
        assert_eq!(parsed(v1), Some((Version::V1, b"/".to_vec(), b"/sys/fs/cgroup/memory".to_vec())));
        let v2 = b"36 25 0:32 /../.. /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(parsed(v2), Some((Version::V2, b"/../..".to_vec(), b"/sys/fs/cgroup".to_vec())));
        let other = b"34 25 0:30 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu";
        assert_eq!(parsed(other), None);
    }

    #[test]
    fn a_mount_point_with_a_blank_is_unescaped() {
        let line = b"36 25 0:32 / /mnt/my\\040cgroups\\134x rw - cgroup2 none rw";
        assert_eq!(parsed(line), Some((Version::V2, b"/".to_vec(), b"/mnt/my cgroups\\x".to_vec())));
    }

    #[test]
    fn a_cut_line_is_no_mount() {
        let line = b"36 25 0:32 / /sys/fs/cgroup rw - cgroup2";
        for end in 0..line.len() {
            assert_eq!(parsed(&line[..end]), None);
        }
    }

    #[test]
    fn a_tmpfs_is_known_by_where_it_is_and_its_device() {
        let line = b"28 1 0:25 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw,inode64";
        let (point, device) = tmpfs_mount(line).expect("a tmpfs");
        assert_eq!((point.as_bytes(), device), (&b"/dev/shm"[..], 25));
        let line = b"29 1 0:26 / /a\\040b rw - tmpfs x rw";
        let (point, _) = tmpfs_mount(line).expect("a tmpfs");
        assert_eq!(point.as_bytes(), b"/a b");
        for other in [&b"28 1 0:25 / /dev rw - devtmpfs devtmpfs rw"[..], b"28 1 0:25 / /dev/shm rw", b" - tmpfs", b""]
        {
            assert!(tmpfs_mount(other).is_none(), "{}", other.escape_ascii());
        }
    }
}

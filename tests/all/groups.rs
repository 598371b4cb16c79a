//! All memory cgroups, as the monitor sees them: made-up hierarchies of both versions, hostile ones, and a real one.

use crate::common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::host::TempDir;
use common::memcg::{MIB, Memcg};
use common::run::poll;
use common::target::{Victim, victim};
use memdoor::host::Host;
use memdoor::monitor::groups::{Group, Groups};
use memdoor::parse::cgroup::Version;
use memdoor::sys::Errno;
use memdoor::units::Bytes;
use std::os::unix::ffi::OsStrExt;

const TOTAL: Option<Bytes> = Some(Bytes(1000 * MIB));

/// Directories that look like a hierarchy, and a /proc that says where it is mounted.
struct Tree {
    dir: TempDir,
    version: Version,
}

impl Tree {
    fn new(version: Version) -> Self {
        Self::mounted(version, "/")
    }

    /// A mount that shows the cgroup `root` at its top.
    fn mounted(version: Version, root: &str) -> Self {
        let dir = TempDir::new();
        let tree = Self { dir, version };
        fs::create_dir_all(tree.dir.path().join("self")).expect("a directory");
        fs::create_dir(tree.top()).expect("a directory");
        // A blank in it, as the kernel writes it.
        let point = tree.dir.join("my\\040cgroups");
        let v1 = format!("33 25 0:29 {root} {point} rw - cgroup cgroup rw,memory\n");
        let v2 = format!("36 25 0:32 {root} {point} rw - cgroup2 cgroup2 rw\n");
        let empty = tree.dir.join("empty");
        fs::create_dir(&empty).expect("a directory");
        let other =
            format!("35 25 0:31 / {empty} rw - cgroup2 cgroup2 rw\n34 25 0:30 / {empty} rw - cgroup cgroup rw,cpu\n");
        let text = match version {
            // Hybrid: the controller is in the hierarchy of version 1.
            Version::V1 => other + &v1,
            Version::V2 => v2,
        };
        tree.dir.write("self/mountinfo", text.as_bytes());
        if version == Version::V1 {
            tree.write("", "memory.usage_in_bytes", &(900 * MIB).to_string());
            tree.write("", "memory.limit_in_bytes", "9223372036854771712\n");
        }
        tree
    }

    fn top(&self) -> PathBuf {
        self.dir.path().join("my cgroups")
    }

    fn write(&self, group: impl AsRef<Path>, file: &str, text: &str) {
        fs::write(self.top().join(group).join(file), text).expect("written");
    }

    /// A cgroup with the two files that each has.
    fn make(&self, group: impl AsRef<Path>, usage: u64, limit: Option<u64>) {
        fs::create_dir_all(self.top().join(&group)).expect("a directory");
        let (of_usage, of_limit, none) = match self.version {
            Version::V1 => ("memory.usage_in_bytes", "memory.limit_in_bytes", "9223372036854771712"),
            Version::V2 => ("memory.current", "memory.max", "max"),
        };
        self.write(&group, of_usage, &format!("{usage}\n"));
        let limit = limit.map_or(none.into(), |limit| limit.to_string());
        self.write(&group, of_limit, &format!("{limit}\n"));
    }

    fn groups(&self, room: usize) -> Groups {
        let host = Host::open(self.dir.c_str()).expect("a host");
        Groups::arm(&host, room).expect("room")
    }

    fn read(&self) -> Groups {
        let mut groups = self.groups(64);
        groups.read(TOTAL);
        groups
    }
}

fn paths(groups: &Groups) -> Vec<String> {
    let path = |group: &Group| String::from_utf8(group.path.as_bytes().to_vec()).expect("UTF-8");
    groups.rows().iter().map(path).collect()
}

fn events(group: &Group) -> [Option<u64>; 3] {
    [group.max, group.oom, group.oom_kills]
}

#[test]
fn those_with_a_limit_or_more_than_a_hundredth_are_listed_the_largest_first() {
    for version in [Version::V1, Version::V2] {
        let tree = Tree::new(version);
        tree.make("small", 10 * MIB, None);
        tree.make("large", 10 * MIB + 4096, None);
        tree.make("a.slice", 600 * MIB, None);
        tree.make("a.slice/limited.service", MIB, Some(20 * MIB));
        tree.make("a.slice/b.slice", 9 * MIB, None);
        tree.make("a.slice/b.slice/huge", 500 * MIB, Some(512 * MIB));
        let groups = tree.read();
        assert_eq!(groups.version(), Some(version));
        let expected = ["/a.slice", "/a.slice/b.slice/huge", "/large", "/a.slice/limited.service"];
        assert_eq!(paths(&groups), expected);
        let limited = &groups.rows()[3];
        assert_eq!((limited.usage, limited.limit), (Some(Bytes(MIB)), Some(Bytes(20 * MIB))));
        assert_eq!(limited.percent().map(|share| share.hundredths), Some(500));
        assert_eq!((limited.peak, limited.anon, limited.full), (None, None, None));
        assert_eq!(groups.unlisted(), 0);
        // Without the memory of the machine only limits count.
        let mut groups = tree.groups(64);
        groups.read(None);
        assert_eq!(paths(&groups), ["/a.slice/b.slice/huge", "/a.slice/limited.service"]);
    }
}

#[test]
fn version_2_says_more_of_a_cgroup() {
    let tree = Tree::new(Version::V2);
    tree.make("a", 50 * MIB, None);
    tree.write("a", "memory.stat", "anon 1\nfile 2\nkernel 3\nkernel_stack 9\nsock 4\n");
    tree.write("a", "memory.peak", "5\n");
    tree.write(
        "a",
        "memory.pressure",
        "some avg10=1.00 avg60=0.00 avg300=0.00 total=7\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=6\n",
    );
    tree.write("a", "memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\n");
    let mut groups = tree.read();
    let group = groups.rows()[0].clone();
    let sizes = [group.anon, group.file, group.kernel, group.sock, group.peak];
    assert_eq!(sizes.map(|size| size.map(|size| size.0)), [Some(1), Some(2), Some(3), Some(4), Some(5)]);
    assert_eq!(group.full.map(|full| full.avg10()), Some(50));
    assert_eq!(events(&group), [None; 3], "nothing to compare with");
    tree.write("a", "memory.events", "low 0\nhigh 0\nmax 17\noom 2\noom_kill 4\n");
    groups.read(TOTAL);
    assert_eq!(events(&groups.rows()[0]), [Some(10), Some(0), Some(3)]);
}

#[test]
fn version_1_has_its_own_files() {
    let tree = Tree::new(Version::V1);
    tree.make("a", 50 * MIB, Some(64 * MIB));
    tree.write("a", "memory.stat", "cache 1\nrss 1\ntotal_cache 2\ntotal_rss 3\n");
    tree.write("a", "memory.max_usage_in_bytes", "4\n");
    tree.write("a", "memory.kmem.usage_in_bytes", "5\n");
    tree.write("a", "memory.kmem.tcp.usage_in_bytes", "6\n");
    tree.write("a", "memory.failcnt", "7\n");
    tree.write("a", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 8\n");
    let mut groups = tree.read();
    let group = groups.rows()[0].clone();
    let sizes = [group.file, group.anon, group.peak, group.kernel, group.sock];
    assert_eq!(sizes.map(|size| size.map(|size| size.0)), [Some(2), Some(3), Some(4), Some(5), Some(6)]);
    tree.write("a", "memory.failcnt", "9\n");
    groups.read(TOTAL);
    assert_eq!(events(&groups.rows()[0]), [Some(2), None, Some(0)]);
    tree.write("a", "memory.memsw.failcnt", "3\n");
    groups.read(TOTAL);
    assert_eq!(events(&groups.rows()[0]), [Some(3), None, Some(0)]);
}

#[test]
fn one_that_is_made_anew_counts_from_nought() {
    let tree = Tree::new(Version::V2);
    let counts = |group: &str, kills: u64| {
        tree.make(group, MIB, Some(2 * MIB));
        tree.write(group, "memory.events", &format!("max 0\noom 0\noom_kill {kills}\n"));
    };
    counts("stays", 5);
    counts("again", 5);
    let mut groups = tree.read();
    fs::remove_dir_all(tree.top().join("again")).expect("removed");
    groups.read(TOTAL);
    assert_eq!(paths(&groups), ["/stays"]);
    counts("other", 1);
    counts("again", 2);
    counts("stays", 6);
    groups.read(TOTAL);
    let kills = |path: &str| {
        let mut rows = groups.rows().iter();
        let row = rows.find(|row| row.path.as_bytes() == path.as_bytes());
        row.expect("listed").oom_kills
    };
    assert_eq!([kills("/stays"), kills("/again"), kills("/other")], [Some(1), Some(2), Some(1)]);
    // Between two readings, when most file systems give the same inode again.
    fs::remove_dir_all(tree.top().join("stays")).expect("removed");
    counts("stays", 3);
    groups.read(TOTAL);
    let stays = groups.rows().iter().find(|row| row.path.as_bytes() == b"/stays");
    assert_eq!(stays.expect("listed").oom_kills, Some(3));
}

#[test]
fn what_is_hidden_stands_before_the_path() {
    for (root, shown) in [("/docker/x", "/docker/x"), ("/", ""), ("/../..", "")] {
        let tree = Tree::mounted(Version::V2, root);
        tree.make("", 20 * MIB, None);
        tree.make("a", 15 * MIB, None);
        let top = if shown.is_empty() { "/" } else { shown };
        assert_eq!(paths(&tree.read()), [top, &format!("{shown}/a")]);
    }
}

#[test]
fn the_controller_is_not_looked_for_below_where_it_is_off() {
    let tree = Tree::new(Version::V2);
    tree.make("off/on", 50 * MIB, None);
    fs::remove_file(tree.top().join("off/memory.current")).ok();
    assert_eq!(paths(&tree.read()), [""; 0]);
    tree.make("off", 50 * MIB, None);
    assert_eq!(tree.read().rows().len(), 2);
}

#[test]
fn without_a_hierarchy_there_are_none() {
    let dir = TempDir::new();
    let host = Host::open(dir.c_str()).expect("a host");
    let mut groups = Groups::arm(&host, 4).expect("room");
    groups.read(TOTAL);
    assert_eq!((groups.rows().len(), groups.unlisted(), groups.version()), (0, 0, None));
}

#[test]
fn hostile_names_are_kept_as_they_are_and_links_not_followed() {
    let tree = Tree::new(Version::V2);
    let name = std::ffi::OsStr::from_bytes(b"a\x1b[31m\n\xff:\"\\040,=x");
    tree.make(name, 20 * MIB, None);
    tree.make("...", 15 * MIB, None);
    symlink(tree.top(), tree.top().join("loop")).expect("a link");
    symlink("/proc", tree.top().join("proc")).expect("a link");
    let groups = tree.read();
    let first = groups.rows()[0].path.as_bytes();
    assert_eq!(first, [b"/", name.as_bytes()].concat());
    assert_eq!((groups.rows().len(), groups.unlisted(), groups.failed()), (2, 0, None));
}

#[test]
fn files_that_say_nonsense_are_not_known() {
    let tree = Tree::new(Version::V2);
    tree.make("a", 20 * MIB, None);
    tree.write("a", "memory.max", "much\n");
    tree.write("a", "memory.events", "max -1\noom\noom_kill 99999999999999999999\n");
    tree.write("a", "memory.peak", "");
    fs::create_dir(tree.top().join("a/memory.pressure")).expect("a directory");
    tree.make("b", 0, None);
    tree.write("b", "memory.current", "18446744073709551616\n");
    let mut groups = tree.read();
    groups.read(TOTAL);
    assert_eq!(paths(&groups), ["/a"]);
    let a = &groups.rows()[0];
    assert_eq!((a.limit, a.peak, events(a)), (None, None, [None; 3]));
    assert_eq!((groups.unlisted(), groups.failed()), (0, Some(Errno::EBADMSG)), "b");
}

#[test]
fn a_long_path_keeps_its_end_and_one_without_an_end_is_not_followed() {
    let tree = Tree::new(Version::V2);
    let mut path = PathBuf::new();
    for level in 0..14 {
        path.push(format!("{level:02}{}", "x".repeat(98)));
        tree.make(&path, 20 * MIB, None);
    }
    let groups = tree.read();
    // 1023 bytes are ten names of 101 with their slashes.
    assert_eq!((groups.rows().len(), groups.unlisted(), groups.failed()), (10, 0, Some(Errno::ENAMETOOLONG)));
    let longest = groups.rows().iter().find(|row| row.path.as_bytes().starts_with(b"xx"));
    let end = longest.expect("one that lost its start").path.as_bytes();
    assert_eq!(end.len(), 319);
    assert!(end.ends_with(&[b'x'; 98]));
}

#[test]
fn the_largest_are_kept_when_there_is_no_room() {
    let tree = Tree::new(Version::V1);
    for number in 0..200 {
        tree.make(format!("{}", number * 7919 % 200), (20 + number * 7919 % 200) * MIB, None);
    }
    let mut groups = tree.groups(5);
    for _ in 0..2 {
        groups.read(TOTAL);
        assert_eq!(paths(&groups), ["/199", "/198", "/197", "/196", "/195"]);
        assert_eq!(groups.unlisted(), 195);
    }
}

#[test]
fn cgroups_that_come_and_go_meanwhile_disturb_nothing() {
    let tree = Tree::new(Version::V2);
    tree.make("a/b/stays", 100 * MIB, None);
    tree.make("a", 150 * MIB, None);
    tree.make("a/b", 120 * MIB, None);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for group in ["a/c", "a/b/c/d", "a/c/e"] {
                    tree.make(group, 50 * MIB, Some(60 * MIB));
                }
                for group in ["a/c", "a/b/c"] {
                    fs::remove_dir_all(tree.top().join(group)).expect("removed");
                }
            }
        });
        let mut groups = tree.groups(64);
        for _ in 0..500 {
            groups.read(TOTAL);
            assert_eq!(paths(&groups)[..3], ["/a", "/a/b", "/a/b/stays"]);
            // One that was seen while its file was still empty.
            assert!(groups.unlisted() <= 5, "{}", groups.unlisted());
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_real_one_shows_its_usage_its_limit_and_what_was_killed_in_it() {
    let Some(group) = Memcg::or_skip(Some(32 * MIB)) else {
        return;
    };
    let host = Host::open(c"/proc").expect("/proc");
    let mut groups = Groups::arm(&host, 1024).expect("room");
    let path = group.path();
    let mut look = |what: &str| {
        groups.read(None);
        let row = groups.rows().iter().find(|row| row.path.as_bytes() == path.as_bytes());
        row.unwrap_or_else(|| panic!("{what}: {path} is not in {:?}", paths(&groups))).clone()
    };
    let empty = look("empty");
    assert_eq!((empty.limit, empty.max), (Some(Bytes(32 * MIB)), None));
    // Of version 1, Linux 6.18 does not count in memory.memsw.failcnt.
    group.allow_swap(48 * MIB);
    let holder = Victim::start_command(group.inside(&victim(&["hold", "16"]))).settled();
    let full = look("16 MiB");
    let usage = full.usage.expect("usage").0;
    assert!((16 * MIB..=32 * MIB).contains(&usage), "{full:?}");
    assert!(full.anon.is_some_and(|anon| anon.0 >= 15 * MIB), "{full:?}");
    assert!(full.peak.is_none_or(|peak| peak.0 >= usage), "{full:?}");
    assert_eq!((full.max, full.oom_kills), (Some(0), Some(0)));
    let mut leak = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0", "128"])));
    leak.go();
    leak.wait();
    poll("the kill is counted", || (group.oom_kills() > 0).then_some(()));
    let after = look("after");
    assert!(after.max.is_some_and(|max| max > 0), "{after:?}");
    assert_eq!(after.oom_kills, Some(group.oom_kills()));
    drop(holder);
    let later = look("later");
    assert_eq!(later.oom_kills, Some(0));
}

//! Figures are those of the kernel's own files, and nothing is said of what was not read.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::host::{TempDir, is_root};
use crate::common::json::Json;
use crate::common::run::{Ended, MEMDOOR, memdoor, run_command};
use crate::common::skip;

/// A root directory with memdoor and a /proc of plain files.
struct Root(TempDir);

impl Root {
    fn or_skip() -> Option<Self> {
        if !is_root() {
            skip("needs root for chroot");
            return None;
        }
        let root = Self(TempDir::new());
        root.0.program(Path::new(MEMDOOR), "memdoor");
        root.put("self/status", b"Name:\tmemdoor\nNSpid:\t7\n");
        Some(root)
    }

    fn put(&self, name: &str, text: &[u8]) {
        let path = self.0.join(&format!("proc/{name}"));
        fs::create_dir_all(Path::new(&path).parent().expect("below /proc")).expect("a directory");
        fs::write(path, text).expect("written");
    }

    fn run(&self, args: &[&str]) -> Ended {
        // Where chroot(8) itself is.
        let mut command = Command::new("chroot");
        command.arg(self.0.path()).arg("/memdoor").args(args);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        run_command(command)
    }
}

/// A host with 16 GB, of which ZFS's cache has 10.5.
const ZFS_HOST: &[u8] = b"MemTotal:       16275120 kB
MemFree:          693044 kB
MemAvailable:     904512 kB
Buffers:            2320 kB
Cached:           421544 kB
AnonPages:       2097000 kB
Shmem:             43000 kB
SReclaimable:     320000 kB
SUnreclaim:      1930000 kB
KernelStack:       12000 kB
PageTables:        21000 kB
SwapTotal:             0 kB
SwapFree:              0 kB
";

const ARCSTATS: &[u8] = b"13 1 0x01 147 39984 4262718217 9183466498
name                            type data
hits                            4    5
c                               4    11274289152
c_min                           4    520803840
c_max                           4    12884901888
size                            4    11274289152
";

#[test]
fn the_arc_of_zfs_that_can_shrink_is_cache_for_check_and_kill_and_monitor() {
    let Some(root) = Root::or_skip() else { return };
    root.put("meminfo", ZFS_HOST);
    let json = |ended: &Ended, event: &str| {
        let lines: Vec<Json> = ended.out.lines().map(Json::parse).collect();
        lines.into_iter().find(|line| line.text("event_name") == event).expect("the event")
    };
    let check = ["check", "--where", "--format", "json"];
    let kill = ["kill", "--once", "--dry-run", "--only", "nobody-has-it", "--format", "json"];
    let monitor = ["monitor", "--minutes", "0.02", "-i", "1", "--format", "json"];

    // Without its figures it counts as used: that is what the kernel says.
    let ended = root.run(&check);
    assert_eq!(ended.code(), 2, "{}", ended.words());
    let host = json(&ended, "memdoor.host.sample");
    assert_eq!(host.number_at("memdoor.check.used_percent"), Some("94.44"));
    assert_eq!(host.get("memdoor.host.arc_bytes"), None);
    assert_eq!(host.get("memdoor.where.arc_bytes"), None);

    root.put("spl/kstat/zfs/arcstats", ARCSTATS);
    let reclaimable: i64 = 11_274_289_152 - 520_803_840;
    let available = 904_512 * 1024 + reclaimable;
    let ended = root.run(&check);
    assert_eq!(ended.code(), 0, "{}", ended.words());
    let host = json(&ended, "memdoor.host.sample");
    assert_eq!(host.number("system.memory.linux.available"), available);
    assert_eq!(host.number("memdoor.host.used_bytes"), 16_275_120 * 1024 - available);
    assert_eq!(host.number("memdoor.host.arc_reclaimable_bytes"), reclaimable);
    assert!(host.number("memdoor.where.arc_bytes") > 10 << 30);
    let text = root.run(&["check"]).out;
    assert!(
        text.contains("ZFS ARC:     10752.0 MiB; 10255.3 MiB of it can shrink, and count as available\n"),
        "{text}"
    );

    let ended = root.run(&kill);
    let action = json(&ended, "memdoor.action.kill");
    assert_eq!(action.text("memdoor.kill.outcome"), "enough");
    assert_eq!(action.number_at("memdoor.kill.used_percent"), Some("29.91"));

    let ended = root.run(&monitor);
    let sample = json(&ended, "memdoor.host.sample");
    assert_eq!(sample.number("system.memory.linux.available"), available, "{}", ended.words());
    assert!(!ended.out.contains("\"memdoor.alert\""), "29.91 % used is no alert: {}", ended.out);
}

#[test]
fn swap_of_which_nothing_is_known_is_not_said_to_be_none() {
    let Some(root) = Root::or_skip() else { return };
    root.put("meminfo", b"MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 500 kB\n");
    let text = root.run(&["check"]).out;
    assert!(text.contains("\nSwap:        - (/proc/meminfo has no SwapTotal or no SwapFree)\n"), "{text}");
}

#[test]
fn this_host_has_no_arc_and_none_is_shown() {
    if Path::new("/proc/spl/kstat/zfs/arcstats").exists() {
        return skip("this host has ZFS");
    }
    let ended = run_command(memdoor(&["check", "--where"]));
    assert!(!ended.out.contains("ARC"), "{}", ended.out);
}

/// Of kernels, containers and namespaces that lack a part: what is not known is a dash or a reason, never 0 and never "none".
#[test]
fn what_the_kernel_does_not_count_is_a_dash_in_the_summary_of_monitor() {
    let Some(root) = Root::or_skip() else { return };
    root.put("meminfo", b"MemTotal: 16275120 kB\nMemFree: 693044 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
    root.put("vmstat", b"pgscan_kswapd 1\npgmajfault 2\n");
    let text = root.run(&["monitor", "--minutes", "0.02", "-i", "1", "--analyze"]).out;
    let words = text.replace("\n ", " ");
    assert!(words.contains("Memory: - of 15893.7 MiB used, - MiB more than"), "{text}");
    assert!(words.contains("OOM kills -."), "{text}");
}

#[test]
fn an_order_of_victims_is_not_made_up_where_the_scale_is_not_known() {
    let Some(root) = Root::or_skip() else { return };
    root.put("7/status", b"Name:\tx\nState:\tS (sleeping)\nPPid:\t1\nVmRSS:\t8 kB\n");
    root.put("7/oom_score_adj", b"0\n");
    let ended = root.run(&["scores"]);
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""));
    let words = ended.words();
    assert!(words.contains("no proc file system is mounted on /proc\nhint: mount -t proc proc /proc"), "{words}");
    root.put("meminfo", b"MemFree: 10 kB\n");
    let words = root.run(&["scores"]).words();
    assert!(words.contains("memdoor: /proc/meminfo gives no MemTotal\nhint: "), "{words}");
}

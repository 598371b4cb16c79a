//! The document's text, taken apart again.

use std::time::{Duration, Instant};

/// The banners of a snapshot, in order.
pub const BANNERS: [&str; 6] = [
    "##### PROCESS BASIC INFORMATION #####",
    "##### PROCESS MEMORY INFORMATION #####",
    "##### PROCESS TREE INFORMATION #####",
    "##### PROCESS LIMITS INFORMATION #####",
    "##### PROCESS MEMORY MAPPING INFORMATION #####",
    "##### PROCESS NETWORK CONNECTION INFORMATION #####",
];

/// The banner of the report at the end of a watch.
pub const END: &str = "##### PROCESS END INFORMATION #####";

/// The sentence of a report below the threshold.
pub const BELOW: &str = "Process memory usage is not equal to or greater than input memory pressure threshold";

/// The header of the mappings.
pub const MAPPINGS: &str = "START ADDRESS     SIZE                PERM  DEV    INODE      FILE PATH";

/// The header of the sockets.
pub const SOCKETS: &str = "PROT STATE        LOCAL ADDRESS         REMOTE ADDRESS        TX QUEUE    RX QUEUE    ";

/// One report: the lines from `Report Time: ` on.
#[derive(Clone, Debug)]
pub struct Report {
    /// When its first line was read.
    pub at: Instant,
    /// Its lines.
    pub lines: Vec<String>,
}

/// A row of the mappings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapping {
    pub start: u64,
    pub kib: u64,
    pub perms: String,
    pub dev: String,
    pub inode: u64,
    pub path: String,
}

impl Report {
    /// Cuts a whole output into its reports.
    pub fn all(out: &str) -> Vec<Self> {
        let mut reports: Vec<Self> = Vec::new();
        for line in out.lines() {
            let is_first = line.starts_with("Report Time: ") || line.ends_with(" received, exiting...");
            if is_first || reports.is_empty() {
                reports.push(Self { at: Instant::now(), lines: Vec::new() });
            }
            reports.last_mut().expect("one").lines.push(line.into());
        }
        reports
    }

    /// Whether the lines so far are all of a report. A report below the threshold and the last one end with a blank line, a snapshot
    /// with two; a sentence about a signal stands alone.
    pub fn is_whole(lines: &[String]) -> bool {
        let Some((last, before)) = lines.split_last() else {
            return false;
        };
        if before.is_empty() && last.ends_with("received, exiting...") {
            return true;
        }
        let has = |start: &str| before.iter().any(|line| line.starts_with(start));
        let is_of_snapshot = has(BANNERS[1]);
        last.is_empty()
            && match before.last() {
                Some(line) if is_of_snapshot => line.is_empty() && has(BANNERS[5]),
                Some(_) => has("Memory Pressure Threshold: ") || has("Verdict: ") || has("Watch Ended Because: "),
                None => false,
            }
    }

    /// Since boot, when it was taken: by memdoor's own clock, however late the test reads it.
    pub fn since_boot(&self) -> Duration {
        let (_, clock) = self.value("Report Time UTC").split_once(" (").expect("two clocks");
        let seconds = clock.strip_suffix(" s since boot)").expect("seconds");
        Duration::from_secs_f64(seconds.parse().expect("a number"))
    }

    pub fn is_below(&self) -> bool {
        self.lines.iter().any(|line| line == BELOW)
    }

    /// What a watch says when it ends before its target: because of a signal or of `-c`.
    pub fn is_end_of_watch(&self) -> bool {
        let is_sentence = matches!(&self.lines[..], [line] if line.ends_with(" received, exiting..."));
        let why = self.find("Watch Ended Because");
        is_sentence || why.is_some_and(|why| why.starts_with("SIG") || why.starts_with("the count"))
    }

    pub fn is_end(&self) -> bool {
        self.lines.iter().any(|line| line == END)
    }

    /// Whether all five banners are there in order and the report has its end.
    pub fn is_full_snapshot(&self) -> bool {
        let mut wanted = BANNERS.iter().peekable();
        for line in &self.lines {
            wanted.next_if(|banner| **banner == line);
        }
        wanted.peek().is_none() && Self::is_whole(&self.lines)
    }

    /// What stands behind `label: `.
    pub fn value(&self, label: &str) -> &str {
        self.find(label).unwrap_or_else(|| panic!("no `{label}` in {:#?}", self.lines))
    }

    /// What stands behind `label: `, if the line is there.
    pub fn find(&self, label: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| line.strip_prefix(label)?.strip_prefix(": "))
    }

    /// `n kB` behind a label.
    pub fn kib(&self, label: &str) -> u64 {
        let value = self.value(label);
        value.strip_suffix(" kB").and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{label}: {value}"))
    }

    /// The lines of a section without its banner, up to the blank line.
    pub fn section(&self, banner: &str) -> &[String] {
        let at = self.lines.iter().position(|line| line == banner);
        let at = at.unwrap_or_else(|| panic!("no {banner} in {:#?}", self.lines));
        let rest = &self.lines[at + 1..];
        let end = rest.iter().position(String::is_empty);
        &rest[..end.unwrap_or(rest.len())]
    }

    /// The rows of the mappings; the header and each column must stand where the document has them.
    pub fn mappings(&self) -> Vec<Mapping> {
        let section = self.section(BANNERS[4]);
        assert_eq!(section.first().map(String::as_str), Some(MAPPINGS));
        let is_row =
            |line: &&String| line.get(..16).is_some_and(|start| start.bytes().all(|byte| byte.is_ascii_hexdigit()));
        section[1..].iter().filter(is_row).map(|line| mapping(line)).collect()
    }

    /// The PID of each row of the tree.
    pub fn tree_pids(&self) -> Vec<String> {
        let pid = |row: &str| row.split(' ').next().expect("a pid").to_owned();
        self.tree().into_iter().map(pid).collect()
    }

    /// The rows of the tree.
    pub fn tree(&self) -> Vec<&str> {
        let is_row = |line: &&String| line.contains(" - OOM score: ");
        self.section(BANNERS[2]).iter().filter(is_row).map(String::as_str).collect()
    }
}

/// `000055e87e594000  4               kB  r--p  00:2e  330129     /home/ericlee/oom`
fn mapping(line: &str) -> Mapping {
    let column = |from: usize, to: usize| line.get(from..to).unwrap_or_else(|| panic!("too short: {line:?}"));
    for (from, to, expected) in [(16, 18, "  "), (34, 38, "kB  "), (42, 44, "  ")] {
        assert_eq!(column(from, to), expected, "{line:?}");
    }
    // Longer devices and inodes push the next column on; a blank stays between them.
    let mut words = line[44..].splitn(2, ' ');
    let dev = words.next().expect("a device").to_owned();
    let rest = words.next().expect("an inode");
    let rest = if dev.len() < 7 { &line[51..] } else { rest };
    let inode = rest.split(' ').next().expect("an inode");
    let path = rest.get(inode.len().max(10) + 1..);
    Mapping {
        start: u64::from_str_radix(column(0, 16), 16).expect("hex"),
        kib: column(18, 34).trim_end().parse().expect("a size"),
        perms: column(38, 42).into(),
        inode: inode.parse().unwrap_or_else(|_| panic!("{line:?}")),
        dev,
        path: path.unwrap_or_else(|| panic!("{line:?}")).into(),
    }
}

/// What the end says of an OOM kill at a group's limit: with the kernel's log, or by the counts alone.
pub fn cgroup_oom() -> &'static str {
    match std::fs::File::open("/dev/kmsg") {
        Ok(_) => "OOM kill: a control group was at its memory limit",
        Err(_) => "likely an OOM kill",
    }
}

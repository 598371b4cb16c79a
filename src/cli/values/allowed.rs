//! What is said of a value that is not allowed.

text!(
    ALLOWED,
    "monitor--interval: seconds from 0.1 to 31536000, fractions allowed
monitor--top: a whole number from 1 to 100
monitor--keep: a whole number from 0 to 1000
monitor--window: minutes, fractions allowed
monitor--format: csv, json or text
monitor--max-bytes: 4096 bytes or more, or with k, M or G behind them
-p --pid: a process ID, 1 or more
-e --exename: the full path of the target's executable, from /
-m --memory-pressure-threshold: a whole number from 1 to 99, in percent
--also-available: a whole number from 1 to 99, in percent of MemTotal
--also-psi: full=N or some=N, N from 0.01 to 100, in percent of time
-w --warning --critical: a whole number from 1 to 99, in percent of RAM
-i --interval: seconds from 0.01 to 31536000, fractions allowed
-c --count: a whole number, 1 or more
--of: memtotal, cgroup or auto
--seize: danger, always or never
--death-ms: milliseconds from 10 to 1500
--format: text or json
-o --output: a directory
--record-size: bytes, or with k or M behind them: from 16k to 1024M
--keep -n --top: a whole number, 1 or more
--what-if: a process ID, = and an oom_score_adj from -1000 to 1000: 4242=-500
--since --until: 2026-11-21T10:08:31Z, '2026-11-21 10:08', 2026-11-21, 10:08, today, yesterday, now, 2h, 30m, 7d, '2 hours ago' or @SECONDS
--days: a whole number of days from 1 to 36500
--victim: a process's name, the start of one and *, or a process ID
--cgroup: a cgroup's path as the kernel has it, from /
--adj: a whole number from -1000 (never killed) to 1000 (killed first)
--match: a regular expression, with comm:, exe: or cmdline: before it
--state: the path of a file that remembers what was changed
--root: the directory that is the other system's /
--since-last: the path of a file that remembers what was shown
--threshold --swap-free --hard: a whole number from 0 to 100, in percent
--psi: some=AVG10 or full=AVG10, AVG10 from 0.01 to 100
--only: browsers, the name of a --family, or a regex
--prefer --avoid --ignore: a regex, with comm: (default), exe: or cmdline: before it
--family: NAME=REGEX, NAME of letters, digits, - and _
--by: tree, process, score or cgroup
--log: stderr, journal or syslog
--log-file: the path of a file
--log-backup-count: a whole number from 0 to 1000
--min-size --log-max-bytes: bytes, or with k, M or G behind them
--evidence-ms: milliseconds from 0 to 10000
--grace --cooldown: seconds from 0 to 31536000, fractions allowed
--max-kills: a number from 1 to 64, and /hour
--log-level: DEBUG, INFO, WARNING, ERROR or CRITICAL
--any --once --dry-run --allow-pid-race: true or false
--minutes: minutes, fractions allowed; 0 until it is stopped
--alert: memory=, swap=, fds=, growth=, psi= or fragmentation= and a percentage, zombies= and a number, or off
--config --prometheus: the path of a file
FILE: a file, a directory, or - for standard input"
);

/// What an option takes; a line of [`ALLOWED`] begins with the options that it is about.
pub(in crate::cli) fn allowed(name: &str) -> &'static str {
    own(name).unwrap_or("see memdoor --help")
}

/// The same of one that has a line.
pub(in crate::cli) fn own(name: &str) -> Option<&'static str> {
    let lines = core::str::from_utf8(&ALLOWED).unwrap_or_default().lines();
    let mut lines = lines.filter_map(|line| line.split_once(": "));
    let found = lines.find(|(names, _)| names.split(' ').any(|known| known == name));
    found.map(|(_, words)| words)
}

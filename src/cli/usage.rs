//! What `--help` and `--version` print: at most 80 columns.

mod act;
mod host;
mod logs;
mod monitor;

/// `memdoor version 2.0.0`
pub(super) fn version() -> String {
    format!("memdoor version {}\n", env!("CARGO_PKG_VERSION"))
}

/// Nothing was typed: the version, the document's usage and where to find more.
pub(super) fn bare() -> String {
    with_version(&[&USAGE, b"See memdoor --help.\n"])
}

/// `memdoor --help`
pub(super) fn watch() -> String {
    with_version(&[&USAGE, &WATCH, &OUTPUT, &SIGNALS, &EXIT])
}

/// `memdoor snapshot --help`
pub(super) fn snapshot() -> String {
    with_version(&[&SNAPSHOT, &OUTPUT, &EXIT_OF_SNAPSHOT])
}

/// `memdoor recover --help`
pub(super) fn recover() -> String {
    with_version(&[&logs::RECOVER])
}

/// `memdoor check --help`
pub(super) fn check() -> String {
    with_version(&[&host::CHECK])
}

/// `memdoor scores --help`
pub(super) fn scores() -> String {
    with_version(&[&host::SCORES])
}

/// `memdoor monitor --help`
pub(super) fn monitor() -> String {
    with_version(&[&monitor::MONITOR])
}

/// `memdoor kill --help`
pub(super) fn kill() -> String {
    with_version(&[&act::KILL])
}

/// `memdoor dmesg --help`
pub(super) fn dmesg() -> String {
    with_version(&[&logs::DMESG])
}

/// `memdoor protect --help`
pub(super) fn protect() -> String {
    with_version(&[&act::PROTECT])
}

/// Makes a usage text.
#[cfg(test)]
type Help = fn() -> String;

/// The modes and their usage texts, for tests that walk over all options.
#[cfg(test)]
pub(super) const MODES: [(&str, Help); 9] = [
    ("watch", watch),
    ("snapshot", snapshot),
    ("check", check),
    ("scores", scores),
    ("monitor", monitor),
    ("protect", protect),
    ("kill", kill),
    ("dmesg", dmesg),
    ("recover", recover),
];

fn with_version(texts: &[&[u8]]) -> String {
    let mut all = version();
    for text in texts {
        all.push_str(core::str::from_utf8(text).unwrap_or_default());
    }
    all
}

text!(
    USAGE,
    "\
usage: memdoor -p|--pid <target process id>
               [-e|--exename <full path of target process>]
               [-m|--memory-pressure-threshold <percentage integer>]
               [-i|--interval <second(s)>]
               [-c|--count <count(s)>]
               [-l|--lock-memory] [-q|--quiet] [--of memtotal|cgroup|auto]
               [--also-available <percentage>] [--also-psi full|some=<avg10>]
               [--format text|json] [--no-cmdline] [--self-report]
               [--seize danger|always|never] [--death-ms <millisecond(s)>]
               [--follow] [--exit-code]
               [-o|--output DIR] [--record-size SIZE] [--keep N]
       memdoor snapshot -p|--pid <process id>[,...] ... [--format text|json]
       memdoor check [--warning N] [--critical N] [--where] [--format text|json]
       memdoor scores [-n N] [--next] [--what-if PID=ADJ] [--format text|json]
       memdoor monitor [MINUTES [INTERVAL]] [-o [DIR]] [--analyze]
       memdoor protect session|-p PID --adj N|--match PATTERN --adj N|--undo
       memdoor kill [--once] [--dry-run] [--threshold PERCENT] [--only ...]
       memdoor dmesg [FILE|DIR|-]... [--since TIME] [--format text|json]
       memdoor recover FILE
"
);

text!(
    WATCH,
    "
Watches one process and writes a snapshot of it (memory, OOM score, process
tree, every mapping, every socket) at once when its RSS reaches the threshold,
then at every interval. Ends when the process does.

  -p, --pid PID        the process to watch
  -e, --exename PATH   the executable it must be running; memdoor ends when it
                       runs another one
  -m, --memory-pressure-threshold PERCENT
                       1 to 99: RSS / MemTotal * 100. Without it a snapshot is
                       written at every interval
      --of BASE        what PERCENT is of: memtotal (default), cgroup (the limit
                       that the process's control group will hit first), or auto
                       (the smaller of the two)
      --also-available PERCENT
                       a snapshot as well while the system has so little
                       memory available, 1 to 99 % of MemTotal, or less
      --also-psi full=PERCENT
                       ... while so much of the last 10 s was lost waiting for
                       memory, or more; some=PERCENT: by some tasks
  -i, --interval SECONDS
                       between reports, 0.01 or more; default 1. RSS is sampled
                       every 5 to 200 ms whatever it is, the nearer the end the
                       oftener
  -c, --count COUNT    ends after so many reports, those left out by -q included
  -q, --quiet          no reports below the threshold
  -l, --lock-memory    ends when memory can't be locked; without it that is a
                       warning
      --seize WHEN     seizes the process (ptrace): it stops at its death for
                       a last snapshot: danger (default; while its RSS is
                       above PERCENT or its forecast under 10 s), always or
                       never
      --death-ms MS    holds it no longer then: 10 to 1500; default 200
      --follow         when the process ends, waits for the next one that runs
                       the same executable as the same user, and goes on.
                       memdoor watch -e PATH, without -p, waits for the first
      --exit-code      when the process ends, the exit code says how: 6 by the
                       OOM killer, for certain or likely; 7 by another signal;
                       8 by itself; 5 where that is not known, or only perhaps
                       an OOM kill. Without it 5
      --self-report    says at the end what watching cost
  -o, --output DIR     writes all of it to a new file in DIR as well, first and
                       whatever happens to standard output: its room is taken
                       and locked now, so that it works when memory is gone.
                       memdoor-NAME-PID-TIME.txt or .ndjson; .part until the end
      --record-size SIZE
                       of that file, with k or M, 16k to 1024M; default: what
                       four snapshots take. When it is full the oldest reports
                       below the threshold go, then the oldest snapshots, never
                       the first above the threshold nor the last
      --keep N         of the finished files in DIR keeps the newest, this one
                       and N - 1 others
"
);

text!(
    SNAPSHOT,
    "\
usage: memdoor snapshot -p|--pid <process id>[,...] ...
               [--format text|json] [--cmdline|--no-cmdline]

Writes one snapshot of each process now, whatever memory it has, then ends.

  -p, --pid PID        the process; several with commas, or -p again
"
);

text!(
    OUTPUT,
    "\x20     --format FORMAT  text (default) or json: one object a line
      --cmdline, --no-cmdline
                       show the command line or not; default: in text only
  -h, --help           this text
  -V, --version        the version

"
);

text!(
    SIGNALS,
    "\
signals: SIGINT, SIGTERM, SIGHUP end the watch with a last report; SIGUSR1
         takes a snapshot now
"
);

text!(
    EXIT,
    "\
exit codes:
  0  done: -c reached, ended by a signal, or the reader has gone (| head)
  1  error: it can't be done; standard error says why
  2  the command line is wrong
  4  done, but part of the evidence could not be read: it stands as -
  5  the process is gone, or is not the one that -e names
  6  with --exit-code: the kernel's OOM killer ended the process, or likely did
  7  with --exit-code: another SIGKILL or another signal ended it
  8  with --exit-code: it exited by itself, whatever its own exit code
"
);

text!(
    EXIT_OF_SNAPSHOT,
    "\
exit codes:
  0  done, or the reader has gone (| head)
  1  error: it can't be done; standard error says why
  2  the command line is wrong
  4  done, but part of the evidence could not be read: it stands as -
  5  a process is gone
"
);

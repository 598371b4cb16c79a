//! What `--help` and `--version` print: at most 80 columns.
//!
//! The texts are statics of bytes, because those have names, by which .cargo/offline.ld finds them: 8 kB that no watch has in memory. A
//! string is without one, and among those that are needed.

/// A static with the bytes of a text.
macro_rules! text {
    ($name:ident, $text:literal) => {
        pub(super) static $name: [u8; $text.len()] = {
            let Some(bytes) = $text.as_bytes().first_chunk() else {
                unreachable!()
            };
            *bytes
        };
    };
}

mod host;
mod kill;

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
    with_version(&[&SNAPSHOT, &OUTPUT, &EXIT])
}

/// `memdoor recover --help`
pub(super) fn recover() -> String {
    with_version(&[&RECOVER])
}

/// `memdoor check --help`
pub(super) fn check() -> String {
    with_version(&[&host::CHECK])
}

/// `memdoor scores --help`
pub(super) fn scores() -> String {
    with_version(&[&host::SCORES])
}

/// `memdoor kill --help`
pub(super) fn kill() -> String {
    with_version(&[&kill::KILL])
}

/// `memdoor dmesg --help`
pub(super) fn dmesg() -> String {
    with_version(&[&DMESG])
}

/// `memdoor protect --help`
pub(super) fn protect() -> String {
    with_version(&[&PROTECT])
}

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
               [--follow]
               [-o|--output DIR] [--record-size SIZE] [--keep N]
       memdoor snapshot -p|--pid <process id>[,...] ... [--format text|json]
       memdoor check [--warning N] [--critical N] [--where] [--format text|json]
       memdoor scores [-n N] [--next] [--what-if PID=ADJ] [--format text|json]
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
    PROTECT,
    "\
usage: memdoor protect session
       memdoor protect -p|--pid <process id> --adj N
       memdoor protect --match <pattern> --adj N
       memdoor protect --undo
               [--dry-run] [--state FILE] [--format text|json]

Changes the oom_score_adj of running processes, by which the kernel chooses whom
it kills, and shows what it was and what it is: -1000 is never killed, 1000
first. Each 10 count as much as 1 % of all memory. Own processes may be raised by
anybody; lowering takes CAP_SYS_RESOURCE, which root has on a host, and not in a
container. As root it is about everybody's processes, else about one's own.

  session              the processes that a login hangs on (display manager,
                       session, compositor, D-Bus, sshd) to -500, browsers to
                       300; what is lower or higher already stays
  -p, --pid PID        one process
      --match PATTERN  all whose name matches the regular expression; exe:REGEX
                       is about the executable, cmdline:REGEX about the
                       arguments, comm:REGEX about the name
      --adj N          -1000 to 1000
      --undo           puts back what was changed since boot, unless somebody
                       else has changed it since
      --dry-run        only shows what would be done
      --state FILE     remembers what was changed; default:
                       /run/memdoor-protect.state, for others than root in
                       $XDG_RUNTIME_DIR
      --format FORMAT  text (default) or json
  -h, --help           this text
  -V, --version        the version

exit codes:
  0  done, or there was nothing to do
  1  error: the kernel refused it for a process
  2  the command line is wrong
  5  there is no process PID
"
);

text!(
    RECOVER,
    "\
usage: memdoor recover FILE

Writes to standard output what is complete in a file that memdoor -o DIR left
behind (.part), because memdoor or the machine was stopped: whole reports, and
of the one that was being written the sections so far.

  FILE                 the file, which stays as it is
  -h, --help           this text
  -V, --version        the version

exit codes:
  0  done: nothing was cut
  1  error: it can't be read, or is no record of memdoor
  2  the command line is wrong
  4  done, but a part was not complete: standard error says how much
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
signals: SIGINT, SIGTERM, SIGHUP end the watch in good order; SIGUSR1 takes a
         snapshot now
"
);

text!(
    EXIT,
    "\
exit codes:
  0  done: -c reached, ended by a signal, or the reader has gone (| head)
  1  error: it can't be done; standard error says why
  2  the command line is wrong
  3  there was an OOM event, and dmesg --fail-on-oom asks
  4  done, but part of the evidence could not be read: it stands as -
  5  the process is gone, or is not the one that -e names
"
);

text!(
    DMESG,
    "\
usage: memdoor dmesg [FILE|DIR|-]... [--since TIME] [--until TIME] [--days N]
               [--victim NAME|PID] [--cgroup PATH] [--format text|json]
               [--root DIR] [--follow] [--since-last STATEFILE]
               [--fail-on-oom]

Reads kernel logs and says what the OOM killer did, to whom, why, and what to
change. An event that several logs have is shown once. memdoor oom is the same.

  FILE                 a log in any form, plain or gzip; - is standard input
  DIR                  every log in it, rotated ones oldest first
                       Without either: the running kernel's log, by /dev/kmsg or
                       syslog(2)
      --root DIR       the logs of the system whose / is DIR: /var/log, pstore,
                       /var/crash; its links lead nowhere outside of it
      --since TIME, --until TIME
                       only events of that time, and those whose time nothing
                       tells but that the log is newer. 2026-11-21T10:08:31Z,
                       '2026-11-21 10:08', 2026-11-21 (its midnight), 10:08,
                       today, yesterday, now, 2h, 30m, 7d, '2 hours ago',
                       @SECONDS
      --days N         since N times 24 hours ago
      --victim NAME|PID
                       only events that killed it; NAME* is any that begins so
      --cgroup PATH    only events in that cgroup or below it
      --format FORMAT  text (default) or json: one object a line
      --follow         waits for new events of the live log and shows each at
                       once; ends with SIGINT or SIGTERM
      --since-last STATEFILE
                       only events that no run with this file has shown yet;
                       nothing is printed when there is none. For cron
      --fail-on-oom    exit code 3 when there was an event
  -h, --help           this text
  -V, --version        the version

examples:
  memdoor dmesg                          what this kernel has in its log
  memdoor dmesg /var/log --days 7        all logs of the last week
  zcat old.gz | memdoor dmesg - --victim 'java*'
  memdoor dmesg --root /mnt/sysroot --format json

exit codes:
  0  done, or the reader has gone (| head)
  1  error: nothing could be read, or not all be written
  2  the command line is wrong
  3  there was an event, and --fail-on-oom asks
  4  done, but a log could not be read, or not to its end
"
);

//! Of `memdoor dmesg` and `memdoor recover`.

text!(
    DMESG,
    "\
usage: memdoor dmesg [FILE|DIR|-]... [--since TIME] [--until TIME] [--days N]
               [--victim NAME|PID] [--cgroup PATH] [--format text|json]
               [--root DIR] [--follow] [--since-last STATEFILE]
               [--fail-on-oom]

Reads kernel logs and says what the OOM killer did, to whom, why, and what to
change. An event that several logs have is shown once. memdoor oom is the same.

  FILE                 a log in any form, plain or gzip, or a FIFO; - is
                       standard input
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
                       @SECONDS. A log that begins later is named: exit code 4
      --days N         since N times 24 hours ago
      --victim NAME|PID
                       only events that killed it; NAME* is any that begins so
      --cgroup PATH    only events in that cgroup or below it
      --format FORMAT  text (default) or json: one object a line
      --follow         waits for new events of the live log and shows each at
                       once; ends with SIGINT or SIGTERM
      --since-last STATEFILE
                       only events that no run with this file has shown yet;
                       nothing is printed when there is none. For cron. It is a
                       file of memdoor's own, or not there yet
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
  4  done, but a log could not be read, or not to its end, or begins after
     --since or --days
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

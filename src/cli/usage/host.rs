//! Modes that look at the whole machine.

text!(
    CHECK,
    "\
usage: memdoor check [-w|--warning PERCENT] [-c|--critical PERCENT] [-n|--top N]
               [--where | --tree | --browsers] [--family NAME=REGEX]...
               [--cmdline] [--format text|json]

Memory at a glance, and whether it is used beyond a threshold. Changes nothing.
The first line and the exit code are those of a monitoring plugin. Used is what
is not available: MemTotal - MemAvailable - ARC of ZFS that can shrink.

  -w, --warning PERCENT
                       1 to 99, WARNING from there on; default 80
  -c, --critical PERCENT, --threshold PERCENT
                       1 to 99, CRITICAL from there on; default 90
  -n, --top N          so many of the largest processes; default 5
      --where          instead: where the memory is, as a sum
      --tree           instead: the largest processes, below their parents
      --browsers       instead: what browsers hold, and the largest processes
                       of each instance
      --family NAME=REGEX
                       the same, and what the regex fits: the name, or with
                       exe: or cmdline: before it those
      --cmdline        whole command lines in place of names
      --format FORMAT  text (default) or json: one object a line
  -h, --help           this text
  -V, --version        the version

exit codes:
  0  OK
  1  WARNING
  2  CRITICAL
  3  UNKNOWN: it can't be read, or the command line is wrong
"
);

text!(
    SCORES,
    "\
usage: memdoor scores [-n N] [--next] [--what-if PID=ADJ]...
               [--format text|json]

Lists whom the OOM killer would kill first, by the kernel's own formula, and
who is protected from it.

  -n, --top N          so many of each list; default 20, with --what-if 5
      --next           instead: who would be killed now, in the whole system
                       and in each cgroup with a memory limit, and who then
      --what-if PID=ADJ
                       shows both as they are, and again as if the process had
                       that oom_score_adj, -1000 to 1000; nothing is changed
      --format FORMAT  text (default) or json: one object a line
  -h, --help           this text
  -V, --version        the version

exit codes:
  0  done
  1  error: /proc can't be read
  2  the command line is wrong
  4  done, but /proc hides the processes of other users (hidepid)
  5  no process has the PID of --what-if
"
);

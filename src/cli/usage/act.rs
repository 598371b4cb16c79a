//! Of `memdoor kill` and `memdoor protect`.

text!(
    KILL,
    "\
usage: memdoor kill [--once] [--dry-run] [--threshold PERCENT] [--swap-free PCT]
               [--psi some|full=AVG10] [--any] [--cgroup PATH]
               [--only browsers|any|FAMILY|REGEX] [--family NAME=REGEX]
               [--prefer REGEX] [--avoid REGEX] [--ignore REGEX]
               [--by tree|process|score|cgroup] [--min-size SIZE]
               [--evidence-ms MS] [--grace SECONDS] [--hard PERCENT]
               [--cooldown SECONDS] [--max-kills N/hour]
               [--allow-pid-race] [--format text|json] [--log-level LEVEL]
               [--log stderr|journal|syslog] [--log-file PATH]
               [--log-max-bytes SIZE] [--log-backup-count N]
               [--config FILE] [--print-config] [--self-report]

When memory is short, ends the largest browser before the kernel has to choose:
evidence first, then SIGTERM, time, SIGKILL. Goes on until a signal ends it.

      --once           looks once, acts if need be, ends: for timers and cron
      --dry-run        says whom it would end, and ends nobody
      --threshold PERCENT
                       memory is short when so much of it is used, that is not
                       available: 0 to 100; default 90
      --swap-free PCT  ... and so little of swap is free, or less
      --psi some|full=AVG10
                       ... and processes stall for so many percent of 10 s
      --any            one of these is enough
      --cgroup PATH    the memory, limit and processes of this cgroup alone
      --only browsers|any|FAMILY|REGEX
                       who may be ended; default browsers; any, for servers:
                       everybody but service managers, sshd, login shells,
                       D-Bus, desktops and container runtimes. May be repeated,
                       as the next four
      --family NAME=REGEX
                       a name for --only
      --prefer REGEX, --avoid REGEX, --ignore REGEX
                       first these; these last; these never. On the name
                       (comm:), the executable (exe:) or the arguments
                       (cmdline:) of a process: comm: is the default
      --by tree|process|score|cgroup
                       the largest tree (default: a process and those of its
                       descendants that may be ended, too, in one service and
                       login), single process, or the highest oom_score. Large
                       is freeable memory: anonymous, swap, and shared memory
                       that ends with it
                       cgroup: the largest tree, and with it all processes of
                       its cgroup, a service or a container
      --min-size SIZE  nobody who holds less; k, M, G; default 0
      --evidence-ms MS a snapshot of the victim before the first signal takes
                       no longer; default 300; 0: none
      --grace SECONDS  from SIGTERM to SIGKILL; default 30
      --hard PERCENT   no longer when less is available; default 5. Until then
                       nobody is ended for what files of tmpfs and System V
                       segments hold, as nobody's end gives that back
      --cooldown SECONDS
                       nobody else for so long; default 5
      --max-kills N/hour
                       no more than N; default: no bound
      --allow-pid-race signals by number where the kernel has no pidfds (before
                       Linux 5.3): they may hit another process
      --format FORMAT  text (default) or json: one object a line
      --log-level LEVEL
                       DEBUG, INFO (default), WARNING, ERROR or CRITICAL
      --log stderr|journal|syslog
                       where a line for each decision goes; default stderr
      --log-file PATH  a file as well: at SIZE (default 10485760) it becomes
                       PATH.1, that PATH.2, and N (default 5) are kept. What
                       is there must be a log of memdoor kill, or empty
      --log-max-bytes SIZE, --log-backup-count N
                       these two
      --config FILE    default /etc/memdoor.conf, if it is there: lines of
                       name = value under [kill]; the names are these options.
                       Read at every start, and on SIGHUP. As root, one that
                       others may write to is refused
      --print-config   shows what holds and where it comes from
      --self-report    says at the end what it cost
  -h, --help           this text
  -V, --version        the version

exit codes:
  0  done: memory is not short (any more), or the victim has ended, or another
     memdoor ended one; ended by a signal
  1  error: it can't be done, nobody may be ended (with --dry-run: 0), or the
     victim lives on
  2  the command line, or a line of the configuration, is wrong
  4  done, but part of the evidence could not be read: it stands as -
  5  the victim was gone, or another, before a signal was sent (--once)
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
first. Each 10 count as much as 1 % of all memory. Anybody may raise their own
processes; lowering takes CAP_SYS_RESOURCE, which root has on a host, and not in
a container. As root it is about everybody's processes, else about one's own.

  session              the processes that a login or the machine hangs on
                       (display manager, session, compositor, D-Bus, sshd,
                       systemd, container runtimes) to -500, browsers to 300;
                       what is lower or higher already stays
  -p, --pid PID        one process
      --match PATTERN  all whose name matches the regular expression; exe:REGEX
                       is about the executable, cmdline:REGEX about the
                       arguments, comm:REGEX about the name. Neither PID 1,
                       which only -p 1 changes, nor memdoor itself
      --adj N          -1000 to 1000
      --undo           puts back what was changed since boot, unless somebody
                       else has changed it since
      --dry-run        only shows what would be done
      --state FILE     remembers what is changed, before it is; where that
                       can't be, nothing is changed. A file of memdoor's own, or
                       not there yet; default: /run/memdoor-protect.state, for
                       others than root in $XDG_RUNTIME_DIR
      --format FORMAT  text (default) or json
  -h, --help           this text
  -V, --version        the version

exit codes:
  0  done, or there was nothing to do
  1  error: the kernel refused it for a process, it can't be remembered, or
     there is no state to undo
  2  the command line is wrong
  4  done, but root may not see all processes (hidepid), or not read arguments
  5  there is no process PID
"
);

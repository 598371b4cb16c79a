//! Of `memdoor monitor`.

text!(
    MONITOR,
    "\
usage: memdoor monitor [MINUTES [INTERVAL]] [-o [DIR]] [--format text|csv|json]
               [-n|--top N] [--window MINUTES] [--alert NAME=VALUE]... [--deep]
               [--prometheus FILE] [--max-bytes SIZE] [--keep N] [--exit-code]
       memdoor monitor --analyze [MINUTES [INTERVAL]] [-o [DIR]]

Records how memory goes, and says who is growing: on a screen, as lines where
standard output is no terminal, or with -o in files. --analyze says it once, at
the end. SIGTERM and Ctrl-C end it with the summary; SIGHUP opens files anew.

      --minutes N      for so long; default 60, with --analyze 5; 0: until it is
                       stopped
  -i, --interval SECONDS
                       between two samples, 0.1 or more; default 30, 2 on a
                       screen, 5 with --analyze
  -o, --output [DIR]   files memory_monitor_TIME_memory.log and so on in DIR,
                       which is made (0700) if its parent is there;
                       default /var/log/memory-monitor, without rights there .
      --format FORMAT  text (default), csv or json; the memory file is always
                       CSV
  -n, --top N          so many processes and cgroups are named; default 10
      --window MINUTES growth is looked for in the last so many; default 60
      --alert NAME=VALUE
                       when to raise an alert, in percent, or off: memory=80,
                       swap=0, fds=80, growth=10, psi=10, fragmentation=95;
                       zombies=0 is a number
      --deep           PSS and USS of the top, which holds their mmap_lock
      --prometheus FILE
                       metrics for node_exporter's textfile collector; a file
                       of memdoor's own, or not there yet
      --max-bytes SIZE a file is rotated before it gets longer; default 10M
      --keep N         so many old ones of each; default 5
      --exit-code      ends with 3 when an alert was raised
      --config FILE    options as name = value under [monitor]; default
                       /etc/memdoor.conf, if it is there
      --print-config   what holds, and where it comes from
      --self-report    what it cost itself, at the end
  -h, --help           this text
  -V, --version        the version

exit codes:
  0  done
  1  error: /proc can't be read, or nothing can be written; the file for
     Prometheus never could be
  2  the command line or the configuration is wrong
  3  with --exit-code: an alert was raised
  4  done, but /proc hides the processes of other users (hidepid), or a part of
     what was to be written was lost
"
);

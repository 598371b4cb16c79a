# The daemon ends a leaking process before the kernel has to, once, and goes on until a signal ends it.
start innocent hold 25
start hog leak --wait --from 90 10
launch memdoor kill --only '^hog$' >/tmp/kill 2>/tmp/words &
daemon=$!
within 30 has_line /tmp/words 'started: '
go hog
within 60 is_gone $hog
# By SIGKILL when it came below 5 % meanwhile, as on a busy machine.
within 30 has_line /tmp/words 'outcome='
has /tmp/words "outcome=\(terminated\|killed\) pid=$hog comm=\"hog\""
has /tmp/kill '^##### PROCESS MEMORY INFORMATION #####'
has /tmp/kill "^Victim PID: $hog\$"
is "OOM kills" "$(count /proc/vmstat oom_kill)" 0
lives $innocent || fail "the innocent process has died"
lives $daemon || fail "the daemon has ended"
kill $daemon
ends $daemon 0
is "kills" "$(grep -c outcome= /tmp/words)" 1

# Pressure: a cgroup that is throttled at memory.high stalls, memory itself being plenty: the daemon has a trigger of the
# kernel's, and --psi ends whom it may.
[ -e /proc/pressure/memory ] || fail "this kernel has no pressure stall information"
group throttled memory.high=16M
start hog leak --wait 40 100
GROUP=
launch memdoor kill --any --threshold 99 --psi some=5 --only '^hog$' --self-report >/tmp/kill 2>/tmp/words &
daemon=$!
within 30 has_line /tmp/words 'started: '
ls -l /proc/$daemon/fd | grep -q pressure/memory || fail "no descriptor of a trigger"
go hog
within 60 is_gone $hog
within 10 has_line /tmp/words "outcome=[a-z]* pid=$hog comm=\"hog\""
grep -h 'outcome=' /tmp/words
kill $daemon
ends $daemon 0
grep -h 'self-report' /tmp/words
is "OOM kills" "$(count /proc/vmstat oom_kill)" 0

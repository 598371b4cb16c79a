# kill --once ends the largest that it may end, on the host and in a cgroup of v2, and nobody when memory is not short.
start innocent hold 40
start hog family hog 10 3
start lesser hold 20

# kill_once OPTION...: it must exit with 0. On a busy machine an emulated processor takes more than 300 ms for the evidence.
kill_once() {
    _status=0
    memdoor kill --once --evidence-ms 5000 "$@" >/tmp/kill 2>/tmp/words || _status=$?
    [ $_status = 0 ] || { cat /tmp/words; fail "exit code $_status"; }
}
kill_once --threshold 99 --only '^(hog|lesser)$'
lives $hog || fail "ended without need"

kill_once --threshold 20 --only '^(hog|lesser)$' --format json
has /tmp/words "outcome=terminated pid=$hog comm=\"hog\" processes=4"
is_gone $hog || fail "the hog lives"

group limited memory.max=64M
start inside leak --wait --from 56 1 56
GROUP=
go inside
within 30 has_line /sys/fs/cgroup/limited/memory.current '^5[6-9]......\|^6[0-9]......'
kill_once --cgroup /limited --threshold 80 --only '^inside$'
has /tmp/words "outcome=terminated pid=$inside "
within 10 is_gone $inside
for pid in $innocent $lesser; do lives $pid || fail "one that was spared has died"; done
is "OOM kills" "$(count /proc/vmstat oom_kill)" 0

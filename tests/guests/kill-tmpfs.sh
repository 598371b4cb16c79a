# A tmpfs fills memory, and nobody's end gives that back: nobody is ended as long as the kernel ends nobody, and then the largest.
start innocent hold 25
launch memdoor kill --only '^innocent$' --threshold 90 --hard 5 --cooldown 60 >/tmp/kill 2>/tmp/words &
daemon=$!
within 30 has_line /tmp/words 'started: '
# What is available, in kB, the free pages on the lists of CPUs included: memdoor counts them, MemAvailable does not, and
# from Linux 6.7 on they are up to 10 % of this guest.
available() {
    awk '$1 == "MemAvailable:" { kb += $2 } $1 == "count:" { kb += 4 * $2 } END { print kb }' /proc/meminfo /proc/zoneinfo
}
total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
mkdir /filled
# Full when 7.5 % of memory are available.
mount -t tmpfs -o size=$(($(available) - total * 75 / 1000))k tmpfs /filled
start hog fill /filled/file 20
go hog
within 60 has_line /tmp/words 'ERROR outcome=elsewhere '
has /tmp/words ' kB of it in /filled; stays until it is deleted and closed: df -t tmpfs'
usleep 3000000
lives $innocent || fail "the innocent process has died, and memory is as full as before"
# 4 % are left, long before the cooldown is over.
start lesser hold $((($(available) - total * 4 / 100) / 1024))
within 30 is_gone $innocent
within 30 has_line /tmp/words "outcome=\(terminated\|killed\) pid=$innocent "
is "OOM kills" "$(count /proc/vmstat oom_kill)" 0
lives $lesser || fail "one that --only does not fit has died"
kill $daemon
ends $daemon 0

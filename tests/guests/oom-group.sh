# memory.oom.group=1: who was chosen and who dies with it are told apart.
group all memory.max=64M memory.oom.group=1
start other hold 5
start hog leak $WELL_KNOWN 20
GROUP=
watch $other --of cgroup
first=$watcher
watch $hog --of cgroup
go hog
ends $watcher 5
ends $first 5
complete $hog
watched $hog 'OOM kill: a control group was at its memory limit$'
watched $other 'OOM kill of its whole control group (oom.group): another was chosen$'
has /tmp/watch.$other "^OOM Killer Chose PID: $hog\$"
# The kernel counts the one that it chose twice.
is "oom_kill of memory.events" "$(count /sys/fs/cgroup/all/memory.events oom_kill)" 3

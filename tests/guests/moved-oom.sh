# A process is moved to another cgroup and OOM-killed there in the same second, and the log of the kernel can't be read: the cgroup that
# memdoor knew has counted nothing. Until its parent collects it, the kernel still says where it was; after that nothing can be told.
mount -o bind /dev/null /dev/kmsg
group wide
start hog leak --wait 0 64
GROUP=
watch $hog --seize never
group narrow memory.max=16M
GROUP=
echo $hog >/sys/fs/cgroup/narrow/cgroup.procs
go hog
ends $watcher 5
is "oom_kill of memory.events" "$(count /sys/fs/cgroup/narrow/memory.events oom_kill)" 1
is "oom_kill of the other" "$(count /sys/fs/cgroup/wide/memory.events oom_kill)" 0
cat /tmp/words.$hog
has /tmp/watch.$hog "^Verdict: .*an OOM kill"
! has_line /tmp/watch.$hog '^Verdict: no' || fail "it was one"

# A cgroup is at memory.max: memdoor outside of it and inside sees the same, and memory.events says the same.
for place in outside inside; do
    group $place memory.max=64M
    start $place leak $WELL_KNOWN 20
    eval "hog=\$$place"
    [ $place = inside ] || GROUP=
    watch $hog --of cgroup
    GROUP=
    go $place
    ends $watcher 5
    complete $hog
    watched $hog 'OOM kill: a control group was at its memory limit$'
    is "oom_kill of memory.events" "$(count /sys/fs/cgroup/$place/memory.events oom_kill)" 1
    has /tmp/watch.$hog "^Control Group: /$place\$"
done

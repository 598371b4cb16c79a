# The whole system is out of memory: the watched process is the victim, and its snapshot at the death is complete.
start innocent hold 25
start hog leak $WELL_KNOWN 40
watch $hog
go hog
ends $watcher 5
complete $hog
watched $hog 'OOM kill: the whole system was out of memory$'
is "OOM kills" "$(count /proc/vmstat oom_kill)" 1
lives $innocent || fail "the innocent process has died"

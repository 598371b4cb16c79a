# What is wrong with the snapshot at the death in a report, in text or JSON; nothing if it is complete. The victim has
# 100 mappings, 10 sockets and 20 idle threads. For scripts/oom-trial and the guests.
/^##### PROCESS DEATH / { inside = 1; deaths++ }
/"event_name":"memdoor.snapshot.begin"/ { inside = /"kind":"death"/; deaths += inside }
!inside { next }
/^##### PROCESS / || /"event_name":"memdoor.snapshot.(system|memory|oom|cgroup|network)"/ { sections++ }
/^[0-9a-f]+  +[0-9]+ +kB / || /"event_name":"memdoor.snapshot.mapping"/ { rows++ }
/^UDP  UNCONN / || /"event_name":"memdoor.snapshot.socket"/ { sockets++ }
/^Process PSS Memory Usage: [1-9]/ || /"pss_bytes":[1-9]/ { sum = 1 }
/^Snapshot: / || /"event_name":"memdoor.snapshot.end"/ { is_complete = /: complete$/ || /"status":"complete"/; inside = 0 }
END {
    if (deaths != 1) print deaths + 0 " snapshots at the death"
    else if (!is_complete) print "the snapshot at the death is not complete"
    else if (sections < 6 || rows < 120 || sockets != 10 || !sum)
        print "at the death " sections " sections, " rows + 0 " mappings, " sockets + 0 " sockets"
}

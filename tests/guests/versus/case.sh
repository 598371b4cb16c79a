# One $CASE of scripts/versus with one $TOOL: who died, how often the kernel had to kill, how long memory was short.
start innocent hold 25
own=
[ "$CASE" != limit ] || own='--cgroup /service'
case $CASE in
cgroup) group service ;;
limit) group service memory.max=96M ;;
esac
case $TOOL in
memdoor) (GROUP= launch memdoor kill --only any --threshold 90 --hard 5 $own) >/tmp/tool 2>&1 & ;;
earlyoom) (GROUP= launch earlyoom -m 10,5 -r 3600) >/tmp/tool 2>&1 & ;;
esac
tool=$!
within 30 test -s /tmp/tool
# As unlikely to be ended as this shell.
victim shortage 10 60 >/tmp/shortage &
meter=$!
within 30 has_line /tmp/shortage '^ready '
case $CASE in
anonymous | cgroup | limit) start hog leak --from 60 20 ;;
shared) start hog leak --from 60 --shared 20 ;;
leaderless) start hog leak --from 60 --leaderless 20 ;;
small) start hog family --grow 120 --every 100 hog 2 0 ;;
tmpfs)
    mkdir /filled
    # Full when 5 to 10 % of memory are available.
    mount -t tmpfs -o size=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) - 17000))k tmpfs /filled
    start hog fill /filled/file 20
    go hog
    ;;
esac
while lives $meter && ! { [ "$CASE" = limit ] && is_gone $hog; }; do usleep 100000; done
usleep 500000

died=
! is_gone $hog || died=hog
if [ "$CASE" = small ] && [ -z "$died" ]; then
    # Nobody has waited for them.
    children=$(cat /proc/[0-9]*/status | grep -c '^State:.*Z' || :)
    [ $children = 0 ] || died="$children of its children"
fi
lives $innocent || died="${died:+$died, }innocent"
lives $tool || died="${died:+$died, }$TOOL"
echo "--- $TOOL"
grep -v '^[0-9a-f]* *[0-9]* *kB' /tmp/tool | tail -n 60
echo "--- kernel"
dmesg | grep 'Killed process' || :
grep -E '^(MemTotal|MemAvailable|Shmem|AnonPages):' /proc/meminfo
echo "@@RESULT|$died|$(count /proc/vmstat oom_kill)|$(sed -n 's/^shortage //p' /tmp/shortage)"

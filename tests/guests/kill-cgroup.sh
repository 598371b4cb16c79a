# cgroup v2: --by cgroup ends all of the victim's cgroup, by cgroup.kill from Linux 5.14 on, but not one that memdoor is in; of two
# memdoors one ends somebody where one is enough; a frozen victim ends, as v2 lets SIGKILL through.
start innocent hold 10

group service
start hog family --deaf hog 20 2
start helper family --deaf helper 5 1
GROUP=
memdoor kill --once --threshold 0 --only '^hog$' --by cgroup --hard 0 --grace 0.5 --evidence-ms 10000 --format json >/tmp/kill 2>/tmp/words || { cat /tmp/words; fail "exit code $?"; }
[ -e /sys/fs/cgroup/service/cgroup.kill ] && by=true || by=false
has /tmp/kill '"cgroup_processes":5,'
has /tmp/kill "\"cgroup_kill\":$by"
has /tmp/kill '"cgroup":"/service"'
within 10 is_gone $hog
is_gone $helper || fail "one of the cgroup lives"
is "processes left" "$(cat /sys/fs/cgroup/service/cgroup.procs)" ""

# Who joins it in the grace period hears SIGTERM before SIGKILL, and is counted.
group late
start first family --deaf first 10 0
GROUP=
launch memdoor kill --once --threshold 0 --only '^first$' --by cgroup --hard 0 --grace 4 --evidence-ms 0 >/tmp/kill 2>/tmp/words &
killer=$!
sleep 2
launch sh -c 'echo $$ >/sys/fs/cgroup/late/cgroup.procs; trap "echo heard >>/tmp/heard; exit 0" TERM; while :; do sleep 0.1; done' &
ends $killer 0
grep -q "^heard$" /tmp/heard || { cat /tmp/kill /tmp/words /sys/fs/cgroup/late/cgroup.procs; fail "who joined late has not heard SIGTERM"; }
count=$(sed -n 's/^Victim Processes: //p' /tmp/kill)
[ "$count" -ge 2 ] || { cat /tmp/kill; fail "who joined late is not counted"; }
has /tmp/kill "^Its Control Group Ends As A Whole: yes: $count processes"
is "processes left" "$(cat /sys/fs/cgroup/late/cgroup.procs)" ""

group own
start mine family mine 20 0
start beside hold 5
launch memdoor kill --once --threshold 0 --only '^mine$' --by cgroup --evidence-ms 0 >/tmp/kill 2>/tmp/words &
ends $! 0
GROUP=
has /tmp/kill '^Its Control Group Ends As A Whole: no: memdoor, or what it descends from, is in it; only its tree$'
is_gone $mine || fail "the victim lives"
lives $beside || fail "who is beside it has died"

# 70 % of 120 MiB are 84: two of 40 are less.
group limited memory.max=120M
start one family --deaf one 30 0
start two family --deaf two 30 0
start three family --deaf three 40 0
GROUP=
both="--once --cgroup /limited --threshold 70 --only ^(one|two|three)\$ --hard 0 --grace 1 --evidence-ms 0"
launch memdoor kill $both >/tmp/first 2>/tmp/words.first &
first=$!
launch memdoor kill $both >/tmp/second 2>/tmp/words.second &
second=$!
ends $first 0
ends $second 0
cat /tmp/words.first /tmp/words.second >/tmp/words
is "kills" "$(grep -c outcome=killed /tmp/words)" 1
is "who waited" "$(grep -c 'outcome=relieved.* waited_for="PID [0-9]* (memdoor), which ends PID ' /tmp/words)" 1
is_gone $three || fail "the largest lives"
for pid in $one $two; do lives $pid || fail "a second victim"; done

[ ! -e /sys/fs/cgroup/limited/cgroup.freeze ] || {
    echo 1 >/sys/fs/cgroup/limited/cgroup.freeze
    memdoor kill --once --threshold 0 --only '^one$' --hard 0 --grace 0.3 --evidence-ms 0 >/tmp/kill 2>/tmp/words || { cat /tmp/kill; fail "exit code $?"; }
    has /tmp/kill '^Action: SIGTERM, then SIGKILL: the victim has ended$'
}
lives $innocent || fail "the innocent process has died"
is "OOM kills" "$(count /proc/vmstat oom_kill)" 0

# What a neighbour uses below their common limit is nothing that a member is ended for.
group house memory.max=40M cgroup.subtree_control=+memory
group house/quiet
start quiet family quiet 5 0
group house/loud
start loud hold 25
GROUP=
memdoor kill --once --cgroup /house/quiet --threshold 50 --only '^quiet$' >/tmp/kill 2>/tmp/words || fail "exit code $?"
[ ! -s /tmp/kill ] || { cat /tmp/kill; fail "memory of the neighbour counts"; }
memdoor kill --once --dry-run --cgroup /house/quiet --threshold 50 --only '^quiet$' >/tmp/kill 2>/tmp/words || fail "exit code $?"
has /tmp/kill '^Limit Of The Control Group Above It: /house$'
has /tmp/words 'hint: --cgroup /house counts all of it'
memdoor kill --once --dry-run --cgroup /house --threshold 50 --only '^quiet$' >/tmp/kill 2>/tmp/words || fail "exit code $?"
has /tmp/kill "^Victim PID: $quiet\$"

# One that --avoid fits spares its whole cgroup as long as there is another.
group dear
start rich family rich 10 0
start spared family spared 2 0
group cheap
start poor family rich 5 0
GROUP=
memdoor kill --once --threshold 0 --only '^rich$' --by cgroup --avoid '^spared$' --grace 2 --evidence-ms 0 >/tmp/kill 2>/tmp/words || { cat /tmp/kill; fail "exit code $?"; }
has /tmp/kill "^Victim PID: $poor\$"
for pid in $rich $spared; do lives $pid || fail "the cgroup of one that is avoided has ended"; done
is "OOM kills" "$(count /proc/vmstat oom_kill)" 0

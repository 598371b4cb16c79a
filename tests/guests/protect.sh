# Root with all capabilities lowers oom_score_adj, the kernel then chooses another, and --undo puts it back.
start large hold 60
start small leak --wait --from 20 20
adj() { cat "/proc/$1/oom_score_adj"; }

memdoor protect -p $large --adj -500 >/tmp/protect
has /tmp/protect "^$large  *large  *0  *-500  *done\$"
is "oom_score_adj" "$(adj $large)" -500
memdoor protect --match '^small$' --adj -100 >/tmp/protect
is "oom_score_adj" "$(adj $small)" -100

memdoor protect --undo
is "oom_score_adj after --undo" "$(adj $large)" 0
is "oom_score_adj after --undo" "$(adj $small)" 0

memdoor protect -p $large --adj -1000 >/dev/null
go small
within 60 is_gone $small
lives $large || fail "the kernel has killed the protected one"
memdoor protect --undo
is "oom_score_adj after --undo" "$(adj $large)" 0

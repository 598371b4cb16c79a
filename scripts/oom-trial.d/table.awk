# A part of scripts/oom-trial: its table, from a line for each kill. Exit: 0 all complete, right and in time, 1 not.
#   pace threads place swap format record complete right held_us freed_us
# Lists by name, kept in order.
function add(name, value,    i) {
    for (i = n[name]++; i > 0 && list[name, i] > value; i--) list[name, i + 1] = list[name, i]
    list[name, i + 1] = value
}
# The least value that so many percent do not exceed.
function at(name, percent,    i) { i = int((n[name] * percent + 99) / 100); return list[name, i < 1 ? 1 : i] }
function figures(name, bound,    percent, over, note) {
    if (!n[name]) return
    percent = n[name] < 100 ? 90 : 99
    over = bound && at(name, percent) > bound * 1000
    missed = missed || over
    if (bound) note = sprintf("   p%d <= %d ms: %s", percent, bound, over ? "NOT" : "ok")
    else if (name != base && n[base]) note = sprintf("   %+.2f", (at(name, 50) - at(base, 50)) / 1000)
    printf "%-32s %5d %8.2f %8.2f %8.2f%s\n", name, n[name], at(name, 50) / 1000, at(name, 99) / 1000, at(name, 100) / 1000, note
}
function count(kind, key) {
    if (!(key in all)) row[kind, ++rows[kind]] = key
    all[key]++; complete[key] += $7; right[key] += $8
}
# What is compared with each other.
{ kind = ($2 > 1 ? $2 " threads" : "1 thread") ($4 ? ", swap" : "") }
{ if (!(kind in known)) kinds[++n_kinds] = kind; known[kind]; add("freed: " kind ", " $3, $10) }
$3 == "without" { next }
{
    count(1, "all")
    count(2, $1 ? $1 " MiB/s" : "flat out")
    count(3, $2 " thread" ($2 > 1 ? "s" : ""))
    count(4, "memdoor " $3)
    count(5, $4 ? $4 " MiB of swap" : "no swap")
    count(6, $5)
    count(7, $6 == "none" ? "no record" : "record " ($6 == "disk" ? "on disk" : "in memory"))
    add("held, memdoor " $3, $9)
}
END {
    printf "%-32s %5s %8s %8s\n", "", "N", "complete", "right"
    for (kind = 1; kind <= 7; kind++)
        for (k = 1; k <= rows[kind]; k++) {
            key = row[kind, k]
            printf "%-32s %5d %8d %8d\n", key, all[key], complete[key], right[key]
        }
    printf "\n%-32s %5s %8s %8s %8s\n", "ms", "N", "p50", "p99", "most"
    figures("held, memdoor outside", 50)
    figures("held, memdoor inside", 100)
    for (k = 1; k <= n_kinds; k++) {
        base = "freed: " kinds[k] ", without"
        figures(base)
        figures("freed: " kinds[k] ", outside")
        figures("freed: " kinds[k] ", inside")
    }
    exit missed || complete["all"] < all["all"] || right["all"] < all["all"]
}

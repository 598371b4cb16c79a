//! Whom the OOM killer chooses: oom_badness() of mm/oom_kill.c, as pure functions of numbers.

/// What a task weighs, in pages: `rss`, `swap` and `tables` (of page tables), and `adj` thousandths of `scale`: all the memory there
/// is, RAM and swap, of the system or of the memory cgroup that is short.
///
/// The kernel divides the scale first, so that a small one rounds a small adjustment to nothing. Linux 2.6.36 to 4.16 also took 3 %
/// off what root's processes weigh. A task with [`NEVER`] is not chosen, whatever it weighs.
#[must_use]
pub fn badness(rss: u64, swap: u64, tables: u64, adj: i64, scale: u64) -> i64 {
    let held = rss.saturating_add(swap).saturating_add(tables);
    let held = i64::try_from(held).unwrap_or(i64::MAX);
    let unit = i64::try_from(scale / 1000).unwrap_or(i64::MAX);
    held.saturating_add(adj.saturating_mul(unit))
}

/// The oom_score_adj of tasks that are never chosen, OOM_SCORE_ADJ_MIN.
pub const NEVER: i64 = -1000;

/// What `/proc/PID/oom_score` says of such a badness (proc_oom_score() of fs/proc/base.c, Linux 5.9): 666 is nothing held and no
/// adjustment, 0 to 2000 the range. The division rounds towards nought.
#[must_use]
pub fn score(badness: i64, scale: u64) -> i64 {
    let scale = i128::from(scale.max(1));
    let score = (1000 + i128::from(badness) * 1000 / scale) * 2 / 3;
    i64::try_from(score).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_666_for_nothing_and_a_point_of_adjustment_is_two_thirds() {
        assert_eq!(score(0, 1 << 20), 666);
        assert_eq!(score(1 << 20, 1 << 20), 1333);
        assert_eq!(score(badness(0, 0, 0, 300, 1_000_000), 1_000_000), 866);
        assert_eq!(score(badness(0, 0, 0, -999, 1_000_000), 1_000_000), 0);
        assert_eq!(score(badness(0, 0, 0, 1000, 1_000_000), 1_000_000), 1333);
        assert_eq!(score(5, 0), 4000);
    }

    #[test]
    fn a_task_weighs_what_it_holds_and_thousandths_of_the_scale() {
        assert_eq!(badness(100, 20, 3, 0, 1 << 20), 123);
        assert_eq!(badness(100, 0, 0, 500, 10_999), 100 + 500 * 10);
        assert_eq!(badness(100, 0, 0, -999, 10_999), 100 - 999 * 10);
        assert_eq!(badness(100, 0, 0, 1000, 999), 100);
        assert_eq!(badness(u64::MAX, 1, 1, 1000, u64::MAX), i64::MAX);
        assert_eq!(badness(0, 0, 0, i64::MIN, u64::MAX), i64::MIN);
    }
}

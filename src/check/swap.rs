//! What the state of the swap means, and whether vm.swappiness fits it: pure functions of numbers.

use crate::units::{Bytes, Percent};

/// What the state of the swap means.
pub(super) fn verdict(total: Bytes, used: Bytes) -> &'static str {
    match Percent::of(used, total).map(|share| share.hundredths / 100) {
        None => "none: when memory is used up, the OOM killer comes at once",
        Some(90..) => "nearly full: the OOM killer is next",
        Some(50..) => "half used: as long as the pressure is low it works",
        Some(_) => "has room",
    }
}

/// What to change about `swappiness` where swap is there, if anything. Above 100 reading back costs less than reading files again (5.8).
pub(super) fn advice(swappiness: u64, total: Bytes, on_zram: Bytes) -> Option<&'static str> {
    match swappiness {
        _ if total == Bytes(0) => None,
        0 => Some("0 swaps next to nothing before the OOM killer comes; 60 is the default"),
        1..=99 if on_zram.0 >= total.0 / 2 => Some("zram is faster than any disk: 100 to 180 uses it sooner"),
        101.. if on_zram == Bytes(0) => Some("above 100 is for zram; 60 is the default"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_is_judged_by_how_full_it_is() {
        assert!(verdict(Bytes(0), Bytes(0)).starts_with("none"));
        assert_eq!(verdict(Bytes(1000), Bytes(499)), "has room");
        assert!(verdict(Bytes(1000), Bytes(500)).starts_with("half"));
        assert!(verdict(Bytes(1000), Bytes(900)).starts_with("nearly"));
    }

    #[test]
    fn swappiness_is_judged_by_where_the_swap_is() {
        let of = |swappiness, total, zram| advice(swappiness, Bytes(total), Bytes(zram)).is_some();
        assert!(!of(0, 0, 0), "without swap it means nothing");
        assert!(of(0, 8, 0));
        assert!(!of(60, 8, 0));
        assert!(of(60, 8, 8));
        assert!(!of(150, 8, 8));
        assert!(of(150, 8, 0));
        assert!(!of(100, 8, 0));
    }
}

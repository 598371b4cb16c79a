//! How full the cgroup that limits the target is.

use super::Memcg;
use crate::parse::cgroup::Version;
use crate::parse::memcg::Limit;
use crate::units::Bytes;

/// What is charged to the cgroup that limits the target.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    /// Its limit.
    pub limit: Bytes,
    /// All that is charged to it.
    pub usage: Option<Bytes>,
    /// The part of it that the kernel takes back before it kills.
    pub reclaimable: Option<Bytes>,
    /// What of it is in swap; `None` where swap is not counted by cgroup.
    pub swap: Option<Bytes>,
    /// How much of it may be in swap.
    pub swap_limit: Limit,
}

impl Charge {
    /// What of it can't be taken back, in memory and in swap.
    #[must_use]
    pub fn held(&self) -> Option<Bytes> {
        let memory = self.usage?.0.saturating_sub(self.reclaimable?.0);
        Some(Bytes(memory).plus(self.swap.unwrap_or_default()))
    }

    /// How much memory that can't be taken back it may have before the kernel kills in it: its limit and the swap that it may still get.
    #[must_use]
    pub fn most(&self, swap_free: Option<Bytes>) -> Bytes {
        let Some(used) = self.swap else {
            return self.limit;
        };
        let free = match self.swap_limit {
            Limit::At(most) => Bytes(most.0.saturating_sub(used.0)),
            Limit::None => Bytes(u64::MAX),
        };
        let free = free.min(swap_free.unwrap_or_default());
        self.limit.plus(used).plus(free)
    }
}

impl Memcg {
    /// How full the cgroup that limits the target is; `None` when none does.
    pub fn charge(&mut self) -> Option<Charge> {
        let (limit, at) = self.smallest().ok()??;
        let place = self.place.as_ref().ok()?;
        let levels = place.levels.as_ref().ok()?;
        let level = levels.get(at)?.as_ref()?;
        let (usage, swap) = (level.usage().ok(), level.swap().ok());
        let (swap, swap_limit) = match (place.version, swap, usage) {
            (Version::V2, Some((used, most)), _) => (Some(used), most),
            (Version::V1, Some((both, most)), Some(usage)) => {
                let less = |both: Bytes, memory: Bytes| Bytes(both.0.saturating_sub(memory.0));
                let most = match most {
                    Limit::At(both) => Limit::At(less(both, limit)),
                    Limit::None => Limit::None,
                };
                (Some(less(both, usage)), most)
            }
            _ => (None, Limit::None),
        };
        Some(Charge { limit, usage, reclaimable: level.reclaimable().ok(), swap, swap_limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_have_its_limit_and_the_swap_that_is_left_for_it() {
        let charge = |swap: Option<u64>, swap_limit| Charge {
            limit: Bytes(100),
            usage: None,
            reclaimable: None,
            swap: swap.map(Bytes),
            swap_limit,
        };
        let most = |charge: Charge, free: u64| charge.most(Some(Bytes(free))).0;
        assert_eq!(most(charge(Some(10), Limit::At(Bytes(50))), 1000), 150);
        assert_eq!(most(charge(Some(10), Limit::At(Bytes(50))), 5), 115);
        assert_eq!(most(charge(Some(0), Limit::None), 0), 100);
        assert_eq!(most(charge(Some(10), Limit::None), 30), 140);
        // Lowered while more was in use.
        assert_eq!(most(charge(Some(90), Limit::At(Bytes(50))), 1000), 190);
        assert_eq!(most(charge(None, Limit::None), 1000), 100);
        assert_eq!(charge(Some(10), Limit::None).most(None).0, 110);
    }
}

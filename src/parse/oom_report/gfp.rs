//! stub
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Zone {
    Dma,
    Dma32,
    Normal,
    HighMem,
    Movable,
}
pub struct Meaning {
    pub zone: Zone,
}
pub struct Names(u64);
impl Meaning {
    pub fn of_names(_: &[u8]) -> Self {
        Self {
            zone: Zone::Movable,
        }
    }
}
impl Names {
    pub fn meaning(&self) -> Meaning {
        Meaning {
            zone: Zone::Movable,
        }
    }
}
impl core::fmt::Display for Names {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("GFP")
    }
}
impl core::fmt::Display for Meaning {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a page")
    }
}
pub fn names(mask: u64, _: Option<&[u8]>) -> Option<Names> {
    Some(Names(mask))
}

//! bzip2: blocks of 900 kB at most, each with its checksum.

use bzip2::{Decompress, Status};

use super::{Member, Step, grown};
use crate::oomlog::source::{Packing, Trouble};

/// A stream that is unpacked.
pub(super) struct Stream(Decompress);

impl Member for Stream {
    const PACKING: Packing = Packing::Bzip2;

    fn new() -> Self {
        Self(Decompress::new(false))
    }

    fn is_start(bytes: &[u8]) -> bool {
        Packing::of(bytes) == Packing::Bzip2
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let before = [self.0.total_in(), self.0.total_out()];
        let done = self.0.decompress(input, out);
        let counts = [grown(before[0], self.0.total_in()), grown(before[1], self.0.total_out())];
        match done {
            Ok(Status::StreamEnd) => Step::End(counts),
            Ok(_) => Step::More(counts),
            Err(_) => Step::Failed(counts, Trouble::Damaged(Packing::Bzip2)),
        }
    }
}

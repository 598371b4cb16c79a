//! xz: streams one behind the other, with any check.

use lzma_rust2::{Action, Status, XzStream};
use std::io::ErrorKind;

use super::{Member, Step, WINDOW, grown};
use crate::oomlog::source::{Packing, Trouble};

/// A window, and what else the decoder takes of the limit.
const MEMORY_KIB: u32 = (64 << 10) + 1024;
const _: () = assert!(WINDOW == 64 << 20);

/// A stream that is unpacked.
pub(super) struct Stream(XzStream);

impl Member for Stream {
    const PACKING: Packing = Packing::Xz;

    fn new() -> Self {
        Self(XzStream::new_mem_limit(false, MEMORY_KIB))
    }

    fn is_start(bytes: &[u8]) -> bool {
        Packing::of(bytes) == Packing::Xz
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let before = [self.0.total_in(), self.0.total_out()];
        let done = self.0.process(input, out, Action::Run);
        let counts = [grown(before[0], self.0.total_in()), grown(before[1], self.0.total_out())];
        match done {
            Ok(done) if done.status == Status::StreamEnd => Step::End([done.bytes_consumed, done.bytes_produced]),
            Ok(done) => Step::More([done.bytes_consumed, done.bytes_produced]),
            Err(error) if error.kind() == ErrorKind::OutOfMemory => Step::Failed(counts, Trouble::Window(Packing::Xz)),
            Err(_) => Step::Failed(counts, Trouble::Damaged(Packing::Xz)),
        }
    }
}

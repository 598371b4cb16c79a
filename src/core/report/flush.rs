//! What others than the report may do with its output.

use crate::sys::out::Out;

/// The only thing that others than the report may do with its output.
pub trait Flush {
    /// Writes what is buffered.
    fn flush(&mut self);
    /// Whether something was cut since the last call, because it did not fit into memory.
    fn take_cut(&mut self) -> bool;
}

impl Flush for Out<'_> {
    fn flush(&mut self) {
        Out::flush(self);
    }

    fn take_cut(&mut self) -> bool {
        Out::take_cut(self)
    }
}

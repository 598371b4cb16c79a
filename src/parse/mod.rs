//! Kernel text and kernel structures to facts: bytes in, plain values out. No I/O, no heap, no panic.

pub mod net;

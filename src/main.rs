//! memdoor: the binary.
fn main() {}

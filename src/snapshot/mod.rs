//! One file per section of a snapshot.

pub mod sockets;

//! Kernel logs to what the OOM killer did: sources, prefixes, reports.
//!
//! Offline work, so it may allocate; what a log holds is unbounded, what is kept of it is not.

pub mod assemble;
pub mod escape;
pub mod event;
pub mod prefix;
pub mod record;

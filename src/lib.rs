//! memdoor: what a process looked like before the OOM killer took it.
//!
//! What may run while memory is short is the crate `memdoor-core` in `src/core/`, whose own code has no allocator: its documentation has the
//! idea, the map and the rules, and all of its modules are found here under the same names. What is only here looks once, or works offline,
//! and may allocate: it uses `String` and `Vec` plainly.
//!
//! | where | what |
//! |---|---|
//! | [`oomlog`] | kernel logs: where they are, what transports put before a message, what the OOM killer did |
//! | [`journal`] | files of systemd-journald: any field, any time, damaged ones and live ones; nothing of memdoor is known there |
//! | [`check`] [`scores`] [`protect`] [`dmesg`] [`once`] [`recover`] | one folder or file a mode; `once` is `memdoor snapshot` |
//! | `main.rs`, `cli/` | the binary: a command line to a mode to an exit code |

pub use memdoor_core::*;

pub mod check;
pub mod dmesg;
pub mod journal;
pub mod once;
pub mod oomlog;
pub mod protect;
pub mod recover;

pub mod scores;

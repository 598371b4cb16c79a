//! `memdoor monitor`: how memory goes over time, and who is growing.
//!
//! One engine: it takes a [`sample::Sample`] of the host, looks at every process ([`crowd`]) and cgroup ([`groups`]), asks
//! [`alerts`] what has changed, and hands all of it to where it is shown: files of a session, a screen, plain lines, a file for
//! Prometheus. Tables are [`sheet`]s, described once for CSV, text and JSON. At its end it sums up.

pub mod alerts;
mod clocks;
pub mod crowd;
pub mod files;
pub mod groups;
pub mod kills;
mod mapped;
pub mod options;
pub mod prometheus;
pub mod sample;
pub mod sheet;
pub mod sheets;
mod tmpfs;
pub mod view;

use super::Buffers;
use crate::exit::Exit;
use options::Options;

/// Runs it.
#[must_use]
#[inline(never)]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    let _ = (options, buffers);
    Exit::Error
}

//! What of memdoor may run while memory is short.
//!
//! # The idea
//! 1. The name of a kernel file, a section, a mode or a format is the name of its source file.
//! 2. Evidence flows one way: [`sys`] reads bytes, [`parse`] turns bytes into facts, [`report`] turns facts into bytes.
//! 3. What is unbounded (mappings, sockets, processes) is streamed row by row and never collected; bounded facts are plain structs
//!    beside their parser.
//! 4. Two phases: arming may take memory, open, read and fail loudly; what follows may not allocate and does not fault.
//! 5. A section that fails says why and the next one goes on; what was written is flushed. Some evidence beats none.
//!
//! # The map, low to high; a line uses only lines above it
//! | where | what |
//! |---|---|
//! | [`units`] [`fixed`] [`largest`] [`escape`] [`shell`] [`error`] [`exit`] | numbers with their unit, text of bounded length, the first few of many, the one form of hostile bytes and the one that may be typed, why something failed or is missing, exit codes |
//! | [`sys`] ([`sys::ours`]: what may be written to, and what root believes) · [`parse`] · [`trigger`] [`badness`] · [`history`] · [`pattern`] [`families`] [`essential`] | system calls (the only `unsafe`, the only descriptors) · kernel text to facts · when to report, whom the kernel kills · what the samples so far say · what processes are called, and what hangs on them |
//! | [`report`] · [`host`] · [`target`] · [`tmpfs`] · [`processes`] | facts to text, JSON or tables (of sys: only where to write and what time it is) · the machine · one process and its cgroup · what stays when processes end · all of them |
//! | [`victim`] | whom `kill` chooses of them |
//! | [`snapshot`] | one file for each section; its `mod.rs` is the order |
//! | [`refusal`] [`environment`] [`files`] [`looks`] [`own`] [`mode`] | what modes have in common |
//! | [`watch`] [`kill`] [`monitor`] | they decide |
//!
//! ```text
//! /proc/4242/maps -> Dir::file -> Lines (lent buffer) -> parse::maps::line -> Mapping<'_> -> Report::row -> Out -> fd
//!      kernel           sys             sys                    parse                            report       sys
//! ```
//!
//! # No heap
//! This crate is `no_std` and has no `extern crate alloc`: `Vec`, `String` and `format!` do not compile in it. Tables take their room from
//! [`sys::reserved::Reserved`] while arming, buffers are arguments lent by the caller, and a file that needs a descriptor or the allocator
//! of std says `extern crate std` itself (tests/all/layers.rs says for what). tests/no_heap.rs counts, and once a mode is armed
//! [`sys::heap::seal`] makes a build with debug assertions abort at the first allocation.
#![no_std]

pub mod badness;
pub mod cgroup;
pub mod cost;
pub mod environment;
pub mod error;
pub mod escape;
pub mod essential;
pub mod exit;
pub mod families;
pub mod files;
pub mod fixed;
pub mod history;
pub mod host;
pub mod kill;
pub mod largest;
mod listed;
pub mod looks;
pub mod mode;
pub mod monitor;
mod oom_kills;
pub mod own;
pub mod parse;
pub mod pattern;
pub mod processes;
pub mod refusal;
pub mod report;
pub mod sample;
pub mod shell;
pub mod snapshot;
pub mod sys;
pub mod target;
pub mod tmpfs;
pub mod trigger;
pub mod units;
pub mod victim;
pub mod watch;

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
//! | [`report`] · [`host`] · [`target`] · [`cgroup`] · [`tmpfs`] · [`processes`] | facts to text, JSON or tables (of sys: only where to write and what time it is) · the machine · one process · memory cgroups, its own or any · what stays when processes end · all of them |
//! | `oom_kills` | the one reader of the running kernel's OOM reports for what may run armed |
//! | [`victim`] | whom `kill` chooses of them |
//! | [`snapshot`] | one file for each section; its `mod.rs` is the order |
//! | [`refusal`] [`environment`] [`files`] [`identity`] [`own`] [`mode`] | what modes have in common |
//! | [`watch`] [`kill`] [`monitor`] | they decide |
//!
//! ```text
//! /proc/4242/maps -> Dir::file -> Lines (lent buffer) -> parse::maps::line -> Mapping<'_> -> Report::row -> Out -> fd
//!      kernel           sys             sys                    parse                            report       sys
//! ```
//!
//! # Words
//! The kernel's own names are spelled as it spells them: RSS, PSS, USS, comm, cmdline, oom_score_adj, memcg, PSI, pidfd. Beside them:
//!
//! | word | what it means here |
//! |---|---|
//! | armed | all that may fail loudly, allocate or fault was done: memory is locked, and from here on nothing allocates |
//! | target | the process that a watch or a snapshot is about |
//! | member | a target with all that its watch knows of it: a watch has a roster of them, which is of one for now |
//! | victim | the process that the kernel, or `kill`, ends |
//! | tree | a process with those of its descendants that may be ended with it |
//! | relative, kin | a process of the target's tree or cgroup; one that may share anonymous memory with another |
//! | snapshot | all sections about one process at one moment |
//! | death | the target in its exit stop, where its memory is still there |
//! | verdict | why a process ended, and what that rests on |
//! | evidence | what was read and stands in a report |
//! | record | the ring of snapshots in a file of fixed size that outlives memdoor |
//! | sample | figures of one moment that are kept for the history and the forecast |
//! | trigger | the condition on which a watch takes its first snapshot |
//! | reclaimable | memory that the kernel takes back before it kills |
//! | freeable | what the end of a process, or of a tree, gives back |
//! | held | freeable memory and what is not known of it; what ranks victims |
//! | badness | the kernel's own measure of a process: mm/oom_kill.c |
//! | constraint | what was short: the system, a cgroup at its limit, the nodes that a cpuset or a policy allows |
//! | grace period | the time between SIGTERM and SIGKILL |
//! | essential | a program on which the machine or a login hangs |
//! | family | programs that a person counts as one: a browser, a database |
//! | host, machine | where memdoor runs; where a log was written |
//! | absent | a value that is missing, with the reason |
//! | event | one line of JSON, by its event_name; of a log: one run of the OOM killer |
//! | fact, field | a value with its names; the same with the place it is found in, for tables |
//! | kept | a file that was opened once and is read again: at a cgroup's limit open(2) fails |
//! | helper, reader | a process of memdoor's own that reads what may block |
//! | hostile | bytes that somebody else chose: escaped once, at the output |
//! | prefix, form | what a transport puts before a kernel message; how a log is written |
//! | piece | a part of a log: one file of a rotation |
//! | ours | a file that memdoor wrote, known by its first line |
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
pub mod identity;
pub mod kill;
pub mod largest;
mod listed;
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

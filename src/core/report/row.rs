//! Unbounded facts: one of many.

use core::time::Duration;

use crate::error::Absent;
use crate::parse::maps::Mapping;
use crate::parse::net::Socket;
use crate::units::{Bytes, Percent, Pid};

/// One of many.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// A line of maps.
    Mapping(&'a Mapping<'a>),
    /// A TCP or UDP socket.
    Socket(&'a Socket),
    /// A process of the tree.
    Relative(&'a Relative<'a>),
    /// What was known at an earlier moment.
    Sample(&'a Sample),
    /// A mapping that has grown.
    Grower(&'a Grower),
}

/// A process that the target descends from, or that descends from it.
#[derive(Clone, Copy, Debug)]
pub struct Relative<'a> {
    /// How it is related.
    pub relation: Relation,
    /// Its number.
    pub pid: Pid,
    /// Its name.
    pub comm: Result<&'a [u8], Absent>,
    /// oom_score: 0 to 2000.
    pub oom_score: Result<i64, Absent>,
    /// oom_score_adj: -1000 to 1000.
    pub oom_score_adj: Result<i64, Absent>,
    /// VmRSS.
    pub rss: Result<Bytes, Absent>,
    /// VmSwap.
    pub swap: Result<Bytes, Absent>,
}

/// What was known at an earlier moment. What is `None` was not known then, and why is not kept.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Since 1970.
    pub time: Duration,
    /// Before the report.
    pub ago: Duration,
    /// RSS.
    pub rss: Option<Bytes>,
    /// Its anonymous part.
    pub anon: Option<Bytes>,
    /// VmSwap.
    pub swap: Option<Bytes>,
    /// MemAvailable.
    pub available: Option<Bytes>,
    /// Of the limiting cgroup.
    pub usage: Option<Bytes>,
    /// PSI of memory, `some avg10`.
    pub some: Option<Percent>,
    /// PSI of memory, `full avg10`.
    pub full: Option<Percent>,
}

/// A mapping that has grown since the first snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Grower {
    /// First address.
    pub start: u64,
    /// Address behind the last.
    pub end: u64,
    /// heap, anon, stack, file, shm or other.
    pub kind: &'static str,
    /// By how much.
    pub by: Bytes,
}

/// How a [`Relative`] is related to the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// The target itself or a process above it.
    Ancestor,
    /// A direct child.
    Child,
}

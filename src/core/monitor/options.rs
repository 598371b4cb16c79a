//! What was asked for.

use core::ffi::CStr;
use core::time::Duration;

use super::alerts::Limits;
use crate::cost::SelfReport;
pub use crate::report::table::Form;
use crate::units::Bytes;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// For how long.
    pub length: Duration,
    /// Between two samples.
    pub interval: Duration,
    /// Growth is looked for in the last samples: so many minutes of them.
    pub window: Duration,
    /// Where it goes.
    pub to: Destination<'a>,
    /// How tables are written. The memory file is CSV whatever is asked for.
    pub form: Form,
    /// How many processes and cgroups are named.
    pub top: usize,
    /// Whether PSS and USS of these are read, which takes their mmap_lock.
    pub deep: ReadPss,
    /// Whether all that is written is the analysis at the end.
    pub what: Output,
    /// When to raise an alert.
    pub limits: Limits,
    /// A file for node_exporter's textfile collector.
    pub prometheus: Option<&'a CStr>,
    /// A file of the session is rotated when it would get longer than this.
    pub most: Bytes,
    /// So many old files of each are kept.
    pub keep: u32,
    /// Whether an alert makes it end with 3.
    pub code: Code,
    /// Whether it says at its end what it cost.
    pub self_report: SelfReport,
}

/// Where it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination<'a> {
    /// One screen of a terminal, over and over.
    Screen(Color, Charset),
    /// Lines on standard output.
    Lines,
    /// Files of a session in this directory; `None`: where they go if nobody says otherwise.
    Files(Option<&'a CStr>),
}

/// Whether colours are used: not with NO_COLOR (no-color.org).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Color {
    Never,
    Always,
}

/// What bars are drawn with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Charset {
    Ascii,
    Utf8,
}

/// Whether PSS and USS are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ReadPss {
    #[default]
    No,
    Yes,
}

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Output {
    /// All samples.
    #[default]
    Samples,
    /// The analysis at the end, on standard output or in a file of its own.
    Analysis,
}

/// What an alert does to the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Code {
    /// Nothing.
    #[default]
    Done,
    /// It becomes 3.
    Found,
}

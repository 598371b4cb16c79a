//! Kernel logs to what the OOM killer did: sources, prefixes, reports.
//!
//! Offline work, so it may allocate; what a log holds is unbounded, what is kept of it is not.

pub mod analysis;
mod apart;
pub mod assemble;

mod buffer;
mod entry;
pub mod escape;
pub mod event;
pub mod feed;
pub mod form;
mod gunzip;
pub mod journal;
mod json;
pub mod live;
mod markup;
pub mod moment;
mod needle;
pub mod order;
pub mod places;
pub mod prefix;
mod quoted_printable;
pub mod record;
pub mod report;
mod scale;
pub mod scan;
pub mod seen;
pub mod shell;
pub mod source;
mod split;
pub mod start;
pub mod unit;
mod unpack;
mod unwrap;

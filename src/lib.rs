#![no_std]
//! wip
pub mod error;
pub mod exit;
pub mod fixed;
pub mod host;
pub mod modes;
pub mod parse;
pub mod report;
pub mod snapshot;
pub mod sys;
pub mod target;
pub mod trigger;
pub mod units;

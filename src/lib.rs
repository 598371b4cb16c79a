#![no_std]
//! wip
pub mod error;
pub mod exit;
pub mod fixed;
pub mod parse;
pub mod snapshot;
pub mod sys;
pub mod units;

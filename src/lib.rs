#![no_std]
//! wip
pub mod error;
pub mod exit;
pub mod fixed;
pub mod sys;
pub mod units;

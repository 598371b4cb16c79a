//! What every test file shares.

// Each test file is a crate of its own and uses a part of it.
#![allow(dead_code, unreachable_pub)]

pub mod elf;
pub mod gzip;
pub mod host;
pub mod journal;
pub mod json;
pub mod memcg;
pub mod monitored;
pub mod report;
pub mod run;
pub mod scene;
pub mod source;
pub mod stage;
pub mod target;
pub mod terminal;

use std::fs::OpenOptions;
use std::io::Write;

/// Reports the calling test as skipped, with the reason; the test then returns.
///
/// libtest can't skip at run time, and a test that passes without having tested is a lie. So the line goes to the file
/// named by `MEMDOOR_SKIPPED`, which scripts/test prints at its end, or else to standard error.
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {reason}\n", thread.name().unwrap_or("?"));
    // One write each: tests run in parallel.
    let written = std::env::var_os("MEMDOOR_SKIPPED")
        .and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok())
        .is_some_and(|mut file| file.write_all(line.as_bytes()).is_ok());
    if !written {
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

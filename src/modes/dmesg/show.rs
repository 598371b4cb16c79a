//! How events are shown, and whose they are.

extern crate alloc;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::{Logs, Options};
use crate::host::machine_id;
use crate::oomlog::report::Show;
use crate::oomlog::report::json::Json;
use crate::oomlog::report::text::{Order, Text};
use crate::report::Format;
use crate::report::escape::Escaped;
use crate::report::json::Envelope;
use crate::sys::system::Uname;

/// By format.
pub(super) fn show(options: &Options<'_>) -> Box<dyn Show> {
    match options.format {
        Format::Json => Box::new(Json::default()),
        Format::Text => Box::new(Text::new(subject(options), Order::Together)),
    }
}

/// What the report is about: `LAST 7 DAYS`, or the logs.
fn subject(options: &Options<'_>) -> String {
    match options.logs {
        Logs::Live => "the running kernel's log".into(),
        Logs::Root(path) => format!("{}", Escaped(path.to_bytes())),
        Logs::Named([]) => String::new(),
        Logs::Named([first, rest @ ..]) => {
            let first = Escaped(first.to_bytes());
            match rest.len() {
                0 => format!("{first}"),
                more => format!("{first} and {more} more"),
            }
        }
    }
}

/// This machine, for events of its own log.
pub(super) fn machine() -> Envelope {
    let uname = Uname::read();
    Envelope {
        host: uname.host,
        host_id: machine_id(),
        arch: uname.machine,
        release: uname.release,
        ..Envelope::default()
    }
}

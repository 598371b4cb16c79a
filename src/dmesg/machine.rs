//! What is known of the running machine: of the live log only.

use crate::fixed::Fixed;
use crate::host::machine_id;
use crate::oomlog::moment::Reference;
use crate::report::json::Envelope;
use crate::sys::clock::{Now, Zone, monotonic};
use crate::sys::input::Input;
use crate::sys::system::Uname;

/// Now, in microseconds since 1970.
pub(super) fn now_us() -> i64 {
    i64::try_from(Now::read().realtime.as_micros()).unwrap_or(i64::MAX)
}

/// What times of the live log are held against.
pub(super) fn live_reference() -> Reference {
    let now = now_us();
    let up = i64::try_from(monotonic().as_micros()).ok();
    Reference { latest_us: now, boot_us: up.and_then(|up| now.checked_sub(up)), zone: Zone::Local }
}

/// This machine, as far as there is something to tell: a rescue system has neither /proc nor /etc.
pub(super) fn machine() -> Envelope {
    let uname = Uname::read();
    let mut buf = [0; 64];
    let boot_id = Input::open(c"/proc/sys/kernel/random/boot_id")
        .and_then(|file| file.read(&mut buf))
        .map(|length| buf[..length].trim_ascii());
    Envelope {
        host: uname.host,
        host_id: machine_id(),
        arch: uname.machine,
        boot_id: Fixed::of(boot_id.unwrap_or_default()),
        release: uname.release,
        others: None,
        groups: None,
    }
}

//! An event's name, the same whenever and wherever it is read.
use core::time::Duration;

use crate::fixed::Fixed;
use crate::oomlog::event::{Event, Stamp};
use crate::report::time::{Precision, rfc3339};
use crate::sys::clock::{Zone, civil};

/// `BOOT:TIME:PID`: the boot's id, or nothing; seconds since boot, or the wall clock's time; the victim's pid, or `t` and the pid of
/// who asked for memory. All of it is what the log says: neither this machine's zone nor a file's age makes another event of it.
pub(super) fn of(event: &Event) -> Vec<u8> {
    let mut id = Vec::new();
    id.extend_from_slice(event.boot_id.as_deref().unwrap_or_default());
    id.push(b':');
    time(&mut id, &event.when);
    id.push(b':');
    let mut pid = Fixed::<32>::new();
    if let Some(victim) = &event.victim {
        pid.push_dec(victim.task.pid);
    } else {
        pid.push(b"t");
        if let Some(trigger) = event.trigger.pid {
            pid.push_dec(trigger);
        }
    }
    id.extend_from_slice(pid.as_bytes());
    id
}

fn time(id: &mut Vec<u8>, when: &Stamp) {
    if let Some(us) = when.boot_us {
        let mut text = Fixed::<32>::new();
        text.push_dec(us / 1_000_000).push(b".");
        // Six digits: the leading 1 keeps the zeros, and is not printed.
        let micros = us % 1_000_000 + 1_000_000;
        let mut digits = Fixed::<16>::new();
        digits.push_dec(micros);
        text.push(&digits.as_bytes()[1..]);
        id.extend_from_slice(text.as_bytes());
    } else if let Some(us) = when.wall_us.and_then(|us| u64::try_from(us).ok()) {
        let at = Duration::from_micros(us);
        let text = rfc3339(civil(at, Zone::Utc), at.subsec_micros(), Precision::Micros);
        id.extend_from_slice(text.as_bytes());
    } else if let Some(wall) = &when.wall {
        id.extend_from_slice(wall);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::event::Trigger;

    #[test]
    fn an_id_is_boot_time_and_pid() {
        let mut event = Event { trigger: Trigger { pid: Some(7), ..Trigger::default() }, ..Event::default() };
        assert_eq!(of(&event), b"::t7");
        event.when.wall = Some(b"Jan  7 03:19:32".into());
        assert_eq!(of(&event), b":Jan  7 03:19:32:t7");
        event.when.wall_us = Some(1_714_344_264_000_089);
        assert_eq!(of(&event), b":2024-04-28T22:44:24.000089Z:t7");
        event.when.boot_us = Some(12_000_345);
        event.boot_id = Some(b"a-b".into());
        assert_eq!(of(&event), b"a-b:12.000345:t7");
    }
}

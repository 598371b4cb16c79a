//! What systemd says of OOM kills in its units: it counts them by memory.events of the unit's cgroup, and knows neither victim nor reason.
//!
//! Its lines are no events, as the kernel's report is one. Where that is in no log, they are all that is left of a kill.

use super::record::Record;

/// Who ended a process of the unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The kernel's OOM killer.
    Kernel,
    /// systemd-oomd, whose kills have the same result, and which the kernel tells nothing of.
    Oomd,
}

/// A unit, and who ended a process of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said<'l> {
    /// `postgresql.service`, `session-4.scope`.
    pub unit: &'l [u8],
    /// By whom.
    pub by: By,
}

/// The types of units that have processes, or contain those that have.
const TYPES: [&[u8]; 6] = [b".service", b".scope", b".slice", b".socket", b".mount", b".swap"];

/// The longest name of a unit (UNIT_NAME_MAX of systemd).
const LONGEST: usize = 255;

/// What systemd (243 on; the result from 236 on) says of an OOM kill, where it is systemd that says it.
#[must_use]
pub fn said<'l>(record: &Record<'l>) -> Option<Said<'l>> {
    if !record.of_systemd {
        return None;
    }
    let text = record.text.trim_ascii_end();
    let colon = memchr::memmem::find(text, b": ")?;
    let (unit, words) = (&text[..colon], &text[colon + 2..]);
    let is_unit =
        unit.len() <= LONGEST && unit.iter().all(u8::is_ascii_graphic) && TYPES.iter().any(|kind| unit.ends_with(kind));
    let by = match words {
        b"A process of this unit has been killed by the OOM killer." | b"Failed with result 'oom-kill'." => By::Kernel,
        _ if words.starts_with(b"systemd-oomd killed ") => By::Oomd,
        _ => return None,
    };
    is_unit.then_some(Said { unit, by })
}

/// Whether a line's prefix ends with systemd's identifier: `systemd[1]: `, of a user's manager `systemd[1234]: `.
#[must_use]
pub fn is_of_systemd(prefix: &[u8]) -> bool {
    let inside = prefix.trim_ascii_end().strip_suffix(b"]:");
    let name =
        inside.map(|inside| &inside[..inside.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1)]);
    let before = name.and_then(|name| name.strip_suffix(b"systemd["));
    before.is_some_and(|before| before.last().is_none_or(|byte| *byte == b' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::prefix::record;

    #[test]
    fn only_systemd_says_it_and_only_of_units() {
        const KILL: &str = "A process of this unit has been killed by the OOM killer.";
        let of = |line: &str| said(&record(line.as_bytes())).map(|said| (said.unit.to_vec(), said.by));
        for (line, expected) in [
            (format!("Nov 21 10:08:31 web1 systemd[1]: db.service: {KILL}"), Some(By::Kernel)),
            (format!("2026-11-21T10:08:31.5+00:00 web1 systemd[812]: db.service: {KILL}"), Some(By::Kernel)),
            ("Nov 21 10:08:31 web1 systemd[1]: db.service: Failed with result 'oom-kill'.".into(), Some(By::Kernel)),
            (
                "Nov 21 10:08:31 web1 systemd[1]: db.service: systemd-oomd killed 3 process(es) in this unit.".into(),
                Some(By::Oomd),
            ),
            ("Nov 21 10:08:31 web1 systemd[1]: db.service: Failed with result 'exit-code'.".into(), None),
            (format!("Nov 21 10:08:31 web1 app[1]: db.service: {KILL}"), None),
            (format!("Nov 21 10:08:31 web1 notsystemd[1]: db.service: {KILL}"), None),
            (format!("Nov 21 10:08:31 web1 systemd[1]: word: {KILL}"), None),
            (format!("db.service: {KILL}"), None),
        ] {
            assert_eq!(of(&line), expected.map(|by| (b"db.service".to_vec(), by)), "{line}");
        }
    }
}

//! `--since-last FILE`: what earlier runs have shown, so that cron hears of each event once.
//!
//! Not a time up to which all is known: a clock that is set back, or a log that arrives late, would then hide an event. What is kept
//! is what tells events apart ([`crate::oomlog::seen`]), also of logs that are gone by now, or that can't be read today.
//! An event that `--victim`, `--cgroup`, `--since` or `--until` left out was shown to nobody, and is not kept.
//!
//! ```text
//! memdoor dmesg 1
//! floor -
//! 0123456789abcdef 12000345 1763719711000000L 0000 4d2c v
//! trouble 0123456789abcdef
//! end 2
//! ```
//! The floor is a time: when there were so many events that some were forgotten, what was before it is old. Of an event: who it killed, as a hash; when
//! since boot; when since 1970, and by what that is known; hashes of the host and of the boot; what the first hash tells. Of a
//! file that could not be read, or not to its end: a hash of its name, its size, its time and what was wrong.

use super::trouble::Troubles;
use super::words;
use crate::fixed::Fixed;
use crate::oomlog::moment::{By, Moment};
use crate::oomlog::seen::{Print, Seen, Tells, Where};
use crate::parse::{dec, hex, signed};
use crate::sys::file::File;
use crate::sys::lines::Lines;
use crate::sys::ours::{Kind, Refused, Replaced, Use, Why};
use crate::sys::out::{Broken, Out, Sink};
use crate::sys::{Errno, Result};

const HEAD: &[u8] = b"memdoor dmesg 1";

/// What such a file is: by its first line, whatever its version.
pub(super) static FILE: Kind = Kind {
    name: "state of memdoor dmesg",
    option: "--since-last FILE",
    is_ours: |beginning| beginning.starts_with(b"memdoor dmesg "),
    mode: 0o600,
    use_of_it: Use::Believed,
};

/// What earlier runs have said.
#[derive(Default)]
pub(super) struct State {
    pub(super) seen: Seen,
    pub(super) troubles: Troubles,
}

/// What the file at `path` remembers; nothing when there is none yet or it is empty, or when it is damaged, which is said.
pub(super) fn load(kept: &Replaced<'_>, path: &[u8]) -> core::result::Result<State, Refused> {
    let failed = |errno| Refused { at: Fixed::of(path), why: Why::Failed(errno) };
    kept.old()?.map_or_else(|| Ok(State::default()), |file| of(&file, path).map_err(failed))
}

fn of(file: &File, path: &[u8]) -> Result<State> {
    let mut state = State::default();
    if read(file, &mut state)?.is_none() {
        words::warn(path, format_args!("it is damaged: all events are new, and it is written anew"));
        return Ok(State::default());
    }
    Ok(state)
}

fn read(file: &File, state: &mut State) -> Result<Option<()>> {
    let mut buf = vec![0; 16 << 10];
    let mut lines = Lines::new(file, &mut buf);
    let (mut number, mut count) = (0_u64, 0);
    let mut is_whole = false;
    while let Some(line) = lines.next() {
        let line = line?;
        let mut words = line.split(|byte| *byte == b' ');
        let known = match (number, words.next(), words.next()) {
            (0, ..) => (line == HEAD).then_some(()),
            (1, Some(b"floor"), Some(time)) => optional(time, signed).map(|floor| state.seen.set_floor(floor)),
            (2.., Some(b"end"), Some(all)) => {
                is_whole = true;
                (dec(all) == Some(count)).then_some(())
            }
            (2.., Some(b"trouble"), Some(mark)) if !is_whole => {
                count += 1;
                hex(mark).map(|mark| state.troubles.remember(mark))
            }
            (2.., ..) if !is_whole => {
                count += 1;
                print(line).map(|print| state.seen.remember(print, Where::Earlier))
            }
            _ => None,
        };
        if known.is_none() {
            return Ok(None);
        }
        number += 1;
    }
    // An empty file remembers nothing: who made it had no run yet.
    Ok((is_whole || number == 0).then_some(()))
}

fn print(line: &[u8]) -> Option<Print> {
    let mut words = line.split(|byte| *byte == b' ');
    let mut word = || words.next();
    let print = Print {
        who: hex(word()?)?,
        boot_us: optional(word()?, dec)?,
        wall: optional(word()?, moment)?,
        host: u16::try_from(hex(word()?)?).ok()?,
        is_address: false,
        boot: u16::try_from(hex(word()?)?).ok()?,
        tells: match word()? {
            b"v" => Tells::Victim,
            b"p" => Tells::Pid,
            b"n" => Tells::Nothing,
            _ => return None,
        },
        written: 0,
        end: None,
    };
    word().is_none().then_some(print)
}

/// `-` is nothing.
fn optional<T>(word: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    if word == b"-" {
        return Some(None);
    }
    read(word).map(Some)
}

fn moment(word: &[u8]) -> Option<Moment> {
    let (by, us) = word.split_last()?;
    let by = match by {
        b'L' => By::Log,
        b'G' => By::Guess,
        b'C' => By::Clock,
        _ => return None,
    };
    Some(Moment { us: signed(us)?, by })
}

/// Writes what is remembered, all or nothing.
pub(super) fn save(kept: &mut Replaced<'_>, seen: &Seen, troubles: &Troubles) -> core::result::Result<(), Refused> {
    kept.replace(|file| {
        let mut buf = vec![0; 16 << 10];
        let mut out = Out::new(Sink::Fd(file), &mut buf);
        write(seen, troubles, &mut out);
        out.flush();
        match out.broken() {
            Some(Broken::Failed(errno)) => Err(errno),
            Some(_) => Err(Errno::EIO),
            None => Ok(()),
        }
    })
}

fn write(seen: &Seen, troubles: &Troubles, out: &mut Out<'_>) {
    use core::fmt::Write;
    out.put(HEAD);
    out.put(b"\nfloor ");
    match seen.floor_us() {
        Some(us) => out.put_dec(us),
        None => out.put(b"-"),
    }
    out.put(b"\n");
    let mut count = 0_u64;
    for print in seen.prints() {
        count += 1;
        write_print(print, out);
    }
    for mark in troubles.marks() {
        count += 1;
        let _ = writeln!(out, "trouble {mark:016x}");
    }
    out.put(b"end ");
    out.put_dec(count);
    out.put(b"\n");
}

fn write_print(print: &Print, out: &mut Out<'_>) {
    use core::fmt::Write;
    let _ = write!(out, "{:016x} ", print.who);
    match print.boot_us {
        Some(us) => out.put_dec(us),
        None => out.put(b"-"),
    }
    out.put(b" ");
    match print.wall {
        Some(wall) => {
            out.put_dec(wall.us);
            out.put(match wall.by {
                By::Log => b"L",
                By::Guess => b"G",
                By::Clock => b"C",
            });
        }
        None => out.put(b"-"),
    }
    let tells = match print.tells {
        Tells::Victim => 'v',
        Tells::Pid => 'p',
        Tells::Nothing => 'n',
    };
    let _ = writeln!(out, " {:04x} {:04x} {tells}", print.host, print.boot);
}

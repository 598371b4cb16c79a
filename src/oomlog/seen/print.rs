//! What tells an event from any other.

use crate::oomlog::apart::Apart;
use crate::oomlog::event::{Event, Outcome, Stamp, Task, Trigger, Victim};
use crate::oomlog::moment::Moment;
use crate::oomlog::record::When;

/// What an event is, in the few numbers that tell it from any other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Print {
    /// Who was killed and how large each of its sizes was; without a victim: who asked for what, and how it ended.
    pub who: u64,
    /// Since boot in microseconds.
    pub boot_us: Option<u64>,
    /// Since 1970 in microseconds.
    pub wall: Option<Moment>,
    /// The machine's name up to its domain, or its address; 0 when neither is known.
    pub host: u16,
    /// Whether that is an address: a server of logs writes the one or the other of one machine. Of earlier runs it is not known.
    pub is_address: bool,
    /// The boot, 0 when it is not known.
    pub boot: u16,
    /// How much `who` tells.
    pub tells: Tells,
    /// The wall clock's time as it is written, as a number; 0 when there is none. Of earlier runs it is not known.
    pub written: u64,
    /// When it ended; `None` where no line says how. Of earlier runs it is not known.
    pub end: Option<End>,
}

/// The times of the line that says how an event ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    boot_us: Option<u64>,
    wall: Option<Moment>,
    written: u64,
}

impl Print {
    /// The same event as a log has it which begins with its last line.
    #[must_use]
    pub fn at_end(&self) -> Option<Self> {
        let End { boot_us, wall, written } = self.end?;
        Some(Self { boot_us, wall, written, ..*self })
    }

    /// Takes over what another log says of the same event.
    pub fn learn(&mut self, other: &Self) {
        self.boot_us = self.boot_us.or(other.boot_us);
        self.wall = self.wall.or(other.wall);
        match (&mut self.end, other.end) {
            (Some(ours), Some(theirs)) => {
                ours.boot_us = ours.boot_us.or(theirs.boot_us);
                ours.wall = ours.wall.or(theirs.wall);
            }
            (ours, theirs) => *ours = ours.or(theirs),
        }
    }
}

/// How much is known of who was killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tells {
    /// Its pid and its sizes: hardly any two victims are the same.
    Victim,
    /// Its pid.
    Pid,
    /// Nothing but how it ended.
    Nothing,
}

/// What tells an event from any other.
#[must_use]
pub fn print(event: &Event, wall: Option<Moment>) -> Print {
    let mut hash = Hash::new();
    let tells = match &event.victim {
        Some(victim) => of_victim(&mut hash, victim),
        None => match &event.selected {
            Some(selected) => of_selected(&mut hash, selected),
            None => of_trigger(&mut hash, &event.trigger, event.outcome),
        },
    };
    Print {
        who: hash.end(),
        boot_us: event.when.boot_us,
        wall,
        host: short(event.host.as_deref().map(label)),
        is_address: event.host.as_deref().is_some_and(is_address),
        boot: short(event.boot_id.as_deref()),
        tells,
        written: written(&event.when),
        end: end(event, wall),
    }
}

fn written(stamp: &Stamp) -> u64 {
    stamp.wall.as_deref().map_or(0, |wall| Hash::new().text(Some(wall)).end())
}

/// The wall clock's time of the end is as well known as that of the beginning, so long after it.
fn end(event: &Event, wall: Option<Moment>) -> Option<End> {
    let ended = &event.ended;
    event.lines.end?;
    let when = When { boot_us: ended.boot_us, wall: ended.wall.as_deref(), wall_us: ended.wall_us };
    let later = Apart::of_lines(&event.when, &when).wall;
    let wall = wall.zip(later).and_then(|(wall, us)| Some(Moment { us: wall.us.checked_add(us)?, ..wall }));
    Some(End { boot_us: ended.boot_us, wall, written: written(ended) })
}

/// What tells the report that begins with this header from any other, wherever a copy of it is cut; without its header, or without
/// the time since boot, nothing does.
#[must_use]
pub fn beginning(event: &Event, wall: Option<Moment>) -> Option<Print> {
    let trigger = &event.trigger;
    let (gfp_mask, boot_us) = trigger.gfp_mask.zip(event.when.boot_us)?;
    let mut hash = Hash::new();
    // Its pid is on the next line.
    hash.number(Some(3)).text(trigger.comm.as_deref());
    hash.number(Some(gfp_mask));
    hash.number(trigger.order.map(i64::cast_unsigned));
    hash.number(Some(boot_us));
    Some(Print { who: hash.end(), tells: Tells::Nothing, end: None, ..print(event, wall) })
}

fn of_victim(hash: &mut Hash, victim: &Victim) -> Tells {
    hash.number(Some(1)).number(Some(victim.task.pid));
    hash.text(victim.task.comm.as_deref());
    for size in [victim.total_vm, victim.anon_rss, victim.file_rss, victim.shmem_rss] {
        hash.number(size.map(|bytes| bytes.0));
    }
    if victim.total_vm.or(victim.anon_rss).is_some() { Tells::Victim } else { Tells::Pid }
}

fn of_selected(hash: &mut Hash, selected: &Task) -> Tells {
    hash.number(Some(4)).number(Some(selected.pid)).text(selected.comm.as_deref());
    Tells::Pid
}

fn of_trigger(hash: &mut Hash, trigger: &Trigger, outcome: Outcome) -> Tells {
    hash.number(Some(2)).number(trigger.pid);
    hash.text(trigger.comm.as_deref());
    hash.number(trigger.gfp_mask);
    hash.number(trigger.order.map(i64::cast_unsigned));
    hash.number(Some(match outcome {
        Outcome::Killed => 0,
        Outcome::Panic => 1,
        Outcome::NoneKillable => 2,
        Outcome::Unknown => 3,
    }));
    if trigger.pid.is_some() { Tells::Pid } else { Tells::Nothing }
}

/// A name without its domain; an address as it is.
fn label(host: &[u8]) -> &[u8] {
    let end = host.iter().position(|byte| *byte == b'.').filter(|_| !is_address(host));
    &host[..end.unwrap_or(host.len())]
}

fn is_address(host: &[u8]) -> bool {
    core::str::from_utf8(host).is_ok_and(|host| host.parse::<core::net::IpAddr>().is_ok())
}

/// Two that differ are of different text; 0 is no text.
fn short(text: Option<&[u8]>) -> u16 {
    match text {
        None | Some([]) => 0,
        Some(text) => {
            let mut hash = Hash::new();
            let [a, b, ..] = hash.text(Some(text)).end().to_be_bytes();
            u16::from_be_bytes([a, b]).max(1)
        }
    }
}

/// The same number for the same words, today and in later runs.
#[must_use]
pub fn number(words: &[&[u8]]) -> u64 {
    let mut hash = Hash::new();
    for word in words {
        hash.text(Some(word));
    }
    hash.end()
}

/// FNV-1a, stirred once more at its end. A state file holds it: it may never change.
struct Hash(u64);

impl Hash {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self
    }

    fn number(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.bytes(b"+").bytes(&number.to_le_bytes()),
            None => self.bytes(b"-"),
        }
    }

    fn text(&mut self, text: Option<&[u8]>) -> &mut Self {
        let length = text.map(|text| text.len() as u64);
        self.number(length).bytes(text.unwrap_or_default())
    }

    const fn end(&self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^ (hash >> 33)
    }
}

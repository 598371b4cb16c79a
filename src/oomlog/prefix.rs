//! Reads what transports put before a kernel message off a line: any of them, in any order, mixed in one file.
//!
//! A line is a stack of prefixes: a container runtime's time, syslog's time, host and identifier, a level, the kernel's bracket,
//! the caller. Each step takes one off the front; when none matches, the rest is the text. What a step does not know for certain it
//! leaves alone: a prefix too many in the text is better than a word too few.

mod around;
mod bracket;
mod kmsg;
mod stamp;
mod tag;
mod word;

pub(in crate::oomlog) use kmsg::caller;

use super::escape::skip_colour;
use super::record::{Caller, Origin, Record, When};
use super::unit::is_of_systemd;
use crate::parse;

/// No line seen so far has more than six; a hostile one may not cost more than this.
const PREFIXES: usize = 12;

/// How far into a line a prefix may begin behind words that nobody knows: a file name by grep, a pod and its container.
const UNKNOWN: usize = 160;

/// A line without its prefixes. Any bytes will do; a newline at the end may be there or not.
#[must_use]
pub fn record(line: &[u8]) -> Record<'_> {
    let line = around::unquoted(around::trim(line));
    let mut head = Head::new(line);
    if kmsg::is_property(head.rest) {
        head.rest = &head.rest[head.rest.len()..];
    }
    for _ in 0..PREFIXES {
        if !head.step() {
            break;
        }
    }
    Record {
        text: head.rest,
        line,
        when: head.when,
        origin: head.origin,
        caller: head.caller,
        host: head.host,
        boot_id: None,
        behind: head.behind,
        of_systemd: head.origin == Origin::Other && is_of_systemd(&line[..line.len() - head.rest.len()]),
        is_unverified: false,
    }
}

/// Since 1970 in microseconds, of a complete time alone.
pub(super) fn wall_us(text: &[u8]) -> Option<i64> {
    let (stamp, rest) = stamp::wall(text)?;
    stamp.when.wall_us.filter(|_| rest.is_empty())
}

/// `12.345678` in microseconds.
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    bracket::boot(text)
}

/// Whether more of what comes may be somebody's prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has been taken off yet.
    Start,
    /// Inside what transports wrote.
    Transport,
    /// Inside what printk wrote: only levels, brackets and callers are left.
    Printk,
    /// This is the text.
    Text,
}

/// A line and what has been read off its front.
struct Head<'l> {
    rest: &'l [u8],
    when: When<'l>,
    origin: Origin,
    caller: Option<Caller>,
    host: Option<&'l [u8]>,
    behind: Option<&'l [u8]>,
    stage: Stage,
}

impl<'l> Head<'l> {
    fn new(line: &'l [u8]) -> Self {
        Self {
            rest: line,
            when: When::default(),
            origin: Origin::Unknown,
            caller: None,
            host: None,
            behind: None,
            stage: Stage::Start,
        }
    }

    /// Takes one prefix off; `false` when there is none.
    fn step(&mut self) -> bool {
        self.rest = skip_colour(self.rest);
        let took = match self.stage {
            Stage::Start | Stage::Transport => self.transport(),
            Stage::Printk => self.bracket().or_else(|| self.level()).or_else(|| self.task()),
            Stage::Text => None,
        };
        took.is_some()
    }

    fn transport(&mut self) -> Option<()> {
        // The first byte rules most of them out.
        let first = *self.rest.first()?;
        match first {
            b'<' => self.level(),
            b'[' => self.bracket(),
            b' ' | b'0'..=b'9' if self.stage == Stage::Start && self.torn().is_some() => Some(()),
            b'0'..=b'9' => self.kmsg().or_else(|| self.stamp()).or_else(|| self.unknown()),
            b'I' | b'W' | b'E' | b'F' if stamp::klog(self.rest).is_some() => self.klog(),
            _ => self.identifier().or_else(|| self.facility()).or_else(|| self.stamp()).or_else(|| self.unknown()),
        }
    }

    /// `/dev/kmsg` and extended netconsole: `6,1234,5678901,-,caller=T12;`.
    fn kmsg(&mut self) -> Option<()> {
        let record = parse::kmsg::record(self.rest)?;
        self.when.boot_us = Some(record.boot_us);
        let mut fields = record.more.split(|byte| *byte == b',');
        self.caller = fields.find_map(|field| caller(field.strip_prefix(b"caller=")?));
        self.says(origin_of(record.priority));
        self.take(record.text, Stage::Printk)
    }

    /// `<4>`, of dmesg -r, consoles and syslog on the wire; and `<4>1 `, with which RFC 5424 begins.
    fn level(&mut self) -> Option<()> {
        let (priority, rest) = kmsg::level(self.rest)?;
        if self.stage == Stage::Printk {
            return self.take(rest, Stage::Printk);
        }
        self.says(origin_of(priority));
        if let Some((when, tag)) = tag::rfc5424(rest) {
            self.stamped(when);
            self.says(tag.origin);
            self.host = self.host.or(tag.host);
            return self.take(tag.rest, Stage::Printk);
        }
        self.take(rest, Stage::Transport)
    }

    /// `kern  :warn  : ` of dmesg -x.
    fn facility(&mut self) -> Option<()> {
        let (origin, rest) = kmsg::facility(self.rest)?;
        self.says(origin);
        self.take(rest, Stage::Transport)
    }

    /// `kernel: ` without a time, and `app[123]: `.
    fn identifier(&mut self) -> Option<()> {
        let tag = tag::alone(self.rest)?;
        self.said_by(tag)
    }

    /// klog's header, whose program prints what the kernel said as it is, or words of its own.
    fn klog(&mut self) -> Option<()> {
        let (stamp, rest) = stamp::klog(self.rest)?;
        self.stamped(stamp.when);
        self.take(rest, Stage::Transport)
    }

    /// A wall clock time, then what may stand between it and the message.
    fn stamp(&mut self) -> Option<()> {
        let (stamp, rest) = stamp::wall(self.rest)?;
        self.stamped(stamp.when);
        if stamp.is_dmesg {
            self.says(Origin::Kernel);
            return self.take(rest, Stage::Printk);
        }
        if let Some(rest) = tag::stream(rest) {
            return self.take(rest, Stage::Transport);
        }
        if let Some(tag) = tag::after_time(rest) {
            return self.said_by(tag);
        }
        self.take(rest, Stage::Transport)
    }

    fn bracket(&mut self) -> Option<()> {
        let (bracket, rest) = bracket::bracket(self.rest)?;
        match bracket {
            bracket::Bracket::Boot(us) => {
                self.when.boot_us = Some(us);
                self.says(Origin::Kernel);
                // journalctl short-monotonic has a host and an identifier behind its bracket.
                if let Some(tag) = tag::after_bracket(rest) {
                    return self.said_by(tag);
                }
            }
            bracket::Bracket::Delta => self.says(Origin::Kernel),
            bracket::Bracket::Dmesg(when) if self.stage != Stage::Printk => {
                self.stamped(when);
                self.says(Origin::Kernel);
            }
            bracket::Bracket::Caller(caller) => self.caller = Some(caller),
            bracket::Bracket::Stamp(when) if self.stage != Stage::Printk => {
                self.stamped(when);
                return self.take(rest, Stage::Transport);
            }
            bracket::Bracket::Pod if self.stage != Stage::Printk => {
                return self.take(rest, Stage::Transport);
            }
            _ => return None,
        }
        self.take(rest, Stage::Printk)
    }

    /// What some vendors' kernels print behind the time.
    fn task(&mut self) -> Option<()> {
        let (caller, rest) = bracket::task(self.rest)?;
        self.caller = Some(caller);
        self.take(rest, Stage::Printk)
    }

    /// The time since boot without its first bracket, as somebody's selection or a torn first line has it.
    fn torn(&mut self) -> Option<()> {
        let (us, rest) = bracket::torn(self.rest)?;
        self.when.boot_us = Some(us);
        self.says(Origin::Kernel);
        self.take(rest, Stage::Printk)
    }

    /// Words that nobody knows, when a prefix that can't be mistaken stands behind them.
    fn unknown(&mut self) -> Option<()> {
        if self.stage != Stage::Start {
            return None;
        }
        let near = &self.rest[..self.rest.len().min(UNKNOWN)];
        let starts = near
            .iter()
            .enumerate()
            .filter(|(_, byte)| matches!(byte, b' ' | b':' | b'\t' | b'|' | b'-' | b',' | b'"'))
            .map(|(at, _)| at + 1)
            .take(PREFIXES);
        for start in starts {
            let rest = &self.rest[start..];
            if is_certain(rest) && !tag::is_header_of_a_comm(after_bracket(rest)) {
                if near[..start].windows(2).any(|pair| pair == b": ") {
                    // A program that prints what it read, or a host's name: a report's header may tell.
                    self.says(Origin::Other);
                    self.behind = Some(near[..start].trim_ascii());
                }
                return self.take(column(near, start, rest), Stage::Transport);
            }
        }
        None
    }

    /// What follows an identifier: the kernel's own prefixes, or somebody else's text.
    fn said_by(&mut self, tag: tag::Tag<'l>) -> Option<()> {
        self.says(tag.origin);
        self.host = self.host.or(tag.host);
        let stage = match tag.origin {
            Origin::Kernel => Stage::Printk,
            Origin::Other => Stage::Text,
            Origin::Unknown => Stage::Transport,
        };
        self.take(tag.rest, stage)
    }

    /// Somebody else's word stays theirs, whatever they quote.
    fn says(&mut self, origin: Origin) {
        if self.origin != Origin::Other && origin != Origin::Unknown {
            self.origin = origin;
        }
    }

    /// A complete time is worth more than one without a year; of two, the inner one is nearer to the event.
    fn stamped(&mut self, when: When<'l>) {
        if when.wall_us.is_some() || self.when.wall_us.is_none() {
            self.when.wall = when.wall;
            self.when.wall_us = when.wall_us;
        }
    }

    fn take(&mut self, rest: &'l [u8], stage: Stage) -> Option<()> {
        self.rest = rest;
        self.stage = stage;
        Some(())
    }
}

/// The column of CSV that begins behind a comma or a quote, without those behind it: the quote that ends it, or a number that is a time.
fn column<'l>(near: &[u8], start: usize, rest: &'l [u8]) -> &'l [u8] {
    let ends = |at: &usize| rest[*at] == b'"' && matches!(rest.get(at + 1), None | Some(b','));
    match near.get(start - 1) {
        Some(b'"') => &rest[..(0..rest.len()).find(ends).unwrap_or(rest.len())],
        Some(b',') => match memchr::memrchr(b',', rest) {
            Some(comma) if rest.len() > comma + 10 && rest[comma + 1..].iter().all(u8::is_ascii_digit) => {
                &rest[..comma]
            }
            _ => rest,
        },
        _ => rest,
    }
}

/// Syslog's facility is all but the lowest three bits, and the kernel's is 0: syslog(2).
const fn origin_of(priority: u64) -> Origin {
    if priority < 8 { Origin::Kernel } else { Origin::Other }
}

/// Prefixes that no message contains by chance.
fn is_certain(text: &[u8]) -> bool {
    matches!(bracket::bracket(text), Some((bracket::Bracket::Boot(_), _)))
        || parse::kmsg::record(text).is_some()
        || kmsg::facility(text).is_some()
        || kmsg::level(text)
            .is_some_and(|(_, rest)| matches!(bracket::bracket(rest), Some((bracket::Bracket::Boot(_), _))))
        || stamp::wall(text).is_some()
}

fn after_bracket(text: &[u8]) -> &[u8] {
    bracket::bracket(text).map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests;

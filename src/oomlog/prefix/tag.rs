//! Who said it: syslog's host and identifier, RFC 5424's header, a container's stream.

use super::bracket;
use super::kmsg::dotted;
use super::stamp;
use super::word::{blank, digits, word};
use crate::oomlog::record::{Origin, When};

/// Identifiers under which the kernel's messages are logged.
const KERNEL: [&[u8]; 3] = [b"kernel", b"kernel[0]", b"klogd"];

/// One more of old syslog daemons, behind a time alone: without one it may be anybody's word.
const OLD: &[u8] = b"vmunix:";

/// Words that end with a colon and begin a line of the kernel's report: behind a time without an identifier they are text.
const TEXT: [&[u8]; 22] = [
    b"Mem-Info:",
    b"Mem-info:",
    b"memory:",
    b"memory+swap:",
    b"swap:",
    b"kmem:",
    b"oom_reaper:",
    b"CPU:",
    b"Pid:",
    b"Code:",
    b"RIP:",
    b"RSP:",
    b"DMA:",
    b"DMA32:",
    b"Normal:",
    b"HighMem:",
    b"sysrq:",
    b"SysRq:",
    b"Workqueue:",
    b"Trace:",
    b"trace:",
    b"name:",
];

/// The words in which an identifier may be looked for: `host Web Content[123]:`.
const WORDS: usize = 5;

/// Who said it, on which machine, and what.
pub(super) struct Tag<'l> {
    pub(super) origin: Origin,
    pub(super) host: Option<&'l [u8]>,
    pub(super) rest: &'l [u8],
}

/// `kernel: ` or `app[123]: ` at the very start of a line.
pub(super) fn alone(line: &[u8]) -> Option<Tag<'_>> {
    // `host kernel: `, whose time was cut away.
    let (host, behind) = word(line);
    let is_host = !host.starts_with(b"[") && !host.ends_with(b":");
    if is_host && let Some((Who::Kernel, rest)) = identifier(behind) {
        // `user.warn kernel: ` is what a process has written to /dev/kmsg.
        return Some(Tag { origin: dotted(host).unwrap_or(Origin::Kernel), host: Some(host), rest });
    }
    let (first, rest) = identifier(line)?;
    let origin = match first {
        Who::Kernel => Origin::Kernel,
        Who::Process => Origin::Other,
        Who::Name => return None,
    };
    Some(Tag { origin, host: None, rest })
}

/// What is between a time and the message: `host kernel: `, `kernel: `, `host kern.warn kernel: `, `host app[12]: `.
pub(super) fn after_time(text: &[u8]) -> Option<Tag<'_>> {
    let mut rest = text;
    let mut host = None;
    let mut origin = Origin::Unknown;
    for at in 0..WORDS {
        let here = rest;
        if at < 2 && TEXT.contains(&word(here).0) {
            return None;
        }
        // A host, and at once what the kernel said.
        if at == 1 && is_boot_time(here) {
            let origin = Origin::Kernel;
            let rest = here;
            return Some(Tag { origin, host, rest });
        }
        let old = here.strip_prefix(OLD).map(|rest| (Who::Kernel, blank(rest)));
        match old.or_else(|| identifier(here)) {
            Some((Who::Kernel, rest)) => {
                // A facility outranks the identifier: klogd hands on what processes write to /dev/kmsg, too.
                if origin == Origin::Unknown {
                    origin = Origin::Kernel;
                }
                return Some(Tag { origin, host, rest });
            }
            Some((Who::Process, rest)) => {
                let origin = Origin::Other;
                return Some(Tag { origin, host, rest });
            }
            // A name alone is one behind the host at most, or behind a facility.
            Some((Who::Name, rest)) if at < 2 || origin != Origin::Unknown => {
                let origin = if origin == Origin::Kernel { origin } else { Origin::Other };
                return Some(Tag { origin, host, rest });
            }
            _ => {}
        }
        let (this, behind) = word(rest);
        if let Some(found) = dotted(this.strip_suffix(b":").unwrap_or(this)) {
            origin = found;
        } else if at == 0 && !this.is_empty() {
            host = Some(this);
        }
        rest = behind;
    }
    None
}

fn is_boot_time(text: &[u8]) -> bool {
    matches!(bracket::bracket(text), Some((bracket::Bracket::Boot(_), _)))
}

/// journalctl short-monotonic: `host kernel: ` or `host app[12]: `; a kernel's message begins with neither.
pub(super) fn after_bracket(text: &[u8]) -> Option<Tag<'_>> {
    let (host, behind) = word(text);
    let alone = identifier(text).filter(|(who, _)| *who == Who::Process);
    // A caller is no host.
    let is_host = host.first().is_some_and(|byte| *byte != b'[');
    let with_host = || identifier(behind).filter(|(who, _)| is_host && *who != Who::Name);
    let host = if alone.is_some() { None } else { Some(host) };
    let (who, rest) = alone.or_else(with_host)?;
    let origin = match who {
        Who::Kernel => Origin::Kernel,
        _ => Origin::Other,
    };
    Some(Tag { origin, host, rest })
}

/// Whether this is a line `x[1]: invoked oom-killer: ...`, in which the identifier is a process's name. One blank is between the two:
/// where there are more, they are the name.
pub(super) fn is_header_of_a_comm(rest: &[u8]) -> bool {
    blank(rest).starts_with(b"invoked oom-killer")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Kernel,
    /// With its pid.
    Process,
    /// A word with a colon, which a message may begin with too.
    Name,
}

/// An identifier at the start of the text, and what is behind its colon and one blank.
fn identifier(text: &[u8]) -> Option<(Who, &[u8])> {
    if let Some(rest) = text.strip_prefix(b"kernel:")
        && !is_header_of_a_comm(rest)
    {
        return Some((Who::Kernel, blank(rest)));
    }
    let (first, rest) = word(text);
    let name = first.strip_suffix(b":")?;
    if name.is_empty() || is_header_of_a_comm(rest) {
        return None;
    }
    if KERNEL.contains(&name) {
        return Some((Who::Kernel, rest));
    }
    let pid = name.strip_suffix(b"]").and_then(|name| {
        let open = name.iter().rposition(|byte| *byte == b'[')?;
        Some(&name[open + 1..])
    });
    match pid {
        Some(pid) if !pid.is_empty() && digits(pid) == pid.len() => Some((Who::Process, rest)),
        _ => Some((Who::Name, rest)),
    }
}

/// `stdout F `, between CRI's time and the line.
pub(super) fn stream(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"stdout ").or_else(|| text.strip_prefix(b"stderr "))?;
    Some(match rest {
        [b'F' | b'P', b' ', rest @ ..] => rest,
        _ => rest,
    })
}

/// Behind `<4>`: `1 2026-11-21T10:08:31Z host kernel - - - `, and structured data in the last's place.
pub(super) fn rfc5424(text: &[u8]) -> Option<(When<'_>, Tag<'_>)> {
    let rest = text.strip_prefix(b"1 ")?;
    let (when, rest) = match rest.strip_prefix(b"- ") {
        Some(rest) => (When::default(), rest),
        None => stamp::wall(rest).map(|(stamp, rest)| (stamp.when, rest))?,
    };
    let (host, rest) = word(rest);
    let (app, rest) = word(rest);
    let (_process, rest) = word(rest);
    let (_message, rest) = word(rest);
    let rest = structured_data(rest)?;
    let origin = if app == b"kernel" { Origin::Kernel } else { Origin::Other };
    let tag =
        Tag { origin, host: (host != b"-").then_some(host), rest: rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest) };
    Some((when, tag))
}

/// `-` or `[id key="value"][...]`; a bracket inside of a value is escaped.
fn structured_data(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(blank(rest));
    }
    let mut rest = text;
    // `[  12.3] `, a message where structured data should be, has no identifier behind its bracket.
    while rest.first() == Some(&b'[') && rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
        let end = rest.windows(2).position(|pair| pair[1] == b']' && pair[0] != b'\\')?;
        rest = &rest[end + 2..];
    }
    Some(blank(rest))
}

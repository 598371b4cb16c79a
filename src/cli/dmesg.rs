//! `memdoor dmesg FILE`, `memdoor oom FILE`.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::Parser;
use memdoor::dmesg::{Boot, Filter, Logs, Machines, OnFound, Options, Subject};
use memdoor::oomlog::moment;
use memdoor::oomlog::report::Typed as When;
use memdoor::report::Format;
use memdoor::report::escape::Escaped;
use memdoor::sys::clock::Zone;

use super::options::{Asked, Config, Mode, Operands, Rule, option};
use super::values::{self, Kind, kept, quoted};
use super::{Command, Result, UsageError};

/// What was typed for kernel logs.
#[derive(Default)]
pub(super) struct Typed {
    operands: Vec<CString>,
    root: Option<CString>,
    since: Option<Time>,
    until: Option<Time>,
    days: Option<Time>,
    boot: Option<(Boot, OsString)>,
    is_all: bool,
    machines: Machines,
    victim: Option<OsString>,
    cgroup: Option<Vec<u8>>,
    format: Format,
    on_found: OnFound,
    is_followed: bool,
    since_last: Option<CString>,
}

/// A time in microseconds since 1970, and how it was typed.
type Time = (i64, OsString);

const LIVE_ALONE: &str = "--follow is of the live log and nothing else";

/// Days of `--analyze-oom` without a number.
const DAYS: Kind<Time> = values::DAYS.or("DAYS", "7");

const BOOT: Kind<(Boot, OsString)> = Kind {
    word: values::BOOT.word,
    allowed: values::BOOT.allowed,
    left_out: "",
    read: |text| Ok(((values::BOOT.read)(text)?, text.into())),
};

pub(super) const MODE: Mode<Typed> = Mode {
    name: "dmesg",
    usage: &["memdoor dmesg [FILE|DIR|-]..."],
    about: "Reads kernel logs and says what the OOM killer did, to whom, why, and what to change. An event that several logs have is \
            shown once. memdoor oom is the same.",
    operands: Operands::Each(|typed, operand| {
        let wrong = || UsageError::new(format!("{} is no path", quoted(operand)));
        typed.operands.push((values::OPERAND.read)(operand).map_err(|_| wrong())?);
        Ok(())
    }),
    described: &[
        ("FILE", "a log in any form, plain or packed, a file of the journal, or a FIFO; - is standard input"),
        (
            "DIR",
            "every log in it, rotated ones oldest first, and the journals. Without either: the running kernel's log, by /dev/kmsg or \
             syslog(2); with --all, --boot or a time also this machine's journals, kern.log, messages, syslog, dmesg and those of crashes",
        ),
    ],
    options: &[
        option!(
            "--root",
            values::ROOT,
            |o, v| o.root = Some(v),
            "the logs of the system whose / is DIR: its journal, /var/log, pstore, /var/crash; its links lead nowhere outside of it"
        ),
        option!("--all", |o| o.is_all = true, "all logs of this machine, of any time"),
        option!(
            "--all-machines",
            |o| o.machines = Machines::All,
            "the same, and journals of other machines that are kept here"
        ),
        option!(
            "--boot",
            BOOT,
            |o, v| o.boot = Some(v),
            "only events of that boot: 0 is the last one, -1 the one before it"
        ),
        option!("--since", values::TIME, |o, v| o.since = Some(v), ""),
        option!(
            "--until",
            values::TIME,
            |o, v| o.until = Some(v),
            "only events of that time, and those whose time nothing tells but that the log is newer. --since may not be to come. 2026-11-21T10:08:31Z, \
             '2026-11-21 10:08', 2026-11-21 (its midnight), 10:08, today, yesterday, now, 2h, 30m, 7d, '2 hours ago', @SECONDS. A log \
             that begins later is named: exit code 4"
        ),
        option!("--days", values::DAYS, |o, v| o.days = Some(v), "since N times 24 hours ago"),
        option!(
            "--analyze-oom",
            DAYS,
            |o, v| o.days = Some(v),
            "the same; without a number 7. Also without dmesg before it"
        ),
        option!(
            "--victim",
            values::VICTIM,
            |o, v| o.victim = Some(v),
            "only events that killed it, and those whose victim the log does not name; NAME* is any that begins so"
        ),
        option!(
            "--cgroup",
            values::CGROUP,
            |o, v| o.cgroup = Some(v),
            "only events in that cgroup or below it, and those whose cgroup the log does not name"
        ),
        option!("--format", values::FORMAT, |o, v| o.format = v, "text, or json: one object a line").default("text"),
        option!(
            "--follow",
            |o| o.is_followed = true,
            "waits for new events of the live log and shows each at once; ends with SIGINT or SIGTERM"
        ),
        option!(
            "--since-last",
            values::SHOWN_FILE,
            |o, v| o.since_last = Some(v),
            "only events that no run with this file has shown yet; nothing is printed when there is none. For cron. It is a file of \
             memdoor's own, or not there yet"
        ),
        option!("--fail-on-oom", |o| o.on_found = OnFound::Found, "exit code 3 when there was an event"),
    ],
    rules: &[
        Rule::Not("follow", "root", LIVE_ALONE),
        Rule::Not("follow", "since-last", "--follow shows what comes from now on, and remembers nothing"),
        Rule::Not("since", "days", "both say from when on; one of them is enough"),
        Rule::Not("since", "analyze-oom", "both say from when on; one of them is enough"),
        Rule::Not("days", "analyze-oom", "both say from when on; one of them is enough"),
        Rule::Not("follow", "all", LIVE_ALONE),
        Rule::Not("follow", "all-machines", LIVE_ALONE),
        Rule::Not("follow", "boot", LIVE_ALONE),
    ],
    config: Config::None,
    more: "\
examples:
  memdoor dmesg                          what this kernel has in its log
  memdoor dmesg --days 7                 the last week, by all logs here
  memdoor dmesg --boot -1                the boot before this one
  memdoor dmesg /var/log --since 2h      the logs of a directory
  zcat old.gz | memdoor dmesg - --victim 'java*'
  memdoor dmesg --root /mnt/sysroot --format json
",
    codes: &[
        (0, "done, or the reader has gone (| head)"),
        (1, "error: nothing could be read, or not all be written"),
        (2, "the command line is wrong"),
        (3, "there was an event, and --fail-on-oom asks"),
        (4, "done, but a log could not be read, or not to its end, or begins after --since or --days"),
    ],
};

/// Parses the command line of `memdoor dmesg`.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    Ok(match MODE.read(Typed::default(), parser)? {
        Asked::Print(text) => Command::shown(text),
        Asked::Run(typed) => {
            typed.check()?;
            Command::Dmesg(Box::new(typed.options()))
        }
    })
}

impl Typed {
    fn options(self) -> Options<'static> {
        let subject = kept(self.subject());
        let is_system = self.asks_for_more();
        let us = |time: &Option<Time>| time.as_ref().map(|(us, _)| *us);
        let (since_us, until_us) = (us(&self.since).or(us(&self.days)), us(&self.until));
        let victim = self.victim.map(|victim| values::who(kept(victim)));
        let cgroup = self.cgroup.map(kept::<[u8]>);
        let logs = match self.root {
            Some(root) => Logs::Root(kept(root), self.machines),
            None if self.is_followed => Logs::Follow,
            None if is_system => Logs::System(self.machines),
            None if self.operands.is_empty() => Logs::Live,
            None => Logs::Named(kept(self.operands)),
        };
        Options {
            logs,
            subject,
            filter: Filter { since_us, until_us, victim, cgroup, boot: None },
            boot: self.boot.map(|(boot, _)| boot),
            format: self.format,
            on_found: self.on_found,
            since_last: self.since_last.map(kept),
        }
    }

    /// Whether what is asked for may be in more than the live log, and no log was named.
    fn asks_for_more(&self) -> bool {
        let asks = self.is_all || self.machines == Machines::All || self.boot.is_some();
        let is_of_time = self.since.is_some() || self.until.is_some() || self.days.is_some();
        self.operands.is_empty() && self.root.is_none() && !self.is_followed && (asks || is_of_time)
    }

    /// What of the options has no sense beside a log that is named.
    fn idle(&self) -> Option<&'static str> {
        match &self.boot {
            _ if self.is_all => Some("--all is of the logs of this machine, and a named log is read whole"),
            _ if self.machines == Machines::All => {
                Some("--all-machines is of --root and this machine: of a directory all journals are read")
            }
            Some((Boot::Back(_), _)) => Some(
                "boots are counted in the journals of a machine: without a FILE, or with --root DIR; else name its id",
            ),
            _ => None,
        }
    }

    /// What goes with what, beside [`MODE`]'s rules.
    fn check(&self) -> Result<()> {
        let shown = |(_, typed): &Time| quoted(typed);
        if let Some((_, typed)) = self.since.as_ref().filter(|(us, _)| *us > values::now_us() + MINUTE_US) {
            return Err(UsageError::new(in_the_future(typed)));
        }
        let wrong = match (self.operands.first(), &self.since, &self.days, &self.until) {
            (Some(operand), ..) if self.is_followed || self.root.is_some() => {
                let operand = quoted(OsStr::from_bytes(operand.to_bytes()));
                let why = match self.is_followed {
                    true => LIVE_ALONE,
                    false => "--root reads the logs of that system and nothing else",
                };
                format!("unexpected operand {operand}: {why}")
            }
            (Some(operand), ..) if self.idle().is_some() => {
                let operand = quoted(OsStr::from_bytes(operand.to_bytes()));
                format!("unexpected operand {operand}: {}", self.idle().unwrap_or_default())
            }
            (_, Some(since), _, Some(until)) if since.0 > until.0 => {
                format!("--since {} is later than --until {}: nothing can be in between", shown(since), shown(until))
            }
            (_, None, Some(days), Some(until)) if days.0 > until.0 => {
                format!("--until {} is before --days {} begins: nothing can be in between", shown(until), shown(days))
            }
            _ => return Ok(()),
        };
        Err(UsageError::new(wrong))
    }

    /// `last 7 days, .../log/kern.log`: all that was asked for, as it was typed. A title cuts what is behind its end, so that what is
    /// asked of the logs comes first and long paths lose their start.
    fn subject(&self) -> Subject {
        /// Logs that are named; the others are counted.
        const NAMED: usize = 3;
        let mut words: Vec<String> = Vec::new();
        let mut ask = |what: &str, typed: Option<&OsStr>, unit: &str| {
            let text = typed.map(|typed| Escaped(typed.as_bytes()).to_string());
            words.extend(text.map(|text| format!("{what} {}{unit}", last(text, LEAST))));
        };
        let typed = |time| Option::map(time, |(_, typed): &Time| typed.as_os_str());
        ask("last", typed(self.days.as_ref()), " days");
        ask("since", typed(self.since.as_ref()), "");
        ask("until", typed(self.until.as_ref()), "");
        ask("boot", self.boot.as_ref().map(|(_, typed)| typed.as_os_str()), "");
        ask("victim", self.victim.as_deref(), "");
        ask("cgroup", self.cgroup.as_deref().map(OsStr::from_bytes), "");

        let logs: Vec<&CString> = self.root.iter().chain(&self.operands).collect();
        let named = &logs[..logs.len().min(NAMED)];
        let taken: usize = words.iter().map(|word| columns(word) + 2).sum();
        let each = TITLE.saturating_sub(taken) / named.len().max(1);
        let asked = words.join(", ");
        let names = named.iter().map(|path| Escaped(path.to_bytes()).to_string());
        let mut words: Vec<String> = names.map(|name| last(name, each.saturating_sub(2).max(LEAST))).collect();
        match logs.len().saturating_sub(NAMED) {
            0 if self.asks_for_more() => words.push("the logs of this machine".into()),
            0 if logs.is_empty() => words.push("the live kernel log".into()),
            0 => {}
            more => words.push(format!("{more} more")),
        }
        Subject { logs: words.join(", "), asked }
    }
}

/// Clocks of two hosts differ by less: `--since` may come from another one.
const MINUTE_US: i64 = 60_000_000;

/// Why nothing can be found since then, and which time was meant: a time of day is today's, be it still to come.
fn in_the_future(typed: &OsStr) -> String {
    const DAY_US: i64 = 86_400_000_000;
    let at = |now_us| moment::typed(typed.as_bytes(), now_us, Zone::Local);
    let now_us = values::now_us();
    let mut words = format!("--since {} is in the future", quoted(typed));
    if let Some(us) = at(now_us) {
        words += &format!(": it is {}, and now is {}", When(us), When(now_us));
    }
    if let (true, Some(us)) = (moment::is_time_of_day(typed.as_bytes()), at(now_us - DAY_US)) {
        words += &format!("; yesterday's is --since '{}'", When(us));
    }
    words
}

/// What a title of 80 columns has for it.
const TITLE: usize = 58;
/// What each path has at least.
const LEAST: usize = 24;

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The end of a text that is too long, from the start of a path's part on if possible.
fn last(text: String, most: usize) -> String {
    let Some(over @ 1..) = columns(&text).checked_sub(most) else {
        return text;
    };
    let tail: String = text.chars().skip(over + 3).collect();
    let from = tail.find('/').unwrap_or(0);
    format!("...{}", &tail[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(args: &[&str]) -> String {
        let mut parser = Parser::from_args(args);
        match super::args(&mut parser) {
            Ok(Command::Dmesg(args)) => args.subject.title(),
            _ => panic!("{args:?}"),
        }
    }

    #[test]
    fn a_title_has_what_was_asked_and_the_ends_of_long_paths() {
        let long = "/srv/collected/2026-11-21/host-with-a-long-name/var/log/kern.log";
        for (args, expected) in [
            (&[][..], "the live kernel log"),
            (&["--days", "7", "/var/log"], "last 7 days, /var/log"),
            (&["--analyze-oom"], "last 7 days, the logs of this machine"),
            (&["--analyze-oom", "3"], "last 3 days, the logs of this machine"),
            (&["--analyze-oom", "/var/log"], "last 7 days, /var/log"),
            (&["--boot", "-1"], "boot -1, the logs of this machine"),
            (&["a", "b", "c", "d", "e"], "a, b, c, 2 more"),
            (&[long], ".../2026-11-21/host-with-a-long-name/var/log/kern.log"),
            (&["--days", "7", long], "last 7 days, .../host-with-a-long-name/var/log/kern.log"),
            (&[long, "b"], ".../var/log/kern.log, b"),
            (&["--cgroup", "/kubepods/burstable/pod0/0123456789abcdef", "x"], "cgroup .../0123456789abcdef, x"),
        ] {
            assert_eq!(subject(args), expected);
            assert!(columns(expected) <= TITLE);
        }
    }
}

//! `memdoor dmesg FILE`, `memdoor oom FILE`.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::Parser;
use memdoor::modes::dmesg;
use memdoor::report::Format;
use memdoor::report::escape::Escaped;

use super::{Command, Result, UsageError, Word, about, unknown_option, usage, value, values, word};

/// What was typed for kernel logs.
#[derive(Default)]
pub(crate) struct DmesgArgs {
    operands: Vec<CString>,
    root: Option<CString>,
    since: Option<Time>,
    until: Option<Time>,
    days: Option<Time>,
    victim: Option<OsString>,
    cgroup: Option<OsString>,
    format: Format,
    on_found: dmesg::OnFound,
    follow: Follow,
    since_last: Option<CString>,
    /// What the report is about, in a few words.
    subject: dmesg::Subject,
}

/// A time and how it was typed.
struct Time {
    typed: OsString,
    us: i64,
}

/// Whether more is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Follow {
    #[default]
    No,
    Yes,
}

impl DmesgArgs {
    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> dmesg::Options<'_> {
        let logs = match (&self.root, self.follow) {
            (Some(root), _) => dmesg::Logs::Root(root),
            (None, Follow::Yes) => dmesg::Logs::Follow,
            (None, Follow::No) if self.operands.is_empty() => dmesg::Logs::Live,
            (None, Follow::No) => dmesg::Logs::Named(&self.operands),
        };
        let us = |time: &Option<Time>| time.as_ref().map(|time| time.us);
        let filter = dmesg::Filter {
            since_us: us(&self.since).or(us(&self.days)),
            until_us: us(&self.until),
            victim: self.victim.as_deref().map(values::who),
            cgroup: self.cgroup.as_deref().map(OsStr::as_bytes),
        };
        dmesg::Options {
            logs,
            subject: &self.subject,
            filter,
            format: self.format,
            on_found: self.on_found,
            since_last: self.since_last.as_deref(),
        }
    }

    /// Takes an option that is one of these.
    fn take(&mut self, name: &str, parser: &mut Parser, now_us: i64) -> Result<()> {
        match name {
            "--follow" => self.follow = Follow::Yes,
            "--fail-on-oom" => self.on_found = dmesg::OnFound::Found,
            "--since" | "--until" | "--days" | "--victim" | "--cgroup" | "--format" | "--root" | "--since-last" => {
                self.set(name, value(name, parser)?, now_us)?
            }
            _ => return Err(unknown_option(name)),
        }
        Ok(())
    }

    fn set(&mut self, name: &str, typed: OsString, now_us: i64) -> Result<()> {
        let time = |us| Some(Time { typed: typed.clone(), us });
        match name {
            "--since" => self.since = time(values::time(name, &typed, now_us)?),
            "--until" => self.until = time(values::time(name, &typed, now_us)?),
            "--days" => self.days = time(values::days(name, &typed, now_us)?),
            "--victim" => self.victim = Some(values::victim(name, typed)?),
            "--cgroup" => self.cgroup = Some(values::path(name, typed)?),
            "--format" => self.format = values::format(name, &typed)?,
            "--root" => self.root = Some(values::file(name, &typed)?),
            _ => self.since_last = Some(values::file(name, &typed)?),
        }
        Ok(())
    }

    /// What goes with what.
    fn check(&self) -> Result<()> {
        let is_followed = self.follow == Follow::Yes;
        let operand = self.operands.first().map(|path| quoted(path));
        let wrong = match (&self.root, operand, &self.since_last) {
            (Some(_), Some(operand), _) => {
                format!("unexpected operand {operand}: --root reads the logs of that system and nothing else")
            }
            (None, Some(operand), _) if is_followed => {
                format!("unexpected operand {operand}: --follow is of the live log and nothing else")
            }
            (Some(root), ..) if is_followed => {
                format!("--follow and --root {}: --follow is of the live log and nothing else", quoted(root))
            }
            (.., Some(state)) if is_followed => format!(
                "--follow and --since-last {}: --follow shows what comes from now on, and remembers nothing",
                quoted(state)
            ),
            _ => return self.check_times(),
        };
        Err(UsageError(wrong))
    }

    fn check_times(&self) -> Result<()> {
        let wrong = match (&self.since, &self.days, &self.until) {
            (Some(_), Some(_), _) => "--since and --days: both say from when on; one of them is enough".into(),
            (Some(since), None, Some(until)) if since.us > until.us => format!(
                "--since {} is later than --until {}: nothing can be in between",
                values::quoted(&since.typed),
                values::quoted(&until.typed)
            ),
            (None, Some(days), Some(until)) if days.us > until.us => format!(
                "--until {} is before --days {} begins: nothing can be in between",
                values::quoted(&until.typed),
                values::quoted(&days.typed)
            ),
            _ => return Ok(()),
        };
        Err(UsageError(wrong))
    }

    /// `last 7 days, .../log/kern.log`: all that was asked for, as it was typed. A title cuts what is behind its end, so that what is
    /// asked of the logs comes first and long paths lose their start.
    fn subject(&self) -> dmesg::Subject {
        /// Logs that are named; the others are counted.
        const NAMED: usize = 3;
        let mut words: Vec<String> = Vec::new();
        let mut ask = |what: &str, typed: Option<&OsStr>, unit: &str| {
            let text = typed.map(|typed| Escaped(typed.as_bytes()).to_string());
            words.extend(text.map(|text| format!("{what} {}{unit}", last(text, LEAST))));
        };
        let typed = |time| Option::map(time, |time: &Time| time.typed.as_os_str());
        ask("last", typed(self.days.as_ref()), " days");
        ask("since", typed(self.since.as_ref()), "");
        ask("until", typed(self.until.as_ref()), "");
        ask("victim", self.victim.as_deref(), "");
        ask("cgroup", self.cgroup.as_deref(), "");

        let logs: Vec<&CString> = self.root.iter().chain(&self.operands).collect();
        let named = &logs[..logs.len().min(NAMED)];
        let taken: usize = words.iter().map(|word| columns(word) + 2).sum();
        let each = TITLE.saturating_sub(taken) / named.len().max(1);
        let asked = words.join(", ");
        let names = named.iter().map(|path| Escaped(path.to_bytes()).to_string());
        let mut words: Vec<String> = names.map(|name| last(name, each.saturating_sub(2).max(LEAST))).collect();
        match logs.len().saturating_sub(NAMED) {
            0 if logs.is_empty() => words.push("the live kernel log".into()),
            0 => {}
            more => words.push(format!("{more} more")),
        }
        dmesg::Subject { logs: words.join(", "), asked }
    }
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

fn quoted(path: &CStr) -> String {
    values::quoted(OsStr::from_bytes(path.to_bytes()))
}

/// Reads it.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let now_us = values::now_us();
    let mut args = DmesgArgs::default();
    while let Some(word) = word(parser)? {
        match word {
            Word::Operand(operand) => args.operands.push(values::file("FILE", &operand)?),
            Word::Option(name) => {
                if let Some(command) = about(&name, usage::dmesg) {
                    return Ok(command);
                }
                args.take(&name, parser, now_us)?;
            }
        }
    }
    args.check()?;
    args.subject = args.subject();
    Ok(Command::Dmesg(Box::new(args)))
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

//! Options that the configuration has as well: names and values, and where each comes from.
//!
//! All values are text until the end, so that each is checked in one way wherever it comes from, and can be shown.

use memdoor::pattern::Pattern;

use super::{Result, UsageError, config, values};

/// How often an option counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The last one.
    One,
    /// All of them.
    Many,
    /// It has no value on the command line, and true or false in the configuration.
    Flag,
}

/// An option: its name without hyphens, how often it counts, and its default; without one it is not set.
pub(super) type Known = (&'static str, Kind, &'static str);

/// Those of a text, a line each: `name`, then `1`, `+` for any number of them, or `?` for a flag, and the default. A table of them would
/// be in the memory of every watch, as it has addresses in it.
pub(super) fn known(text: &'static [u8]) -> impl Iterator<Item = Known> {
    let lines = core::str::from_utf8(text).unwrap_or_default().lines();
    lines.filter_map(|line| {
        let (name, rest) = line.split_once(' ')?;
        let (kind, default) = rest.split_once(' ').unwrap_or((rest, ""));
        let kind = match kind {
            "?" => Kind::Flag,
            "+" => Kind::Many,
            _ => Kind::One,
        };
        Some((name, kind, default))
    })
}

const DEFAULT: &str = "default";
const TYPED: &str = "command line";

/// An option as it stands.
#[derive(Clone, Debug)]
struct Item {
    name: &'static str,
    kind: Kind,
    values: Vec<String>,
    /// `default`, `FILE:LINE` or `command line`.
    origin: String,
}

impl Item {
    fn set(&mut self, value: String, origin: &str) {
        // Another place's values are replaced as a whole.
        let adds = self.kind == Kind::Many && place(&self.origin) == place(origin);
        if !adds {
            self.values.clear();
        }
        self.values.push(value);
        self.origin = origin.into();
    }
}

/// The file of `FILE:LINE`.
fn place(origin: &str) -> &str {
    origin.rsplit_once(':').map_or(origin, |(file, _)| file)
}

/// Names and values of a mode, before they are checked.
pub(super) struct Items {
    mode: &'static str,
    /// Other names for some of them.
    other: &'static [(&'static str, &'static str)],
    all: Vec<Item>,
}

impl Items {
    /// The defaults.
    pub(super) fn new(mode: &'static str, text: &'static [u8], other: &'static [(&'static str, &'static str)]) -> Self {
        let item = |(name, kind, default): Known| Item {
            name,
            kind,
            values: Some(default.to_string()).filter(|text| !text.is_empty()).into_iter().collect(),
            origin: DEFAULT.into(),
        };
        Self { mode, other, all: known(text).map(item).collect() }
    }

    /// What was typed counts more than the configuration.
    pub(super) fn type_in(&mut self, name: &str, value: String) {
        if let Some(item) = self.find(name) {
            item.set(value, TYPED);
        }
    }

    fn find(&mut self, name: &str) -> Option<&mut Item> {
        let other = self.other.iter().find(|(other, _)| *other == name);
        let name = other.map_or(name, |(_, name)| name);
        self.all.iter_mut().find(|item| item.name == name)
    }

    /// Takes over the lines of the configuration, none of which is empty: who wants a default leaves the line out.
    pub(super) fn configure(&mut self, settings: Vec<config::Setting>) -> Result<()> {
        let mode = self.mode;
        for config::Setting { name, value, origin } in settings {
            let Some(item) = self.find(&name) else {
                let name = values::quoted(name.as_ref());
                return Err(UsageError(format!(
                    "{origin}: unknown name {name}: memdoor {mode} --print-config lists them"
                )));
            };
            if value.is_empty() {
                let known = item.name;
                let takes = values::allowed_in(mode, &format!("--{known}"));
                let words = values::empty(&name, takes).0;
                return Err(UsageError(format!("{origin}: {words}; without the line the default holds")));
            }
            item.set(value, &origin);
        }
        Ok(())
    }

    /// The values of an option.
    pub(super) fn values(&self, name: &str) -> &[String] {
        let item = self.all.iter().find(|item| item.name == name);
        item.map_or(&[], |item| &item.values)
    }

    #[inline(never)]
    fn text(&self, name: &str) -> &str {
        self.values(name).last().map_or("", String::as_str)
    }

    /// What `parse` makes of an option's value; an error says where a wrong one stands.
    pub(super) fn one<T>(&self, name: &str, parse: fn(&str) -> Option<T>) -> Result<T> {
        let text = self.text(name);
        parse(text).ok_or_else(|| self.wrong(name, text))
    }

    /// The same of one that need not be set.
    pub(super) fn read<T>(&self, name: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>> {
        match self.text(name) {
            "" => Ok(None),
            text => parse(text).map(Some).ok_or_else(|| self.wrong(name, text)),
        }
    }

    pub(super) fn is_set(&self, name: &str) -> Result<bool> {
        self.one(name, |value| match value {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => None,
        })
    }

    #[inline(never)]
    pub(super) fn wrong(&self, name: &str, value: &str) -> UsageError {
        let words = values::wrong_in(self.mode, &format!("--{name}"), value.as_ref());
        self.at(name, &words.0)
    }

    /// An error with the line of the configuration that it is about.
    pub(super) fn at(&self, name: &str, words: &str) -> UsageError {
        let item = self.all.iter().find(|item| item.name == name);
        match item.map(|item| item.origin.as_str()) {
            Some(TYPED | DEFAULT) | None => UsageError(words.into()),
            Some(origin) => UsageError(format!("{origin}: {words}")),
        }
    }

    pub(super) fn pattern(&self, name: &str, text: &str) -> Result<Pattern> {
        values::pattern(&format!("--{name}"), text.as_ref()).map_err(|error| self.at(name, &error.0))
    }

    pub(super) fn patterns(&self, name: &str) -> Result<Vec<Pattern>> {
        let texts = self.values(name).iter();
        texts.map(|text| self.pattern(name, text)).collect()
    }

    /// `name = value`, and where it comes from.
    pub(super) fn print(&self) -> String {
        let mut text = format!("[{}]\n", self.mode);
        for item in &self.all {
            let values = item.values.iter().map(String::as_str);
            let values: Vec<&str> = if item.values.is_empty() { vec![""] } else { values.collect() };
            for value in values {
                let origin = if value.is_empty() { "not set" } else { &item.origin };
                let comment = if value.is_empty() { "# " } else { "" };
                let line = format!("{comment}{} = {}", item.name, shown(value));
                text.push_str(&format!("{line:<40} # {origin}\n"));
            }
        }
        text
    }
}

/// A value as the configuration may have it, and as a terminal may.
fn shown(value: &str) -> String {
    if value.chars().any(char::is_control) {
        return values::whole(value.as_ref());
    }
    let is_plain = value.trim() == value && !value.contains([' ', '#', '"', '\'']);
    match (is_plain, value.contains('"')) {
        (true, _) => value.into(),
        (false, false) => format!("\"{value}\""),
        (false, true) => format!("'{value}'"),
    }
}

//! One row an option: its names, what it takes, its default, what it does and its help stand in one place, and everything that is
//! said or done about it comes from there: the command line, the configuration, `--help`, `--print-config` and every error.
//!
//! A mode is a table of [`Row`]s over the struct that they fill, in [`Mode`]. To add an option: one row, and a field of the mode's
//! options that its setter fills.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::Arg::{Long, Short, Value};
use lexopt::Parser;
use memdoor::report::escape::Escaped;

use super::values::{self, Unfit, quoted};
use super::{Result, UsageError, config, help};

/// One option of a mode that fills a `T`.
pub(super) struct Row<T: 'static> {
    /// As help shows them, the long one last: `-p, --pid`. The first long one is its name in the configuration.
    pub(super) names: &'static str,
    pub(super) takes: Takes<T>,
    /// What holds where nothing is typed, as it would be typed; empty: it is not set.
    pub(super) default: &'static str,
    pub(super) often: Often,
    /// Looks at a value of the configuration whose place a typed one takes, where one value alone does not tell whether it is right: the
    /// value, and the line that it stands in.
    pub(super) replaced: Option<fn(&mut T, &OsStr, &str)>,
    /// Its name in the configuration of another program that is read as well.
    pub(super) other_name: &'static str,
    /// One paragraph. Empty: it is described with the next row.
    pub(super) help: &'static str,
}

/// What stands behind an option.
pub(super) enum Takes<T> {
    /// Nothing; true or false in the configuration.
    Nothing(fn(&mut T)),
    /// A value.
    Value(Valued<T>),
}

/// A value's kind, and where it goes.
pub(super) struct Valued<T> {
    /// `PID`: what stands for it in help.
    pub(super) word: &'static str,
    /// What is allowed: the end of each error about it.
    pub(super) allowed: &'static str,
    /// What is taken where the value is left out; empty: it can't be.
    pub(super) left_out: &'static str,
    /// Whether a text is such a value.
    pub(super) check: fn(&OsStr) -> std::result::Result<(), Unfit>,
    pub(super) set: fn(&mut T, &OsStr) -> std::result::Result<(), Unfit>,
}

/// How often an option may be typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Often {
    /// Once, and why not twice.
    Once(&'static str),
    /// Any number of times: all of them count, and take the place of those in the configuration.
    Many,
    /// The same, and those in the configuration count as well: a list of those who are spared. Who types one more name does not mean
    /// that the others may be ended.
    Adds,
    /// The same of `NAME=VALUE`, where one that is typed takes the place of those in the configuration that have its NAME, and of no
    /// others: another option of the configuration may name them.
    AddsNamed,
}

impl<T> Row<T> {
    pub(super) const fn new(names: &'static str, takes: Takes<T>, help: &'static str) -> Self {
        Self {
            names,
            takes,
            default: "",
            often: Often::Once("it takes one value"),
            replaced: None,
            other_name: "",
            help,
        }
    }

    /// It may be typed any number of times.
    pub(super) const fn many(self) -> Self {
        Self { often: Often::Many, ..self }
    }

    /// What is done with a value of the configuration whose place a typed one takes.
    pub(super) const fn when_replaced(self, look: fn(&mut T, &OsStr, &str)) -> Self {
        Self { replaced: Some(look), ..self }
    }

    /// The same, and what is typed adds to what the configuration has.
    pub(super) const fn adds(self) -> Self {
        Self { often: Often::Adds, ..self }
    }

    /// The same of `NAME=VALUE`: what is typed takes the place of what has the same NAME there.
    pub(super) const fn adds_named(self) -> Self {
        Self { often: Often::AddsNamed, ..self }
    }

    /// Why it may not be typed twice.
    pub(super) const fn once(self, why: &'static str) -> Self {
        Self { often: Often::Once(why), ..self }
    }

    /// What holds where nothing is typed.
    pub(super) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// Whether a line of the configuration with that name, which is never empty, is about it.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.key() == name || (!self.other_name.is_empty() && self.other_name == name)
    }

    /// A second name in the configuration.
    pub(super) const fn known_as(self, other_name: &'static str) -> Self {
        Self { other_name, ..self }
    }

    /// The names that may be typed.
    pub(super) fn typed(&self) -> impl Iterator<Item = &'static str> + use<T> {
        self.names.split(", ")
    }

    /// Its name in the configuration.
    pub(super) fn key(&self) -> &'static str {
        self.typed().find_map(|name| name.strip_prefix("--")).unwrap_or_default()
    }

    /// The word that stands for its value.
    pub(super) fn word(&self) -> Option<&'static str> {
        match &self.takes {
            Takes::Nothing(_) => None,
            Takes::Value(valued) => Some(valued.word),
        }
    }

    /// `-o DIR`, as an error names it.
    fn shown(&self) -> String {
        let name = self.typed().next().unwrap_or_default();
        self.word().map_or_else(|| name.into(), |word| format!("{name} {word}"))
    }

    pub(super) fn is_many(&self) -> bool {
        matches!(self.often, Often::Many | Often::Adds | Often::AddsNamed)
    }

    fn allowed(&self) -> &'static str {
        match &self.takes {
            Takes::Nothing(_) => "true or false",
            Takes::Value(valued) => valued.allowed,
        }
    }
}

/// A flag, or an option with a value of a [`values::Kind`]: what it does is a closure over what was typed so far and the value. `Typed` is
/// the name of the struct of the mode that it stands in.
macro_rules! option {
    ($names:literal, |$options:ident| $set:expr, $help:expr) => {
        $crate::cli::options::Row::new($names, $crate::cli::options::Takes::Nothing(|$options: &mut Typed| $set), $help)
    };
    ($names:literal, $kind:expr, |$options:ident, $value:ident| $set:expr, $help:expr) => {
        $crate::cli::options::Row::new(
            $names,
            $crate::cli::options::Takes::Value($crate::cli::options::Valued {
                word: $kind.word,
                allowed: $kind.allowed,
                left_out: $kind.left_out,
                check: |text| ($kind.read)(text).map(drop),
                set: |$options: &mut Typed, text| {
                    let $value = ($kind.read)(text)?;
                    $set;
                    Ok(())
                },
            }),
            $help,
        )
    };
}
pub(super) use option;

/// What does not go together. Options are named by their keys.
pub(super) enum Rule {
    /// The first, typed, has no sense without the second, and why. A line of the configuration stands for all runs, of which others may
    /// have the second.
    Needs(&'static str, &'static str, &'static str),
    /// The first, typed, does nothing beside the second, and why. A line of the configuration stands for all runs, of which others may be
    /// without the second.
    Idle(&'static str, &'static str, &'static str),
    /// The first, with this value or with any (empty), does not go with the second, and why.
    Not(&'static str, &'static str, &'static str),
}

/// What stands on the command line beside options.
pub(super) enum Operands<T> {
    /// Nothing may.
    None,
    /// Values of these options, in this order.
    Of(&'static [&'static str]),
    /// Each of them is taken by this.
    Each(fn(&mut T, &OsStr) -> Result<()>),
}

/// A mode: its options, and what its help says around them.
pub(super) struct Mode<T: 'static> {
    /// Empty for that without a name.
    pub(super) name: &'static str,
    /// The synopsis, a form a line. Behind the last stand the options that it does not name.
    pub(super) usage: &'static [&'static str],
    pub(super) about: &'static str,
    pub(super) operands: Operands<T>,
    /// How help describes them: a word, and what it is.
    pub(super) described: &'static [(&'static str, &'static str)],
    pub(super) options: &'static [Row<T>],
    pub(super) rules: &'static [Rule],
    pub(super) config: Config,
    /// What help says between the options and the exit codes.
    pub(super) more: &'static str,
    pub(super) codes: &'static [(u8, &'static str)],
}

/// Whether a mode's options may stand in the configuration as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Config {
    Read,
    None,
}

/// What came of a command line.
pub(super) enum Asked<T> {
    /// The options, filled.
    Run(T),
    /// A text to print.
    Print(String),
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Origin {
    Default,
    /// By this name.
    Typed(String),
    /// `FILE:LINE`, and the name there.
    File(String, String),
}

/// An option as it stands.
struct Item<'m, T: 'static> {
    row: &'m Row<T>,
    values: Vec<(OsString, Origin)>,
    /// Those of the configuration whose place typed ones take.
    replaced: Vec<(OsString, Origin)>,
}

impl<T> Item<'_, T> {
    fn is_given(&self) -> bool {
        self.values.iter().any(|(_, origin)| *origin != Origin::Default)
    }

    fn is_typed(&self) -> bool {
        self.values.iter().any(|(_, origin)| matches!(origin, Origin::Typed(_)))
    }

    /// Its last value in words.
    fn text(&self) -> &OsStr {
        self.values.last().map_or(OsStr::new(""), |(text, _)| text)
    }

    fn origin(&self) -> &Origin {
        self.values.last().map_or(&Origin::Default, |(_, origin)| origin)
    }

    /// What was typed takes the place of what the configuration has, unless the option [`Often::Adds`] or [`Often::AddsNamed`].
    fn type_in(&mut self, name: &str, value: OsString) -> Result<()> {
        let is_again = matches!(self.origin(), Origin::Typed(_));
        if let (true, Often::Once(why), Takes::Value(_)) = (is_again, self.row.often, &self.row.takes) {
            return Err(UsageError::new(format!("{name} twice: {why}")));
        }
        match self.row.often {
            Often::Adds => {}
            Often::AddsNamed => {
                let name = |value: &OsStr| value.as_bytes().split(|byte| *byte == b'=').next().map(<[u8]>::to_vec);
                self.values.retain(|(known, origin)| matches!(origin, Origin::Typed(_)) || name(known) != name(&value));
            }
            Often::Once(_) | Often::Many if is_again => {}
            Often::Once(_) | Often::Many => self.replaced = std::mem::take(&mut self.values),
        }
        self.values.push((value, Origin::Typed(name.into())));
        Ok(())
    }

    /// Takes over a line of the configuration. Its value is looked at here, whatever is typed: what is typed takes its place, and a line
    /// that is wrong must not be found out only where nobody types anything, by a service that does not start.
    fn configure(&mut self, line: config::Setting) -> Result<()> {
        let config::Setting { name, value, origin } = line;
        let before = match self.origin() {
            Origin::File(before, _) => Some(before.clone()),
            _ => None,
        };
        if let (Some(before), Often::Once(_)) = (&before, self.row.often) {
            return Err(UsageError::new(format!("{origin}: {name} twice: it stands in {before} as well")));
        }
        if value.is_empty() {
            let words = values::empty(&name, self.row.allowed()).words;
            return Err(UsageError::new(format!("{origin}: {words}; without the line the default holds")));
        }
        if before.is_none() {
            self.values.clear();
        }
        let origin = Origin::File(origin, name);
        self.checked(&value, &origin, self.check(&value))?;
        self.values.push((value, origin));
        Ok(())
    }

    /// Whether it is a value of the option.
    fn check(&self, text: &OsStr) -> std::result::Result<(), Unfit> {
        match &self.row.takes {
            Takes::Nothing(_) => is_on(text).map(drop),
            Takes::Value(valued) => (valued.check)(text),
        }
    }

    /// What was found, with the words about it if it is no value.
    fn checked(&self, text: &OsStr, origin: &Origin, found: std::result::Result<(), Unfit>) -> Result<()> {
        let name = match origin {
            Origin::Typed(name) => name.clone(),
            Origin::Default | Origin::File(..) => format!("--{}", self.row.key()),
        };
        found.map_err(|unfit| match unfit {
            Unfit::NotAllowed => refusal(origin, &name, text, self.row.allowed()),
            Unfit::Part(part) => refusal(origin, &name, &part, self.row.allowed()),
            Unfit::Because(why) => refusal(origin, &name, text, &why),
        })
    }

    /// Hands its values to the options.
    fn apply(&self, options: &mut T) -> Result<()> {
        for (text, origin) in &self.replaced {
            if let (Some(look), Origin::File(line, _)) = (self.row.replaced, origin) {
                look(options, text, line);
            }
        }
        for (text, origin) in &self.values {
            let set = match &self.row.takes {
                Takes::Nothing(set) => is_on(text).map(|is_on| {
                    if is_on {
                        set(options);
                    }
                }),
                Takes::Value(valued) => (valued.set)(options, text),
            };
            self.checked(text, origin, set)?;
        }
        Ok(())
    }
}

/// The value of an option that takes none on the command line.
fn is_on(text: &OsStr) -> std::result::Result<bool, Unfit> {
    match text.as_bytes() {
        b"true" | b"yes" => Ok(true),
        b"false" | b"no" => Ok(false),
        _ => Err(Unfit::NotAllowed),
    }
}

/// An error with the line of the configuration that it is about.
fn wrong(origin: &Origin, words: String) -> UsageError {
    match origin {
        Origin::File(line, _) => UsageError::new(format!("{line}: {words}")),
        Origin::Default | Origin::Typed(_) => UsageError::new(words),
    }
}

fn refusal(origin: &Origin, name: &str, value: &OsStr, words: &str) -> UsageError {
    wrong(origin, format!("{name}: {} is not allowed: {words}", quoted(value)))
}

impl<T> Mode<T> {
    /// Reads a command line, behind the mode's name, and the configuration; fills `options`.
    pub(super) fn read(&self, mut options: T, parser: &mut Parser) -> Result<Asked<T>> {
        let mut items: Vec<Item<'_, T>> =
            self.options.iter().map(|row| Item { row, values: Vec::new(), replaced: Vec::new() }).collect();
        let mut typed = Typed::default();
        let mut operands = Vec::new();
        while let Some(word) = word(parser)? {
            let name = match word {
                Word::Operand(operand) => {
                    operands.push(operand);
                    continue;
                }
                Word::Option(name) => name,
            };
            match name.as_str() {
                "-h" | "--help" => return Ok(Asked::Print(help::of(self))),
                "-V" | "--version" => return Ok(Asked::Print(help::version())),
                "--config" if self.config == Config::Read => {
                    if typed.config.is_some() {
                        return Err(UsageError::new("--config twice: it takes one value".into()));
                    }
                    let value = value(&name, values::FILE.allowed, "", parser)?;
                    typed.config = (values::FILE.read)(&value).ok();
                }
                "--print-config" if self.config == Config::Read => typed.is_config_shown = true,
                _ => {
                    let item = items.iter_mut().find(|item| item.row.typed().any(|known| known == name));
                    let item = item.ok_or_else(|| unknown_option(&name))?;
                    let value = match &item.row.takes {
                        Takes::Nothing(_) => "true".into(),
                        Takes::Value(valued) => value(&name, valued.allowed, valued.left_out, parser)?,
                    };
                    typed.all.push((item.row.key(), name, value));
                }
            }
        }
        if self.config == Config::Read {
            self.configure(&mut items, typed.config.as_deref())?;
        }
        self.take_operands(operands, &mut typed, &mut options)?;
        for (key, name, value) in typed.all {
            if let Some(item) = items.iter_mut().find(|item| item.row.key() == key) {
                item.type_in(&name, value)?;
            }
        }
        for item in &mut items {
            if item.values.is_empty() && !item.row.default.is_empty() {
                item.values.push((item.row.default.into(), Origin::Default));
            }
            item.apply(&mut options)?;
        }
        self.check(&items)?;
        if typed.is_config_shown {
            return Ok(Asked::Print(self.print(&items)));
        }
        Ok(Asked::Run(options))
    }

    /// Takes over the lines of the configuration, none of which is empty: who wants a default leaves the line out.
    fn configure(&self, items: &mut [Item<'_, T>], file: Option<&CStr>) -> Result<()> {
        for line in config::read(file, self.name)? {
            let name = line.name.as_str();
            let found = items.iter_mut().find(|item| item.row.is_called(name));
            let item = found.ok_or_else(|| {
                UsageError::new(format!(
                    "{}: unknown name {}: memdoor {} --print-config lists them",
                    line.origin,
                    quoted(name.as_ref()),
                    self.name
                ))
            })?;
            item.configure(line)?;
        }
        Ok(())
    }

    fn take_operands(&self, operands: Vec<OsString>, typed: &mut Typed, options: &mut T) -> Result<()> {
        for (at, operand) in operands.into_iter().enumerate() {
            let unexpected = |why: &str| UsageError::new(format!("unexpected operand {}: {why}", quoted(&operand)));
            match &self.operands {
                Operands::None => return Err(unexpected("memdoor takes options only")),
                Operands::Of(keys) => {
                    let key = *keys.get(at).ok_or_else(|| unexpected("see memdoor --help"))?;
                    typed.all.push((key, format!("--{key}"), operand));
                }
                Operands::Each(take) => take(options, &operand)?,
            }
        }
        Ok(())
    }

    pub(super) fn has_config(&self) -> bool {
        self.config == Config::Read
    }

    /// What goes with what, whatever order it was typed in.
    fn check(&self, items: &[Item<'_, T>]) -> Result<()> {
        let find = |key: &str| items.iter().find(|item| item.row.key() == key);
        for rule in self.rules {
            match rule {
                Rule::Needs(first, second, why) => {
                    if let (Some(first), Some(second)) = (find(first), find(second))
                        && first.is_typed()
                        && second.values.is_empty()
                    {
                        let words = format!("{} without {}: {why}", first.name(), second.row.shown());
                        return Err(wrong(first.origin(), words));
                    }
                }
                Rule::Idle(first, second, why) => {
                    let is_on = |item: &&Item<'_, T>| item.is_given() && !is_on(item.text()).is_ok_and(|is_on| !is_on);
                    if let (Some(first), Some(second)) = (find(first), find(second).filter(is_on))
                        && first.is_typed()
                    {
                        let words = format!("{} and {}: {why}", first.shown(), second.shown());
                        return Err(wrong(first.origin(), words));
                    }
                }
                Rule::Not(first, second, why) => {
                    let [first, second] = [*first, *second].map(|named| {
                        let (key, value) = named.split_once('=').unwrap_or((named, ""));
                        let item = find(key).filter(|item| item.is_given());
                        item.filter(|item| value.is_empty() || item.text() == value)
                    });
                    if let (Some(first), Some(second)) = (first, second) {
                        let words = format!("{} and {}: {why}", first.shown(), second.shown());
                        return Err(wrong(first.origin(), words));
                    }
                }
            }
        }
        Ok(())
    }

    /// `name = value`, and where it comes from.
    fn print(&self, items: &[Item<'_, T>]) -> String {
        let mut text = format!("[{}]\n", self.name);
        for item in items {
            let key = item.row.key();
            let is_flag = matches!(item.row.takes, Takes::Nothing(_));
            if item.values.is_empty() && !is_flag {
                text.push_str(&format!("{:<40} # not set\n", format!("# {key} = ")));
            }
            let unset = (OsString::from("false"), Origin::Default);
            let values = item.values.iter().chain((item.values.is_empty() && is_flag).then_some(&unset));
            for (value, origin) in values {
                let origin = match origin {
                    Origin::Default => "default",
                    Origin::Typed(_) => "command line",
                    Origin::File(line, _) => line,
                };
                let line = format!("{key} = {}", config::shown(value));
                text.push_str(&format!("{line:<40} # {origin}\n"));
            }
        }
        text
    }
}

impl<T> Item<'_, T> {
    /// The same with its value.
    fn shown(&self) -> String {
        match self.row.takes {
            Takes::Nothing(_) => self.name(),
            Takes::Value(_) => format!("{} {}", self.name(), quoted(self.text())),
        }
    }

    /// As whoever gave it wrote it.
    fn name(&self) -> String {
        match self.origin() {
            Origin::Typed(name) => name.clone(),
            Origin::File(_, name) => name.clone(),
            Origin::Default => format!("--{}", self.row.key()),
        }
    }
}

/// What was typed.
#[derive(Default)]
struct Typed {
    /// The option's key, the name that was typed, and the value.
    all: Vec<(&'static str, String, OsString)>,
    config: Option<CString>,
    is_config_shown: bool,
}

/// What comes next on a command line.
enum Word {
    /// An option as it is written in usage texts.
    Option(String),
    /// Anything else.
    Operand(OsString),
}

fn word(parser: &mut Parser) -> Result<Option<Word>> {
    match parser.next() {
        Ok(None) => Ok(None),
        Ok(Some(Short(letter))) => Ok(Some(Word::Option(format!("-{letter}")))),
        Ok(Some(Long(word))) => Ok(Some(Word::Option(format!("--{word}")))),
        Ok(Some(Value(operand))) if operand.is_empty() => Err(values::empty("an operand", "see memdoor --help")),
        Ok(Some(Value(operand))) => Ok(Some(Word::Operand(operand))),
        Err(lexopt::Error::UnexpectedValue { option, value }) => {
            let value = Escaped(value.as_bytes());
            Err(UsageError::new(format!("unexpected argument for option '{option}': \"{value}\": see memdoor --help")))
        }
        Err(error) => Err(UsageError::new(format!("{error}: see memdoor --help"))),
    }
}

/// The value of an option, which is never empty.
///
/// Every value of every mode comes through here, every operand through [`word`], and every line of the configuration through
/// [`Item::configure`]: an empty one is an unset variable of a script, and no option takes it to mean "everything".
/// `tests::an_empty_value_is_a_usage_error_for_every_option_of_every_mode` tries each option of each table.
fn value(name: &str, allowed: &str, left_out: &str, parser: &mut Parser) -> Result<OsString> {
    let value = match left_out {
        "" => {
            let missing = |_| UsageError::new(format!("{name} needs a value: {allowed}"));
            parser.value().map_err(missing)?
        }
        left_out => {
            // No option; and a number where it takes numbers, which is an operand beside any other.
            let is_number = |word: &str| word.bytes().all(|letter| letter.is_ascii_digit());
            let is_value = |word: &OsStr| {
                let word = word.to_string_lossy();
                !word.starts_with('-') && is_number(&word) == is_number(left_out)
            };
            let attached = parser.optional_value();
            let next = || parser.try_raw_args()?.next_if(is_value);
            attached.or_else(next).unwrap_or_else(|| left_out.into())
        }
    };
    if value.is_empty() { Err(values::empty(name, allowed)) } else { Ok(value) }
}

fn unknown_option(name: &str) -> UsageError {
    UsageError::new(format!("unknown option {}: see memdoor --help", quoted(name.as_ref())))
}

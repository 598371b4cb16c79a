//! Kinds of values: the word that stands for one in help, what is allowed, and how it is read.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use memdoor::dmesg::{Boot, Id, Who};
use memdoor::kill::{KILLS_MAX, Level, LogStream, Scope};
use memdoor::monitor::options::Form;
use memdoor::oomlog::moment;
use memdoor::parse::{dec, oom_score_adj};
use memdoor::pattern::{Invalid, Pattern};
use memdoor::report::Format;
use memdoor::report::escape::Escaped;
use memdoor::sys::clock::{Now, Zone};
use memdoor::trigger::also::{Pressure, Waiting};
use memdoor::trigger::{Base, Threshold};
use memdoor::units::{Bytes, Percent, Pid};
use memdoor::victim::RankBy;
use memdoor::watch::{SIZE_MIN, Seize};

use super::UsageError;

/// A kind of value.
pub(super) struct Kind<V> {
    /// What stands for it in help.
    pub(super) word: &'static str,
    /// What is allowed: the end of each error about it.
    pub(super) allowed: &'static str,
    /// What is taken where it is left out; empty: it can't be.
    pub(super) left_out: &'static str,
    pub(super) read: fn(&OsStr) -> Read<V>,
}

/// A value, or why there is none.
pub(super) type Read<V> = std::result::Result<V, Unfit>;

/// Why a text is no value of its kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Unfit {
    /// The kind says what is allowed.
    NotAllowed,
    /// The same of this part of it.
    Part(OsString),
    /// It would be allowed but for this.
    Because(String),
}

const fn kind<V>(word: &'static str, allowed: &'static str, read: fn(&OsStr) -> Read<V>) -> Kind<V> {
    Kind { word, allowed, left_out: "", read }
}

impl<V> Kind<V> {
    /// The same by another word.
    pub(super) const fn called(self, word: &'static str) -> Self {
        Self { word, ..self }
    }

    /// It may be left out.
    pub(super) const fn or(self, word: &'static str, left_out: &'static str) -> Self {
        Self { word, left_out, ..self }
    }
}

/// What is typed lives as long as memdoor does.
pub(super) fn kept<T: ?Sized>(owned: impl Into<Box<T>>) -> &'static T {
    Box::leak(owned.into())
}

/// Text as it was typed, in quotes, safe to print: for an error, which quotes no more of it than a terminal has room for. A line of a
/// file that is no configuration may have a megabyte.
pub(super) fn quoted(text: &OsStr) -> String {
    const LONGEST: usize = 240;
    match text.as_bytes().get(..LONGEST) {
        Some(start) if text.len() > LONGEST => {
            format!("{}... ({} bytes)", whole(OsStr::from_bytes(start)), text.len())
        }
        _ => whole(text),
    }
}

/// The same of all of it.
pub(super) fn whole(text: &OsStr) -> String {
    format!("'{}'", Escaped(text.as_bytes()))
}

/// Says that `name` got an empty value, and what it takes.
pub(super) fn empty(name: &str, allowed: &str) -> UsageError {
    UsageError::new(format!("{name}: '' is empty, as a variable that is not set would be: {allowed}"))
}

fn number(text: &OsStr) -> Option<u64> {
    dec(text.as_bytes())
}

fn allowed<V>(value: Option<V>) -> Read<V> {
    value.ok_or(Unfit::NotAllowed)
}

/// A value out of a list of words.
fn word<V: Copy>(text: &OsStr, words: &[(&str, V)]) -> Read<V> {
    allowed(words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value))
}

pub(super) const PID: Kind<Pid> =
    kind("PID", "a process ID, 1 or more", |text| allowed(number(text).and_then(Pid::new)));

/// One process ID, or several with commas. No item is empty: `1,,2` and `1,` are as wrong as an empty value is.
pub(super) const PIDS: Kind<Vec<Pid>> = kind("PID", PID.allowed, |text| {
    let items: Vec<&OsStr> = text.as_bytes().split(|byte| *byte == b',').map(OsStr::from_bytes).collect();
    if items.iter().any(|item| item.is_empty()) {
        return Err(Unfit::NotAllowed);
    }
    items.into_iter().map(|item| (PID.read)(item).map_err(|_| Unfit::Part(item.into()))).collect()
});

/// An oom_score_adj.
pub(super) const ADJ: Kind<i64> =
    kind("N", "a whole number from -1000 (never killed) to 1000 (killed first)", |text| {
        allowed(oom_score_adj(text.as_bytes()))
    });

/// `PID=ADJ`
pub(super) const CHANGE: Kind<(Pid, i64)> =
    kind("PID=ADJ", "a process ID, = and an oom_score_adj from -1000 to 1000: 4242=-500", |text| {
        let pair = text.to_str().and_then(|text| text.split_once('='));
        let read =
            |(pid, to): (&str, &str)| Some((dec(pid.as_bytes()).and_then(Pid::new)?, oom_score_adj(to.as_bytes())?));
        allowed(pair.and_then(read))
    });

/// A pattern. What is wrong with one, [`Pattern::parse`] says itself, and that it would fit everybody as well.
pub(super) const PATTERN: Kind<Pattern> = kind(
    "REGEX",
    "a regex, with comm: (default), exe: or cmdline: before it",
    |text| {
        let text = letters(text)?;
        if OF_ONLY.contains(&text) {
            return Err(Unfit::Because(format!(
                "{text} is a word of --only, and means nothing here: type the pattern of those who are meant, or comm:{text} for processes of that name"
            )));
        }
        Pattern::parse(text).map_err(|why| Unfit::Because(why.to_string()))
    },
);

/// The text of a pattern. A byte that is no UTF-8 is none of its letters, while one in a name is found by `.`: see [`Pattern::is_match`].
fn letters(text: &OsStr) -> Read<&str> {
    text.to_str().ok_or_else(|| Unfit::Because("it is no UTF-8: type . for each byte that is none".into()))
}

/// What `--only` names: a word, the name of a family, which is a valid pattern, or a pattern as it was typed.
pub(super) const ONLY: Kind<String> =
    kind("browsers|any|FAMILY|REGEX", "browsers, any, the name of a --family, or a regex", |text| {
        let name = letters(text)?;
        match Pattern::parse(name) {
            Err(why @ (Invalid::FitsEverybody | Invalid::FitsAny(_))) => {
                Err(Unfit::Because(format!("{why}\nhint: --only any means every process that is not protected")))
            }
            // The name of a family may be longer than a comm: `find_only` of kill looks for it.
            Err(Invalid::NoComm(_) | Invalid::Number) if is_family_name(name) => Ok(name.into()),
            Err(why) => Err(Unfit::Because(why.to_string())),
            Ok(_) => Ok(name.into()),
        }
    });

fn is_family_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty() && !OF_ONLY.contains(&name) && name.chars().all(is_part)
}

/// What `--only` takes beside patterns and names of families.
const OF_ONLY: [&str; 2] = ["browsers", "any"];

/// A name, and the pattern that it stands for.
pub(super) const FAMILY: Kind<(String, Pattern)> =
    kind("NAME=REGEX", "NAME=REGEX, NAME of letters, digits, - and _", |text| {
        let pair = letters(text)?.split_once('=');
        if let Some((name, _)) = pair.filter(|(name, _)| OF_ONLY.contains(name)) {
            return Err(Unfit::Because(format!("{name} is a word of --only, and no NAME: take another one")));
        }
        let (name, regex) = allowed(pair.filter(|(name, _)| is_family_name(name)))?;
        Ok((name.into(), (PATTERN.read)(regex.as_ref())?))
    });

/// The full path of an executable.
pub(super) const EXE: Kind<Vec<u8>> =
    kind("PATH", "the full path of the target's executable, from /", |text| allowed(absolute(text)));

/// A cgroup's path. It is compared with what the kernel shows of processes, which has each part once: `//` and a `/` at the end are
/// taken for one, and `.` and `..`, which a directory of the file system has as well, are no parts of it.
pub(super) const CGROUP: Kind<Vec<u8>> =
    kind("PATH", "a cgroup's path as /proc/PID/cgroup has it, from /, without . and .. in it", |text| {
        let path = absolute(text);
        let parts = path.iter().flat_map(|path| path.split(|byte| *byte == b'/')).filter(|part| !part.is_empty());
        let is_plain = parts.clone().all(|part| part != b"." && part != b"..");
        let whole: Vec<u8> = parts.flat_map(|part| [b"/", part].concat()).collect();
        allowed(path.is_some().then(|| if whole.is_empty() { b"/".to_vec() } else { whole }).filter(|_| is_plain))
    });

fn absolute(text: &OsStr) -> Option<Vec<u8>> {
    let is_path = text.as_bytes().starts_with(b"/") && text.len() < 4096;
    is_path.then(|| text.as_bytes().into())
}

/// A path, from / or not. No argument holds a NUL, and a configuration may.
const fn path(word: &'static str, words: &'static str) -> Kind<CString> {
    kind(word, words, |text| allowed(CString::new(text.as_bytes()).ok()))
}

pub(super) const FILE: Kind<CString> = path("FILE", "the path of a file");
pub(super) const DIR: Kind<CString> = path("DIR", "a directory");
pub(super) const OPERAND: Kind<CString> = path("FILE", "a file, a directory, or - for standard input");
pub(super) const ROOT: Kind<CString> = path("DIR", "the directory that is the other system's /");
pub(super) const SHOWN_FILE: Kind<CString> = path("STATEFILE", "the path of a file that remembers what was shown");
pub(super) const CHANGED_FILE: Kind<CString> = path("FILE", "the path of a file that remembers what was changed");

pub(super) const THRESHOLD: Kind<Threshold> =
    kind("PERCENT", "a whole number from 1 to 99, in percent", |text| allowed(number(text).and_then(Threshold::new)));

/// The same of all memory of the host.
pub(super) const AVAILABLE: Kind<Threshold> =
    kind("PERCENT", "a whole number from 1 to 99, in percent of MemTotal", THRESHOLD.read);

/// How much of memory is used.
pub(super) const USED: Kind<Threshold> = kind("PERCENT", SHARE.allowed, |text| {
    (SHARE.read)(text).and_then(|share| allowed(Threshold::of_all(share.into())))
});

/// With or without `%` behind it.
pub(super) const SHARE: Kind<u8> = kind("PERCENT", "a whole number from 0 to 100, in percent", |text| {
    let text = text.as_bytes();
    allowed(dec(text.strip_suffix(b"%").unwrap_or(text)).and_then(share))
});

fn share(number: u64) -> Option<u8> {
    u8::try_from(number).ok().filter(|share| *share <= 100)
}

/// `full=10`
pub(super) const PRESSURE: Kind<Pressure> =
    kind("some|full=AVG10", "full=N or some=N, N from 0.01 to 100, in percent of time", |text| {
        allowed(pressure(text.as_bytes()))
    });

fn pressure(text: &[u8]) -> Option<Pressure> {
    let (of, number) = match text.strip_prefix(b"full=") {
        Some(number) => (Waiting::Full, number),
        None => (Waiting::Some, text.strip_prefix(b"some=")?),
    };
    let point = number.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = number.split_at(point.unwrap_or(number.len()));
    let fraction = match fraction {
        [] => 0,
        [_, tenths] => dec(&[*tenths])? * 10,
        [_, hundredths @ ..] => dec(hundredths).filter(|_| hundredths.len() == 2)?,
    };
    let hundredths = dec(whole)?.checked_mul(100)?.checked_add(fraction)?;
    (1..=10_000).contains(&hundredths).then_some(Pressure { of, at: Percent { hundredths } })
}

pub(super) const COUNT: Kind<u64> =
    kind("N", "a whole number from 1 to 18446744073709551615", |text| allowed(number(text).filter(|count| *count > 0)));

/// How many lines of a list.
pub(super) const LINES: Kind<usize> =
    kind("N", COUNT.allowed, |text| (COUNT.read)(text).map(|count| usize::try_from(count).unwrap_or(usize::MAX)));

/// The same of a list that has its room.
pub(super) const TOP: Kind<usize> = kind("N", "a whole number from 1 to 100", |text| {
    let number = number(text).and_then(|number| usize::try_from(number).ok());
    allowed(number.filter(|number| (1..=100).contains(number)))
});

/// As many as there is a number for in a file name that people look at.
pub(super) const OLD_FILES: Kind<u32> = kind("N", "a whole number from 0 to 1000", |text| {
    allowed(number(text).and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= 1000))
});

/// `8/hour`
pub(super) const KILLS: Kind<u64> = kind("N/hour", "a number from 1 to 64, and /hour", |text| {
    let number = text.as_bytes().strip_suffix(b"/hour").and_then(dec);
    let most = u64::try_from(KILLS_MAX).unwrap_or_default();
    allowed(number.filter(|number| (1..=most).contains(number)))
});

pub(super) const SIZE: Kind<Bytes> =
    kind("SIZE", "bytes, or with k, M or G behind them", |text| allowed(size(text.as_bytes())));

pub(super) const FILE_SIZE: Kind<Bytes> = kind("SIZE", "4096 bytes or more, or with k, M or G behind them", |text| {
    allowed(size(text.as_bytes()).filter(|size| size.0 >= 4096))
});

pub(super) const RECORD_SIZE: Kind<Bytes> =
    kind("SIZE", "bytes, or with k or M behind them: from 16k to 1024M", |text| {
        allowed(size(text.as_bytes()).filter(|size| (SIZE_MIN..=Bytes(1 << 30)).contains(size)))
    });

fn size(text: &[u8]) -> Option<Bytes> {
    let (digits, unit) = match text.split_last()? {
        (b'k' | b'K', digits) => (digits, 1 << 10),
        (b'M', digits) => (digits, 1 << 20),
        (b'G', digits) => (digits, 1 << 30),
        _ => (text, 1),
    };
    dec(digits)?.checked_mul(unit).map(Bytes)
}

/// Between two reports.
pub(super) const INTERVAL: Kind<Duration> =
    kind("SECONDS", "seconds from 0.01 to 31536000, fractions allowed", |text| allowed(seconds(text.as_bytes(), 10)));

/// Between two samples of the whole host.
pub(super) const SAMPLING: Kind<Duration> =
    kind("SECONDS", "seconds from 0.1 to 31536000, fractions allowed", |text| allowed(seconds(text.as_bytes(), 100)));

/// How long something is waited for.
pub(super) const PATIENCE: Kind<Duration> =
    kind("SECONDS", "seconds from 0 to 31536000, fractions allowed", |text| allowed(seconds(text.as_bytes(), 0)));

pub(super) const MINUTES: Kind<Duration> =
    kind("N", "minutes from 0.01 to 31536000, fractions allowed; 0 until it is stopped", |text| {
        match allowed(seconds(text.as_bytes(), 0))? {
            Duration::ZERO => Ok(Duration::MAX),
            minutes => allowed(minutes.checked_mul(60)),
        }
    });

pub(super) const WINDOW: Kind<Duration> = kind("MINUTES", "minutes from 0.01 to 31536000, fractions allowed", |text| {
    (MINUTES.read)(text).and_then(|window| allowed(Some(window).filter(|window| *window < Duration::MAX)))
});

/// Digits, and up to nine more behind a point: so many milliseconds or more, and a year at most. Nothing between 0 and 10 ms.
fn seconds(text: &[u8], least_ms: u64) -> Option<Duration> {
    let point = text.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = text.split_at(point.unwrap_or(text.len()));
    let seconds = if whole.is_empty() && fraction.len() > 1 { 0 } else { dec(whole)? };
    let nanos = match fraction.get(1..) {
        None => 0,
        Some(digits) if digits.len() <= 9 => dec(digits)? * 10_u64.pow(9 - u32::try_from(digits.len()).ok()?),
        Some(_) => return None,
    };
    let interval = Duration::new(seconds, u32::try_from(nanos).ok()?);
    let range = Duration::from_millis(least_ms.max(10))..=Duration::from_secs(31_536_000);
    (range.contains(&interval) || least_ms == 0 && interval.is_zero()).then_some(interval)
}

/// After 2 s the kernel's oom_reaper takes what the snapshot shows.
pub(super) const DEATH: Kind<Duration> = kind("MS", "milliseconds from 10 to 1500", |text| millis(text, 10..=1500));

pub(super) const EVIDENCE: Kind<Duration> = kind("MS", "milliseconds from 0 to 10000", |text| millis(text, 0..=10_000));

fn millis(text: &OsStr, range: std::ops::RangeInclusive<u64>) -> Read<Duration> {
    allowed(number(text).filter(|millis| range.contains(millis)).map(Duration::from_millis))
}

pub(super) const BASE: Kind<Base> = kind("BASE", "memtotal, cgroup or auto", |text| {
    word(text, &[("memtotal", Base::Memtotal), ("cgroup", Base::Cgroup), ("auto", Base::Auto)])
});

pub(super) const SEIZE: Kind<Seize> = kind("WHEN", "danger, always or never", |text| {
    word(text, &[("danger", Seize::Danger), ("always", Seize::Always), ("never", Seize::Never)])
});

pub(super) const FORMAT: Kind<Format> =
    kind("FORMAT", "text or json", |text| word(text, &[("text", Format::Text), ("json", Format::Json)]));

/// Of tables.
pub(super) const FORM: Kind<Form> = kind("FORMAT", "csv, json or text", |text| {
    word(text, &[("csv", Form::Csv), ("json", Form::Json), ("text", Form::Text)])
});

/// What is compared, and how much is ended: `cgroup` compares trees and ends the whole cgroup of the one chosen.
pub(super) const BY: Kind<(RankBy, Scope)> =
    kind("tree|process|score|cgroup", "tree, process, score or cgroup", |text| {
        word(
            text,
            &[
                ("tree", (RankBy::Tree, Scope::Tree)),
                ("process", (RankBy::Process, Scope::Tree)),
                ("score", (RankBy::Score, Scope::Tree)),
                ("cgroup", (RankBy::Tree, Scope::Cgroup)),
            ],
        )
    });

pub(super) const LOG: Kind<LogStream> = kind("stderr|journal|syslog", "stderr, journal or syslog", |text| {
    word(text, &[("stderr", LogStream::Stderr), ("journal", LogStream::Journal), ("syslog", LogStream::Syslog)])
});

pub(super) const LEVEL: Kind<Level> = kind("LEVEL", "DEBUG, INFO, WARNING, ERROR or CRITICAL", |text| {
    use Level::{Critical, Debug, Error, Info, Warning};
    let all = [Debug, Info, Warning, Error, Critical];
    allowed(all.into_iter().find(|level| text.eq_ignore_ascii_case(level.name())))
});

/// A moment in microseconds since 1970, and how it was typed.
pub(super) const TIME: Kind<(i64, OsString)> = kind(
    "TIME",
    "2026-11-21T10:08:31Z, '2026-11-21 10:08', 2026-11-21, 10:08, today, yesterday, now, 2h, 30m, 7d, '2 hours ago' or @SECONDS",
    |text| allowed(moment::typed(text.as_bytes(), now_us(), Zone::Local).map(|us| (us, text.into()))),
);

/// The moment so many days ago, and how many.
pub(super) const DAYS: Kind<(i64, OsString)> = kind("N", "a whole number of days from 1 to 36500", |text| {
    const DAY_US: i64 = 86_400_000_000;
    let days = number(text).filter(|days| (1..=36_500).contains(days)).and_then(|days| i64::try_from(days).ok());
    allowed(days.map(|days| (now_us() - days * DAY_US, text.into())))
});

/// A boot, counted back from the last one as journalctl does, or by its id.
pub(super) const BOOT: Kind<Boot> =
    kind("ID", "0 for the last boot, -1 for the one before it, or a boot's id of 32 hexadecimal digits", |text| {
        let text = text.as_bytes();
        let back = match text {
            b"0" | b"-0" => Some(0),
            [b'-', digits @ ..] => dec(digits),
            _ => None,
        };
        let back = back.and_then(|back| usize::try_from(back).ok()).filter(|back| *back < 100_000).map(Boot::Back);
        allowed(back.or_else(|| Id::parse(text).map(Boot::Id)))
    });

/// Now, in microseconds since 1970.
pub(super) fn now_us() -> i64 {
    i64::try_from(Now::read().realtime.as_micros()).unwrap_or(i64::MAX)
}

/// A victim's name, the start of one, or its number. `*` alone is the start of every name, and what is left of
/// "$NAME*" when NAME is not set.
pub(super) const VICTIM: Kind<OsString> =
    kind("NAME|PID", "a process's name, the start of one and *, or a process ID", |text| {
        allowed((text != "*").then(|| text.into()))
    });

/// What [`VICTIM`] let pass, as the mode takes it.
pub(super) fn who(value: &OsStr) -> Who<'_> {
    let text = value.as_bytes();
    match (number(value), text.strip_suffix(b"*")) {
        (Some(pid), _) => Who::Number(pid, text),
        (None, Some(start)) => Who::Start(start),
        (None, None) => Who::Name(text),
    }
}

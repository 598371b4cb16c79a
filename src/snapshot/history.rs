//! What it had before: a table, a curve, how fast it grows, and when memory will run out. All of it is in memory already.

use core::fmt::Write;
use core::time::Duration;

use super::{Completeness, Scene};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::history::curve::{Curve, rows};
use crate::history::forecast::{End, Forecast, Outlook, Why};
use crate::history::grown::Sizes;
use crate::history::trend::Trend;
use crate::history::{History, Sample, Share, Stamp};
use crate::parse::status::Status;
use crate::report::Event::History as Line;
use crate::report::{self, Fact, Name, Report, Row, Section, Value};
use crate::sys::clock::{Now, monotonic};
use crate::target::Life;
use crate::units::{Bytes, Percent};

const CURVE: Name = Name(Line, "RSS Curve", "");
const GROWTH: Name = Name(Line, "RSS Growth", "");
const SPEED: Name = Name(Line, "", "memdoor.growth.bytes_per_second");
const R2: Name = Name(Line, "", "memdoor.growth.r2");
const WINDOW: Name = Name(Line, "", "memdoor.growth.window_us");
const FORECAST: Name = Name(Line, "Forecast", "");
const END: Name = Name(Line, "", "memdoor.forecast.kind");
const LEFT: Name = Name(Line, "", "memdoor.forecast.left_us");
const REASON: Name = Name(Line, "", "memdoor.forecast.reason");
const GROWN: Name = Name(Line, "Grown Since First Snapshot", "");
const SINCE: Name = Name(Line, "", "memdoor.grown.since_us");
const GROWN_RSS: Name = Name(Line, "", "memdoor.grown.rss_bytes");
const GROWN_ANON: Name = Name(Line, "", "memdoor.grown.anon_bytes");
const GROWN_FILE: Name = Name(Line, "", "memdoor.grown.file_bytes");
const GROWN_SHMEM: Name = Name(Line, "", "memdoor.grown.shmem_bytes");
const GROWN_SWAP: Name = Name(Line, "", "memdoor.grown.swap_bytes");

type Words = Fixed<128>;

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    if let Some(past) = scene.past.as_deref_mut() {
        let now = monotonic();
        let then = past.first.sizes;
        past.first.sizes = then.or(Some((now, scene.sizes)));
        write(
            past,
            &past.outlook(),
            &scene.now,
            then.map(|then| (then, scene.sizes)),
            report,
        );
    }
    Ok(Completeness::Complete)
}

/// The section alone, for the end of a watch.
pub fn section(past: &History, now: &Now, life: Life, report: &mut dyn Report) {
    report.begin(Section::History);
    let mut outlook = past.outlook();
    if life == Life::Exited {
        outlook.forecast = Err(Why::Gone);
    }
    write(past, &outlook, now, None, report);
    report.end(Section::History);
}

/// The rows and what follows from them; and how much it has grown, when the figures of two snapshots are given.
fn write(
    past: &History,
    outlook: &Outlook,
    now: &Now,
    grown: Option<((Duration, Sizes), Sizes)>,
    report: &mut dyn Report,
) {
    let steady = monotonic();
    for sample in rows(past.samples()) {
        report.row(Row::Sample(&row(sample, steady, now)));
    }
    let Outlook {
        growth, forecast, ..
    } = *outlook;
    let curve = Curve::of(past.samples()).map(|curve| curve_words(&curve));
    let (speed, end) = (growth_words(growth), forecast_words(forecast));
    let of_growth = |value: fn(Trend) -> Value<'static>| growth.map_or(Value::Nothing, value);
    let of_end = |value: fn(Forecast) -> Value<'static>| forecast.map_or(Value::Nothing, value);
    let [since, rss, anon, file, shmem, swap] = grown_facts(grown);
    let words = grown.map(|grown| grown_words(grown, steady));
    let facts = [
        CURVE.is(text(curve.as_ref())),
        GROWTH.is(text(Some(&speed))),
        SPEED.is(of_growth(|trend| Value::Int(trend.per_second))),
        R2.is(of_growth(|trend| Value::Thousandths(trend.r2.0))),
        WINDOW.is(of_growth(|trend| Value::Span(trend.span))),
        FORECAST.is(text(Some(&end))),
        END.is(Value::Words(kind(forecast))),
        LEFT.is(of_end(|forecast| Value::Span(forecast.left))),
        REASON.is(forecast.map_or_else(|why| Value::Words(why.words()), |_| Value::Nothing)),
        since,
        rss,
        anon,
        file,
        shmem,
        swap,
        GROWN.is(text(words.as_ref())),
    ];
    let shown = match (facts.split_last(), grown) {
        (Some((_, rest)), None) => rest,
        _ => &facts,
    };
    report.facts(shown);
}

/// What the section on memory has read.
pub(super) fn sizes(status: Result<Status, Absent>, rss: Option<Bytes>) -> Sizes {
    let status = status.unwrap_or_default();
    Sizes {
        rss,
        anon: status.anon,
        file: status.file,
        shmem: status.shmem,
        swap: status.swap,
    }
}

fn text(words: Option<&Words>) -> Value<'_> {
    words.map_or(Value::Nothing, |words| Value::Text(words.as_bytes()))
}

fn row(sample: &Sample, steady: Duration, now: &Now) -> report::Sample {
    let ago = Duration::from_millis(sample.at.until(Stamp::of(steady)).into());
    let share = |share: Share| {
        share.get().map(|hundredths| Percent {
            hundredths: hundredths.into(),
        })
    };
    report::Sample {
        time: now.realtime.saturating_sub(ago),
        ago,
        rss: sample.rss.get(),
        anon: sample.anon.get(),
        swap: sample.swap.get(),
        available: sample.available.get(),
        usage: sample.usage.get(),
        some: share(sample.some),
        full: share(sample.full),
    }
}

fn curve_words(curve: &Curve) -> Words {
    let mut words = Words::of(curve.text().as_bytes());
    let (least, most) = (curve.least.kib(), curve.most.kib());
    // A Fixed never returns an error: it cuts.
    let _ = write!(words, " {least} to {most} kB in ");
    push_span(&mut words, curve.span);
    words
}

fn growth_words(growth: Option<Trend>) -> Words {
    let mut words = Words::new();
    let Some(Trend {
        per_second,
        r2,
        span,
        ..
    }) = growth
    else {
        return none(Why::Early);
    };
    let _ = write!(words, "{} kB/s over the last ", per_second / 1024);
    push_span(&mut words, span);
    let _ = write!(words, " (R2 {}.{:03})", r2.0 / 1000, r2.0 % 1000);
    words
}

fn forecast_words(forecast: Result<Forecast, Why>) -> Words {
    let Forecast { end, left } = match forecast {
        Ok(forecast) => forecast,
        Err(why) => return none(why),
    };
    let mut words = Words::of(match end {
        End::Limit => b"control group limit in ",
        End::System => b"no memory available in the system in ",
    });
    push_span(&mut words, left);
    words
}

fn none(why: Why) -> Words {
    let mut words = Words::of(b"none (");
    words.push(why.words().as_bytes()).push(b")");
    words
}

const fn kind(forecast: Result<Forecast, Why>) -> &'static str {
    match forecast {
        Ok(Forecast { end, .. }) => match end {
            End::Limit => "cgroup_limit",
            End::System => "system_memory",
        },
        Err(_) => "none",
    }
}

/// `4.3 s`, `12 s`, `40 min`, `20 h`, `17 d`: as exact as it is worth.
fn push_span(words: &mut Words, span: Duration) {
    let seconds = span.as_secs();
    let (number, unit) = match seconds {
        0..10 => {
            words.push_dec(seconds).push(b".");
            (u64::from(span.subsec_millis() / 100), "s")
        }
        10..600 => (seconds, "s"),
        600..36_000 => (seconds / 60, "min"),
        36_000..864_000 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    words.push_dec(number).push(b" ").push(unit.as_bytes());
}

/// How much more there is of each, in bytes; `None` where one of the two is not known.
fn differences(then: Sizes, now: Sizes) -> [Option<i64>; 5] {
    let difference = |then: Option<Bytes>, now: Option<Bytes>| {
        let (then, now) = (i64::try_from(then?.0).ok()?, i64::try_from(now?.0).ok()?);
        now.checked_sub(then)
    };
    [
        difference(then.rss, now.rss),
        difference(then.anon, now.anon),
        difference(then.file, now.file),
        difference(then.shmem, now.shmem),
        difference(then.swap, now.swap),
    ]
}

fn grown_words(((since, then), now): ((Duration, Sizes), Sizes), steady: Duration) -> Words {
    let names = ["RSS", ", anonymous", ", file", ", shared memory", ", swap"];
    let mut words = Words::new();
    for (name, by) in names.into_iter().zip(differences(then, now)) {
        let _ = match by {
            Some(by) => write!(words, "{name} {} kB", by / 1024),
            None => write!(words, "{name} -"),
        };
    }
    words.push(b", in ");
    push_span(&mut words, steady.saturating_sub(since));
    words
}

/// For JSON.
fn grown_facts(grown: Option<((Duration, Sizes), Sizes)>) -> [Fact<'static>; 6] {
    let names = [GROWN_RSS, GROWN_ANON, GROWN_FILE, GROWN_SHMEM, GROWN_SWAP];
    let mut facts = [SINCE.is(Value::Nothing); 6];
    if let Some(((since, then), now)) = grown {
        let known = names.into_iter().zip(differences(then, now));
        let since = SINCE.is(Value::Span(monotonic().saturating_sub(since)));
        let all = core::iter::once(since)
            .chain(known.map(|(name, by)| name.is(by.map_or(Value::Nothing, Value::Int))));
        facts
            .iter_mut()
            .zip(all)
            .for_each(|(slot, fact)| *slot = fact);
    }
    facts
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::history::trend::{Direction, R2};
    use std::string::String;

    fn said(words: &Words) -> String {
        String::from_utf8_lossy(words.as_bytes()).into_owned()
    }

    #[test]
    fn a_forecast_is_as_exact_as_it_is_worth() {
        let at = |end, millis| {
            let left = Duration::from_millis(millis);
            said(&forecast_words(Ok(Forecast { end, left })))
        };
        assert_eq!(at(End::Limit, 12_345), "control group limit in 12 s");
        assert_eq!(at(End::Limit, 480), "control group limit in 0.4 s");
        let system = "no memory available in the system in";
        assert_eq!(at(End::System, 2_400_000), std::format!("{system} 40 min"));
        assert_eq!(at(End::System, 72_000_000), std::format!("{system} 20 h"));
        assert_eq!(at(End::System, 864_000_000), std::format!("{system} 10 d"));
        assert_eq!(said(&forecast_words(Err(Why::Flat))), "none (flat)");
    }

    #[test]
    fn growth_has_its_line_and_how_good_it_is() {
        let trend = Trend {
            per_second: -20 * 1024,
            r2: R2(998),
            span: Duration::from_millis(9950),
            direction: Direction::Falling,
        };
        assert_eq!(
            said(&growth_words(Some(trend))),
            "-20 kB/s over the last 9.9 s (R2 0.998)"
        );
        assert_eq!(said(&growth_words(None)), "none (too few samples yet)");
    }

    #[test]
    fn what_is_not_known_of_both_has_not_grown_by_zero() {
        let then = Sizes {
            rss: Some(Bytes(4096)),
            anon: Some(Bytes(1 << 20)),
            ..Sizes::default()
        };
        let now = Sizes {
            rss: Some(Bytes(8192)),
            anon: Some(Bytes(0)),
            file: Some(Bytes(0)),
            ..Sizes::default()
        };
        let grown = ((Duration::from_secs(1), then), now);
        assert_eq!(
            said(&grown_words(grown, Duration::from_secs(13))),
            "RSS 4 kB, anonymous -1024 kB, file -, shared memory -, swap -, in 12 s"
        );
    }
}

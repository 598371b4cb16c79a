//! What it had before: a table, a curve, how fast it grows, and when memory will run out. All of it is in memory already.

use core::fmt::Write;
use core::time::Duration;

use super::{Completeness, Scene};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::history::curve::{Curve, rows};
use crate::history::forecast::{End, Forecast, NoForecast, Outlook};
use crate::history::grown::Sizes;
use crate::history::trend::Trend;
use crate::history::{History, Sample, Share, Stamp};
use crate::parse::status::Status;
use crate::report::{self, Event, Fact, Name, Report, Row, Section, Value};
use crate::sys::clock::{Now, monotonic};
use crate::target::Life;
use crate::units::{Bytes, Percent};

const HISTORY: &Event = &Event::of_snapshot("memdoor.snapshot.history", "memory history");

/// What it had of memory before.
pub(super) const SECTION: Section = Section {
    key: "memdoor.snapshot.history",
    banner: concat!(
        "##### PROCESS MEMORY HISTORY INFORMATION #####\n",
        "SECONDS AGO  RSS kB      ANON kB     SWAP kB     AVAILABLE kB CGROUP kB   FULL %\n"
    ),
};

const R2: Name = Name(HISTORY, "", "memdoor.growth.r2");
const SINCE: Name = Name(HISTORY, "Since First Snapshot", "memdoor.grown.since_us");

/// In the order of [`Sizes::differences`].
const GROWN: [Name; 5] = [
    Name(HISTORY, "RSS Grown Since First Snapshot", "memdoor.grown.rss_bytes"),
    Name(HISTORY, "Anonymous RSS Grown Since First Snapshot", "memdoor.grown.anon_bytes"),
    Name(HISTORY, "File RSS Grown Since First Snapshot", "memdoor.grown.file_bytes"),
    Name(HISTORY, "Shared Memory RSS Grown Since First Snapshot", "memdoor.grown.shmem_bytes"),
    Name(HISTORY, "Swap Grown Since First Snapshot", "memdoor.grown.swap_bytes"),
];

type Words = Fixed<128>;

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    if let Some(past) = scene.past.as_deref_mut() {
        let now = monotonic();
        let grown = past.first.sizes.map(|(since, then)| {
            let by = scene.sizes.differences(then);
            let since = SINCE.is(Value::Span(now.saturating_sub(since)));
            grown(since, by)
        });
        past.first.sizes = past.first.sizes.or(Some((now, scene.sizes)));
        write(past, past.outlook(), grown, &scene.now, report);
    }
    Ok(Completeness::Complete)
}

/// The section alone, for the end of a watch.
pub fn section(past: &History, now: &Now, life: Life, report: &mut dyn Report) {
    report.begin(&SECTION);
    let mut outlook = past.outlook();
    if life == Life::Exited {
        outlook.forecast = Err(NoForecast::Gone);
    }
    write(past, outlook, None, now, report);
    report.end(&SECTION);
}

/// The rows and what follows from them.
fn write(past: &History, outlook: Outlook, grown: Option<[Fact<'_>; 6]>, now: &Now, report: &mut dyn Report) {
    let steady = monotonic();
    for sample in rows(past.samples()) {
        report.row(Row::Sample(&row(sample, steady, now)));
    }
    let Outlook { growth, forecast, .. } = outlook;
    let curve = Curve::of(past.samples()).map_or(Words::new(), |curve| curve_words(&curve));
    let (speed, end) = (growth_words(growth), forecast_words(forecast));
    let (per_second, r2, span) = growth.map_or((Value::Nothing, Value::Nothing, Value::Nothing), |line| {
        let r2 = Value::Thousandths(line.r2.0);
        (Value::Growth(line.per_second), r2, Value::Span(line.span))
    });
    let (kind, left, reason) = match forecast {
        Ok(Forecast { end, left }) => (end.name(), Value::Span(left), Value::Nothing),
        Err(why) => ("none", Value::Nothing, Value::Words(why.words())),
    };
    let [since, rss, anon, file, shmem, swap] = grown.unwrap_or([SINCE.is(Value::Nothing); 6]);
    let facts = [
        Name(HISTORY, "RSS Curve", "").is(Value::text_or_nothing(curve.as_bytes())),
        Name(HISTORY, "RSS Growth", "").is(Value::Text(speed.as_bytes())),
        Name(HISTORY, "", "memdoor.growth.bytes_per_second").is(per_second),
        R2.is(r2),
        Name(HISTORY, "", "memdoor.growth.window_us").is(span),
        Name(HISTORY, "Forecast", "").is(Value::Text(end.as_bytes())),
        Name(HISTORY, "", "memdoor.forecast.kind").is(Value::Words(kind)),
        Name(HISTORY, "", "memdoor.forecast.left_us").is(left),
        Name(HISTORY, "", "memdoor.forecast.reason").is(reason),
        since,
        rss,
        anon,
        file,
        shmem,
        swap,
    ];
    let shown = match grown {
        Some(_) => facts.len(),
        None => facts.len() - 6,
    };
    report.facts(facts.get(..shown).unwrap_or_default());
}

fn grown(since: Fact<'_>, by: [Option<i64>; 5]) -> [Fact<'_>; 6] {
    let mut facts = [since; 6];
    for ((fact, name), by) in facts.iter_mut().skip(1).zip(GROWN).zip(by) {
        *fact = name.is(by.map_or(Value::Absent(Absent::Incomparable), Value::Growth));
    }
    facts
}

/// What the section on memory has read.
pub(super) fn sizes(status: Result<Status, Absent>, rss: Option<Bytes>) -> Sizes {
    let status = status.unwrap_or_default();
    Sizes { rss, anon: status.anon, file: status.file, shmem: status.shmem, swap: status.swap }
}

fn row(sample: &Sample, steady: Duration, now: &Now) -> report::Sample {
    let ago = Duration::from_millis(sample.at.until(Stamp::of(steady)).into());
    let share = |share: Share| share.get().map(|hundredths| Percent { hundredths: hundredths.into() });
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
    let Some(Trend { per_second, r2, span, .. }) = growth else {
        return none(NoForecast::Early);
    };
    let _ = write!(words, "{} kB/s over the last ", per_second / 1024);
    push_span(&mut words, span);
    let _ = write!(words, " (R2 {}.{:03})", r2.0 / 1000, r2.0 % 1000);
    words
}

fn forecast_words(forecast: Result<Forecast, NoForecast>) -> Words {
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

fn none(why: NoForecast) -> Words {
    let mut words = Words::of(b"none (");
    words.push(why.words().as_bytes()).push(b")");
    words
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
        assert_eq!(said(&forecast_words(Err(NoForecast::Flat))), "none (flat)");
    }

    #[test]
    fn growth_has_its_line_and_how_good_it_is() {
        let trend = Trend {
            per_second: -20 * 1024,
            r2: R2(998),
            span: Duration::from_millis(9950),
            direction: Direction::Falling,
        };
        assert_eq!(said(&growth_words(Some(trend))), "-20 kB/s over the last 9.9 s (R2 0.998)");
        assert_eq!(said(&growth_words(None)), "none (too few samples yet)");
    }
}

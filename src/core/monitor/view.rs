//! One screen of a terminal: facts to lines, and no more of them than it has.

mod past;
mod screen;

use core::time::Duration;

use super::alerts::{Alert, Change, Kind, Limits};
use super::groups::Group;
use super::options::{Charset, Color};
use super::process_table::{Row, SortKey};
use super::sample::Sample;
use super::tables::Growing;
use crate::history::trend::BELIEVED;
use crate::parse::pressure::Stall;
use crate::report::Value;
use crate::report::columns::{Keep, OrDash, Tenths, in_mib, in_tenths, left, mb, name, number, right, words};
use crate::report::time::ctime;
use crate::sys::out::Out;
use crate::units::{Bytes, Percent};
pub use past::Past;
use screen::{LINE, PADDED, Screen, Style};

/// What is shown.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The host's name.
    pub host: &'a [u8],
    /// The host now.
    pub sample: &'a Sample,
    /// Memory used before.
    pub past: &'a Past,
    /// Between two of these.
    pub interval: Duration,
    /// From where on a bar is red.
    pub limits: &'a Limits,
    /// Processes.
    pub processes: Growing<'a>,
    /// Cgroups.
    pub groups: &'a [Group],
    /// Alerts that are raised, and those that are over and have just been raised; the newest first.
    pub alerts: &'a [Option<Alert>],
    /// Raised alerts that are not among them.
    pub hidden_alerts: u64,
}

/// Begins: the screen of its own that terminals have, without the cursor.
pub const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";

/// Ends: what was there before comes back, and the cursor.
pub const LEAVE: &[u8] = b"\x1b[m\x1b[?25h\x1b[?1049l";

/// Growth by less is none.
const MUCH: i64 = 256 << 10;

/// How many of the processes that grow are shown.
const GROWERS: usize = 8;

/// How many of the cgroups that are near their limits are shown.
const GROUPS: usize = 3;

/// Writes a screen of so many columns and rows.
pub fn draw(view: &View<'_>, size: (usize, usize), color: Color, charset: Charset, out: &mut Out<'_>) {
    let mut line = [0; LINE];
    let mut screen = Screen::begin(size, color, charset, out, &mut line);
    put_head(view, &mut screen);
    let meminfo = &view.sample.meminfo;
    let swap = view.sample.meminfo.swap_used();
    let parts = [
        ("Memory ", view.sample.meminfo.used(), meminfo.total, view.limits.shown(Kind::Memory)),
        ("Swap   ", swap, meminfo.swap_total, view.limits.shown(Kind::Swap)),
    ];
    for (label, used, total, limit) in parts {
        put_bar(label, used, total, limit, &mut screen);
    }
    put_past(view, &mut screen);
    put_waits(view.sample, &mut screen);
    put_alerts(view, &mut screen);
    put_groups(view, &mut screen);
    put_growers(view, &mut screen);
    put_title(b"LARGEST", &mut screen);
    let rows = screen.rows_left();
    let all = view.processes.all;
    all.each_top(SortKey::Rss, rows, &mut |row| put_process(view, row, &mut screen));
    screen.end();
}

fn put_head(view: &View<'_>, screen: &mut Screen<'_, '_, '_>) {
    let line = &mut screen.line;
    line.put(ctime(view.sample.now.local).as_bytes());
    line.put(b"  memdoor on ");
    name(line, view.host);
    line.put(b", every ");
    put_interval(view.interval, line);
    screen.show_line(Style::Bold);
}

/// `Memory  52.3 %, 12345.6 of 23456.7 MiB    [#####.....]`
fn put_bar(label: &str, used: Option<Bytes>, total: Option<Bytes>, limit: Percent, screen: &mut Screen<'_, '_, '_>) {
    let share = used.zip(total).and_then(|(used, total)| Percent::of(used, total));
    let style = match share {
        Some(share) if share > limit => Style::Red,
        _ => Style::Green,
    };
    let (share_words, used, total) = (in_tenths(share), in_mib(used), in_mib(total));
    words(&mut screen.line, format_args!("{label} {share_words} %, {used} of {total} MiB"));
    screen.show_padded();
    screen.bar(style, share);
    screen.end_line();
}

/// `Used    50.1 to 52.3 % in 12 min` and the line.
fn put_past(view: &View<'_>, screen: &mut Screen<'_, '_, '_>) {
    let points = view.past.newest(screen.columns().saturating_sub(PADDED));
    let (Some(low), Some(high)) = (points.iter().min(), points.iter().max()) else {
        return;
    };
    let [from, to] = [low, high].map(|share| Tenths(Percent { hundredths: u64::from(*share) }));
    words(&mut screen.line, format_args!("Used    {from} to {to} % in "));
    put_span(view.past.span(points.len()), &mut screen.line);
    screen.show_padded();
    screen.curve(points, *low, *high);
    screen.end_line();
}

fn put_waits(sample: &Sample, screen: &mut Screen<'_, '_, '_>) {
    let line = &mut screen.line;
    let shares = |stall: Option<Stall>| {
        let average = stall.map_or([None; 3], |stall| stall.average.map(Some));
        average.map(|hundredths| OrDash(hundredths.map(|hundredths| Percent { hundredths })))
    };
    let [ten, sixty, three_hundred] = shares(sample.pressure.some);
    words(line, format_args!("Waits   some {ten} {sixty} {three_hundred}, "));
    let [ten, sixty, three_hundred] = shares(sample.pressure.full);
    words(line, format_args!("full {ten} {sixty} {three_hundred} %; "));
    let delta = &sample.delta;
    let (stalls, faults, kills) = (OrDash(delta.stalls), OrDash(delta.major_faults), OrDash(delta.oom_kills));
    words(line, format_args!("{stalls} stalls, {faults} faults, {kills} OOM"));
    screen.show_line(Style::Plain);
}

/// The newest, and how many more are raised: three lines of a terminal of 24, more of a taller one.
fn put_alerts(view: &View<'_>, screen: &mut Screen<'_, '_, '_>) {
    let room = (screen.rows_left() / 6).clamp(1, 8);
    let mut left = view.hidden_alerts;
    for (at, alert) in view.alerts.iter().flatten().enumerate() {
        let is_raised = alert.change == Change::Raised;
        if at >= room {
            left += u64::from(is_raised);
            continue;
        }
        put_alert(alert, &mut screen.line);
        screen.show_line(if is_raised { Style::Red } else { Style::Green });
    }
    if left > 0 {
        words(&mut screen.line, format_args!("ALERT   {left} more"));
        screen.show_line(Style::Red);
    }
}

fn put_alert(alert: &Alert, line: &mut Out<'_>) {
    line.put(match alert.change {
        Change::Raised => b"ALERT   ",
        Change::Cleared => b"over    ",
        Change::Unknown => b"unknown ",
    });
    line.put(alert.words.as_bytes());
}

/// Those that have less of their limit left than the host may.
fn put_groups(view: &View<'_>, screen: &mut Screen<'_, '_, '_>) {
    let limit = view.limits.shown(Kind::Memory);
    let near = |group: &&Group| group.percent() > Some(limit);
    for group in view.groups.iter().filter(near).take(GROUPS) {
        let line = &mut screen.line;
        line.put(b"CGROUP  ");
        words(line, format_args!("{} % of {} MiB ", in_tenths(group.percent()), in_mib(group.limit)));
        left(line, group.path.as_bytes(), 48, Keep::End);
        screen.show_line(Style::Red);
    }
    let more = view.groups.iter().filter(near).count().saturating_sub(GROUPS);
    if more > 0 {
        words(&mut screen.line, format_args!("CGROUP  {more} more"));
        screen.show_line(Style::Red);
    }
}

fn put_title(title: &[u8], screen: &mut Screen<'_, '_, '_>) {
    let line = &mut screen.line;
    left(line, title, 7, Keep::Start);
    line.put(b" PID COMMAND           RSS MiB SWAP MiB    KiB/s    R2  LEFT");
    screen.show_line(Style::Bold);
}

fn put_growers(view: &View<'_>, screen: &mut Screen<'_, '_, '_>) {
    let all = view.processes.all;
    let mut first: [Option<&Row>; GROWERS] = [None; GROWERS];
    let mut free = first.iter_mut().peekable();
    all.each_top(SortKey::Growth, GROWERS, &mut |row| {
        let growth = all.growth(row);
        let is_much = growth.is_some_and(|growth| growth.gained >= MUCH && growth.r2 >= BELIEVED);
        if let Some(slot) = free.next_if(|_| is_much) {
            *slot = Some(row);
        }
    });
    // The largest have half of what is left.
    let rows = (screen.rows_left() / 2).saturating_sub(1);
    let mut growers = first.into_iter().flatten().take(rows).peekable();
    if growers.peek().is_some() {
        put_title(b"GROWING", screen);
    }
    for row in growers {
        put_process(view, row, screen);
    }
}

fn put_process(view: &View<'_>, row: &Row, screen: &mut Screen<'_, '_, '_>) {
    let growth = view.processes.all.growth(row);
    let ends = growth.and_then(|growth| (view.processes.left)(row, &growth));
    let line = &mut screen.line;
    number(line, Some(row.pid.get().into()), 10);
    line.put(b" ");
    left(line, row.comm.as_bytes(), 15, Keep::Start);
    mb(line, Some(row.rss), 9);
    mb(line, row.swap, 8);
    number(line, growth.map(|growth| growth.per_second / 1024), 8);
    let r2 = growth.map(|growth| Value::Thousandths(growth.r2.0).figure());
    right(line, r2.as_ref().map_or(b"-", |text| text.as_bytes()), 5);
    line.put(b"  ");
    match ends {
        Some(ends) => put_span(ends, line),
        None => line.put(b"-"),
    }
    screen.show_line(Style::Plain);
}

/// `0.3 s`, `90 s`, `150 s`, `5 min`: as it was asked for, of which nothing may be rounded off.
fn put_interval(interval: Duration, line: &mut Out<'_>) {
    let (seconds, millis) = (interval.as_secs(), interval.subsec_millis());
    match (seconds, millis) {
        (120.., 0) if seconds % 3600 == 0 => words(line, format_args!("{} h", seconds / 3600)),
        (120.., 0) if seconds % 60 == 0 => words(line, format_args!("{} min", seconds / 60)),
        (_, 0) => words(line, format_args!("{seconds} s")),
        _ if millis % 100 == 0 => words(line, format_args!("{seconds}.{} s", millis / 100)),
        _ if millis % 10 == 0 => words(line, format_args!("{seconds}.{:02} s", millis / 10)),
        _ => words(line, format_args!("{seconds}.{millis:03} s")),
    }
}

/// `45 s`, `12 min`, `5 h`, `3 d`.
fn put_span(span: Duration, line: &mut Out<'_>) {
    let seconds = span.as_secs();
    let (number, unit) = match seconds {
        0..120 => (seconds, " s"),
        120..7200 => (seconds / 60, " min"),
        7200..172_800 => (seconds / 3600, " h"),
        _ => (seconds / 86_400, " d"),
    };
    line.put_dec(number);
    line.put(unit.as_bytes());
}

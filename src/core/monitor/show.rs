//! Where a sample goes: files, a screen, or lines; and at the end the summary.

use core::ffi::CStr;

use super::alerts::{self, Alert, Change, Kind, Words};
use super::files::{Files, SessionFile};
use super::options::{Charset, Color, Destination, Form, Options, Output};
use super::process_table::{Row, SortKey};
use super::tables::{self, Growing};
use super::view::{self, Past, View};
use super::{Sampler, prometheus};
use crate::environment;
use crate::exit::Exit;
use crate::files::Unusable;
use crate::report::table::{TableContext, Writer, put_header};
use crate::sys::Result;
use crate::sys::clock::Now;
use crate::sys::clock::monotonic;
use crate::sys::ours::{Refused, Replaced};
use crate::sys::out::{Broken, Out, Sink, say};
use crate::sys::reserved::Reserved;
use crate::sys::system::terminal_size;
use board::Board;

mod board;
mod end;
mod line;
mod note;

/// Where it goes.
#[allow(clippy::large_enum_variant, reason = "there is one, and no heap to put it on")]
enum Target<'a> {
    Screen(Color, Charset, Past),
    Lines,
    Files(Files<'a>),
}

/// Where it goes, and what is waiting to go there.
pub(super) struct Show<'a> {
    target: Target<'a>,
    /// What a screen shows.
    board: Board,
    /// Changed with this sample: there is room for all that one can bring ([`alerts::MOST`]), so that none is lost.
    new: Reserved<Alert>,
    /// How many of each kind were raised so far.
    counts: [u64; Kind::COUNT],
    broken: Option<Broken>,
    has_header: bool,
    /// The file for Prometheus.
    published: Option<Replaced<'a>>,
    /// Its path.
    published_path: Option<&'a CStr>,
    /// It could not be written the last time.
    is_unpublished: bool,
    /// It could be once.
    has_published: bool,
}

impl<'a> Show<'a> {
    /// Looks at all that will be written, and makes the files of the session last: where one of them is refused nothing is left.
    pub(super) fn open(options: &Options<'a>, now: &Now) -> core::result::Result<Self, Exit> {
        let published = match options.prometheus {
            None => None,
            Some(path) => Some(Replaced::open(path, &prometheus::FILE).map_err(|why| told(path, why).say())?),
        };
        let target = match options.to {
            Destination::Screen(color, charset) => Target::Screen(color, charset, Past::new()),
            Destination::Lines => Target::Lines,
            Destination::Files(dir) => {
                Target::Files(Files::create(dir, now, options.most, options.keep).map_err(|why| why.say())?)
            }
        };
        Ok(Self {
            target,
            board: Board::new(),
            new: room_for_alerts().map_err(environment::fail_no_room)?,
            counts: [0; Kind::COUNT],
            broken: None,
            has_header: false,
            published,
            published_path: options.prometheus,
            is_unpublished: false,
            has_published: false,
        })
    }

    /// Nobody reads standard output any more.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub(super) const fn is_screen(&self) -> bool {
        matches!(self.target, Target::Screen(..))
    }

    /// Files were renamed by somebody.
    pub(super) fn reopen(&mut self) {
        if let Target::Files(files) = &mut self.target {
            files.reopen();
        }
    }

    /// Hands a sample on.
    pub(super) fn show(&mut self, sampler: &Sampler<'_>, buf: &mut [u8]) {
        self.hand_on(sampler, buf);
        self.publish(sampler, buf);
        self.new.clear();
        self.board.age();
    }

    fn hand_on(&mut self, sampler: &Sampler<'_>, buf: &mut [u8]) {
        let form = sampler.options.form;
        let context = TableContext::new(form, &sampler.envelope, &sampler.sample.now);
        let Self { target, board, new, broken, has_header, .. } = self;
        match target {
            Target::Files(files) => {
                if sampler.options.what == Output::Samples {
                    for which in TABLED {
                        files.write(which, &context, buf, &mut |to| sampler.table(which, to));
                    }
                    files.write(SessionFile::Alerts, &context, buf, &mut |to| put_alerts(new, to));
                    files.end_sample();
                }
                tell(new);
            }
            Target::Screen(color, charset, past) => {
                past.push(sampler.sample.used_percent(), monotonic());
                let mut out = Out::new(Sink::Stdout, buf);
                sampler.draw(&mut out, (*color, *charset), past, board);
                *broken = flushed(&mut out);
            }
            Target::Lines if sampler.options.what == Output::Analysis => tell(new),
            Target::Lines => {
                let mut out = Out::new(Sink::Stdout, buf);
                match form {
                    Form::Text => {
                        sampler.line(new, &mut out);
                        tell_of_sources(new);
                    }
                    Form::Csv => {
                        if !core::mem::replace(has_header, true) {
                            put_header(SessionFile::Memory.table().0, &mut out);
                        }
                        sampler.put(SessionFile::Memory, &context, &mut out);
                        tell(new);
                    }
                    Form::Json => {
                        for which in TABLED {
                            sampler.put(which, &context, &mut out);
                        }
                        let table = SessionFile::Alerts.table().0;
                        let mut to = Writer::new(&context, form, table, &mut out, None);
                        put_alerts(new, &mut to);
                        to.finish();
                        tell_of_sources(new);
                    }
                }
                *broken = flushed(&mut out);
            }
        }
    }

    fn publish(&mut self, sampler: &Sampler<'_>, buf: &mut [u8]) {
        let (Some(file), Some(path)) = (&mut self.published, self.published_path) else {
            return;
        };
        let facts = prometheus::Facts {
            sample: &sampler.sample,
            page: sampler.host.page,
            processes: Some(sampler.processes.rows().count() as u64),
            zombies: Some(sampler.processes.zombies()),
            top: sampler.largest().map(|row| row.rss),
            groups: sampler.groups.rows(),
            alerts: &self.counts,
        };
        let published = prometheus::publish(file, &facts, buf);
        self.has_published |= published.is_ok();
        let was_refused = core::mem::replace(&mut self.is_unpublished, published.is_err());
        if let Err(refused) = published
            && !was_refused
        {
            say(format_args!("memdoor: {}; sampling goes on", told(path, refused)));
        }
    }
}

fn told(path: &CStr, refused: Refused) -> Unusable<'_> {
    Unusable::of(&prometheus::FILE, "write", path, refused)
}

/// Tables with a file each, the summary and the alerts not among them.
const TABLED: [SessionFile; 6] = [
    SessionFile::Memory,
    SessionFile::Processes,
    SessionFile::Cgroups,
    SessionFile::Fragmentation,
    SessionFile::Swap,
    SessionFile::Pressure,
];

impl Sampler<'_> {
    fn put(&self, which: SessionFile, context: &TableContext<'_>, out: &mut Out<'_>) {
        let mut to = Writer::new(context, context.form, which.table().0, out, None);
        self.table(which, &mut to);
        to.finish();
    }

    /// The rows of one table.
    fn table(&self, which: SessionFile, to: &mut Writer<'_, '_>) {
        let (sample, most) = (&self.sample, self.options.top);
        let growing = Growing { all: &self.processes, left: &|row, growth| self.left(row, growth) };
        match which {
            SessionFile::Memory => tables::memory(sample, self.largest(), to),
            SessionFile::Processes => tables::processes(&growing, most, to),
            SessionFile::Cgroups => tables::cgroups(self.groups.rows(), to),
            SessionFile::Fragmentation => tables::fragmentation(sample, to),
            SessionFile::Swap => tables::swap(sample, &growing, most, to),
            SessionFile::Pressure => tables::pressure(sample, to),
            SessionFile::Summary | SessionFile::Alerts => {}
        }
    }

    fn largest(&self) -> Option<&Row> {
        let mut first = None;
        self.processes.each_top(SortKey::Rss, 1, &mut |row| first = Some(row));
        first
    }

    fn draw(&self, out: &mut Out<'_>, how: (Color, Charset), past: &Past, board: &Board) {
        let view = View {
            host: self.envelope.host.as_bytes(),
            sample: &self.sample,
            past,
            interval: self.options.interval,
            limits: &self.options.limits,
            processes: Growing { all: &self.processes, left: &|row, growth| self.left(row, growth) },
            groups: self.groups.rows(),
            alerts: board.all(),
            hidden_alerts: board.hidden(),
        };
        if self.summary.samples == 1 {
            out.put(view::ENTER);
        }
        let size = terminal_size().unwrap_or((80, 24));
        view::draw(&view, size, how.0, how.1, out);
    }
}

fn flushed(out: &mut Out<'_>) -> Option<Broken> {
    out.flush();
    out.broken()
}

const fn change(alert: &Alert) -> &'static [u8] {
    match alert.change {
        Change::Raised => b"ALERT ",
        Change::Cleared => b"over: ",
        Change::Unknown => b"unknown: ",
    }
}

/// Alerts come when memory is short: the pages that they take are there by then.
fn room_for_alerts() -> Result<Reserved<Alert>> {
    let mut room = Reserved::new(alerts::MOST)?;
    let none = Alert::of_host(Kind::OomKill, Change::Raised, None, Words::new());
    room.extend(core::iter::repeat(none));
    room.clear();
    Ok(room)
}

fn put_alerts(new: &[Alert], to: &mut Writer<'_, '_>) {
    for alert in new {
        tables::alert(alert, to);
    }
}

/// Says them where somebody who is not looking will find them.
fn tell(new: &[Alert]) {
    new.iter().for_each(tell_one);
}

/// What can't be read any more is trouble of memdoor's own: it stands on standard error, too, where alerts are among what is written.
fn tell_of_sources(new: &[Alert]) {
    new.iter().filter(|alert| alert.kind == Kind::Unread).for_each(tell_one);
}

fn tell_one(alert: &Alert) {
    let text = |bytes| core::str::from_utf8(bytes).unwrap_or_default();
    let (change, words) = (text(change(alert)), text(alert.words.as_bytes()));
    say(format_args!("memdoor: {change}{words}"));
}

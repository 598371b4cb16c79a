//! The document's text: its banner lines, labels and columns, for people and for scripts written for the original.

mod rows;

use super::escape::{self, Source};
use super::time::{Precision, ctime, rfc3339, seconds};
use super::{Fact, Flush, Head, Moment, Report, Row, Section, Value, put_fmt};
use crate::error::Absent;
use crate::sys::clock::Now;
use crate::sys::out::Out;
use crate::units::Bytes;

/// Text on an [`Out`].
pub struct Text<'o, 'b> {
    out: &'o mut Out<'b>,
}

impl<'o, 'b> Text<'o, 'b> {
    /// Text on `out`.
    pub fn new(out: &'o mut Out<'b>) -> Self {
        Self { out }
    }

    /// `-` and the reason.
    fn absent(&mut self, why: Absent) {
        put_fmt(self.out, format_args!("- ({why})"));
    }

    fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Bytes(size) => self.kib(size),
            Value::Count(count) => self.out.put_dec(count),
            Value::Int(number) => self.out.put_dec(number),
            Value::Text(bytes) => escape::text(self.out, bytes, Source::Raw),
            Value::Cut(bytes) => {
                escape::text(self.out, bytes, Source::Raw);
                self.out.put(b" [cut]");
            }
            Value::Percent(_) | Value::Tenths(_) => put_fmt(self.out, format_args!("{value} %")),
            Value::Growth(_) => put_fmt(self.out, format_args!("{value} kB")),
            Value::Rate(_) => put_fmt(self.out, format_args!("{value} kB/s")),
            Value::Mib(_) | Value::About(..) => put_fmt(self.out, format_args!("{value} MiB")),
            Value::Thousandths(_) => put_fmt(self.out, format_args!("{value}")),
            Value::Command(command) => command.put(self.out),
            Value::Span(span) => {
                self.out.put(seconds(span).as_bytes());
                self.out.put(b" s");
            }
            Value::Moment(moment) => self.out.put(ctime(moment.local).as_bytes()),
            Value::Words(words) => self.out.put(words.as_bytes()),
            Value::Flag(_) | Value::List(_) | Value::Texts(_) | Value::Objects(_) => {}
            Value::Nothing => self.out.put(b"none"),
            Value::Absent(why) => self.absent(why),
        }
    }

    fn kib(&mut self, size: Bytes) {
        self.out.put_dec(size.kib());
        self.out.put(b" kB");
    }

    fn kib_or_reason(&mut self, size: Result<Bytes, Absent>) {
        match size {
            Ok(size) => self.kib(size),
            Err(why) => self.absent(why),
        }
    }

    fn number_or_reason(&mut self, number: Result<i64, Absent>) {
        match number {
            Ok(number) => self.out.put_dec(number),
            Err(why) => self.absent(why),
        }
    }
}

impl Report for Text<'_, '_> {
    fn head(&mut self, head: &Head<'_>) {
        self.moment(head.now);
    }

    fn moment(&mut self, now: &Now) {
        self.out.put(b"Report Time: ");
        self.out.put(ctime(now.local).as_bytes());
        self.out.put(b"\nReport Time UTC: ");
        let moment = Moment::now(now);
        self.out.put(rfc3339(moment.utc, moment.micros, Precision::Millis).as_bytes());
        self.out.put(b" (");
        self.out.put(seconds(now.boottime).as_bytes());
        self.out.put(b" s since boot)\n");
    }

    fn begin(&mut self, section: &Section) {
        self.out.put(section.banner.as_bytes());
    }

    fn facts(&mut self, facts: &[Fact<'_>]) {
        for fact in facts.iter().filter(|fact| !fact.label.is_empty()) {
            self.out.put(fact.label.as_bytes());
            self.out.put(b": ");
            self.value(fact.value);
            self.out.put(b"\n");
        }
    }

    fn row(&mut self, row: Row<'_>) {
        match row {
            Row::Mapping(mapping) => self.mapping(mapping),
            Row::Socket(socket) => self.socket(socket),
            Row::Relative(relative) => self.relative(relative),
            Row::Sample(sample) => self.sample(sample),
            Row::Grower(grower) => self.grower(grower),
        }
    }

    fn missing(&mut self, _: &Section, why: Absent) {
        self.absent(why);
        self.out.put(b"\n");
    }

    fn sentence(&mut self, words: &str) {
        self.out.put(words.as_bytes());
        self.out.put(b"\n");
    }

    fn end(&mut self, _: &Section) {
        self.out.put(b"\n");
    }

    fn foot(&mut self) {
        self.out.put(b"\n");
    }

    fn out(&mut self) -> &mut dyn Flush {
        self.out
    }
}

//! The document's text: its banner lines, labels and columns, for people and for scripts written for the original.

use super::escape::{self, Source};
use super::time::{Precision, ctime, rfc3339, seconds};
use super::{Fact, Flush, Head, Moment, Relation, Relative, Report, Row, Section, Value, put_fmt};
use crate::error::Absent;
use crate::fixed::{Fixed, copy};
use crate::parse::maps::Mapping;
use crate::parse::net::Socket;
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
            Value::Percent(percent) => {
                let hundredths = percent.hundredths;
                put_fmt(
                    self.out,
                    format_args!("{}.{:02} %", hundredths / 100, hundredths % 100),
                );
            }
            Value::Span(span) => {
                self.out.put(seconds(span).as_bytes());
                self.out.put(b" s");
            }
            Value::Moment(moment) => self.out.put(ctime(moment.local).as_bytes()),
            Value::Words(words) => self.out.put(words.as_bytes()),
            Value::Flag(_) | Value::List(_) | Value::Objects(_) => {}
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

    /// `000055e87e594000  4               kB  r--p  00:2e  330129     /home/ericlee/oom`
    fn mapping(&mut self, mapping: &Mapping<'_>) {
        match mapping_columns(mapping) {
            Some(columns) => self.out.put(&columns),
            None => self.wide_mapping_columns(mapping),
        }
        escape::text(self.out, mapping.path, Source::Kernel);
        self.out.put(b"\n");
    }

    /// Columns that don't fit push what follows them on.
    fn wide_mapping_columns(&mut self, mapping: &Mapping<'_>) {
        let mut columns = Fixed::<128>::new();
        columns.push(&hex16(mapping.start)).push(b"  ");
        pad_dec(&mut columns, mapping.size().kib(), 16);
        columns.push(b"kB  ").push(mapping.perms).push(b"  ");
        pad(&mut columns, mapping.dev, 7);
        pad_dec(&mut columns, mapping.inode, 11);
        self.out.put(columns.as_bytes());
    }

    /// `TCP  ESTABLISHED  127.0.0.1:5432        127.0.0.1:40112       0           0           `
    fn socket(&mut self, socket: &Socket) {
        let mut columns = Fixed::<256>::new();
        pad(&mut columns, socket.protocol.name().as_bytes(), 5);
        let mut word = Fixed::<64>::new();
        put_fmt(&mut word, format_args!("{}", socket.state));
        pad(&mut columns, word.as_bytes(), 13);
        for address in [socket.local, socket.remote] {
            word.clear();
            put_fmt(&mut word, format_args!("{address}"));
            pad(&mut columns, word.as_bytes(), 22);
        }
        for queue in [socket.tx_queue, socket.rx_queue] {
            match queue {
                Some(bytes) => pad_dec(&mut columns, bytes.0, 12),
                None => pad(&mut columns, b"-", 12),
            }
        }
        columns.push(b"\n");
        self.out.put(columns.as_bytes());
    }

    /// `8893 (comm) - OOM score: 667 - OOM adjustment score: 0 - RSS: 1024 kB - Swap: 0 kB`
    fn relative(&mut self, relative: &Relative<'_>) {
        if relative.relation == Relation::Child {
            self.out.put(b"Child: ");
        }
        self.out.put_dec(relative.pid.get());
        self.out.put(b" (");
        match relative.comm {
            Ok(comm) => escape::text(self.out, comm, Source::Raw),
            Err(why) => self.absent(why),
        }
        self.out.put(b") - OOM score: ");
        self.number_or_reason(relative.oom_score);
        self.out.put(b" - OOM adjustment score: ");
        self.number_or_reason(relative.oom_score_adj);
        self.out.put(b" - RSS: ");
        self.kib_or_reason(relative.rss);
        self.out.put(b" - Swap: ");
        self.kib_or_reason(relative.swap);
        self.out.put(b"\n");
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
        self.out
            .put(rfc3339(moment.utc, moment.micros, Precision::Millis).as_bytes());
        self.out.put(b" (");
        self.out.put(seconds(now.boottime).as_bytes());
        self.out.put(b" s since boot)\n");
    }

    fn begin(&mut self, section: Section) {
        self.out.put(match section {
            Section::Basic => b"##### PROCESS BASIC INFORMATION #####\n",
            Section::Memory => b"##### PROCESS MEMORY INFORMATION #####\n",
            Section::Tree => b"##### PROCESS TREE INFORMATION #####\n",
            Section::Mappings => concat!(
                "##### PROCESS MEMORY MAPPING INFORMATION #####\n",
                "START ADDRESS     SIZE                PERM  DEV    INODE      FILE PATH\n"
            )
            .as_bytes(),
            Section::Network => concat!(
                "##### PROCESS NETWORK CONNECTION INFORMATION #####\n",
                "PROT STATE        LOCAL ADDRESS         REMOTE ADDRESS        TX QUEUE    RX QUEUE    \n"
            )
            .as_bytes(),
            Section::Rollup => b"##### PROCESS SMAPS ROLLUP INFORMATION #####\n",
            Section::Death => b"##### PROCESS DEATH INFORMATION #####\n",
            Section::End => b"##### PROCESS END INFORMATION #####\n",
            Section::Kill => b"##### KILL INFORMATION #####\n",
            Section::Record => b"##### WATCH RECORD INFORMATION #####\n",
        });
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
        }
    }

    fn missing(&mut self, _: Section, why: Absent) {
        self.absent(why);
        self.out.put(b"\n");
    }

    fn sentence(&mut self, words: &str) {
        self.out.put(words.as_bytes());
        self.out.put(b"\n");
    }

    fn end(&mut self, _: Section) {
        self.out.put(b"\n");
    }

    fn foot(&mut self) {
        self.out.put(b"\n");
    }

    fn out(&mut self) -> &mut dyn Flush {
        self.out
    }
}

/// The columns of a mapping before its path, placed instead of pushed: there may be 65,530 of them, and pushing doubles their cost.
fn mapping_columns(mapping: &Mapping<'_>) -> Option<[u8; 62]> {
    let mut columns = *b"                                  kB                          ";
    *columns.first_chunk_mut::<16>()? = hex16(mapping.start);
    place(
        columns.get_mut(18..34)?,
        itoa::Buffer::new().format(mapping.size().kib()).as_bytes(),
    )?;
    place(columns.get_mut(38..42)?, mapping.perms)?;
    place(columns.get_mut(44..50)?, mapping.dev)?;
    place(
        columns.get_mut(51..61)?,
        itoa::Buffer::new().format(mapping.inode).as_bytes(),
    )?;
    Some(columns)
}

/// Puts `text` at the start of `column`; `None` when it is longer.
fn place(column: &mut [u8], text: &[u8]) -> Option<()> {
    copy(column.get_mut(..text.len())?, text);
    Some(())
}

/// 16 lower-case digits.
fn hex16(number: u64) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'0'; 16];
    let mut rest = number;
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(rest & 15) as usize];
        rest >>= 4;
    }
    text
}

/// Appends `text` and blanks up to `width`, at least one: a long IPv6 address pushes the next column on.
fn pad<const N: usize>(columns: &mut Fixed<N>, text: &[u8], width: usize) {
    const BLANKS: &[u8; 24] = &[b' '; 24];
    let blanks = width.saturating_sub(text.len()).max(1);
    columns
        .push(text)
        .push(BLANKS.get(..blanks).unwrap_or(BLANKS));
}

fn pad_dec<const N: usize>(columns: &mut Fixed<N>, number: u64, width: usize) {
    pad(
        columns,
        itoa::Buffer::new().format(number).as_bytes(),
        width,
    );
}

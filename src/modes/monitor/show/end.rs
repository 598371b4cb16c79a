//! The end: what the samples came to.

use super::Target;
use crate::error::Error;
use crate::exit::Exit;
use crate::modes::fail;
use crate::modes::monitor::analysis::{self, TABLES};
use crate::modes::monitor::files::Which;
use crate::modes::monitor::options::{Form, What};
use crate::modes::monitor::sheet::{Pen, Writer};
use crate::modes::monitor::{Armed, Seen, view};
use crate::report::escape::Escaped;
use crate::sys::out::{Broken, Out, Sink, say};

impl Armed<'_> {
    /// The summary: the last file, or what stands below the last line.
    pub(in crate::modes::monitor) fn end(&mut self) -> Exit {
        let Self { seen, show, out, buf, .. } = self;
        let (form, what) = (seen.options.form, seen.options.what);
        let mut is_lost = false;
        let pen = Pen::new(form, &seen.envelope, &seen.sample.now);
        if let Target::Files(files) = &mut show.target {
            files.write(Which::Summary, &pen, out, &mut |to| seen.sum_up(buf, to));
            let path = files.path(Which::Summary);
            let path = Escaped(path.as_bytes());
            if !files.is_failing() {
                files.end_sample();
                say(format_args!("memdoor: the summary is in {path}"));
                return Exit::Done;
            }
            say(format_args!("memdoor: {path} is not whole: the summary is on standard output"));
            is_lost = true;
        }
        let mut out = Out::new(Sink::Stdout, out);
        if show.is_screen() {
            out.put(view::LEAVE);
        }
        // What a script reads as one table stays one.
        if is_lost || form != Form::Csv || what == What::Analysis {
            let form = match form {
                Form::Csv => Form::Text,
                form => form,
            };
            let mut to = Writer::new(&pen, form, &TABLES, &mut out, None);
            seen.sum_up(buf, &mut to);
            to.finish();
        }
        out.flush();
        // CSV is not written to again, and was cut all the same.
        match out.broken().or(show.broken) {
            Some(Broken::Failed(errno)) => fail(&Error::new("write", b"standard output", errno)),
            _ if is_lost => Exit::Partial,
            _ => Exit::Done,
        }
    }
}

impl Seen<'_> {
    fn sum_up(&self, buf: &mut [u8], to: &mut Writer<'_, '_>) {
        let facts = analysis::Facts {
            host: &self.host,
            limits: &self.options.limits,
            top: self.options.top,
            course: &self.course,
            sample: &self.sample,
            crowd: &self.crowd,
            left: &|row, growth| self.left(row, growth),
            mapped: &self.mapped,
            mounts: &self.mounts,
            caveat: self.others.caveat(),
            notes: &self.notes,
        };
        analysis::write(&facts, buf, to);
    }
}

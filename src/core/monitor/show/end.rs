//! The end: what the samples came to.

use super::{Show, Target};
use crate::error::Error;
use crate::exit::Exit;
use crate::files::Where;
use crate::monitor::analysis::{self, TABLES};
use crate::monitor::files::SessionFile;
use crate::monitor::options::{Form, Output};
use crate::monitor::{Monitor, Sampler, view};
use crate::refusal::fail;
use crate::report::escape::Escaped;
use crate::report::table::{TableContext, Writer};
use crate::sys::out::{Broken, Out, Sink, say};

impl Show<'_> {
    /// What the file for Prometheus came to: one that could never be written is an output that failed, and one that was not written at
    /// last is not what was seen.
    fn published_at_all(&self) -> Exit {
        let Some(path) = self.published_path.filter(|_| self.is_unpublished) else {
            return Exit::Done;
        };
        let path = Escaped(path.to_bytes());
        if self.has_published {
            say(format_args!("memdoor: {path} is old: what was seen last could not be written to it"));
            return Exit::Partial;
        }
        say(format_args!("memdoor: {path} was never written: none of its samples could be"));
        Exit::Error
    }
}

impl Monitor<'_> {
    /// The summary: the last file, or what stands below the last line.
    pub(in crate::monitor) fn end(&mut self) -> Exit {
        let shown = self.show_summary();
        shown.worse(self.show.published_at_all())
    }

    fn show_summary(&mut self) -> Exit {
        let Self { sampler, show, out, buf, .. } = self;
        let (form, what) = (sampler.options.form, sampler.options.what);
        let mut is_lost = false;
        let context = TableContext::new(form, &sampler.envelope, &sampler.sample.now);
        if let Target::Files(files) = &mut show.target {
            files.write(SessionFile::Summary, &context, out, &mut |to| sampler.sum_up(buf, to));
            let mut room = [0; 1024];
            let at = files.dir_now(&sampler.host.proc, &mut room);
            let (typed, name) = (Escaped(files.dir().to_bytes()), files.name(SessionFile::Summary));
            let name = Escaped(name.as_bytes());
            if !files.is_failing(SessionFile::Summary) {
                match at {
                    Where::AsTyped(dir) => say(format_args!("memdoor: the summary is in {}/{name}", Escaped(dir))),
                    Where::Moved(dir) => say(format_args!(
                        "memdoor: the summary is in {}/{name}: {typed} was moved, or is another directory now",
                        Escaped(dir)
                    )),
                    Where::Unknown => say(format_args!(
                        "memdoor: the summary is in {name}, in the directory that was {typed} when it was opened, and was moved or removed"
                    )),
                }
                files.end_sample();
                return if files.has_lost() { Exit::Partial } else { Exit::Done };
            }
            let path = files.path(SessionFile::Summary);
            let path = Escaped(path.as_bytes());
            say(format_args!("memdoor: {path} is not whole: the summary is on standard output"));
            is_lost = true;
        }
        let mut out = Out::new(Sink::Stdout, out);
        if show.is_screen() {
            out.put(view::LEAVE);
        }
        // What a script reads as one table stays one.
        if is_lost || form != Form::Csv || what == Output::Analysis {
            let form = match form {
                Form::Csv => Form::Text,
                form => form,
            };
            let mut to = Writer::new(&context, form, TABLES, &mut out, None);
            sampler.sum_up(buf, &mut to);
            to.finish();
        }
        out.flush();
        // CSV is not written to again, and was cut all the same.
        match out.broken().or(show.broken) {
            Some(Broken::Failed(errno)) => fail(&Error::of_output(errno)),
            _ if is_lost => Exit::Partial,
            _ => Exit::Done,
        }
    }
}

impl Sampler<'_> {
    fn sum_up(&self, buf: &mut [u8], to: &mut Writer<'_, '_>) {
        let facts = analysis::Facts {
            host: &self.host,
            limits: &self.options.limits,
            top: self.options.top,
            summary: &self.summary,
            sample: &self.sample,
            processes: &self.processes,
            left: &|row, growth| self.left(row, growth),
            mapped: &self.mapped,
            reader: self.reader.as_ref(),
            mounts: &self.mounts,
            caveat: self.others.caveat(),
            notes: &self.notes,
        };
        analysis::write(&facts, buf, to);
    }
}

//! A file of systemd-journald to events.
use std::os::fd::AsFd;

use super::{Notes, Reader, wanted};
use crate::dmesg::machine::now_us;
use crate::dmesg::trouble::State;
use crate::dmesg::words;
use crate::journal::{File, Refusal};
use crate::oomlog;
use crate::oomlog::moment::Reference;
use crate::oomlog::source::{Foreign, Packing, Trouble};
use crate::sys::clock::Zone;
use crate::sys::input::{Input, Kind};

/// The file of the journal that this is; none where it is none, or can't be told: whoever reads it as text says why.
pub(super) fn of(input: &Input) -> Option<Result<File, Refusal>> {
    if input.kind() != Ok(Kind::File) {
        return None;
    }
    let file = input.as_fd().try_clone_to_owned().ok()?;
    match File::of(file.into()) {
        Err(Refusal::NoJournal | Refusal::Io(_)) => None,
        done => Some(done),
    }
}

impl Reader<'_, '_, '_> {
    /// Reads such a file: its lines have their own date and boot.
    pub(super) fn journal_file(&mut self, name: &[u8], input: &Input, file: Result<File, Refusal>) {
        self.let_go();
        let latest_us = input.modified_us().unwrap_or_else(|_| now_us());
        let start = self.log.piece(name, Reference { latest_us, boot_us: None, zone: Zone::Local });
        self.sink.reach.begin(name);
        let trouble = match file {
            Ok(file) => {
                let Self { assembler, log, sink, .. } = self;
                let heard = oomlog::journal::read(file, &mut |record, at| {
                    sink.see(&record, log);
                    let part = assembler.push(&record, start + at, &mut |event| sink.event(event, log));
                    wanted(sink, part)
                });
                self.heard(name, &heard);
                (!heard.salvage.is_whole()).then_some(Trouble::Salvaged(heard.salvage))
            }
            Err(refusal) => {
                self.sink.unread += 1;
                Some(match refusal {
                    Refusal::Unknown(flags) => Trouble::Later(flags),
                    _ => Trouble::Foreign(Foreign::Journal),
                })
            }
        };
        if let Some(trouble) = trouble {
            self.sink.troubles.say(name, State::of(input).ok(), trouble, Packing::Plain);
            self.sink.run.failed += 1;
        }
    }

    fn heard(&mut self, name: &[u8], heard: &oomlog::journal::Heard) {
        let sink = &mut *self.sink;
        sink.run.bytes += heard.bytes;
        sink.run.logs += 1;
        let [first, last] = [0, 1].map(|end| heard.span.map(|span| span[end]));
        sink.reach.note(heard.host.as_deref(), first, heard.span.is_some());
        sink.reach.note_end(last);
        let missed = heard.salvage.missed;
        // Whoever is told of what is missing is told of these, too.
        if missed > 0 && heard.salvage.is_whole() && self.notes == Notes::Said {
            let what = format!(
                "journald has missed {missed} messages of the kernel: an event may be missing, or a part of one"
            );
            words::note(name, &what);
        }
    }
}

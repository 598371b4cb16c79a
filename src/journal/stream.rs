//! The entries of one term, in the file's order: by the index, and where that breaks by walking.

use super::chain::{Chain, Step};
use super::file::File;
use super::layout::State;
use super::object::Head;
use super::query::Term;
use super::salvage::Salvage;
use super::walk::Walk;

/// A place in the entries of a term, or of the file.
pub(super) struct Stream {
    term: Option<Term>,
    /// The DATA objects that are known to hold the term.
    values: Vec<u64>,
    /// Where the last entry ends: what is before it is done.
    done: u64,
    mode: Mode,
    next: Option<Head>,
}

enum Mode {
    /// Nothing was looked up yet, or there was no such value.
    Start,
    Index(Chain),
    /// Between two entries the index is damaged: the second, and what the index goes on with.
    Gap(Walk, Head, Chain),
    /// To the end of the file.
    Tail(Walk),
    End,
}

/// Whether a file is read to its end, or to what is there yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Until {
    End,
    Now,
}

impl Stream {
    pub(super) const fn new(term: Option<Term>) -> Self {
        Self { term, values: Vec::new(), done: 0, mode: Mode::Start, next: None }
    }

    /// The next entry, which [`Stream::take`] takes.
    pub(super) fn peek(&mut self, file: &mut File, until: Until, salvage: &mut Salvage) -> Option<Head> {
        if self.next.is_none() {
            self.next = self.find(file, until, salvage);
        }
        self.next
    }

    pub(super) const fn take(&mut self) {
        self.next = None;
    }

    /// The file may have grown.
    pub(super) fn refresh(&mut self, file: &File) {
        if let Mode::Tail(walk) = &mut self.mode {
            walk.go_on_to(file.blocks.size());
        }
    }

    fn find(&mut self, file: &mut File, until: Until, salvage: &mut Salvage) -> Option<Head> {
        loop {
            match core::mem::replace(&mut self.mode, Mode::End) {
                Mode::End => return None,
                Mode::Start => {
                    self.mode = self.start(file, until, salvage);
                    if let Mode::Start = self.mode {
                        return None;
                    }
                }
                Mode::Index(chain) => {
                    if let Some(head) = self.by_index(chain, file, until, salvage) {
                        return Some(self.at(head));
                    }
                    // There is no more for now.
                    if let Mode::Index(_) = self.mode {
                        return None;
                    }
                }
                Mode::Gap(mut walk, behind, chain) => {
                    match walk.next(file, self.term.as_ref().map(|term| &term.0[..]), &mut self.values, salvage) {
                        Some(head) => {
                            self.mode = Mode::Gap(walk, behind, chain);
                            salvage.walked += 1;
                            return Some(self.at(head));
                        }
                        None => {
                            self.mode = Mode::Index(chain);
                            return Some(self.at(behind));
                        }
                    }
                }
                Mode::Tail(mut walk) => {
                    let found = walk.next(file, self.term.as_ref().map(|term| &term.0[..]), &mut self.values, salvage);
                    if found.is_some() || until == Until::Now {
                        self.mode = Mode::Tail(walk);
                    }
                    let head = found?;
                    salvage.walked += 1;
                    return Some(self.at(head));
                }
            }
        }
    }

    const fn at(&mut self, head: Head) -> Head {
        self.done = head.end;
        head
    }

    fn start(&mut self, file: &mut File, until: Until, salvage: &mut Salvage) -> Mode {
        let Some(term) = &self.term else {
            let said = file.header.entries;
            salvage.said += said;
            return Mode::Index(Chain::new(file, None, said));
        };
        match file.lookup(&term.0) {
            Ok(Some(data)) => {
                self.values.push(data.at);
                // More than have room in the file is no number that anybody wrote.
                let said = data.entries.min(file.blocks.size() / 64);
                salvage.said += said;
                Mode::Index(Chain::new(file, Some(data.at), said))
            }
            Ok(None) if until == Until::Now => Mode::Start,
            Ok(None) if is_closed(file) => Mode::End,
            // What was written behind the last object that the header knows of.
            Ok(None) => {
                let last = file.header.tail_object.max(file.header.size);
                Mode::Tail(Walk::new(last, file.blocks.size()))
            }
            Err(fault) => {
                salvage.fault(file.header.fields[0], fault);
                salvage.is_said = false;
                self.tail(file)
            }
        }
    }

    fn tail(&self, file: &File) -> Mode {
        Mode::Tail(Walk::new(self.done.max(file.header.size), file.blocks.size()))
    }

    /// The next entry by the index, or the mode that takes its place.
    fn by_index(&mut self, mut chain: Chain, file: &mut File, until: Until, salvage: &mut Salvage) -> Option<Head> {
        let mut is_torn = false;
        loop {
            match chain.step(file) {
                Step::Entry(head) if is_torn => {
                    self.mode = Mode::Gap(Walk::new(self.done.max(file.header.size), head.at), head, chain);
                    return None;
                }
                Step::Entry(head) => {
                    self.mode = Mode::Index(chain);
                    return Some(head);
                }
                Step::Bad(fault) => {
                    salvage.fault(chain.owner().unwrap_or(0), fault);
                    is_torn = true;
                }
                Step::Broken(at, fault) => {
                    salvage.fault(at, fault);
                    self.mode = self.tail(file);
                    return None;
                }
                Step::End if until == Until::Now => {
                    self.mode = Mode::Index(chain);
                    return None;
                }
                Step::End => {
                    let is_whole = !is_torn && chain.found() >= chain.said() && is_closed(file);
                    if !is_whole {
                        self.mode = self.tail(file);
                    }
                    return None;
                }
            }
        }
    }
}

/// Of a file that was closed the index has all. Of one that was not, which a crash has left, the index may be older than the entries: the
/// kernel writes pages back in any order.
fn is_closed(file: &File) -> bool {
    matches!(file.state(), State::Offline | State::Archived) && file.cut_off() == 0
}

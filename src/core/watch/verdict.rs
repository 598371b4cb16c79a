//! Who ended the target, and on what evidence: never an OOM kill without any, never none because a source could not be read.
//!
//! In three steps: [`evidence`] reads the log and the counts against each other, [`conclusion`] decides, `report` writes both.

mod cause;
mod conclusion;
mod evidence;
mod report;

use super::Words;
use super::counts::{OomKillCounts, Reading};
use crate::exit::Exit;
use crate::parse::wait::Ended;
use crate::units::Bytes;
use cause::Cause;
use conclusion::conclude;
use evidence::Evidence;
pub(super) use evidence::Sources;

/// A verdict, and what it rests on.
pub(super) struct Verdict<'k> {
    cause: Cause,
    words: Words,
    ended: Option<Ended>,
    evidence: Option<Evidence<'k>>,
    /// The cgroup that limited the target, and its limit.
    limiting: Option<(&'k [u8], Bytes)>,
}

impl<'k> Verdict<'k> {
    /// Of a watch that ends before its target.
    pub(super) fn not_ended(cause: &'static str, words: &[u8]) -> Self {
        Self { cause: Cause::NotEnded(cause), words: Words::of(words), ended: None, evidence: None, limiting: None }
    }

    /// Of a target that has ended.
    pub(super) fn of(sources: &Sources<'k>, counted: &OomKillCounts, end: Reading) -> Self {
        let evidence = Evidence::of(sources, counted, end);
        let conclusion = conclude(&evidence.findings);
        let (cause, words) = (conclusion.cause(), conclusion.words());
        Self { cause, words, ended: sources.ended, evidence: Some(evidence), limiting: None }
    }

    /// Which cgroup limited the target. Where the kernel's log does not say whose limit it was, it is the likeliest.
    pub(super) fn limited_by(self, limiting: Option<(&'k [u8], Bytes)>) -> Self {
        let is_at_limit = matches!(self.cause, Cause::CgroupOom | Cause::LikelyOomKill);
        Self { limiting: limiting.filter(|_| is_at_limit), ..self }
    }

    /// One line for a person.
    pub(super) fn words(&self) -> &[u8] {
        self.words.as_bytes()
    }

    /// The exit code that `--exit-code` asks for.
    pub(super) const fn exit(&self) -> Exit {
        self.cause.exit(self.ended)
    }
}

#[cfg(test)]
mod tests;

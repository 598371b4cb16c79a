//! `memdoor check`: memory at a glance, in the convention of monitoring plugins.

mod account;
mod browsers;
mod figures;
mod json;
mod swap;
mod text;
mod tree;
mod view;

use core::mem::ManuallyDrop;

use crate::environment::{self, FEW, Others, Unfit};
use crate::exit::{Exit, Verdict};
use crate::mode::{Buffers, envelope};
use crate::pattern::Pattern;
use crate::report::Format;
use crate::report::columns::words;
use crate::snapshot::Cmdline;
use crate::sys::out::{Broken, Out, Sink};
use crate::trigger::Threshold;
use crate::units::Bytes;
use browsers::Browsers;
use view::View;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// From how much used on it is a WARNING.
    pub warning: Option<Threshold>,
    /// From how much used on it is CRITICAL.
    pub critical: Threshold,
    /// How many processes are listed.
    pub count: usize,
    /// What is shown below the first line.
    pub show: Show,
    /// Names for other programs than browsers, and what fits their processes.
    pub families: &'static [(&'static str, Pattern)],
    /// Whether command lines are shown.
    pub cmdline: Cmdline,
    /// How it is written.
    pub format: Format,
}

/// What is shown below the first line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Show {
    /// Figures and the largest processes.
    #[default]
    Glance,
    /// The largest processes below those that started them.
    Tree,
    /// MemTotal as a sum.
    Where,
    /// What browsers hold.
    Browsers,
}

/// Writes it once, then ends: with the verdict as its exit code, in whatever format.
#[must_use]
#[inline(never)]
pub fn run(options: &Options, buffers: Buffers<'_>) -> Exit {
    let mut out = Out::new(Sink::Stdout, buffers.out);
    // What ends with the process needs no code to give it back.
    let mut host = match environment::open(FEW) {
        Ok(host) => ManuallyDrop::new(host),
        Err(unfit) => return refuse(&unfit),
    };
    if let Err(unfit) = environment::memory(&mut host, |meminfo| meminfo.available.is_some()) {
        return refuse(&unfit);
    }
    let mut envelope = envelope(&host);
    let mut others = Others::Shown;
    crate::mode::say_what_is_not_seen(&host);
    if options.show != Show::Where {
        // The verdict is about memory as a whole, of which nothing is hidden: its exit code stays.
        others = Others::say(&host.proc, &mut envelope);
    }
    let view = match View::read(&mut host, options) {
        Ok(view) => ManuallyDrop::new(view),
        Err(unfit) => return refuse(&unfit),
    };
    if let Some(why) = view.unread {
        return unknown(&mut out, format_args!("{why}"));
    }
    if view.meminfo.used().is_none() {
        return unknown(&mut out, format_args!("/proc/meminfo gives no MemTotal or no MemAvailable"));
    }
    let browsers = match (options.show == Show::Browsers).then(|| Browsers::read(&view)).transpose() {
        Ok(browsers) => browsers,
        Err(unfit) => return refuse(&unfit),
    };
    match options.format {
        Format::Text => text::put(&view, browsers.as_ref(), others, &mut out),
        Format::Json => json::put(&view, browsers.as_ref(), &envelope, &mut out),
    }
    end(&mut out, view.verdict())
}

/// Says as a monitoring plugin why the machine can't be looked at.
#[must_use]
pub fn refuse(unfit: &Unfit) -> Exit {
    crate::refusal::say_hint(unfit.hint());
    unknown(&mut Out::new(Sink::Stdout, &mut [0; 512]), format_args!("{unfit}"))
}

/// Says so of memory for an allocation: for [`crate::sys::heap::Failed`].
#[must_use]
pub fn no_memory(size: usize) -> i32 {
    refuse(&Unfit::Memory(size)) as i32
}

/// What so much of the memory being used means.
fn verdict(used: Bytes, total: Bytes, warning: Option<Threshold>, critical: Threshold) -> Verdict {
    if used >= critical.of(total) {
        Verdict::Critical
    } else if warning.is_some_and(|warning| used >= warning.of(total)) {
        Verdict::Warning
    } else {
        Verdict::Ok
    }
}

/// The first line of a plugin that can't tell.
fn unknown(out: &mut Out<'_>, why: core::fmt::Arguments<'_>) -> Exit {
    out.put(b"MEMORY UNKNOWN - ");
    words(out, why);
    out.put(b"\n");
    end(out, Verdict::Unknown)
}

/// What could not be written was not said, whatever it was.
fn end(out: &mut Out<'_>, verdict: Verdict) -> Exit {
    out.flush();
    if let Some(Broken::Failed(errno)) = out.broken() {
        let _ = crate::refusal::fail_output(errno);
        return Verdict::Unknown.into();
    }
    verdict.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_reached_exactly_on_it() {
        let percent = |number| Threshold::new(number).expect("1 to 99");
        let of = |used| verdict(Bytes(used), Bytes(1000), Some(percent(80)), percent(90));
        assert_eq!(of(799), Verdict::Ok);
        assert_eq!(of(800), Verdict::Warning);
        assert_eq!(of(899), Verdict::Warning);
        assert_eq!(of(900), Verdict::Critical);
        assert_eq!(verdict(Bytes(89), Bytes(100), None, percent(90)), Verdict::Ok);
    }
}

//! Why memdoor ends, on standard error: the reason, what to type, and the exit code.

use crate::error::Error;
use crate::exit::Exit;
use crate::sys::Errno;
use crate::sys::out::{Broken, say};
use crate::target::{NamedBy, Refusal};

/// Says why memdoor ends here.
pub fn fail(error: &Error) -> Exit {
    say(format_args!("memdoor: {error}"));
    say_hint(error.advice());
    Exit::Error
}

/// Says why a process that was named with `-p` can't be looked at.
pub fn refuse(refusal: &Refusal) -> Exit {
    refuse_named(refusal, NamedBy::Pid)
}

/// The same of one that was named by another option.
pub fn refuse_named(refusal: &Refusal, by: NamedBy) -> Exit {
    say(format_args!("{}", refusal.in_words(by)));
    say_hint(refusal.hint());
    refusal.exit()
}

/// Says what to type, if there is something.
pub fn say_hint(hint: Option<&str>) {
    if let Some(hint) = hint {
        say(format_args!("hint: {hint}"));
    }
}

/// What a broken output means for the exit code: a reader that has gone is no error.
pub fn output_exit(broken: Broken) -> Exit {
    match broken {
        Broken::ReaderGone | Broken::Stopped => Exit::Done,
        Broken::Failed(errno) => fail_output(errno),
    }
}

/// Says that standard output could not be written.
pub fn fail_output(errno: Errno) -> Exit {
    fail(&Error::of_output(errno))
}

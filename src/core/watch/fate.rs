//! What is said of the target's end: how it ended, and whether its exit stop came.

use core::fmt::Write;
use core::time::Duration;

use super::end::WATCH_END;
use crate::error::{Absent, by_right};
use crate::fixed::Fixed;
use crate::parse::wait::{Core, Ended};
use crate::report::{Fact, Name, Value};
use crate::sys::signal;
use crate::target::Unseized;
use crate::units::micros;

/// Why there was no exit stop, as far as memdoor's own decisions go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SeizeState {
    /// `--seize never`.
    Never,
    /// `--seize danger`, and the last reading was below the threshold.
    Below,
    /// The same without a threshold: the forecast alone says what danger is.
    Unforeseen,
    /// There was no reading yet.
    NotYet,
    /// It could not be.
    Unseized(Unseized),
    /// It was seized.
    Seized,
    /// It was, and the exit stop had to be passed on before anybody looked.
    Missed,
}

/// `killed by SIGSEGV (core dumped)`, `exit code 137`.
pub(super) fn words(ended: Ended) -> Fixed<64> {
    let mut words = Fixed::new();
    // A Fixed never returns an error: it cuts.
    let _ = match ended {
        Ended::Code(code) => write!(words, "exit code {code}"),
        Ended::Signal { number, core } => {
            let dumped = match core {
                Core::Dumped => " (core dumped)",
                Core::None => "",
            };
            match signal::name(number) {
                Some(name) => write!(words, "killed by {name}{dumped}"),
                None => write!(words, "killed by signal {number}{dumped}"),
            }
        }
    };
    words
}

/// Why there was no exit stop.
pub(super) fn reason(why: SeizeState) -> Fixed<128> {
    let mut words = Fixed::new();
    let _ = match why {
        SeizeState::Never => write!(words, "--seize never"),
        SeizeState::Unforeseen => write!(words, "its end was not foreseen within 10 s (--seize always)"),
        SeizeState::Below => write!(words, "it was below the threshold at the last reading"),
        SeizeState::NotYet => write!(words, "it was not seized yet"),
        SeizeState::Unseized(Unseized::Init) => {
            write!(words, "it is the first process of its pid namespace (--seize always)")
        }
        SeizeState::Unseized(Unseized::Itself) => write!(words, "it is memdoor"),
        SeizeState::Unseized(Unseized::Traced(pid)) => write!(words, "PID {pid} traces it"),
        SeizeState::Unseized(Unseized::Unpinned) => {
            write!(words, "its number is another pid namespace's, or Linux is before 5.3")
        }
        SeizeState::Unseized(Unseized::Refused(why)) if why.is_denied() => {
            let right = by_right("run as root", "root needs CAP_SYS_PTRACE");
            write!(words, "not permitted ({right}; kernel.yama.ptrace_scope)")
        }
        SeizeState::Unseized(Unseized::Refused(why)) => write!(words, "{why}"),
        SeizeState::Missed => {
            write!(words, "standard output was not read, and the target did not wait")
        }
        SeizeState::Seized => write!(words, "it was seized, and none came"),
    };
    words
}

/// How it ended, as the last report says it, and the memory of the words.
pub(super) struct Fate {
    ended: Option<Ended>,
    held: Option<Duration>,
    /// How long it may have been held before that was seen.
    unseen: Option<Duration>,
    status: Fixed<64>,
    reason: Fixed<128>,
    millis: Fixed<32>,
}

const STOP: Name = Name(WATCH_END, "", "memdoor.death.stop");
const STOPPED: Name = Name(WATCH_END, "Exit Stop", "");
const REASON: Name = Name(WATCH_END, "No Exit Stop", "memdoor.death.reason");

impl Fate {
    pub(super) fn new(ended: Option<Ended>, held: Option<(Duration, Option<Duration>)>, why: SeizeState) -> Self {
        let unseen = held.and_then(|(_, unseen)| unseen);
        let held = held.map(|(held, _)| held);
        let mut millis = Fixed::new();
        if let Some(held) = held {
            let held = micros(held);
            let _ = write!(millis, "seen, held for {}.{:03} ms", held / 1000, held % 1000);
        }
        Self { ended, held, unseen, status: ended.map(words).unwrap_or_default(), reason: reason(why), millis }
    }

    /// Whether the OOM killer may have done it: it sends SIGKILL.
    pub(super) fn may_be_oom_kill(&self) -> bool {
        match self.ended {
            Some(Ended::Signal { number, .. }) => i32::from(number) == signal::KILL,
            Some(Ended::Code(_)) => false,
            None => true,
        }
    }

    /// How it ended, if that is known.
    pub(super) const fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// What is said of it; nothing of a target that lives.
    pub(super) fn facts(fate: Option<&Self>) -> [Fact<'_>; 9] {
        const NONE: Name = Name(WATCH_END, "", "");
        fate.map_or([NONE.is(Value::Nothing); 9], Self::all)
    }

    fn all(&self) -> [Fact<'_>; 9] {
        let (signal, core, code) = match self.ended {
            Some(Ended::Signal { number, core }) => {
                let name = signal::name(number).unwrap_or("SIGRT");
                let dumped = Value::Flag(core == Core::Dumped);
                (Value::Words(name), dumped, Value::Nothing)
            }
            Some(Ended::Code(code)) => {
                let code = Value::Count(code.into());
                (Value::Nothing, Value::Nothing, code)
            }
            None => (Value::Nothing, Value::Nothing, Value::Nothing),
        };
        let status = match self.ended {
            Some(_) => Value::Text(self.status.as_bytes()),
            None => Value::Absent(Absent::NotTold),
        };
        let (stop, stopped, reason) = match self.held {
            Some(_) => {
                let (stop, none) = (STOP.is(Value::Words("seen")), REASON.is(Value::Nothing).json_only());
                (stop, STOPPED.is(Value::Text(self.millis.as_bytes())), none)
            }
            None => {
                let why = REASON.is(Value::Text(self.reason.as_bytes()));
                let none = STOPPED.is(Value::Nothing).json_only();
                (STOP.is(Value::Words("not_seen")), none, why)
            }
        };
        [
            Name(WATCH_END, "Exit Status", "memdoor.death.status").is(status),
            Name(WATCH_END, "", "memdoor.death.signal").is(signal),
            Name(WATCH_END, "", "memdoor.death.core_dumped").is(core),
            Name(WATCH_END, "", "memdoor.death.exit_code").is(code),
            stop,
            stopped,
            reason,
            Name(WATCH_END, "Exit Stop Seen Late By Up To", "memdoor.death.unseen_us")
                .if_any(self.unseen.map(Value::Span)),
            Name(WATCH_END, "", "memdoor.death.held_us").is(self.held.map_or(Value::Nothing, Value::Span)),
        ]
    }
}

//! How a watch ends, what was seen until then, and what it cost.

use core::time::Duration;

use super::counts::{OomKillCounts, Reading};
use super::fate::Fate;
use super::kmsg::{Match, Role, Sizes};
use super::member::{Evidence, Member};
use super::verdict::{Sources, Verdict};
use super::{Common, EndCode, Watch, Words};
use crate::cgroup::Sight;
use crate::cost::{Cost, SelfReport};
use crate::error::Absent;
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::mode::{done, say_if_partial};
use crate::refusal::output_exit;
use crate::report::escape::Escaped;
use crate::report::{Event, Fact, Head, Moment, Name, Section, Severity, Value};
use crate::snapshot::{Completeness, history};
use crate::sys::clock::{Now, monotonic};
use crate::sys::out::{Broken, say};
use crate::sys::record::frame::Kind;
use crate::sys::signal::{self, Stop};
use crate::target::Life;
use crate::units::Bytes;

/// How long a process that the OOM killer has killed may take to go, when memdoor is asked to end: systemd gives a service 90 s, and a
/// person less.
const DYING: Duration = Duration::from_secs(2);

pub(super) const WATCH_END: &Event = &Event::alone("memdoor.watch.end", "end of the watch", Severity::Warn);

/// How the watch ended.
pub(super) const SECTION: Section =
    Section { key: "memdoor.watch.end", banner: "##### PROCESS END INFORMATION #####\n" };

/// Why a watch ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// `-c` reports were made.
    CountReached,
    /// SIGINT, SIGTERM or SIGHUP.
    Stopped(Stop),
    /// All threads of the target have exited.
    Gone,
    /// The target runs another executable than the one named.
    Mismatch,
    /// Nothing can be written any more.
    Output(Broken),
}

impl Ending {
    /// What is said of a target that has not ended.
    fn verdict(self, role: Option<Role>) -> Verdict<'static> {
        let (cause, words) = match self {
            Self::Mismatch => ("executable_changed", "it runs another executable now"),
            Self::CountReached => ("count_reached", "the count of reports was reached"),
            Self::Stopped(stop) => ("stopped", stop.name()),
            Self::Gone | Self::Output(_) => ("unknown", "unknown"),
        };
        let mut words = Fixed::<128>::of(words.as_bytes());
        if role.is_some() {
            words.push(b"; the OOM killer has killed the process, which is not gone yet");
        }
        Verdict::not_ended(cause, words.as_bytes())
    }

    /// A reader that stopped reading while a signal asked for the end is a stop like any other.
    pub(super) fn output(broken: Broken) -> Self {
        match (broken, signal::stop_requested()) {
            (Broken::Stopped, Some(stop)) => Self::Stopped(stop),
            _ => Self::Output(broken),
        }
    }

    /// Whether there is a target still.
    fn life(self) -> Life {
        match self {
            Self::Gone => Life::Exited,
            _ => Life::Alive,
        }
    }
}

/// What was seen while watching.
pub(super) struct WatchSummary {
    /// The last reading; `None` when the target was gone before the first.
    pub(super) last_rss: Option<Bytes>,
    pub(super) snapshots: u64,
    /// The last sample of its sizes: a snapshot's reading is none.
    pub(super) sizes: Option<Sizes>,
    started: Duration,
    last_at: Duration,
    peak_rss: Option<Bytes>,
    pub(super) samples: u64,
    pub(super) worst_lateness: Duration,
    pub(super) counted: OomKillCounts,
    /// Whether the cgroup that is known is that of its end.
    pub(super) sight: Sight,
    /// Of arming, once that is done.
    pub(super) cost: Option<Cost>,
}

impl WatchSummary {
    pub(super) fn new(first: Reading) -> Self {
        let started = first.at;
        Self {
            last_rss: None,
            snapshots: 0,
            sizes: None,
            started,
            last_at: started,
            peak_rss: None,
            samples: 0,
            worst_lateness: Duration::ZERO,
            counted: OomKillCounts::new(first),
            sight: Sight::Before,
            cost: None,
        }
    }

    /// A snapshot's reading is one, too, and may be the last.
    pub(super) fn snapshot(&mut self, rss: Option<Bytes>, now: Duration) {
        self.snapshots += 1;
        if rss.is_some() {
            (self.last_rss, self.last_at) = (rss, now);
            self.peak_rss = self.peak_rss.max(rss);
        }
    }

    pub(super) fn reading(&mut self, rss: Bytes, now: Duration, planned: Duration) {
        (self.last_rss, self.last_at) = (Some(rss), now);
        self.peak_rss = self.peak_rss.max(Some(rss));
        self.samples += 1;
        self.worst_lateness = self.worst_lateness.max(now.saturating_sub(planned));
    }

    /// What the last report says of it.
    fn facts(&self, now: &Now) -> [Fact<'static>; 7] {
        let age = monotonic().saturating_sub(self.last_at);
        let last_seen = Moment::at(now.realtime.saturating_sub(age));
        let watched = monotonic().saturating_sub(self.started);
        [
            Name(WATCH_END, "Last RSS", "process.memory.usage").is(bytes_or_gone(self.last_rss)),
            Name(WATCH_END, "Last RSS Seen", "memdoor.watch.last_reading").is(Value::Moment(last_seen)),
            Name(WATCH_END, "Last RSS Seen Before This Report", "memdoor.watch.last_reading_age_us")
                .is(Value::Span(age)),
            Name(WATCH_END, "Peak RSS Seen", "memdoor.process.peak_rss_bytes").is(bytes_or_gone(self.peak_rss)),
            Name(WATCH_END, "Watched", "memdoor.watch.duration_us").is(Value::Span(watched)),
            Name(WATCH_END, "Samples", "memdoor.watch.samples").is(Value::Count(self.samples)),
            Name(WATCH_END, "Snapshots", "memdoor.watch.snapshots").is(Value::Count(self.snapshots)),
        ]
    }
}

impl Watch<'_> {
    /// The last words of a watch, and its exit code.
    pub(super) fn end(&mut self, ending: Ending) -> Exit {
        let gone = monotonic();
        if ending == Ending::Gone {
            self.look_where_it_ended();
        }
        // What is in the log by now was logged before the end was seen, or at that moment.
        let Self { common, member, .. } = self;
        common.log.read_of(&member.family, &common.host, common.buf);
        let asked = ending;
        let ending = self.at_the_last_moment(ending);
        let fate = (ending == Ending::Gone).then(|| self.last_look());
        let end = self.read_counts_and_log(fate.as_ref());
        let spent = self.member.seen.cost.as_ref().map(Cost::since).unwrap_or_default();
        let verdict = self.report_end(ending, gone, fate.as_ref(), end);
        let _ = self.common.out.look();
        let recorded = self.common.out.finish_record();
        let Self { common, member, .. } = self;
        // The last report has it whatever `-q` left out before, and what is `-` there was lost.
        let pid = member.evidence.target.pid;
        common.out.note(Completeness::of(&member.evidence.identity.facts(pid, WATCH_END)));
        let is_lost = common.out.lost.say() && !self.has_all_in_record(recorded.is_ok());
        self.is_over_and_lost = is_lost && matches!(ending, Ending::Gone | Ending::Mismatch);
        let exit = self.exit(asked, ending, &verdict, recorded.is_ok());
        let Common { options, host, out, .. } = &self.common;
        let exit = exit.worse(match recorded {
            Ok(lack) => out.say_of_the_record(lack, &host.proc),
            Err(failed) => failed,
        });
        if options.self_report == SelfReport::Show {
            self.member.seen.say_cost(spent, host);
        }
        exit
    }

    /// Says on standard error how it ended, and finds the exit code: of a watch that was to end as it was `asked`.
    fn exit(&self, asked: Ending, ending: Ending, verdict: &Said, is_recorded: bool) -> Exit {
        let Common { options, also, out, .. } = &self.common;
        let Member { evidence, threshold, .. } = &self.member;
        let pid = evidence.target.pid;
        let completeness = out.completeness().and(threshold.completeness()).and(also.completeness());
        let (finished, broken) = (done(completeness), out.to.broken());
        match (ending, broken) {
            (Ending::Output(broken), _) => output_exit(broken),
            (Ending::Gone, _) => {
                // The original's line, which scripts look for.
                say(format_args!("ERROR: PID {pid} is not accessible: No such process"));
                say(format_args!("memdoor: PID {pid}: {}", Escaped(verdict.words.as_bytes())));
                let exit = match options.end_code {
                    EndCode::How => verdict.exit,
                    // What was asked for is done, whoever else has ended meanwhile.
                    EndCode::Gone if self.stop.is_some() || asked == Ending::CountReached => finished,
                    EndCode::Gone => Exit::Gone,
                };
                self.despite(broken, exit, is_recorded)
            }
            (Ending::Mismatch, _) => {
                evidence.identity.say_mismatch(pid, options.exe.unwrap_or_default());
                self.despite(broken, Exit::Gone, is_recorded)
            }
            (_, Some(broken @ Broken::Failed(_))) if !out.lost.is_any() => output_exit(broken),
            (_, _) if out.lost.is_any() => Exit::Error,
            (Ending::Stopped(_), Some(Broken::Stopped)) => {
                say(format_args!("memdoor: standard output was not read: the last report is cut"));
                Exit::Partial
            }
            (Ending::CountReached | Ending::Stopped(_), _) => {
                say_if_partial(finished, completeness);
                finished
            }
        }
    }

    /// `exit` where standard output can't be written: that is an error, but for who asked how the target ended and has a record that is
    /// complete, where all of it stands.
    fn despite(&self, broken: Option<Broken>, exit: Exit, is_recorded: bool) -> Exit {
        let failed = match broken {
            _ if self.common.out.lost.is_any() => Exit::Error,
            Some(broken @ Broken::Failed(_)) => output_exit(broken),
            _ => return exit,
        };
        if self.has_all_in_record(is_recorded) { exit } else { failed }
    }

    /// Whether who asked how the target ended has a record, which is complete.
    fn has_all_in_record(&self, is_recorded: bool) -> bool {
        self.common.options.end_code == EndCode::How && self.common.out.place.is_some() && is_recorded
    }

    /// A target that ends at the moment at which a signal or `-c` ends the watch has ended: its end is worth more, and a service manager
    /// stops both at once. One that the OOM killer has killed by then is waited for.
    fn at_the_last_moment(&mut self, ending: Ending) -> Ending {
        // A signal that came while the wait ended for another reason is only noticed by the next wait.
        let _ = signal::wait(None, Some(Duration::ZERO));
        self.stop = signal::stop_requested();
        // Where its own snapshot at the death is what could not be written, standard error still has the verdict.
        if !matches!(ending, Ending::Stopped(_) | Ending::CountReached | Ending::Output(Broken::Failed(_))) {
            return ending;
        }
        let Self { common, member, .. } = self;
        member.serve(common);
        let kills = &common.log.kills;
        let is_killed = kills.by() == Match::Number && kills.role().is_some();
        let until = monotonic().saturating_add(if is_killed { DYING } else { Duration::ZERO });
        if member.dies_by(until, common) { Ending::Gone } else { ending }
    }

    /// Looks at its cgroup once more, before anything else: what was counted in the one that it was moved out of since the last look says
    /// nothing of its end, and who collects it takes the answer away. Not in its exit stop, where v1 would still tell it: it takes a page of the
    /// kernel's, for which memdoor might have to wait while it holds the target.
    fn look_where_it_ended(&mut self) {
        if self.member.seen.sight == Sight::Before {
            let Evidence { memcg, target, .. } = &mut self.member.evidence;
            self.member.seen.sight = memcg.refresh(target);
        }
    }

    /// Sees its end through.
    fn last_look(&mut self) -> Fate {
        self.look_where_it_ended();
        let Self { common, member, .. } = self;
        member.finish(common);
        member.death.fate(&member.evidence.target)
    }

    /// The counts after the end, and all of the log up to them: in this order, because a kill is counted before it is logged.
    fn read_counts_and_log(&mut self, fate: Option<&Fate>) -> Reading {
        let Common { host, log, buf, .. } = &mut self.common;
        let Member { evidence, family, seen, .. } = &mut self.member;
        let end = evidence.count_kills(host);
        let (own, system) = (seen.counted.own(end), seen.counted.system(end));
        if let Some(fate) = fate {
            let may_be_oom_kill = fate.may_be_oom_kill();
            log.read_until_told(family, host, buf, |kills| may_be_oom_kill || kills.missing(own, system).is_some());
            if !may_be_oom_kill {
                log.disown();
            }
        }
        end
    }

    fn report_end(&mut self, ending: Ending, gone: Duration, fate: Option<&Fate>, end: Reading) -> Said {
        let Common { log, out, .. } = &mut self.common;
        let Member { evidence, seen, death, memory, .. } = &mut self.member;
        let limiting = evidence.memcg.limiting().ok().flatten();
        let limiting = limiting.map(|group| (group.path, group.limit));
        let verdict = match ending {
            Ending::Gone => {
                let ended = fate.and_then(Fate::ended);
                let (coverage, kills) = (log.coverage(), &log.kills);
                let (sight, sizes, passed) = (seen.sight, seen.sizes, death.passed());
                let sources = Sources { ended, gone, coverage, kills, sight, sizes, passed };
                Verdict::of(&sources, &seen.counted, end).limited_by(limiting)
            }
            Ending::Mismatch | Ending::CountReached | Ending::Stopped(_) => {
                let role = log.kills.role().filter(|_| log.kills.by() == Match::Number);
                ending.verdict(role)
            }
            // There is nobody to tell.
            Ending::Output(_) => return Said { words: Words::new(), exit: Exit::Gone },
        };
        let now = Now::read();
        let pid = evidence.target.pid;
        let head = Head { now: &now, pid, comm: b"" };
        let [pid, exe] = evidence.identity.facts(pid, WATCH_END);
        let [last, at, age, peak, watched, samples, snapshots] = seen.facts(&now);
        let [status, signal, core, code, stop, stopped, why, unseen, held] = Fate::facts(fate);
        let facts = [
            pid, exe, last, at, age, peak, watched, samples, snapshots, status, signal, core, code, stop, stopped, why,
            unseen, held,
        ];
        out.report(Kind::Ended, |report| {
            // As the original ends. What follows is ours.
            if let Some(stop) = self.stop {
                report.sentence(stop.sentence());
            }
            report.head(&head);
            history::section(memory.samples, &now, ending.life(), report);
            report.begin(&SECTION);
            verdict.report(&facts, report);
            report.end(&SECTION);
        });
        Said { words: Words::of(verdict.words()), exit: verdict.exit() }
    }
}

/// What was said of the end.
struct Said {
    words: Words,
    /// The exit code that says the same.
    exit: Exit,
}

/// The target was gone before it was seen: nothing is known, which is not 0.
pub(super) fn bytes_or_gone(size: Option<Bytes>) -> Value<'static> {
    Value::of(size.ok_or(Absent::Gone), Value::Bytes)
}

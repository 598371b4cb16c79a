//! What the process has of memory, how the OOM killer rates it, and how much the system and its cgroup have left.

use core::time::Duration;

use super::{Completeness, Scene, When, carve};
use crate::error::{Absent, Source};
use crate::parse::meminfo::Meminfo;
use crate::parse::statm::{self, Statm};
use crate::parse::status::{self, Status};
use crate::parse::{one_number, smaps_rollup::Rollup};
use crate::report::{Event, Fact, Name, Report, Section, Value};
use crate::sys::Errno;
use crate::sys::kept::Kept;
use crate::sys::lines::Lines;
use crate::target::{Files, STATUS_MAX, Target};
use crate::units::{Bytes, PageSize, Percent, Pid};

const MEMORY: &Event = &Event::of_snapshot("memdoor.snapshot.memory", "memory figures");
const OOM: &Event = &Event::of_snapshot("memdoor.snapshot.oom", "OOM score");
const CGROUP: &Event = &Event::of_snapshot("memdoor.snapshot.cgroup", "control group");
const SYSTEM: &Event = &Event::of_snapshot("memdoor.snapshot.system", "system memory at the snapshot");

/// What it has of memory, and what the system and its cgroup have.
pub(super) const SECTION: Section =
    Section { key: "memdoor.snapshot.memory", banner: "##### PROCESS MEMORY INFORMATION #####\n" };

/// What of that needs a walk over the page tables, at its death.
pub(super) const ROLLUP: Section =
    Section { key: "memdoor.snapshot.rollup", banner: "##### PROCESS SMAPS ROLLUP INFORMATION #####\n" };

const PSS: Name = Name(MEMORY, "Process PSS Memory Usage", "memdoor.process.pss_bytes");
const USS: Name = Name(MEMORY, "Process USS Memory Usage", "memdoor.process.uss_bytes");

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    // Everything cheap first: it is in hand should the target die while smaps_rollup is read.
    let mut buf = &mut *scene.buf;
    let rss = rss(scene.target, scene.host.page);
    let status = status(scene.target, carve(&mut buf, STATUS_MAX));
    let score = number(scene.target, |files| &mut files.oom_score);
    let adj = number(scene.target, |files| &mut files.oom_score_adj);
    let pid = scene.target.pid;
    let (in_status, in_meminfo) = (Source::process(pid, c"status"), Source::proc(c"meminfo"));
    let system = scene.host.meminfo();
    let rollup = match scene.when {
        When::Alive => rollup(scene.target, buf, rss.ok()),
        // It walks the page tables: last of all, see `rollup_alone`.
        When::Dying { .. } | When::Condemned { .. } => Err(Absent::Late),
    };
    let of_rollup = |fact: Fact<'static>| match scene.when {
        When::Alive => fact,
        When::Dying { .. } | When::Condemned { .. } => PSS.is(Value::Nothing).json_only(),
    };

    // The walk's own sum is exact on every kernel; statm is not before 6.16.
    let sum = |line, pick: fn(Rollup) -> Option<Bytes>| summed(rollup, pid, line, pick);
    let rss = sum("Rss", |sum| sum.rss).or(rss);
    scene.rss = rss.ok();
    scene.sizes = super::history::sizes(status, scene.rss);
    let peak = peak(status, rss, in_status);
    let total = field(system, in_meminfo.lacks("MemTotal"), |system: Meminfo| system.total);
    let process = |label, key, line, pick: fn(Status) -> Option<Bytes>| {
        Name(MEMORY, label, key).is(bytes(field(status, in_status.lacks(line), pick)))
    };
    let machine = |label, key, line, pick: fn(Meminfo) -> Option<Bytes>| {
        Name(SYSTEM, label, key).is(bytes(field(system, in_meminfo.lacks(line), pick)))
    };
    let facts = [
        Name(SYSTEM, "Total System Memory", "system.memory.limit").is(bytes(total)),
        Name(MEMORY, "Process RSS Memory Usage", "process.memory.usage").is(bytes(rss)),
        of_rollup(PSS.is(bytes(sum("Pss", |sum| sum.pss)))),
        Name(OOM, "Process OOM Score", "memdoor.process.oom_score").is(Value::of(score, Value::Int)),
        Name(OOM, "Process OOM Score Adjustment Value", "memdoor.process.oom_score_adj").is(Value::of(adj, Value::Int)),
        of_rollup(USS.is(bytes(sum("Private_Clean", |sum| sum.uss())))),
        process("Process Swap Usage", "memdoor.process.swap_bytes", "VmSwap", |status| status.swap),
        process("Process Page Tables Usage", "memdoor.process.page_table_bytes", "VmPTE", |status| status.page_tables),
        process("Process Anonymous RSS", "memdoor.process.anon_bytes", "RssAnon", |status| status.anon),
        process("Process File RSS", "memdoor.process.file_bytes", "RssFile", |status| status.file),
        process("Process Shared Memory RSS", "memdoor.process.shmem_bytes", "RssShmem", |status| status.shmem),
        Name(MEMORY, "Process Peak RSS", "memdoor.process.peak_rss_bytes").is(bytes(peak)),
        process("Process Locked Memory", "memdoor.process.locked_bytes", "VmLck", |status| status.locked),
        process("Process Hugetlb Memory", "memdoor.process.hugetlb_bytes", "HugetlbPages", |status| status.hugetlb),
        process("Process Address Space", "process.memory.virtual", "VmSize", |status| status.size),
        machine("System Available Memory", "system.memory.linux.available", "MemAvailable", |system| system.available),
        Name(SYSTEM, "System ZFS ARC That Can Shrink", "memdoor.host.arc_reclaimable_bytes")
            .if_any(system.ok().and_then(|system| system.arc).map(|arc| Value::Bytes(arc.reclaimable()))),
        machine("", "memdoor.host.free_bytes", "MemFree", |system| system.free),
        machine("System Total Swap", "memdoor.host.swap_total_bytes", "SwapTotal", |system| system.swap_total),
        Name(SYSTEM, "System Free Swap", "memdoor.host.swap_free_bytes").is(bytes(swap_free(system))),
        Name(MEMORY, "RSS Share Of System Memory", "memdoor.process.rss_percent_of_memtotal").is(share(rss, total)),
    ];
    report.facts(&facts);
    Ok(Completeness::of(&facts).and(cgroup(scene, report, rss)))
}

/// `SwapFree`, and why it is not known.
fn swap_free(system: Result<Meminfo, Absent>) -> Result<Bytes, Absent> {
    let meminfo = Source::proc(c"meminfo");
    let why = match system {
        Ok(Meminfo { is_swap_untrue: true, .. }) => meminfo.untrue("SwapFree up to SwapTotal"),
        _ => meminfo.lacks("SwapFree"),
    };
    field(system, why, |system: Meminfo| system.swap_free)
}

/// The kernel keeps the peak up to date only where RSS shrinks, and shows the larger of both; the RSS of a report is of another moment, or of a
/// walk.
fn peak(status: Result<Status, Absent>, rss: Result<Bytes, Absent>, source: Source) -> Result<Bytes, Absent> {
    field(status, source.lacks("VmHWM"), |status| status.peak_rss.map(|peak| peak.max(rss.unwrap_or(peak))))
}

/// How long a walk over the page tables takes: 21 us a MiB of small pages.
fn walk(rss: Option<Bytes>) -> Duration {
    let mib = rss.unwrap_or_default().0 >> 20;
    Duration::from_micros(mib.saturating_mul(25))
}

/// What of [`take`] needs a walk over the page tables: where that is longer than there is time, it is left out.
pub(super) fn rollup_alone(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    if scene.when.left() < walk(scene.rss) {
        return Err(Absent::Late);
    }
    let (rollup, pid) = (rollup(scene.target, scene.buf, scene.rss), scene.target.pid);
    let facts = [
        PSS.is(bytes(summed(rollup, pid, "Pss", |sum| sum.pss))),
        USS.is(bytes(summed(rollup, pid, "Private_Clean", |sum| sum.uss()))),
    ];
    report.facts(&facts);
    Ok(Completeness::of(&facts))
}

/// The limit that will be hit first, and how close it is.
fn cgroup(scene: &mut Scene<'_>, report: &mut dyn Report, rss: Result<Bytes, Absent>) -> Completeness {
    // Which of these there are depends on the hierarchy and the kernel.
    let event = |key| scene.memcg.event(key).map_or(Value::Nothing, Value::Count);
    let [max, oom, oom_kill] = ["max", "oom", "oom_kill"].map(event);
    let version = scene.memcg.path().map(|(version, _)| version.number());
    let (path, figures) = match scene.memcg.limiting() {
        Ok(Some(limiting)) => {
            let figures = (limiting.limit, limiting.usage, limiting.peak);
            (Value::Text(limiting.path), Some(figures))
        }
        Ok(None) => (Value::Nothing, None),
        Err(why) => (Value::Absent(why), None),
    };
    let head = [
        Name(CGROUP, "", "memdoor.cgroup.version").is(version.map_or(Value::Nothing, Value::Count)),
        Name(CGROUP, "", "memdoor.cgroup.events.max").is(max),
        Name(CGROUP, "", "memdoor.cgroup.events.oom").is(oom),
        Name(CGROUP, "", "memdoor.cgroup.events.oom_kill").is(oom_kill),
        Name(CGROUP, "Limiting Control Group", "memdoor.cgroup.path").is(path),
    ];
    let Some((limit, usage, peak)) = figures else {
        report.facts(&head);
        return Completeness::of(&head);
    };
    let [version, max, oom, oom_kill, path] = head;
    let facts = [
        version,
        max,
        oom,
        oom_kill,
        Name(CGROUP, "", "memdoor.cgroup.peak_bytes").is(peak.map_or(Value::Nothing, Value::Bytes)),
        path,
        Name(CGROUP, "Control Group Memory Limit", "memdoor.cgroup.limit_bytes").is(Value::Bytes(limit)),
        Name(CGROUP, "Control Group Memory Usage", "memdoor.cgroup.usage_bytes").is(bytes(usage)),
        Name(CGROUP, "RSS Share Of Control Group Limit", "memdoor.process.rss_percent_of_cgroup_limit")
            .is(share(rss, Ok(limit))),
    ];
    report.facts(&facts);
    Completeness::of(&facts)
}

fn bytes(size: Result<Bytes, Absent>) -> Value<'static> {
    Value::of(size, Value::Bytes)
}

/// A field of what was read, or the reason `lack` where the file that was read does not give it.
fn field<T, U>(found: Result<T, Absent>, lack: Absent, pick: impl Fn(T) -> Option<U>) -> Result<U, Absent> {
    found.and_then(|found| pick(found).ok_or(lack))
}

/// A sum over the mappings.
fn summed(
    rollup: Result<Rollup, Absent>,
    pid: Pid,
    line: &'static str,
    pick: fn(Rollup) -> Option<Bytes>,
) -> Result<Bytes, Absent> {
    field(rollup, Source::process(pid, c"smaps_rollup").lacks(line), pick)
}

fn share(part: Result<Bytes, Absent>, whole: Result<Bytes, Absent>) -> Value<'static> {
    let percent = part.and_then(|part| Percent::of(part, whole?).ok_or(Absent::OfNothing));
    Value::of(percent, Value::Percent)
}

/// RSS as the samples have it.
pub(crate) fn rss(target: &mut Target, page: PageSize) -> Result<Bytes, Absent> {
    read_statm(target).map(|statm| statm.resident.bytes(page))
}

/// What a sample reads.
pub(crate) fn read_statm(target: &mut Target) -> Result<Statm, Absent> {
    let mut buf = [0; 256];
    let (view, files) = target.view_and_files();
    match files.statm.once(view, &mut buf).map(|text| (text.is_empty(), statm::parse(text))) {
        Ok((_, Some(statm))) if statm.size.0 == 0 => Err(Absent::Gone),
        Ok((_, Some(statm))) => Ok(statm),
        Ok((is_empty, None)) => Err(target.unsaid(c"statm", is_empty)),
        Err(errno) => Err(target.absent(c"statm", errno)),
    }
}

/// A zombie has no `Vm` lines: its memory has gone. Of a process that lives, what has none tells nothing, and not that it is gone.
fn status(target: &mut Target, buf: &mut [u8]) -> Result<Status, Absent> {
    let (view, files) = target.view_and_files();
    let text = files.status.once(view, buf).map(|text| (text.is_empty(), status::parse(text)));
    let (is_empty, status) = text.map_err(|errno| target.absent(c"status", errno))?;
    let source = Source::process(target.pid, c"status");
    match status.size {
        Some(_) => Ok(status),
        None if target.is_leaving() => Err(Absent::Gone),
        None if is_empty => Err(source.empty()),
        None => Err(source.lacks("VmSize")),
    }
}

/// The one number of a kept file.
fn number(target: &mut Target, file: fn(&mut Files) -> &mut Kept) -> Result<i64, Absent> {
    let mut buf = [0; 32];
    let (view, files) = target.view_and_files();
    let file = file(files);
    let (name, number) = (file.name(), file.once(view, &mut buf).map(|text| (text.is_empty(), one_number(text))));
    let (is_empty, number) = number.map_err(|errno| target.absent(name, errno))?;
    number.ok_or_else(|| target.unsaid(name, is_empty))
}

/// The sums over all mappings: smaps_rollup, or smaps added up on kernels before 4.14.
pub(crate) fn rollup(target: &mut Target, buf: &mut [u8], rss: Option<Bytes>) -> Result<Rollup, Absent> {
    let (view, files) = target.view_and_files();
    // On a machine that is short of everything it takes a few times as long.
    let walk = walk(rss).saturating_mul(4);
    files.smaps_rollup.takes(walk);
    files.smaps.takes(walk);
    let summed = match files.smaps_rollup.lines(view, buf) {
        Ok(lines) => sum(lines),
        Err(Errno::ENOENT) => files.smaps.lines(view, buf).and_then(sum),
        Err(errno) => Err(errno),
    };
    match summed {
        Ok(rollup) if rollup.pss.is_none() => Err(if target.is_alive() { Absent::Malformed } else { Absent::Gone }),
        Ok(rollup) => Ok(rollup),
        Err(errno) => Err(target.absent(c"smaps_rollup", errno)),
    }
}

fn sum(lines: Lines<'_, '_>) -> Result<Rollup, Errno> {
    let mut rollup = Rollup::default();
    lines.each(&mut |line| rollup.add(line))?;
    Ok(rollup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_never_below_the_rss_beside_it() {
        let status = Status { peak_rss: Some(Bytes(5)), ..Status::default() };
        let source = Source::target(c"status");
        for (rss, expected) in [(Ok(Bytes(7)), 7), (Ok(Bytes(3)), 5), (Err(Absent::Gone), 5)] {
            assert_eq!(peak(Ok(status), rss, source), Ok(Bytes(expected)));
        }
        assert_eq!(peak(Ok(Status::default()), Ok(Bytes(7)), source), Err(source.lacks("VmHWM")));
    }
}

//! What the process has of memory, how the OOM killer rates it, and how much the system and its cgroup have left.

use super::{Completeness, Scene, carve};
use crate::error::Absent;
use crate::parse::{one_number, smaps_rollup::Rollup, statm, status};
use crate::report::{Event, Fact, Report, Value};
use crate::sys::Errno;
use crate::sys::lines::Lines;
use crate::target::{STATUS_MAX, Target};
use crate::units::{Bytes, PageSize, Percent};

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    // Everything cheap first: it is in hand should the target die while smaps_rollup is read.
    let mut buf = &mut *scene.buf;
    let rss = rss(scene.target, scene.host.page);
    let status = status(scene.target, carve(&mut buf, STATUS_MAX));
    let (score, adj) = (oom_score(scene.target), oom_score_adj(scene.target));
    let system = scene.host.meminfo();
    let rollup = rollup(scene.target, buf);

    let total = system.and_then(|system| system.total.ok_or(Absent::Malformed));
    let bytes = |size| Value::of(size, Value::Bytes);
    let field = |pick: fn(&status::Status) -> Option<Bytes>| {
        bytes(status.and_then(|status| pick(&status).ok_or(Absent::NotSupported)))
    };
    let sum = |pick: fn(&Rollup) -> Option<Bytes>| {
        bytes(rollup.and_then(|rollup| pick(&rollup).ok_or(Absent::NotSupported)))
    };
    let machine = |size: fn(&crate::parse::meminfo::Meminfo) -> Option<Bytes>| {
        bytes(system.and_then(|system| size(&system).ok_or(Absent::NotSupported)))
    };
    let memory = |label, key, value| Fact::new(Event::Memory, label, key, value);
    let oom = |label, key, value| Fact::new(Event::Oom, label, key, value);
    let host = |label, key, value| Fact::new(Event::System, label, key, value);
    let facts = [
        host("Total System Memory", "system.memory.limit", bytes(total)),
        memory(
            "Process RSS Memory Usage",
            "process.memory.usage",
            bytes(rss),
        ),
        memory(
            "Process PSS Memory Usage",
            "memdoor.process.pss_bytes",
            sum(|rollup| rollup.pss),
        ),
        oom(
            "Process OOM Score",
            "memdoor.process.oom_score",
            Value::of(score, Value::Int),
        ),
        oom(
            "Process OOM Score Adjustment Value",
            "memdoor.process.oom_score_adj",
            Value::of(adj, Value::Int),
        ),
        memory(
            "Process USS Memory Usage",
            "memdoor.process.uss_bytes",
            sum(Rollup::uss),
        ),
        memory(
            "Process Swap Usage",
            "memdoor.process.swap_bytes",
            field(|status| status.swap),
        ),
        memory(
            "Process Page Tables Usage",
            "memdoor.process.page_table_bytes",
            field(|status| status.page_tables),
        ),
        memory(
            "Process Anonymous RSS",
            "memdoor.process.anon_bytes",
            field(|status| status.anon),
        ),
        memory(
            "Process File RSS",
            "memdoor.process.file_bytes",
            field(|status| status.file),
        ),
        memory(
            "Process Shared Memory RSS",
            "memdoor.process.shmem_bytes",
            field(|status| status.shmem),
        ),
        memory(
            "Process Peak RSS",
            "memdoor.process.peak_rss_bytes",
            field(|status| status.peak_rss),
        ),
        memory(
            "Process Locked Memory",
            "memdoor.process.locked_bytes",
            field(|status| status.locked),
        ),
        memory(
            "Process Hugetlb Memory",
            "memdoor.process.hugetlb_bytes",
            field(|status| status.hugetlb),
        ),
        memory(
            "Process Address Space",
            "process.memory.virtual",
            field(|status| status.size),
        ),
        host(
            "System Available Memory",
            "system.memory.linux.available",
            machine(|system| system.available),
        ),
        host("", "memdoor.host.free_bytes", machine(|system| system.free)),
        host(
            "System Total Swap",
            "memdoor.host.swap_total_bytes",
            machine(|system| system.swap_total),
        ),
        host(
            "System Free Swap",
            "memdoor.host.swap_free_bytes",
            machine(|system| system.swap_free),
        ),
        memory(
            "RSS Share Of System Memory",
            "memdoor.process.rss_percent_of_memtotal",
            share(rss, total),
        ),
    ];
    report.facts(&facts);
    Ok(Completeness::of(&facts).and(cgroup(scene, report, rss)))
}

/// The limit that will be hit first, and how close it is.
fn cgroup(
    scene: &mut Scene<'_>,
    report: &mut dyn Report,
    rss: Result<Bytes, Absent>,
) -> Completeness {
    let cgroup = |label, key, value| Fact::new(Event::Cgroup, label, key, value);
    let [max, oom, oom_kill] = [&b"max"[..], b"oom", b"oom_kill"]
        .map(|key| scene.memcg.event(key).map_or(Value::Nothing, Value::Count));
    let version = scene.memcg.path().map_or(Value::Nothing, |(version, _)| {
        Value::Count(version.number())
    });
    let (path, figures) = match scene.memcg.limiting() {
        Ok(Some(limiting)) => {
            let figures = (limiting.limit, limiting.usage(), limiting.peak());
            (Value::Text(limiting.path.as_bytes()), Some(figures))
        }
        Ok(None) => (Value::Nothing, None),
        Err(why) => (Value::Absent(why), None),
    };
    let limit = figures.map_or(Err(Absent::NotSupported), |(limit, ..)| Ok(limit));
    let usage = figures.map_or(Value::Nothing, |(_, usage, _)| {
        Value::of(usage, Value::Bytes)
    });
    let peak = figures.map_or(Value::Nothing, |(.., peak)| Value::of(peak, Value::Bytes));
    let facts = [
        cgroup("", "memdoor.cgroup.version", version),
        cgroup("", "memdoor.cgroup.peak_bytes", peak),
        cgroup("", "memdoor.cgroup.events.max", max),
        cgroup("", "memdoor.cgroup.events.oom", oom),
        cgroup("", "memdoor.cgroup.events.oom_kill", oom_kill),
        cgroup("Limiting Control Group", "memdoor.cgroup.path", path),
        cgroup(
            "Control Group Memory Limit",
            "memdoor.cgroup.limit_bytes",
            Value::of(limit, Value::Bytes),
        ),
        cgroup(
            "Control Group Memory Usage",
            "memdoor.cgroup.usage_bytes",
            usage,
        ),
        cgroup(
            "RSS Share Of Control Group Limit",
            "memdoor.process.rss_percent_of_cgroup_limit",
            share(rss, limit),
        ),
    ];
    // Without a limit the last three would only repeat that.
    let shown = if figures.is_some() {
        &facts[..]
    } else {
        facts
            .split_last_chunk::<3>()
            .map_or(&facts[..], |(first, _)| first)
    };
    report.facts(shown);
    Completeness::of(shown)
}

fn share(part: Result<Bytes, Absent>, whole: Result<Bytes, Absent>) -> Value<'static> {
    let percent = part.and_then(|part| Percent::of(part, whole?).ok_or(Absent::NotSupported));
    Value::of(percent, Value::Percent)
}

/// RSS as the samples have it.
pub(crate) fn rss(target: &mut Target, page: PageSize) -> Result<Bytes, Absent> {
    let mut buf = [0; 256];
    let (view, files) = target.view_and_files();
    match files.statm.once(view, &mut buf).map(statm::parse) {
        Ok(Some(statm)) if statm.size.0 == 0 => Err(Absent::Gone),
        Ok(Some(statm)) => Ok(statm.resident.bytes(page)),
        Ok(None) => Err(Absent::Malformed),
        Err(errno) => Err(target.absent(errno)),
    }
}

/// A zombie has no `Vm` lines: its memory has gone.
fn status(target: &mut Target, buf: &mut [u8]) -> Result<status::Status, Absent> {
    let (view, files) = target.view_and_files();
    let text = files.status.once(view, buf).map(status::parse);
    let status = text.map_err(|errno| target.absent(errno))?;
    if status.size.is_some() {
        Ok(status)
    } else {
        Err(Absent::Gone)
    }
}

fn oom_score(target: &mut Target) -> Result<i64, Absent> {
    let mut buf = [0; 32];
    let (view, files) = target.view_and_files();
    let number = files.oom_score.once(view, &mut buf).map(one_number);
    number
        .map_err(|errno| target.absent(errno))?
        .ok_or(Absent::Malformed)
}

fn oom_score_adj(target: &mut Target) -> Result<i64, Absent> {
    let mut buf = [0; 32];
    let (view, files) = target.view_and_files();
    let number = files.oom_score_adj.once(view, &mut buf).map(one_number);
    number
        .map_err(|errno| target.absent(errno))?
        .ok_or(Absent::Malformed)
}

/// The sums over all mappings: smaps_rollup, or smaps added up on kernels before 4.14.
pub(crate) fn rollup(target: &mut Target, buf: &mut [u8]) -> Result<Rollup, Absent> {
    let (view, files) = target.view_and_files();
    let summed = match files.smaps_rollup.lines(view, buf) {
        Ok(lines) => sum(lines),
        Err(Errno::ENOENT) => view
            .file(c"smaps")
            .and_then(|smaps| sum(Lines::new(&smaps, buf))),
        Err(errno) => Err(errno),
    };
    match summed {
        Ok(rollup) if rollup.pss.is_none() => Err(if target.is_alive() {
            Absent::Malformed
        } else {
            Absent::Gone
        }),
        Ok(rollup) => Ok(rollup),
        Err(errno) => Err(target.absent(errno)),
    }
}

fn sum(mut lines: Lines<'_, '_>) -> Result<Rollup, Errno> {
    let mut rollup = Rollup::default();
    while let Some(line) = lines.next() {
        rollup.add(line?);
    }
    Ok(rollup)
}

//! The samples of a watch: when they are taken, what they hold, and what follows from them.

use core::time::Duration;

use super::also::AlsoWatched;
use super::member::{Evidence, Member};
use crate::history::pace::{self, Calm, Situation};
use crate::history::trend::{BELIEVED, Direction};
use crate::history::{History, Sample, Share, Size, Stamp};
use crate::host::Host;
use crate::parse::meminfo::Meminfo;
use crate::parse::pressure::Stall;
use crate::parse::statm::Statm;
use crate::parse::status;
use crate::target::STATUS_MAX;
use crate::trigger::{self, Level};
use crate::units::{Bytes, Pages};

/// An end that is so near is danger: the target is seized, so that it can't die unseen.
const DANGER: Duration = Duration::from_secs(10);

/// What a watch remembers.
pub(super) struct Memory<'a> {
    pub(super) samples: &'a mut History,
    /// When the last sample was taken, and what RSS was then.
    last: Option<(Duration, Bytes)>,
    started: Duration,
}

impl<'a> Memory<'a> {
    pub(super) fn new(samples: &'a mut History, started: Duration) -> Self {
        samples.clear();
        Self { samples, last: None, started }
    }

    /// Whether an end is foretold that is near.
    pub(super) fn is_danger(&self, now: Duration) -> bool {
        self.samples.outlook().left(now).is_some_and(|left| left < DANGER)
    }

    fn is_news(&self, rss: Bytes) -> bool {
        let sampled = self.last.map(|(_, rss)| rss);
        sampled.is_none_or(|sampled| pace::is_news(rss, sampled, self.samples.outlook().room))
    }

    /// Whether a reading of RSS is to become a sample.
    pub(super) fn is_due(&self, rss: Bytes, now: Duration) -> bool {
        let Some((at, _)) = self.last else {
            return true;
        };
        let watched = now.saturating_sub(self.started);
        let step = pace::sample(self.samples.outlook().left(now), watched);
        let age = now.saturating_sub(at);
        age >= step || (age >= pace::rest() && self.is_news(rss))
    }

    /// What the pace of readings depends on.
    fn situation(&self, rss: Bytes, fires_at: Option<Bytes>, now: Duration) -> Situation {
        let below = fires_at.and_then(|fires_at| fires_at.0.checked_sub(rss.0));
        let below = below.filter(|room| *room > 0).map(Bytes);
        let growth = self.samples.outlook().growth;
        let growth = growth.filter(|line| line.direction == Direction::Rising && line.r2 >= BELIEVED);
        Situation {
            end: self.samples.outlook().left(now),
            crossing: below.and_then(|room| pace::lasts(room, growth?.per_second)),
            room: below.into_iter().chain(self.samples.outlook().room).min(),
            calm: if self.samples.outlook().is_flat() && !self.is_news(rss) { Calm::Calm } else { Calm::Restless },
        }
    }

    /// Reads what a sample holds besides RSS. All of it is open, and was read before.
    pub(super) fn take_sample(
        &mut self,
        statm: Statm,
        now: Duration,
        evidence: &mut Evidence,
        host: &mut Host,
        also: &mut AlsoWatched,
    ) {
        let page = host.page;
        let rss = statm.resident.bytes(page);
        let anon = Pages(statm.resident.0.saturating_sub(statm.shared.0)).bytes(page);
        let (system, pressure) = (host.meminfo(), host.pressure());
        also.doubt(evidence.target.pid, &system, &pressure);
        let (system, pressure) = (system.unwrap_or_default(), pressure.unwrap_or_default());
        let some = pressure.some.map(Stall::avg10);
        let full = pressure.full.map(Stall::avg10);
        let charge = evidence.memcg.charge();
        let sample = Sample {
            at: Stamp::of(now),
            rss: Size::of(Some(rss)),
            anon: Size::of(Some(anon)),
            swap: Size::of(evidence.swap(&system)),
            available: Size::of(system.available),
            swap_free: Size::of(system.swap_free),
            usage: Size::of(charge.and_then(|charge| charge.usage)),
            charged: Size::of(charge.and_then(|charge| charge.held())),
            some: Share::of(some),
            full: Share::of(full),
        };
        let known = trigger::also::Host { total: system.total, available: system.available, some, full };
        also.judge(known, || host.with_lists(system).available);
        let limit = charge.map(|charge| charge.most(system.swap_free));
        self.samples.push(sample, limit);
        self.last = Some((now, rss));
    }
}

impl Evidence {
    /// VmSwap. While all swap is free it is none, which spares the dearest of these files.
    pub(super) fn swap(&mut self, system: &Meminfo) -> Option<Bytes> {
        if system.swap_total.is_some() && system.swap_total == system.swap_free {
            return Some(Bytes(0));
        }
        let mut buf = [0; STATUS_MAX];
        let (view, files) = self.target.view_and_files();
        let text = files.status.once(view, &mut buf).ok()?;
        status::parse(text).swap
    }
}

impl Member<'_> {
    /// How long to wait for the next reading.
    pub(super) fn step(&self, now: Duration, interval: Duration) -> Duration {
        let rss = self.seen.last_rss.unwrap_or_default();
        let situation = self.memory.situation(rss, self.threshold.fires_at(), now);
        pace::reading(situation).min(interval)
    }

    /// Whether the target is above its threshold, or its end is near.
    pub(super) fn is_in_danger(&self, level: Level, now: Duration) -> bool {
        let is_above = self.threshold.percent().is_some() && level == Level::Above;
        is_above || self.memory.is_danger(now)
    }
}

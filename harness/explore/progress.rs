//! How far an exploration has come, told while it runs.

use std::time::{Duration, Instant};

/// How often a [`Watch`] is told.
const EVERY: Duration = Duration::from_millis(100);

/// How far an exploration has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The set of requests, from 1.
    pub race: usize,
    /// Sets of requests in all.
    pub races: usize,
    /// The requests, for people: `alice read, bob read`.
    pub requests: String,
    /// What is being done.
    pub work: Work,
    /// Executions of this set of requests.
    pub executions: u64,
    /// Schedules of it that were run to their end.
    pub schedules: u64,
    /// Preemptions of the schedules that are being run; `None` when that is left to chance.
    pub bound: Option<u32>,
    /// Schedules of it in which an exposure was seen.
    pub exposing: u64,
}

/// What an exploration does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// Every request alone.
    #[default]
    Alone,
    /// It walks schedules in the order that was asked for.
    Search,
    /// It draws schedules by chance.
    Samples,
    /// It looks for a shorter schedule of an exposure.
    Shrink,
    /// It tells schedules step by step.
    Tell,
}

/// Is told how far an exploration has come.
pub trait Watch {
    /// Something has changed, about every 100 ms and whenever other work begins.
    fn progress(&mut self, progress: &Progress);
}

/// Watches nothing.
impl Watch for () {
    fn progress(&mut self, _: &Progress) {}
}

/// Tells a watch now and then.
pub(super) struct Teller<'a> {
    watch: &'a mut dyn Watch,
    pub(super) progress: Progress,
    told: Option<Instant>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(watch: &'a mut dyn Watch, races: usize) -> Teller<'a> {
        Teller {
            watch,
            progress: Progress {
                races,
                ..Progress::default()
            },
            told: None,
        }
    }

    /// Other work begins.
    pub(super) fn begins(&mut self, work: Work, now: Instant) {
        self.progress.work = work;
        self.tell(now);
    }

    /// Tells when it is time to.
    pub(super) fn goes_on(&mut self, now: Instant) {
        if self.told.is_none_or(|told| now - told >= EVERY) {
            self.tell(now);
        }
    }

    fn tell(&mut self, now: Instant) {
        self.told = Some(now);
        self.watch.progress(&self.progress);
    }
}

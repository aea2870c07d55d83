//! The sums of a race: schedules by bound, outcomes, points, and where every exposure was first seen.

use std::collections::{BTreeMap, HashSet};

use super::fingerprint::fingerprint;
use super::search::Reach;
use super::{Execution, Weighed};
use crate::history::{BoundTold, Explored, Move, OutcomeTold, PointCounts, Schedule};

/// Schedules that are remembered, so that one that is drawn by chance is not counted a second time.
pub const SCHEDULES_REMEMBERED: usize = 1_000_000;
/// Outcomes whose schedules are counted.
const OUTCOMES_COUNTED: usize = 10_000;
/// Exposures that a shortest schedule is looked for of.
const EXPOSURES_FOLLOWED: usize = 1_000;

/// Where an exposure was first seen.
#[derive(Clone, Debug)]
pub(super) struct FirstSeen {
    pub(super) schedule: Schedule,
    pub(super) preemptions: u32,
    /// The first one, and how many preemptions it has, in which no two requests met, when the one above is not.
    apart: Option<(Schedule, u32)>,
}

impl FirstSeen {
    /// The first schedule that shows it without a race, where there is one, else the first that shows it.
    pub(super) fn plainest(&self) -> (&Schedule, u32) {
        match &self.apart {
            Some((schedule, preemptions)) => (schedule, *preemptions),
            None => (&self.schedule, self.preemptions),
        }
    }
}

/// The sums of a race.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) schedules: u64,
    pub(super) exposing: u64,
    pub(super) first_exposing: Option<u64>,
    pub(super) sampled: u64,
    bounds: Vec<BoundTold>,
    pub(super) points: Vec<PointCounts>,
    outcomes: Vec<OutcomeTold>,
    outcomes_total: u64,
    remembered: HashSet<u64>,
    /// Some schedules that were run are not remembered.
    pub(super) has_forgotten: bool,
    /// Ids of exposures in the order in which they appeared.
    order: Vec<String>,
    first_seen: BTreeMap<String, FirstSeen>,
}

impl Tally {
    /// An execution that walked the schedules in their order: a schedule that none before was.
    pub(super) fn walked(&mut self, execution: &Execution, weighed: &Weighed, preemptions: u32) {
        let place = preemptions as usize;
        while self.bounds.len() <= place {
            self.bounds.push(BoundTold {
                preemptions: self.bounds.len() as u32,
                ..BoundTold::default()
            });
        }
        self.bounds[place].schedules += 1;
        self.bounds[place].exposing += u64::from(weighed.exposes());
        if self.remembered.len() < SCHEDULES_REMEMBERED {
            self.remembered.insert(key(&execution.schedule.0));
        } else {
            self.has_forgotten = true;
        }
        self.count(weighed);
    }

    /// An execution that was drawn by chance, after a search that came as far as `reach`. It is counted when it is known to be
    /// none of those that were run before.
    pub(super) fn drawn(
        &mut self,
        execution: &Execution,
        weighed: &Weighed,
        preemptions: u32,
        reach: Reach,
    ) {
        if reach
            .complete
            .is_some_and(|complete| preemptions <= complete)
        {
            return;
        }
        let is_new = if self.remembered.len() < 2 * SCHEDULES_REMEMBERED {
            let was_walked = reach.bound.is_some_and(|bound| preemptions <= bound);
            let is_unsure = self.has_forgotten && was_walked;
            self.remembered.insert(key(&execution.schedule.0)) && !is_unsure
        } else {
            self.has_forgotten = true;
            false
        };
        if is_new {
            self.sampled += 1;
            self.count(weighed);
        }
    }

    fn count(&mut self, weighed: &Weighed) {
        self.schedules += 1;
        if weighed.exposes() {
            self.exposing += 1;
            self.first_exposing.get_or_insert(self.schedules);
        }
        let place = weighed.outcome;
        while self.outcomes.len() <= place && self.outcomes.len() < OUTCOMES_COUNTED {
            self.outcomes.push(OutcomeTold {
                what: String::new(),
                schedules: 0,
                exposing: false,
            });
        }
        match self.outcomes.get_mut(place) {
            None => self.outcomes_total = self.outcomes_total.max(place as u64 + 1),
            Some(outcome) => {
                if outcome.schedules == 0 {
                    self.outcomes_total += 1;
                    outcome.what.clone_from(&weighed.what);
                    outcome.exposing = weighed.exposes();
                }
                outcome.schedules += 1;
            }
        }
    }

    /// How the steps of every request ended, in the execution in which it took the most.
    pub(super) fn points(&mut self, points: &[PointCounts]) {
        if self.points.len() < points.len() {
            self.points.resize(points.len(), PointCounts::default());
        }
        for (most, now) in self.points.iter_mut().zip(points) {
            if now.total() > most.total() {
                *most = *now;
            }
        }
    }

    /// Takes the exposures of an execution; true when there is one that was not seen before.
    pub(super) fn exposures(
        &mut self,
        execution: &Execution,
        weighed: &Weighed,
        preemptions: u32,
    ) -> bool {
        let schedule = &execution.schedule;
        let mut is_new = false;
        for id in &weighed.exposures {
            if let Some(first) = self.first_seen.get_mut(id) {
                if first.apart.is_none()
                    && first.schedule.is_interleaved()
                    && !schedule.is_interleaved()
                {
                    first.apart = Some((schedule.clone(), preemptions));
                }
                continue;
            }
            if self.order.len() >= EXPOSURES_FOLLOWED {
                continue;
            }
            is_new = true;
            self.order.push(id.clone());
            self.first_seen.insert(
                id.clone(),
                FirstSeen {
                    schedule: schedule.clone(),
                    preemptions,
                    apart: None,
                },
            );
        }
        is_new
    }

    /// The exposures in the order in which they appeared, each with the schedule in which it did.
    pub(super) fn first_seen(&self) -> impl Iterator<Item = (&str, &FirstSeen)> {
        let order = self.order.iter();
        order.filter_map(|id| Some((id.as_str(), self.first_seen.get(id)?)))
    }

    /// The schedules by bound.
    pub(super) fn bounds(&self, reach: Reach) -> Vec<BoundTold> {
        let complete = |told: &BoundTold| BoundTold {
            complete: reach
                .complete
                .is_some_and(|complete| told.preemptions <= complete),
            ..*told
        };
        self.bounds.iter().map(complete).collect()
    }

    /// The outcomes that are told, the most frequent first, and how many there are.
    pub(super) fn outcomes(&self) -> (Vec<OutcomeTold>, u64) {
        let seen = self.outcomes.iter().filter(|outcome| outcome.schedules > 0);
        let mut outcomes: Vec<OutcomeTold> = seen.cloned().collect();
        // Stable: of equally frequent ones, the first that appeared.
        outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.schedules));
        outcomes.truncate(Explored::OUTCOMES);
        (outcomes, self.outcomes_total)
    }
}

/// A schedule as a number, for sets. Two schedules with one number would count as one.
fn key(moves: &[Move]) -> u64 {
    fingerprint(moves.iter().map(|mv| mv.bit() as u8))
}

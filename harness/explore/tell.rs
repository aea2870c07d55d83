//! Schedules told step by step: those that were found, those in which nothing overlaps, the neighbours, and theirs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::executor::{Executor, Weighing};
use super::findings::Allowance;
use super::search::{Fixed, Serial, Wished};
use super::{Detail, StageError, Weighed};
use crate::history::{Explored, Move, Schedule, StepEnd, StepTold, ToldSchedule, Way};

/// Requests of which every order without overlap is told; of more, each once as the first.
const ORDERS_OF: usize = 3;
/// Executions in process for the schedules beyond the neighbours of those found.
pub const TELL_FURTHER: u64 = 2_000;
/// The same through the turnstile, where an execution takes milliseconds.
pub const TELL_FURTHER_AT_TURNSTILE: u64 = 100;
/// Steps in all beyond which no further schedules are told: a step takes some 300 bytes of a JSON report.
pub const TELL_STEPS: usize = 2_400;

/// The schedules that are told, each once, in the order in which they were run.
#[derive(Debug, Default)]
pub(super) struct Tellings {
    told: Vec<ToldSchedule>,
    places: BTreeMap<Schedule, usize>,
    /// Their steps in all.
    steps: usize,
    /// Moves with which no schedule begins.
    impossible: BTreeSet<Vec<Move>>,
    /// Places of the schedules that others became after two of their steps had changed places.
    led_to: BTreeMap<Schedule, usize>,
}

impl Tellings {
    pub(super) fn into_told(self) -> Vec<ToldSchedule> {
        self.told
    }

    /// Tells that schedule; nothing when it cannot be run.
    pub(super) fn exactly(
        &mut self,
        executor: &mut Executor<'_>,
        schedule: &Schedule,
    ) -> Result<Option<&ToldSchedule>, StageError> {
        if !self.places.contains_key(schedule) {
            let mut guide = Fixed::new(&schedule.0);
            let weighing = executor.run(&mut guide, Detail::Full)?;
            if guide.difference(&weighing.execution.end).is_some() {
                return Ok(None);
            }
            self.add(&weighing);
        }
        let place = self.places.get(schedule);
        Ok(place.and_then(|place| self.told.get(*place)))
    }

    /// Tells the schedules in which one request runs after the other.
    pub(super) fn serial(
        &mut self,
        executor: &mut Executor<'_>,
        allowance: &Allowance<'_>,
    ) -> Result<(), StageError> {
        for order in orders(executor.stage.requests().len()) {
            if !self.has_room() || !allowance.is_left(executor) {
                break;
            }
            let weighing = executor.run(&mut Serial::new(&order), Detail::Full)?;
            self.add(&weighing);
        }
        Ok(())
    }

    /// Tells the neighbours: the schedules in which two steps in a row, of different movers, have changed places, where
    /// that is possible.
    pub(super) fn neighbours(
        &mut self,
        executor: &mut Executor<'_>,
        schedule: &Schedule,
        allowance: &Allowance<'_>,
    ) -> Result<(), StageError> {
        for first in 0..schedule.0.len().saturating_sub(1) {
            if !self.has_room() || !allowance.is_left(executor) {
                break;
            }
            self.swapped(executor, schedule, first)?;
        }
        Ok(())
    }

    /// Tells the neighbours of neighbours, those nearest to these schedules first, as far as there is room.
    pub(super) fn further(
        &mut self,
        executor: &mut Executor<'_>,
        from: &[Schedule],
        allowance: &Allowance<'_>,
    ) -> Result<(), StageError> {
        let most = executor.executions
            + match executor.way() {
                Way::InProcess => TELL_FURTHER,
                Way::Turnstile => TELL_FURTHER_AT_TURNSTILE,
            };
        let places = from.iter().filter_map(|from| self.places.get(from));
        let mut next: VecDeque<usize> = places.copied().collect();
        let mut reached: BTreeSet<usize> = next.iter().copied().collect();
        while let Some(place) = next.pop_front() {
            let schedule = self.told[place].schedule.clone();
            for first in 0..schedule.0.len().saturating_sub(1) {
                let is_full = !self.has_room() || self.steps >= TELL_STEPS;
                if is_full || executor.executions >= most || !allowance.is_left(executor) {
                    return Ok(());
                }
                let neighbour = self.swapped(executor, &schedule, first)?;
                next.extend(neighbour.filter(|neighbour| reached.insert(*neighbour)));
            }
        }
        Ok(())
    }

    /// The place of the schedule in which that step and the next one have changed places; told unless it was. None when
    /// that cannot be run, or there is no room.
    fn swapped(
        &mut self,
        executor: &mut Executor<'_>,
        schedule: &Schedule,
        first: usize,
    ) -> Result<Option<usize>, StageError> {
        let mut wished = schedule.clone();
        wished.0.swap(first, first + 1);
        if wished == *schedule {
            return Ok(None);
        }
        if let Some(place) = self.places.get(&wished) {
            return Ok(Some(*place));
        }
        // What is not possible after the same moves was so before, and a wish leads where it led.
        let bound = &wished.0[..first + 2];
        if self.impossible.contains(bound) {
            return Ok(None);
        }
        if let Some(place) = self.led_to.get(&wished) {
            return Ok(Some(*place));
        }
        let mut guide = Wished::new(&wished.0, first + 2);
        let weighing = executor.run(&mut guide, Detail::Full)?;
        if !guide.was_strict() {
            self.impossible.insert(bound.to_vec());
            return Ok(None);
        }
        self.add(&weighing);
        let place = self.places.get(&weighing.execution.schedule).copied();
        if let Some(place) = place {
            self.led_to.insert(wished, place);
        }
        Ok(place)
    }

    fn has_room(&self) -> bool {
        self.told.len() < Explored::TOLD
    }

    fn add(&mut self, weighing: &Weighing) {
        if !self.has_room() || self.places.contains_key(&weighing.execution.schedule) {
            return;
        }
        let told = told(weighing);
        self.steps += told.steps.len();
        self.places.insert(told.schedule.clone(), self.told.len());
        self.told.push(told);
    }
}

/// The execution, step by step.
pub(super) fn told(weighing: &Weighing) -> ToldSchedule {
    let (execution, weighed) = (&weighing.execution, &*weighing.weighed);
    let mut steps = execution.steps.clone();
    mark_crossed(&mut steps, weighed);
    ToldSchedule {
        schedule: execution.schedule.clone(),
        outcome: weighed.what.clone(),
        exposures: weighed.exposures.clone(),
        steps,
    }
}

/// Says at the step with which a request was over whose data its answer held.
fn mark_crossed(steps: &mut [StepTold], weighed: &Weighed) {
    for (request, users) in &weighed.crossed {
        let is_its = |step: &StepTold| step.mv == Move::Request(*request as u8);
        let finished = |step: &StepTold| is_its(step) && step.ended == StepEnd::Finished;
        let place = steps.iter().rposition(finished);
        let place = place.or_else(|| steps.iter().rposition(is_its));
        if let Some(place) = place {
            steps[place].crossed.clone_from(users);
        }
    }
}

/// Orders of so many requests: all, or, when these are too many, each request once as the first.
fn orders(requests: usize) -> Vec<Vec<usize>> {
    if requests > ORDERS_OF {
        let from = |first: usize| (first..requests).chain(0..first).collect();
        return (0..requests).map(from).collect();
    }
    let mut orders = vec![Vec::new()];
    for request in 0..requests {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).rev().map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, request);
                    longer
                })
            })
            .collect();
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_a_few_and_every_first_of_many() {
        assert_eq!(orders(2), [[0, 1], [1, 0]]);
        let mut three = orders(3);
        three.sort_unstable();
        three.dedup();
        assert_eq!(three.len(), 6);
        let firsts: Vec<usize> = orders(5).iter().map(|order| order[0]).collect();
        assert_eq!(firsts, [0, 1, 2, 3, 4]);
    }
}

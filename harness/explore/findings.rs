//! What becomes of an exposure after the search: it is run again, shortened, and told step by step.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::decisive::decisive;
use super::executor::Executor;
use super::progress::Work;
use super::replay::Replay;
use super::search::Fixed;
use super::shrink::shrink;
use super::tally::{FirstSeen, Tally};
use super::tell::Tellings;
use super::{Detail, StageError};
use crate::fire::Stop;
use crate::history::{Explored, FoundSchedule, Schedule, ToldSchedule, Way};
use crate::scenario::Scenario;

/// Time for shortening and telling the findings of a race, beyond that of its search. What is not done by then is left out.
pub const AFTERWARDS: Duration = Duration::from_secs(30);

/// Executions that following a finding takes, without shortening it.
const FOLLOWED: u64 = 4;

/// How long work after the search may go on.
pub(super) struct Allowance<'a> {
    until: Instant,
    stop: &'a Stop,
}

impl Allowance<'_> {
    pub(super) fn from_now(stop: &Stop) -> Allowance<'_> {
        Allowance {
            until: Instant::now() + AFTERWARDS,
            stop,
        }
    }

    /// Whether there is time for more, and room for what a finding still takes.
    pub(super) fn is_left(&self, executor: &Executor<'_>) -> bool {
        !self.stop.asked() && Instant::now() < self.until && executor.has_room(FOLLOWED)
    }
}

/// The findings of a race.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) found: Vec<FoundSchedule>,
    pub(super) told: Vec<ToldSchedule>,
}

impl Findings {
    /// Follows up every exposure that was seen. When the service fails meanwhile, what was done until then stays.
    pub(super) fn follow(
        &mut self,
        scenario: &Scenario,
        seed: u64,
        executor: &mut Executor<'_>,
        tally: &Tally,
        allowance: &Allowance<'_>,
        begins: &mut dyn FnMut(Work),
    ) -> Result<(), StageError> {
        let mut tellings = Tellings::default();
        let mut done = Ok(());
        for (id, first) in tally.first_seen() {
            if self.found.len() >= Explored::FOUND {
                break;
            }
            if self.is_covered(id, first) {
                continue;
            }
            // One is always followed up, where the service may still be asked.
            let is_left = match self.found.is_empty() {
                true => executor.has_room(FOLLOWED),
                false => allowance.is_left(executor),
            };
            if !is_left {
                self.as_first_seen(id, first, scenario, executor);
                continue;
            }
            done = self.finding(
                id,
                first,
                scenario,
                executor,
                &mut tellings,
                (allowance, &mut *begins),
            );
            if done.is_err() {
                break;
            }
        }
        if done.is_ok() && !self.found.is_empty() {
            begins(Work::Tell);
            done = self.around(executor, &mut tellings, allowance, seed);
        }
        self.told = tellings.into_told();
        done
    }

    /// Takes every exposure as it was first seen.
    pub(super) fn only_seen(
        &mut self,
        scenario: &Scenario,
        executor: &Executor<'_>,
        tally: &Tally,
    ) {
        for (id, first) in tally.first_seen() {
            if self.found.len() >= Explored::FOUND {
                return;
            }
            if !self.is_covered(id, first) {
                self.as_first_seen(id, first, scenario, executor);
            }
        }
    }

    /// Takes the plainest schedule in which an exposure was seen, not run again.
    fn as_first_seen(
        &mut self,
        id: &str,
        first: &FirstSeen,
        scenario: &Scenario,
        executor: &Executor<'_>,
    ) {
        let is_known = |found: &FoundSchedule| found.exposures.iter().any(|known| known == id);
        if self.found.iter().any(is_known) {
            return;
        }
        let (schedule, preemptions) = first.plainest();
        self.found.push(FoundSchedule {
            exposures: vec![id.to_owned()],
            schedule: schedule.clone(),
            replay: line(scenario, executor, schedule),
            preemptions,
            shrunk_in: 0,
            first_seen: first.schedule.clone(),
            repeated: (0, 0),
            decisive: None,
        });
    }

    /// Whether a schedule that was found for another exposure shows this one as well, and is no longer.
    fn is_covered(&self, id: &str, first: &FirstSeen) -> bool {
        self.found.iter().any(|found| {
            found.exposures.iter().any(|known| known == id)
                && found.preemptions <= first.preemptions
                && found.schedule.switches() <= first.schedule.switches()
        })
    }

    fn finding(
        &mut self,
        id: &str,
        first: &FirstSeen,
        scenario: &Scenario,
        executor: &mut Executor<'_>,
        tellings: &mut Tellings,
        (allowance, begins): (&Allowance<'_>, &mut dyn FnMut(Work)),
    ) -> Result<(), StageError> {
        begins(Work::Shrink);
        let again = repeat(executor, &first.schedule, id, 2)?;
        if again < 2 {
            executor.doubts.differed += 1;
        }
        let shrunk = if again == 0 {
            None
        } else {
            Some(shrink(executor, first, id, allowance)?)
        };
        let (schedule, preemptions, shrunk_in) = match shrunk {
            Some(shrunk) => (shrunk.schedule, shrunk.preemptions, shrunk.executions),
            None => (first.schedule.clone(), first.preemptions, 0),
        };
        begins(Work::Tell);
        let told = tellings.exactly(executor, &schedule)?;
        let mut exposures = told.map(|told| told.exposures.clone()).unwrap_or_default();
        let is_told = exposures.iter().any(|known| known == id);
        let same = u32::from(is_told) + repeat(executor, &schedule, id, 1)?;
        if same < 2 && again == 2 {
            executor.doubts.differed += 1;
        }
        if !is_told {
            exposures.push(id.to_owned());
            exposures.sort_unstable();
        }
        if let Some(known) = self
            .found
            .iter_mut()
            .find(|found| found.schedule == schedule)
        {
            let ids: BTreeSet<String> = known.exposures.drain(..).chain(exposures).collect();
            known.exposures = ids.into_iter().collect();
            return Ok(());
        }
        let replay = line(scenario, executor, &schedule);
        self.found.push(FoundSchedule {
            exposures,
            schedule,
            replay,
            preemptions,
            shrunk_in,
            first_seen: first.schedule.clone(),
            repeated: (2, same),
            decisive: None,
        });
        Ok(())
    }

    /// What surrounds the findings: the schedules in which nothing overlaps, the neighbours and theirs, the decisive move.
    fn around(
        &mut self,
        executor: &mut Executor<'_>,
        tellings: &mut Tellings,
        allowance: &Allowance<'_>,
        seed: u64,
    ) -> Result<(), StageError> {
        tellings.serial(executor, allowance)?;
        let found = self.found.iter().map(|found| found.schedule.clone());
        let found: Vec<Schedule> = found.collect();
        for schedule in &found {
            tellings.neighbours(executor, schedule, allowance)?;
        }
        // In process the decisive move takes the most executions by far; through the turnstile it takes few, and is worth more.
        let is_in_process = executor.way() == Way::InProcess;
        if is_in_process {
            tellings.further(executor, &found, allowance)?;
        }
        for found in &mut self.found {
            found.decisive = decisive(executor, &found.schedule, seed, allowance)?;
        }
        if !is_in_process {
            tellings.further(executor, &found, allowance)?;
        }
        Ok(())
    }
}

/// The line that runs a schedule again.
fn line(scenario: &Scenario, executor: &Executor<'_>, schedule: &Schedule) -> String {
    let (requests, environment) = (executor.stage.requests(), executor.stage.environment());
    Replay::new(scenario, &requests, environment, schedule.clone()).to_string()
}

/// How many of so many executions of a schedule show the exposure.
fn repeat(
    executor: &mut Executor<'_>,
    schedule: &Schedule,
    id: &str,
    times: u32,
) -> Result<u32, StageError> {
    let mut same = 0;
    for _ in 0..times {
        let mut guide = Fixed::new(&schedule.0);
        let weighing = executor.run(&mut guide, Detail::Brief)?;
        let is_as_before = guide.difference(&weighing.execution.end).is_none();
        let shows = weighing.weighed.exposures.iter().any(|known| known == id);
        same += u32::from(is_as_before && shows);
    }
    Ok(same)
}

//! An exploration from its first record to its last: one race after the other.

use std::io;
use std::time::{Duration, Instant};

use super::executor::Numbers;
use super::progress::{Teller, Watch};
use super::race::{Halt, Race};
use super::races::{in_words, left_out, races};
use super::{Oracle, Stage, StageError};
use crate::fire::Stop;
use crate::history::{Cause, End, Ending, HISTORY_VERSION, Raced, Record, Sink, Start, Target};
use crate::identity::Salt;
use crate::scenario::Scenario;

/// What to explore, and with which chance.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// Users, steps, settings, limits.
    pub scenario: &'a Scenario,
    /// How reports name the target: `mail/shared-note`, or its URL.
    pub target_name: String,
    /// Scheme, host and port, optionally a path that is put before every step's path. In process it only says what requests
    /// name as their host: nothing is looked up.
    pub base_url: String,
    /// Decides what templates draw, and which schedules are drawn by chance.
    pub seed: u64,
    /// Salt of the canaries.
    pub salt: Salt,
    /// Whether what was found is run again, made shorter, and told step by step. It takes longer than a short search.
    pub follows_up: bool,
}

/// Makes the stage of a race.
pub type StageFor<'f, 's> = dyn FnMut(&[Raced]) -> Result<Box<dyn Stage + 's>, StageError> + 'f;

/// Makes the oracle of a race.
pub type OracleFor<'f> = dyn FnMut(&Start, &[Raced]) -> Box<dyn Oracle> + 'f;

/// Explores every race of the plan's scenario and records it into `sink`, on the calling thread.
///
/// For each race stand in the history: what its stage records before the executions, the executions that are kept (in process
/// the first of every outcome, at most [`KEPT`](super::KEPT), and of every exposure; through the turnstile all), and an
/// [`Explored`](crate::history::Explored). Whatever goes wrong is part of the record: the last is always an
/// [`End`] that says how it ended.
///
/// # Errors
/// When the sink refuses a record.
pub fn explore<'s>(
    plan: &Plan<'_>,
    stage_for: &mut StageFor<'_, 's>,
    oracle_for: &mut OracleFor<'_>,
    sink: &mut dyn Sink,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> io::Result<()> {
    let started = Instant::now();
    let start = start(plan);
    sink.take(&Record::Start(start.clone()))?;
    let mut explored = 0;
    let ending = match races(plan.scenario) {
        Err(why) => Ending::Failed {
            why,
            cause: Cause::Step,
        },
        Ok(races) => {
            for text in left_out(plan.scenario) {
                sink.take(&Record::Note { text })?;
            }
            let mut run = Run {
                plan,
                start,
                teller: Teller::new(watch, races.len()),
                numbers: Numbers::default(),
                stop,
            };
            run.all(&races, &mut explored, stage_for, oracle_for, sink)?
        }
    };
    sink.take(&Record::End(End {
        ending,
        rounds: explored,
        elapsed_ns: nanoseconds(started.elapsed()),
    }))
}

struct Run<'a> {
    plan: &'a Plan<'a>,
    start: Start,
    teller: Teller<'a>,
    numbers: Numbers,
    stop: &'a Stop,
}

impl Run<'_> {
    fn all<'s>(
        &mut self,
        races: &[Vec<Raced>],
        explored: &mut u32,
        stage_for: &mut StageFor<'_, 's>,
        oracle_for: &mut OracleFor<'_>,
        sink: &mut dyn Sink,
    ) -> io::Result<Ending> {
        for (place, raced) in races.iter().enumerate() {
            if self.stop.asked() {
                return Ok(Ending::Interrupted);
            }
            self.teller.progress.race = place + 1;
            self.teller.progress.requests = in_words(self.plan.scenario, raced);
            let one = self.one(raced, stage_for, oracle_for, sink);
            match one {
                Ok(()) => *explored += 1,
                Err(Halt::Sink(error)) => return Err(error),
                Err(Halt::Stage(error)) => {
                    return Ok(Ending::Failed {
                        why: error.why,
                        cause: error.cause,
                    });
                }
            }
        }
        if self.stop.asked() {
            return Ok(Ending::Interrupted);
        }
        Ok(Ending::Completed)
    }

    fn one<'s>(
        &mut self,
        raced: &[Raced],
        stage_for: &mut StageFor<'_, 's>,
        oracle_for: &mut OracleFor<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Halt> {
        let mut stage = stage_for(raced)?;
        let mut oracle = oracle_for(&self.start, raced);
        let race = Race::new(
            self.plan,
            &mut *stage,
            &mut *oracle,
            &mut self.numbers,
            &mut self.teller,
            self.stop,
        );
        race.run(&Record::Start(self.start.clone()), sink)
    }
}

/// The first record.
pub(super) fn start(plan: &Plan<'_>) -> Start {
    let scenario = plan.scenario;
    let users = scenario.users.list().iter();
    Start {
        history_version: HISTORY_VERSION,
        crosswire_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        target: Target {
            name: plan.target_name.clone(),
            url: plan.base_url.clone(),
        },
        engine: "explore".to_owned(),
        seed: plan.seed,
        salt: plan.salt.to_string(),
        users: users.map(|user| user.name.clone()).collect(),
        slots: scenario.slots.clone(),
        steps: scenario.step_infos(),
        min_overlaps: 0,
    }
}

/// Whole nanoseconds; 2^64 are 584 years.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

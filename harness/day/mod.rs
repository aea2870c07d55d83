//! Replays a day on a scaled clock: versions are rolled out and back, users come as they please, everything is recorded.
//!
//! The day is data: the `[day]` table of a scenario. [`arrivals`] draws from a seed who comes when; `pace.rs` keeps the
//! clock, which is whatever clock it is given; `stage.rs` carries out what is due with the engine that fires over the
//! network. Who looks for crossings is the judge, as ever: nothing here does.

mod draw;
mod pace;
mod stage;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

pub use self::draw::{Arrival, Arrivals, Slice, arrivals};
use self::pace::play_day;
use self::stage::{Heard, Listening, OnRun, RunClock};
use crate::fire::run::run_with;
use crate::fire::{Plan, Stop, Watch};
use crate::history::{Day, Sink};
use crate::scenario::{Scenario, StrategyName};

/// Changes what is served: rolls a version out, or closes the service.
pub trait Operator {
    /// Lets this variant answer from now on, or nothing at all. Data and sessions outlive the change.
    ///
    /// # Errors
    /// A sentence that says why that cannot be done; the day ends there.
    fn deploy(&mut self, variant: Option<&str>) -> Result<(), String>;
}

/// What is wrong with the day of a scenario that was changed after it was read, if anything: a sentence for people.
#[must_use]
pub fn trouble(scenario: &Scenario) -> Option<String> {
    let Some(day) = &scenario.day else {
        return Some("the scenario tells of no day".to_owned());
    };
    let count = scenario.users.count();
    let phase = day.phases.iter().find(|phase| phase.users.1 > count)?;
    Some(format!(
        "`{}` takes users {} to {}, and there are {count}",
        phase.name, phase.users.0, phase.users.1
    ))
}

/// Replays the day of the plan's scenario and records it into `sink`, on a runtime of its own on the calling thread.
///
/// Whatever goes wrong on the network is part of the record, as it is in [`fire`](crate::fire::fire()). A scenario without a
/// day makes a run without requests.
///
/// # Errors
/// When the sink refuses a record, or the system gives no runtime.
pub fn play(
    plan: &Plan<'_>,
    operator: &mut dyn Operator,
    sink: &mut dyn Sink,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(play_over(plan, operator, sink, watch, stop))
}

async fn play_over(
    plan: &Plan<'_>,
    operator: &mut dyn Operator,
    sink: &mut dyn Sink,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> io::Result<()> {
    let day: Day = plan.scenario.day.clone().unwrap_or_default();
    let mut scenario = plan.scenario.clone();
    scenario.fire.set_strategy(StrategyName::Arrivals);
    scenario.fire.rounds = u32::try_from(day.phases.len()).unwrap_or(u32::MAX);
    let plan = Plan {
        scenario: &scenario,
        ..plan.clone()
    };
    let heard = Rc::new(RefCell::new(Heard::default()));
    let mut listening = Listening::new(sink, Rc::clone(&heard));
    run_with(&plan, &mut listening, watch, stop, async |run, done| {
        let clock = RunClock::of(run);
        let mut stage = OnRun::new(run, operator, heard);
        stage.open(&day).await?;
        let drawn = |phase| arrivals(&scenario, phase, plan.seed);
        play_day(&day, drawn, &clock, &mut stage, done).await
    })
    .await
}

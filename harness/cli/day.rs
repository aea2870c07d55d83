//! A scenario with a day: the day is replayed, then its steps are fired as they would have been beforehand, in CI.

use crosswire::control::Told;
use crosswire::day::{self, Operator};
use crosswire::fire::{Plan, Stop, Watch};
use crosswire::history::Tee;
use crosswire::judge::Judge;
use crosswire::report::DayInCi;
use crosswire::scenario::{Scenario, TargetSpec};
use crosswire_targets::mail::deployments::Deployments;

use crate::exit::Failure;
use crate::trial::{Keeping, Trial, Tried, fresh_salt};

/// Changes the version of a bundled target.
struct Bundled(Deployments);

impl Operator for Bundled {
    fn deploy(&mut self, variant: Option<&str>) -> Result<(), String> {
        match variant {
            Some(variant) => self.0.deploy(variant).map_err(|error| error.to_string()),
            None => {
                self.0.close();
                Ok(())
            }
        }
    }
}

/// Replays the day of the trial's scenario.
///
/// # Errors
/// Usage, when the scenario's users are too few for it, or its target cannot be started or changed.
pub(crate) fn replay(
    trial: Trial<'_>,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> Result<(Tried, Option<DayInCi>), Failure> {
    let scenario = trial.scenario;
    if let Some(why) = day::trouble(scenario) {
        return Err(Failure::usage(why));
    }
    if trial.control.is_some() {
        return Err(Failure::usage(
            "--control swaps answers of a fired run; a replayed day has none: name what to fire at with --variant",
        ));
    }
    let options = trial.options().ok_or_else(|| {
        Failure::usage("a day changes what is served, and only a bundled target can be changed")
    })?;
    let failed = |error: crosswire_targets::StartError| Failure::usage(error.to_string());
    let mut operator = Bundled(Deployments::start(options).map_err(failed)?);
    check_variants(scenario, &operator)?;
    let plan = Plan {
        scenario,
        target_name: scenario.target.to_string(),
        base_url: operator.0.server().base_url(),
        trusted_pem: operator.0.server().certificate_pem().map(str::to_owned),
        seed: trial.seed,
        salt: fresh_salt()?,
    };
    let mut judge = Judge::new();
    let (seed, store_delay) = (trial.seed, trial.store_delay);
    let mut keeping = Keeping::new(trial.history, scenario);
    let mut told = Told {
        sink: Tee(&mut keeping, &mut judge),
        rehearsed: None,
    };
    day::play(&plan, &mut operator, &mut told, watch, stop)
        .map_err(|error| Failure::usage(format!("the day could not be begun: {error}")))?;
    drop(operator);
    let judgement = judge.finish();
    let check = match stop.asked() {
        true => None,
        false => check(scenario, seed, store_delay, watch, stop)?,
    };
    let tried = Tried {
        judgement,
        rehearsed: None,
        lost: keeping.lost,
    };
    Ok((tried, check))
}

/// Every version that is to be served must be there before the day begins, not when its hour comes.
fn check_variants(scenario: &Scenario, operator: &Bundled) -> Result<(), Failure> {
    let phases = scenario.day.iter().flat_map(|day| &day.phases);
    for (phase, variant) in phases.filter_map(|phase| Some((phase, phase.serves.as_ref()?))) {
        let tried = operator.0.deploy(variant);
        tried.map_err(|error| {
            Failure::usage(format!("phase `{}` of the day: {error}", phase.name))
        })?;
    }
    Ok(())
}

/// The same steps, fired at what was served first: the run that would have been made in CI.
fn check(
    scenario: &Scenario,
    seed: u64,
    store_delay: std::time::Duration,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> Result<Option<DayInCi>, Failure> {
    let Some((check, first)) = scenario.day.as_ref().and_then(|day| {
        let mut served = day.phases.iter().filter_map(|phase| phase.serves.clone());
        Some((day.ci?, served.next()?))
    }) else {
        return Ok(None);
    };
    let mut fired = scenario.clone();
    fired.day = None;
    fired
        .set_user_count(check.users)
        .map_err(|error| Failure::usage(format!("ci of the day: {error}")))?;
    fired.fire.rounds = check.rounds;
    if let TargetSpec::Bundled { variant, .. } = &mut fired.target {
        variant.clone_from(&first);
    }
    let trial = Trial {
        scenario: &fired,
        seed,
        store_delay,
        history: None,
        control: None,
    };
    let judgement = trial.run(watch, stop)?.judgement;
    Ok(Some(DayInCi::of(&judgement, &first)))
}

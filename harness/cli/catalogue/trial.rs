//! One cell of the matrix: an engine tries a variant.

use std::time::{Duration, Instant};

use crosswire::fire::Stop;
use crosswire::history::{Coverage, Ending};
use crosswire::identity::Redactor;
use crosswire::judge::{Judgement, Verdict};
use crosswire::report::words::number;
use crosswire::report::{Facts, Finding, Report};
use crosswire::scenario::{Scenario, TargetSpec, find_shipped};
use crosswire_targets::{Engine, Sees, TargetInfo, VariantInfo};

use crate::exit::Failure;
use crate::explore::Exploration;
use crate::trial::Trial;

/// What came of it.
#[derive(Debug)]
pub(super) struct Tried {
    /// The verdict.
    pub(super) verdict: Verdict,
    /// What that is in the catalogue's words; `None` when it says nothing.
    pub(super) sees: Option<Sees>,
    /// When an exposure was first seen, or among how many chances none was; for people.
    pub(super) first: String,
    /// How long all of it took.
    pub(super) took: Duration,
    /// Why the run is worth nothing, when it is.
    pub(super) why: Option<String>,
    /// It was ended by the user.
    pub(super) interrupted: bool,
}

/// How everything is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Decides what is drawn by chance.
    pub(super) seed: u64,
    /// Only schedules with at most [`FEW`] preemptions are explored.
    pub(super) quick: bool,
}

/// Preemptions within which nearly every fault shows.
const FEW: u32 = 2;

/// Lets that engine try that variant with the target's scenario.
pub(super) fn tried(
    target: &TargetInfo,
    variant: &VariantInfo,
    engine: Engine,
    how: &How,
    stop: &Stop,
) -> Result<Tried, Failure> {
    let seed = how.seed;
    let mut scenario = scenario(target, variant)?;
    if how.quick {
        let few = scenario
            .explore
            .preemptions
            .map_or(FEW, |most| most.min(FEW));
        scenario.explore.preemptions = Some(few);
    }
    let begun = Instant::now();
    let judgement = match engine {
        Engine::Fire => fired(&scenario, seed, stop)?,
        Engine::Explore => explored(&scenario, target, variant, seed, stop)?,
    };
    let took = begun.elapsed();
    let redactor = Redactor::new(scenario.supplied_secrets());
    let report = Report::new(&judgement, &Facts::new(scenario.expect, &redactor));
    let (sees, first) = match report.verdict {
        Verdict::Inconclusive => (None, String::new()),
        Verdict::Isolated => (Some(Sees::Nothing), among(&report, engine)),
        Verdict::Exposed => first(&report, engine),
    };
    Ok(Tried {
        verdict: report.verdict,
        sees,
        first,
        took,
        why: why(&report),
        interrupted: matches!(report.ending, Some(Ending::Interrupted)),
    })
}

fn scenario(target: &TargetInfo, of: &VariantInfo) -> Result<Scenario, Failure> {
    let name = target.scenario;
    let shipped = find_shipped(name)
        .ok_or_else(|| Failure::usage(format!("the shipped scenario `{name}` is missing")))?;
    let mut scenario = Scenario::parse(shipped.name, shipped.text)
        .map_err(|error| Failure::usage(error.to_string()))?;
    if let TargetSpec::Bundled { variant, .. } = &mut scenario.target {
        of.name.clone_into(variant);
    }
    Ok(scenario)
}

fn fired(scenario: &Scenario, seed: u64, stop: &Stop) -> Result<Judgement, Failure> {
    let trial = Trial {
        scenario,
        seed,
        store_delay: Duration::ZERO,
        history: None,
        control: None,
    };
    trial.run(&mut (), stop).map(|tried| tried.judgement)
}

fn explored(
    scenario: &Scenario,
    target: &TargetInfo,
    variant: &VariantInfo,
    seed: u64,
    stop: &Stop,
) -> Result<Judgement, Failure> {
    let exploration = Exploration {
        scenario,
        line: None,
        seed,
        history: None,
        follows_up: false,
    };
    exploration
        .in_process(target.name, variant.name, &mut (), stop)
        .map(|done| done.judgement)
}

/// Whether it took a race, and when an exposure was first seen.
fn first(report: &Report, engine: Engine) -> (Option<Sees>, String) {
    let sees = match report.takes_race() {
        true => Sees::InRace,
        false => Sees::InSequence,
    };
    let earliest = || {
        let findings = report.findings.iter();
        findings.min_by_key(|finding| {
            (
                finding.found_in().takes_race(),
                finding.round,
                finding.phase,
            )
        })
    };
    let first = match engine {
        Engine::Explore => {
            let schedules = report.explored.iter().filter_map(|one| one.first_exposing);
            schedules.min().map(|first| format!("schedule {first}"))
        }
        Engine::Fire => earliest().map(when),
    };
    (Some(sees), first.unwrap_or_default())
}

/// Among how many chances nothing was seen.
fn among(report: &Report, engine: Engine) -> String {
    match engine {
        Engine::Fire => format!("{} pairs", number(report.strength.overlapping_pairs)),
        Engine::Explore => {
            let schedules: u64 = report.explored.iter().map(|one| one.schedules).sum();
            let schedules = number(schedules);
            match report.strength.reach.as_ref().map(|reach| &reach.coverage) {
                Some(Coverage::All) => format!("all {schedules} orders"),
                Some(Coverage::WithinBound { bound }) => format!("{schedules} within {bound}"),
                _ => format!("{schedules} until a limit"),
            }
        }
    }
}

fn when(finding: &Finding) -> String {
    let found_in = finding.found_in();
    match found_in.takes_race() {
        true => format!("round {}", finding.round),
        false => found_in.to_string(),
    }
}

fn why(report: &Report) -> Option<String> {
    let failed = match &report.ending {
        Some(Ending::Failed { why, .. }) => Some(why.clone()),
        _ => None,
    };
    let reasons = || report.reasons.first().map(ToString::to_string);
    let is_worth_nothing = report.verdict == Verdict::Inconclusive;
    failed.or_else(|| reasons().filter(|_| is_worth_nothing))
}

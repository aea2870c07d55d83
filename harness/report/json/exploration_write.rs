//! From an exploration to what is written.

use super::exploration::{
    JsonBound, JsonCoverage, JsonDecisive, JsonDoubts, JsonExploration, JsonFound, JsonMoved,
    JsonOutcome, JsonPoints, JsonRaced, JsonReach, JsonShared, JsonShownBy, JsonTold,
};
use crate::history::{Coverage, PointCounts, Way};
use crate::judge::Reach;
use crate::report::exploration::{
    Exploration, ExploredStep, ScheduleSteps, ShortestSchedule, ShownBy,
};
use crate::report::telling;

impl From<&Reach> for JsonReach {
    fn from(reach: &Reach) -> JsonReach {
        JsonReach {
            races: reach.races,
            schedules: reach.schedules,
            exposing: reach.exposing,
            sampled: reach.sampled,
            covered: reach.covered,
            coverage: JsonCoverage::from(&reach.coverage),
            told: telling::reach(reach),
        }
    }
}

impl From<&Coverage> for JsonCoverage {
    fn from(coverage: &Coverage) -> JsonCoverage {
        let (kind, bound, limit) = match coverage {
            Coverage::All => ("all", None, None),
            Coverage::WithinBound { bound } => ("within-bound", Some(*bound), None),
            Coverage::Capped { bound, limit } => ("capped", *bound, Some(limit.clone())),
        };
        JsonCoverage {
            kind: kind.to_owned(),
            bound,
            limit,
        }
    }
}

pub(super) fn way_name(way: Way) -> &'static str {
    match way {
        Way::InProcess => "in-process",
        Way::Turnstile => "turnstile",
    }
}

impl From<&Exploration> for JsonExploration {
    fn from(one: &Exploration) -> JsonExploration {
        JsonExploration {
            way: way_name(one.way).to_owned(),
            requests: one
                .requests
                .iter()
                .map(|request| JsonRaced {
                    user: request.user.clone(),
                    step: request.step.clone(),
                })
                .collect(),
            coverage: JsonCoverage::from(&one.coverage),
            schedules: one.schedules,
            exposing: one.exposing,
            first_exposing: one.first_exposing,
            bounds: one
                .bounds
                .iter()
                .map(|bound| JsonBound {
                    preemptions: bound.preemptions,
                    schedules: bound.schedules,
                    exposing: bound.exposing,
                    complete: bound.complete,
                })
                .collect(),
            sampled: one.sampled,
            points: one.points.iter().map(JsonPoints::from).collect(),
            outcomes: one
                .outcomes
                .iter()
                .map(|outcome| JsonOutcome {
                    what: outcome.what.clone(),
                    schedules: outcome.schedules,
                    exposing: outcome.exposing,
                })
                .collect(),
            outcomes_total: one.outcomes_total,
            doubts: JsonDoubts {
                diverged: one.doubts.diverged,
                differed: one.doubts.differed,
                foreign_wakes: one.doubts.foreign_wakes,
                stuck: one.doubts.stuck,
                endless: one.doubts.endless,
                background_messages: one.doubts.background_messages,
            },
            found: one.found.iter().map(JsonFound::from).collect(),
            told: one.told.iter().map(JsonTold::from).collect(),
            warnings: one.warnings.clone(),
            environment: one.environment.clone(),
            elapsed_ns: one.elapsed_ns,
        }
    }
}

impl From<&PointCounts> for JsonPoints {
    fn from(points: &PointCounts) -> JsonPoints {
        JsonPoints {
            natural: points.natural,
            starved: points.starved,
            explicit: points.explicit,
            service: points.service,
            backend: points.backend,
            front: points.front,
            inside: points.inside(),
        }
    }
}

impl From<&ShortestSchedule> for JsonFound {
    fn from(found: &ShortestSchedule) -> JsonFound {
        JsonFound {
            exposures: found.exposures.clone(),
            schedule: found.schedule.clone(),
            replay: found.replay.clone(),
            preemptions: found.preemptions,
            shrunk_in: found.shrunk_in,
            first_seen: found.first_seen.clone(),
            repeated_same: found.repeated.0,
            repeated: found.repeated.1,
            decisive: found.decisive.map(|decisive| JsonDecisive {
                at: decisive.at,
                before: decisive.before.0,
                before_exposing: decisive.before.1,
                after: decisive.after,
                complete: decisive.complete,
            }),
            test: found.test.clone(),
        }
    }
}

impl From<&ScheduleSteps> for JsonTold {
    fn from(told: &ScheduleSteps) -> JsonTold {
        JsonTold {
            schedule: told.schedule.clone(),
            outcome: told.outcome.clone(),
            exposures: told.exposures.clone(),
            steps: told.steps.iter().map(JsonMoved::from).collect(),
        }
    }
}

impl From<&ExploredStep> for JsonMoved {
    fn from(step: &ExploredStep) -> JsonMoved {
        JsonMoved {
            mv: step.mv,
            what: step.what.clone(),
            ended: step.ended,
            place: step.place.clone(),
            shared: step
                .shared
                .iter()
                .map(|shared| JsonShared {
                    name: shared.name.clone(),
                    wrote: shared.wrote,
                    value: shared.value.clone(),
                })
                .collect(),
            woke: step.woke.clone(),
            crossed: step.crossed.clone(),
        }
    }
}

impl From<&ShownBy> for JsonShownBy {
    fn from(shown_by: &ShownBy) -> JsonShownBy {
        JsonShownBy {
            schedule: shown_by.schedule.clone(),
            preemptions: shown_by.preemptions,
            replay: shown_by.replay.clone(),
        }
    }
}

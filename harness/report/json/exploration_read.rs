//! From what was written back to an exploration.

use super::ReportError;
use super::exploration::{
    JsonBound, JsonCoverage, JsonDecisive, JsonDoubts, JsonExploration, JsonFound, JsonMoved,
    JsonOutcome, JsonPoints, JsonReach, JsonShared, JsonShownBy, JsonTold,
};
use super::exploration_write::way_name;
use crate::history::{
    BoundTold, Coverage, Decisive, Doubts, OutcomeTold, PointCounts, SharedTold, Way,
};
use crate::judge::Reach;
use crate::report::exploration::{
    Exploration, ExploredStep, RacedRequest, ScheduleSteps, ShortestSchedule, ShownBy,
};

pub(super) fn reach(json: JsonReach) -> Result<Reach, ReportError> {
    Ok(Reach {
        races: json.races,
        schedules: json.schedules,
        exposing: json.exposing,
        sampled: json.sampled,
        covered: json.covered,
        coverage: coverage(json.coverage)?,
    })
}

fn coverage(json: JsonCoverage) -> Result<Coverage, ReportError> {
    match (json.kind.as_str(), json.bound) {
        ("all", _) => Ok(Coverage::All),
        ("within-bound", Some(bound)) => Ok(Coverage::WithinBound { bound }),
        ("capped", bound) => Ok(Coverage::Capped {
            bound,
            limit: json.limit.unwrap_or_default(),
        }),
        (kind, _) => Err(ReportError::Field {
            why: format!(
                "coverage.kind is {:?}, not all, within-bound (with its bound) or capped",
                kind.chars().take(20).collect::<String>()
            ),
        }),
    }
}

pub(super) fn exploration(json: JsonExploration) -> Result<Exploration, ReportError> {
    let way = [Way::InProcess, Way::Turnstile]
        .into_iter()
        .find(|way| way_name(*way) == json.way);
    let way = way.ok_or_else(|| ReportError::Field {
        why: format!(
            "explored.way is {:?}, not in-process or turnstile",
            json.way.chars().take(20).collect::<String>()
        ),
    })?;
    let requests = json.requests.into_iter().map(|raced| RacedRequest {
        user: raced.user,
        step: raced.step,
    });
    Ok(Exploration {
        way,
        requests: requests.collect(),
        coverage: coverage(json.coverage)?,
        schedules: json.schedules,
        exposing: json.exposing,
        first_exposing: json.first_exposing,
        bounds: json.bounds.into_iter().map(BoundTold::from).collect(),
        sampled: json.sampled,
        points: json.points.into_iter().map(PointCounts::from).collect(),
        outcomes: json.outcomes.into_iter().map(OutcomeTold::from).collect(),
        outcomes_total: json.outcomes_total,
        doubts: json.doubts.into(),
        found: json.found.into_iter().map(ShortestSchedule::from).collect(),
        told: json.told.into_iter().map(ScheduleSteps::from).collect(),
        warnings: json.warnings,
        environment: json.environment,
        elapsed_ns: json.elapsed_ns,
    })
}

impl From<JsonBound> for BoundTold {
    fn from(json: JsonBound) -> BoundTold {
        BoundTold {
            preemptions: json.preemptions,
            schedules: json.schedules,
            exposing: json.exposing,
            complete: json.complete,
        }
    }
}

impl From<JsonPoints> for PointCounts {
    fn from(json: JsonPoints) -> PointCounts {
        PointCounts {
            natural: json.natural,
            starved: json.starved,
            explicit: json.explicit,
            service: json.service,
            backend: json.backend,
            front: json.front,
        }
    }
}

impl From<JsonOutcome> for OutcomeTold {
    fn from(json: JsonOutcome) -> OutcomeTold {
        OutcomeTold {
            what: json.what,
            schedules: json.schedules,
            exposing: json.exposing,
        }
    }
}

impl From<JsonDoubts> for Doubts {
    fn from(json: JsonDoubts) -> Doubts {
        Doubts {
            diverged: json.diverged,
            differed: json.differed,
            foreign_wakes: json.foreign_wakes,
            stuck: json.stuck,
            endless: json.endless,
            background_messages: json.background_messages,
        }
    }
}

impl From<JsonFound> for ShortestSchedule {
    fn from(json: JsonFound) -> ShortestSchedule {
        ShortestSchedule {
            exposures: json.exposures,
            schedule: json.schedule,
            replay: json.replay,
            preemptions: json.preemptions,
            shrunk_in: json.shrunk_in,
            first_seen: json.first_seen,
            repeated: (json.repeated_same, json.repeated),
            decisive: json.decisive.map(Decisive::from),
            test: json.test,
        }
    }
}

impl From<JsonDecisive> for Decisive {
    fn from(json: JsonDecisive) -> Decisive {
        Decisive {
            at: json.at,
            before: (json.before, json.before_exposing),
            after: json.after,
            complete: json.complete,
        }
    }
}

impl From<JsonTold> for ScheduleSteps {
    fn from(json: JsonTold) -> ScheduleSteps {
        ScheduleSteps {
            schedule: json.schedule,
            outcome: json.outcome,
            exposures: json.exposures,
            steps: json.steps.into_iter().map(ExploredStep::from).collect(),
        }
    }
}

impl From<JsonMoved> for ExploredStep {
    fn from(json: JsonMoved) -> ExploredStep {
        ExploredStep {
            mv: json.mv,
            what: json.what,
            ended: json.ended,
            place: json.place,
            shared: json.shared.into_iter().map(SharedTold::from).collect(),
            woke: json.woke,
            crossed: json.crossed,
        }
    }
}

impl From<JsonShared> for SharedTold {
    fn from(json: JsonShared) -> SharedTold {
        SharedTold {
            name: json.name,
            wrote: json.wrote,
            value: json.value,
        }
    }
}

impl From<JsonShownBy> for ShownBy {
    fn from(json: JsonShownBy) -> ShownBy {
        ShownBy {
            schedule: json.schedule,
            preemptions: json.preemptions,
            replay: json.replay,
        }
    }
}

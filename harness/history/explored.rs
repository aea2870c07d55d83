//! What an exploration of schedules has run: the sums, and the schedules that are told step by step.

use serde::{Deserialize, Serialize};

use super::{Move, Schedule};
use crate::identity::UserId;

/// One set of requests, and all the schedules of them that were run. Of the exchanges only those of the first execution of
/// every outcome stand in the history (through the turnstile, all); this says how many executions they stand for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explored {
    /// Who was in control of the steps.
    pub way: Way,
    /// The requests: the place is that of [`Move::Request`].
    pub requests: Vec<Raced>,
    /// Which of the possible schedules were run.
    pub coverage: Coverage,
    /// Distinct schedules that were run to their end, the sampled ones included.
    pub schedules: u64,
    /// Those of them in which an exposure was seen.
    pub exposing: u64,
    /// Number of the first of those, from 1, in the order in which they ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_exposing: Option<u64>,
    /// The schedules by how often a request was switched away from although it could have gone on; from 0.
    pub bounds: Vec<BoundTold>,
    /// Schedules drawn by chance, beyond those of [`Explored::bounds`].
    #[serde(default)]
    pub sampled: u64,
    /// How the steps of each request ended, in the order of [`Explored::requests`].
    pub points: Vec<PointCounts>,
    /// The outcomes, the most frequent first; at most [`Explored::OUTCOMES`].
    pub outcomes: Vec<OutcomeTold>,
    /// Outcomes in all.
    pub outcomes_total: u64,
    /// What speaks against the executions being repeatable.
    #[serde(default)]
    pub doubts: Doubts,
    /// The shortest schedule found for each exposure, at most [`Explored::FOUND`].
    pub found: Vec<FoundSchedule>,
    /// Schedules told step by step: those of [`Explored::found`], their neighbours, and theirs as far as there is room.
    pub told: Vec<ToldSchedule>,
    /// What a reader should know, a sentence each: too few points, calibration, what was let through.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What schedules hold for: `tokio 1.54.1`, or the relays. Part of the replay line.
    pub environment: String,
    /// Time that the executions took, nanoseconds.
    pub elapsed_ns: u64,
}

impl Explored {
    /// Outcomes that are kept.
    pub const OUTCOMES: usize = 50;
    /// Schedules with an exposure of their own that are kept.
    pub const FOUND: usize = 20;
    /// Schedules that are told step by step.
    pub const TOLD: usize = 400;
}

/// Who controls the steps of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The service runs in this process: a step is one poll between two await points.
    InProcess,
    /// The service's connections to its backends are relayed: a step is one round trip.
    Turnstile,
}

/// A request of an exploration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raced {
    /// Who sends it.
    pub user: UserId,
    /// Index into [`Start::steps`](super::Start::steps).
    pub step: u16,
}

/// Which of the possible schedules were run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "coverage", rename_all = "kebab-case")]
pub enum Coverage {
    /// Every one.
    All,
    /// Every one with at most so many preemptions; there are others.
    WithinBound {
        /// Preemptions.
        bound: u32,
    },
    /// A limit ended it earlier.
    Capped {
        /// Every schedule with at most so many preemptions was run; absent when not even those with none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bound: Option<u32>,
        /// Which limit.
        limit: String,
    },
}

impl Coverage {
    /// The limit of a run of one schedule: that of a replay line.
    pub const ONE_SCHEDULE: &str = "one schedule";

    /// Whether one schedule was asked for, and no other one was to be run.
    #[must_use]
    pub fn is_of_one_schedule(&self) -> bool {
        matches!(self, Coverage::Capped { limit, .. } if limit == Coverage::ONE_SCHEDULE)
    }
}

/// The schedules with one number of preemptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundTold {
    /// Preemptions: switches away from a request that could have gone on.
    pub preemptions: u32,
    /// Schedules with exactly so many.
    pub schedules: u64,
    /// Those with an exposure.
    pub exposing: u64,
    /// Whether there is none that was not run.
    pub complete: bool,
}

/// How the steps of a request ended, in the execution in which it took the most: each is a point at which another one could
/// go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointCounts {
    /// Waited for something that had not happened.
    pub natural: u32,
    /// Taken from it at an await that would have gone on: tokio's budget was used up.
    pub starved: u32,
    /// Named points in the source, or a layer around a service.
    pub explicit: u32,
    /// Between `poll_ready`, `call`, and the frames of the answer.
    pub service: u32,
    /// Messages to a backend, or answers of it, that were held.
    pub backend: u32,
    /// Pieces of the request, or of reading its answer.
    pub front: u32,
}

impl PointCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u32 {
        [
            self.natural,
            self.starved,
            self.explicit,
            self.service,
            self.backend,
            self.front,
        ]
        .iter()
        .sum()
    }

    /// Those within the work of the service, where shared state can change between two steps.
    #[must_use]
    pub fn inside(&self) -> u32 {
        self.natural + self.starved + self.explicit + self.backend
    }
}

/// An outcome: what the users were answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeTold {
    /// For people, in a line: `alice 200 with bob's note; bob 200`.
    pub what: String,
    /// Schedules that led to it.
    pub schedules: u64,
    /// Whether a user received, or acted on, another user's data.
    pub exposing: bool,
}

/// What speaks against the executions being repeatable, in executions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubts {
    /// After the same moves, other moves were possible than before; they do not count as schedules.
    #[serde(default)]
    pub diverged: u64,
    /// A schedule with an exposure came out otherwise when it was run once more.
    #[serde(default)]
    pub differed: u64,
    /// A request was woken from another thread: its timing is not controlled.
    #[serde(default)]
    pub foreign_wakes: u64,
    /// Requests were blocked for ever.
    #[serde(default)]
    pub stuck: u64,
    /// Ended by the limit on moves; they do not count as schedules.
    #[serde(default)]
    pub endless: u64,
    /// Messages to a backend that belonged to no request and were let through.
    #[serde(default)]
    pub background_messages: u64,
}

/// The shortest schedule that was found for an exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundSchedule {
    /// Ids of the exposures, as the judge gives them.
    pub exposures: Vec<String>,
    /// The schedule; its steps are in [`Explored::told`].
    pub schedule: Schedule,
    /// The line that runs it again.
    pub replay: String,
    /// Its preemptions.
    pub preemptions: u32,
    /// Executions that shrinking it took.
    pub shrunk_in: u64,
    /// Moves and switches of the schedule with which it was first seen.
    pub first_seen: Schedule,
    /// Of how many executions of this schedule so many came out the same.
    pub repeated: (u32, u32),
    /// The move from which on every schedule exposes, from 0, when there is one, and how that was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisive: Option<Decisive>,
}

/// The move from which on every way to go on exposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisive {
    /// Place of the move in the schedule, from 0.
    pub at: u32,
    /// Ways to go on before that move that were run, and those of them that exposed.
    pub before: (u64, u64),
    /// Ways to go on after it that were run; all exposed.
    pub after: u64,
    /// Whether these were all ways there are.
    pub complete: bool,
}

/// A schedule, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldSchedule {
    /// The moves.
    pub schedule: Schedule,
    /// What came of it, for people.
    pub outcome: String,
    /// Ids of the exposures that it shows; empty for none.
    pub exposures: Vec<String>,
    /// Its steps: as many as it has moves.
    pub steps: Vec<StepTold>,
}

/// One step of a told schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTold {
    /// Who went on.
    #[serde(rename = "move")]
    pub mv: Move,
    /// What it did, or where it stopped, for people: `call`, `await`, `GET note`, `answered 200`.
    pub what: String,
    /// How the step ended.
    pub ended: StepEnd,
    /// Place in the source at which it then waited: `src/notes.rs:12:5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Shared state that it read or wrote, where explicit points say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<SharedTold>,
    /// Who could go on because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub woke: Vec<Move>,
    /// Users whose data its answer held, beside the requesting one's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crossed: Vec<UserId>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnd {
    /// It waits for something that has not happened.
    Natural,
    /// It was stopped at an await that would have gone on.
    Starved,
    /// It was stopped at a named point.
    Explicit,
    /// Between two parts of the service's protocol.
    Service,
    /// Its message to a backend, or the answer to it, is held.
    Backend,
    /// A piece of the request or of the answer was passed.
    Front,
    /// It waits for another request, or for longer than the limit.
    Blocked,
    /// The request is over.
    Finished,
    /// Something else than a request went on.
    Other,
}

/// An access to shared state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedTold {
    /// What it is called.
    pub name: String,
    /// True for a write.
    pub wrote: bool,
    /// The value then, masked.
    pub value: String,
}

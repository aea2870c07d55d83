//! What explorations are made of in the JSON report; as in `shape`, fields are only added.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::{Move, Schedule, StepEnd};

/// How far explorations of schedules went, all sets of requests together.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Reach")]
pub struct JsonReach {
    /// Sets of requests that were explored.
    pub races: u64,
    /// Distinct schedules that were run to their end, the sampled ones included.
    pub schedules: u64,
    /// Those in which an exposure was seen.
    pub exposing: u64,
    /// Those that were drawn by chance.
    pub sampled: u64,
    /// The schedules that the coverage says were all run.
    pub covered: u64,
    /// Which of the possible schedules were run.
    pub coverage: JsonCoverage,
    /// The same for people: `all 12,870 schedules`.
    pub told: String,
}

/// Which of the possible schedules were run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Coverage")]
pub struct JsonCoverage {
    /// `all`, `within-bound` or `capped`.
    pub kind: String,
    /// Every schedule with at most so many preemptions was run; null for all, and when not even those with none were.
    pub bound: Option<u32>,
    /// The limit that ended it; null unless it is capped.
    pub limit: Option<String>,
}

/// A set of requests, and the schedules of them that were run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Exploration")]
pub struct JsonExploration {
    /// `in-process` or `turnstile`.
    pub way: String,
    /// The requests, R1 first.
    pub requests: Vec<JsonRaced>,
    /// Which of the possible schedules were run.
    pub coverage: JsonCoverage,
    /// Distinct schedules that were run to their end, the sampled ones included.
    pub schedules: u64,
    /// Those in which an exposure was seen.
    pub exposing: u64,
    /// Number of the first of those, from 1, in the order in which they ran; null for none.
    pub first_exposing: Option<u64>,
    /// The schedules by their preemptions.
    pub bounds: Vec<JsonBound>,
    /// Schedules drawn by chance, beyond the bounds.
    pub sampled: u64,
    /// How the steps of each request ended, in the order of the requests.
    pub points: Vec<JsonPoints>,
    /// The outcomes, the most frequent first.
    pub outcomes: Vec<JsonOutcome>,
    /// Outcomes in all.
    pub outcomes_total: u64,
    /// What speaks against the executions being repeatable.
    pub doubts: JsonDoubts,
    /// The shortest schedule found for each exposure.
    pub found: Vec<JsonFound>,
    /// Schedules step by step: those that were found, and their neighbours.
    pub told: Vec<JsonTold>,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// What schedules hold for: part of the replay lines.
    pub environment: String,
    /// Time that the executions took, nanoseconds.
    pub elapsed_ns: u64,
}

/// A request of an exploration.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Raced")]
pub struct JsonRaced {
    /// Name of the user who sends it.
    pub user: String,
    /// Name of the step.
    pub step: String,
}

/// The schedules with one number of preemptions.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Bound")]
pub struct JsonBound {
    /// Preemptions: switches away from a request that could have gone on.
    pub preemptions: u32,
    /// Schedules with exactly so many.
    pub schedules: u64,
    /// Those with an exposure.
    pub exposing: u64,
    /// Whether there is none that was not run.
    pub complete: bool,
}

/// How the steps of a request ended: points at which another one could go on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Points")]
pub struct JsonPoints {
    /// Waited for something that had not happened.
    pub natural: u32,
    /// Stopped at an await that would have gone on.
    pub starved: u32,
    /// Stopped at a named point.
    pub explicit: u32,
    /// Between two parts of the service's protocol.
    pub service: u32,
    /// A message to a backend, or its answer, was held.
    pub backend: u32,
    /// A piece of the request or of the answer was passed.
    pub front: u32,
    /// Those within the work of the service.
    pub inside: u32,
}

/// What users were answered with.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Outcome")]
pub struct JsonOutcome {
    /// In a line.
    pub what: String,
    /// Schedules that led to it.
    pub schedules: u64,
    /// Whether a user received, or acted on, another user's data.
    pub exposing: bool,
}

/// What speaks against the executions being repeatable, in executions.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Doubts")]
pub struct JsonDoubts {
    /// After the same moves, other moves were possible than before.
    pub diverged: u64,
    /// A schedule with an exposure came out otherwise when it was run once more.
    pub differed: u64,
    /// A request was woken from another thread.
    pub foreign_wakes: u64,
    /// Requests were blocked for ever.
    pub stuck: u64,
    /// Ended by the limit on moves.
    pub endless: u64,
    /// Messages to a backend that belonged to no request and were let through.
    pub background_messages: u64,
}

/// The shortest schedule that was found for an exposure.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Found")]
pub struct JsonFound {
    /// Ids of the exposures that it shows.
    pub exposures: Vec<String>,
    /// The moves: `R1*3,R2*2,B,R1`.
    #[schemars(with = "String")]
    pub schedule: Schedule,
    /// The line that runs it again.
    pub replay: String,
    /// Its preemptions.
    pub preemptions: u32,
    /// Executions that shrinking it took.
    pub shrunk_in: u64,
    /// The schedule with which it was first seen.
    #[schemars(with = "String")]
    pub first_seen: Schedule,
    /// Executions of it that came out the same.
    pub repeated_same: u32,
    /// Executions of it.
    pub repeated: u32,
    /// The move from which on every way to go on exposes; null when there is none.
    pub decisive: Option<JsonDecisive>,
    /// A test in Rust that runs it again; null unless the library explored.
    pub test: Option<String>,
}

/// The move from which on every way to go on exposes.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Decisive")]
pub struct JsonDecisive {
    /// Place of the move in the schedule, from 0.
    pub at: u32,
    /// Ways to go on before that move that were run.
    pub before: u64,
    /// Those of them that exposed.
    pub before_exposing: u64,
    /// Ways to go on after it that were run; all exposed.
    pub after: u64,
    /// Whether these were all ways there are.
    pub complete: bool,
}

/// A schedule, step by step.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Told")]
pub struct JsonTold {
    /// The moves.
    #[schemars(with = "String")]
    pub schedule: Schedule,
    /// What came of it.
    pub outcome: String,
    /// Ids of the exposures that it shows.
    pub exposures: Vec<String>,
    /// Its steps: as many as it has moves.
    pub steps: Vec<JsonMoved>,
}

/// One step of a schedule.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Moved")]
pub struct JsonMoved {
    /// Who went on: `R1` (a request), `B` (a background task), `T` (time), `X1` (a client went away).
    #[serde(rename = "move")]
    #[schemars(with = "String")]
    pub mv: Move,
    /// What it did, or where it stopped.
    pub what: String,
    /// How the step ended: `natural`, `starved`, `explicit`, `service`, `backend`, `front`, `blocked`, `finished`, `other`.
    #[schemars(with = "String")]
    pub ended: StepEnd,
    /// Place in the source at which it then waited; null when it is not known.
    pub place: Option<String>,
    /// Shared state that it read or wrote, where the source says so.
    pub shared: Vec<JsonShared>,
    /// Who could go on because of it.
    #[schemars(with = "Vec<String>")]
    pub woke: Vec<Move>,
    /// Names of the users whose data its answer held.
    pub crossed: Vec<String>,
}

/// An access to shared state.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Shared")]
pub struct JsonShared {
    /// What it is called.
    pub name: String,
    /// True for a write.
    pub wrote: bool,
    /// The value then, masked.
    pub value: String,
}

/// By which schedule an exposure is shown.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ShownBy")]
pub struct JsonShownBy {
    /// The shortest that was found.
    #[schemars(with = "String")]
    pub schedule: Schedule,
    /// Its preemptions.
    pub preemptions: u32,
    /// The line that runs it again.
    pub replay: String,
}

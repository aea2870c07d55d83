//! How the schedules of a scenario's requests are explored: `[explore]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Bounds;
use crate::choice::{UnknownWord, words};

words! {
    /// In which order schedules are run.
    SearchName, "search":
    /// Depth first, by preemptions: none, then one, then two …; once the executions are used up, some by chance.
    Bounded = "bounded",
    /// Every choice drawn evenly.
    Random = "random",
    /// Probabilistic concurrency testing: random priorities, changed at a few random moves.
    Pct = "pct",
}

words! {
    /// What the turnstile holds until it is let go.
    HoldName, "hold":
    /// What the service sends to a backend.
    Messages = "messages",
    /// What a backend answers.
    Answers = "answers",
    /// The second half of a request's body, and the reading of its answer.
    Front = "front",
}

/// How schedules are explored: `[explore]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExploreSettings {
    /// Sets of requests, each by the names of raced steps, one for each user in their order; at most
    /// [`ExploreSettings::RACES`]. Empty for every pair of raced steps, a step with itself included.
    pub races: Vec<Vec<String>>,
    /// In which order schedules are run.
    pub search: SearchName,
    /// Most preemptions of a schedule; none for no bound. Within [`ExploreSettings::PREEMPTIONS`].
    pub preemptions: Option<u32>,
    /// Most executions of a race. Within [`ExploreSettings::EXECUTIONS`].
    pub executions: u64,
    /// Executions drawn by chance once [`ExploreSettings::executions`] is used up. Within [`ExploreSettings::SAMPLES`].
    pub samples: u64,
    /// Most moves of an execution. Within [`ExploreSettings::MOVES`].
    pub moves: u64,
    /// Most seconds for the executions of a race. Within [`ExploreSettings::DURATION_S`].
    pub duration_s: u64,
    /// Whether a request's client may go away at any point.
    pub cancel: bool,
    /// Whether time may pass while requests can go on (in process alone).
    pub time: bool,
    /// What the turnstile holds; never empty. Cancelling wants the answers held.
    pub hold: Vec<HoldName>,
    /// Milliseconds without a sign of life after which a request counts as blocked by another one (turnstile). Within
    /// [`ExploreSettings::BLOCKED_MS`].
    pub blocked_ms: u64,
}

impl ExploreSettings {
    /// Most sets of requests.
    pub const RACES: usize = 100;
    /// Bounds of [`ExploreSettings::preemptions`], when there is one.
    pub const PREEMPTIONS: Bounds = Bounds::new(0, 2, 1_000);
    /// Bounds of [`ExploreSettings::executions`].
    pub const EXECUTIONS: Bounds = Bounds::new(1, 100_000, 1_000_000_000);
    /// Bounds of [`ExploreSettings::samples`].
    pub const SAMPLES: Bounds = Bounds::new(0, 1_000, 1_000_000_000);
    /// Bounds of [`ExploreSettings::moves`].
    pub const MOVES: Bounds = Bounds::new(1, 10_000, 1_000_000);
    /// Bounds of [`ExploreSettings::duration_s`].
    pub const DURATION_S: Bounds = Bounds::new(1, 60, 86_400);
    /// Bounds of [`ExploreSettings::blocked_ms`].
    pub const BLOCKED_MS: Bounds = Bounds::new(1, 100, 60_000);
}

impl ExploreSettings {
    /// Sets what is held, in the order of [`HoldName::ALL`], each once. With nothing given it is what suits the rest: the
    /// messages, and the answers as well when clients go away, since that is when an answer has nobody to take it.
    pub fn set_hold(&mut self, given: Vec<HoldName>) {
        let suits = match self.cancel {
            true => vec![HoldName::Messages, HoldName::Answers],
            false => vec![HoldName::Messages],
        };
        self.hold = if given.is_empty() { suits } else { given };
        self.hold.sort_unstable();
        self.hold.dedup();
    }
}

impl Default for ExploreSettings {
    fn default() -> ExploreSettings {
        ExploreSettings {
            races: Vec::new(),
            search: SearchName::Bounded,
            preemptions: None,
            executions: ExploreSettings::EXECUTIONS.default,
            samples: ExploreSettings::SAMPLES.default,
            moves: ExploreSettings::MOVES.default,
            duration_s: ExploreSettings::DURATION_S.default,
            cancel: false,
            time: false,
            hold: vec![HoldName::Messages],
            blocked_ms: ExploreSettings::BLOCKED_MS.default,
        }
    }
}

//! Where requests run under control: what a stage does, and what a guide decides.

use std::fmt;

use crate::history::{Cause, Doubts, Move, PointCounts, Raced, Record, Schedule, StepTold, Way};

/// Runs executions of one set of requests, each from its beginning.
pub trait Stage {
    /// Who is in control.
    fn way(&self) -> Way;

    /// The requests; the place is that of [`Move::Request`].
    fn requests(&self) -> Vec<Raced>;

    /// What schedules hold for, without spaces: `tokio-permit-first`, `relays-2`. A schedule of another environment may not be
    /// possible here.
    fn environment(&self) -> String;

    /// What a reader should know of how requests are controlled here, a sentence each; for
    /// [`Explored::warnings`](crate::history::Explored::warnings).
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Records that stand before those of the executions: what was done once, every request alone. They are taken once.
    ///
    /// # Errors
    /// When the service does not do what the scenario expects of it alone.
    fn prepare(&mut self) -> Result<Vec<Record>, StageError>;

    /// Runs one execution: asks the guide at every point at which there is somebody who can go on, until nobody is left, the
    /// guide ends it, or a limit does.
    ///
    /// # Errors
    /// When the service can no longer be run at all; what happens to a request is in its exchange.
    fn execute(&mut self, guide: &mut dyn Guide, detail: Detail) -> Result<Execution, StageError>;

    /// What ends the executions before the search does, when so many more would go beyond it: a limit on what is asked of the
    /// service, as people may read it after "capped at".
    fn limit(&self, _executions: u64) -> Option<String> {
        None
    }

    /// Records of what was done when [`prepare`](Stage::prepare) or [`execute`](Stage::execute) has failed, so that they are
    /// not lost, exchanges with their round set to `number`; none in a race. They are taken once.
    fn unfinished(&mut self, _number: u32) -> Vec<Record> {
        Vec::new()
    }

    /// The records of the last execution, without a volley's end: canaries planted, exchanges in the order in which they
    /// ended, each with `volley` and `round` set to `number`. Times are steps (1 step = 1 µs) in process.
    fn records(&mut self, number: u32) -> Vec<Record>;
}

/// Decides who goes on.
pub trait Guide {
    /// The move to be done next, one of those enabled; `None` ends the execution here.
    fn choose(&mut self, point: &Point<'_>) -> Option<Move>;

    /// The move chosen last was not possible after all, and nothing has changed: it is asked again, without that one.
    fn void(&mut self, mv: Move);
}

/// A point at which somebody goes on.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Moves done before.
    pub step: usize,
    /// What is possible, never empty: the one that went on last, if it can, then the requests in order, background, time,
    /// cancels. The first is never a preemption.
    pub enabled: &'a [Move],
    /// Whether the one that went on last can go on: then every other choice is a preemption.
    pub continues: bool,
}

impl Point<'_> {
    /// Preemptions that a choice costs: 0 or 1.
    #[must_use]
    pub fn cost(&self, mv: Move) -> u32 {
        u32::from(self.continues && self.enabled.first() != Some(&mv))
    }

    /// The enabled moves as bits, to be compared between executions.
    #[must_use]
    pub fn mask(&self) -> u32 {
        self.enabled.iter().fold(0, |mask, mv| mask | 1 << mv.bit())
    }
}

/// How much an execution tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Only what the search needs.
    Brief,
    /// Its steps as well, with the places in the source at which requests wait.
    Full,
}

/// What an execution has come to.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The moves that were done.
    pub schedule: Schedule,
    /// How it ended.
    pub end: ExecutionEnd,
    /// Equal for executions whose answers are equal byte for byte; `None` where that is not known without looking at each,
    /// because the service goes on from one execution to the next.
    pub outcome: Option<u128>,
    /// How the steps of each request ended.
    pub points: Vec<PointCounts>,
    /// What speaks against its being repeatable, in this execution.
    pub doubts: Doubts,
    /// The steps, as many as moves; empty unless [`Detail::Full`] was asked for. `crossed` is left empty.
    pub steps: Vec<StepTold>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutionEnd {
    /// Every request is over, or was cancelled.
    Complete,
    /// The guide ended it.
    Abandoned,
    /// Requests wait for each other, or for something that never comes. It counts as a schedule.
    Stuck {
        /// Places in [`Stage::requests`] of those that wait.
        waiting: Vec<usize>,
    },
    /// The limit on moves was reached. It counts as no schedule.
    Endless,
}

/// A stage that cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageError {
    /// What went wrong and what to do, for people.
    pub why: String,
    /// What kind of thing that is.
    pub cause: Cause,
}

impl StageError {
    /// An error of that kind.
    pub fn new(cause: Cause, why: impl Into<String>) -> StageError {
        StageError {
            why: why.into(),
            cause,
        }
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for StageError {}

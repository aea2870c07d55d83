//! An exploration as it is reported: names instead of indices, and every text masked.

use super::naming::Names;
use crate::history::{
    BoundTold, Coverage, Decisive, Doubts, Explored, FoundSchedule, Move, OutcomeTold, PointCounts,
    Schedule, SharedTold, StepEnd, StepTold, ToldSchedule, Way,
};

/// One set of requests, and all the schedules of them that were run. Everything in it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Exploration {
    /// Who was in control of the steps.
    pub way: Way,
    /// The requests: the place is that of [`Move::Request`].
    pub requests: Vec<RacedRequest>,
    /// Which of the possible schedules were run.
    pub coverage: Coverage,
    /// Distinct schedules that were run to their end, the sampled ones included.
    pub schedules: u64,
    /// Those of them in which an exposure was seen.
    pub exposing: u64,
    /// Number of the first of those, from 1, in the order in which they ran.
    pub first_exposing: Option<u64>,
    /// The schedules by their preemptions, from 0.
    pub bounds: Vec<BoundTold>,
    /// Schedules drawn by chance, beyond those of [`Exploration::bounds`].
    pub sampled: u64,
    /// How the steps of each request ended, in the order of [`Exploration::requests`].
    pub points: Vec<PointCounts>,
    /// The outcomes, the most frequent first; at most [`Explored::OUTCOMES`].
    pub outcomes: Vec<OutcomeTold>,
    /// Outcomes in all.
    pub outcomes_total: u64,
    /// What speaks against the executions being repeatable.
    pub doubts: Doubts,
    /// The shortest schedule found for each exposure.
    pub found: Vec<ShortestSchedule>,
    /// Schedules told step by step: those of [`Exploration::found`] and their neighbours.
    pub told: Vec<ScheduleSteps>,
    /// What a reader should know of this exploration, a sentence each. They are in [`Report::notes`](super::Report) as well.
    pub warnings: Vec<String>,
    /// What schedules hold for: part of the replay lines.
    pub environment: String,
    /// Time that the executions took, nanoseconds.
    pub elapsed_ns: u64,
}

/// A request of an exploration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RacedRequest {
    /// Name of the user who sends it.
    pub user: String,
    /// Name of the step.
    pub step: String,
}

/// The shortest schedule that was found for an exposure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortestSchedule {
    /// Ids of the findings that it shows.
    pub exposures: Vec<String>,
    /// The schedule; its steps are in [`Exploration::told`].
    pub schedule: Schedule,
    /// The line that runs it again.
    pub replay: String,
    /// Its preemptions.
    pub preemptions: u32,
    /// Executions that shrinking it took.
    pub shrunk_in: u64,
    /// The schedule with which it was first seen.
    pub first_seen: Schedule,
    /// Of how many executions of this schedule so many came out the same.
    pub repeated: (u32, u32),
    /// The move from which on every way to go on exposes, when there is one.
    pub decisive: Option<Decisive>,
    /// A test in Rust that runs it again, to be pasted; in several lines. Only an exploration by the library has one.
    pub test: Option<String>,
}

/// A schedule, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSteps {
    /// The moves.
    pub schedule: Schedule,
    /// What came of it, for people.
    pub outcome: String,
    /// Ids of the findings that it shows; empty for none.
    pub exposures: Vec<String>,
    /// Its steps: as many as it has moves.
    pub steps: Vec<ExploredStep>,
}

/// One step of a told schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExploredStep {
    /// Who went on.
    pub mv: Move,
    /// What it did, or where it stopped.
    pub what: String,
    /// How the step ended.
    pub ended: StepEnd,
    /// Place in the source at which it then waited.
    pub place: Option<String>,
    /// Shared state that it read or wrote, where explicit points say so.
    pub shared: Vec<SharedTold>,
    /// Who could go on because of it.
    pub woke: Vec<Move>,
    /// Names of the users whose data its answer held, beside the requesting one's own.
    pub crossed: Vec<String>,
}

/// By which schedule of an exploration a finding is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownBy {
    /// The shortest that was found.
    pub schedule: Schedule,
    /// Its preemptions.
    pub preemptions: u32,
    /// The line that runs it again.
    pub replay: String,
}

impl Exploration {
    /// The steps of a schedule, when they are told.
    #[must_use]
    pub fn steps_of(&self, schedule: &Schedule) -> Option<&ScheduleSteps> {
        self.told.iter().find(|told| told.schedule == *schedule)
    }

    /// What a move is called, for people: `alice`, `background`, `time`, `alice goes away`; with the step where one user
    /// sends several requests.
    #[must_use]
    pub fn who(&self, mv: Move) -> String {
        let name = |at: u8| {
            let Some(request) = self.requests.get(usize::from(at)) else {
                return format!("request {}", u32::from(at) + 1);
            };
            let of_user = self
                .requests
                .iter()
                .filter(|other| other.user == request.user);
            if of_user.count() > 1 {
                format!("{} {}", request.user, request.step)
            } else {
                request.user.clone()
            }
        };
        match mv {
            Move::Request(at) => name(at),
            Move::Background => "background".to_owned(),
            Move::Time => "time".to_owned(),
            Move::Cancel(at) => format!("{} goes away", name(at)),
        }
    }
}

impl ShownBy {
    /// Whether some request goes on after another one has gone on in between: that takes requests that meet.
    #[must_use]
    pub fn is_interleaved(&self) -> bool {
        self.schedule.is_interleaved()
    }
}

/// The test that runs a schedule again, as Rust, of an exploration by the library.
#[derive(Clone, Copy)]
pub struct TestOf<'a>(pub &'a dyn Fn(&Explored, &FoundSchedule) -> String);

impl std::fmt::Debug for TestOf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestOf")
    }
}

impl Names<'_> {
    pub(super) fn exploration(&self, explored: &Explored, test: Option<TestOf<'_>>) -> Exploration {
        let mask = |text: &String| self.masked(text);
        Exploration {
            way: explored.way,
            requests: explored
                .requests
                .iter()
                .map(|raced| RacedRequest {
                    user: self.user(raced.user),
                    step: self.step(raced.step).name,
                })
                .collect(),
            coverage: self.coverage(&explored.coverage),
            schedules: explored.schedules,
            exposing: explored.exposing,
            first_exposing: explored.first_exposing,
            bounds: explored.bounds.clone(),
            sampled: explored.sampled,
            points: explored.points.clone(),
            outcomes: explored
                .outcomes
                .iter()
                .map(|outcome| OutcomeTold {
                    what: mask(&outcome.what),
                    ..*outcome
                })
                .collect(),
            outcomes_total: explored.outcomes_total,
            doubts: explored.doubts,
            found: explored
                .found
                .iter()
                .map(|found| self.shortest(explored, found, test))
                .collect(),
            told: explored.told.iter().map(|told| self.told(told)).collect(),
            warnings: explored.warnings.iter().map(mask).collect(),
            environment: mask(&explored.environment),
            elapsed_ns: explored.elapsed_ns,
        }
    }

    pub(super) fn coverage(&self, coverage: &Coverage) -> Coverage {
        match coverage {
            Coverage::Capped { bound, limit } => Coverage::Capped {
                bound: *bound,
                limit: self.masked(limit),
            },
            Coverage::All | Coverage::WithinBound { .. } => coverage.clone(),
        }
    }

    fn shortest(
        &self,
        explored: &Explored,
        found: &FoundSchedule,
        test: Option<TestOf<'_>>,
    ) -> ShortestSchedule {
        let test = test.map(|TestOf(test)| {
            let lines: Vec<String> = test(explored, found)
                .lines()
                .map(|line| self.masked(line))
                .collect();
            lines.join("\n")
        });
        ShortestSchedule {
            exposures: found.exposures.iter().map(|id| self.masked(id)).collect(),
            schedule: found.schedule.clone(),
            replay: self.masked(&found.replay),
            preemptions: found.preemptions,
            shrunk_in: found.shrunk_in,
            first_seen: found.first_seen.clone(),
            repeated: found.repeated,
            decisive: found.decisive,
            test,
        }
    }

    fn told(&self, told: &ToldSchedule) -> ScheduleSteps {
        ScheduleSteps {
            schedule: told.schedule.clone(),
            outcome: self.masked(&told.outcome),
            exposures: told.exposures.iter().map(|id| self.masked(id)).collect(),
            steps: told
                .steps
                .iter()
                .map(|step| self.explored_step(step))
                .collect(),
        }
    }

    fn explored_step(&self, step: &StepTold) -> ExploredStep {
        ExploredStep {
            mv: step.mv,
            what: self.masked(&step.what),
            ended: step.ended,
            place: step.place.as_deref().map(|place| self.masked(place)),
            shared: step
                .shared
                .iter()
                .map(|shared| SharedTold {
                    name: self.masked(&shared.name),
                    wrote: shared.wrote,
                    value: self.masked(&shared.value),
                })
                .collect(),
            woke: step.woke.clone(),
            crossed: step.crossed.iter().map(|user| self.user(*user)).collect(),
        }
    }

    /// The shortest schedule that shows the exposure of that id.
    pub(super) fn shown_by(&self, id: &str, explored: &[Explored]) -> Option<ShownBy> {
        let found = explored.iter().flat_map(|explored| &explored.found);
        let found = found.filter(|found| found.exposures.iter().any(|exposure| exposure == id));
        let shortest = found.min_by_key(|found| {
            (
                found.preemptions,
                found.schedule.switches(),
                found.schedule.0.len(),
            )
        })?;
        Some(ShownBy {
            schedule: shortest.schedule.clone(),
            preemptions: shortest.preemptions,
            replay: self.masked(&shortest.replay),
        })
    }
}

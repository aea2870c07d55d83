//! The line that runs a schedule again, and running it: twice, and never further than to the first difference.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Instant;

use super::executor::{Executor, Numbers, Weighing};
use super::fingerprint::fingerprint;
use super::race::Halt;
use super::races::{any_race, in_words};
use super::run::{OracleFor, Plan, StageFor, nanoseconds, start};
use super::search::{Difference, Fixed};
use super::tell::told;
use super::{Detail, ExecutionEnd};
use crate::history::{
    Cause, Coverage, End, Ending, Explored, FoundSchedule, Move, OutcomeTold, Raced, Record,
    Schedule, Sink,
};
use crate::judge::Verdict;
use crate::scenario::{ExploreSettings, FireSettings, Limits, Scenario, TargetSpec};

/// Version of the line.
const VERSION: u32 = 1;

/// A schedule, with what it holds for: `xw1:0f3a5c7e:tokio-permit-first:R1*3,R2*2,R1`.
///
/// ```
/// use crosswire::explore::Replay;
///
/// let line: Replay = "xw1:0f3a5c7e:tokio-permit-first:R1*3,R2*2,R1".parse().unwrap();
/// assert_eq!(line.schedule().switches(), 2);
/// assert_eq!(line.to_string(), "xw1:0f3a5c7e:tokio-permit-first:R1*3,R2*2,R1");
///
/// let error = "xw1:0f3a5c7e:tokio-permit-first:R1*3,Q".parse::<Replay>().unwrap_err();
/// assert!(error.to_string().contains("`Q`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    hash: u32,
    environment: String,
    schedule: Schedule,
}

/// A line that cannot be run, and why, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayError(String);

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReplayError {}

impl Replay {
    /// The line of a schedule of these requests in that environment.
    #[must_use]
    pub fn new(
        scenario: &Scenario,
        requests: &[Raced],
        environment: impl AsRef<str>,
        schedule: Schedule,
    ) -> Replay {
        Replay {
            hash: hash(scenario, requests),
            environment: plain(environment.as_ref()),
            schedule,
        }
    }

    /// The schedule.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The environment that it holds for, see [`Stage::environment`](super::Stage::environment).
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The requests of the scenario that it is a schedule of.
    ///
    /// # Errors
    /// When it is of another scenario, or of one that was changed since.
    pub fn requests(&self, scenario: &Scenario) -> Result<Vec<Raced>, ReplayError> {
        let races = any_race(scenario).map_err(ReplayError)?;
        let mut fitting = races
            .into_iter()
            .filter(|raced| hash(scenario, raced) == self.hash);
        fitting.next().ok_or_else(|| {
            ReplayError(format!(
                "the replay line is of another scenario than {}, of one that was changed since, or of requests that it does \
                 not race; name its requests as a race, or explore again for a new line",
                scenario.name
            ))
        })
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hash, environment, schedule) = (self.hash, &self.environment, &self.schedule);
        write!(f, "xw{VERSION}:{hash:08x}:{environment}:{schedule}")
    }
}

impl FromStr for Replay {
    type Err = ReplayError;

    fn from_str(text: &str) -> Result<Replay, ReplayError> {
        let wrong = |why: String| {
            ReplayError(format!(
                "no replay line: {why} (it looks like xw{VERSION}:0f3a5c7e:tokio-permit-first:R1*3,R2*2,R1)"
            ))
        };
        let mut parts = text.trim().splitn(4, ':');
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let version = part().and_then(|part| part.strip_prefix("xw"));
        let version = version.ok_or_else(|| wrong("it does not begin with xw".to_owned()))?;
        if version != VERSION.to_string() {
            return Err(wrong(format!(
                "version `{}` is not {VERSION}, which this crosswire reads",
                version.escape_debug()
            )));
        }
        let digits = part().unwrap_or_default();
        let is_hash = digits.len() == 8
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let hash = u32::from_str_radix(digits, 16).ok().filter(|_| is_hash);
        let hash = hash.ok_or_else(|| {
            let given = digits.escape_debug();
            wrong(format!(
                "after the version come 8 digits 0 to 9, a to f, not `{given}`"
            ))
        })?;
        let environment = part().ok_or_else(|| wrong("the environment is missing".to_owned()))?;
        if plain(environment) != environment {
            let given = environment.escape_debug();
            return Err(wrong(format!("`{given}` is no environment")));
        }
        let moves = part().ok_or_else(|| wrong("the moves are missing".to_owned()))?;
        let schedule = moves.parse().map_err(|error| wrong(format!("{error}")))?;
        Ok(Replay {
            hash,
            environment: environment.to_owned(),
            schedule,
        })
    }
}

/// An environment without what would end its part of the line.
fn plain(environment: &str) -> String {
    let is_kept = |c: char| c.is_ascii_graphic() && c != ':';
    environment
        .chars()
        .map(|c| if is_kept(c) { c } else { '-' })
        .collect()
}

/// What decides which schedules there are: the steps and the requests; not where they go, so that a repaired service can be
/// asked the same, and not how much is explored, or fired.
fn hash(scenario: &Scenario, requests: &[Raced]) -> u32 {
    let mut bare = scenario.clone();
    (bare.title, bare.story) = (String::new(), String::new());
    bare.tags.clear();
    bare.thresholds.clear();
    bare.expect = Verdict::Isolated;
    bare.target = TargetSpec::Url("http://target".to_owned());
    bare.fire = FireSettings::default();
    bare.limits = Limits::default();
    bare.explore = ExploreSettings::default();
    let requests: Vec<String> = requests
        .iter()
        .map(|request| format!("{} {}", request.user.0, request.step))
        .collect();
    let text = format!("{}\n{}", bare.to_toml(), requests.join(","));
    let long = fingerprint(text.bytes());
    (long ^ (long >> 32)) as u32
}

/// What came of running a schedule again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It exposes again.
    Exposed {
        /// Ids of the exposures.
        exposures: Vec<String>,
        /// What was seen, for people.
        what: String,
        /// Of how many executions so many exposed.
        repeated: (u32, u32),
    },
    /// It was run to its end, and exposes nothing any more.
    Clean {
        /// What was seen, for people.
        what: String,
    },
    /// It cannot be run: it is of something else, or the execution went another way.
    CannotBeRun {
        /// Why, for people, with the place of the first difference.
        why: String,
    },
}

/// Runs the schedule of a replay line twice and records a history of it, with one execution.
///
/// # Errors
/// When the sink refuses a record. Whatever else goes wrong is in the result and in the last record.
pub fn replay<'s>(
    plan: &Plan<'_>,
    line: &Replay,
    stage_for: &mut StageFor<'_, 's>,
    oracle_for: &mut OracleFor<'_>,
    sink: &mut dyn Sink,
) -> io::Result<Replayed> {
    let started = Instant::now();
    let record = Record::Start(start(plan));
    sink.take(&record)?;
    let mut cause = Cause::Step;
    let replayed = match run(plan, line, &record, stage_for, oracle_for, sink) {
        Ok(replayed) => replayed,
        Err(Halt::Sink(error)) => return Err(error),
        Err(Halt::Stage(error)) => {
            cause = error.cause;
            Replayed::CannotBeRun { why: error.why }
        }
    };
    let (ending, rounds) = match &replayed {
        Replayed::CannotBeRun { why } => {
            let why = why.clone();
            (Ending::Failed { why, cause }, 0)
        }
        _ => (Ending::Completed, 1),
    };
    sink.take(&Record::End(End {
        ending,
        rounds,
        elapsed_ns: nanoseconds(started.elapsed()),
    }))?;
    Ok(replayed)
}

fn run<'s>(
    plan: &Plan<'_>,
    line: &Replay,
    start_record: &Record,
    stage_for: &mut StageFor<'_, 's>,
    oracle_for: &mut OracleFor<'_>,
    sink: &mut dyn Sink,
) -> Result<Replayed, Halt> {
    let cannot = |why: String| Ok(Replayed::CannotBeRun { why });
    let raced = match line.requests(plan.scenario) {
        Ok(raced) => raced,
        Err(error) => return cannot(error.0),
    };
    let mut stage = stage_for(&raced)?;
    let environment = stage.environment();
    if plain(&environment) != line.environment {
        let theirs = &line.environment;
        return cannot(format!(
            "the replay line is of {theirs}, and this is {environment}: other schedules are possible there; explore again for \
             a new line"
        ));
    }
    let mut oracle = oracle_for(&start(plan), &raced);
    let mut numbers = Numbers::default();
    let mut executor = Executor::new(&mut *stage, &mut *oracle, &mut numbers);
    executor.prepare(start_record, sink)??;
    let started = Instant::now();
    let differs = |why: &str| {
        let who = in_words(plan.scenario, &raced);
        cannot(format!("{who} does not go as the replay line says: {why}"))
    };
    let first = once(&mut executor, line, Detail::Full)?;
    let (first, preemptions, left) = match first {
        Ok(first) => first,
        Err(difference) => return differs(&difference.to_string()),
    };
    // An exposure is one, however the execution would have gone on.
    if !left.is_empty() && !first.weighed.exposes() {
        let moves = line.schedule.0.len();
        let left: Vec<String> = left.iter().map(ToString::to_string).collect();
        return differs(&format!(
            "it is not over after the line's {moves} moves (possible: {})",
            left.join(", ")
        ));
    }
    let mut explored = one_schedule(&mut executor, &first);
    let weighed = (*first.weighed).clone();
    executor.keep(first, sink)?;
    let (second_exposes, is_other) = match once(&mut executor, line, Detail::Brief)? {
        Ok((second, ..)) => (
            second.weighed.exposes(),
            second.weighed.exposures != weighed.exposures,
        ),
        Err(difference) if !weighed.exposes() => {
            return differs(&format!("the second time, {difference}"));
        }
        Err(_) => (false, true),
    };
    explored.doubts.differed = u64::from(is_other);
    explored.elapsed_ns = nanoseconds(started.elapsed());
    let repeated = (2, u32::from(weighed.exposes()) + u32::from(second_exposes));
    if weighed.exposes() {
        explored.found.push(FoundSchedule {
            exposures: weighed.exposures.clone(),
            schedule: line.schedule.clone(),
            replay: line.to_string(),
            preemptions,
            shrunk_in: 0,
            first_seen: line.schedule.clone(),
            repeated,
            decisive: None,
        });
    }
    sink.take(&Record::Explored(Box::new(explored)))?;
    if !weighed.exposes() && second_exposes {
        return cannot(
            "of two executions of the schedule only the second exposed: something else than the schedule decides".to_owned(),
        );
    }
    Ok(if weighed.exposes() {
        Replayed::Exposed {
            exposures: weighed.exposures,
            what: weighed.what,
            repeated,
        }
    } else {
        Replayed::Clean { what: weighed.what }
    })
}

/// An execution of a schedule, its preemptions, and what could still have been done.
type Followed = (Weighing, u32, Vec<Move>);

/// Runs the schedule once; the execution, or where it went another way.
fn once(
    executor: &mut Executor<'_>,
    line: &Replay,
    detail: Detail,
) -> Result<Result<Followed, Difference>, Halt> {
    let mut guide = Fixed::new(&line.schedule.0);
    let weighing = executor.run(&mut guide, detail)?;
    let preemptions = guide.preemptions();
    let left = guide.left().to_vec();
    Ok(match guide.difference(&weighing.execution.end) {
        Some(difference) => Err(difference),
        None => Ok((weighing, preemptions, left)),
    })
}

/// What an exploration of the one schedule has run.
fn one_schedule(executor: &mut Executor<'_>, first: &Weighing) -> Explored {
    let (execution, weighed) = (&first.execution, &*first.weighed);
    let exposes = weighed.exposes();
    executor.doubts.stuck += u64::from(matches!(execution.end, ExecutionEnd::Stuck { .. }));
    Explored {
        way: executor.way(),
        requests: executor.stage.requests(),
        coverage: Coverage::Capped {
            bound: None,
            limit: Coverage::ONE_SCHEDULE.to_owned(),
        },
        schedules: 1,
        exposing: u64::from(exposes),
        first_exposing: exposes.then_some(1),
        bounds: Vec::new(),
        sampled: 0,
        points: execution.points.clone(),
        outcomes: vec![OutcomeTold {
            what: weighed.what.clone(),
            schedules: 1,
            exposing: exposes,
        }],
        outcomes_total: 1,
        doubts: executor.doubts,
        found: Vec::new(),
        told: vec![told(first)],
        warnings: Vec::new(),
        environment: executor.stage.environment(),
        elapsed_ns: 0,
    }
}

//! One race: its schedules are searched, its findings are run again, shortened and told, and all of it is recorded.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use super::executor::{Executor, Numbers};
use super::findings::{Allowance, Findings};
use super::progress::{Teller, Work};
use super::run::{Plan, nanoseconds};
use super::search::{ByChance, DEFERRED_BYTES, Gap, Ran, Reach, Search, strategy};
use super::tally::Tally;
use super::{Detail, ExecutionEnd, Oracle, Stage, StageError};
use crate::fire::Stop;
use crate::history::{Coverage, Explored, Record, Sink, Way};
use crate::scenario::{ExploreSettings, SearchName};

/// Executions of a race in process that are kept as the first of their outcome; the first of every exposure always is.
pub const KEPT: u32 = 100;

/// Why a race goes no further.
pub(super) enum Halt {
    /// The sink refused a record.
    Sink(io::Error),
    /// The service cannot be run any more.
    Stage(StageError),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Halt {
        Halt::Sink(error)
    }
}

impl From<StageError> for Halt {
    fn from(error: StageError) -> Halt {
        Halt::Stage(error)
    }
}

/// How a search came to its end.
struct Searched {
    reach: Reach,
    /// What ended it earlier, for people.
    limit: Option<String>,
}

/// One race.
pub(super) struct Race<'a, 'w> {
    plan: &'a Plan<'a>,
    executor: Executor<'a>,
    teller: &'a mut Teller<'w>,
    stop: &'a Stop,
    tally: Tally,
    /// Outcomes of which an execution is kept.
    outcomes_kept: HashSet<usize>,
    kept: u32,
    /// Executions that were broken off to be tried again.
    tried_again: u64,
    warnings: Vec<String>,
}

impl<'a, 'w> Race<'a, 'w> {
    pub(super) fn new(
        plan: &'a Plan<'a>,
        stage: &'a mut dyn Stage,
        oracle: &'a mut dyn Oracle,
        numbers: &'a mut Numbers,
        teller: &'a mut Teller<'w>,
        stop: &'a Stop,
    ) -> Race<'a, 'w> {
        Race {
            plan,
            executor: Executor::new(stage, oracle, numbers),
            teller,
            stop,
            tally: Tally::default(),
            outcomes_kept: HashSet::new(),
            kept: 0,
            tried_again: 0,
            warnings: Vec::new(),
        }
    }

    /// Runs it and records it.
    pub(super) fn run(mut self, start: &Record, sink: &mut dyn Sink) -> Result<(), Halt> {
        self.progress(Reach::default());
        self.teller.begins(Work::Alone, Instant::now());
        self.executor.prepare(start, sink)??;
        self.teller.begins(Work::Search, Instant::now());
        let started = Instant::now();
        let mut searched = Searched {
            reach: Reach::default(),
            limit: None,
        };
        let mut failure = match self.search(started, &mut searched, sink) {
            Err(Halt::Stage(error)) => {
                searched.limit = Some("the service could not be run any more".to_owned());
                Some(error)
            }
            other => {
                other?;
                None
            }
        };
        let elapsed = started.elapsed();
        let mut findings = Findings::default();
        if failure.is_none() {
            failure = self.follow(&mut findings);
        }
        self.doubts();
        self.executor.finish(sink)?;
        if failure.is_some() {
            self.executor.unfinished(sink)?;
        }
        let explored = self.explored(&searched, findings, elapsed);
        sink.take(&Record::Explored(Box::new(explored)))?;
        failure.map_or(Ok(()), |error| Err(Halt::Stage(error)))
    }

    fn search(
        &mut self,
        started: Instant,
        searched: &mut Searched,
        sink: &mut dyn Sink,
    ) -> Result<(), Halt> {
        let settings = &self.plan.scenario.explore;
        let until = started + Duration::from_secs(settings.duration_s);
        let mut search = strategy(settings.search, settings, self.plan.seed);
        let ended = self.walk(&mut *search, settings.executions, until, sink);
        searched.reach = search.reach();
        searched.limit = ended?;
        let is_used_up = self.executor.executions >= settings.executions;
        let wants_samples = settings.search == SearchName::Bounded && settings.samples > 0;
        if searched.limit.is_none() || !is_used_up || !wants_samples {
            return Ok(());
        }
        self.teller.begins(Work::Samples, Instant::now());
        let (most, seed) = (settings.preemptions, self.plan.seed);
        let mut by_chance = ByChance::new(searched.reach, most, seed);
        let executions = settings.executions.saturating_add(settings.samples);
        self.walk(&mut by_chance, executions, until, sink)?;
        Ok(())
    }

    /// Runs executions until the search is at its end, or a limit is reached, which it names.
    fn walk(
        &mut self,
        search: &mut dyn Search,
        executions: u64,
        until: Instant,
        sink: &mut dyn Sink,
    ) -> Result<Option<String>, Halt> {
        loop {
            if self.stop.asked() {
                return Ok(Some("interrupted".to_owned()));
            }
            let now = Instant::now();
            self.progress(search.reach());
            self.teller.goes_on(now);
            if !search.begin() {
                return Ok(None);
            }
            if now >= until {
                let seconds = self.plan.scenario.explore.duration_s;
                return Ok(Some(format!("{seconds} s")));
            }
            if self.executor.executions >= executions {
                return Ok(Some(counted(executions, "execution")));
            }
            if let Some(limit) = self.executor.stage.limit(1) {
                return Ok(Some(limit));
            }
            self.step(search, sink)?;
        }
    }

    fn step(&mut self, search: &mut dyn Search, sink: &mut dyn Sink) -> Result<(), Halt> {
        let reach = search.reach();
        let execution = self.executor.execute(search, Detail::Brief)?;
        let doubts = &mut self.executor.doubts;
        let (is_schedule, preemptions) = match search.end(&execution.end) {
            Ran::Schedule { preemptions } => (true, preemptions),
            Ran::Endless { preemptions } => {
                doubts.endless += 1;
                (false, preemptions)
            }
            Ran::Nothing => return Ok(()),
            // It was broken off because that was asked for.
            Ran::Diverged { .. } if self.stop.asked() => return Ok(()),
            Ran::Diverged { again } => {
                self.tried_again += u64::from(again);
                doubts.diverged += u64::from(!again);
                return Ok(());
            }
        };
        doubts.stuck += u64::from(matches!(execution.end, ExecutionEnd::Stuck { .. }));
        self.tally.points(&execution.points);
        let weighing = self.executor.weigh(execution);
        let (execution, weighed) = (&weighing.execution, &*weighing.weighed);
        if is_schedule && search.draws() {
            self.tally.drawn(execution, weighed, preemptions, reach);
        } else if is_schedule {
            self.tally.walked(execution, weighed, preemptions);
        }
        let is_new_exposure = self.tally.exposures(execution, weighed, preemptions);
        let is_new_outcome = (is_schedule || weighed.exposes())
            && self.kept < KEPT
            && self.outcomes_kept.insert(weighed.outcome);
        let keeps_all = self.executor.way() == Way::Turnstile;
        if is_new_exposure || is_new_outcome || keeps_all {
            self.kept += 1;
            self.executor.keep(weighing, sink)?;
        }
        Ok(())
    }

    /// Runs every finding again, shortens and tells it, where that is wanted; the error for which that could not be finished.
    fn follow(&mut self, findings: &mut Findings) -> Option<StageError> {
        if !self.plan.follows_up {
            findings.only_seen(self.plan.scenario, &self.executor, &self.tally);
            return None;
        }
        let allowance = Allowance::from_now(self.stop);
        let progress = &mut *self.teller;
        let followed = findings.follow(
            self.plan.scenario,
            self.plan.seed,
            &mut self.executor,
            &self.tally,
            &allowance,
            &mut |work| progress.begins(work, Instant::now()),
        );
        followed.err()
    }

    /// What a reader should know of executions that did not repeat, and of numbers that are no more than a lower bound.
    fn doubts(&mut self) {
        if self.tried_again > 0 {
            self.warnings.push(format!(
                "after the same moves, other moves were possible than before: {} broken off and tried again",
                counted(self.tried_again, "execution")
            ));
        }
        if self.tally.has_forgotten && self.tally.sampled > 0 {
            self.warnings.push(
                "schedules drawn by chance were too many to be told apart from those run before: their number is a lower \
                 bound"
                    .to_owned(),
            );
        }
    }

    fn explored(&mut self, searched: &Searched, findings: Findings, elapsed: Duration) -> Explored {
        let (outcomes, outcomes_total) = self.tally.outcomes();
        Explored {
            way: self.executor.way(),
            requests: self.executor.stage.requests(),
            coverage: coverage(searched, &self.plan.scenario.explore),
            schedules: self.tally.schedules,
            exposing: self.tally.exposing,
            first_exposing: self.tally.first_exposing,
            bounds: self.tally.bounds(searched.reach),
            sampled: self.tally.sampled,
            points: std::mem::take(&mut self.tally.points),
            outcomes,
            outcomes_total,
            doubts: self.executor.doubts,
            found: findings.found,
            told: findings.told,
            warnings: {
                let mut warnings = self.executor.stage.warnings();
                warnings.append(&mut self.warnings);
                warnings
            },
            environment: self.executor.stage.environment(),
            elapsed_ns: nanoseconds(elapsed),
        }
    }

    fn progress(&mut self, reach: Reach) {
        let progress = &mut self.teller.progress;
        progress.executions = self.executor.executions;
        progress.schedules = self.tally.schedules;
        progress.exposing = self.tally.exposing;
        progress.bound = reach.bound;
    }
}

/// Which of the possible schedules were run.
fn coverage(searched: &Searched, settings: &ExploreSettings) -> Coverage {
    let reach = searched.reach;
    let gap = reach.gap.map(|gap| match gap {
        Gap::Diverged => "executions that could not be repeated".to_owned(),
        Gap::Endless => format!("{} an execution", counted(settings.moves, "move")),
        Gap::Memory => format!("{} MiB for what is to be run", DEFERRED_BYTES >> 20),
    });
    let limit = searched.limit.clone().or(gap);
    match (limit, reach.complete) {
        (Some(limit), bound) => Coverage::Capped { bound, limit },
        (None, _) if reach.all => Coverage::All,
        (None, Some(bound)) => Coverage::WithinBound { bound },
        (None, None) => Coverage::Capped {
            bound: None,
            limit: "the search ended".to_owned(),
        },
    }
}

pub(super) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

//! Runs an exploration: the engine on a thread of its own, the judge beside it, the report at the end.

use std::fmt;
use std::io::{self, Write as _};
use std::marker::PhantomData;

use http::{Request, Response};
use tower_service::Service;

use super::explore_snippet::Snippet;
use super::run::{not_run, random};
use super::running::{Running, StopOnDrop};
use super::{CheckError, Checked, Exploration};
use crate::explore::in_process::{BoxError, InProcess};
use crate::explore::{Body, Oracle, Plan, Replay, Replayed, Stage, StageError, explore, replay};
use crate::fire::Stop;
use crate::history::{Explored, FoundSchedule, Raced, Start, Tee};
use crate::identity::{Redactor, Salt};
use crate::judge::{Judge, Judgement};
use crate::report::TestOf;
use crate::weigh::Weigher;

/// What reports call the service.
const TARGET: &str = "the service under test";

/// Makes stages of the service that it makes.
trait Stages {
    fn stage<'a>(
        &'a self,
        plan: &Plan<'a>,
        raced: &[Raced],
    ) -> Result<Box<dyn Stage + 'a>, StageError>;
}

/// What makes the service, and where it stands in the source.
pub(super) struct Factory {
    path: &'static str,
    stages: Box<dyn Stages + Send>,
}

struct Made<F, S, B> {
    factory: F,
    kinds: PhantomData<fn() -> (S, B)>,
}

impl fmt::Debug for Factory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

impl<F, S, B> Stages for Made<F, S, B>
where
    F: Fn() -> S + 'static,
    S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body + 'static,
    B::Error: Into<BoxError>,
{
    fn stage<'a>(
        &'a self,
        plan: &Plan<'a>,
        raced: &[Raced],
    ) -> Result<Box<dyn Stage + 'a>, StageError> {
        let stage = InProcess::new(&self.factory, plan, raced)?;
        // A test that hangs says nothing by itself, and this thread cannot be freed. Nobody to tell is no reason to fail.
        let tell = |what: &str| drop(writeln!(io::stderr(), "crosswire: {what}"));
        Ok(Box::new(stage.when_blocked(tell)))
    }
}

impl Factory {
    pub(super) fn new<F, S, B>(path: &'static str, factory: F) -> Factory
    where
        F: Fn() -> S + Send + 'static,
        S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
        S::Error: Into<BoxError>,
        B: http_body::Body + 'static,
        B::Error: Into<BoxError>,
    {
        Factory {
            path,
            stages: Box::new(Made {
                factory,
                kinds: PhantomData,
            }),
        }
    }

    /// How a test beside it names the factory: a function by its path, anything else by a name of its own.
    pub(super) fn code(&self) -> String {
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        match self.path.split_once("::") {
            Some((_, path)) if self.path.chars().all(is_path) => format!("crate::{path}"),
            _ => "factory".to_owned(),
        }
    }
}

impl Exploration {
    /// Runs it and waits for the end.
    ///
    /// # Panics
    /// When it cannot be run, with the text of [`Exploration::try_run`]'s error; when making the service panics.
    #[track_caller]
    pub fn run(self) -> Checked {
        let name = self.check.name().to_owned();
        match self.try_run() {
            Ok(checked) => checked,
            Err(error) => panic!("crosswire: {}", not_run("exploration", &name, &error)),
        }
    }

    /// Runs it and waits for the end.
    ///
    /// # Errors
    /// When the scenario or the requests are wrong, the service does not do what the scenario expects of it alone, a
    /// schedule that is to be run again is not possible any more, or the system gives no thread or file.
    pub fn try_run(self) -> Result<Checked, CheckError> {
        self.start(Stop::default())?.join()
    }

    /// [`Exploration::run`] for tests that are async. When the future is dropped, it ends with the execution under way.
    ///
    /// # Panics
    /// As for [`Exploration::run`].
    pub async fn run_async(self) -> Checked {
        let name = self.check.name().to_owned();
        match self.try_run_async().await {
            Ok(checked) => checked,
            Err(error) => panic!("crosswire: {}", not_run("exploration", &name, &error)),
        }
    }

    /// [`Exploration::try_run`] for tests that are async.
    ///
    /// # Errors
    /// As for [`Exploration::try_run`].
    pub async fn try_run_async(self) -> Result<Checked, CheckError> {
        let stop = StopOnDrop(Stop::default());
        self.start(stop.0.clone())?.over().await
    }

    fn start(self, stop: Stop) -> Result<Running, CheckError> {
        Running::start("no thread for the exploration", move || self.execute(&stop))
    }

    fn execute(self, stop: &Stop) -> Result<Checked, CheckError> {
        let scenario = self.scenario()?;
        let seed = self.check.seed;
        let plan = Plan {
            scenario: &scenario,
            target_name: TARGET.to_owned(),
            base_url: scenario.target.to_string(),
            seed: seed.unwrap_or(0),
            salt: Salt::new(match seed {
                // The lower bits will do: whoever gives a seed wants the same again.
                Some(seed) => seed as u32,
                None => random()?,
            }),
            follows_up: true,
        };
        let judgement = self.judged(&plan, stop)?;
        let redactor = Redactor::new(scenario.supplied_secrets());
        let test_of = |_: &Explored, found: &FoundSchedule| self.again(found, &redactor);
        let test_of = Some(TestOf(&test_of));
        let report = self.check.report(&scenario, &judgement, test_of);
        Ok(Checked::new(report, judgement))
    }

    fn judged<'a>(&'a self, plan: &Plan<'a>, stop: &Stop) -> Result<Judgement, CheckError> {
        let line = match &self.schedule {
            None => None,
            Some(line) => Some(line.parse::<Replay>().map_err(|why| unfit(line, &why))?),
        };
        let mut judge = Judge::new();
        let mut sink = Tee(self.check.writer(plan.scenario)?, &mut judge);
        let mut stage_for = |raced: &[Raced]| self.factory.stages.stage(plan, raced);
        let mut oracle_for = |start: &Start, raced: &[Raced]| -> Box<dyn Oracle> {
            Box::new(Weigher::new(start, raced))
        };
        let broke_off = |error| CheckError::system("the exploration broke off", &error);
        match &line {
            None => explore(
                plan,
                &mut stage_for,
                &mut oracle_for,
                &mut sink,
                &mut (),
                stop,
            )
            .map_err(broke_off)?,
            Some(line) => {
                let replayed = replay(plan, line, &mut stage_for, &mut oracle_for, &mut sink);
                if let Replayed::CannotBeRun { why } = replayed.map_err(broke_off)? {
                    return Err(unfit(&line.to_string(), &why));
                }
            }
        }
        Ok(judge.finish())
    }

    /// The test that runs a finding's schedule again.
    fn again(&self, found: &FoundSchedule, redactor: &Redactor) -> String {
        let requests: Vec<_> = self.requests().collect();
        let snippet = Snippet {
            name: "the_schedule_again",
            factory: &self.factory.code(),
            requests: &requests,
            draft: &self.check.draft,
            replay: &found.replay,
        };
        let text = redactor.text(&snippet.write()).into_owned();
        let mask = Redactor::MASK;
        if text.contains(mask) {
            format!("// {mask} is not shown in reports: put in what the first test has.\n{text}")
        } else {
            text
        }
    }
}

fn unfit(line: &str, why: &dyn fmt::Display) -> CheckError {
    CheckError::wrong(format!(
        "schedule({line:?}): {why}\n  leave `.schedule(…)` out, and every schedule is run again"
    ))
}

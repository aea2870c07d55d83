//! Runs a check: the engine on a thread of its own, the judge beside it, the report at the end.

use std::fs::File;
use std::io::BufWriter;

use rand::TryRng as _;
use rand::rngs::SysRng;

use super::running::{Running, StopOnDrop};
use super::{Check, CheckError, Checked};
use crate::fire::{Plan, Stop, check_hosts, fire};
use crate::history::{Sink, Tee, Writer};
use crate::identity::{Redactor, Salt};
use crate::judge::{Judge, Judgement};
use crate::report::{Facts, Report, TestOf};
use crate::scenario::{Scenario, TargetSpec};

impl Check {
    /// Runs it and waits for the end.
    ///
    /// # Panics
    /// When it cannot be run, with the text of [`Check::try_run`]'s error.
    #[track_caller]
    pub fn run(self) -> Checked {
        let name = self.name().to_owned();
        match self.try_run() {
            Ok(checked) => checked,
            Err(error) => panic!("crosswire: {}", not_run("check", &name, &error)),
        }
    }

    /// Runs it and waits for the end. It blocks: use [`Check::try_run_async`] where this thread's runtime serves what is
    /// checked.
    ///
    /// # Errors
    /// When the scenario is wrong, a host may not be fired at, or the system gives no port, thread or file. What goes wrong
    /// on the network is in the report.
    pub fn try_run(self) -> Result<Checked, CheckError> {
        self.start(Stop::default())?.join()
    }

    /// [`Check::run`] for tests that are async. When the future is dropped, the run ends with the volley under way.
    ///
    /// # Panics
    /// When it cannot be run, with the text of [`Check::try_run_async`]'s error.
    pub async fn run_async(self) -> Checked {
        let name = self.name().to_owned();
        match self.try_run_async().await {
            Ok(checked) => checked,
            Err(error) => panic!("crosswire: {}", not_run("check", &name, &error)),
        }
    }

    /// [`Check::try_run`] for tests that are async.
    ///
    /// # Errors
    /// As for [`Check::try_run`].
    pub async fn try_run_async(self) -> Result<Checked, CheckError> {
        let stop = StopOnDrop(Stop::default());
        self.start(stop.0.clone())?.over().await
    }

    fn start(self, stop: Stop) -> Result<Running, CheckError> {
        Running::start("no thread for the run", move || self.execute(&stop))
    }

    #[cfg_attr(
        not(feature = "service"),
        expect(unused_mut, reason = "a service is served for the run")
    )]
    fn execute(mut self, stop: &Stop) -> Result<Checked, CheckError> {
        let mut scenario = self.scenario()?;
        let mut target_name = None;
        #[cfg(feature = "service")]
        let served = match self.service.take() {
            Some(start) => {
                let served = start.now()?;
                scenario.target = TargetSpec::Url(served.url().to_owned());
                target_name = Some("the service under test".to_owned());
                Some(served)
            }
            None => None,
        };
        let TargetSpec::Url(url) = &scenario.target else {
            return Err(CheckError::bundled(&scenario.target.to_string()));
        };
        check_hosts(&scenario, &self.allowed).map_err(|error| CheckError::host(&error))?;
        let plan = Plan {
            scenario: &scenario,
            target_name: target_name.take().unwrap_or_else(|| url.clone()),
            base_url: url.clone(),
            trusted_pem: None,
            seed: match self.seed {
                Some(seed) => seed,
                None => u64::from(random()?),
            },
            salt: Salt::new(random()?),
        };
        let judgement = self.fire(&plan, stop)?;
        #[cfg(feature = "service")]
        drop(served);
        let report = self.report(&scenario, &judgement, None);
        Ok(Checked::new(report, judgement))
    }

    fn fire(&self, plan: &Plan<'_>, stop: &Stop) -> Result<Judgement, CheckError> {
        let writer = self.writer(plan.scenario)?;
        let mut judge = Judge::new();
        self.fire_into(plan, &mut Tee(writer, &mut judge), stop)?;
        Ok(judge.finish())
    }

    #[cfg(feature = "control")]
    fn fire_into(
        &self,
        plan: &Plan<'_>,
        sink: &mut dyn Sink,
        stop: &Stop,
    ) -> Result<(), CheckError> {
        use crate::control::{Told, rehearse};
        let rehearsed = match self.control {
            None => None,
            Some(rounds) => {
                let rehearsed = rehearse(plan, rounds, Salt::new(random()?), &mut (), stop);
                Some(rehearsed.map_err(|error| CheckError::system("the control", &error))?)
            }
        };
        let mut told = Told {
            sink,
            rehearsed: rehearsed.as_ref(),
        };
        fire(plan, &mut told, &mut (), stop)
            .map_err(|error| CheckError::system("the run broke off", &error))
    }

    #[cfg(not(feature = "control"))]
    fn fire_into(
        &self,
        plan: &Plan<'_>,
        sink: &mut dyn Sink,
        stop: &Stop,
    ) -> Result<(), CheckError> {
        fire(plan, sink, &mut (), stop)
            .map_err(|error| CheckError::system("the run broke off", &error))
    }

    /// Where the history goes, when it is to be stored.
    pub(super) fn writer(
        &self,
        scenario: &Scenario,
    ) -> Result<Option<Writer<BufWriter<File>>>, CheckError> {
        let Some(path) = &self.history else {
            return Ok(None);
        };
        let what = format!("cannot write the history {}", path.display());
        let file = File::create(path).map_err(|error| CheckError::system(&what, &error))?;
        let redactor = Redactor::new(scenario.supplied_secrets());
        Ok(Some(Writer::new(BufWriter::new(file), redactor)))
    }

    pub(super) fn report(
        &self,
        scenario: &Scenario,
        judgement: &Judgement,
        test_of: Option<TestOf<'_>>,
    ) -> Report {
        let redactor = Redactor::new(scenario.supplied_secrets());
        let facts = Facts {
            scenario_path: self.path.as_ref().map(|path| path.display().to_string()),
            thresholds: &scenario.thresholds,
            test_of,
            ..Facts::new(scenario.expect, &redactor)
        };
        Report::new(judgement, &facts)
    }
}

pub(super) fn not_run(what: &str, name: &str, error: &CheckError) -> String {
    format!("the {what} {name} could not be run\n{error}")
}

/// Thirty-two bits of the operating system's randomness.
pub(super) fn random() -> Result<u32, CheckError> {
    SysRng
        .try_next_u32()
        .map_err(|error| CheckError::system("the operating system gives no random numbers", &error))
}

//! Runs an exploration: the stage of a bundled target in this process or of a service behind relays, the judge beside it.

use std::fs::File;

use crosswire::explore::in_process::InProcess;
use crosswire::explore::turnstile::{Hall, Through, TurnstileOptions};
use crosswire::explore::{
    Oracle, Plan, Replay, Replayed, Stage, StageFor, Watch, explore, replay, shared,
};
use crosswire::fire::{self, Stop};
use crosswire::history::{Cause, Raced, Start, Tee};
use crosswire::judge::{Judge, Judgement};
use crosswire::scenario::Scenario;
use crosswire::weigh::Weigher;

use super::Progress;
use crate::args::ExploreArgs;
use crate::exit::Failure;
use crate::screen::Screen;
use crate::trial::{Keeping, fresh_salt};

/// Whom a bundled target takes itself to be: nothing is sent there.
const HERE: &str = "http://localhost";

/// What to explore.
pub(crate) struct Exploration<'a> {
    /// The scenario, with everything the command line changed.
    pub(crate) scenario: &'a Scenario,
    /// The one schedule to be run; every one when it is absent.
    pub(crate) line: Option<&'a Replay>,
    /// Decides what is drawn by chance.
    pub(crate) seed: u64,
    /// Where the history is stored, if anywhere.
    pub(crate) history: Option<File>,
    /// Whether findings are made shorter and told step by step.
    pub(crate) follows_up: bool,
}

/// What an exploration has come to.
#[derive(Debug)]
pub(crate) struct Done {
    /// Its judgement.
    pub(crate) judgement: Judgement,
    /// What came of the one schedule, when there was one to be run.
    pub(super) replayed: Option<Replayed>,
    /// Why its history could not be stored to the end, if it could not.
    pub(super) lost: Option<std::io::Error>,
}

impl Exploration<'_> {
    /// Explores a bundled target, on this thread.
    ///
    /// # Errors
    /// Usage, when the target cannot be made. What goes wrong later is in the judgement.
    pub(crate) fn in_process(
        &self,
        target: &str,
        variant: &str,
        watch: &mut dyn Watch,
        stop: &Stop,
    ) -> Result<Done, Failure> {
        let users = self.scenario.users.list().len();
        let factory = crosswire_targets::explorable(target, variant, users)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let plan = self.plan(HERE)?;
        let _telling = Telling::begin();
        let mut stage_for = |raced: &[Raced]| {
            let stage = InProcess::new(&factory, &plan, raced)?;
            Ok(Box::new(stage) as Box<dyn Stage + '_>)
        };
        self.walk(&plan, &mut stage_for, watch, stop)
    }

    /// Explores a service whose backends are relayed, on this thread.
    ///
    /// # Errors
    /// Usage, when a relay is wrong; unreachable, when one cannot be had. What goes wrong later is in the judgement.
    pub(super) fn behind_relays(
        &self,
        url: &str,
        args: &ExploreArgs,
        progress: &mut Progress,
        screen: &mut Screen,
        stop: &Stop,
    ) -> Result<Done, Failure> {
        let plan = self.plan(url)?;
        let options = TurnstileOptions {
            through: through(&args.through)?,
            restart: args.restart.clone(),
            allowed_hosts: args.network.allow_host.clone(),
        };
        let fired = fire::Plan {
            scenario: plan.scenario,
            target_name: plan.target_name.clone(),
            base_url: plan.base_url.clone(),
            trusted_pem: None,
            seed: plan.seed,
            salt: plan.salt,
        };
        let hall = Hall::open(&fired, &options, stop).map_err(|error| match error.cause {
            Cause::Unreachable => Failure::unreachable(error.why),
            _ => Failure::usage(error.why),
        })?;
        let hall = hall.telling(progress.waits());
        if !args.loudness.quiet {
            for (address, through) in hall.addresses().iter().zip(&options.through) {
                screen.say(&format!("{address} leads to {}", through.backend()));
            }
        }
        let mut stage_for =
            |raced: &[Raced]| Ok(Box::new(hall.turnstile(raced)?) as Box<dyn Stage + '_>);
        self.walk(&plan, &mut stage_for, progress, stop)
    }

    fn plan(&self, base_url: &str) -> Result<Plan<'_>, Failure> {
        Ok(Plan {
            scenario: self.scenario,
            target_name: self.scenario.target.to_string(),
            base_url: base_url.to_owned(),
            seed: self.seed,
            salt: fresh_salt()?,
            follows_up: self.follows_up,
        })
    }

    fn walk<'s>(
        &self,
        plan: &Plan<'_>,
        stage_for: &mut StageFor<'_, 's>,
        watch: &mut dyn Watch,
        stop: &Stop,
    ) -> Result<Done, Failure> {
        let history = match &self.history {
            None => None,
            Some(file) => Some(file.try_clone().map_err(|error| broke_off(&error))?),
        };
        let mut keeping = Keeping::new(history, self.scenario);
        let mut judge = Judge::new();
        let mut sink = Tee(&mut keeping, &mut judge);
        let mut oracle_for = |start: &Start, raced: &[Raced]| -> Box<dyn Oracle> {
            Box::new(Weigher::new(start, raced))
        };
        let replayed = match self.line {
            None => {
                explore(plan, stage_for, &mut oracle_for, &mut sink, watch, stop).map(|()| None)
            }
            Some(line) => replay(plan, line, stage_for, &mut oracle_for, &mut sink).map(Some),
        };
        Ok(Done {
            replayed: replayed.map_err(|error| broke_off(&error))?,
            judgement: judge.finish(),
            lost: keeping.lost,
        })
    }
}

fn broke_off(error: &std::io::Error) -> Failure {
    Failure::usage(format!("the exploration could not be recorded: {error}"))
}

fn through(given: &[String]) -> Result<Vec<Through>, Failure> {
    let parse = |text: &String| {
        text.parse::<Through>()
            .map_err(|error| Failure::usage(format!("--through {}: {error}", text.escape_debug())))
    };
    given.iter().map(parse).collect()
}

/// Lets the explorer know what bundled targets say of their shared state, until it is dropped.
struct Telling(Option<crosswire_targets::sync::Observer>);

impl Telling {
    fn begin() -> Telling {
        Telling(crosswire_targets::sync::observe(Some(
            |name, wrote, value| match wrote {
                true => shared::wrote(name, value),
                false => shared::read(name, value),
            },
        )))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        crosswire_targets::sync::observe(self.0);
    }
}

//! One run: starts the target if it is a bundled one, fires, judges while it goes on, stops the target.

use std::fs::File;
use std::io::{self, BufWriter};
use std::time::Duration;

use crosswire::control::{Rehearsed, Told, rehearse};
use crosswire::fire::{Plan, Stop, Watch, fire};
use crosswire::history::{Record, Sink, Tee, Writer};
use crosswire::identity::{Redactor, Salt};
use crosswire::judge::{Judge, Judgement};
use crosswire::scenario::{Scenario, StoreKind, TargetSpec};
use crosswire_targets::{Options, Server, start};

use crate::exit::Failure;

/// What to run.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    /// The scenario, with everything the command line changed.
    pub(crate) scenario: &'a Scenario,
    /// Seed of the run.
    pub(crate) seed: u64,
    /// Pause of a bundled target's store.
    pub(crate) store_delay: Duration,
    /// Where the history is stored, if anywhere.
    pub(crate) history: Option<File>,
    /// Rounds of a control run before the run, if there is to be one.
    pub(crate) control: Option<u32>,
}

/// A random seed; short enough to be typed and to be exact in every reader of JSON.
///
/// # Errors
/// When the operating system has no randomness to give.
pub(crate) fn random_seed() -> Result<u64, Failure> {
    getrandom::u32()
        .map(u64::from)
        .map_err(|error| no_randomness(&error))
}

fn no_randomness(error: &getrandom::Error) -> Failure {
    Failure::usage(format!(
        "the operating system gives no random numbers: {error}"
    ))
}

/// Never from the seed: canaries of an earlier run with the same seed may still lie in a service that lasts.
pub(crate) fn fresh_salt() -> Result<Salt, Failure> {
    getrandom::u32()
        .map(Salt::new)
        .map_err(|error| no_randomness(&error))
}

/// What a run has come to.
#[derive(Debug)]
pub(crate) struct Tried {
    /// Its judgement.
    pub(crate) judgement: Judgement,
    /// What its control run told, if there was one.
    pub(crate) rehearsed: Option<Rehearsed>,
    /// Why its history could not be stored to the end, if it could not.
    pub(crate) lost: Option<io::Error>,
}

/// Stores the history for as long as that works: a full disk takes the file, not the run.
#[derive(Debug)]
pub(crate) struct Keeping {
    writer: Option<Writer<BufWriter<File>>>,
    /// Why it could not be stored to the end, if it could not.
    pub(crate) lost: Option<io::Error>,
}

impl Keeping {
    /// Into this file, if there is one; the scenario says what is masked.
    pub(crate) fn new(file: Option<File>, scenario: &Scenario) -> Keeping {
        let redactor = || Redactor::new(scenario.supplied_secrets());
        Keeping {
            writer: file.map(|file| Writer::new(BufWriter::new(file), redactor())),
            lost: None,
        }
    }
}

impl Sink for Keeping {
    fn take(&mut self, record: &Record) -> io::Result<()> {
        // The writer flushes after the last record, so that an error of the disk shows here at the latest.
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.take(record)
        {
            self.writer = None;
            self.lost = Some(error);
        }
        Ok(())
    }
}

impl Trial<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// Usage, when the bundled target cannot be started. What goes wrong on the network is in the judgement.
    pub(crate) fn run(self, watch: &mut dyn Watch, stop: &Stop) -> Result<Tried, Failure> {
        let server = self.server()?;
        let plan = Plan {
            scenario: self.scenario,
            target_name: self.scenario.target.to_string(),
            base_url: match (&server, &self.scenario.target) {
                (Some(server), _) => server.base_url(),
                (None, TargetSpec::Url(url)) => url.clone(),
                (None, TargetSpec::Bundled { .. }) => {
                    return Err(Failure::usage("the bundled target was not started"));
                }
            },
            trusted_pem: server
                .as_ref()
                .and_then(|s| s.certificate_pem().map(str::to_owned)),
            seed: self.seed,
            salt: fresh_salt()?,
        };
        let rehearse = |rounds| {
            rehearse(&plan, rounds, fresh_salt()?, &mut *watch, stop).map_err(|error| {
                Failure::usage(format!("the control could not be started: {error}"))
            })
        };
        let rehearsed = self.control.map(rehearse).transpose()?;
        let mut judge = Judge::new();
        let mut keeping = Keeping::new(self.history, self.scenario);
        let mut told = Told {
            sink: Tee(&mut keeping, &mut judge),
            rehearsed: rehearsed.as_ref(),
        };
        fire(&plan, &mut told, watch, stop)
            .map_err(|error| Failure::usage(format!("the run could not be started: {error}")))?;
        if let Some(server) = server {
            server.stop();
        }
        Ok(Tried {
            judgement: judge.finish(),
            rehearsed,
            lost: keeping.lost,
        })
    }

    /// The bundled target on a free port, seeded with the scenario's users.
    fn server(&self) -> Result<Option<Server>, Failure> {
        let options = self.options();
        options
            .map(start)
            .transpose()
            .map_err(|error| Failure::usage(error.to_string()))
    }

    /// What of the bundled target is to be started, when there is one.
    pub(crate) fn options(&self) -> Option<Options> {
        let TargetSpec::Bundled {
            target,
            variant,
            store,
            tls,
        } = &self.scenario.target
        else {
            return None;
        };
        let mut options = Options::new(target, variant);
        options.store = match store {
            StoreKind::Sqlite => crosswire_targets::StoreKind::Temporary,
            StoreKind::Memory => crosswire_targets::StoreKind::Memory,
        };
        options.users = self.scenario.users.list().len();
        options.store_delay = self.store_delay;
        options.tls = *tls;
        Some(options)
    }
}

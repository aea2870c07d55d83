//! Explores the requests of a scenario at a service behind the turnstile, and judges what came of it.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use crosswire::explore::turnstile::{Hall, Through, Turnstile, TurnstileOptions};
use crosswire::explore::{self, Detail, Execution, Guide, Stage, StageError};
use crosswire::fire::{self, Stop};
use crosswire::history::{Explored, Raced, Record, Way};
use crosswire::identity::Salt;
use crosswire::judge::{Judgement, judge};
use crosswire::scenario::{ExploreSettings, Scenario};
use crosswire::weigh::Weigher;

use crate::backends::Backend;
use crate::processes::free_ports;
use crate::services::Service;

/// Executions within which a fault must be found.
const FAULT_EXECUTIONS: u64 = 10;

/// A service with its backend: the name of its scenario, and how both are started.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) backend: fn(&Path) -> Result<Backend, String>,
    pub(crate) service: fn(&Path, SocketAddr, bool) -> Result<Service, String>,
}

/// What came of an exploration.
pub(crate) struct Trial {
    pub(crate) judgement: Judgement,
    pub(crate) explored: Explored,
}

impl Subject {
    /// Explores the service, with its fault or repaired; `None`, and said, when software is missing.
    pub(crate) fn explore(&self, fault: bool) -> Option<Trial> {
        // Read in any case: a scenario is valid wherever its software is installed or not.
        let scenario = self.scenario(fault);
        let folder = tempfile::tempdir().unwrap();
        // The relay is there once the turnstile is, which must know the service before: nothing is connected until then.
        let [port] = free_ports();
        let relay = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let started = (self.backend)(folder.path()).and_then(|backend| {
            let service = (self.service)(folder.path(), relay, fault)?;
            Ok((service, backend))
        });
        match started {
            Ok((service, backend)) => {
                Some(self.through(&scenario, relay, (&service, &backend), fault))
            }
            Err(why) => {
                eprintln!("skipped {}: {why}", self.name);
                None
            }
        }
    }

    fn through(
        &self,
        scenario: &Scenario,
        relay: SocketAddr,
        (service, backend): (&Service, &Backend),
        fault: bool,
    ) -> Trial {
        let salt = Salt::new(2008);
        let fired = fire::Plan {
            scenario,
            target_name: service.url.clone(),
            base_url: service.url.clone(),
            trusted_pem: None,
            seed: 2008,
            salt,
        };
        let options = TurnstileOptions {
            through: vec![Through {
                listen: relay,
                host: backend.address.ip().to_string(),
                port: backend.address.port(),
            }],
            ..TurnstileOptions::default()
        };
        let stop = Stop::default();
        let hall = Hall::open(&fired, &options, &stop).unwrap();
        let plan = explore::Plan {
            scenario,
            target_name: service.url.clone(),
            base_url: service.url.clone(),
            seed: 2008,
            salt,
            follows_up: true,
        };
        let mut history = Vec::new();
        let taken = Cell::new(Taken::default());
        explore::explore(
            &plan,
            &mut |raced| {
                let stage = hall.turnstile(raced)?;
                Ok(Box::new(Counted {
                    stage,
                    taken: &taken,
                }))
            },
            &mut |start, raced| Box::new(Weigher::new(start, raced)),
            &mut history,
            &mut (),
            &stop,
        )
        .unwrap();
        let judgement = judge(&history);
        let explored = judgement.explored.first();
        let explored = explored
            .unwrap_or_else(|| panic!("{:?}", history.last()))
            .clone();
        tell(self.name, fault, &explored, taken.get());
        Trial {
            judgement,
            explored,
        }
    }

    fn scenario(&self, fault: bool) -> Scenario {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/turnstile/scenarios");
        let path = folder.join(format!("{}.toml", self.name));
        let text = std::fs::read(path).unwrap();
        let mut scenario =
            Scenario::parse_bytes(self.name, &text).unwrap_or_else(|error| panic!("{error}"));
        if fault {
            // It is to be found, not to be counted. And where one request waits for another one's answer, that is known
            // only by waiting.
            scenario.explore.executions = FAULT_EXECUTIONS;
            scenario.explore.samples = 0;
            scenario.explore.blocked_ms = ExploreSettings::BLOCKED_MS.default;
        }
        scenario
    }
}

/// What executions took.
#[derive(Clone, Copy, Default)]
struct Taken {
    executions: u64,
    moves: u64,
    time: Duration,
}

/// A turnstile whose moves are counted.
struct Counted<'a, 't> {
    stage: Turnstile<'a>,
    taken: &'t Cell<Taken>,
}

impl Stage for Counted<'_, '_> {
    fn way(&self) -> Way {
        self.stage.way()
    }

    fn requests(&self) -> Vec<Raced> {
        self.stage.requests()
    }

    fn environment(&self) -> String {
        self.stage.environment()
    }

    fn prepare(&mut self) -> Result<Vec<Record>, StageError> {
        self.stage.prepare()
    }

    fn execute(&mut self, guide: &mut dyn Guide, detail: Detail) -> Result<Execution, StageError> {
        let begun = Instant::now();
        let execution = self.stage.execute(guide, detail)?;
        let mut taken = self.taken.get();
        taken.executions += 1;
        taken.moves += execution.schedule.0.len() as u64;
        taken.time += begun.elapsed();
        self.taken.set(taken);
        Ok(execution)
    }

    fn limit(&self, executions: u64) -> Option<String> {
        self.stage.limit(executions)
    }

    fn unfinished(&mut self, number: u32) -> Vec<Record> {
        self.stage.unfinished(number)
    }

    fn records(&mut self, number: u32) -> Vec<Record> {
        self.stage.records(number)
    }
}

/// One line for a person.
fn tell(name: &str, fault: bool, explored: &Explored, taken: Taken) {
    let seconds = taken.time.as_secs_f64();
    let kind = if fault { "fault" } else { "repaired" };
    eprintln!(
        "{name}, {kind}: {} schedules ({:?}), {} exposing, the first is number {}; {} executions, {} steps in {seconds:.2} s, \
         {:.0} steps/s; {:?}; {:?}",
        explored.schedules,
        explored.coverage,
        explored.exposing,
        explored
            .first_exposing
            .map_or("-".to_owned(), |first| first.to_string()),
        taken.executions,
        taken.moves,
        taken.moves as f64 / seconds,
        explored.points,
        explored.doubts,
    );
}

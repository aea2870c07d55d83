//! What stays the same in all executions: the scenario, its users, how their steps become requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::body::Body;
use super::happened::Happened;
use crate::explore::{Plan, StageError};
use crate::fire::exchange::Request;
use crate::fire::hosts::Hosts;
use crate::fire::session::{Draft, Line, Making, Session};
use crate::history::{Cause, Planted, Raced};
use crate::identity::{Finder, Mint, Redactor, Salt, UserId};
use crate::scenario::{Scenario, Step};

/// The round that templates are told: every execution is the first one, so that equal executions have equal bytes.
pub(super) const ROUND: u32 = 1;

/// What stays the same in all executions.
pub(super) struct World<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) hosts: Hosts,
    pub(super) redactor: Redactor,
    pub(super) finder: Finder,
    salt: Salt,
    seed: u64,
    now_ms: u64,
    /// Users and steps of the requests.
    pub(super) raced: Vec<(usize, &'a Step)>,
    /// Bytes of an answer's body that are kept.
    pub(super) keep: usize,
    /// Until an answer counts as missing, where nothing is controlled.
    pub(super) timeout: Duration,
}

/// The users of one execution, and what has happened to them.
pub(super) struct Cast<'a> {
    pub(super) sessions: Vec<Session>,
    mint: Mint,
    rng: StdRng,
    pub(super) told: Vec<Told<'a>>,
    /// Microseconds since the execution began; a step is one.
    pub(super) us: u64,
}

/// What becomes a record.
pub(super) enum Told<'a> {
    Planted(Planted),
    Happened(Happened<'a>),
}

/// A request that is made, and what its record says of it.
pub(super) struct Made {
    pub(super) request: Request,
    pub(super) line: Line,
    pub(super) planted: Vec<Planted>,
}

/// A request as it is given to the service, to be cloned.
#[derive(Clone)]
pub(super) struct Given {
    parts: Parts,
    body: Bytes,
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &Plan<'a>, raced: &[Raced]) -> Result<World<'a>, StageError> {
        let scenario = plan.scenario;
        let refused = |why: String| StageError::new(Cause::Step, why);
        let raced = raced
            .iter()
            .map(|one| {
                let known = usize::try_from(one.user.0).ok();
                let user = known.filter(|user| *user < scenario.users.list().len());
                let user = user.ok_or_else(|| {
                    refused(format!(
                        "there is no user number {}",
                        u64::from(one.user.0) + 1
                    ))
                })?;
                let mut steps = scenario.volley.iter();
                let step = steps.find(|step| step.index == one.step).ok_or_else(|| {
                    refused(format!(
                        "step number {} is not one of those raced",
                        one.step
                    ))
                })?;
                Ok((user, step))
            })
            .collect::<Result<Vec<_>, StageError>>()?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = since.map_or(0, |since| since.as_millis());
        let world = World {
            scenario,
            hosts: Hosts::here(&plan.base_url)
                .map_err(|why| StageError::new(Cause::Unreachable, why))?,
            redactor: Redactor::new(scenario.supplied_secrets()),
            finder: Finder::new(plan.salt),
            salt: plan.salt,
            seed: plan.seed,
            now_ms: u64::try_from(now_ms).unwrap_or(u64::MAX),
            raced,
            keep: usize::try_from(scenario.limits.answer_bytes).unwrap_or(usize::MAX),
            timeout: Duration::from_millis(scenario.limits.timeout_ms),
        };
        world.check()?;
        Ok(world)
    }

    /// Refuses what cannot be done in this process.
    fn check(&self) -> Result<(), StageError> {
        let scenario = self.scenario;
        let alone = scenario.setup.iter().chain(&scenario.each_round);
        let raced = self.raced.iter().map(|one| one.1);
        for step in alone.chain(raced).chain(&scenario.read_back) {
            let why = if let Some(host) = &step.host {
                format!(
                    "goes to the host `{host}`, and only the target is in this process: explore through the turnstile"
                )
            } else if !step.faults.is_none() {
                "does something to its own connection, and in this process there is none: fire it; clients that go away are explored with `cancel = true` under [explore]".to_owned()
            } else {
                continue;
            };
            let why = format!("the step `{}` {why}", step.name);
            return Err(StageError::new(Cause::Step, why));
        }
        Ok(())
    }

    /// Whether requests depend on nothing but the plan: then they are made once.
    pub(super) fn is_plain(&self) -> bool {
        let scenario = self.scenario;
        scenario.setup.is_empty() && scenario.each_round.is_empty() && scenario.read_back.is_empty()
    }

    /// The users of the requests at these places, each once, in their order.
    pub(super) fn users(&self, places: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut users: Vec<usize> = places.map(|place| self.raced[place].0).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// Everybody as at the beginning: canaries and what is drawn by chance are the same in every execution.
    pub(super) fn cast(&self) -> Cast<'a> {
        let users = self.scenario.users.count();
        Cast {
            sessions: (0..users).map(|user| Session::new(UserId(user))).collect(),
            mint: Mint::new(self.salt),
            rng: StdRng::seed_from_u64(self.seed),
            told: Vec::new(),
            us: 0,
        }
    }

    /// A user's request for a step.
    ///
    /// # Errors
    /// When it cannot be filled in.
    pub(super) fn make(
        &self,
        cast: &mut Cast<'a>,
        user: usize,
        step: &Step,
        round: u32,
    ) -> Result<Made, StageError> {
        let mut making = Making {
            scenario: self.scenario,
            hosts: &self.hosts,
            redactor: &self.redactor,
            mint: &mut cast.mint,
            rng: &mut cast.rng,
            now_ms: self.now_ms,
        };
        let session = &mut cast.sessions[user];
        let Draft {
            outgoing,
            line,
            planted,
        } = session
            .draft(step, round, &mut making)
            .map_err(|why| StageError::new(Cause::Step, why))?;
        let request = session.dressed(step, &outgoing, &self.hosts);
        Ok(Made {
            request,
            line,
            planted,
        })
    }
}

impl Given {
    /// The request as a server hands it to a service: the path alone, the host in a header.
    ///
    /// # Errors
    /// When it is no HTTP.
    pub(super) fn new(step: &Step, request: &Request) -> Result<Given, StageError> {
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(request.path.as_str());
        for (name, value) in request.headers_with_host() {
            builder = builder.header(name, value);
        }
        if !request.body.is_empty() {
            builder = builder.header("content-length", request.body.len());
        }
        let built = builder.body(()).map_err(|error| {
            let why = format!("the step `{}` makes no request: {error}", step.name);
            StageError::new(Cause::Step, why)
        })?;
        Ok(Given {
            parts: built.into_parts().0,
            body: request.body.clone(),
        })
    }

    pub(super) fn request(&self) -> http::Request<Body> {
        http::Request::from_parts(self.parts.clone(), Body::new(self.body.clone()))
    }
}

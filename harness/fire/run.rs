//! A run from its first record to its last: set-up, solo, sequence, then rounds of volleys with read-back.

use std::io;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::connection::Bounds;
use super::dial::Dial;
use super::exchange::{Done, Failure};
use super::fault;
use super::pattern;
use super::pool::{Key, Pool};
use super::release::Tactics;
use super::session::{Made, Making, Session, server_times};
use super::{Clock, Event, Plan, Stop, Watch};
use crate::history::{
    Cause, End, Ending, Exchange, HISTORY_VERSION, Outcome, Phase, Planted, Record, RequestLine,
    Sink, Start, StepRole, Target,
};
use crate::identity::{Mint, Redactor, UserId};
use crate::scenario::{Connections, Scenario, Step};

/// Why a run goes no further.
pub(super) enum Halt {
    /// The sink refused a record.
    Sink(io::Error),
    /// It ends so.
    End(Ending),
}

/// Why an exchange was not what its step expects.
pub(super) enum Unmet {
    /// No whole answer came.
    NoAnswer(String),
    /// An answer came, with another status or without what is to be captured.
    Answered(String),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Halt {
        Halt::Sink(error)
    }
}

/// The state of a run.
pub(super) struct Run<'a> {
    pub(super) scenario: &'a Scenario,
    sink: &'a mut dyn Sink,
    pub(super) watch: &'a mut dyn Watch,
    pub(super) stop: &'a Stop,
    pub(super) bounds: Bounds<'a>,
    pub(super) tactics: Tactics,
    pub(super) sessions: Vec<Session>,
    pub(super) pool: Pool,
    pub(super) rng: StdRng,
    pub(super) volleys: u32,
    mint: Mint,
    redactor: Redactor,
    exchanges: u64,
}

/// Runs the plan into the sink.
pub(super) async fn run(
    plan: &Plan<'_>,
    sink: &mut dyn Sink,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> io::Result<()> {
    let clock = Clock::start();
    sink.take(&Record::Start(start(plan)))?;
    let tactics = Tactics::new(&plan.scenario.fire);
    let left_out = fault::not_over(tactics.protocol, plan.scenario);
    for text in tactics.notes.iter().chain(&left_out) {
        sink.take(&Record::Note { text: text.clone() })?;
    }
    let mut rounds = 0;
    let ending = match Dial::new(
        &plan.base_url,
        plan.trusted_pem.as_deref(),
        tactics.protocol,
    )
    .await
    {
        Err(why) => Ending::Failed {
            why,
            cause: Cause::Unreachable,
        },
        Ok(dial) => {
            let mut run = Run::new(plan, tactics, dial, clock, (&mut *sink, &mut *watch, stop));
            match run.phases(&mut rounds).await {
                Ok(()) => Ending::Completed,
                Err(Halt::End(ending)) => ending,
                Err(Halt::Sink(error)) => return Err(error),
            }
        }
    };
    sink.take(&Record::End(End {
        ending,
        rounds,
        elapsed_ns: clock.now(),
    }))
}

fn start(plan: &Plan<'_>) -> Start {
    let scenario = plan.scenario;
    Start {
        history_version: HISTORY_VERSION,
        crosswire_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        target: Target {
            name: plan.target_name.clone(),
            url: plan.base_url.clone(),
        },
        engine: "fire".to_owned(),
        seed: plan.seed,
        salt: plan.salt.to_string(),
        users: scenario
            .users
            .list()
            .iter()
            .map(|user| user.name.clone())
            .collect(),
        slots: scenario.slots.clone(),
        steps: scenario.step_infos(),
        min_overlaps: scenario.fire.min_overlaps,
    }
}

impl<'a> Run<'a> {
    fn new(
        plan: &Plan<'a>,
        tactics: Tactics,
        dial: Dial,
        clock: Clock,
        (sink, watch, stop): (&'a mut dyn Sink, &'a mut dyn Watch, &'a Stop),
    ) -> Run<'a> {
        let scenario = plan.scenario;
        let limits = &scenario.limits;
        Run {
            scenario,
            sink,
            watch,
            stop,
            bounds: Bounds {
                keep: usize::try_from(limits.answer_bytes).unwrap_or(usize::MAX),
                timeout: Duration::from_millis(limits.timeout_ms),
                clock,
                stop,
                until_ns: limits.duration_s.saturating_mul(1_000_000_000),
            },
            tactics,
            sessions: (0..scenario.users.count())
                .map(|user| Session::new(UserId(user)))
                .collect(),
            pool: Pool::new(dial),
            rng: StdRng::seed_from_u64(plan.seed),
            volleys: 0,
            mint: Mint::new(plan.salt),
            redactor: Redactor::new(scenario.supplied_secrets()),
            exchanges: 0,
        }
    }

    async fn phases(&mut self, done: &mut u32) -> Result<(), Halt> {
        let scenario = self.scenario;
        self.event_phase(Phase::Setup, 0);
        for user in 0..self.sessions.len() {
            self.prepare(user, &scenario.setup, 0).await?;
        }
        if scenario.fire.solo {
            self.event_phase(Phase::Solo, 0);
            for user in 0..self.sessions.len() {
                self.prepare(user, &scenario.each_round, 0).await?;
                self.walk(user, &scenario.volley, Phase::Solo, 0).await?;
                self.walk(user, &scenario.read_back, Phase::Solo, 0).await?;
            }
        }
        if scenario.fire.sequence && self.sessions.len() > 1 {
            self.event_phase(Phase::Sequence, 0);
            self.sequence().await?;
        }
        for round in 1..=scenario.fire.rounds {
            self.round(round).await?;
            *done = round;
            self.watch.event(&Event::Round {
                round,
                rounds: scenario.fire.rounds,
            });
        }
        Ok(())
    }

    /// A, then B, step by step, nothing at the same time: half of the known faults need no more. Every user is first
    /// once and second once, so that all have prepared equally often afterwards.
    async fn sequence(&mut self) -> Result<(), Halt> {
        let scenario = self.scenario;
        let users = self.sessions.len();
        for first in 0..users {
            let pair = [first, (first + 1) % users];
            for user in pair {
                self.prepare(user, &scenario.each_round, 0).await?;
            }
            for step in &scenario.volley {
                for user in pair {
                    self.walk(user, std::slice::from_ref(step), Phase::Sequence, 0)
                        .await?;
                }
            }
            for user in pair {
                self.walk(user, &scenario.read_back, Phase::ReadBack, 0)
                    .await?;
            }
        }
        Ok(())
    }

    async fn round(&mut self, round: u32) -> Result<(), Halt> {
        let scenario = self.scenario;
        self.event_phase(Phase::Setup, round);
        for user in 0..self.sessions.len() {
            self.prepare(user, &scenario.each_round, round).await?;
        }
        self.event_phase(Phase::Volley, round);
        let arrivals = self.tactics.strategy.arrivals;
        for parts in pattern::round(scenario, self.sessions.len(), arrivals, &mut self.rng) {
            self.volley(&parts, round).await?;
        }
        self.event_phase(Phase::ReadBack, round);
        for user in 0..self.sessions.len() {
            self.walk(user, &scenario.read_back, Phase::ReadBack, round)
                .await?;
        }
        Ok(())
    }

    /// Steps that must succeed for the run to mean anything.
    async fn prepare(&mut self, user: usize, steps: &'a [Step], round: u32) -> Result<(), Halt> {
        for step in steps {
            let name = &self.scenario.users.list()[user].name;
            if let Err(unmet) = self.alone(user, step, Phase::Setup, round).await? {
                let (what, refused) = match step.role {
                    StepRole::LogIn => ("log-in", Cause::LogIn),
                    _ => ("step", Cause::Step),
                };
                let (why, cause) = match unmet {
                    Unmet::NoAnswer(why) => (why, Cause::Unreachable),
                    Unmet::Answered(why) => (why, refused),
                };
                let why = format!("{what} `{}` of {name} did not succeed: {why}", step.name);
                return Err(Halt::End(Ending::Failed { why, cause }));
            }
        }
        Ok(())
    }

    /// Steps whose outcome the judge weighs.
    async fn walk(
        &mut self,
        user: usize,
        steps: &'a [Step],
        phase: Phase,
        round: u32,
    ) -> Result<(), Halt> {
        for step in steps {
            // An answer that is refused is part of the record.
            let _ = self.alone(user, step, phase, round).await?;
        }
        Ok(())
    }

    /// One exchange with nothing else under way; the inner error says why its answer is not what the step expects.
    async fn alone(
        &mut self,
        user: usize,
        step: &'a Step,
        phase: Phase,
        round: u32,
    ) -> Result<Result<(), Unmet>, Halt> {
        self.admit(1)?;
        let Made {
            request,
            line,
            planted,
        } = self.make(user, step, round)?;
        self.record_planted(planted)?;
        let key = self.key(user);
        let (mut connection, reused) = self.pool.take(key).await.map_err(unreachable)?;
        let mut done = connection.exchange(&request, self.bounds).await;
        // A server may close an idle connection in the very moment in which it is used again: asked anew, as browsers do.
        if reused && done.result.as_ref().is_err_and(Failure::closed_idle) {
            let text =
                "a request was sent again, on a new connection: the server had closed the idle one";
            let text = text.to_owned();
            self.record(&Record::Note { text })?;
            connection = self.pool.fresh().await.map_err(unreachable)?;
            done = connection.exchange(&request, self.bounds).await;
        }
        let number = connection.number;
        self.pool.put(key, connection);
        let verdict = self.received(user, step, &mut done);
        self.record_exchange(user, step, phase, round, None, number, line, done)?;
        Ok(verdict)
    }

    /// Takes an answer into the user's session; the error says why it is not what the step expects.
    pub(super) fn received(
        &mut self,
        user: usize,
        step: &Step,
        done: &mut Done,
    ) -> Result<(), Unmet> {
        let answer = done.result.as_ref();
        let answer = answer.map_err(|failure| Unmet::NoAnswer(failure.why.clone()))?;
        let captured = self.sessions[user].receive(step, self.pool.base(), answer);
        if !step.status.accepts(answer.status) {
            let why = format!("it was answered {}", answer.status);
            done.refused = true;
            return Err(Unmet::Answered(why));
        }
        done.refused = captured.is_err();
        captured.map_err(Unmet::Answered)
    }

    pub(super) fn make(&mut self, user: usize, step: &Step, round: u32) -> Result<Made, Halt> {
        let mut making = Making {
            scenario: self.scenario,
            base: self.pool.base(),
            redactor: &self.redactor,
            mint: &mut self.mint,
        };
        self.sessions[user]
            .make(step, round, &mut making)
            .map_err(|why| {
                let cause = Cause::Step;
                Halt::End(Ending::Failed { why, cause })
            })
    }

    fn key(&self, user: usize) -> Key {
        match self.tactics.connections {
            Connections::PerUser | Connections::Rotating => user,
            Connections::Shared => 0,
        }
    }

    /// Whether that many exchanges more are within the limits.
    pub(super) fn admit(&self, count: usize) -> Result<(), Halt> {
        let limits = &self.scenario.limits;
        if self.stop.asked() {
            return Err(Halt::End(Ending::Interrupted));
        }
        if self.exchanges + count as u64 > limits.requests {
            return Err(Halt::End(Ending::Limit {
                limit: format!("{} requests", limits.requests),
            }));
        }
        if self.bounds.clock.now() > self.bounds.until_ns {
            return Err(Halt::End(Ending::Limit {
                limit: format!("{} s", limits.duration_s),
            }));
        }
        Ok(())
    }

    pub(super) fn record(&mut self, record: &Record) -> Result<(), Halt> {
        Ok(self.sink.take(record)?)
    }

    pub(super) fn record_planted(&mut self, planted: Vec<Planted>) -> Result<(), Halt> {
        planted
            .into_iter()
            .try_for_each(|planted| self.record(&Record::Planted(planted)))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "an exchange has that many sides, and one place puts them together"
    )]
    pub(super) fn record_exchange(
        &mut self,
        user: usize,
        step: &Step,
        phase: Phase,
        round: u32,
        volley: Option<u32>,
        connection: u32,
        request: RequestLine,
        done: Done,
    ) -> Result<(), Halt> {
        let (first_byte_ns, server, outcome) = match done.result {
            Ok(answer) => {
                let server = server_times(&answer.head);
                (
                    Some(answer.first_ns),
                    server,
                    Outcome::Answer {
                        status: answer.status,
                        head: answer.head,
                        body: answer.body,
                        cut: answer.cut,
                    },
                )
            }
            Err(failure) => (
                failure.first_ns,
                None,
                Outcome::Failed {
                    why: failure.why,
                    partial: failure.partial,
                },
            ),
        };
        let exchange = Exchange {
            id: self.exchanges,
            user: self.sessions[user].user,
            step: step.index,
            phase,
            round,
            volley,
            connection,
            request,
            sent_ns: done.sent_ns,
            first_byte_ns,
            done_ns: done.done_ns,
            server,
            refused: done.refused,
            followed: done.followed,
            nonce: None,
            provoked: done.provoked,
            outcome,
        };
        self.exchanges += 1;
        self.record(&Record::Exchange(exchange))
    }

    fn event_phase(&mut self, phase: Phase, round: u32) {
        self.watch.event(&Event::Phase {
            phase,
            round,
            rounds: self.scenario.fire.rounds,
        });
    }
}

fn unreachable(why: String) -> Halt {
    Halt::End(Ending::Failed {
        why,
        cause: Cause::Unreachable,
    })
}

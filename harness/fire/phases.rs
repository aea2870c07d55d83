//! The phases of a run: set-up, solo, sequence, then rounds of volleys with read-back.

use super::Event;
use super::alone::Unmet;
use super::pattern::{self, Part};
use super::run::{Halt, Run};
use crate::history::{Cause, Dead, Ending, Overlaps, Phase, StepRole};
use crate::scenario::Step;

/// How many times the scenario's rounds are run at most, when too few requests met in them ...
const MOST_TIMES: u64 = 10;
/// ... unless all that are missing take no longer than this: ten seconds.
const ANYHOW_NS: u64 = 10_000_000_000;

impl<'a> Run<'a> {
    /// All phases but for cleaning up; `done` is how many rounds have come to their end.
    pub(crate) async fn phases(&mut self, done: &mut u32) -> Result<(), Halt> {
        let scenario = self.scenario;
        self.event_phase(Phase::Setup, 0);
        for user in 0..self.sessions.len() {
            self.prepare(user, &scenario.setup, 0).await?;
        }
        if scenario.fire.solo {
            self.event_phase(Phase::Solo, 0);
            for _ in 0..scenario.fire.solo_repeats.max(1) {
                self.solo().await?;
            }
        }
        if scenario.fire.sequence && self.sessions.len() > 1 {
            self.event_phase(Phase::Sequence, 0);
            self.sequence().await?;
        }
        let began = self.bounds.clock.now();
        while *done < self.rounds {
            let round = *done + 1;
            self.round(round).await?;
            *done = round;
            if round == self.rounds {
                self.go_on_for_overlaps(began)?;
            }
            self.watch.event(&Event::Round {
                round,
                rounds: self.rounds,
            });
        }
        self.ask_again().await
    }

    /// Adds the rounds that it takes, at the rate so far, until as many requests have met as a clean result needs; none
    /// when that would be more than [`MOST_TIMES`] the scenario's and take more than [`ANYHOW_NS`]. How many meet in a
    /// volley is up to the service and to what else the machine does: a fixed number of rounds is too few on a busy day.
    fn go_on_for_overlaps(&mut self, began_ns: u64) -> Result<(), Halt> {
        let Some(Overlaps { pairs, needed }) = self.sink.lacks() else {
            return Ok(());
        };
        let done = u64::from(self.rounds);
        let Some(enough) = done.saturating_mul(needed).checked_div(pairs) else {
            return Ok(());
        };
        let most = u64::from(self.scenario.fire.rounds).saturating_mul(MOST_TIMES);
        let rounds = enough.saturating_add(1);
        let a_round_ns = self.bounds.clock.now().saturating_sub(began_ns) / done.max(1);
        // All that are added count, not these alone: pairs may stay away.
        let more = rounds.saturating_sub(u64::from(self.scenario.fire.rounds));
        let more_ns = a_round_ns.saturating_mul(more);
        if rounds > most && more_ns > ANYHOW_NS {
            return Ok(());
        }
        self.rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        self.note(format!(
            "in {done} rounds {pairs} of {needed} pairs of requests overlapped: {} rounds are run",
            self.rounds
        ))
    }

    /// Every user by itself once more, where something was learnt: what a user was shown of another's may have become
    /// everybody's meanwhile, and then it is no crossing.
    async fn ask_again(&mut self) -> Result<(), Halt> {
        let scenario = self.scenario;
        let learns = |step: &&Step| step.learns;
        if !scenario.volley.iter().any(|step| step.learns) {
            return Ok(());
        }
        self.event_phase(Phase::Solo, self.rounds);
        for user in 0..self.sessions.len() {
            for step in one_by_one(&scenario.volley).filter(learns) {
                self.walk(user, step, Phase::Solo, self.rounds).await?;
            }
        }
        Ok(())
    }

    /// Every user by itself.
    async fn solo(&mut self) -> Result<(), Halt> {
        let scenario = self.scenario;
        for user in 0..self.sessions.len() {
            self.prepare(user, &scenario.each_round, 0).await?;
            for step in one_by_one(&scenario.volley) {
                self.walk(user, step, Phase::Solo, 0).await?;
            }
            for step in &scenario.read_back {
                self.walk(user, step, Phase::Solo, 0).await?;
            }
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
            for step in one_by_one(&scenario.volley) {
                for user in pair {
                    self.walk(user, step, Phase::Sequence, 0).await?;
                }
            }
            for user in pair {
                for step in &scenario.read_back {
                    self.walk(user, step, Phase::ReadBack, 0).await?;
                }
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
        let users = self.sessions.len();
        for parts in pattern::round(scenario, users, arrivals, round, &mut self.rng) {
            let parts = self.with_sessions(parts)?;
            if !parts.is_empty() {
                self.volley(&parts, round).await?;
            }
        }
        self.event_phase(Phase::ReadBack, round);
        for user in 0..self.sessions.len() {
            for step in &scenario.read_back {
                self.walk(user, step, Phase::ReadBack, round).await?;
            }
        }
        Ok(())
    }

    /// Steps that must succeed for the run to mean anything.
    pub(crate) async fn prepare(
        &mut self,
        user: usize,
        steps: &'a [Step],
        round: u32,
    ) -> Result<(), Halt> {
        for step in steps {
            let name = &self.scenario.users.list()[user].name;
            if let Err(unmet) = self.alone(user, step, Phase::Setup, round).await? {
                let (what, refused) = match step.role {
                    StepRole::LogIn => ("log-in", Cause::LogIn),
                    _ => ("step", Cause::Step),
                };
                let cause = match unmet {
                    Unmet::NoAnswer(_) => Cause::Unreachable,
                    Unmet::Answered(_) => refused,
                    Unmet::Stale { cause, .. } => cause,
                };
                let why = unmet.why();
                let why = format!("{what} `{}` of {name} did not succeed: {why}", step.name);
                return Err(Halt::End(Ending::Failed { why, cause }));
            }
        }
        Ok(())
    }

    /// A step whose outcome the judge weighs: an answer that is refused is part of the record. One that cannot be sent
    /// because its session is stale and cannot be refreshed has none, nor has anything after it.
    pub(crate) async fn walk(
        &mut self,
        user: usize,
        step: &'a Step,
        phase: Phase,
        round: u32,
    ) -> Result<(), Halt> {
        match self.alone(user, step, phase, round).await? {
            Err(Unmet::Stale { why, cause }) => {
                let name = &self.scenario.users.list()[user].name;
                let why = format!("the session of {name} could not be refreshed: {why}");
                Err(Halt::End(Ending::Failed { why, cause }))
            }
            Ok(()) | Err(Unmet::NoAnswer(_) | Unmet::Answered(_)) => Ok(()),
        }
    }
}

impl<'a> Run<'a> {
    /// The parts that can be sent: not those with a session that must be dead where none has ended.
    fn with_sessions(&mut self, parts: Vec<Part<'a>>) -> Result<Vec<Part<'a>>, Halt> {
        let mut sent = Vec::with_capacity(parts.len());
        for mut part in parts {
            if let Some(step) = part.companion
                && self.left_out(part.user, step)?
            {
                part.companion = None;
            }
            if !self.left_out(part.user, part.step)? {
                sent.push(part);
            }
        }
        Ok(sent)
    }

    /// Whether a step is left out because the session with which it is to be sent has not ended; told once for each step.
    pub(crate) fn left_out(&mut self, user: usize, step: &Step) -> Result<bool, Halt> {
        if self.sessions[user].can_send(step) {
            return Ok(false);
        }
        if self.left_out.insert(step.index) {
            let what = match step.dead {
                Some(Dead::Rotation) => "log-in over an earlier session",
                _ => "log-out",
            };
            let (name, user) = (&step.name, &self.scenario.users.list()[user].name);
            self.note(format!(
                "`{name}` was left out where no {what} had been accepted before, for {user} first: there is no session then that must be dead"
            ))?;
        }
        Ok(true)
    }
}

/// The raced steps in the order in which they run alone: one that is sent beside another comes right after it.
fn one_by_one(steps: &[Step]) -> impl Iterator<Item = &Step> {
    let companion_of = |step: &Step| {
        let wanted = step.with;
        steps.iter().find(|other| Some(other.index) == wanted)
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut order: Vec<&Step> = Vec::with_capacity(steps.len());
    for step in steps.iter().filter(|step| !step.companion) {
        for step in std::iter::once(step).chain(companion_of(step)) {
            if seen.insert(step.index) {
                order.push(step);
            }
        }
    }
    order.into_iter()
}

//! The phases of a run: set-up, solo, sequence, then rounds of volleys with read-back.

use super::Event;
use super::alone::Unmet;
use super::pattern;
use super::run::{Halt, Run};
use crate::history::{Cause, Ending, Phase, StepRole};
use crate::scenario::Step;

impl<'a> Run<'a> {
    /// All phases but for cleaning up; `done` is how many rounds have come to their end.
    pub(super) async fn phases(&mut self, done: &mut u32) -> Result<(), Halt> {
        let scenario = self.scenario;
        self.event_phase(Phase::Setup, 0);
        for user in 0..self.sessions.len() {
            self.prepare(user, &scenario.setup, 0).await?;
            self.prepared = user + 1;
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
        for round in 1..=scenario.fire.rounds {
            self.round(round).await?;
            *done = round;
            self.watch.event(&Event::Round {
                round,
                rounds: scenario.fire.rounds,
            });
        }
        self.ask_again().await
    }

    /// Every user by itself once more, where something was learnt: what a user was shown of another's may have become
    /// everybody's meanwhile, and then it is no crossing.
    async fn ask_again(&mut self) -> Result<(), Halt> {
        let scenario = self.scenario;
        let learns = |step: &&Step| step.learns;
        if !scenario.volley.iter().any(|step| step.learns) {
            return Ok(());
        }
        self.event_phase(Phase::Solo, scenario.fire.rounds);
        for user in 0..self.sessions.len() {
            for step in one_by_one(&scenario.volley).filter(learns) {
                self.walk(user, step, Phase::Solo, scenario.fire.rounds)
                    .await?;
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
        for parts in pattern::round(scenario, self.sessions.len(), arrivals, &mut self.rng) {
            self.volley(&parts, round).await?;
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

    /// A step whose outcome the judge weighs: an answer that is refused is part of the record.
    async fn walk(
        &mut self,
        user: usize,
        step: &'a Step,
        phase: Phase,
        round: u32,
    ) -> Result<(), Halt> {
        self.alone(user, step, phase, round).await.map(|_| ())
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

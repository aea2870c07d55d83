//! Exchanges in volleys that failed, were refused or could not be searched: what weakens a clean run.

use std::collections::BTreeSet;

use crate::history::{Exchange, Outcome, Phase};
use crate::identity::UserId;

use super::causes::Causes;
use super::facts::{self, counts_nowhere};
use super::world::World;

/// Counts of exchanges in volleys, but for those that failed on purpose.
#[derive(Clone, Debug, Default)]
pub(super) struct Shots {
    /// All of them.
    pub(super) fired: u64,
    /// Those that failed.
    pub(super) failed: u64,
    /// Those with an answer.
    pub(super) answered: u64,
    /// Answers that could not be searched to their end.
    pub(super) unsearched: u64,
    /// Why they failed.
    pub(super) causes: Causes,
}

impl Shots {
    /// Takes an exchange of a volley; `is_complete` says that all of its answer was searched.
    pub(super) fn take(
        &mut self,
        exchange: &Exchange,
        is_complete: bool,
        world: &World,
        refusals: &Refusals,
    ) {
        if counts_nowhere(exchange, world.step(exchange.step)) {
            return;
        }
        self.fired += 1;
        let is_expected = refusals.is_expected(exchange);
        if is_failed(exchange) || exchange.refused && !is_expected {
            self.failed += 1;
            self.causes.take(exchange);
        }
        let is_answer = matches!(exchange.outcome, Outcome::Answer { .. });
        self.answered += u64::from(is_answer);
        self.unsearched += u64::from(is_answer && !is_complete);
    }
}

/// Which refusals a right service would give too.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    /// Users and steps that were refused alone.
    alone: BTreeSet<(UserId, u16)>,
    /// Users and slots whose newest item its owner has asked to remove.
    asked_away: BTreeSet<(UserId, u16)>,
}

impl Refusals {
    pub(super) fn planted(&mut self, owner: UserId, slot: u16) {
        self.asked_away.remove(&(owner, slot));
    }

    pub(super) fn take(&mut self, exchange: &Exchange, world: &World) {
        let is_alone = exchange.phase != Phase::Volley && exchange.volley.is_none();
        if exchange.refused && is_alone {
            self.alone.insert((exchange.user, exchange.step));
        }
        for slot in world
            .step(exchange.step)
            .into_iter()
            .flat_map(|step| &step.removes)
        {
            self.asked_away.insert((exchange.user, *slot));
        }
    }

    /// True when the user has asked to remove its newest item of the slot.
    pub(super) fn is_asked_away(&self, user: UserId, slot: u16) -> bool {
        self.asked_away.contains(&(user, slot))
    }

    /// True when the user was refused the same step alone, or is told that something is not there (404, 409, 410) after
    /// having asked to remove it: it may be what this request is for.
    fn is_expected(&self, exchange: &Exchange) -> bool {
        let of_user = (exchange.user, 0)..=(exchange.user, u16::MAX);
        self.alone.contains(&(exchange.user, exchange.step))
            || matches!(facts::status(exchange), Some(404 | 409 | 410))
                && self.asked_away.range(of_user).next().is_some()
    }
}

fn is_failed(exchange: &Exchange) -> bool {
    match exchange.outcome {
        Outcome::Failed { .. } => true,
        Outcome::Answer { status, .. } => matches!(status, 401 | 403 | 429 | 500..),
    }
}

//! Raced steps that never gave a good answer: what was meant to be raced was not.

use std::collections::BTreeMap;

use crate::history::{Exchange, Outcome, StepRole};

use super::causes::Causes;
use super::facts::counts_nowhere;
use super::world::World;
use super::{Reason, ReasonKind};

/// Answers of each raced step that were not as it expects, until the first that is.
#[derive(Clone, Debug, Default)]
pub(super) struct Unserved(BTreeMap<u16, Option<Causes>>);

impl Unserved {
    pub(super) fn take(&mut self, exchange: &Exchange, world: &World) {
        let step = world.step(exchange.step);
        let is_raced = step.is_some_and(|step| step.role == StepRole::Fire && step.dead.is_none());
        if !is_raced || exchange.followed || counts_nowhere(exchange, step) {
            return;
        }
        let causes = self
            .0
            .entry(exchange.step)
            .or_insert_with(|| Some(Causes::default()));
        let is_good = !exchange.refused && matches!(exchange.outcome, Outcome::Answer { .. });
        match causes {
            Some(_) if is_good => *causes = None,
            Some(causes) => causes.take(exchange),
            None => {}
        }
    }

    /// One reason a step.
    pub(super) fn reasons(&self, world: &World) -> Vec<Reason> {
        let told = |(step, causes): (&u16, &Option<Causes>)| {
            let why = causes.as_ref()?.most_frequent()?;
            let text = format!(
                "`{}` never gave a good answer; most often: {why}",
                world.step_name(*step)
            );
            Some(Reason::new(ReasonKind::Control, text))
        };
        self.0.iter().filter_map(told).collect()
    }
}

//! How long a request takes when nothing else is under way: what the client's clock is measured against.

use std::collections::BTreeMap;

use crate::history::{Exchange, Phase};

use super::facts::is_accepted;

/// The shortest times from the last byte out to the first byte back, of requests that ran alone and were accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Alone {
    by_step: BTreeMap<u16, u64>,
    of_any: Option<u64>,
}

impl Alone {
    /// Takes an exchange; those in volleys, provoked or followed are passed over.
    pub(super) fn take(&mut self, exchange: &Exchange) {
        let is_fired = exchange.phase == Phase::Volley || exchange.volley.is_some();
        // What is slow on purpose, or only leads elsewhere, says nothing of how long the step takes.
        if is_fired || exchange.followed || exchange.provoked.is_some() || !is_accepted(exchange) {
            return;
        }
        let Some(first_byte_ns) = exchange.first_byte_ns else {
            return;
        };
        let ns = first_byte_ns.saturating_sub(exchange.sent_ns);
        let of_step = self.by_step.entry(exchange.step).or_insert(ns);
        *of_step = ns.min(*of_step);
        self.of_any = Some(self.of_any.map_or(ns, |shortest| shortest.min(ns)));
    }

    /// The shortest time of that step, of any user's; of any step when that one never ran alone; `None` when nothing did.
    pub(super) fn shortest(&self, step: u16) -> Option<u64> {
        self.by_step.get(&step).copied().or(self.of_any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::testing::{answer, exchange};

    #[test]
    fn the_shortest_of_the_step_then_of_any() {
        let mut alone = Alone::default();
        assert_eq!(alone.shortest(1), None);
        let timed = |user, step, ns: u64| {
            let mut exchange = exchange(9, user, step);
            exchange.phase = Phase::Solo;
            exchange.first_byte_ns = Some(exchange.sent_ns + ns);
            exchange
        };
        for (user, step, ns) in [(0, 1, 70), (1, 1, 50), (0, 1, 60), (0, 2, 20)] {
            alone.take(&timed(user, step, ns));
        }
        let mut fired = timed(0, 1, 1);
        (fired.phase, fired.volley) = (Phase::Volley, Some(1));
        let mut refused = timed(0, 1, 1);
        refused.refused = true;
        let mut missing = timed(0, 1, 1);
        missing.outcome = answer(404, "", b"");
        let mut silent = timed(0, 1, 1);
        silent.first_byte_ns = None;
        for exchange in [fired, refused, missing, silent] {
            alone.take(&exchange);
        }
        assert_eq!(
            (alone.shortest(1), alone.shortest(2), alone.shortest(3)),
            (Some(50), Some(20), Some(20))
        );
    }
}

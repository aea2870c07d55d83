//! An answer that belongs to another request.

use std::collections::BTreeMap;

use super::{Rule, RuleInfo, Seen};
use crate::identity::{Canary, UserId};
use crate::judge::findings::{Crossing, Findings};
use crate::judge::world::World;
use crate::judge::{ExposureKind, Reason, ReasonKind};

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "answer-shifted",
    title: "was given the answer to another user's request",
    help: "The answer contains the nonce of another user's request instead of the request's own. Look for a connection that is \
           out of step: a pool that takes back a connection on which an answer is still to come, a proxy that reuses one before \
           both directions are at their end, requests and answers that are matched by an id which two may share.",
    explain: include_str!("explain/answer-shifted.txt"),
    kind: ExposureKind::Read,
    make: || Box::new(Shifted::default()),
};

/// A nonce is drawn for one request and sent with it alone, so an answer that holds another user's holds something of that
/// user's request: an exposure (unless the step names the user as a reader of what it plants), whatever the step says of echoes. Canaries of nonce slots are left to this rule alone.
///
/// An answer with another nonce of the same user is no exposure, since nobody else's data was shown, and it may be right: a
/// log lists earlier requests. But if the step says that a right answer echoes its request's nonce, and the answer holds
/// another one and not its own, then answers are out of step, and nothing keeps them within one user. Such a run cannot be
/// called clean.
#[derive(Clone, Debug, Default)]
struct Shifted {
    /// How often a user's request was given the answer to another of its own, by user and step.
    within: BTreeMap<(UserId, u16), u64>,
}

impl Rule for Shifted {
    fn boxed(&self) -> Box<dyn Rule> {
        Box::new(self.clone())
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, crossings: &mut Vec<Crossing>) {
        let exchange = seen.exchange;
        let nonces = || {
            seen.found
                .iter()
                .filter(|found| world.is_nonce(found.canary.slot))
        };
        for found in nonces() {
            let canary = found.canary;
            if world.may_read(exchange.user, canary) || !world.has_user(canary.owner) {
                continue;
            }
            crossings.push(Crossing::of_canary(&INFO, exchange, found));
        }
        let echoes = world.step(exchange.step).is_some_and(|step| step.echoes);
        let own = world.nonce_of(exchange);
        let of_user = |canary: Canary| canary.owner == exchange.user;
        if echoes
            && let Some(own) = own
            && nonces().any(|found| of_user(found.canary))
            && !nonces().any(|found| found.canary == own)
        {
            *self
                .within
                .entry((exchange.user, exchange.step))
                .or_default() += 1;
        }
    }

    fn finish(&mut self, world: &World, _: &mut Findings, _: &mut Vec<String>) -> Vec<Reason> {
        let shifted = self.within.iter().map(|((user, step), times)| {
            let text = format!(
                "{} was given the answer to another of its own requests ({}, {times} times): answers are out of step",
                world.user_name(*user),
                world.step_name(*step)
            );
            Reason::new(ReasonKind::OutOfStep, text)
        });
        shifted.take(REASONS_GIVEN).collect()
    }
}

/// Users and steps that are named; the first tell enough.
const REASONS_GIVEN: usize = 5;

#[cfg(test)]
mod tests {
    use crate::history::{Outcome, Phase, Record, SlotInfo};
    use crate::judge::rules::testing::*;
    use crate::judge::{ExposureKind, Judgement, ReasonKind, Verdict};

    const NONCE: u16 = 2;

    /// A clean run, and one more answer to user 0's request with nonce 5.
    fn answered(outcome: Outcome, echoes: bool) -> Judgement {
        let mut story = Story::of(2);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        start.slots.push(SlotInfo {
            name: "nonce".into(),
            nonce: true,
            ..SlotInfo::default()
        });
        start.steps[usize::from(READ_BACK)].echoes = echoes;
        start.steps[usize::from(READ_BACK)].sees.clear();
        story.volley(vec![
            (0, READ, page(&text(0, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
        ]);
        story.alone(0, READ_BACK, Phase::ReadBack, outcome);
        let Some(Record::Exchange(exchange)) = story.records.last_mut() else {
            panic!()
        };
        exchange.nonce = Some(text(0, NONCE, 5));
        story.judge()
    }

    #[test]
    fn another_users_nonce_is_an_exposure_by_this_rule_alone() {
        for echoes in [true, false] {
            let judgement = answered(page(&text(1, NONCE, 3)), echoes);
            let found: Vec<_> = judgement
                .exposures
                .iter()
                .map(|e| (e.rule, e.kind))
                .collect();
            assert_eq!(found, [("answer-shifted", ExposureKind::Read)]);
        }
    }

    #[test]
    fn ones_own_other_answer_is_no_exposure_but_nothing_is_clean() {
        let judgement = answered(page(&text(0, NONCE, 4)), true);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(judgement.reasons[0].kind, ReasonKind::OutOfStep);
        assert!(judgement.reasons[0].text.starts_with("u0 was given"));
    }

    #[test]
    fn logs_and_right_answers_are_clean() {
        let both = text(0, NONCE, 4) + " " + &text(0, NONCE, 5);
        for (outcome, echoes) in [
            (page(&text(0, NONCE, 5)), true),
            (page(&both), true),
            (page(&text(0, NONCE, 4)), false),
            (page(""), true),
        ] {
            let judgement = answered(outcome, echoes);
            assert_eq!(
                (judgement.verdict, &judgement.reasons[..]),
                (Verdict::Isolated, &[][..])
            );
        }
    }
}

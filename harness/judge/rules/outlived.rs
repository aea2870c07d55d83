//! A session that still works after its end.

use std::collections::BTreeMap;

use super::{Rule, RuleInfo, Seen};
use crate::history::{Dead, Exchange, StepRole};
use crate::identity::UserId;
use crate::judge::facts::{is_accepted, status};
use crate::judge::findings::{Crossing, Findings};
use crate::judge::look::Spot;
use crate::judge::world::World;
use crate::judge::{ExposureKind, Reason, ReasonKind};

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "session-outlived",
    title: "still served by a session that had ended",
    help: "A request with a session that must be dead by then (its user had logged out, it had been idle or open for too long, or its \
           user had been given a new one) was answered with the user's own data. Look for where the server forgets a session: \
           a cookie that is only deleted in the browser, a slow request that writes a deleted session back, an id that is \
           kept at log-in.",
    explain: include_str!("explain/session-outlived.txt"),
    kind: ExposureKind::Session,
    make: || Box::new(Outlived::default()),
};

/// Decided by these facts: the scenario says of the step why its session must be dead
/// ([`StepInfo::dead`](crate::history::StepInfo::dead)); the log-out or log-in that ended it was accepted; the answer is a
/// 2xx, whatever the step expects; and its body contains a canary of the requesting user's own, in a slot that the step shows, that
/// does not stand in the request itself. A page that merely does not refuse, such as a log-in form answered with 200,
/// contains none, and one that repeats where the user wanted to go is no finding. Public slots count for nothing.
///
/// Viewer and victim are the same user: whoever holds the old cookie is served that user's data. Answers that neither serve
/// nor turn away (errors of the server, limits) and log-outs that were refused are reasons against a clean result: then
/// nothing was checked.
#[derive(Clone, Debug, Default)]
struct Outlived {
    /// The user's last log-out, and last log-in.
    logged_out: BTreeMap<UserId, Last>,
    logged_in: BTreeMap<UserId, Last>,
    /// What was not checked, by step: how often, and why it was not the first time.
    unchecked: BTreeMap<u16, (u64, String)>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    is_accepted: bool,
    /// 0 for what was done once, before everything that is repeated.
    round: u32,
}

impl Rule for Outlived {
    fn boxed(&self) -> Box<dyn Rule> {
        Box::new(self.clone())
    }

    /// What was logged out in one execution is not logged out in the next, which may begin with a new service.
    fn execution(&mut self) {
        let all = self
            .logged_out
            .values_mut()
            .chain(self.logged_in.values_mut());
        for last in all.filter(|last| last.round > 0) {
            last.is_accepted = false;
        }
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, crossings: &mut Vec<Crossing>) {
        let exchange = seen.exchange;
        if exchange.followed {
            return;
        }
        let Some(step) = world.step(exchange.step) else {
            return;
        };
        let last = Last {
            is_accepted: is_accepted(exchange),
            round: exchange.round,
        };
        match step.role {
            StepRole::LogOut => drop(self.logged_out.insert(exchange.user, last)),
            StepRole::LogIn => drop(self.logged_in.insert(exchange.user, last)),
            _ => {}
        }
        let Some(dead) = step.dead else {
            return;
        };
        if let Some(why) = self.unchecked(exchange, dead) {
            let entry = self.unchecked.entry(exchange.step);
            entry.or_insert((0, why)).0 += 1;
            return;
        }
        if !matches!(status(exchange), Some(200..=299)) {
            return;
        }
        let own = seen.found.iter().find(|found| {
            let canary = found.canary;
            canary.owner == exchange.user
                && found.spot == Spot::Body
                && step.sees.contains(&canary.slot)
                && !world.is_public(canary.slot)
                && !world.is_nonce(canary.slot)
                && !exchange.request.path.contains(&canary.encode(world.salt))
        });
        let Some(found) = own else {
            return;
        };
        crossings.push(Crossing::of_canary(&INFO, exchange, found));
    }

    fn finish(&mut self, world: &World, _: &mut Findings, _: &mut Vec<String>) -> Vec<Reason> {
        let told = |(step, (times, why)): (&u16, &(u64, String))| {
            let text = format!(
                "whether the session was dead was not checked by `{}` ({times} times): {why}",
                world.step_name(*step)
            );
            Reason::new(ReasonKind::Control, text)
        };
        self.unchecked.iter().map(told).collect()
    }
}

impl Outlived {
    /// Why the exchange says nothing of its session, if it does not.
    fn unchecked(&self, exchange: &Exchange, dead: Dead) -> Option<String> {
        let refused = |of: &BTreeMap<UserId, Last>| {
            of.get(&exchange.user).is_some_and(|last| !last.is_accepted)
        };
        match dead {
            Dead::LogOut if refused(&self.logged_out) => {
                return Some("the log-out before it was refused".to_owned());
            }
            Dead::Rotation if refused(&self.logged_in) => {
                return Some("the log-in before it was refused".to_owned());
            }
            _ => {}
        }
        match status(exchange) {
            None if exchange.cut_off => None,
            None => Some("it was not answered".to_owned()),
            Some(status @ (405 | 408 | 429 | 500..)) => Some(format!("it was answered {status}")),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Dead, Outcome, Phase, Record, StepRole};
    use crate::judge::rules::testing::*;
    use crate::judge::{ExposureKind, Judgement, Verdict};

    /// A clean run after which user 0 reads with a session that must be dead.
    fn after_the_end(outcome: Outcome, change: impl FnOnce(&mut Record)) -> Judgement {
        let mut story = Story::of(2);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        start.steps[usize::from(READ_BACK)].dead = Some(Dead::LogOut);
        story.volley(vec![
            (0, READ, page(&text(0, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
        ]);
        story.alone(0, READ_BACK, Phase::ReadBack, outcome);
        let last = story.records.last_mut().unwrap();
        change(last);
        story.judge()
    }

    fn refused(record: &mut Record) {
        let Record::Exchange(exchange) = record else {
            panic!()
        };
        exchange.refused = true;
    }

    #[test]
    fn own_data_after_the_end_is_an_exposure() {
        let judgement = after_the_end(page(&text(0, 0, 0)), |_| {});
        let [exposure] = &judgement.exposures[..] else {
            panic!("{judgement:?}")
        };
        assert_eq!(
            (
                exposure.rule,
                exposure.kind,
                exposure.viewer,
                exposure.victim
            ),
            (
                "session-outlived",
                ExposureKind::Session,
                exposure.victim,
                exposure.viewer
            )
        );
        assert_eq!(judgement.verdict, Verdict::Exposed);
        assert_eq!(judgement.counts.exchanges, 0, "nobody else's data was held");
    }

    #[test]
    fn a_step_that_expects_to_be_refused_hides_nothing() {
        let judgement = after_the_end(page(&text(0, 0, 0)), refused);
        assert_eq!(judgement.verdict, Verdict::Exposed);
    }

    #[test]
    fn what_a_dead_session_should_be_answered_leaves_the_run_clean() {
        let clean = |outcome: Outcome, change: fn(&mut Record)| {
            let judgement = after_the_end(outcome, change);
            assert_eq!(
                (judgement.verdict, &judgement.reasons[..]),
                (Verdict::Isolated, &[][..])
            );
        };
        clean(answer(401, "", b""), refused);
        clean(answer(401, "", text(0, 0, 0).as_bytes()), |_| {});
        clean(answer(302, "location: /login\r\n", b""), |_| {});
        clean(page("<form action=/login>"), |_| {});
        clean(page(&text(0, 1, 0)), |_| {});
        // Where the user wanted to go is repeated, in a redirect and in a form.
        let next = format!("location: /login?next=/notes/{}\r\n", text(0, 0, 0));
        clean(answer(302, &next, b""), |_| {});
        clean(
            page(&format!("<input value=/notes/{}>", text(0, 0, 0))),
            |record| {
                let Record::Exchange(exchange) = record else {
                    panic!()
                };
                exchange.request.path = format!("/notes/{}", text(0, 0, 0));
            },
        );
    }

    #[test]
    fn what_was_not_checked_is_a_reason() {
        let unchecked = |judgement: Judgement, why: &str| {
            assert_eq!(judgement.verdict, Verdict::Inconclusive);
            assert!(
                judgement.reasons[0].text.ends_with(why),
                "{:?}",
                judgement.reasons
            );
        };
        let lost = Outcome::Failed {
            why: "reset".into(),
            partial: text(0, 0, 0).into(),
        };
        unchecked(after_the_end(lost, |_| {}), "it was not answered");
        unchecked(
            after_the_end(answer(503, "", b""), |_| {}),
            "it was answered 503",
        );
    }

    #[test]
    fn a_session_that_was_not_ended_may_live() {
        let mut story = Story::of(2);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        start.steps[usize::from(READ_BACK)].dead = Some(Dead::LogOut);
        start.steps[usize::from(DELETE)].role = StepRole::LogOut;
        story.volley(vec![
            (0, READ, page(&text(0, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
        ]);
        story.alone(
            0,
            DELETE,
            Phase::ReadBack,
            answer(403, "", b"csrf token is missing"),
        );
        story.alone(0, READ_BACK, Phase::ReadBack, page(&text(0, 0, 0)));
        let judgement = story.judge();
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(
            judgement.reasons[0]
                .text
                .contains("log-out before it was refused")
        );
    }
}

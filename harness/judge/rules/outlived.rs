//! A session that still works after its end.

use super::{Rule, RuleInfo, Seen};
use crate::judge::ExposureKind;
use crate::judge::facts::status;
use crate::judge::findings::Crossing;
use crate::judge::world::World;

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "session-outlived",
    title: "still served by a session that had ended",
    help: "A request with a session that must be dead by then (its user had logged out, it had been idle for too long, or its \
           user had been given a new one) was answered with the user's own data. Look for where the server forgets a session: \
           a cookie that is only deleted in the browser, a slow request that writes a deleted session back, an id that is \
           kept at log-in.",
    explain: include_str!("explain/session-outlived.txt"),
    kind: ExposureKind::Session,
    make: || Box::new(Outlived),
};

/// Decided by three facts: the scenario says of the step why its session must be dead
/// ([`StepInfo::dead`](crate::history::StepInfo::dead)); the answer's status is below 400; and it contains a canary of the
/// requesting user's own in a slot that the step shows. Whether the step expects such an answer makes no difference: one that
/// says `status = 401` is surprised by exactly this. A page that merely does not refuse, such as a log-in
/// form answered with 200, contains none, so it is no finding. Public slots count for nothing: everybody is shown them.
///
/// Viewer and victim are the same user: whoever holds the old cookie is served that user's data.
#[derive(Debug)]
struct Outlived;

impl Rule for Outlived {
    fn exchange(&mut self, seen: &Seen<'_>, world: &World, crossings: &mut Vec<Crossing>) {
        let exchange = seen.exchange;
        let Some(step) = world.step(exchange.step).filter(|step| step.dead.is_some()) else {
            return;
        };
        if exchange.followed || status(exchange).is_none_or(|status| status >= 400) {
            return;
        }
        let own = seen.found.iter().find(|found| {
            let slot = found.canary.slot;
            found.canary.owner == exchange.user
                && step.sees.contains(&slot)
                && !world.is_public(slot)
                && !world.is_nonce(slot)
        });
        let Some(found) = own else {
            return;
        };
        crossings.push(Crossing {
            rule: INFO.id,
            kind: INFO.kind,
            viewer: exchange.user,
            victim: exchange.user,
            step: exchange.step,
            slot: Some(found.canary.slot),
            place: found.spot.place(exchange),
            form: Some(found.form),
            phase: exchange.phase,
            round: exchange.round,
            canary: Some(found.canary),
            value: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Dead, Outcome, Phase, Record};
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
        let lost = Outcome::Failed {
            why: "reset".into(),
            partial: text(0, 0, 0).into(),
        };
        clean(lost, |_| {});
    }
}

//! A user's data in the answer to a request that was nobody's.

use super::{Rule, RuleInfo, Seen};
use crate::judge::ExposureKind;
use crate::judge::findings::Crossing;
use crate::judge::world::World;

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "anonymous-served",
    title: "a request without a session was answered with a user's data",
    help: "A request without cookies and session headers was answered with what belongs to the user on whose connection it \
           came. Look for an identity that is kept with the connection, the worker or a recycled object instead of with the \
           request: headers that are absent must not leave an old value in place.",
    explain: include_str!("explain/anonymous-served.txt"),
    kind: ExposureKind::Read,
    make: || Box::new(Anonymous),
};

/// For steps that are sent without a session ([`StepInfo::anonymous`](crate::history::StepInfo::anonymous)). The answer
/// holds a canary of the very user on whose connection the request came, in a slot that is not public, is no nonce and that
/// the step does not say it shows (`sees`): a shared link rightly shows what it is for. Somebody else's canaries are found by
/// canary-crossed.
#[derive(Clone, Debug)]
struct Anonymous;

impl Rule for Anonymous {
    fn boxed(&self) -> Box<dyn Rule> {
        Box::new(self.clone())
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, crossings: &mut Vec<Crossing>) {
        let exchange = seen.exchange;
        let step = world.step(exchange.step);
        let Some(step) = step.filter(|step| step.anonymous && !exchange.followed) else {
            return;
        };
        let own = seen.found.iter().find(|found| {
            let canary = found.canary;
            canary.owner == exchange.user
                && !world.is_public(canary.slot)
                && !world.is_nonce(canary.slot)
                && !step.sees.contains(&canary.slot)
                && !exchange.request.path.contains(&canary.encode(world.salt))
        });
        let Some(found) = own else {
            return;
        };
        crossings.push(Crossing::of_canary(&INFO, exchange, found));
    }
}

#[cfg(test)]
mod tests {
    use crate::history::Record;
    use crate::judge::Verdict;
    use crate::judge::rules::testing::*;

    /// A clean volley in which both users also send step DELETE, which is anonymous; user 0's answer holds `shown`.
    fn rules(shown: &str, sees: &[u16]) -> Vec<&'static str> {
        let mut story = Story::of(2);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        let step = &mut start.steps[usize::from(DELETE)];
        (step.anonymous, step.sees, step.removes) = (true, sees.to_vec(), Vec::new());
        story.volley(vec![
            (0, READ, page(&text(0, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
            (0, DELETE, page(shown)),
        ]);
        let judgement = story.judge();
        assert_eq!(
            judgement.exposures.is_empty(),
            judgement.verdict != Verdict::Exposed
        );
        judgement
            .exposures
            .iter()
            .map(|exposure| exposure.rule)
            .collect()
    }

    #[test]
    fn own_data_without_a_session_is_an_exposure() {
        assert_eq!(rules(&text(0, 0, 0), &[]), ["anonymous-served"]);
        assert_eq!(rules(&text(1, 0, 0), &[]), ["canary-crossed"]);
    }

    #[test]
    fn what_the_step_is_to_show_is_none() {
        assert!(rules(&text(0, 0, 0), &[0]).is_empty());
        assert!(rules("front page", &[]).is_empty());
    }
}

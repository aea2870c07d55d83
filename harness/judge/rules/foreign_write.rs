//! An owner's item that another user's request removed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, RuleInfo, Seen};
use crate::history::{Exchange, Phase, StepInfo, StepRole};
use crate::identity::{Canary, UserId};
use crate::judge::facts::{self, Facts, status};
use crate::judge::findings::{Crossing, Findings};
use crate::judge::world::World;
use crate::judge::{ExposureKind, Place, Side};

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "foreign-write",
    title: "removed another user's data",
    help: "An item that its owner never asked to remove was gone when the owner read it back, and another user's request had \
           asked to remove one. Look for a write that takes the user from shared state instead of from its own request.",
    kind: ExposureKind::Write,
    make: || Box::new(ForeignWrite::default()),
};

/// Removing requests that are remembered between two read-backs.
const REMOVALS_KEPT: usize = 100_000;
/// Volleys with removing requests whose exchanges are remembered between two read-backs.
const VOLLEYS_KEPT: usize = 64;

/// Decides when the users' states have been read back. An item counts as removed by somebody else when all of this holds:
///
/// - it is the newest canary of its owner and slot, and after its planting a good answer of a step that shows the slot
///   contained it: so it was there;
/// - since then the owner sent no request that removes the slot, successful or not;
/// - another user did, since the planting;
/// - the owner's own read-back, answered well and looked at whole, no longer contains it.
///
/// And the other user can be told, by the answer to the removing request, which showed the item, or by that user's own item:
/// the request was answered well, yet the item that it should have removed is still there, or was not read back. When every
/// other remover demonstrably removed its own item, a note is left and no exposure, since the item may have expired.
#[derive(Debug, Default)]
struct ForeignWrite {
    items: BTreeMap<(UserId, u16), Item>,
    removals: Vec<Removal>,
    removals_lost: bool,
    /// By owner and slot: was it there, and the side of the last read-back that tells.
    read_back: BTreeMap<(UserId, u16), (bool, Side)>,
    volleys: Vec<Facts>,
    has_removal_in_volley: bool,
    /// Highest exchange id so far, plus one.
    next_exchange: u64,
}

/// The newest canary of an owner and slot.
#[derive(Debug)]
struct Item {
    canary: Canary,
    planted_before: u64,
    was_there: bool,
    owner_asked: bool,
    is_decided: bool,
}

#[derive(Debug)]
struct Removal {
    user: UserId,
    slot: u16,
    is_good: bool,
    /// Canaries of others in the answer.
    shown: Vec<Canary>,
    phase: Phase,
    round: u32,
    side: Side,
}

impl Rule for ForeignWrite {
    fn planted(&mut self, canary: Canary, world: &World) {
        if world
            .start
            .steps
            .iter()
            .any(|step| step.removes.contains(&canary.slot))
        {
            let item = Item {
                canary,
                planted_before: self.next_exchange,
                was_there: false,
                owner_asked: false,
                is_decided: false,
            };
            self.items.insert((canary.owner, canary.slot), item);
        }
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, _: &mut Vec<Crossing>) {
        self.next_exchange = self.next_exchange.max(seen.exchange.id + 1);
        if self.items.is_empty() {
            return;
        }
        let Some(step) = world.step(seen.exchange.step) else {
            return;
        };
        for &slot in &step.removes {
            self.removal(slot, seen);
        }
        let is_good = status(seen.exchange).is_some_and(|status| matches!(status, 200..300));
        if !is_good || step.sees.is_empty() {
            return;
        }
        for found in seen
            .found
            .iter()
            .filter(|found| step.sees.contains(&found.canary.slot))
        {
            if let Some(item) = self.items.get_mut(&(found.canary.owner, found.canary.slot)) {
                item.was_there |= item.canary == found.canary;
            }
        }
        if step.role == StepRole::ReadBack
            && seen.exchange.phase == Phase::ReadBack
            && seen.is_complete
        {
            self.note_read_back(step, seen);
        }
    }

    fn volley(&mut self, facts: &Facts) {
        if std::mem::take(&mut self.has_removal_in_volley) && self.volleys.len() < VOLLEYS_KEPT {
            self.volleys.push(facts.clone());
        }
    }

    fn read_back(&mut self, world: &World, findings: &mut Findings, notes: &mut Vec<String>) {
        let mut assigned = BTreeSet::new();
        for (key, side) in self.missing() {
            self.decide(key, side, &mut assigned, world, findings, notes);
        }
        self.removals.clear();
        self.read_back.clear();
        self.volleys.clear();
    }

    fn finish(&mut self, _: &World, _: &mut Findings, notes: &mut Vec<String>) {
        if self.removals_lost {
            notes.push(format!("more than {REMOVALS_KEPT} removing requests between two read-backs; rule {} saw the first", INFO.id));
        }
    }
}

impl ForeignWrite {
    fn removal(&mut self, slot: u16, seen: &Seen<'_>) {
        let exchange = seen.exchange;
        if let Some(item) = self.items.get_mut(&(exchange.user, slot)) {
            item.owner_asked = true;
        }
        if self.removals.len() == REMOVALS_KEPT {
            self.removals_lost = true;
            return;
        }
        let shown = seen
            .found
            .iter()
            .map(|found| found.canary)
            .filter(|canary| canary.owner != exchange.user && canary.slot == slot);
        self.has_removal_in_volley |= exchange.volley.is_some();
        self.removals.push(Removal {
            user: exchange.user,
            slot,
            is_good: is_good_removal(exchange),
            shown: shown.collect(),
            phase: exchange.phase,
            round: exchange.round,
            side: facts::side(exchange),
        });
    }

    fn note_read_back(&mut self, step: &StepInfo, seen: &Seen<'_>) {
        let user = seen.exchange.user;
        for &slot in &step.sees {
            let Some(item) = self.items.get(&(user, slot)) else {
                continue;
            };
            let is_there = seen.found.iter().any(|found| found.canary == item.canary);
            let side = facts::side(seen.exchange);
            let noted = self
                .read_back
                .entry((user, slot))
                .or_insert_with(|| (is_there, side));
            noted.0 |= is_there;
        }
    }

    /// Items that were there, that their owner did not ask to remove, and that are gone.
    fn missing(&mut self) -> Vec<((UserId, u16), Side)> {
        let mut missing = Vec::new();
        for (key, (is_there, side)) in &self.read_back {
            let item = self.items.get_mut(key);
            if let Some(item) = item
                .filter(|item| !is_there && item.was_there && !item.owner_asked && !item.is_decided)
            {
                item.is_decided = true;
                missing.push((*key, side.clone()));
            }
        }
        missing
    }

    fn decide(
        &mut self,
        (owner, slot): (UserId, u16),
        read_back: Side,
        assigned: &mut BTreeSet<u64>,
        world: &World,
        findings: &mut Findings,
        notes: &mut Vec<String>,
    ) {
        let Some(item) = self.items.get(&(owner, slot)) else {
            return;
        };
        let canary = item.canary;
        let others: Vec<&Removal> = self
            .removals
            .iter()
            .filter(|removal| {
                removal.slot == slot
                    && removal.user != owner
                    && removal.side.exchange >= item.planted_before
            })
            .collect();
        if others.is_empty() {
            return;
        }
        let shown: Vec<&Removal> = others
            .iter()
            .filter(|removal| removal.shown.contains(&canary))
            .copied()
            .collect();
        let candidates = if shown.is_empty() {
            self.without_effect_of_their_own(&others)
        } else {
            shown
        };
        // One request removes one item, so who already answers for another item is taken last.
        let Some(actor) = candidates.iter().min_by_key(|removal| {
            (
                assigned.contains(&removal.side.exchange),
                removal.side.exchange,
            )
        }) else {
            notes.push(format!(
                "{} of {} was gone at read-back though its owner did not remove it; every other user who asked to remove one \
                 had removed its own, so this may be something else",
                world.slot_name(slot),
                world.user_name(owner)
            ));
            return;
        };
        let users: BTreeSet<UserId> = candidates.iter().map(|removal| removal.user).collect();
        if users.len() > 1 {
            notes.push(format!(
                "{} of {} was removed by one of {} users; {} is named as the first of them",
                world.slot_name(slot),
                world.user_name(owner),
                users.len(),
                world.user_name(actor.user)
            ));
        }
        assigned.insert(actor.side.exchange);
        let crossing = Crossing {
            rule: INFO.id,
            kind: INFO.kind,
            viewer: actor.user,
            victim: owner,
            step: actor.side.step,
            slot: Some(slot),
            place: Place::ReadBack,
            form: None,
            phase: actor.phase,
            round: actor.round,
            canary: Some(canary),
        };
        let victim_side = victim_side(&mut self.volleys, actor, owner).unwrap_or(read_back);
        findings.order(actor.side.order, victim_side.order);
        findings.add(crossing, world, || (actor.side.clone(), Some(victim_side)));
    }

    /// Of the removals, those that were answered well though the item they were for was not seen to go.
    fn without_effect_of_their_own<'a>(&self, others: &[&'a Removal]) -> Vec<&'a Removal> {
        let is_gone = |removal: &Removal| {
            self.read_back
                .get(&(removal.user, removal.slot))
                .is_some_and(|(is_there, _)| !is_there)
        };
        let is_there = |removal: &Removal| {
            self.read_back
                .get(&(removal.user, removal.slot))
                .is_some_and(|(is_there, _)| *is_there)
        };
        let good = || others.iter().copied().filter(|removal| removal.is_good);
        let misdirected: Vec<&Removal> = good().filter(|removal| is_there(removal)).collect();
        if misdirected.is_empty() {
            good().filter(|removal| !is_gone(removal)).collect()
        } else {
            misdirected
        }
    }
}

fn is_good_removal(exchange: &Exchange) -> bool {
    status(exchange).is_some_and(|status| matches!(status, 200..400))
}

/// The victim's request that was under way together with the removing one.
fn victim_side(volleys: &mut [Facts], actor: &Removal, victim: UserId) -> Option<Side> {
    for facts in volleys {
        if let Some(viewer) = facts
            .all()
            .iter()
            .find(|fact| fact.id == actor.side.exchange)
            .copied()
        {
            let fact = facts.victim_of(viewer, victim)?;
            return Some(facts.side(&fact));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Outcome, Record};
    use crate::judge::rules::testing::*;
    use crate::judge::{Judgement, Verdict};

    fn mail(owner: u32) -> Outcome {
        page(&text(owner, 0, 0))
    }

    /// A volley in which user 0 deletes and the others read, then everybody's mail as it is read back.
    fn volley(deleted: Outcome, read_back: &[Outcome]) -> Story {
        let mut story = Story::of(read_back.len() as u32);
        let mut requests = vec![(0, DELETE, deleted)];
        requests.extend((1..read_back.len() as u32).map(|user| (user, READ, mail(user))));
        story.volley(requests);
        for (user, outcome) in read_back.iter().enumerate() {
            story.read_back(user as u32, outcome.clone());
        }
        story
    }

    fn writes(judgement: &Judgement) -> Vec<(u32, u32)> {
        let writes = judgement
            .exposures
            .iter()
            .filter(|exposure| exposure.kind == ExposureKind::Write);
        writes
            .map(|exposure| (exposure.viewer.0, exposure.victim.0))
            .collect()
    }

    #[test]
    fn the_answer_tells_whose_item_went() {
        let judgement = volley(
            page(&format!("deleted {}", text(1, 0, 0))),
            &[mail(0), page(""), mail(2)],
        )
        .judge();
        assert_eq!(writes(&judgement), [(0, 1)]);
        let exposure = judgement
            .exposures
            .iter()
            .find(|exposure| exposure.rule == "foreign-write")
            .unwrap();
        assert_eq!(
            (exposure.step, exposure.slot, &exposure.place),
            (DELETE, Some(0), &Place::ReadBack)
        );
        assert_eq!(
            (exposure.phase, exposure.canary.clone()),
            (Phase::Volley, Some(text(1, 0, 0)))
        );
        assert_eq!(exposure.viewer_side.order, Some(0));
        assert_eq!(
            exposure
                .victim_side
                .as_ref()
                .map(|side| (side.step, side.order)),
            Some((READ, Some(1)))
        );
        assert_eq!(judgement.counts.writes, 1);
        assert!(
            judgement
                .exposures
                .iter()
                .any(|exposure| exposure.rule == "canary-crossed"),
            "it was shown as well"
        );
    }

    #[test]
    fn a_removal_without_effect_of_its_own_tells_who() {
        let judgement = volley(page("deleted"), &[mail(0), page("empty"), mail(2)]).judge();
        assert_eq!(
            (judgement.verdict, writes(&judgement)),
            (Verdict::Exposed, vec![(0, 1)])
        );
        assert!(judgement.notes.is_empty(), "{:?}", judgement.notes);
    }

    #[test]
    fn a_redirect_is_a_good_removal_and_a_refusal_is_not() {
        assert_eq!(
            writes(&volley(answer(303, "", b""), &[mail(0), page("")]).judge()),
            [(0, 1)]
        );
        assert_eq!(
            writes(&volley(answer(404, "", b""), &[mail(0), page("")]).judge()),
            []
        );
    }

    #[test]
    fn several_candidates_are_said() {
        let mut story = Story::of(4);
        story.volley(vec![
            (0, DELETE, page("")),
            (1, DELETE, page("")),
            (2, READ, mail(2)),
            (3, READ, mail(3)),
        ]);
        for (user, outcome) in [mail(0), mail(1), page(""), page("")]
            .into_iter()
            .enumerate()
        {
            story.read_back(user as u32, outcome);
        }
        let judgement = story.judge();
        assert_eq!(
            writes(&judgement),
            [(0, 2), (1, 3)],
            "each removal answers for one item"
        );
        assert!(
            judgement
                .notes
                .iter()
                .any(|note| note.contains("one of 2 users")),
            "{:?}",
            judgement.notes
        );
    }

    #[test]
    fn what_is_no_exposure() {
        let none = |mut story: Story, what: &str| {
            let judgement = story.judge();
            assert_eq!(writes(&judgement), [], "{what}");
            judgement
        };
        none(
            volley(page("deleted"), &[page(""), mail(1)]),
            "everybody got what they asked for",
        );
        let gone = none(
            volley(page("deleted"), &[page(""), page("")]),
            "the remover's own item went",
        );
        assert!(
            gone.notes
                .iter()
                .any(|note| note.contains("something else")),
            "{:?}",
            gone.notes
        );
        none(
            volley(page("deleted"), &[mail(0), answer(500, "", b"")]),
            "the read-back failed",
        );
        let cut = Outcome::Answer {
            status: 200,
            head: "HTTP/1.1 200 OK\r\n".into(),
            body: "".into(),
            cut: true,
        };
        none(
            volley(page("deleted"), &[mail(0), cut]),
            "the read-back is not whole",
        );
        let coded = answer(200, "Content-Encoding: gzip\r\n", b"broken");
        none(
            volley(page("deleted"), &[mail(0), coded]),
            "the read-back cannot be unpacked",
        );

        let mut own = Story::of(2);
        own.volley(vec![
            (0, DELETE, page("")),
            (1, DELETE, answer(500, "", b"")),
            (1, READ, mail(1)),
        ]);
        own.read_back(0, mail(0)).read_back(1, page(""));
        none(
            own,
            "the owner asked too, even if the answer says it failed",
        );

        let mut nobody = Story::of(2);
        nobody.volley(vec![(0, READ, mail(0)), (1, READ, mail(1))]);
        nobody.read_back(0, mail(0)).read_back(1, page(""));
        none(nobody, "nobody removed anything");

        let mut never_there = Story::of(2);
        never_there.records.push(plant(1, 0, 1));
        never_there.volley(vec![(0, DELETE, page("")), (1, READ, mail(1))]);
        never_there.read_back(0, mail(0)).read_back(1, mail(1));
        none(never_there, "the newest item was never there");

        let mut earlier = Story::of(2);
        earlier.alone(0, DELETE, Phase::Solo, page(""));
        earlier.records.push(plant(1, 0, 1));
        earlier.alone(1, READ, Phase::Solo, page(&text(1, 0, 1)));
        earlier.read_back(0, mail(0)).read_back(1, page(""));
        none(earlier, "the removal came before the planting");
    }

    #[test]
    fn each_item_is_decided_once() {
        let mut story = volley(page("deleted"), &[mail(0), page("")]);
        story.volley(vec![(0, DELETE, page("")), (1, READ, page(""))]);
        story.read_back(0, mail(0)).read_back(1, page(""));
        assert_eq!(story.judge().counts.writes, 1);
        // Planted anew, it can be lost anew.
        let mut story = volley(page("deleted"), &[mail(0), page("")]);
        story.records.push(plant(1, 0, 1));
        story.volley(vec![(0, DELETE, page("")), (1, READ, page(&text(1, 0, 1)))]);
        story.read_back(0, mail(0)).read_back(1, page(""));
        let judgement = story.judge();
        assert_eq!(judgement.counts.writes, 2);
        assert_eq!(
            (writes(&judgement), judgement.exposures[0].times_seen),
            (vec![(0, 1)], 2)
        );
    }

    #[test]
    fn decided_before_the_next_request() {
        let mut story = volley(page("deleted"), &[mail(0), page("")]);
        // What the owner asks for afterwards does not explain what was gone before.
        story.volley(vec![(1, DELETE, page("")), (0, READ, mail(0))]);
        assert_eq!(writes(&story.judge()), [(0, 1)]);
    }

    #[test]
    fn a_history_that_ends_after_the_read_back_is_decided_too() {
        let mut story = volley(page("deleted"), &[mail(0), page("")]);
        assert!(!matches!(story.records.last(), Some(Record::End(_))));
        assert_eq!(writes(&crate::judge::judge(&story.records)), [(0, 1)]);
        let _ = &mut story;
    }
}

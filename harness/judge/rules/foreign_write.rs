//! An owner's item that another user's request removed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, RuleInfo, Seen};
use crate::history::{Exchange, Phase, StepInfo, StepRole};
use crate::identity::{Canary, UserId};
use crate::judge::control::listed;
use crate::judge::facts::{self, Facts, is_accepted, status};
use crate::judge::findings::{Crossing, Findings};
use crate::judge::world::World;
use crate::judge::{ExposureKind, Place, Reason, Side};

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "foreign-write",
    title: "removed another user's data",
    help: "An item that its owner never asked to remove was gone when the owner read it back, and another user's request to \
           remove one showed that item, or left its own in place. Look for a write that takes the user from shared state instead of from its own request.",
    explain: include_str!("explain/foreign-write.txt"),
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
/// - the owner's own read-back no longer contains it: an answer as the step expects it, looked at whole, that contains some
///   canary of the owner's, whatever its slot and age, and none that the owner may not see. An empty page, or somebody
///   else's, is no proof that anything is gone.
///
/// And the other user can be told by facts, one of these:
///
/// - the answer to the removing request showed the item, which that user may not see;
/// - the request was accepted, yet that user's own item, planted before it, is still there in that user's own read-back.
///   A service that only marks what is removed, or removes it later, looks like that for everyone. So it counts only if the
///   same step was seen to work alone: in the solo phase a removal took the user's own item out of the user's own read-back
///   (that very user's, if it was tried, otherwise anybody's).
///
/// In an exploration the same request is made in execution after execution, perhaps to a service that was started anew. Each
/// is decided by itself: an item counts if it was seen in the same execution, or if it is the very canary that was seen in an
/// earlier one (planted there by the same requests) and all requests of its owner in this execution were accepted.
///
/// Without such a fact a note is left and no exposure, since the item may have expired.
#[derive(Clone, Debug, Default)]
struct ForeignWrite {
    items: BTreeMap<(UserId, u16), Item>,
    removals: Vec<Removal>,
    removals_lost: bool,
    /// What the read-backs tell, by owner and slot.
    read_back: BTreeMap<(UserId, u16), Left>,
    /// Whether a removal alone took the user's own item away, by step and slot.
    works_alone: BTreeMap<(u16, u16), BTreeMap<UserId, bool>>,
    /// Users whose read-back, when it mattered, showed nothing of theirs.
    unshown: BTreeSet<UserId>,
    /// Users with a request in this execution that was not accepted.
    unaccepted: BTreeSet<UserId>,
    volleys: Vec<Facts>,
    has_removal_in_volley: bool,
    /// Highest exchange id so far, plus one.
    next_exchange: u64,
}

/// The newest canary of an owner and slot.
#[derive(Clone, Debug)]
struct Item {
    canary: Canary,
    planted_before: u64,
    was_there: bool,
    /// It was seen in an earlier execution of an exploration.
    was_there_before: bool,
    owner_asked: bool,
    /// The step by which its owner, alone, was the first to ask, when that was accepted and the item was there.
    removed_alone_by: Option<u16>,
    is_decided: bool,
    /// It was planted before the execution that is under way.
    is_of_earlier: bool,
}

impl Item {
    fn was_ever_there(&self) -> bool {
        self.was_there || self.was_there_before
    }
}

/// What is left of an item, as its owner's read-backs tell.
#[derive(Clone, Debug, Default)]
struct Left {
    /// Some answer shows it, whatever else is wrong with that.
    is_shown: bool,
    /// A good answer shows it.
    is_there: bool,
    /// A good answer proves that it is gone, unless another one shows it.
    gone: Option<Side>,
}

#[derive(Clone, Debug)]
struct Removal {
    user: UserId,
    slot: u16,
    is_accepted: bool,
    /// Canaries in the answer that the user may not see.
    shown: Vec<Canary>,
    phase: Phase,
    round: u32,
    side: Side,
}

impl Rule for ForeignWrite {
    fn boxed(&self) -> Box<dyn Rule> {
        Box::new(self.clone())
    }

    fn planted(&mut self, canary: Canary, world: &World) {
        if world
            .start
            .steps
            .iter()
            .any(|step| step.removes.contains(&canary.slot))
        {
            let key = (canary.owner, canary.slot);
            let earlier = self.items.get(&key);
            let earlier = earlier.filter(|earlier| world.is_explored() && earlier.canary == canary);
            let item = Item {
                canary,
                planted_before: self.next_exchange,
                was_there: false,
                was_there_before: earlier.is_some_and(Item::was_ever_there),
                owner_asked: false,
                removed_alone_by: None,
                is_decided: false,
                is_of_earlier: false,
            };
            self.items.insert(key, item);
        }
    }

    fn execution(&mut self) {
        let planted_since = self.next_exchange;
        let earlier = self.items.values_mut();
        for item in earlier.filter(|item| item.planted_before < planted_since) {
            // Only where it is planted anew by the same requests does it count that it was seen earlier.
            item.was_there_before = item.was_ever_there();
            item.was_there = false;
            item.is_of_earlier = true;
        }
        self.removals.clear();
        self.read_back.clear();
        self.volleys.clear();
        self.unaccepted.clear();
        self.has_removal_in_volley = false;
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, _: &mut Vec<Crossing>) {
        self.next_exchange = self.next_exchange.max(seen.exchange.id.saturating_add(1));
        if self.items.is_empty() {
            return;
        }
        if !is_accepted(seen.exchange) {
            self.unaccepted.insert(seen.exchange.user);
        }
        let Some(step) = world.step(seen.exchange.step) else {
            return;
        };
        for &slot in &step.removes {
            self.removal(slot, seen, world);
        }
        if step.role == StepRole::ReadBack && seen.exchange.phase == Phase::ReadBack {
            self.note_read_back(step, seen, world);
        }
        if !is_good_page(seen.exchange) || step.sees.is_empty() {
            return;
        }
        // Sorted: a page lists many items of one owner and slot, and one look-up serves them all.
        let items = seen
            .found
            .chunk_by(|a, b| (a.canary.owner, a.canary.slot) == (b.canary.owner, b.canary.slot));
        for found in items.filter(|found| step.sees.contains(&found[0].canary.slot)) {
            let key = (found[0].canary.owner, found[0].canary.slot);
            if let Some(item) = self.items.get_mut(&key) {
                item.was_there |= found.iter().any(|found| found.canary == item.canary);
            }
        }
        if step.role == StepRole::ReadBack && seen.exchange.phase == Phase::Solo {
            self.note_control(step, seen, world);
        }
    }

    fn volley(&mut self, facts: &Facts) {
        if std::mem::take(&mut self.has_removal_in_volley) && self.volleys.len() < VOLLEYS_KEPT {
            self.volleys.push(facts.without_answers());
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

    fn finish(&mut self, world: &World, _: &mut Findings, notes: &mut Vec<String>) -> Vec<Reason> {
        if !self.unshown.is_empty() {
            let users: Vec<String> = self
                .unshown
                .iter()
                .map(|user| world.user_name(*user))
                .collect();
            notes.push(format!(
                "a read-back of {} showed nothing of its owner, so it does not tell what was removed there",
                listed(&users)
            ));
        }
        if self.removals_lost {
            notes.push(format!("more than {REMOVALS_KEPT} removing requests between two read-backs; rule {} saw the first", INFO.id));
        }
        Vec::new()
    }
}

impl ForeignWrite {
    fn removal(&mut self, slot: u16, seen: &Seen<'_>, world: &World) {
        let exchange = seen.exchange;
        let is_accepted = is_accepted(exchange);
        if let Some(item) = self.items.get_mut(&(exchange.user, slot)) {
            let is_control = exchange.phase == Phase::Solo
                && is_accepted
                && item.was_ever_there()
                && !item.owner_asked;
            if is_control {
                item.removed_alone_by = Some(exchange.step);
            }
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
            .filter(|canary| canary.slot == slot && !world.may_read(exchange.user, *canary));
        self.has_removal_in_volley |= exchange.volley.is_some();
        self.removals.push(Removal {
            user: exchange.user,
            slot,
            is_accepted,
            shown: shown.collect(),
            phase: exchange.phase,
            round: exchange.round,
            side: facts::side(exchange),
        });
    }

    /// Takes a read-back of the solo phase: did the user's own removal work?
    fn note_control(&mut self, step: &StepInfo, seen: &Seen<'_>, world: &World) {
        let user = seen.exchange.user;
        for &slot in &step.sees {
            let item = self.items.get(&(user, slot));
            let Some((item, by)) = item.and_then(|item| Some((item, item.removed_alone_by?)))
            else {
                continue;
            };
            let is_there = shows(seen, item.canary);
            if is_there || proves_absence(seen, world) {
                let works = self.works_alone.entry((by, slot)).or_default();
                *works.entry(user).or_insert(true) &= !is_there;
            }
        }
    }

    fn note_read_back(&mut self, step: &StepInfo, seen: &Seen<'_>, world: &World) {
        let user = seen.exchange.user;
        for &slot in &step.sees {
            let Some(item) = self.items.get(&(user, slot)) else {
                continue;
            };
            let left = self.read_back.entry((user, slot)).or_default();
            let is_shown = shows(seen, item.canary);
            left.is_shown |= is_shown;
            left.is_there |= is_shown && is_good_page(seen.exchange);
            if proves_absence(seen, world) {
                left.gone.get_or_insert_with(|| facts::side(seen.exchange));
            }
        }
    }

    /// Items that were there, that their owner did not ask to remove, and that are gone.
    fn missing(&mut self) -> Vec<((UserId, u16), Side)> {
        let mut missing = Vec::new();
        for (key, left) in &self.read_back {
            let Some(item) = self.items.get_mut(key) else {
                continue;
            };
            let was_there = item.was_there
                || item.was_there_before
                    && !item.is_of_earlier
                    && !self.unaccepted.contains(&key.0);
            if left.is_shown || !was_there || item.owner_asked || item.is_decided {
                continue;
            }
            if let Some(side) = &left.gone {
                item.is_decided = true;
                missing.push((*key, side.clone()));
            } else if self
                .removals
                .iter()
                .any(|removal| removal.may_be_of(*key, item))
            {
                self.unshown.insert(key.0);
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
        let (candidates, why_none) = self.candidates((owner, slot), item);
        // One request removes one item, so who already answers for another item is taken last.
        let Some(actor) = candidates.iter().min_by_key(|removal| {
            (
                assigned.contains(&removal.side.exchange),
                removal.side.exchange,
            )
        }) else {
            notes.extend(why_none.map(|why| {
                format!(
                    "{} of {} was gone at read-back though its owner did not remove it; {why}",
                    world.slot_name(slot),
                    world.user_name(owner)
                )
            }));
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
        let actor = Removal::clone(actor);
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
            value: None,
        };
        let victim_side = victim_side(&mut self.volleys, &actor, owner).unwrap_or(read_back);
        findings.order(actor.side.order, victim_side.order);
        findings.add(crossing, world, || (actor.side.clone(), Some(victim_side)));
    }

    /// The removals by which another user can have removed the item; for none, why not, unless nobody removed anything.
    fn candidates(
        &self,
        (owner, slot): (UserId, u16),
        item: &Item,
    ) -> (Vec<&Removal>, Option<&'static str>) {
        let of_others = || {
            self.removals
                .iter()
                .filter(|removal| removal.may_be_of((owner, slot), item))
        };
        let shown: Vec<&Removal> = of_others()
            .filter(|removal| removal.shown.contains(&item.canary))
            .collect();
        if !shown.is_empty() {
            return (shown, None);
        }
        let without_effect: Vec<&Removal> = of_others()
            .filter(|removal| self.left_its_own(removal))
            .collect();
        let proved: Vec<&Removal> = without_effect
            .iter()
            .filter(|removal| self.works_alone(removal))
            .copied()
            .collect();
        let why_none = match (of_others().next(), without_effect.first()) {
            (None, _) => None,
            (_, None) => Some(
                "no other user's request can be shown to have removed it, so this may be something else",
            ),
            _ => Some(
                "another user's request to remove one left that user's own in place, but alone such a request was not seen \
                 to work, so nothing is proved",
            ),
        };
        (proved, why_none)
    }

    /// True when the request was accepted and yet the item that it was for is still there.
    fn left_its_own(&self, removal: &Removal) -> bool {
        let own = (removal.user, removal.slot);
        let is_for_newest = self
            .items
            .get(&own)
            .is_some_and(|item| removal.side.exchange >= item.planted_before);
        removal.is_accepted
            && is_for_newest
            && self.read_back.get(&own).is_some_and(|left| left.is_there)
    }

    /// True when such a request was seen to remove its own item alone: that user's, if it was tried, otherwise anybody's.
    fn works_alone(&self, removal: &Removal) -> bool {
        let tried = self.works_alone.get(&(removal.side.step, removal.slot));
        tried.is_some_and(|tried| match tried.get(&removal.user) {
            Some(works) => *works,
            None => tried.values().any(|works| *works),
        })
    }
}

impl Removal {
    /// True when another user than the item's owner sent it, for such an item, after the planting.
    fn may_be_of(&self, (owner, slot): (UserId, u16), item: &Item) -> bool {
        self.slot == slot && self.user != owner && self.side.exchange >= item.planted_before
    }
}

/// True for an answer that shows what there is: in the 200s, and as its step expects.
fn is_good_page(exchange: &Exchange) -> bool {
    is_accepted(exchange) && status(exchange).is_some_and(|status| matches!(status, 200..300))
}

fn shows(seen: &Seen<'_>, canary: Canary) -> bool {
    seen.found.iter().any(|found| found.canary == canary)
}

/// True when what the answer does not show of its user's own is not there: see [`ForeignWrite`].
fn proves_absence(seen: &Seen<'_>, world: &World) -> bool {
    let user = seen.exchange.user;
    let mut found = seen.found.iter().map(|found| found.canary);
    is_good_page(seen.exchange)
        && seen.is_complete
        && found.clone().any(|canary| canary.owner == user)
        && found.all(|canary| world.may_read(user, canary))
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
mod tests;

//! What the rules know besides the exchange at hand: the run's header, and what was planted for whom.

use std::collections::HashMap;
use std::sync::Arc;

use crate::history::{Exchange, Planted, SlotInfo, Start, StepInfo};
use crate::identity::{Canary, Salt, UserId};

/// The engine whose histories hold executions.
pub(super) const EXPLORE: &str = "explore";

/// Header and plantings of a run.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) start: Arc<Start>,
    pub(super) salt: Salt,
    newest: HashMap<(UserId, u16), u32>,
    /// Readers of the canaries of an owner and slot, by serial number; runs of equal readers take one entry.
    readers: HashMap<(UserId, u16), Vec<Readable>>,
}

#[derive(Clone, Debug)]
struct Readable {
    first: u32,
    last: u32,
    readers: Box<[UserId]>,
}

impl World {
    pub(super) fn new(start: Start, salt: Salt) -> World {
        World {
            start: Arc::new(start),
            salt,
            newest: HashMap::new(),
            readers: HashMap::new(),
        }
    }

    /// True when the history is an exploration's: executions that begin anew instead of rounds of one service.
    pub(super) fn is_explored(&self) -> bool {
        self.start.engine == EXPLORE
    }

    /// What the raced requests were made in, for people.
    pub(super) fn raced_in(&self) -> &'static str {
        if self.is_explored() {
            "kept executions"
        } else {
            "volleys"
        }
    }

    /// A set of requests is explored to its end, with services of its own: another one mints the same canaries for other
    /// purposes.
    pub(super) fn forget_plantings(&mut self) {
        self.newest.clear();
        self.readers.clear();
    }

    /// Takes a planting; `None` when its text is not a canary of this run.
    pub(super) fn plant(&mut self, planted: &Planted) -> Option<Canary> {
        let canary = Canary::decode(&planted.canary, self.salt)?;
        self.newest
            .insert((canary.owner, canary.slot), canary.serial);
        if !planted.readers.is_empty() {
            let runs = self.readers.entry((canary.owner, canary.slot)).or_default();
            let at = runs.partition_point(|run| run.last < canary.serial);
            let is_known =
                |run: &Readable| run.first <= canary.serial && *run.readers == *planted.readers;
            if runs.get(at).is_some_and(is_known) {
                return Some(canary);
            }
            match at.checked_sub(1).and_then(|before| runs.get_mut(before)) {
                Some(run) if run.last + 1 == canary.serial && *run.readers == *planted.readers => {
                    run.last = canary.serial
                }
                _ => {
                    let readers = planted.readers.clone().into_boxed_slice();
                    runs.insert(
                        at,
                        Readable {
                            first: canary.serial,
                            last: canary.serial,
                            readers,
                        },
                    );
                }
            }
        }
        Some(canary)
    }

    /// True when no canary of this owner and slot was planted after it.
    pub(super) fn is_newest(&self, canary: Canary) -> bool {
        self.newest.get(&(canary.owner, canary.slot)) == Some(&canary.serial)
    }

    /// True when the user may see the canary: its owner, or a reader of one of its plantings.
    pub(super) fn may_read(&self, user: UserId, canary: Canary) -> bool {
        if user == canary.owner {
            return true;
        }
        if self.readers.is_empty() {
            return false;
        }
        let Some(runs) = self.readers.get(&(canary.owner, canary.slot)) else {
            return false;
        };
        let from = runs.partition_point(|run| run.last < canary.serial);
        let of_canary = runs[from..]
            .iter()
            .take_while(|run| run.first <= canary.serial);
        of_canary
            .flat_map(|run| &run.readers)
            .any(|reader| *reader == user)
    }

    /// True when the run has that user.
    pub(super) fn has_user(&self, user: UserId) -> bool {
        user.index() < self.start.users.len()
    }

    pub(super) fn step(&self, step: u16) -> Option<&StepInfo> {
        self.start.steps.get(usize::from(step))
    }

    pub(super) fn user_name(&self, user: UserId) -> String {
        self.start
            .users
            .get(user.index())
            .cloned()
            .unwrap_or_else(|| format!("user {}", user.0))
    }

    pub(super) fn step_name(&self, step: u16) -> String {
        self.step(step)
            .map_or_else(|| format!("step {step}"), |info| info.name.clone())
    }

    pub(super) fn slot_name(&self, slot: u16) -> String {
        self.start
            .slots
            .get(usize::from(slot))
            .map_or_else(|| format!("slot {slot}"), |info| info.name.clone())
    }

    /// True when everybody may see what is planted in the slot.
    pub(super) fn is_public(&self, slot: u16) -> bool {
        self.slot(slot).is_some_and(|info| info.public)
    }

    /// True for the slot of the requests' nonces.
    pub(super) fn is_nonce(&self, slot: u16) -> bool {
        self.slot(slot).is_some_and(|info| info.nonce)
    }

    /// The slot of the requests' nonces, when there is one.
    pub(super) fn nonce_slot(&self) -> Option<u16> {
        let at = self.start.slots.iter().position(|slot| slot.nonce)?;
        u16::try_from(at).ok()
    }

    /// The nonce that the request carried.
    pub(super) fn nonce_of(&self, exchange: &Exchange) -> Option<Canary> {
        Canary::decode(exchange.nonce.as_deref()?, self.salt)
    }

    fn slot(&self, slot: u16) -> Option<&SlotInfo> {
        self.start.slots.get(usize::from(slot))
    }

    /// The most different users whose canaries of the slot one reader may be given, when there is a limit.
    pub(super) fn most_subjects(&self, slot: u16) -> Option<u32> {
        self.slot(slot)?.most_subjects
    }

    pub(super) fn is_attachment(&self, slot: u16) -> bool {
        self.start
            .slots
            .get(usize::from(slot))
            .is_some_and(|info| info.attachment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::testing::start;

    #[test]
    fn readers_are_kept_per_canary() {
        let salt = Salt::new(1);
        let mut world = World::new(start(4), salt);
        let canary = |serial| Canary {
            owner: UserId(0),
            slot: 1,
            serial,
        };
        for (serial, readers) in [
            (0, vec![1]),
            (1, vec![1]),
            (2, vec![]),
            (3, vec![1]),
            (4, vec![2]),
            (4, vec![3]),
        ] {
            let readers = readers.into_iter().map(UserId).collect();
            world.plant(&Planted {
                canary: canary(serial).encode(salt),
                readers,
            });
        }
        let may = |serial| {
            (1..4)
                .filter(|user| world.may_read(UserId(*user), canary(serial)))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            [may(0), may(1), may(2), may(3), may(4), may(5)],
            [vec![1], vec![1], vec![], vec![1], vec![2, 3], vec![]]
        );
        assert!(world.may_read(UserId(0), canary(2)), "the owner always");
        assert!(world.is_newest(canary(4)) && !world.is_newest(canary(3)));
    }
}

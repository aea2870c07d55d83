//! Gathers what the rules find: equal crossings become one exposure, and the sums go on when no more details are kept.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::history::{Exchange, Phase};
use crate::identity::{Canary, Form, UserId, digest};

use super::day::DayTally;
use super::evidence::Mark;
use super::look::Found;
use super::rules::RuleInfo;
use super::world::World;
use super::{Counts, Exposure, ExposureKind, Place, Side};

/// Distinct exposures kept in detail; all are counted.
pub const EXPOSURES_KEPT: usize = 1_000;

/// Distinct exposures (and distinct attachments) up to which their number is exact; above it is a lower bound, and the
/// judgement says so.
pub const DISTINCT_COUNTED: usize = 2_000_000;

/// One crossing, as a rule reports it.
#[derive(Clone, Debug)]
pub(super) struct Crossing {
    pub(super) rule: &'static str,
    pub(super) kind: ExposureKind,
    pub(super) viewer: UserId,
    pub(super) victim: UserId,
    pub(super) step: u16,
    pub(super) slot: Option<u16>,
    pub(super) place: Place,
    pub(super) form: Option<Form>,
    pub(super) phase: Phase,
    pub(super) round: u32,
    pub(super) canary: Option<Canary>,
    /// What was learnt of the victim and crossed, when that was no canary.
    pub(super) value: Option<String>,
}

impl Crossing {
    /// A canary that was found where a rule says that it must not be.
    pub(super) fn of_canary(rule: &RuleInfo, exchange: &Exchange, found: &Found) -> Crossing {
        Crossing {
            rule: rule.id,
            kind: rule.kind,
            viewer: exchange.user,
            victim: found.canary.owner,
            step: exchange.step,
            slot: Some(found.canary.slot),
            place: found.spot.place(exchange),
            form: Some(found.form),
            phase: exchange.phase,
            round: exchange.round,
            canary: Some(found.canary),
            value: None,
        }
    }

    /// What the viewer's evidence is shown around.
    pub(super) fn mark(&self) -> Mark<'static> {
        self.canary.map_or(Mark::Beginning, Mark::Canary)
    }

    /// What the victim's evidence is shown around.
    pub(super) fn mark_of_victim(&self) -> Mark<'static> {
        self.slot
            .map_or(Mark::Beginning, |slot| Mark::AnyOf(self.victim, slot))
    }

    fn parts_digest(&self, viewer: &[u8], victim: &[u8], step: &[u8]) -> u64 {
        let place = self.place.to_string();
        digest(
            0,
            &[
                self.rule.as_bytes(),
                &[self.kind as u8],
                viewer,
                victim,
                step,
                place.as_bytes(),
            ],
        )
    }

    /// Equal for crossings that are one exposure.
    pub(super) fn key(&self) -> u64 {
        self.parts_digest(
            &self.viewer.0.to_le_bytes(),
            &self.victim.0.to_le_bytes(),
            &self.step.to_le_bytes(),
        )
    }

    /// Eight hexadecimal digits of [`digest`] over rule, kind, place, and the names (not the indices) of viewer, victim and
    /// step: the same in every run of the scenario with these users.
    fn id(&self, world: &World) -> String {
        let names = [
            world.user_name(self.viewer),
            world.user_name(self.victim),
            world.step_name(self.step),
        ];
        let hash = self.parts_digest(
            names[0].as_bytes(),
            names[1].as_bytes(),
            names[2].as_bytes(),
        );
        format!("{:08x}", hash >> 32)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Exposure>,
    /// Position in `kept` of each distinct exposure, or [`NOT_KEPT`].
    known: HashMap<u64, u32>,
    viewers: BTreeSet<UserId>,
    victims: BTreeSet<UserId>,
    attachments: HashSet<u64>,
    pub(super) counts: Counts,
    /// Pairs of an exchange in a volley and a victim whose data it held.
    pub(super) in_volleys: u64,
    pub(super) is_capped: bool,
    /// The day that is replayed, when there is one.
    pub(super) day: Option<DayTally>,
}

const NOT_KEPT: u32 = u32::MAX;

impl Findings {
    /// Adds a crossing. `sides` is asked for what only a new exposure needs to know.
    pub(super) fn add(
        &mut self,
        crossing: Crossing,
        world: &World,
        sides: impl FnOnce() -> (Side, Option<Side>),
    ) {
        self.add_canary(&crossing, world);
        self.counts.writes += u64::from(crossing.kind == ExposureKind::Write);
        let key = crossing.key();
        if let Some(&at) = self.known.get(&key) {
            if let Some(exposure) = self.kept.get_mut(at as usize) {
                exposure.times_seen += 1;
            }
            return;
        }
        if self.known.len() == DISTINCT_COUNTED {
            self.is_capped = true;
            return;
        }
        if self.kept.len() == EXPOSURES_KEPT {
            self.known.insert(key, NOT_KEPT);
            return;
        }
        self.known.insert(key, self.kept.len() as u32);
        let (viewer_side, victim_side) = sides();
        self.kept.push(Exposure {
            id: crossing.id(world),
            rule: crossing.rule,
            kind: crossing.kind,
            viewer: crossing.viewer,
            victim: crossing.victim,
            step: crossing.step,
            slot: crossing.slot,
            place: crossing.place,
            form: crossing.form,
            phase: crossing.phase,
            round: crossing.round,
            times_seen: 1,
            viewer_side,
            victim_side,
            canary: crossing.canary.map(|canary| canary.encode(world.salt)),
            value: crossing.value,
        });
    }

    /// Adds one more canary of an exposure that was added for the same exchange: it counts as an attachment, if it is
    /// one, but not as another exchange.
    pub(super) fn add_canary(&mut self, crossing: &Crossing, world: &World) {
        self.viewers.insert(crossing.viewer);
        self.victims.insert(crossing.victim);
        if let Some(day) = &mut self.day {
            day.crossing(crossing, world);
        }
        let Some(canary) = crossing.canary.filter(|canary| {
            crossing.kind == ExposureKind::Read && world.is_attachment(canary.slot)
        }) else {
            return;
        };
        let pair = digest(u64::from(crossing.viewer.0), &[&canary.key().to_le_bytes()]);
        if self.attachments.len() < DISTINCT_COUNTED {
            self.attachments.insert(pair);
        } else {
            self.is_capped |= !self.attachments.contains(&pair);
        }
    }

    /// Takes a crossing's two places in the order of the server's memo, when both sides tell.
    pub(super) fn order(&mut self, viewer: Option<u64>, victim: Option<u64>) {
        if let (Some(viewer), Some(victim)) = (viewer, victim) {
            self.counts.ordered += 1;
            self.counts.viewer_earlier += u64::from(viewer < victim);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The kept exposures in order of their first occurrence, how many there are in all, and the sums.
    pub(super) fn finish(mut self) -> (Vec<Exposure>, u64, Counts) {
        let counts = Counts {
            viewers: self.viewers.len() as u64,
            victims: self.victims.len() as u64,
            attachments: self.attachments.len() as u64,
            ..self.counts
        };
        self.kept.sort_by(|a, b| {
            let first = |e: &Exposure| (e.viewer_side.exchange, e.victim, e.kind, e.rule);
            first(a).cmp(&first(b)).then_with(|| a.place.cmp(&b.place))
        });
        (self.kept, self.known.len() as u64, counts)
    }
}

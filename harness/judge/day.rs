//! Counts a replayed day: phase by phase, and for the timeline slice by slice.

use std::collections::BTreeSet;

use crate::history::{Day, DayRecord, Exchange, StepRole};
use crate::identity::UserId;

use super::ExposureKind;
use super::facts::{is_accepted, status};
use super::findings::Crossing;
use super::world::World;

/// Slices kept of all phases together; what comes beyond them counts in its phase alone.
pub const SLICES_KEPT: usize = 5_000;

/// What a replayed day came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayJudged {
    /// What was to happen.
    pub day: Day,
    /// Each phase that was begun, in the order of [`Day::phases`].
    pub phases: Vec<PhaseJudged>,
    /// Sums over the phases of the day itself.
    pub whole: DayCounts,
    /// When on the day itself the first exposure was, seconds since midnight.
    pub first_s: Option<u32>,
}

/// What a phase came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhaseJudged {
    /// Its sums.
    pub counts: DayCounts,
    /// Its stretches with requests, in order.
    pub slices: Vec<DaySlice>,
}

/// Sums of a phase or of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCounts {
    /// Requests of users that came as they pleased.
    pub requests: u64,
    /// Those of them that were answered 503, or not at all.
    pub turned_away: u64,
    /// Pairs of them, of different users, that were under way at the same time.
    pub pairs: u64,
    /// Pairs of a request and a user whose data its answer held.
    pub crossings: u64,
    /// Users who received or acted on somebody else's data.
    pub viewers: u64,
    /// Users whose data was in somebody else's answer.
    pub exposed: u64,
    /// Users of whom an attachment was in somebody else's answer.
    pub downloaded: u64,
    /// Items that somebody else's request removed, as their owners found later.
    pub deleted: u64,
    /// Requests for what was missed.
    pub asked_back: u64,
    /// Those of them that were granted.
    pub restored: u64,
}

/// A stretch of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaySlice {
    /// When it begins, seconds since midnight.
    pub at_s: u32,
    /// Requests.
    pub requests: u64,
    /// Overlapping pairs of different users.
    pub pairs: u64,
    /// Pairs of a request and a user whose data its answer held.
    pub crossings: u64,
}

/// Sums under construction: users count once.
#[derive(Clone, Debug, Default)]
struct Counted {
    counts: DayCounts,
    viewers: BTreeSet<UserId>,
    exposed: BTreeSet<UserId>,
    downloaded: BTreeSet<UserId>,
}

impl Counted {
    fn crossing(&mut self, crossing: &Crossing, is_attachment: bool) {
        self.viewers.insert(crossing.viewer);
        if crossing.kind == ExposureKind::Read {
            self.exposed.insert(crossing.victim);
            if is_attachment {
                self.downloaded.insert(crossing.victim);
            }
        }
    }

    fn counts(&self) -> DayCounts {
        DayCounts {
            viewers: self.viewers.len() as u64,
            exposed: self.exposed.len() as u64,
            downloaded: self.downloaded.len() as u64,
            ..self.counts
        }
    }
}

/// Where a day stands, and what it has come to so far.
#[derive(Clone, Debug, Default)]
pub(super) struct DayTally {
    day: Day,
    phases: Vec<(Counted, Vec<DaySlice>)>,
    whole: Counted,
    /// Whether the present phase is of the day itself.
    is_own: bool,
    /// Begin of the present slice: on the day's clock, and on the run's.
    slice: Option<(u32, u64)>,
    slices: usize,
    first_s: Option<u32>,
}

impl DayTally {
    pub(super) fn new(day: &Day) -> DayTally {
        DayTally {
            day: day.clone(),
            ..DayTally::default()
        }
    }

    /// Takes note of where the clock stands; false when there is no such phase.
    pub(super) fn stands(&mut self, record: &DayRecord) -> bool {
        match record {
            DayRecord::Plan(_) => false,
            DayRecord::Phase { phase } => {
                let place = *phase as usize;
                let Some(known) = self.day.phases.get(place) else {
                    return false;
                };
                self.is_own = known.date.is_none();
                self.slice = None;
                let is_next = place == self.phases.len();
                if is_next {
                    self.phases.push((Counted::default(), Vec::new()));
                }
                is_next
            }
            DayRecord::Slice { at_s, at_ns } => {
                self.slice = Some((*at_s, *at_ns));
                let is_kept = self.slices < SLICES_KEPT;
                let Some((_, slices)) = self.phases.last_mut() else {
                    return false;
                };
                if is_kept {
                    self.slices += 1;
                    slices.push(DaySlice {
                        at_s: *at_s,
                        ..DaySlice::default()
                    });
                }
                true
            }
        }
    }

    fn count(&mut self, count: impl Fn(&mut DayCounts)) {
        if let Some((counted, _)) = self.phases.last_mut() {
            count(&mut counted.counts);
            if self.is_own {
                count(&mut self.whole.counts);
            }
        }
    }

    /// The present slice, when it is one that is kept.
    fn present(&mut self) -> Option<&mut DaySlice> {
        let (at_s, _) = self.slice?;
        let (_, slices) = self.phases.last_mut()?;
        slices.last_mut().filter(|slice| slice.at_s == at_s)
    }

    pub(super) fn exchange(&mut self, exchange: &Exchange, role: Option<StepRole>) {
        if role == Some(StepRole::Restore) && !exchange.followed {
            let granted = u64::from(is_accepted(exchange));
            self.count(|counts| {
                counts.asked_back += 1;
                counts.restored += granted;
            });
        }
        if exchange.volley.is_none() {
            return;
        }
        let turned_away = u64::from(matches!(status(exchange), None | Some(503)));
        self.count(|counts| {
            counts.requests += 1;
            counts.turned_away += turned_away;
        });
        if let Some(slice) = self.present() {
            slice.requests += 1;
        }
    }

    pub(super) fn crossing(&mut self, crossing: &Crossing, world: &World) {
        let slot = crossing.canary.map(|canary| canary.slot);
        let is_attachment = slot.is_some_and(|slot| world.is_attachment(slot));
        if let Some((counted, _)) = self.phases.last_mut() {
            counted.crossing(crossing, is_attachment);
            if self.is_own {
                self.whole.crossing(crossing, is_attachment);
            }
        }
        if crossing.kind == ExposureKind::Write {
            self.count(|counts| counts.deleted += 1);
        }
    }

    /// Somebody's data was in an answer that was over by then, nanoseconds since the run began.
    pub(super) fn crossed_at(&mut self, done_ns: u64) {
        let (Some((at_s, at_ns)), true, None) = (self.slice, self.is_own, self.first_s) else {
            return;
        };
        let since_s = done_ns.saturating_sub(at_ns) / 1_000 * u64::from(self.day.scale) / 1_000_000;
        let at_s = u64::from(at_s).saturating_add(since_s);
        self.first_s = Some(u32::try_from(at_s).unwrap_or(u32::MAX).min(Day::END_S));
    }

    /// A volley has come to this.
    pub(super) fn volley(&mut self, pairs: u64, crossings: u64) {
        self.count(|counts| {
            counts.pairs += pairs;
            counts.crossings += crossings;
        });
        if let Some(slice) = self.present() {
            slice.pairs += pairs;
            slice.crossings += crossings;
        }
    }

    pub(super) fn finish(self) -> DayJudged {
        let judged = |(counted, slices): (Counted, Vec<DaySlice>)| PhaseJudged {
            counts: counted.counts(),
            slices,
        };
        DayJudged {
            day: self.day,
            phases: self.phases.into_iter().map(judged).collect(),
            whole: self.whole.counts(),
            first_s: self.first_s,
        }
    }
}

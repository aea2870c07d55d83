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
        let since_us = done_ns.saturating_sub(at_ns) / 1_000;
        let since_s = since_us.saturating_mul(self.day.scale.into()) / 1_000_000;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::DayPhase;
    use crate::judge::rules::testing::{answer, exchange};

    fn tally() -> DayTally {
        let phase = |date: Option<&str>| DayPhase {
            date: date.map(str::to_owned),
            ..DayPhase::default()
        };
        DayTally::new(&Day {
            scale: 60,
            phases: vec![phase(Some("before")), phase(None), phase(None)],
            ..Day::default()
        })
    }

    fn slice(at_s: u32, at_ns: u64) -> DayRecord {
        DayRecord::Slice { at_s, at_ns }
    }

    fn fired(id: u64, status: u16) -> Exchange {
        let mut exchange = exchange(id, 0, 0);
        exchange.volley = Some(1);
        exchange.outcome = answer(status, "", b"");
        exchange
    }

    #[test]
    fn a_phase_of_another_date_counts_for_itself_alone() {
        let mut tally = tally();
        for (phase, requests) in [(0, 3), (1, 5), (2, 2)] {
            assert!(tally.stands(&DayRecord::Phase { phase }));
            assert!(tally.stands(&slice(60 * phase, 0)));
            (0..requests).for_each(|id| tally.exchange(&fired(id, 200), Some(StepRole::Fire)));
            tally.volley(requests, 1);
            tally.crossed_at(2_500_000_000);
        }
        let day = tally.finish();
        let requests: Vec<u64> = day.phases.iter().map(|one| one.counts.requests).collect();
        assert_eq!(requests, [3, 5, 2]);
        assert_eq!(
            (day.whole.requests, day.whole.pairs, day.whole.crossings),
            (7, 7, 2)
        );
        assert_eq!(day.phases[1].slices[0].requests, 5);
        // 2.5 s of the run are 150 s of the clock, from the first slice of the day itself on.
        assert_eq!(day.first_s, Some(60 + 150));
    }

    #[test]
    fn who_is_turned_away_and_who_asks_for_something_is_counted() {
        let mut tally = tally();
        tally.stands(&DayRecord::Phase { phase: 0 });
        tally.stands(&DayRecord::Phase { phase: 1 });
        for (id, status) in [(0, 503), (1, 200), (2, 404)] {
            tally.exchange(&fired(id, status), Some(StepRole::Fire));
        }
        for (id, status) in [(3, 200), (4, 404)] {
            let mut asked = fired(id, status);
            asked.volley = None;
            asked.refused = status != 200;
            tally.exchange(&asked, Some(StepRole::Restore));
        }
        let whole = tally.finish().whole;
        assert_eq!((whole.requests, whole.turned_away), (3, 1));
        assert_eq!((whole.asked_back, whole.restored), (2, 1));
    }

    #[test]
    fn what_comes_out_of_order_is_refused_and_many_slices_are_not_kept() {
        let mut tally = tally();
        assert!(!tally.stands(&slice(0, 0)), "before any phase");
        assert!(
            !tally.stands(&DayRecord::Phase { phase: 1 }),
            "not the first"
        );
        assert!(tally.stands(&DayRecord::Phase { phase: 0 }));
        assert!(!tally.stands(&DayRecord::Phase { phase: 0 }), "once more");
        assert!(!tally.stands(&DayRecord::Phase { phase: 9 }));
        for at_s in 0..SLICES_KEPT as u32 + 100 {
            assert!(tally.stands(&slice(at_s, 0)));
            tally.exchange(&fired(0, 200), None);
        }
        let day = tally.finish();
        assert_eq!(day.phases[0].slices.len(), SLICES_KEPT);
        assert_eq!(day.phases[0].counts.requests, SLICES_KEPT as u64 + 100);
    }
}

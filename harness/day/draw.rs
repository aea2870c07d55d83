//! Who comes when, drawn from a seed: exponential gaps, so that each request knows nothing of the one before it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::history::Day;
use crate::scenario::{Scenario, Step};

/// A stretch of a phase, with those who come in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// When it begins, seconds since midnight.
    pub at_s: u32,
    /// Who comes, in order.
    pub arrivals: Vec<Arrival>,
}

/// A request that comes at a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When, after its slice has begun, on the day's clock.
    pub after: Duration,
    /// Index of the user.
    pub user: usize,
    /// Place of the step in [`Scenario::volley`].
    pub step: usize,
}

/// The slices of a phase, by its place, drawn one at a time: the same for the same scenario and seed, whatever the other
/// phases are. A user who has come in a slice does not come again in it, nor take the same thing away twice in a phase.
#[must_use]
pub fn arrivals(scenario: &Scenario, phase: usize, seed: u64) -> Arrivals<'_> {
    /// Makes of the run's seed one for each phase, apart from those of groups and texts.
    const ARRIVALS: u64 = 0x6461_795f_6172_7276;
    let known = scenario.day.as_ref().and_then(|day| day.phases.get(phase));
    let mut draw = Draw {
        scenario,
        rng: StdRng::seed_from_u64(seed ^ ARRIVALS.rotate_left(phase as u32)),
        removed: vec![false; scenario.users.list().len()],
    };
    let (first, last) = known.map_or((1, 0), |phase| phase.users);
    let users = (first.saturating_sub(1)..last)
        .map(|user| user as usize)
        .filter(|user| *user < draw.removed.len())
        .collect();
    let mean = known.and_then(|phase| phase.mean_gap_ms).map(f64::from);
    let next_ms = mean.map_or(f64::INFINITY, |mean| draw.gap(mean));
    Arrivals {
        from_s: known.map_or(0, |phase| phase.from_s),
        to_s: known.map_or(0, |phase| phase.to_s),
        at_s: known.map_or(0, |phase| phase.from_s),
        users,
        mean,
        next_ms,
        draw,
    }
}

/// The slices of a phase that are still to come.
#[derive(Debug)]
pub struct Arrivals<'a> {
    from_s: u32,
    to_s: u32,
    /// When the next slice begins.
    at_s: u32,
    users: Vec<usize>,
    /// Mean time between two requests, milliseconds; none when nobody comes.
    mean: Option<f64>,
    /// When the next one comes, milliseconds since the phase began.
    next_ms: f64,
    draw: Draw<'a>,
}

impl Iterator for Arrivals<'_> {
    type Item = Slice;

    fn next(&mut self) -> Option<Slice> {
        let at_s = self.at_s;
        if at_s >= self.to_s {
            return None;
        }
        self.at_s = at_s.saturating_add(Day::SLICE_S).min(self.to_s);
        let begins_ms = f64::from(at_s - self.from_s) * 1e3;
        let ends_ms = f64::from(self.at_s - self.from_s) * 1e3;
        let mut free = self.users.clone();
        let mut arrivals = Vec::new();
        while let Some(mean) = self.mean.filter(|_| self.next_ms < ends_ms) {
            let after = Duration::from_secs_f64((self.next_ms - begins_ms).max(0.0) / 1e3);
            arrivals.extend(self.draw.one(after, &mut free));
            self.next_ms += self.draw.gap(mean);
        }
        Some(Slice { at_s, arrivals })
    }
}

#[derive(Debug)]
struct Draw<'a> {
    scenario: &'a Scenario,
    rng: StdRng,
    /// The users that have drawn, in this phase, a step that takes something away.
    removed: Vec<bool>,
}

impl Draw<'_> {
    /// Inverse of the exponential distribution; 1 - u is never 0. No gap is nothing at all, so that every phase ends.
    fn gap(&mut self, mean: f64) -> f64 {
        (-(1.0 - self.rng.random::<f64>()).ln() * mean).max(1e-3)
    }

    /// One of those who are free comes; nobody when all have come.
    fn one(&mut self, after: Duration, free: &mut Vec<usize>) -> Option<Arrival> {
        if free.is_empty() {
            return None;
        }
        let user = free.swap_remove(self.rng.random_range(0..free.len()));
        let takes_away = |step: &Step| !step.removes.is_empty();
        let volley = &self.scenario.volley;
        let steps = (0..volley.len()).filter(|place| !volley[*place].companion);
        let may = |place: &usize| !(self.removed[user] && takes_away(&volley[*place]));
        let mix = self.scenario.day.as_ref().map(|day| &day.mix);
        let weight = |place: usize| {
            let named = mix.and_then(|mix| mix.get(&volley[place].name));
            u64::from(named.copied().unwrap_or(1))
        };
        let steps: Vec<(usize, u64)> = steps
            .filter(may)
            .map(|place| (place, weight(place)))
            .collect();
        let all: u64 = steps.iter().map(|(_, weight)| weight).sum();
        if all == 0 {
            return None;
        }
        let mut drawn = self.rng.random_range(0..all);
        let (step, _) = *steps.iter().find(|(_, weight)| {
            let is_here = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            is_here
        })?;
        self.removed[user] |= takes_away(&volley[step]);
        Some(Arrival { after, user, step })
    }
}

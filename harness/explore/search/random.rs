//! Schedules drawn by chance: every choice evenly.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Cost, Ran, Reach, Search};
use crate::explore::{ExecutionEnd, Guide, Point};
use crate::history::Move;

/// A random walk: each of the possible moves is as likely.
#[derive(Debug)]
pub struct Random {
    most: Option<u32>,
    rng: StdRng,
    /// Moves that every execution begins with.
    beginning: Vec<Move>,
    at: usize,
    has_diverged: bool,
    cost: Cost,
}

impl Random {
    /// Walks with at most so many preemptions.
    #[must_use]
    pub fn new(most: Option<u32>, seed: u64) -> Random {
        Random::after(&[], most, seed)
    }

    /// Walks that begin with these moves, which cost nothing themselves.
    #[must_use]
    pub fn after(beginning: &[Move], most: Option<u32>, seed: u64) -> Random {
        Random {
            most,
            rng: StdRng::seed_from_u64(seed),
            beginning: beginning.to_vec(),
            at: 0,
            has_diverged: false,
            cost: Cost::default(),
        }
    }
}

impl Guide for Random {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        if self.has_diverged {
            return None;
        }
        if let Some(mv) = self.beginning.get(self.at) {
            self.at += 1;
            self.has_diverged = !point.enabled.contains(mv);
            return (!self.has_diverged).then_some(*mv);
        }
        let choices = if self.cost.is_used_up(self.most, point) {
            1
        } else {
            point.enabled.len()
        };
        let mv = point.enabled[self.rng.random_range(0..choices)];
        self.at += 1;
        self.cost.chose(point, mv);
        Some(mv)
    }

    fn void(&mut self, _: Move) {
        self.has_diverged |= self.at <= self.beginning.len();
        self.at -= 1;
        self.cost.take_back();
    }
}

impl Search for Random {
    fn begin(&mut self) -> bool {
        self.at = 0;
        self.has_diverged = false;
        self.cost = Cost::default();
        true
    }

    fn end(&mut self, end: &ExecutionEnd) -> Ran {
        let is_cut = self.at < self.beginning.len() || *end == ExecutionEnd::Abandoned;
        drawn(self.has_diverged || is_cut, end, self.cost)
    }

    fn reach(&self) -> Reach {
        Reach::default()
    }
}

/// What an execution with choices left to chance counts as.
pub(super) fn drawn(has_diverged: bool, end: &ExecutionEnd, cost: Cost) -> Ran {
    let preemptions = cost.total;
    match end {
        _ if has_diverged => Ran::Diverged { again: false },
        ExecutionEnd::Endless => Ran::Endless { preemptions },
        _ => Ran::Schedule { preemptions },
    }
}

//! Probabilistic concurrency testing: random priorities that change at a few random moves.
//!
//! Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
//! ASPLOS 2010: among k movers and n moves, a fault that needs d orderings is met with a chance of at least 1 / (k n^(d-1)).

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::random::drawn;
use super::{Cost, Ran, Reach, Search};
use crate::explore::{ExecutionEnd, Guide, Point};
use crate::history::Move;

/// Orderings that a fault is taken to need: d. Priorities change d - 1 times.
pub const DEPTH: usize = 3;
/// Moves that the first execution is taken to have; afterwards the most that were seen.
const FIRST_GUESS: usize = 16;
/// Requests, background and time have priorities; clients going away have moves of their own.
const MOVERS: usize = 10;
/// A client goes away in one of so many executions.
const ONE_IN: u32 = 2;

/// Priorities, changed at [`DEPTH`] - 1 random moves.
#[derive(Debug)]
pub struct Pct {
    most: Option<u32>,
    rng: StdRng,
    /// The greater goes first.
    priorities: [usize; MOVERS],
    /// Moves at which the one that is about to go on becomes the last.
    changes: [usize; DEPTH - 1],
    changed: usize,
    /// For each request the move from which on its client goes away.
    leaves: [usize; Move::REQUESTS],
    at: usize,
    longest: usize,
    cost: Cost,
}

impl Pct {
    /// With at most so many preemptions.
    #[must_use]
    pub fn new(most: Option<u32>, seed: u64) -> Pct {
        Pct {
            most,
            rng: StdRng::seed_from_u64(seed),
            priorities: [0; MOVERS],
            changes: [0; DEPTH - 1],
            changed: 0,
            leaves: [usize::MAX; Move::REQUESTS],
            at: 0,
            longest: 0,
            cost: Cost::default(),
        }
    }

    /// The highest of those that have priorities, and otherwise the first client that may go away.
    fn highest(&self, enabled: &[Move]) -> Move {
        let with_priority = enabled.iter().filter(|mv| (mv.bit() as usize) < MOVERS);
        let highest = with_priority.max_by_key(|mv| self.priorities[mv.bit() as usize]);
        highest.copied().unwrap_or(enabled[0])
    }

    fn pick(&mut self, point: &Point<'_>) -> Move {
        if self.cost.is_used_up(self.most, point) {
            return point.enabled[0];
        }
        for mv in point.enabled {
            if let Move::Cancel(request) = mv
                && self.at >= self.leaves[usize::from(*request)]
            {
                return *mv;
            }
        }
        let mut mv = self.highest(point.enabled);
        while self
            .changes
            .get(self.changed)
            .is_some_and(|at| *at <= self.at)
        {
            // Below every priority given at first, and below every change before.
            if let Some(priority) = self.priorities.get_mut(mv.bit() as usize) {
                *priority = DEPTH - 2 - self.changed;
            }
            self.changed += 1;
            mv = self.highest(point.enabled);
        }
        mv
    }
}

impl Guide for Pct {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        let mv = self.pick(point);
        self.at += 1;
        self.cost.chose(point, mv);
        Some(mv)
    }

    fn void(&mut self, _: Move) {
        self.at -= 1;
        self.cost.take_back();
    }
}

impl Search for Pct {
    fn begin(&mut self) -> bool {
        let moves = if self.longest == 0 {
            FIRST_GUESS
        } else {
            self.longest
        };
        for (place, priority) in self.priorities.iter_mut().enumerate() {
            *priority = DEPTH + place;
        }
        self.priorities.shuffle(&mut self.rng);
        for change in &mut self.changes {
            *change = self.rng.random_range(0..moves);
        }
        self.changes.sort_unstable();
        for leaves in &mut self.leaves {
            let stays = self.rng.random_range(0..ONE_IN) != 0;
            let at = self.rng.random_range(0..moves);
            *leaves = if stays { usize::MAX } else { at };
        }
        self.changed = 0;
        self.at = 0;
        self.cost = Cost::default();
        true
    }

    fn end(&mut self, end: &ExecutionEnd) -> Ran {
        self.longest = self.longest.max(self.at);
        drawn(*end == ExecutionEnd::Abandoned, end, self.cost)
    }

    fn reach(&self) -> Reach {
        Reach::default()
    }
}

// Every mover with a priority has a place among the bits.
const _: () = assert!(MOVERS == Move::REQUESTS + 2);

#[cfg(test)]
mod tests {
    use super::super::move_at;
    use super::*;

    #[test]
    fn movers_with_priorities_are_the_first_bits() {
        assert_eq!(move_at(MOVERS as u8), Move::Cancel(0));
        assert_eq!(move_at(MOVERS as u8 - 1), Move::Time);
    }
}

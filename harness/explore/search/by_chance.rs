//! Samples beyond a search that came to a limit: a random walk and PCT in turns.

use super::{Pct, Ran, Random, Reach, Search};
use crate::explore::{ExecutionEnd, Guide, Point};
use crate::history::Move;

/// Draws schedules evenly and by priorities, in turns: the one meets schedules with many preemptions, the other those with
/// few at places that a search in order has not come to.
#[derive(Debug)]
pub struct ByChance {
    walked: Reach,
    random: Random,
    pct: Pct,
    is_pct: bool,
}

impl ByChance {
    /// Samples after a search that came as far as `walked`, with at most so many preemptions.
    #[must_use]
    pub fn new(walked: Reach, most: Option<u32>, seed: u64) -> ByChance {
        ByChance {
            walked,
            random: Random::new(most, seed),
            pct: Pct::new(most, seed),
            is_pct: true,
        }
    }

    fn turn(&mut self) -> &mut dyn Search {
        if self.is_pct {
            &mut self.pct
        } else {
            &mut self.random
        }
    }
}

impl Guide for ByChance {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        self.turn().choose(point)
    }

    fn void(&mut self, mv: Move) {
        self.turn().void(mv);
    }
}

impl Search for ByChance {
    fn begin(&mut self) -> bool {
        self.is_pct = !self.is_pct;
        self.turn().begin()
    }

    fn end(&mut self, end: &ExecutionEnd) -> Ran {
        self.turn().end(end)
    }

    /// That of the search before it.
    fn reach(&self) -> Reach {
        self.walked
    }
}

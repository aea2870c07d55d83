//! Which schedules are run: a strategy is one file here and one line in [`STRATEGIES`].

mod bounded;
mod by_chance;
mod deferred;
mod follow;
mod pct;
mod random;

pub use bounded::Bounded;
pub use by_chance::ByChance;
pub use deferred::DEFERRED_BYTES;
pub use follow::{Difference, Fixed, Serial, Wished};
pub use pct::{DEPTH, Pct};
pub use random::Random;

use super::{ExecutionEnd, Guide, Point};
use crate::history::Move;
use crate::scenario::{ExploreSettings, SearchName};

/// Chooses the schedules of a race, one execution after the other.
///
/// Between [`Search::begin`] and [`Search::end`] it is the [`Guide`] of one execution.
pub trait Search: Guide {
    /// Makes ready for the next execution; false when there is none left.
    fn begin(&mut self) -> bool;

    /// Takes how the execution ended, and says what it counts as.
    fn end(&mut self, end: &ExecutionEnd) -> Ran;

    /// How far it has come.
    fn reach(&self) -> Reach;

    /// Whether it draws schedules by chance, so that one may come twice.
    fn draws(&self) -> bool {
        true
    }
}

/// What an execution of a search counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// A schedule, run to its end.
    Schedule {
        /// Its preemptions.
        preemptions: u32,
    },
    /// No schedule: the limit on moves ended it.
    Endless {
        /// Its preemptions.
        preemptions: u32,
    },
    /// No schedule: a choice turned out not to be possible, and there was no other.
    Nothing,
    /// No schedule: after the same moves, others were possible than before.
    Diverged {
        /// Whether it is tried once more. Otherwise everything that follows from it is left out.
        again: bool,
    },
}

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Every schedule with at most so many preemptions was run; `None` when not even those with none.
    pub complete: Option<u32>,
    /// Preemptions of the schedules that are being run; `None` when that is left to chance.
    pub bound: Option<u32>,
    /// Whether every schedule there is was run.
    pub all: bool,
    /// Why some were left out.
    pub gap: Option<Gap>,
}

/// Why a search left schedules out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// An execution could not be repeated.
    Diverged,
    /// An execution reached the limit on moves.
    Endless,
    /// There was no room to remember what is still to be run ([`DEFERRED_BYTES`]).
    Memory,
}

/// Makes a strategy from the settings and a seed.
pub type Make = fn(&ExploreSettings, u64) -> Box<dyn Search>;

/// Every strategy, by the name that it has in settings.
pub const STRATEGIES: &[(SearchName, Make)] = &[
    (SearchName::Bounded, |settings, _| {
        Box::new(Bounded::new(settings.preemptions))
    }),
    (SearchName::Random, |settings, seed| {
        Box::new(Random::new(settings.preemptions, seed))
    }),
    (SearchName::Pct, |settings, seed| {
        Box::new(Pct::new(settings.preemptions, seed))
    }),
];

/// The strategy with that name.
#[must_use]
pub fn strategy(name: SearchName, settings: &ExploreSettings, seed: u64) -> Box<dyn Search> {
    let found = STRATEGIES.iter().find(|strategy| strategy.0 == name);
    match found {
        Some((_, make)) => make(settings, seed),
        None => Box::new(Bounded::new(settings.preemptions)),
    }
}

/// Counts the preemptions of an execution.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    total: u32,
    last: u32,
}

impl Cost {
    fn chose(&mut self, point: &Point<'_>, mv: Move) {
        self.last = point.cost(mv);
        self.total += self.last;
    }

    /// The move counted last was not done.
    fn take_back(&mut self) {
        self.total -= self.last;
        self.last = 0;
    }

    /// Whether there may be no further preemption at this point.
    fn is_used_up(&self, most: Option<u32>, point: &Point<'_>) -> bool {
        point.continues && most.is_some_and(|most| self.total >= most)
    }
}

/// The move at that place of a set that is kept as bits, see [`Move::bit`].
fn move_at(bit: u8) -> Move {
    match bit {
        8 => Move::Background,
        9 => Move::Time,
        10.. => Move::Cancel(bit - 10),
        request => Move::Request(request),
    }
}

/// Takes the first of a set of moves.
fn take_first(moves: &mut u32) -> Option<u8> {
    if *moves == 0 {
        return None;
    }
    let bit = moves.trailing_zeros();
    *moves &= *moves - 1;
    Some(bit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_has_a_place_of_its_own() {
        let requests = (0..Move::REQUESTS as u8).flat_map(|r| [Move::Request(r), Move::Cancel(r)]);
        for mv in requests.chain([Move::Background, Move::Time]) {
            assert_eq!(move_at(mv.bit() as u8), mv);
        }
    }

    #[test]
    fn every_word_has_a_strategy() {
        for name in SearchName::ALL {
            assert!(STRATEGIES.iter().any(|strategy| strategy.0 == *name));
        }
    }
}

//! Guides that follow a schedule: move by move, or as far as that is possible.

use std::fmt;

use super::Cost;
use crate::explore::{ExecutionEnd, Guide, Point};
use crate::history::Move;

/// Follows a schedule move by move, and ends the execution at the first difference and at its end.
#[derive(Debug)]
pub struct Fixed<'a> {
    moves: &'a [Move],
    at: usize,
    cost: Cost,
    difference: Option<Difference>,
    /// What those who took part could still have done when the schedule was at its end.
    left: Vec<Move>,
}

/// Where an execution goes another way than the schedule that it follows. Moves count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The schedule's next move is not possible.
    NotPossible {
        /// Place of the move.
        at: usize,
        /// The move.
        wanted: Move,
        /// What is possible instead.
        possible: Vec<Move>,
    },
    /// Nothing is possible any more, but the schedule goes on.
    Over {
        /// Moves that were done.
        at: usize,
        /// Moves of the schedule.
        of: usize,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::NotPossible {
                at,
                wanted,
                possible,
            } => {
                write!(
                    f,
                    "move {} should be {wanted}, which is not possible",
                    at + 1
                )?;
                let mut words = possible.iter().map(ToString::to_string);
                match words.next() {
                    None => Ok(()),
                    Some(first) => {
                        write!(f, " (possible: {first}")?;
                        words.try_for_each(|word| write!(f, ", {word}"))?;
                        f.write_str(")")
                    }
                }
            }
            Difference::Over { at, of } => {
                write!(f, "it is over after {at} moves, the schedule has {of}")
            }
        }
    }
}

impl<'a> Fixed<'a> {
    /// Follows these moves.
    #[must_use]
    pub fn new(moves: &'a [Move]) -> Fixed<'a> {
        Fixed {
            moves,
            at: 0,
            cost: Cost::default(),
            difference: None,
            left: Vec::new(),
        }
    }

    /// What requests of the schedule, background tasks or time could still have done when it was at its end: then the
    /// execution has come to nothing. Requests that the schedule leaves out count for nothing.
    #[must_use]
    pub fn left(&self) -> &[Move] {
        &self.left
    }

    /// Where the execution went another way.
    #[must_use]
    pub fn difference(self, end: &ExecutionEnd) -> Option<Difference> {
        let is_short = self.at < self.moves.len() && *end != ExecutionEnd::Abandoned;
        let over = || Difference::Over {
            at: self.at,
            of: self.moves.len(),
        };
        self.difference.or_else(|| is_short.then(over))
    }

    /// Preemptions so far.
    #[must_use]
    pub fn preemptions(&self) -> u32 {
        self.cost.total
    }
}

impl Guide for Fixed<'_> {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        if let Some(Difference::NotPossible { possible, .. }) = &mut self.difference {
            // It was found to be impossible only when it was tried.
            if possible.is_empty() {
                possible.extend(point.enabled);
            }
            return None;
        }
        let Some(wanted) = self.moves.get(self.at).copied() else {
            let takes_part = |mv: &&Move| {
                let request = mv.request();
                request.is_none() || self.moves.iter().any(|done| done.request() == request)
            };
            self.left = point.enabled.iter().filter(takes_part).copied().collect();
            return None;
        };
        if !point.enabled.contains(&wanted) {
            self.difference = Some(Difference::NotPossible {
                at: self.at,
                wanted,
                possible: point.enabled.to_vec(),
            });
            return None;
        }
        self.cost.chose(point, wanted);
        self.at += 1;
        Some(wanted)
    }

    fn void(&mut self, wanted: Move) {
        self.at -= 1;
        self.cost.take_back();
        self.difference = Some(Difference::NotPossible {
            at: self.at,
            wanted,
            possible: Vec::new(),
        });
    }
}

/// Follows wishes as far as they are possible: a wish that is not is left out, and when there are none left, everybody goes
/// on without a preemption.
#[derive(Debug)]
pub struct Wished<'a> {
    wishes: &'a [Move],
    /// So many of them are no wishes: when one is not possible, the execution ends.
    strict: usize,
    /// Requests that never go on, as bits.
    left_out: u32,
    at: usize,
    /// The move chosen last was no wish.
    was_bound: bool,
    has_failed: bool,
    cost: Cost,
}

impl<'a> Wished<'a> {
    /// Follows these wishes, the first `strict` of them exactly.
    #[must_use]
    pub fn new(wishes: &'a [Move], strict: usize) -> Wished<'a> {
        Wished {
            wishes,
            strict: strict.min(wishes.len()),
            left_out: 0,
            at: 0,
            was_bound: false,
            has_failed: false,
            cost: Cost::default(),
        }
    }

    /// Never lets these requests go on (bit 0 is the first one), and ends the execution when nobody else can.
    #[must_use]
    pub fn without(mut self, requests: u32) -> Wished<'a> {
        self.left_out = requests;
        self
    }

    /// Whether the moves that are no wishes were all done.
    #[must_use]
    pub fn was_strict(&self) -> bool {
        !self.has_failed && self.at >= self.strict
    }

    /// Preemptions so far.
    #[must_use]
    pub fn preemptions(&self) -> u32 {
        self.cost.total
    }

    fn may(&self, mv: Move) -> bool {
        mv.request()
            .is_none_or(|request| self.left_out & (1 << request) == 0)
    }
}

impl Guide for Wished<'_> {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        while let Some(wish) = self.wishes.get(self.at).copied() {
            if self.has_failed {
                return None;
            }
            if self.may(wish) && point.enabled.contains(&wish) {
                self.was_bound = self.at < self.strict;
                self.at += 1;
                self.cost.chose(point, wish);
                return Some(wish);
            }
            if self.at < self.strict {
                self.has_failed = true;
                return None;
            }
            self.at += 1;
        }
        if self.has_failed {
            return None;
        }
        let mut choices = point.enabled.iter().copied();
        let mv = choices.find(|mv| self.may(*mv))?;
        self.was_bound = false;
        self.cost.chose(point, mv);
        Some(mv)
    }

    fn void(&mut self, _: Move) {
        self.cost.take_back();
        self.has_failed |= self.was_bound;
    }
}

/// Lets one request after the other run to its end, in an order: nobody is ever switched away from.
#[derive(Debug)]
pub struct Serial<'a> {
    order: &'a [usize],
}

impl<'a> Serial<'a> {
    /// In this order; those that it does not name come last.
    #[must_use]
    pub fn new(order: &'a [usize]) -> Serial<'a> {
        Serial { order }
    }
}

impl Guide for Serial<'_> {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        let first = point.enabled.first().copied();
        if point.continues {
            return first;
        }
        let moves = self
            .order
            .iter()
            .map(|request| Move::Request(*request as u8));
        let mut possible = moves.filter(|mv| point.enabled.contains(mv));
        possible.next().or(first)
    }

    fn void(&mut self, _: Move) {}
}

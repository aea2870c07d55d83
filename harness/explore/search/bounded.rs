//! Every schedule once, those with the fewest preemptions first.
//!
//! Iterative context bounding: Musuvathi, Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded
//! Programs", PLDI 2007. Without a preemption, going on is not a choice: where the one that went on last can go on, it does.
//! Every other move there costs a preemption and is put off, as the beginning of schedules of the next bound. What is free
//! to choose, because nobody was going on, is walked depth first. A schedule has one last preemption, so it is run once.

use std::mem;

use super::deferred::{Deferred, Known, middle_first};
use super::{DEFERRED_BYTES, Gap, Ran, Reach, Search, move_at, take_first};
use crate::explore::{ExecutionEnd, Guide, Point};
use crate::history::Move;

/// How often an execution that could not be repeated is tried again.
const RETRIES: u32 = 3;

/// A point on the way that is being walked.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// What is possible, and the move to be done.
    known: Known,
    /// What is to be done there later, at this bound.
    left: u32,
    /// What is to be done there at the next bound.
    later: u32,
}

/// Why the execution under way is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// Something else is possible than before.
    Diverged,
    /// What was to be tried is not possible after all, and nothing else is left there.
    Void,
}

/// Depth first by preemption bound: 0, 1, 2 …
#[derive(Debug)]
pub struct Bounded {
    most: Option<u32>,
    most_bytes: usize,
    bound: u32,
    now: Deferred,
    next: Deferred,
    path: Vec<Node>,
    /// Nodes of the path that belong to a beginning: only the way after them is walked.
    fixed: usize,
    /// Nodes that the path had when the execution began. All but the last were gone through before.
    begun_with: usize,
    depth: usize,
    voided: u32,
    voided_at: usize,
    broken: Option<Broken>,
    tries: u32,
    /// There is a way to be walked.
    is_ready: bool,
    reach: Reach,
    /// Schedules of the next bound had no room.
    lacks_later: bool,
    /// There are schedules beyond the last bound.
    has_more: bool,
}

impl Bounded {
    /// Walks all schedules with at most so many preemptions.
    #[must_use]
    pub fn new(most: Option<u32>) -> Bounded {
        Bounded::after(&[], most)
    }

    /// Walks all schedules that begin with these moves, which cost nothing themselves.
    #[must_use]
    pub fn after(beginning: &[Move], most: Option<u32>) -> Bounded {
        let path: Vec<Node> = beginning.iter().map(|mv| Node::given(*mv)).collect();
        Bounded {
            most,
            most_bytes: DEFERRED_BYTES,
            bound: 0,
            now: Deferred::default(),
            next: Deferred::default(),
            fixed: path.len(),
            begun_with: 0,
            path,
            depth: 0,
            voided: 0,
            voided_at: usize::MAX,
            broken: None,
            tries: 0,
            is_ready: true,
            reach: Reach {
                bound: Some(0),
                ..Reach::default()
            },
            lacks_later: false,
            has_more: false,
        }
    }

    /// With another limit than [`DEFERRED_BYTES`].
    #[must_use]
    pub fn with_bytes(mut self, most_bytes: usize) -> Bounded {
        self.most_bytes = most_bytes;
        self
    }

    fn node_for(&mut self, point: &Point<'_>, mask: u32, voided: u32) -> Option<Move> {
        let first = *point.enabled.first()?;
        let others = mask & !(1 << first.bit());
        let (left, later) = if point.continues {
            (0, others)
        } else {
            (others, 0)
        };
        self.path.push(Node {
            known: Known {
                mask: mask | voided,
                done: first.bit() as u8,
            },
            left,
            later,
        });
        Some(first)
    }

    /// Puts off what the execution that has just ended leaves to the next bound.
    fn defer(&mut self) {
        let new = &self.path[self.begun_with..];
        let count: u32 = new.iter().map(|node| node.later.count_ones()).sum();
        let Some(last) = new.iter().rposition(|node| node.later != 0) else {
            return;
        };
        if self.most.is_some_and(|most| self.bound >= most) {
            self.has_more = true;
            return;
        }
        let len = self.begun_with + last + 1;
        let steps = self.path[..len].iter().map(|node| node.known);
        if !self.next.add_steps(steps, count as usize, self.most_bytes) {
            self.lacks_later = true;
            return;
        }
        for place in middle_first(last + 1) {
            let at = self.begun_with + place;
            let mut later = mem::take(&mut self.path[at].later);
            while let Some(bit) = take_first(&mut later) {
                self.next.add(len, at, bit);
            }
        }
    }

    /// Goes on to the next way: back to the last free choice, or to the next beginning, or to the next bound.
    fn advance(&mut self) {
        self.tries = 0;
        while self.path.len() > self.fixed {
            let last = self.path.len() - 1;
            let node = &mut self.path[last];
            if let Some(bit) = take_first(&mut node.left) {
                node.known.done = bit;
                return;
            }
            self.path.pop();
        }
        while !self.next_beginning() {
            if self.reach.gap.is_none() {
                self.reach.complete = Some(self.bound);
            }
            if self.lacks_later {
                self.reach.gap.get_or_insert(Gap::Memory);
            }
            if self.next.is_empty() {
                self.reach.all = !self.has_more && self.reach.gap.is_none();
                self.is_ready = false;
                return;
            }
            self.bound += 1;
            self.reach.bound = Some(self.bound);
            mem::swap(&mut self.now, &mut self.next);
            self.next.clear();
        }
    }

    fn next_beginning(&mut self) -> bool {
        let Some((steps, mask, other)) = self.now.take() else {
            return false;
        };
        self.path.clear();
        self.path.extend(steps.iter().map(|known| Node {
            known: *known,
            left: 0,
            later: 0,
        }));
        self.path.push(Node {
            known: Known { mask, done: other },
            left: 0,
            later: 0,
        });
        self.fixed = self.path.len();
        true
    }

    fn diverged(&mut self) -> Ran {
        self.path.truncate(self.begun_with);
        self.tries += 1;
        let again = self.tries <= RETRIES;
        if !again {
            self.reach.gap = Some(Gap::Diverged);
            self.advance();
        }
        Ran::Diverged { again }
    }
}

impl Node {
    fn given(mv: Move) -> Node {
        Node {
            known: Known {
                mask: 0,
                done: mv.bit() as u8,
            },
            left: 0,
            later: 0,
        }
    }
}

impl Guide for Bounded {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        if self.broken.is_some() {
            return None;
        }
        let voided = if self.voided_at == self.depth {
            self.voided
        } else {
            0
        };
        let mask = point.mask();
        let Some(node) = self.path.get_mut(self.depth) else {
            self.depth += 1;
            return self.node_for(point, mask, voided);
        };
        if node.known.mask == 0 {
            node.known.mask = mask | voided;
        }
        let is_possible = mask & (1 << node.known.done) != 0;
        if node.known.mask != mask | voided || !is_possible {
            self.broken = Some(Broken::Diverged);
            return None;
        }
        self.depth += 1;
        Some(move_at(node.known.done))
    }

    fn void(&mut self, mv: Move) {
        self.depth -= 1;
        if self.voided_at != self.depth {
            self.voided_at = self.depth;
            self.voided = 0;
        }
        self.voided |= 1 << mv.bit();
        if self.depth >= self.begun_with {
            self.path.truncate(self.depth);
        } else if self.depth + 1 < self.begun_with {
            self.broken = Some(Broken::Diverged);
        } else {
            let node = &mut self.path[self.depth];
            match take_first(&mut node.left) {
                Some(bit) => node.known.done = bit,
                None => self.broken = Some(Broken::Void),
            }
        }
    }
}

impl Search for Bounded {
    fn begin(&mut self) -> bool {
        self.begun_with = self.path.len();
        self.depth = 0;
        self.voided_at = usize::MAX;
        self.broken = None;
        self.is_ready
    }

    fn end(&mut self, end: &ExecutionEnd) -> Ran {
        if self.broken == Some(Broken::Void) {
            self.advance();
            return Ran::Nothing;
        }
        let is_cut = *end == ExecutionEnd::Abandoned || self.depth < self.begun_with;
        if self.broken.is_some() || is_cut {
            return self.diverged();
        }
        let preemptions = self.bound;
        let is_endless = *end == ExecutionEnd::Endless;
        if is_endless {
            self.reach.gap.get_or_insert(Gap::Endless);
        }
        self.defer();
        self.advance();
        if is_endless {
            Ran::Endless { preemptions }
        } else {
            Ran::Schedule { preemptions }
        }
    }

    fn reach(&self) -> Reach {
        self.reach
    }

    fn draws(&self) -> bool {
        false
    }
}

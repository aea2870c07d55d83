//! The shortest schedule that still shows an exposure: fewer requests, fewer moves, fewer switches.
//!
//! A shorter schedule is wished for, and what can be done of it is run; what came of it is taken when it shows the same
//! exposure and is shorter. It ends when nothing that is tried makes it shorter. That is a local minimum of small changes, so
//! that the plainest schedules are tried as well, wherever the search has come to.

use std::collections::HashSet;

use super::executor::Executor;
use super::findings::Allowance;
use super::search::Wished;
use super::tally::FirstSeen;
use super::{Detail, ExecutionEnd, StageError};
use crate::history::{Move, Schedule};

/// Most executions for shortening one schedule.
pub const SHRINK_EXECUTIONS: u64 = 1_000;

/// What came of it.
#[derive(Debug)]
pub(super) struct Shrunk {
    pub(super) schedule: Schedule,
    pub(super) preemptions: u32,
    pub(super) executions: u64,
}

/// How long a schedule is, the most important first: requests that take part; clients that go away, background work and
/// time; preemptions; switches; moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Length(usize, usize, u32, usize, usize);

/// Something shorter to be tried.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wish {
    moves: Vec<Move>,
    /// Requests that never go on, as bits.
    without: u32,
}

/// Shortens a schedule that shows the exposure `id`.
pub(super) fn shrink(
    executor: &mut Executor<'_>,
    first: &FirstSeen,
    id: &str,
    allowance: &Allowance<'_>,
) -> Result<Shrunk, StageError> {
    let mut best = Shrunk {
        schedule: first.schedule.clone(),
        preemptions: first.preemptions,
        executions: 0,
    };
    let mut without = 0;
    let mut length = measure(&best.schedule, best.preemptions);
    let mut tried: HashSet<Wish> = HashSet::new();
    'shorter: loop {
        let near = wishes(&best.schedule, without);
        let plain = plain_wishes(&best.schedule, without);
        for wish in near.into_iter().chain(plain) {
            if best.executions >= SHRINK_EXECUTIONS || !allowance.is_left(executor) {
                return Ok(best);
            }
            if !tried.insert(wish.clone()) {
                continue;
            }
            best.executions += 1;
            let mut guide = Wished::new(&wish.moves, 0).without(wish.without);
            let weighing = executor.run(&mut guide, Detail::Brief)?;
            let preemptions = guide.preemptions();
            let execution = weighing.execution;
            let now = measure(&execution.schedule, preemptions);
            let is_whole = execution.end != ExecutionEnd::Endless;
            let shows = weighing.weighed.exposures.iter().any(|known| known == id);
            if shows && is_whole && now < length {
                best.schedule = execution.schedule;
                best.preemptions = preemptions;
                length = now;
                without = wish.without;
                continue 'shorter;
            }
        }
        return Ok(best);
    }
}

fn measure(schedule: &Schedule, preemptions: u32) -> Length {
    let moves = &schedule.0;
    let extras = moves.iter().filter(|mv| !matches!(mv, Move::Request(_)));
    Length(
        started(moves).count_ones() as usize,
        extras.count(),
        preemptions,
        schedule.switches(),
        moves.len(),
    )
}

/// The requests that go on in these moves, as bits.
fn started(moves: &[Move]) -> u32 {
    moves.iter().fold(0, |bits, mv| match mv {
        Move::Request(request) => bits | 1 << request,
        _ => bits,
    })
}

/// What may be shorter than a schedule, the greatest gain first.
fn wishes(schedule: &Schedule, without: u32) -> Vec<Wish> {
    let moves = &schedule.0;
    let runs: Vec<&[Move]> = moves.chunk_by(|a, b| a == b).collect();
    let mut wishes = Vec::new();
    let taking_part = started(moves);
    if taking_part.count_ones() > 2 {
        for request in (0..Move::REQUESTS).filter(|request| taking_part & (1 << request) != 0) {
            let others = moves.iter().filter(|mv| mv.request() != Some(request));
            wishes.push(Wish {
                moves: others.copied().collect(),
                without: without | 1 << request,
            });
        }
    }
    let mut wish = |runs: Vec<&[Move]>| {
        wishes.push(Wish {
            moves: runs.concat(),
            without,
        });
    };
    // Only the beginning; then everybody goes on without a preemption.
    for kept in 0..runs.len() {
        wish(runs[..kept].to_vec());
    }
    for (place, run) in runs.iter().enumerate() {
        let others = || {
            runs.iter()
                .enumerate()
                .filter(move |other| other.0 != place)
        };
        if !matches!(run[0], Move::Request(_)) {
            wish(others().map(|other| *other.1).collect());
            if run.len() > 1 {
                let mut one_less = runs.clone();
                one_less[place] = &run[1..];
                wish(one_less);
            }
        }
        // Two runs of the same mover become one, at the place of the first and of the second.
        let next = runs[place + 1..]
            .iter()
            .position(|later| later[0] == run[0]);
        if let Some(next) = next.map(|next| next + place + 1) {
            let mut early = runs.clone();
            let later = early.remove(next);
            early.insert(place + 1, later);
            wish(early);
            let mut late = runs.clone();
            let earlier = late.remove(place);
            late.insert(next - 1, earlier);
            wish(late);
        }
        if place + 1 < runs.len() {
            let mut swapped = runs.clone();
            swapped.swap(place, place + 1);
            wish(swapped);
        }
    }
    wishes
}

/// The plainest schedules there are, which changes of a tangled one may not lead to: one request stops somewhere, and the next
/// goes as far as it can, or stops as well. Only those that may have fewer switches than that schedule.
fn plain_wishes(schedule: &Schedule, without: u32) -> Vec<Wish> {
    let moves = &schedule.0;
    let switches = schedule.switches();
    let steps = |request| moves.iter().filter(move |mv| mv.request() == Some(request));
    let lengths: Vec<(Move, usize)> = (0..Move::REQUESTS)
        .map(|request| (Move::Request(request as u8), steps(request).count()))
        .filter(|(_, steps)| *steps > 0)
        .collect();
    let mut wishes = Vec::new();
    for (first, length) in &lengths {
        for (second, other_length) in lengths.iter().filter(|other| other.0 != *first) {
            let second_stops = match switches {
                0..=2 => 0..=0,
                3 => 1..=1,
                _ => 1..=*other_length,
            };
            for stop in second_stops.filter(|stop| *stop > 0) {
                wishes.extend((1..=*length).map(|begun| {
                    let mut moves = vec![*first; begun];
                    moves.resize(begun + stop, *second);
                    if stop > 1 {
                        moves.push(*first);
                    }
                    Wish { moves, without }
                }));
            }
        }
    }
    wishes
}

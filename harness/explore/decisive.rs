//! The decisive move of a schedule: the first after which every way to go on exposes.

use super::executor::Executor;
use super::findings::Allowance;
use super::search::{Bounded, Ran, Random, Search};
use super::{Detail, StageError};
use crate::history::{Decisive, Move, Schedule, Way};

/// Ways to go on from a move that are run in process, in the order of their preemptions.
pub const WAYS: u64 = 2_000;
/// Ways that are drawn by chance when these are not all.
pub const WAYS_SAMPLED: u64 = 200;
/// Through the turnstile an execution takes a thousand times as long.
const TURNSTILE_SHARE: u64 = 40;

/// Ways to go on after some moves.
#[derive(Clone, Copy, Debug, Default)]
struct Ways {
    run: u64,
    exposing: u64,
    /// Whether these are all.
    is_complete: bool,
    /// It was given up for want of time.
    is_cut: bool,
}

impl Ways {
    fn all_expose(&self) -> bool {
        self.run > 0 && self.run == self.exposing && !self.is_cut
    }
}

/// Looks for the decisive move of a schedule that exposes; none when every schedule exposes, or there is no time for it.
pub(super) fn decisive(
    executor: &mut Executor<'_>,
    schedule: &Schedule,
    seed: u64,
    allowance: &Allowance<'_>,
) -> Result<Option<Decisive>, StageError> {
    let mut search = Completions {
        executor,
        seed,
        allowance,
    };
    let moves = &schedule.0;
    // What exposes after some moves exposes after more: the first such place can be halved in on. After `exposes` moves every
    // way exposes, after `open` moves some do not.
    let (mut open, mut exposes) = (0, moves.len());
    let mut after = search.after(moves, false)?;
    if !after.all_expose() || search.after(&[], true)?.all_expose() {
        return Ok(None);
    }
    while exposes - open > 1 {
        let middle = open + (exposes - open) / 2;
        let ways = search.after(&moves[..middle], true)?;
        if ways.is_cut {
            return Ok(None);
        }
        if ways.all_expose() {
            exposes = middle;
            after = ways;
        } else {
            open = middle;
        }
    }
    let before = search.after(&moves[..open], false)?;
    if before.is_cut || before.run == before.exposing {
        return Ok(None);
    }
    Ok(Some(Decisive {
        at: open as u32,
        before: (before.run, before.exposing),
        after: after.run,
        complete: before.is_complete && after.is_complete,
    }))
}

/// Runs the ways to go on.
struct Completions<'e, 'a> {
    executor: &'e mut Executor<'a>,
    seed: u64,
    allowance: &'e Allowance<'e>,
}

impl Completions<'_, '_> {
    /// Those after some moves; when `until_clean`, no further than to the first that does not expose.
    fn after(&mut self, moves: &[Move], until_clean: bool) -> Result<Ways, StageError> {
        let share = match self.executor.way() {
            Way::InProcess => 1,
            Way::Turnstile => TURNSTILE_SHARE,
        };
        let mut ways = Ways::default();
        let mut bounded = Bounded::after(moves, None);
        self.walk(&mut bounded, &mut ways, WAYS / share, until_clean)?;
        ways.is_complete = bounded.reach().all;
        let has_clean = until_clean && ways.run > ways.exposing;
        let is_decided = ways.is_complete || ways.is_cut || has_clean;
        if !is_decided {
            let mut random = Random::after(moves, None, self.seed);
            self.walk(&mut random, &mut ways, WAYS_SAMPLED / share, until_clean)?;
        }
        Ok(ways)
    }

    fn walk(
        &mut self,
        search: &mut dyn Search,
        ways: &mut Ways,
        executions: u64,
        until_clean: bool,
    ) -> Result<(), StageError> {
        for _ in 0..executions {
            if !self.allowance.is_left(self.executor) {
                ways.is_cut = true;
                break;
            }
            if !search.begin() {
                break;
            }
            let execution = self.executor.execute(search, Detail::Brief)?;
            if !matches!(search.end(&execution.end), Ran::Schedule { .. }) {
                continue;
            }
            let exposes = self.executor.weigh(execution).weighed.exposes();
            ways.run += 1;
            ways.exposing += u64::from(exposes);
            if until_clean && !exposes {
                break;
            }
        }
        Ok(())
    }
}

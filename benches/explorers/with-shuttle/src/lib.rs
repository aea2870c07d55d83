//! The webmail's request path over shuttle's primitives: orders drawn by chance, or all of them, sequentially consistent.

#[path = "../../path/mail.rs"]
mod mail;
#[path = "../../path/measured.rs"]
mod measured;
mod sync;
mod threads;
#[path = "../../path/volley.rs"]
mod volley;

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

use crate::mail::note::{LockedNote, Note, OneLock, PerRequest, SharedNote};
pub use crate::measured::Measured;
use crate::measured::Tally;

/// In which order shuttle runs schedules.
#[derive(Clone, Copy, Debug)]
pub enum Search {
    /// All, depth first.
    Dfs,
    /// Every choice drawn evenly, from this seed.
    Random(u64),
    /// Random priorities, changed at `depth` places, from this seed.
    Pct {
        /// The seed.
        seed: u64,
        /// Changes of priority.
        depth: usize,
    },
}

/// Explores one variant with `users` requests, at most `executions`. `None` when there is no such variant.
pub fn explore(variant: &str, users: u64, search: Search, executions: usize) -> Option<Measured> {
    let run = match variant {
        "shared-note" => run::<SharedNote>,
        "locked-note" => run::<LockedNote>,
        "one-lock" => run::<OneLock>,
        "per-request" => run::<PerRequest>,
        _ => return None,
    };
    Some(run(users, search, executions))
}

fn run<N: Note>(users: u64, search: Search, most: usize) -> Measured {
    match search {
        Search::Dfs => with::<N>(users, DfsScheduler::new(Some(most), false))
            .measured(|executions| executions < most as u64),
        Search::Random(seed) => {
            with::<N>(users, RandomScheduler::new_from_seed(seed, most)).measured(|_| false)
        }
        Search::Pct { seed, depth } => {
            with::<N>(users, PctScheduler::new_from_seed(seed, depth, most)).measured(|_| false)
        }
    }
}

fn with<N: Note>(users: u64, scheduler: impl Scheduler + 'static) -> Tally {
    let tally = Tally::default();
    let counted = tally.clone();
    let before = std::panic::take_hook();
    Runner::new(scheduler, Config::new()).run(move || counted.count(volley::crosses::<N>(users)));
    // Shuttle's hook, and without one the standard library's, tells of every panic; loom ends its threads by panics, and what
    // loom runs on has put a hook in place that keeps silent about those.
    std::panic::set_hook(before);
    tally
}

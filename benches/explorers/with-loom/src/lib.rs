//! The webmail's request path over loom's primitives: every order that the memory model allows, within a bound.

#[path = "../../path/mail.rs"]
mod mail;
#[path = "../../path/measured.rs"]
mod measured;
#[path = "../../../../tests/loom/sync.rs"]
mod sync;
mod threads;
#[path = "../../path/volley.rs"]
mod volley;

use loom::model::Builder;

use crate::mail::note::{LockedNote, Note, OneLock, PerRequest, SharedNote};
pub use crate::measured::Measured;
use crate::measured::Tally;

/// Explores one variant with `users` requests: depth first, at most `preemptions` of them when that is given, at most
/// `executions`. `None` when there is no such variant.
pub fn explore(
    variant: &str,
    users: u64,
    preemptions: Option<usize>,
    executions: usize,
) -> Option<Measured> {
    Some(match variant {
        "shared-note" => run::<SharedNote>(users, preemptions, executions),
        "locked-note" => run::<LockedNote>(users, preemptions, executions),
        "one-lock" => run::<OneLock>(users, preemptions, executions),
        "per-request" => run::<PerRequest>(users, preemptions, executions),
        _ => return None,
    })
}

fn run<N: Note>(users: u64, preemptions: Option<usize>, most: usize) -> Measured {
    let tally = Tally::default();
    let mut builder = Builder::new();
    builder.max_branches = 10_000;
    builder.max_permutations = Some(most);
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder.preemption_bound = preemptions;
    let counted = tally.clone();
    builder.check(move || counted.count(volley::crosses::<N>(users)));
    // Loom says nothing when it stops at the limit, which is at the one before.
    tally.measured(|executions| executions + 1 < most as u64)
}

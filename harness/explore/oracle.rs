//! Who says what an execution shows: the engine asks, and never looks for itself.

use crate::history::Record;
use crate::identity::UserId;

/// Says of executions what they show. The judge does so behind it.
pub trait Oracle {
    /// Takes the records that stand before all executions: the header, canaries, every request alone.
    fn prepare(&mut self, records: &[Record]);

    /// What an execution shows. Its records are made only when they are needed: executions of equal outcome show the same.
    ///
    /// Through the turnstile the service goes on from one execution to the next: there the records begin with what was
    /// planted by executions that were not weighed.
    fn weigh(&mut self, outcome: Option<u128>, records: &mut dyn FnMut() -> Vec<Record>)
    -> Weighed;
}

/// What an execution shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    /// Number of the outcome, from 0, in the order of first appearance; equal for executions that show users the same.
    pub outcome: usize,
    /// The outcome for people, in a line: `alice 200 with bob's note; bob 200 with own note`.
    pub what: String,
    /// Ids of the exposures, sorted, each once; empty for none.
    pub exposures: Vec<String>,
    /// For every request that saw data of others, whose: its place in the execution's requests, and the users.
    pub crossed: Vec<(usize, Vec<UserId>)>,
}

impl Weighed {
    /// Whether a user received, or acted on, another user's data.
    #[must_use]
    pub fn exposes(&self) -> bool {
        !self.exposures.is_empty()
    }
}

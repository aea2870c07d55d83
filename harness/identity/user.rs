//! The index of a user in a run.

use serde::{Deserialize, Serialize};

/// One identity under test, as its index in the run's list of users (0-based, below [`UserId::LIMIT`]).
///
/// The name belongs to the run's [`Start`](crate::history::Start) record; everything else carries the index alone, so
/// that a report decides once how a user is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub u32);

impl UserId {
    /// How many users one run may have: what the owner field of a canary can hold (four base-32 digits).
    pub const LIMIT: u32 = 1 << 20;

    /// The index as a `usize`, for looking up in the run's list.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

//! Why nothing is proved: a kind, by which programs tell reasons apart, and a sentence for people.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a run proves nothing, or what else was wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// What kind of thing it is.
    pub kind: ReasonKind,
    /// One sentence, without a full stop.
    pub text: String,
}

/// Kinds of [`Reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReasonKind {
    /// The history is broken or breaks off.
    History,
    /// The run was interrupted.
    Interrupted,
    /// The run could not go on: see the ending.
    Failed,
    /// No request was made.
    Nothing,
    /// A log-in failed or is missing.
    LogIn,
    /// Users were not seen to receive their own data.
    Control,
    /// Too few requests of different owners overlapped.
    Overlaps,
    /// Too many requests in volleys failed or were refused.
    Refusals,
    /// Too many answers could not be searched to their end.
    Unsearched,
    /// Answers came to other requests of the same user than those they belong to.
    OutOfStep,
    /// Exposures that were planted on purpose were not recognised.
    PlantedExposures,
    /// Nothing could be learnt of a user by which its data would be known.
    Learning,
    /// Too few of the possible schedules were run.
    Schedules,
    /// No request could be stopped inside the service, so that no schedule interleaved anything.
    Points,
    /// Executions of one schedule came out differently.
    Unrepeatable,
}

impl Reason {
    /// A reason.
    #[must_use]
    pub fn new(kind: ReasonKind, text: impl Into<String>) -> Reason {
        Reason {
            kind,
            text: text.into(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Equal when its text is.
impl PartialEq<&str> for Reason {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

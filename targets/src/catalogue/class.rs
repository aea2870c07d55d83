//! Fault classes: what a target models, where it happened, and what brings it out.

use std::fmt;

/// One known way to show one user another's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassInfo {
    /// Its number in the catalogue, from 1.
    pub number: u8,
    /// What goes wrong, in a few words.
    pub title: &'static str,
    /// Weaknesses of the Common Weakness Enumeration (<https://cwe.mitre.org>), the nearest first.
    pub cwe: &'static [u16],
    /// Where it happened, the best known first.
    pub incidents: &'static [Incident],
    /// What brings it out.
    pub triggers: &'static [Trigger],
}

/// A real case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Whose service or which software, and when.
    pub what: &'static str,
    /// The number of its advisory, or a web address.
    pub source: &'static str,
}

/// What brings a fault out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// Requests that arrive nearly together.
    Burst,
    /// A client that leaves, or gives up, while its request is under way.
    Abort,
    /// A connection or an object that is used again.
    KeepAlive,
    /// A second reader of an answer that was stored.
    Cache,
    /// A path taken only after an error.
    Error,
    /// A large header or body.
    Large,
    /// A store or a reader that takes its time.
    Slow,
    /// Two requests in one tick of a clock.
    SameTick,
    /// Nothing happens for a while.
    Idle,
    /// A key or a person is retired.
    Rotation,
    /// The same is tried once more.
    Retry,
}

impl Trigger {
    /// The word by which lists name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Abort => "abort",
            Self::KeepAlive => "keep-alive",
            Self::Cache => "cache",
            Self::Error => "error",
            Self::Large => "large",
            Self::Slow => "slow",
            Self::SameTick => "same tick",
            Self::Idle => "idle",
            Self::Rotation => "rotation",
            Self::Retry => "retry",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

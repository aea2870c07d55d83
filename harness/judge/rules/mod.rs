//! What counts as an exposure: a list of rules, each in a file of its own.
//!
//! A new rule is a file with a type that implements [`Rule`], and an entry in [`RULES`].

mod anonymous;
mod bulk_read;
mod crossed;
mod foreign_write;
mod learnt;
mod outlived;
mod shared_session;
mod shifted;

use std::fmt;

use crate::history::Exchange;
use crate::identity::Canary;

use super::facts::Facts;
use super::findings::{Crossing, Findings};
use super::look::Found;
use super::world::World;
use super::{ExposureKind, Reason};

/// A rule, for people and reports.
#[derive(Clone, Copy)]
pub struct RuleInfo {
    /// Stable name, kebab-case.
    pub id: &'static str,
    /// What an exposure of this rule is, in a few words.
    pub title: &'static str,
    /// What it is evidence for, and where to look for the cause.
    pub help: &'static str,
    /// A page on it, for whoever has one of its exposures before them.
    pub explain: &'static str,
    /// The kind of its exposures.
    pub kind: ExposureKind,
    make: fn() -> Box<dyn Rule>,
}

impl fmt::Debug for RuleInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleInfo")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// All rules.
pub static RULES: &[RuleInfo] = &[
    crossed::INFO,
    shared_session::INFO,
    foreign_write::INFO,
    shifted::INFO,
    outlived::INFO,
    learnt::INFO,
    anonymous::INFO,
    bulk_read::INFO,
];

/// An exchange, and what was found in it.
pub(super) struct Seen<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) found: &'a [Found],
    /// True when everything that the service sent could be looked at.
    pub(super) is_complete: bool,
}

/// What a rule takes in, and when. Every method has a default that does nothing.
pub(super) trait Rule: Send {
    /// The rule with all that it has taken in: executions of an exploration are judged from one beginning.
    fn boxed(&self) -> Box<dyn Rule>;

    /// Another execution of an exploration begins: the service may have been started anew, and the same requests are made
    /// once more. Comes before the first exchange of the execution, of which plantings may have been taken already.
    fn execution(&mut self) {}

    /// A canary was planted, or is about to be.
    fn planted(&mut self, _canary: Canary, _world: &World) {}

    /// An exchange. Whatever is pushed to `crossings` has the exchange's user for its viewer.
    fn exchange(&mut self, _seen: &Seen<'_>, _world: &World, _crossings: &mut Vec<Crossing>) {}

    /// Whether the exchange that was taken last shows something of anybody's, when the rule can tell.
    fn shows(&self) -> Option<bool> {
        None
    }

    /// A volley is over, and these were its exchanges.
    fn volley(&mut self, _facts: &Facts) {}

    /// The users' states have been read back.
    fn read_back(&mut self, _world: &World, _findings: &mut Findings, _notes: &mut Vec<String>) {}

    /// The history is over. Gives the reasons for which nothing is proved, if there are any.
    fn finish(
        &mut self,
        _world: &World,
        _findings: &mut Findings,
        _notes: &mut Vec<String>,
    ) -> Vec<Reason> {
        Vec::new()
    }
}

impl Clone for Box<dyn Rule> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// One of each.
pub(super) fn all() -> Vec<Box<dyn Rule>> {
    RULES.iter().map(|info| (info.make)()).collect()
}

#[cfg(test)]
pub(super) mod testing;

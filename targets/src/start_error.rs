//! Why a target was not started.

use std::error::Error;
use std::fmt;

use crate::catalogue::TargetInfo;

/// A target that was not started, in words for whoever asked for it.
#[derive(Debug)]
pub struct StartError {
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unknown,
    Address,
    Store,
    System,
}

impl StartError {
    /// Whether there is no such target or variant.
    pub fn is_unknown(&self) -> bool {
        self.kind == Kind::Unknown
    }

    /// Whether the address cannot be listened on, or must not be.
    pub fn is_address(&self) -> bool {
        self.kind == Kind::Address
    }

    /// Whether the store could not be opened or filled.
    pub fn is_store(&self) -> bool {
        self.kind == Kind::Store
    }

    pub(crate) fn unknown_target(known: &[TargetInfo], asked: &str) -> Self {
        let known: Vec<_> = known.iter().map(|target| target.name).collect();
        Self {
            kind: Kind::Unknown,
            text: format!(
                "there is no target \"{asked}\"; there is {}",
                known.join(", ")
            ),
        }
    }

    pub(crate) fn unknown_variant(target: &TargetInfo, asked: &str) -> Self {
        let known: Vec<_> = target.variants.iter().map(|variant| variant.name).collect();
        let (target, known) = (target.name, known.join(", "));
        let text = format!("target \"{target}\" has no variant \"{asked}\"; it has {known}");
        Self {
            kind: Kind::Unknown,
            text,
        }
    }

    pub(crate) fn address(reason: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Address,
            text: reason.to_string(),
        }
    }

    pub(crate) fn store(reason: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Store,
            text: reason.to_string(),
        }
    }

    pub(crate) fn system(reason: impl fmt::Display) -> Self {
        Self {
            kind: Kind::System,
            text: reason.to_string(),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Error for StartError {}

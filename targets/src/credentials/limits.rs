//! How long a key and a session are good, and how much one person may read. The variants differ in nothing else.

use std::time::Duration;

/// Different customers whose records one person may read.
pub(super) const MOST_READ: usize = 3;

/// The limits of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// How long a retired key still verifies; without end when there is none.
    pub(super) grace: Option<Duration>,
    /// When a person leaves, the person's key is retired at once. The account is disabled in any case.
    pub(super) leaving_retires_key: bool,
    /// How long a console session lives while nobody uses it; without end when there is none.
    pub(super) idle: Option<Duration>,
    /// How long a console session lives however busy it is; without end when there is none.
    pub(super) absolute: Option<Duration>,
    /// What an open page asks for by itself counts as use.
    pub(super) polls_are_use: bool,
    /// Customers are read only from a place where the reader has logged in.
    pub(super) where_from: bool,
    /// Which reads are counted against [`MOST_READ`].
    pub(super) counted: Counted,
}

/// Reads that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// None: they are in the log, and nobody asks it.
    Nothing,
    /// Those of the last while.
    Within(Duration),
    /// All that there ever were.
    WholeHistory,
}

impl Limits {
    /// Right in everything.
    const HELD: Self = Self {
        grace: Some(Duration::from_secs(5 * 60)),
        leaving_retires_key: true,
        idle: Some(Duration::from_secs(15 * 60)),
        absolute: Some(Duration::from_secs(3600)),
        polls_are_use: false,
        where_from: true,
        counted: Counted::WholeHistory,
    };

    /// The limits of that variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        Some(match variant {
            "retired-key-verifies" => Self {
                grace: None,
                ..Self::HELD
            },
            "no-idle-limit" => Self {
                idle: None,
                absolute: None,
                ..Self::HELD
            },
            "reads-not-counted" => Self {
                where_from: false,
                counted: Counted::Nothing,
                ..Self::HELD
            },
            "where-from-alone" => Self {
                counted: Counted::Nothing,
                ..Self::HELD
            },
            "account-disabled" => Self {
                leaving_retires_key: false,
                ..Self::HELD
            },
            "polls-keep-alive" => Self {
                polls_are_use: true,
                ..Self::HELD
            },
            "idle-limit-alone" => Self {
                absolute: None,
                ..Self::HELD
            },
            "short-window" => Self {
                counted: Counted::Within(Duration::from_secs(12 * 3600)),
                ..Self::HELD
            },
            "limits-held" => Self::HELD,
            _ => return None,
        })
    }
}

//! Under which name a document lies in the folder until it is fetched, who waits for whom, and what a time-out ends. The
//! variants differ in nothing else.

use std::time::Duration;

/// How long a job waits for the printer.
const LIMIT: Duration = Duration::from_millis(25);

/// The rules of a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) name: Name,
    pub(super) turns: Turns,
    /// How long a job waits for the printer.
    pub(super) limit: Duration,
    pub(super) late: Late,
    /// A document is kept with its owner, and given to nobody else.
    pub(super) owned: bool,
}

/// What a document is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The second in which it was asked for.
    Second,
    /// The millisecond.
    Millisecond,
    /// The number that the kiosk gave its request.
    Kiosk,
    /// How many the process has made.
    Counter,
    /// Always the same: there is but one at a time.
    Next,
    /// 128 random bits; and what is there already is never written over.
    Random,
}

/// Whether there is but one document at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turns {
    /// As many as are asked for.
    None,
    /// One in each process.
    Process,
    /// One in the folder.
    Folder,
}

/// What becomes of a job that has waited too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// It ends, and its document goes with it.
    Cancelled,
    /// Others get their turn, and it goes on waiting.
    LosesTurn,
}

impl Rules {
    /// Right in everything.
    const RIGHT: Self = Self {
        name: Name::Random,
        turns: Turns::None,
        limit: LIMIT,
        late: Late::Cancelled,
        owned: true,
    };

    /// Right as well, as long as no two documents have one name.
    const TRUSTING: Self = Self {
        owned: false,
        ..Self::RIGHT
    };

    /// The rules of that variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        Some(match variant {
            "second" => Self {
                name: Name::Second,
                ..Self::TRUSTING
            },
            "kiosk-number" => Self {
                name: Name::Kiosk,
                ..Self::TRUSTING
            },
            "turn-lost" => Self {
                name: Name::Next,
                turns: Turns::Folder,
                late: Late::LosesTurn,
                ..Self::TRUSTING
            },
            "lock-per-process" => Self {
                name: Name::Next,
                turns: Turns::Process,
                ..Self::TRUSTING
            },
            "millisecond" => Self {
                name: Name::Millisecond,
                ..Self::TRUSTING
            },
            "counter" => Self {
                name: Name::Counter,
                ..Self::TRUSTING
            },
            "longer-time-out" => Self {
                name: Name::Next,
                turns: Turns::Folder,
                limit: LIMIT.saturating_mul(100),
                late: Late::LosesTurn,
                ..Self::TRUSTING
            },
            "own-job" => Self::RIGHT,
            _ => return None,
        })
    }
}

//! What a scenario sets besides its users and steps: target, release of the volleys, limits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::choice::{UnknownWord, words};

words! {
    /// How the requests of a volley are let go.
    StrategyName, "strategy":
    /// Every user's task is ready and sends its whole request at a common signal.
    Barrier = "barrier",
    /// HTTP/1.1: everything but the last byte is sent before, the last bytes together.
    LastByte = "last-byte",
    /// HTTP/2: all requests leave in one write on one connection.
    SinglePacket = "single-packet",
    /// No volley at all: requests come one by one at random intervals, as from people who do not know of each other.
    Arrivals = "arrivals",
}

words! {
    /// Version of HTTP that is spoken.
    Protocol, "protocol":
    /// HTTP/1.1.
    Http1 = "http/1.1",
    /// HTTP/2.
    Http2 = "http/2",
}

words! {
    /// How users share connections.
    Connections, "connections":
    /// Every user has a connection of its own.
    PerUser = "per-user",
    /// All users of a group are on one connection (HTTP/2 alone can do that in a volley).
    Shared = "shared",
    /// Every user has a connection, and in every volley takes over that of another user.
    Rotating = "rotating",
}

words! {
    /// Which step each user of a volley sends.
    Pattern, "pattern":
    /// All send the same one; the steps take turns.
    Same = "same",
    /// Each draws one of the steps.
    Mixed = "mixed",
    /// Each sends another one: the steps go round among the users.
    Rotated = "rotated",
    /// Every second user breaks its request off; as soon as they have, the others send theirs.
    AbortThenAsk = "abort-then-ask",
}

words! {
    /// Where a bundled target keeps its data.
    StoreKind, "store":
    /// SQLite, compiled in.
    Sqlite = "sqlite",
    /// The process's memory.
    Memory = "memory",
}

/// The service that a scenario is written for. A command may point the same scenario at another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSpec {
    /// A service that comes with crosswire and is started for the run.
    Bundled {
        /// Its name: `mail`.
        target: String,
        /// Its variant: `shared-note`.
        variant: String,
        /// Where it keeps its data.
        store: StoreKind,
        /// Whether it is served over TLS.
        tls: bool,
    },
    /// A service that runs already: scheme, host, port, and perhaps a path that stands before every step's; no slash at
    /// the end.
    Url(String),
}

impl fmt::Display for TargetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetSpec::Bundled {
                target, variant, ..
            } => write!(f, "{target}/{variant}"),
            TargetSpec::Url(url) => f.write_str(url),
        }
    }
}

/// Bounds of a number in a scenario and the value it has when the file does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Smallest value.
    pub min: u64,
    /// Value when none is given.
    pub default: u64,
    /// Largest value.
    pub max: u64,
}

impl Bounds {
    pub(super) const fn new(min: u64, default: u64, max: u64) -> Bounds {
        Bounds { min, default, max }
    }

    /// Whether `value` lies within, both ends included.
    #[must_use]
    pub const fn contain(&self, value: u64) -> bool {
        self.min <= value && value <= self.max
    }
}

/// Different users whose canaries of a slot one reader may be given: `most-subjects` of `[secrets.…]`. No limit when the file
/// does not say; the bounds' default means nothing.
pub const MOST_SUBJECTS: Bounds = Bounds::new(0, 0, 1_000_000);

/// How the steps of a scenario are fired: `[fire]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FireSettings {
    /// How the requests of a volley are let go.
    pub strategy: StrategyName,
    /// Version of HTTP.
    pub protocol: Protocol,
    /// How users share connections.
    pub connections: Connections,
    /// Which step each user sends.
    pub pattern: Pattern,
    /// Users released together; more users than that means more groups. Within [`FireSettings::GROUP`].
    pub group: u32,
    /// How often everything is repeated. Within [`FireSettings::ROUNDS`].
    pub rounds: u32,
    /// Offsets between neighbouring users of a volley in microseconds, one value per volley in turn; never empty, each
    /// within [`FireSettings::OFFSET_US`].
    pub offsets_us: Vec<u32>,
    /// Mean of the exponential gap between two arrivals in milliseconds ([`StrategyName::Arrivals`] alone). Within
    /// [`FireSettings::MEAN_GAP_MS`].
    pub mean_gap_ms: u32,
    /// Whether every user first runs the steps by itself, as the control.
    pub solo: bool,
    /// How often the solo phase runs, user after user each time. Within [`FireSettings::SOLO_REPEATS`].
    pub solo_repeats: u32,
    /// Whether the users then run the steps one after the other.
    pub sequence: bool,
    /// Overlapping pairs of different owners below which a clean run is inconclusive. Within
    /// [`FireSettings::MIN_OVERLAPS`].
    pub min_overlaps: u64,
}

impl FireSettings {
    /// Bounds of [`FireSettings::group`].
    pub const GROUP: Bounds = Bounds::new(1, 20, 1_000);
    /// Bounds of [`FireSettings::rounds`].
    pub const ROUNDS: Bounds = Bounds::new(1, 30, 1_000_000);
    /// Bounds of each of [`FireSettings::offsets_us`].
    pub const OFFSET_US: Bounds = Bounds::new(0, 0, 10_000_000);
    /// Most values in [`FireSettings::offsets_us`].
    pub const OFFSETS: usize = 1_000;
    /// Bounds of [`FireSettings::mean_gap_ms`].
    pub const MEAN_GAP_MS: Bounds = Bounds::new(1, 50, 60_000);
    /// Bounds of [`FireSettings::solo_repeats`].
    pub const SOLO_REPEATS: Bounds = Bounds::new(1, 1, 10);
    /// Bounds of [`FireSettings::min_overlaps`].
    pub const MIN_OVERLAPS: Bounds = Bounds::new(0, 100, 1_000_000_000);

    /// Changes the strategy, and with it what the new one cannot do without: a single packet needs HTTP/2 and one
    /// connection, a last byte HTTP/1.1 and a connection per user.
    pub fn set_strategy(&mut self, strategy: StrategyName) {
        self.strategy = strategy;
        match strategy {
            StrategyName::SinglePacket => {
                (self.protocol, self.connections) = (Protocol::Http2, Connections::Shared)
            }
            StrategyName::LastByte => {
                (self.protocol, self.connections) = (Protocol::Http1, Connections::PerUser)
            }
            StrategyName::Barrier | StrategyName::Arrivals => {}
        }
    }

    /// What is wrong with the combination of strategy, protocol and connections, if anything: the setting at fault and
    /// why, for people.
    #[must_use]
    pub fn conflict(&self) -> Option<(&'static str, &'static str)> {
        match (self.strategy, self.protocol, self.connections) {
            (StrategyName::SinglePacket, _, Connections::Rotating) => Some((
                "connections",
                "`single-packet` is one write on one connection: it needs `shared`",
            )),
            (StrategyName::SinglePacket, Protocol::Http1, _) => {
                Some(("protocol", "`single-packet` needs `http/2`"))
            }
            (StrategyName::SinglePacket, _, Connections::PerUser) => Some((
                "connections",
                "`single-packet` is one write on one connection: it needs `shared`",
            )),
            (StrategyName::LastByte, Protocol::Http2, _) => Some((
                "protocol",
                "`last-byte` needs `http/1.1`: an HTTP/2 server starts on the headers",
            )),
            (_, Protocol::Http1, Connections::Shared) => Some((
                "connections",
                "requests cannot overlap on a shared `http/1.1` connection; `shared` needs `http/2`",
            )),
            _ => None,
        }
    }

    /// What is wrong when so many users are released in groups, if anything: the setting at fault and why, for people.
    /// With [`Pattern::AbortThenAsk`] half of a group asks, and it takes two to overlap.
    #[must_use]
    pub fn too_few(&self, users: u32) -> Option<(&'static str, String)> {
        /// Half of them ask.
        const LEAST: u32 = 4;
        if self.pattern != Pattern::AbortThenAsk {
            return None;
        }
        let all_at_once = self.strategy == StrategyName::Arrivals;
        // Groups are of even size, so this is the smallest.
        let groups = match all_at_once {
            true => 1,
            false => users.div_ceil(self.group.max(1)).max(1),
        };
        let smallest = users / groups;
        if smallest >= LEAST {
            return None;
        }
        let why = format!(
            "`abort-then-ask` needs groups of {LEAST} users: half of them break off, and of the others two must ask at the same time; {users} users in groups of at most {} make one of {smallest}",
            if all_at_once { users } else { self.group }
        );
        Some((if users < LEAST { "users" } else { "group" }, why))
    }
}

impl Default for FireSettings {
    fn default() -> FireSettings {
        FireSettings {
            strategy: StrategyName::Barrier,
            protocol: Protocol::Http1,
            connections: Connections::PerUser,
            pattern: Pattern::Same,
            group: FireSettings::GROUP.default as u32,
            rounds: FireSettings::ROUNDS.default as u32,
            offsets_us: vec![FireSettings::OFFSET_US.default as u32],
            mean_gap_ms: FireSettings::MEAN_GAP_MS.default as u32,
            solo: true,
            solo_repeats: FireSettings::SOLO_REPEATS.default as u32,
            sequence: true,
            min_overlaps: FireSettings::MIN_OVERLAPS.default,
        }
    }
}

/// What a run never goes beyond: `[limits]`. They are always on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of the whole run. Within [`Limits::REQUESTS`].
    pub requests: u64,
    /// Length of the run in seconds. Within [`Limits::DURATION_S`].
    pub duration_s: u64,
    /// Bytes of an answer's body that are kept and judged. Within [`Limits::ANSWER_BYTES`].
    pub answer_bytes: u64,
    /// Milliseconds until an answer counts as missing. Within [`Limits::TIMEOUT_MS`].
    pub timeout_ms: u64,
    /// Requests a second, on the average over a second; a volley leaves together all the same and is made up for. Within
    /// [`Limits::RATE`].
    pub rate: u64,
}

impl Limits {
    /// Bounds of [`Limits::requests`].
    pub const REQUESTS: Bounds = Bounds::new(1, 1_000_000, 1_000_000_000);
    /// Bounds of [`Limits::duration_s`]: up to a day.
    pub const DURATION_S: Bounds = Bounds::new(1, 600, 86_400);
    /// Bounds of [`Limits::answer_bytes`]: up to 16 MiB, so that every answer fits into a line
    /// of a history ([`LINE_LIMIT`](crate::history::LINE_LIMIT)).
    pub const ANSWER_BYTES: Bounds = Bounds::new(1, 1 << 20, 1 << 24);
    /// Bounds of [`Limits::rate`].
    pub const RATE: Bounds = Bounds::new(1, 50_000, 10_000_000);
    /// Bounds of [`Limits::timeout_ms`]: up to ten minutes.
    pub const TIMEOUT_MS: Bounds = Bounds::new(1, 10_000, 600_000);
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests: Limits::REQUESTS.default,
            duration_s: Limits::DURATION_S.default,
            answer_bytes: Limits::ANSWER_BYTES.default,
            timeout_ms: Limits::TIMEOUT_MS.default,
            rate: Limits::RATE.default,
        }
    }
}

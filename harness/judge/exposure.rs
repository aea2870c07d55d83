//! A finding, and the sums over all of them.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::history::Phase;
use crate::identity::{Form, UserId};

/// A viewer got, or acted on, a victim's data. Equal crossings (same rule, kind, viewer, victim, step, place) are one
/// exposure, told by its first occurrence and [`Exposure::times_seen`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Stable across runs of the same scenario with the same users: a short hash over rule, kind, viewer, victim, step, place.
    pub id: String,
    /// Id of the rule, one of [`RULES`](super::RULES).
    pub rule: &'static str,
    /// Read or write.
    pub kind: ExposureKind,
    /// Who received or acted.
    pub viewer: UserId,
    /// Whose data it was.
    pub victim: UserId,
    /// Index of the step, into [`Start::steps`](crate::history::Start::steps).
    pub step: u16,
    /// Index of the slot of the canary that crossed, when one did.
    pub slot: Option<u16>,
    /// Where in the exchange.
    pub place: Place,
    /// In which form the canary stood there.
    pub form: Option<Form>,
    /// Part of the run in which it was first seen.
    pub phase: Phase,
    /// Round in which it was first seen; 0 before the first.
    pub round: u32,
    /// How many exchanges showed it.
    pub times_seen: u64,
    /// The viewer's exchange (first occurrence).
    pub viewer_side: Side,
    /// The victim's request that was under way at the same time, when the history has one.
    pub victim_side: Option<Side>,
    /// The canary, whole. It is planted data; reports mask it all the same.
    pub canary: Option<String>,
    /// What was learnt of the victim and crossed, whole, when it was no canary. It is real data: reports mask it.
    pub value: Option<String>,
}

/// One user's exchange, as far as a report tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Number of the exchange in the history.
    pub exchange: u64,
    /// Step.
    pub step: u16,
    /// Method and path.
    pub request: String,
    /// Status of the answer, when there was one.
    pub status: Option<u16>,
    /// When the request left, nanoseconds since the run began.
    pub sent_ns: u64,
    /// When it was over, nanoseconds since the run began.
    pub done_ns: u64,
    /// Arrival on the server's clock, microseconds, when it tells.
    pub arrived_us: Option<u64>,
    /// Place in the order in which requests wrote the server's memo, when it tells.
    pub order: Option<u64>,
    /// What the answer was, as far as it is kept.
    pub evidence: Evidence,
}

/// What is kept of an answer: raw, canaries and tokens included. Reports mask it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Status line and headers; at most [`Evidence::HEAD_KEPT`] bytes.
    pub head: Bytes,
    /// A part of the body as it came (content coding undone where that is possible), around what was found; at most
    /// [`Evidence::BODY_KEPT`] bytes.
    pub body: Bytes,
    /// Where in the body that part begins, bytes.
    pub body_start: u64,
    /// Length of the whole body, bytes.
    pub body_len: u64,
}

impl Evidence {
    /// Bytes of a head that are kept.
    pub const HEAD_KEPT: usize = 4096;
    /// Bytes of a body that are kept.
    pub const BODY_KEPT: usize = 2048;
}

/// One volley, for charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolleyPoint {
    /// Number in the run, from 1.
    pub volley: u32,
    /// Round.
    pub round: u32,
    /// Offset between neighbouring users, microseconds.
    pub offset_us: u32,
    /// From the first arrival to the last, microseconds.
    pub spread_us: u64,
    /// Whether that is by the server's clock; otherwise it is from the first release to the last on the client's.
    pub by_server: bool,
    /// Overlapping pairs of different owners.
    pub pairs: u64,
    /// Pairs of an exchange and a victim whose data it held.
    pub exposing: u64,
}

/// Volleys of which there is a [`VolleyPoint`]; of a longer run, every second, fourth, … one.
pub const POINTS_KEPT: usize = 2_000;

/// What crossed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExposureKind {
    /// The viewer received the victim's data.
    Read,
    /// The viewer's request changed or removed the victim's data.
    Write,
    /// Viewer and victim were given one and the same session.
    Session,
}

/// Where in an exchange something was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// The status line.
    StatusLine,
    /// The value (or name) of a header, by its lower-case name.
    Header(String),
    /// The body.
    Body,
    /// The raw bytes of an exchange that did not end in a whole answer.
    Partial,
    /// The owner's own state, read back.
    ReadBack,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::StatusLine => f.write_str("status line"),
            Place::Header(name) => write!(f, "header {name}"),
            Place::Body => f.write_str("body"),
            Place::Partial => f.write_str("partial answer"),
            Place::ReadBack => f.write_str("read-back"),
        }
    }
}

/// Sums over all exposures, those beyond the kept ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Distinct users who received or acted on somebody else's data.
    pub viewers: u64,
    /// Distinct users whose data it was.
    pub victims: u64,
    /// Attachments downloaded by somebody else: distinct pairs of viewer and canary of an attachment slot.
    pub attachments: u64,
    /// Items of a user that another's request changed or removed.
    pub writes: u64,
    /// Exchanges in which a canary of somebody else was found.
    pub exchanges: u64,
    /// Of the crossings whose two sides both tell their place in the order of the server's memo: those in which the
    /// viewer wrote earlier than the victim.
    pub viewer_earlier: u64,
    /// Crossings whose two sides both tell that order.
    pub ordered: u64,
}

/// How tightly the volleys of one strategy arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Strategy.
    pub strategy: String,
    /// Volleys.
    pub volleys: u64,
    /// Median over volleys of (last minus first) arrival, microseconds.
    pub median_us: u64,
    /// 95th percentile over volleys, microseconds.
    pub p95_us: u64,
    /// True when the arrivals are the server's own; otherwise the client's release times.
    pub by_server: bool,
}

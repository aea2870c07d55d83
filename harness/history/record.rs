//! What a history is made of.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{DayRecord, Explored};
use crate::identity::UserId;

/// One entry of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Record {
    /// First of a history: what the run is.
    Start(Start),
    /// A canary was planted in a user's data (or is about to be: it may be seen from here on).
    Planted(Planted),
    /// A request and its answer.
    Exchange(Exchange),
    /// A volley has ended: all its exchanges stand before this record.
    Volley(Volley),
    /// Something a reader of the report should know, in one sentence; for instance that a wished release was not possible.
    Note {
        /// The sentence.
        text: String,
    },
    /// A control run was made beforehand, in which answers were swapped on purpose.
    Control(ControlRun),
    /// A day is replayed: what it is, or where its clock stands.
    Day(DayRecord),
    /// Schedules of a set of requests were explored: all their exchanges stand before this record.
    Explored(Box<Explored>),
    /// Last of a history.
    End(End),
}

/// What a run is: everything the judge has to know that is not an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Version of this format, [`HISTORY_VERSION`](super::HISTORY_VERSION).
    pub history_version: u32,
    /// Version of crosswire that wrote it.
    pub crosswire_version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// What was tested.
    pub target: Target,
    /// Engine that ran: `fire`, `explore`.
    pub engine: String,
    /// Seed of everything the engine chose by chance.
    pub seed: u64,
    /// Salt of the run's canaries (text form of [`Salt`](crate::identity::Salt)).
    pub salt: String,
    /// Names of the users; [`UserId`] is the index.
    pub users: Vec<String>,
    /// The slots in which canaries are planted; a canary's slot is the index.
    pub slots: Vec<SlotInfo>,
    /// The steps of the scenario; [`Exchange::step`] is the index.
    pub steps: Vec<StepInfo>,
    /// Overlapping pairs of different owners below which a clean run is inconclusive.
    pub min_overlaps: u64,
}

/// The service under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// As the user names it: `mail/shared-note` for a bundled one, otherwise its base URL.
    pub name: String,
    /// Where the requests went.
    pub url: String,
}

/// A named place in a user's data into which the scenario plants canaries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotInfo {
    /// The name in the scenario: `secret("name")`.
    pub name: String,
    /// True when a canary of this slot in another user's exchange means that a file was downloaded by somebody else.
    #[serde(default)]
    pub attachment: bool,
    /// True when everybody may see what is planted here: it is a control, never an exposure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// True for the slot of the nonces that requests carry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nonce: bool,
    /// The most different users whose canaries of this slot one reader may be given, though the reader may read each; without
    /// a limit when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_subjects: Option<u32>,
}

/// What a step of the scenario does, as far as the judge needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// The name in the scenario.
    pub name: String,
    /// What the step is for.
    pub role: StepRole,
    /// Name of the cookie by which a log-in's answer gives the session, when the scenario says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Slots whose newest canary of the requesting user a good answer contains (the control).
    #[serde(default)]
    pub sees: Vec<u16>,
    /// Slots whose newest canary of the requesting user this request takes away.
    #[serde(default)]
    pub removes: Vec<u16>,
    /// True when a right answer holds the request's own nonce.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub echoes: bool,
    /// True when what only one user's solo answers contain is learnt from it and looked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub learns: bool,
    /// True when it is broken off, given up or malformed on purpose: how it ends is no evidence of anything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub breaks_off: bool,
    /// True when it is no request at all, on purpose: a refusal is the right answer to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub malformed: bool,
    /// True when it is sent without cookies and session headers: nobody's request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// Why the session that it is sent with must be dead by now; an answer with the user's own data is an exposure then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<Dead>,
    /// Line of the scenario file on which it begins, from 1; 0 when there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub line: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape serde asks for"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape serde asks for"
)]
fn is_zero_u32(number: &u32) -> bool {
    *number == 0
}

/// Why a session must be dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dead {
    /// Its user has logged out.
    LogOut,
    /// It has been idle for longer than the service allows.
    Idle,
    /// Its user has logged in anew, and has another one.
    Rotation,
}

/// What a step is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepRole {
    /// Gives a user a session; its answer may set the session's cookie.
    LogIn,
    /// Ends a user's session.
    LogOut,
    /// Prepares a user or a round.
    #[default]
    Prepare,
    /// Is raced.
    Fire,
    /// Reads a user's state back, alone.
    ReadBack,
    /// Asks for what its user misses, alone; on a replayed day.
    Restore,
    /// Takes away what the run has left behind.
    CleanUp,
}

/// A canary and who may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planted {
    /// The canary's text; it names owner, slot and serial number itself.
    pub canary: String,
    /// Users besides the owner who may see it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<UserId>,
}

/// The part of a run in which an exchange took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Log-in and planting, one request at a time.
    Setup,
    /// Every user by itself: the control.
    Solo,
    /// A, then B, in sequence.
    Sequence,
    /// Requests of several users released together.
    Volley,
    /// Every user's state read back, one request at a time.
    ReadBack,
    /// What the run has left behind is taken away, one request at a time.
    CleanUp,
}

/// One request and its answer. Times are nanoseconds since the run began, on the client's monotonic clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Number of the exchange in the run, from 0, in order of recording.
    pub id: u64,
    /// Who asked.
    pub user: UserId,
    /// Index into [`Start::steps`].
    pub step: u16,
    /// Part of the run.
    pub phase: Phase,
    /// Round, from 1; 0 before the first.
    pub round: u32,
    /// Number of the volley in the run, from 1, when it was fired in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volley: Option<u32>,
    /// Number of the connection in the run.
    pub connection: u32,
    /// What was asked.
    pub request: RequestLine,
    /// When the last byte of the request left (the release, in a volley, unless some of it left later). Of requests that are
    /// pipelined over HTTP/1.1, which are answered one after the other, each but the first begins when the answer before it
    /// began to come (or was over without one): it cannot be shown to have been under way earlier.
    pub sent_ns: u64,
    /// When the first byte of the answer was read; absent when none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ns: Option<u64>,
    /// When the exchange was over, however it ended.
    pub done_ns: u64,
    /// What the server says of its own times; the bundled targets do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerTimes>,
    /// True when an answer came that is not what the step expects: another status, or without what is to be captured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// True when the answer is not the step's final one: a redirect that was followed, or a refusal after which the
    /// session was refreshed and the step sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub followed: bool,
    /// The nonce that the request carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// What was done to the exchange on purpose, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provoked: Option<String>,
    /// True when it failed because crosswire itself ended it: broke it off, gave up within the step's own time-out, or
    /// closed the connection to break off another request on it. That it failed is no evidence of anything then. What failed
    /// otherwise, by the server's doing or within the run's time for an exchange, did so by itself, whatever was provoked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// How it ended.
    pub outcome: Outcome,
}

/// What was asked, without anything secret: header values and bodies are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLine {
    /// The method.
    pub method: String,
    /// Path and query, supplied secrets masked.
    pub path: String,
    /// Length of the body in bytes.
    #[serde(default)]
    pub body_len: u64,
}

/// A server's own account of an exchange (answer headers `x-arrived-us`, `x-answered-us`, `x-note-order`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerTimes {
    /// When the handler began, microseconds on the server's clock.
    pub arrived_us: u64,
    /// When the answer was ready, microseconds on the same clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_us: Option<u64>,
    /// The request's place in the order in which requests wrote the server's memo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A whole answer came.
    Answer {
        /// Status code.
        status: u16,
        /// Status line and headers as they came (HTTP/1.1), or written in that form (HTTP/2), each line ended by CR LF.
        #[serde(with = "super::ndjson::text_or_base64")]
        head: Bytes,
        /// The body as it came, transfer coding removed, content coding kept; cut at the run's limit.
        #[serde(with = "super::ndjson::text_or_base64")]
        body: Bytes,
        /// True when the body was longer than the run's limit and the rest was not kept.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cut: bool,
    },
    /// No whole answer: connection refused, reset, timed out, unreadable.
    Failed {
        /// What went wrong, for people.
        why: String,
        /// What had come before, raw: it may contain a canary as well.
        #[serde(with = "super::ndjson::text_or_base64", default)]
        partial: Bytes,
    },
}

/// How a volley was released and what that reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volley {
    /// Number in the run, from 1.
    pub volley: u32,
    /// Round.
    pub round: u32,
    /// How many requests were armed.
    pub requests: u32,
    /// Time from the first arrival to the last on the server's clock, microseconds, when every answer tells its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_spread_us: Option<u64>,
    /// Offset between neighbouring users, microseconds; with the pattern `abort-then-ask`, the time from the release to
    /// breaking off.
    #[serde(default, skip_serializing_if = "is_zero_u32")]
    pub offset_us: u32,
    /// The release.
    pub release: Release,
}

/// How the requests of a volley were let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Name of the strategy that was used: `barrier`, `last-byte`, `single-packet`, `arrivals`.
    pub strategy: String,
    /// Connections that took part.
    pub connections: u32,
    /// System calls that released the requests.
    pub writes: u32,
    /// Time from the first release to the last, nanoseconds, on the client.
    pub client_spread_ns: u64,
    /// True when it was known, not hoped, that the peer had everything but the withheld bytes (acknowledged PING,
    /// empty send queue).
    pub armed: bool,
}

/// What a run with exposures that were planted on purpose has shown of the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRun {
    /// Answers that were given to another user on purpose.
    pub swapped: u64,
    /// Exchanges that were then recognised as holding another user's data.
    pub recognised: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The reason.
    pub ending: Ending,
    /// Rounds that were finished.
    pub rounds: u32,
    /// Length of the run, nanoseconds.
    pub elapsed_ns: u64,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
pub enum Ending {
    /// Everything the scenario asked for was done.
    Completed,
    /// A limit of the run was reached; what was done until then counts.
    Limit {
        /// Which limit.
        limit: String,
    },
    /// The user interrupted it.
    Interrupted,
    /// It could not go on.
    Failed {
        /// What went wrong, for people.
        why: String,
        /// What kind of thing that is.
        cause: Cause,
    },
}

/// What a run could not go on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The target was not reached, or stopped answering.
    Unreachable,
    /// A log-in was refused.
    LogIn,
    /// Another step that must succeed was answered, but not as the scenario expects; or it could not be made.
    Step,
}

impl Exchange {
    /// Where the requests of `a` and `b` were under way at the same time: on the server's own clock when it tells both
    /// ends, otherwise between the last byte out and the first byte back, as the client saw it: answers of a volley are
    /// read after all of it is released, so on the client's clock they always overlap. The judge counts more strictly, see
    /// [`Strength`](crate::judge::Strength).
    #[must_use]
    pub fn overlaps(&self, other: &Exchange) -> bool {
        let (a, b) = match (self.server_interval(), other.server_interval()) {
            (Some(a), Some(b)) => (a, b),
            _ => (self.client_interval(), other.client_interval()),
        };
        a.0 <= b.1 && b.0 <= a.1
    }

    /// From arrival to answer on the server's clock, microseconds, when the server tells both.
    #[must_use]
    pub fn server_interval(&self) -> Option<(u64, u64)> {
        let times = self.server?;
        Some((times.arrived_us, times.answered_us?.max(times.arrived_us)))
    }

    /// From the last byte out to the first byte back, nanoseconds.
    #[must_use]
    pub fn client_interval(&self) -> (u64, u64) {
        (
            self.sent_ns,
            self.first_byte_ns.unwrap_or(self.done_ns).max(self.sent_ns),
        )
    }
}

impl Target {
    /// A target known by its address alone.
    #[must_use]
    pub fn at(address: SocketAddr) -> Target {
        Target {
            name: address.to_string(),
            url: format!("http://{address}"),
        }
    }
}

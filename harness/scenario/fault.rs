//! What a step does to its own request on purpose: breaking off, dawdling, writing what is no request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::settings::Bounds;
use crate::choice::{UnknownWord, words};

words! {
    /// When a request is broken off.
    AbortWhen, "when":
    /// Before the whole request has left.
    MidRequest = "mid-request",
    /// After the request, before the first byte of an answer.
    BeforeAnswer = "before-answer",
    /// After the first bytes of the answer.
    MidAnswer = "mid-answer",
}

words! {
    /// How a request is broken off.
    AbortHow, "how":
    /// The connection is closed (FIN).
    Close = "close",
    /// HTTP/1.1: the connection is reset (RST); HTTP/2: the stream is (RST_STREAM, CANCEL), the connection stays.
    Reset = "reset",
}

words! {
    /// What is wrong with a request that is none.
    Malformed, "malformed":
    /// A request line that is none.
    RequestLine = "request-line",
    /// A header without a colon.
    Header = "header",
    /// A Content-Length that is no number.
    Length = "length",
    /// A chunk whose size is no number.
    Chunk = "chunk",
    /// Two Content-Length headers that differ.
    DoubleLength = "double-length",
}

/// A request is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abort {
    /// When.
    pub when: AbortWhen,
    /// How.
    pub how: AbortHow,
    /// Milliseconds after the release (before-answer), after the first byte of the answer (mid-answer) or after the first
    /// half of the request (mid-request). Within [`Abort::AFTER_MS`].
    pub after_ms: u64,
}

impl Abort {
    /// Bounds of [`Abort::after_ms`].
    pub const AFTER_MS: Bounds = Bounds::new(0, 0, 600_000);
}

/// So many bytes, then a pause, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes at a time. Within [`Pace::BYTES`].
    pub bytes: u32,
    /// Milliseconds between two times. Within [`Pace::EVERY_MS`].
    pub every_ms: u32,
}

impl Pace {
    /// Bounds of [`Pace::bytes`].
    pub const BYTES: Bounds = Bounds::new(1, 64, 1 << 20);
    /// Bounds of [`Pace::every_ms`].
    pub const EVERY_MS: Bounds = Bounds::new(1, 20, 60_000);
}

/// Everything that a step does to its own request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// It is broken off.
    pub abort: Option<Abort>,
    /// It gives up after so many milliseconds, on purpose. Within the bounds of [`Limits::timeout_ms`](super::Limits).
    pub timeout_ms: Option<u64>,
    /// The answer is read slowly.
    pub slow_read: Option<Pace>,
    /// The request is written slowly, from its release on.
    pub slow_write: Option<Pace>,
    /// The sending side is closed after the request (HTTP/1.1).
    pub half_close: bool,
    /// How often it is written, in one write (HTTP/1.1). Within [`Faults::PIPELINE`].
    pub pipeline: u32,
    /// It is no request.
    pub malformed: Option<Malformed>,
}

impl Faults {
    /// Bounds of [`Faults::pipeline`].
    pub const PIPELINE: Bounds = Bounds::new(1, 1, 100);

    /// Whether it is an ordinary request.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Faults::default()
    }

    /// Whether it is meant not to end in a whole answer, or in a refusal: what becomes of it is no evidence of anything.
    #[must_use]
    pub fn breaks_off(&self) -> bool {
        self.abort.is_some() || self.timeout_ms.is_some() || self.malformed.is_some()
    }
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            abort: None,
            timeout_ms: None,
            slow_read: None,
            slow_write: None,
            half_close: false,
            pipeline: 1,
            malformed: None,
        }
    }
}

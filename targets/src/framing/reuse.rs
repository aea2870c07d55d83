//! When a connection between front and backend is used for another request. The variants differ in nothing else.

/// The rules of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// The backend refuses a request that states its length in two ways.
    pub(super) one_length: bool,
    /// The front closes a pooled connection on which something has arrived that nobody has asked for.
    pub(super) quiet_when_taken: bool,
    /// Bytes of a body that an early answer left unread, and that the backend skips.
    pub(super) skips: u64,
    /// What the backend does when more than that is left.
    pub(super) rest: Rest,
}

/// What becomes of a connection on which the rest of a body is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It stays in use, since the answer is complete: what comes next is read as a request.
    NextRequest,
    /// It is closed, since one direction is not complete, and the answer says so.
    Closed,
}

impl Rules {
    /// The answer alone decides.
    const AT_ANSWER: Self = Self {
        one_length: false,
        quiet_when_taken: false,
        skips: 0,
        rest: Rest::NextRequest,
    };

    /// The rules of that variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        Some(match variant {
            "pooled-at-answer" => Self::AT_ANSWER,
            "one-length" => Self {
                one_length: true,
                ..Self::AT_ANSWER
            },
            "quiet-when-taken" => Self {
                quiet_when_taken: true,
                ..Self::AT_ANSWER
            },
            "drained-64-kib" => Self {
                skips: 64 * 1024,
                ..Self::AT_ANSWER
            },
            "drained-or-closed" => Self {
                skips: 64 * 1024,
                rest: Rest::Closed,
                ..Self::AT_ANSWER
            },
            "both-complete" => Self {
                rest: Rest::Closed,
                ..Self::AT_ANSWER
            },
            _ => return None,
        })
    }

    /// Whether a connection stays in use after an answer that left so many bytes of its request's body unread.
    pub(super) fn stays(&self, left: u64) -> bool {
        left <= self.skips || self.rest == Rest::NextRequest
    }
}

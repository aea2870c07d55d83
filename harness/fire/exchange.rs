//! A request as the engine sends it and what comes back, before either becomes a record.

use bytes::Bytes;

use super::Clock;
use crate::scenario::Faults;

/// A rendered request of one user: cookies are among the headers.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, the base URL's path included.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Host and, when it is not the scheme's own, port.
    pub(crate) authority: String,
    /// What is done to it on purpose.
    pub(crate) faults: Faults,
}

impl Request {
    /// The headers with `host` in front, unless the scenario sets one itself.
    pub(crate) fn headers_with_host(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = (!given).then_some(("host", self.authority.as_str()));
        host.into_iter().chain(
            self.headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Bytes,
    pub(crate) body: Bytes,
    pub(crate) cut: bool,
    pub(crate) first_ns: u64,
    pub(crate) done_ns: u64,
}

/// No whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) why: String,
    pub(crate) partial: Bytes,
    pub(crate) first_ns: Option<u64>,
    /// True when the peer closed or reset the connection; false for everything else, a time limit above all.
    pub(crate) closed: bool,
}

impl Failure {
    pub(crate) fn new(why: impl Into<String>) -> Failure {
        Failure {
            why: why.into(),
            partial: Bytes::new(),
            first_ns: None,
            closed: false,
        }
    }

    /// The peer closed or reset the connection.
    pub(crate) fn closed(why: impl Into<String>) -> Failure {
        Failure {
            closed: true,
            ..Failure::new(why)
        }
    }

    /// The same, once it is known when the first byte had come.
    pub(crate) fn at(self, first_ns: Option<u64>) -> Failure {
        Failure { first_ns, ..self }
    }

    /// True when the connection was closed and not a byte of an answer had come: what a client sees of a server that
    /// closed an idle connection in the moment in which it was used again.
    pub(crate) fn closed_idle(&self) -> bool {
        self.closed && self.first_ns.is_none() && self.partial.is_empty()
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Failure {
        Failure::new(why)
    }
}

/// What became of a request.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) sent_ns: u64,
    pub(crate) result: Result<Answer, Failure>,
    pub(crate) done_ns: u64,
    /// The answer is not what the step expects.
    pub(crate) refused: bool,
    /// The answer is not the step's last one: another request followed because of it.
    pub(crate) followed: bool,
    /// What was done to it on purpose.
    pub(crate) provoked: Option<String>,
    /// It failed because this side ended it: broken off, given up within a time of its own, or on a connection that was
    /// closed to break another one off.
    pub(crate) cut_off: bool,
}

impl Done {
    pub(crate) fn new(sent_ns: u64, result: Result<Answer, Failure>, clock: Clock) -> Done {
        let done_ns = result
            .as_ref()
            .map_or_else(|_| clock.now(), |answer| answer.done_ns);
        Done {
            sent_ns,
            result,
            done_ns,
            refused: false,
            followed: false,
            provoked: None,
            cut_off: false,
        }
    }

    /// The same, after something was done to it on purpose: that the connection closed is no reason to ask again then.
    pub(crate) fn provoked(mut self, provoked: Option<String>) -> Done {
        if let (Some(_), Err(failure)) = (&provoked, &mut self.result) {
            failure.closed = false;
        }
        self.provoked = provoked;
        self
    }

    /// When its answer began to come, or it was over without one, nanoseconds since the run began.
    pub(crate) fn answering_ns(&self) -> u64 {
        let first_ns = match &self.result {
            Ok(answer) => Some(answer.first_ns),
            Err(failure) => failure.first_ns,
        };
        first_ns.unwrap_or(self.done_ns)
    }

    /// The same, when this side ended it: an answer that was whole by then is one all the same.
    pub(crate) fn cut_off(mut self, cut_off: bool) -> Done {
        self.cut_off = cut_off && self.result.is_err();
        self
    }
}

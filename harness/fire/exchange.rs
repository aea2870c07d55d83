//! A request as the engine sends it and what comes back, before either becomes a record.

use bytes::Bytes;

use super::Clock;

/// A rendered request of one user: cookies are among the headers.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query, the base URL's path included.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// Host and, when it is not the scheme's own, port.
    pub(super) authority: String,
}

impl Request {
    /// The headers with `host` in front, unless the scenario sets one itself.
    pub(super) fn headers_with_host(&self) -> impl Iterator<Item = (&str, &str)> {
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
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: Bytes,
    pub(super) body: Bytes,
    pub(super) cut: bool,
    pub(super) first_ns: u64,
    pub(super) done_ns: u64,
}

/// No whole answer.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    pub(super) partial: Bytes,
    pub(super) first_ns: Option<u64>,
}

impl Failure {
    pub(super) fn new(why: impl Into<String>) -> Failure {
        Failure {
            why: why.into(),
            partial: Bytes::new(),
            first_ns: None,
        }
    }

    /// True when not a byte of an answer had come, so that the server may never have seen the request.
    pub(super) fn silent(&self) -> bool {
        self.first_ns.is_none() && self.partial.is_empty()
    }
}

/// What became of a request.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) sent_ns: u64,
    pub(super) result: Result<Answer, Failure>,
    pub(super) done_ns: u64,
}

impl Done {
    pub(super) fn new(sent_ns: u64, result: Result<Answer, Failure>, clock: Clock) -> Done {
        let done_ns = result
            .as_ref()
            .map_or_else(|_| clock.now(), |answer| answer.done_ns);
        Done {
            sent_ns,
            result,
            done_ns,
        }
    }
}

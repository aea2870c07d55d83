//! Exchanges in this process, from what a service gave to the records of them.

use std::fmt::Write as _;

use bytes::Bytes;

use super::child::Got;
use crate::fire::dial::explained;
use crate::fire::exchange::{Answer, Failure};
use crate::fire::session::{Line, Session, decoded, server_times};
use crate::history::{Exchange, Outcome, Phase};
use crate::identity::UserId;
use crate::scenario::Step;

/// A request and what came of it.
pub(super) struct Happened<'a> {
    pub(super) user: usize,
    pub(super) step: &'a Step,
    pub(super) phase: Phase,
    pub(super) line: Line,
    /// Microseconds since the execution began.
    pub(super) sent_us: u64,
    pub(super) first_us: Option<u64>,
    pub(super) done_us: u64,
    pub(super) result: Result<Answer, Failure>,
    pub(super) refused: bool,
    /// Its client went away.
    pub(super) cancelled: bool,
}

/// Where and when records are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) id: u64,
    /// Of the execution; 0 for what is done once.
    pub(super) execution: u32,
    /// Microseconds since the run began, at the execution's beginning.
    pub(super) since_us: u64,
}

/// Why an exchange was not what its step expects.
pub(super) enum Unmet {
    /// No whole answer came.
    NoAnswer(String),
    /// An answer came, with another status or without what is to be captured.
    Answered(String),
}

/// The answer as a client would have it.
pub(super) fn answer(got: &Got) -> Option<Answer> {
    let (_, status, headers) = got.head.as_ref()?;
    let mut line = String::new();
    // Writing into a text cannot fail. The service never said a version that was sent anywhere.
    let _ = write!(line, "HTTP/1.1 {}", status.as_u16());
    if let Some(reason) = status.canonical_reason() {
        let _ = write!(line, " {reason}");
    }
    let mut head = line.into_bytes();
    head.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    Some(Answer {
        status: status.as_u16(),
        head: head.into(),
        body: Bytes::copy_from_slice(&got.body),
        cut: got.cut,
        first_ns: 0,
        done_ns: 0,
    })
}

/// What came before an answer broke off.
pub(super) fn failure(why: &str, got: &Got) -> Failure {
    let partial = answer(got).map_or_else(Bytes::new, |answer| {
        [&answer.head[..], b"\r\n", &answer.body[..]]
            .concat()
            .into()
    });
    Failure {
        partial,
        ..Failure::new(why)
    }
}

/// Takes an answer into the user's session; redirects are not followed: what the service answered is the answer.
///
/// # Errors
/// Why it is not what the step expects.
pub(super) fn weigh(
    session: &mut Session,
    step: &Step,
    url: Option<&url::Url>,
    result: &Result<Answer, Failure>,
) -> Result<(), Unmet> {
    let answer = result
        .as_ref()
        .map_err(|failure| Unmet::NoAnswer(explained(&failure.why)))?;
    session.receive(step, url, answer);
    if step.dead.is_some() {
        // Being turned away is what is hoped for.
        let hoped = matches!(answer.status, 300..=399 | 401 | 403);
        return match hoped || step.status.accepts(answer.status) {
            true => Ok(()),
            false => Err(Unmet::Answered(format!(
                "it was answered {}",
                answer.status
            ))),
        };
    }
    let body = decoded(answer);
    let captured = session.capture(step, answer, &body, &Default::default());
    let why = match step.status.accepts(answer.status) {
        true => step
            .expectations()
            .unmet(&answer.head, &body)
            .or(captured.err()),
        false => Some(format!("it was answered {}", answer.status)),
    };
    match why {
        Some(why) => Err(Unmet::Answered(why)),
        None => {
            session.accept(step, 0);
            Ok(())
        }
    }
}

impl Happened<'_> {
    pub(super) fn record(self, numbers: Numbers) -> Exchange {
        let ns = |us: u64| (numbers.since_us + us) * 1_000;
        let (first_byte_ns, server, outcome) = match self.result {
            Ok(answer) => {
                let server = server_times(&answer.head);
                let outcome = Outcome::Answer {
                    status: answer.status,
                    head: answer.head,
                    body: answer.body,
                    cut: answer.cut,
                };
                (self.first_us.map(ns), server, outcome)
            }
            Err(failure) => {
                let outcome = Outcome::Failed {
                    why: failure.why,
                    partial: failure.partial,
                };
                (self.first_us.map(ns), None, outcome)
            }
        };
        let cancelled = self
            .cancelled
            .then(|| "the client went away before it had the whole answer".to_owned());
        Exchange {
            id: numbers.id,
            user: UserId(u32::try_from(self.user).unwrap_or(u32::MAX)),
            step: self.step.index,
            phase: self.phase,
            round: numbers.execution,
            volley: (self.phase == Phase::Volley).then_some(numbers.execution),
            connection: u32::try_from(self.user).unwrap_or(u32::MAX),
            request: self.line.request,
            sent_ns: ns(self.sent_us),
            first_byte_ns,
            done_ns: ns(self.done_us),
            server,
            refused: self.refused,
            followed: false,
            nonce: self.line.nonce,
            provoked: cancelled,
            cut_off: self.cancelled,
            outcome,
        }
    }
}

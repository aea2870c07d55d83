//! The pages that are sent from buffers.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, StatusCode};

use super::Site;
use super::pool::Pool;
use super::sending::Sending;
use crate::members::{self, Member};

/// What a client writes here it gets back, to find the answer in its logs.
const TRACE: HeaderName = HeaderName::from_static("x-trace");
/// Bytes of the headers of an answer.
const HEADERS: usize = 8_192;

/// Columns of a line, of which dots fill those that nothing is in.
const WIDTH: usize = 240;

/// How much is sent, and in how much at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Lines of a statement.
    lines: u32,
    /// Bytes of a piece.
    piece: usize,
}

impl Sizes {
    /// Several hundred kilobytes: more than a connection takes at once.
    pub(super) const SERVED: Self = Self {
        lines: 2_000,
        piece: 2_048,
    };
    /// A few pieces: each is a step.
    pub(super) const EXPLORED: Self = Self {
        lines: 12,
        piece: 1_024,
    };
}

/// Its pages.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/statement", get(statement))
        .route("/receipt", get(receipt))
}

/// All that a user has bought, a line each.
async fn statement(State(site): State<Site>, member: Member, headers: HeaderMap) -> Response {
    let Some(note) = site.members.ledger.note(member).await else {
        return members::stopped();
    };
    let lines = 1..=site.sizes.lines;
    let line = |line| format!("{line:6} {note:.<width$}\n", width = WIDTH);
    let text: String = lines.map(line).collect();
    sent(&site.pool, text.as_bytes(), &headers, site.sizes)
}

/// The last of it.
async fn receipt(State(site): State<Site>, member: Member, headers: HeaderMap) -> Response {
    let Some(note) = site.members.ledger.note(member).await else {
        return members::stopped();
    };
    let text = format!("{}: {note}\n", member.name());
    sent(&site.pool, text.as_bytes(), &headers, site.sizes)
}

/// An answer out of a buffer, or, when its headers are too large to be sent, what says so.
fn sent(pool: &Arc<Pool>, text: &[u8], asked: &HeaderMap, sizes: Sizes) -> Response {
    let mut lease = pool.filled(text);
    let trace = asked.get(TRACE);
    if trace.is_some_and(|trace| trace.len() > HEADERS) {
        // Nothing is sent, so the buffer is free. At the end of this block the lease is dropped, and says so as well.
        lease.release();
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return (status, members::private(), "headers too large\n").into_response();
    }
    let echoed = trace.map(|trace| [(TRACE, trace.clone())]);
    let body = Body::new(Sending::all_of(lease, sizes.piece));
    (members::private(), echoed.map(AppendHeaders), body).into_response()
}

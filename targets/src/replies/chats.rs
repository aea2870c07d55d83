//! The service: a user names a chat, and asks for the name. Names are kept by the server that speaks Redis's protocol.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use serde::Deserialize;

use super::Site;
use super::pool::Pool;
use super::resp::Reply;
use crate::members::{self, Member};

/// Most messages that are given at once.
const MOST_MESSAGES: u16 = 2_000;

/// Its pages.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/chat", put(name).get(named))
        .route("/chat/messages", get(messages))
}

async fn name(State(pool): State<Arc<Pool>>, member: Member, text: String) -> Response {
    let key = key(member);
    match pool.ask(&[b"SET", key.as_bytes(), text.as_bytes()]).await {
        Ok(Reply::Refused(_)) | Err(_) => unavailable(),
        Ok(_) => (members::private(), StatusCode::NO_CONTENT).into_response(),
    }
}

async fn named(State(pool): State<Arc<Pool>>, member: Member) -> Response {
    match pool.ask(&[b"GET", key(member).as_bytes()]).await.map(text) {
        Ok(Some(name)) => (members::private(), name).into_response(),
        Ok(None) | Err(_) => unavailable(),
    }
}

#[derive(Deserialize)]
struct Last {
    last: u16,
}

/// The last messages, one command each, as services do that keep each under a key of its own: most of the time of such a
/// request is that of waiting for replies.
async fn messages(
    State(pool): State<Arc<Pool>>,
    member: Member,
    Query(Last { last }): Query<Last>,
) -> Response {
    let mut lines = Vec::new();
    for number in 0..last.min(MOST_MESSAGES) {
        let key = format!("{}:{number}", key(member));
        match pool.ask(&[b"GET", key.as_bytes()]).await.map(text) {
            Ok(Some(line)) => lines.extend([line, b"\n".to_vec()].concat()),
            Ok(None) | Err(_) => return unavailable(),
        }
    }
    (members::private(), lines).into_response()
}

/// What a reply says; nothing when it is a refusal. A status is text as well as a value is: so do clients that turn every
/// reply into what their caller wants.
fn text(reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Value(value) => Some(value),
        Reply::Status(word) => Some(word.into_bytes()),
        Reply::Nothing => Some(Vec::new()),
        Reply::Refused(_) => None,
    }
}

fn key(member: Member) -> String {
    format!("chat:{}", member.0)
}

fn unavailable() -> Response {
    let status = StatusCode::BAD_GATEWAY;
    (status, members::private(), "the store does not answer\n").into_response()
}

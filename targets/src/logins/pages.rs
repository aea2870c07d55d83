//! What is served: a front page for everybody, log-in and log-out, and one's own page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};

use super::worker::{VISITOR, Worker};
use crate::members::{self, Credentials};

/// The workers, over which a balancer spreads visitors.
pub(super) type Workers = Arc<[Worker; 2]>;

/// What is served.
pub(super) fn routes(workers: Workers) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/note", put(write))
        .route("/page", get(page))
        .with_state(workers)
}

/// The worker that a balancer has chosen.
fn chosen<'w>(workers: &'w Workers, headers: &HeaderMap) -> &'w Worker {
    match headers.get("x-worker").map(|value| value.as_bytes()) {
        Some(b"2") => &workers[1],
        _ => &workers[0],
    }
}

/// The front page. Whoever has no session is given one: even visitors have a basket.
async fn front(State(workers): State<Workers>, headers: HeaderMap) -> Response {
    let worker = chosen(&workers, &headers);
    if worker.session(&headers).await.is_some() {
        return (members::private(), "welcome back\n").into_response();
    }
    match worker.begin(VISITOR).await {
        Some(id) => with_session(&id),
        None => members::stopped(),
    }
}

async fn log_in(
    State(workers): State<Workers>,
    headers: HeaderMap,
    Json(given): Json<Credentials>,
) -> Response {
    let worker = chosen(&workers, &headers);
    let Some(member) = worker.members.check(&given.user, &given.password) else {
        return (StatusCode::UNAUTHORIZED, members::private()).into_response();
    };
    let before = worker.session(&headers).await;
    match worker.log_in(member, before).await {
        Some(id) => with_session(&id),
        None => members::stopped(),
    }
}

async fn log_out(State(workers): State<Workers>, headers: HeaderMap) -> Response {
    let worker = chosen(&workers, &headers);
    let Some(session) = worker.session(&headers).await else {
        return refused();
    };
    match worker
        .table
        .end(&session.id, worker.rules.leaves_mark)
        .await
    {
        Some(()) => (members::private(), StatusCode::NO_CONTENT).into_response(),
        None => members::stopped(),
    }
}

async fn write(State(workers): State<Workers>, headers: HeaderMap, text: String) -> Response {
    let worker = chosen(&workers, &headers);
    let Some(session) = worker.member_session(&headers).await else {
        return refused();
    };
    let written = worker.members.ledger.write(session.member, text).await;
    match (written, worker.save(session).await) {
        (Some(()), Some(())) => (members::private(), StatusCode::NO_CONTENT).into_response(),
        _ => members::stopped(),
    }
}

/// One's own page.
async fn page(State(workers): State<Workers>, headers: HeaderMap) -> Response {
    let worker = chosen(&workers, &headers);
    let Some(session) = worker.member_session(&headers).await else {
        return refused();
    };
    let note = worker.members.ledger.note(session.member).await;
    match (note, worker.save(session).await) {
        (Some(note), Some(())) => (members::private(), note).into_response(),
        _ => members::stopped(),
    }
}

fn with_session(id: &str) -> Response {
    let cookie = [(SET_COOKIE, members::session_cookie(id))];
    (members::private(), cookie, "welcome\n").into_response()
}

/// For visitors there is nothing there.
fn refused() -> Response {
    (StatusCode::NOT_FOUND, members::private(), "log in first\n").into_response()
}

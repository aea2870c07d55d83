//! What is served: one's own file, and who has read it and why. Each request says why it is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::{HeaderMap, StatusCode};

use super::current::Context;
use crate::members::{self, Member, Members};
use crate::sync::{Mutex, point};

/// Whose note is everybody's.
const NOBODY: Member = Member(0);
/// Lines of the audit that are kept of each user.
const LINES: usize = 50;
/// Letters of a reason that are kept.
const REASON: usize = 200;

/// What the handlers share.
#[derive(Debug)]
pub(super) struct Desk {
    members: Arc<Members>,
    context: Context,
    audit: Mutex<BTreeMap<Member, Vec<String>>>,
}

impl Desk {
    pub(super) fn new(members: Arc<Members>, context: Context) -> Arc<Self> {
        Arc::new(Self {
            members,
            context,
            audit: Mutex::new(BTreeMap::new()),
        })
    }
}

/// Its pages, but for those that all small models have.
pub(super) fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/file", get(read).put(write))
        .route("/audit", get(audit))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), identify))
        .with_state(desk)
}

/// Finds out whose request it is, for everything that comes after.
async fn identify(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let Some(member) = desk.members.who(request.headers()).await else {
        return (
            StatusCode::UNAUTHORIZED,
            members::private(),
            "log in first\n",
        )
            .into_response();
    };
    request.extensions_mut().insert(member);
    let served = desk.context.serve(member, next.run(request)).await;
    served.unwrap_or_else(members::stopped)
}

/// One's own file, below what is new for everybody.
async fn read(
    State(desk): State<Arc<Desk>>,
    Extension(told): Extension<Member>,
    headers: HeaderMap,
) -> Response {
    let news = desk.context.first(desk.members.ledger.note(NOBODY)).await;
    let Some(reader) = desk.context.current(told) else {
        return nobody();
    };
    let file = desk.members.ledger.note(reader).await;
    log(&desk, told, &headers).await;
    match (news, file) {
        (Some(news), Some(file)) => {
            (members::private(), format!("News: {news}\n{file}\n")).into_response()
        }
        _ => members::stopped(),
    }
}

/// A new file.
async fn write(
    State(desk): State<Arc<Desk>>,
    Extension(told): Extension<Member>,
    headers: HeaderMap,
    text: String,
) -> Response {
    let Some(writer) = desk.context.current(told) else {
        return nobody();
    };
    if desk.members.ledger.write(writer, text).await.is_none() {
        return members::stopped();
    }
    log(&desk, told, &headers).await;
    (members::private(), StatusCode::NO_CONTENT).into_response()
}

/// The lines about oneself.
async fn audit(State(desk): State<Arc<Desk>>, Extension(told): Extension<Member>) -> Response {
    let Some(reader) = desk.context.current(told) else {
        return nobody();
    };
    let lines = desk.audit.lock().get(&reader).cloned().unwrap_or_default();
    (members::private(), lines.concat()).into_response()
}

/// A line that says who made this request, and why. It is written by a task of its own.
async fn log(desk: &Arc<Desk>, told: Member, headers: &HeaderMap) {
    let reason = headers
        .get("x-reason")
        .and_then(|reason| reason.to_str().ok());
    let reason: String = reason.unwrap_or("none").chars().take(REASON).collect();
    let writer = Arc::clone(desk);
    let line = async move {
        // The audit is in memory here. Most services keep it elsewhere, so others may go on.
        point().await;
        let Some(who) = writer.context.current(told) else {
            return;
        };
        let mut audit = writer.audit.lock();
        let lines = audit.entry(who).or_default();
        if lines.len() == LINES {
            lines.remove(0);
        }
        lines.push(format!("{} was here because of {reason}\n", who.name()));
    };
    desk.context.spawned(line).await;
}

fn nobody() -> Response {
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        members::private(),
        "nobody knows whose request this is\n",
    )
        .into_response()
}

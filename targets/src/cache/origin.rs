//! The service behind the cache. It says in `Cache-Control` and `Vary` what its answers are, and says it rightly.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::Site;
use crate::members::{self, Member, Members};

/// Whose note is everybody's.
const NOBODY: Member = Member(0);

/// Its pages.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/profile", get(profile))
        .route("/link", get(link))
        .route("/card", get(card))
        .route("/news", get(news))
}

/// One's own page: the same URL for everybody.
async fn profile(State(members): State<Arc<Members>>, member: Member) -> Response {
    let said = [
        (CACHE_CONTROL, "max-age=60"),
        (VARY, "cookie, authorization"),
    ];
    noted(&members, member, said).await
}

/// A link to one's own card, for somebody without an account: who has it, may see it.
async fn link(State(members): State<Arc<Members>>, member: Member) -> Response {
    match members.sessions.open(member) {
        Some(token) => (members::private(), format!("/card?of={token}")).into_response(),
        None => members::stopped(),
    }
}

#[derive(Deserialize)]
struct Of {
    of: String,
}

/// The card that a link leads to: nothing but the URL says whose.
async fn card(State(members): State<Arc<Members>>, Query(Of { of }): Query<Of>) -> Response {
    let Some(member) = members.sessions.find(&of) else {
        return (StatusCode::NOT_FOUND, members::private(), "no such card\n").into_response();
    };
    noted(&members, member, [(CACHE_CONTROL, "max-age=60")]).await
}

/// The same for everybody, but whoever is logged in is given a fresh session, so that one who reads stays logged in.
async fn news(State(members): State<Arc<Members>>, headers: HeaderMap) -> Response {
    let said = [(CACHE_CONTROL, "max-age=60")];
    let Some(news) = members.ledger.note(NOBODY).await else {
        return members::stopped();
    };
    let reader = members.who(&headers).await;
    match reader.and_then(|reader| members.sessions.open(reader)) {
        Some(token) => {
            let renewed = [(SET_COOKIE, members::session_cookie(&token))];
            (said, renewed, format!("News: {news}\n")).into_response()
        }
        None => (said, format!("News: {news}\n")).into_response(),
    }
}

async fn noted<const N: usize>(
    members: &Members,
    member: Member,
    said: [(http::HeaderName, &'static str); N],
) -> Response {
    match members.ledger.note(member).await {
        Some(note) => (said, note).into_response(),
        None => members::stopped(),
    }
}

//! The pages that are answered with the help of a context: they leave nothing in it, and take nothing that is not theirs as
//! long as nobody else has it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};

use super::Site;
use super::reporter;
use crate::members::{self, Member};

/// Its pages.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/page", get(page))
        .route("/import", post(import))
}

/// One's own page.
async fn page(State(site): State<Site>, headers: HeaderMap) -> Response {
    let Some(session) = session(&site, &headers).await else {
        return unknown();
    };
    let member = session.0;
    let used = site.pool.take(session).await;
    let note = site.members.ledger.note(member).await;
    let contents = site.pool.give_back(&used).await;
    let Some(note) = note else {
        return members::stopped();
    };
    let text = format!("{}: {note}\n", member.name());
    match contents.cookie {
        Some(cookie) => (members::private(), [(SET_COOKIE, cookie)], text).into_response(),
        None => (members::private(), text).into_response(),
    }
}

/// Takes a number in. What is none is refused, and reported to those who look after the service.
async fn import(State(site): State<Site>, headers: HeaderMap, text: String) -> Response {
    let Some(session) = session(&site, &headers).await else {
        return unknown();
    };
    let used = site.pool.take(session).await;
    let number = text.trim().parse::<u64>();
    let contents = site.pool.give_back(&used).await;
    if number.is_ok() {
        return (members::private(), "taken in\n").into_response();
    }
    reporter::report(&site.pool, Arc::clone(&site.members), used, contents);
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    (status, members::private(), "this is no number\n").into_response()
}

/// The session that a request comes with.
async fn session(site: &Site, headers: &HeaderMap) -> Option<(Member, String)> {
    let member = site.members.who(headers).await?;
    let token = members::cookie(headers, members::SESSION_COOKIE)?;
    Some((member, token.to_owned()))
}

fn unknown() -> Response {
    (
        StatusCode::UNAUTHORIZED,
        members::private(),
        "log in first\n",
    )
        .into_response()
}

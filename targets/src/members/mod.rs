//! What the small models have in common, so that each is little more than its fault: users who log in, a session cookie, and a
//! note of each user in a store that takes its time.
//!
//! None of this is at fault. `user1` has the password `password-user1`, and so on.

mod ledger;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

pub(crate) use ledger::Ledger;
pub(crate) use sessions::{Sessions, Tokens};

use crate::catalogue::Setup;
use crate::options::StoreKind;
use crate::start_error::StartError;
use crate::sync::point;

/// Name of the session cookie.
pub(crate) const SESSION_COOKIE: &str = "sid";

/// The users of a small model.
#[derive(Debug)]
pub(crate) struct Members {
    count: usize,
    pub(crate) sessions: Sessions,
    pub(crate) ledger: Ledger,
}

/// A user who is logged in, by number from 1. As an extractor it refuses everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Member(pub(crate) usize);

impl Member {
    /// The name to log in by.
    pub(crate) fn name(self) -> String {
        format!("user{}", self.0)
    }
}

impl Members {
    /// Those of a server: their notes are in SQLite, on a thread of its own.
    ///
    /// # Errors
    /// A [`StartError`] when the store cannot be had, or a kind is asked for that these models do not have.
    pub(crate) fn served(setup: &Setup) -> Result<Arc<Self>, StartError> {
        if let StoreKind::File(_) | StoreKind::Remote(_) = setup.store {
            return Err(StartError::store(
                "this target keeps its data in memory alone: start it without a file or a store elsewhere",
            ));
        }
        Ok(Arc::new(Self {
            count: setup.users,
            sessions: Sessions::new(Tokens::Random),
            ledger: Ledger::served(setup.store_delay)?,
        }))
    }

    /// Those of one execution of an exploration: equal orders of steps give equal bytes, and before each use of the store
    /// another request can go on.
    pub(crate) fn explored(users: usize) -> Arc<Self> {
        Arc::new(Self {
            count: users,
            sessions: Sessions::new(Tokens::counted()),
            ledger: Ledger::explored(),
        })
    }

    /// Whose session these headers name: a token in `Authorization`, as apps send it, or else a cookie, as browsers do.
    pub(crate) async fn who(&self, headers: &HeaderMap) -> Option<Member> {
        // Sessions are in memory here. Most services ask for them elsewhere, so others may go on.
        point().await;
        let line = headers
            .get(AUTHORIZATION)
            .and_then(|line| line.to_str().ok());
        let token = line.and_then(|line| line.strip_prefix("Bearer "));
        let token = token.or_else(|| cookie(headers, SESSION_COOKIE));
        token.and_then(|token| self.sessions.find(token))
    }

    /// Whether there is such a user.
    pub(crate) fn has(&self, member: Member) -> bool {
        (1..=self.count).contains(&member.0)
    }

    /// The user of that name with that password.
    pub(crate) fn check(&self, name: &str, password: &str) -> Option<Member> {
        let number: usize = name.strip_prefix("user")?.parse().ok()?;
        let member = Member(number);
        let is_known = self.has(member) && member.name() == name;
        (is_known && password == format!("password-{name}")).then_some(member)
    }
}

/// Log-in, log-out and one's own note, for a state that has members: `POST /login` (a cookie), `POST /token` (for apps: the token
/// alone), `POST /logout`, `PUT /note`, `GET /note`.
pub(crate) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Members>: FromRef<S>,
{
    Router::new()
        .route("/login", post(log_in))
        .route("/token", post(token))
        .route("/logout", post(log_out))
        .route("/note", put(write).get(read))
}

/// What somebody logs in with.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

async fn log_in(State(members): State<Arc<Members>>, Json(given): Json<Credentials>) -> Response {
    match opened(&members, &given) {
        Ok(token) => (private(), [(SET_COOKIE, session_cookie(&token))], token).into_response(),
        Err(status) => (status, private()).into_response(),
    }
}

async fn token(State(members): State<Arc<Members>>, Json(given): Json<Credentials>) -> Response {
    match opened(&members, &given) {
        Ok(token) => (private(), token).into_response(),
        Err(status) => (status, private()).into_response(),
    }
}

/// The token of a fresh session, or why there is none.
fn opened(members: &Members, given: &Credentials) -> Result<String, StatusCode> {
    let member = members.check(&given.user, &given.password);
    let member = member.ok_or(StatusCode::UNAUTHORIZED)?;
    members
        .sessions
        .open(member)
        .ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

async fn log_out(State(members): State<Arc<Members>>, headers: HeaderMap) -> Response {
    if let Some(token) = cookie(&headers, SESSION_COOKIE) {
        members.sessions.close(token);
    }
    (private(), StatusCode::NO_CONTENT).into_response()
}

async fn write(State(members): State<Arc<Members>>, member: Member, text: String) -> Response {
    match members.ledger.write(member, text).await {
        Some(()) => (private(), StatusCode::NO_CONTENT).into_response(),
        None => stopped(),
    }
}

async fn read(State(members): State<Arc<Members>>, member: Member) -> Response {
    match members.ledger.note(member).await {
        Some(note) => (private(), note).into_response(),
        None => stopped(),
    }
}

/// The answer when the store is gone, or there is no randomness.
pub(crate) fn stopped() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the service is ending\n").into_response()
}

/// Says that nobody may store an answer.
pub(crate) fn private() -> [(http::HeaderName, &'static str); 1] {
    [(CACHE_CONTROL, "no-store")]
}

/// The cookie that makes a browser come back with this session.
pub(crate) fn session_cookie(token: &str) -> String {
    format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax")
}

/// A cookie's value.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

impl<S> FromRequestParts<S> for Member
where
    S: Send + Sync,
    Arc<Members>: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let members = Arc::<Members>::from_ref(state);
        members
            .who(&parts.headers)
            .await
            .ok_or_else(|| (StatusCode::UNAUTHORIZED, private(), "log in first\n").into_response())
    }
}

/// A pause that a person asked for, to widen a window; none when there is none.
pub(crate) async fn pause(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

//! The pages and calls of the service.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::Desk;
use super::console::By;
use super::reads::Alarm;
use crate::members::{self, Member};
use crate::sync::point;

type Site = State<Arc<Desk>>;

/// All of them.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/login", post(log_in))
        .route("/keys/retire", post(retire))
        .route("/leave", post(leave))
        .route("/return", post(come_back))
        .route("/clock", post(clock))
        .route("/record", put(write).get(own))
        .route("/records/{number}", get(customer))
        .route("/console/record", get(console))
        .route("/console/unread", get(unread))
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

/// Opens a console session (the cookie) and gives a token (the body), if the account is not disabled.
async fn log_in(State(desk): Site, headers: HeaderMap, Json(given): Json<Credentials>) -> Response {
    let Some(member) = desk.members.check(&given.user, &given.password) else {
        return refused();
    };
    if desk.disabled.lock().contains(&member) {
        return said(StatusCode::FORBIDDEN, "the account is disabled");
    }
    let session = desk.consoles.open(member, desk.clock.now(member));
    match (session, desk.keys.token(member)) {
        (Some(session), Some(token)) => {
            desk.reads.logged_in(member, place(&headers));
            let cookie = [(SET_COOKIE, members::session_cookie(&session))];
            (members::private(), cookie, token).into_response()
        }
        _ => members::stopped(),
    }
}

/// Retires the caller's key: the next log-in gives a token by a new one.
async fn retire(State(desk): Site, headers: HeaderMap) -> Response {
    let Some(member) = desk.holder(&headers).await else {
        return refused();
    };
    desk.keys.retire(member, desk.clock.now(member));
    done()
}

/// The caller leaves the company.
async fn leave(State(desk): Site, headers: HeaderMap) -> Response {
    let Some(member) = desk.holder(&headers).await else {
        return refused();
    };
    desk.disabled.lock().insert(member);
    desk.consoles.close(member);
    if desk.limits.leaving_retires_key {
        desk.keys.retire(member, desk.clock.now(member));
    }
    done()
}

/// A person is taken on again.
async fn come_back(State(desk): Site, Json(given): Json<Credentials>) -> Response {
    let Some(member) = desk.members.check(&given.user, &given.password) else {
        return refused();
    };
    desk.disabled.lock().remove(&member);
    done()
}

#[derive(Deserialize)]
struct Passed {
    user: String,
    password: String,
    minutes: u32,
}

/// Lets time pass for a person: a call that the model alone has.
async fn clock(State(desk): Site, Json(passed): Json<Passed>) -> Response {
    let Some(member) = desk.members.check(&passed.user, &passed.password) else {
        return refused();
    };
    let by = Duration::from_secs(u64::from(passed.minutes) * 60);
    desk.clock.advance(member, by);
    done()
}

async fn write(State(desk): Site, headers: HeaderMap, record: String) -> Response {
    let Some(member) = desk.holder(&headers).await else {
        return refused();
    };
    match desk.members.ledger.write(member, record).await {
        Some(()) => done(),
        None => members::stopped(),
    }
}

/// One's own record, by token.
async fn own(State(desk): Site, headers: HeaderMap) -> Response {
    match desk.holder(&headers).await {
        Some(member) => desk.record(member).await,
        None => refused(),
    }
}

/// A customer's record, by token: everybody here may read it for their work.
async fn customer(State(desk): Site, Path(number): Path<usize>, headers: HeaderMap) -> Response {
    let Some(reader) = desk.holder(&headers).await else {
        return refused();
    };
    let customer = Member(number);
    let now = desk.clock.now(reader);
    point().await;
    if reader == customer {
        return desk.record(customer).await;
    }
    // Before the read is counted: whoever does not exist is no customer, and leaves no trace in the log.
    if !desk.members.has(customer) {
        return said(StatusCode::NOT_FOUND, "no such customer");
    }
    match desk.reads.admit(reader, customer, place(&headers), now) {
        Ok(()) => desk.record(customer).await,
        Err(Alarm::Elsewhere) => {
            let why = "nobody logged in from there: an alarm was raised";
            said(StatusCode::FORBIDDEN, why)
        }
        Err(Alarm::TooMany) => {
            let why = "more customers than one person reads: an alarm was raised";
            said(StatusCode::TOO_MANY_REQUESTS, why)
        }
    }
}

/// One's own record, by console session.
async fn console(State(desk): Site, headers: HeaderMap) -> Response {
    match desk.at_console(&headers, By::Person).await {
        Some(member) => desk.record(member).await,
        None => refused(),
    }
}

/// What an open page of the console asks for by itself.
async fn unread(State(desk): Site, headers: HeaderMap) -> Response {
    match desk.at_console(&headers, By::Page).await {
        Some(_) => said(StatusCode::OK, "0 unread"),
        None => refused(),
    }
}

impl Desk {
    /// Whose token the headers hold.
    async fn holder(&self, headers: &HeaderMap) -> Option<Member> {
        // Keys are in memory here; most services ask for them elsewhere, so others may go on.
        point().await;
        let line = headers.get(AUTHORIZATION)?.to_str().ok()?;
        self.keys.holder(line.strip_prefix("Bearer ")?, &self.clock)
    }

    async fn at_console(&self, headers: &HeaderMap, by: By) -> Option<Member> {
        point().await;
        let id = members::cookie(headers, members::SESSION_COOKIE)?;
        self.consoles.enter(id, &self.clock, by)
    }

    async fn record(&self, member: Member) -> Response {
        match self.members.ledger.note(member).await {
            Some(record) => (members::private(), record).into_response(),
            None => members::stopped(),
        }
    }
}

/// Where a request comes from, as the gateway of the company's network says.
fn place(headers: &HeaderMap) -> &str {
    let line = headers.get("x-forwarded-for");
    line.and_then(|line| line.to_str().ok()).unwrap_or_default()
}

fn said(status: StatusCode, what: &'static str) -> Response {
    (status, members::private(), format!("{what}\n")).into_response()
}

fn refused() -> Response {
    said(StatusCode::UNAUTHORIZED, "log in first")
}

fn done() -> Response {
    (StatusCode::NO_CONTENT, members::private()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt as _;

    use super::super::limits::{Limits, MOST_READ};
    use super::super::site;
    use super::*;
    use crate::members::{Members, Tokens};

    async fn answered(site: &Router, request: Request<Body>) -> (StatusCode, String) {
        let answer = site.clone().oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, 1_000).await.unwrap();
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn whoever_does_not_exist_is_not_found_and_not_counted() {
        let users = MOST_READ + 2;
        for (variant, one_too_many) in [
            ("limits-held", StatusCode::TOO_MANY_REQUESTS),
            ("reads-not-counted", StatusCode::OK),
        ] {
            let limits = Limits::of(variant).unwrap();
            let site = site(limits, Members::explored(users), Tokens::counted);
            let log_in = Request::post("/login").header("content-type", "application/json");
            let who = r#"{"user": "user1", "password": "password-user1"}"#;
            let log_in = log_in.body(Body::from(who)).unwrap();
            let (_, token) = answered(&site, log_in).await;
            let read = async |customer: usize| {
                let request = Request::get(format!("/records/{customer}"));
                let request = request.header(AUTHORIZATION, format!("Bearer {token}"));
                answered(&site, request.body(Body::empty()).unwrap())
                    .await
                    .0
            };
            for nobody in [0, users + 1, users + 2, users + 3, usize::MAX] {
                assert_eq!(read(nobody).await, StatusCode::NOT_FOUND, "{nobody}");
            }
            for customer in 2..users {
                assert_eq!(read(customer).await, StatusCode::OK, "{customer}");
            }
            assert_eq!(read(users).await, one_too_many, "{variant}");
            assert_eq!(read(users + 1).await, StatusCode::NOT_FOUND);
        }
    }
}

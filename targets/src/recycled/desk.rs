//! The pages that are answered with the help of a context: they are right as long as the context is the request's own.

use std::future::{Future as _, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_DISPOSITION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;

use super::Site;
use super::context::Lease;
use crate::members::{self, Members};

/// Its pages.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/front", get(front))
        .route("/receipt", get(receipt))
}

impl FromRequestParts<Site> for Lease {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let member = site.members.who(&parts.headers).await;
        Ok(site.pool.take(&parts.headers, member))
    }
}

/// For everybody; who is logged in finds the own note there.
async fn front(State(members): State<Arc<Members>>, lease: Lease) -> Response {
    let Some(member) = lease.member else {
        return answered(lease, "Welcome. Log in to see your note.\n".to_owned());
    };
    match members.ledger.note(member).await {
        Some(note) => answered(lease, format!("Welcome, {}: {note}\n", member.name())),
        None => refused(lease, StatusCode::SERVICE_UNAVAILABLE),
    }
}

#[derive(Deserialize)]
struct Wanted {
    /// Number of the purchase; there is one.
    #[serde(default = "one")]
    of: u32,
    /// Into how many parts it is divided.
    #[serde(default = "one")]
    parts: u32,
}

fn one() -> u32 {
    1
}

/// A receipt, to be kept in a file that is named after what it is for.
async fn receipt(
    State(members): State<Arc<Members>>,
    Query(wanted): Query<Wanted>,
    mut lease: Lease,
) -> Response {
    let Some(member) = lease.member else {
        return refused(lease, StatusCode::UNAUTHORIZED);
    };
    if let Some(reference) = lease.reference.clone() {
        let file = format!("attachment; filename=\"{reference}.txt\"");
        lease.outgoing.push((CONTENT_DISPOSITION, file));
    }
    let Some(note) = members.ledger.note(member).await else {
        return refused(lease, StatusCode::SERVICE_UNAVAILABLE);
    };
    if wanted.of != 1 {
        return refused(lease, StatusCode::NOT_FOUND);
    }
    let share = divided(1_000, wanted.parts);
    let mut text = format!("{}: {share} for {note}\n", member.name());
    if let Some(reference) = &lease.reference {
        text.push_str(&format!("Reference: {reference}\n"));
    }
    answered(lease, text)
}

/// Nobody thought of a receipt in no parts.
fn divided(sum: u32, parts: u32) -> u32 {
    match sum.checked_div(parts) {
        Some(share) => share,
        // What `sum / parts` does, but for the message on the terminal of whoever tries this.
        None => resume_unwind(Box::new("attempt to divide by zero")),
    }
}

fn answered(mut lease: Lease, text: String) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in std::mem::take(&mut lease.outgoing) {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(name, value);
        }
    }
    lease.succeeded();
    (members::private(), headers, text).into_response()
}

fn refused(lease: Lease, status: StatusCode) -> Response {
    lease.refused();
    (status, members::private(), "no\n").into_response()
}

/// A handler that panics costs its own answer, and nothing else. So it is meant.
pub(super) async fn survive(request: Request, next: Next) -> Response {
    let mut answer = pin!(next.run(request));
    let answer = poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        match polled {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    });
    answer.await.unwrap_or_else(|| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        (status, members::private(), "something is wrong here\n").into_response()
    })
}

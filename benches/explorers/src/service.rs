//! The same request path behind an axum router, as crosswire explores it: a service in memory that awaits before each call
//! of its store.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;

use crate::mail::memory::MemoryStore;
use crate::mail::note::{Note, Requester};
use crate::mail::service::{Action, Outcome, Webmail};
use crate::mail::stepwise::StepwiseStore;
use crate::mail::store::{Draft, NewUser, Store as _, UserId};

type Site<N> = Arc<Webmail<StepwiseStore<MemoryStore>, N>>;

/// A webmail of `users` users, called `user1`, `user2`, …; each sends itself its mail.
pub(crate) fn service<N: Note>(users: u64) -> Router {
    let store = StepwiseStore::new(MemoryStore::new());
    for user in 1..=users {
        let new = NewUser {
            name: format!("user{user}"),
            display: String::new(),
            password_hash: String::new(),
            first_login: None,
        };
        created(&store, new);
    }
    Router::new()
        .route("/mail", get(read::<N>).put(write::<N>))
        .with_state(Arc::new(Webmail::<_, N>::new(store)))
}

/// Outside of an exploration nothing waits, so that one poll does.
fn created(store: &StepwiseStore<MemoryStore>, new: NewUser) {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    let creating = pin!(store.create_user(new));
    let polled = creating.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(Some(_)))));
}

async fn write<N: Note>(
    State(site): State<Site<N>>,
    headers: HeaderMap,
    text: String,
) -> StatusCode {
    let user = requester(&headers).user;
    let draft = Draft {
        to: format!("user{}", user.0),
        subject: text,
        body: String::new(),
        attachments: Vec::new(),
        sent_at: 0,
    };
    match site.store().deliver(user, draft).await {
        Ok(Some(_)) => StatusCode::CREATED,
        _ => StatusCode::NOT_FOUND,
    }
}

async fn read<N: Note>(
    State(site): State<Site<N>>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let answer = site.answer(requester(&headers), Action::Read(1)).await;
    match answer.map(|answer| answer.outcome) {
        Ok(Outcome::Read(mail)) => Ok(mail.summary.subject),
        _ => Err(StatusCode::NOT_FOUND),
    }
}

fn requester(headers: &HeaderMap) -> Requester {
    let name = headers.get("x-user").and_then(|name| name.to_str().ok());
    let number = name.and_then(|name| name.strip_prefix("user"));
    let user = number.and_then(|number| number.parse().ok()).unwrap_or(0);
    Requester {
        user: UserId(user),
        last_login: 1_000 + user,
        address: Ipv4Addr::LOCALHOST,
    }
}

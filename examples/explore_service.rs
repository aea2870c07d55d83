//! Every order of two requests to an axum service, with the fault of 2008 and repaired.
//!
//! `cargo run --example explore_service` shows the exposure, the order of steps that leads to it, and then that no order
//! does after the repair. In a test of your own, the last line is `.run().assert_isolated()`.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use crosswire::Step;
use crosswire::check::Exploration;
use crosswire::judge::Verdict;
use crosswire::report::{Look, render_terminal};
use tokio::task::coop::consume_budget;

/// Mailboxes by user, in memory; a call awaits where a database would be asked.
#[derive(Default)]
struct Store(Mutex<BTreeMap<String, String>>);

impl Store {
    async fn put(&self, user: &str, mail: String) {
        consume_budget().await;
        locked(&self.0).insert(user.to_owned(), mail);
    }

    async fn get(&self, user: &str) -> String {
        consume_budget().await;
        locked(&self.0).get(user).cloned().unwrap_or_default()
    }
}

/// What the service keeps: made anew for every execution.
#[derive(Clone, Default)]
struct Site {
    store: Arc<Store>,
    /// On whose behalf a request is answered.
    memo: Arc<Mutex<String>>,
}

async fn write(State(site): State<Site>, headers: HeaderMap, mail: String) {
    site.store.put(&name(&headers), mail).await;
}

/// Notes who asks, looks something up meanwhile, and answers with the mail of whom the memo names.
async fn shared(State(site): State<Site>, headers: HeaderMap) -> String {
    *locked(&site.memo) = name(&headers);
    site.store.get("the last log-in").await;
    let whose = locked(&site.memo).clone();
    site.store.get(&whose).await
}

/// The same with a memo of its own.
async fn own(State(site): State<Site>, headers: HeaderMap) -> String {
    let memo = name(&headers);
    site.store.get("the last log-in").await;
    site.store.get(&memo).await
}

fn name(headers: &HeaderMap) -> String {
    let name = headers.get("x-user").and_then(|name| name.to_str().ok());
    name.unwrap_or_default().to_owned()
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn faulty() -> Router {
    Router::new()
        .route("/mail", get(shared).put(write))
        .with_state(Site::default())
}

fn repaired() -> Router {
    Router::new()
        .route("/mail", get(own).put(write))
        .with_state(Site::default())
}

/// Makes a service.
type Factory = fn() -> Router;

/// The services, and what is to come out.
pub(crate) const SERVICES: [(&str, Factory, Verdict); 2] = [
    ("shared memo", faulty, Verdict::Exposed),
    ("memo of the request", repaired, Verdict::Isolated),
];

/// Both users are sent a mail, and read it at the same time.
pub(crate) fn exploration(factory: fn() -> Router) -> Exploration {
    let read = Step::get("read", "/mail").sees(["mail"]);
    crosswire::explore(factory)
        .session_header("x-user", "{{ user.name }}")
        .each_round(Step::put("write", "/mail").text("{{ secret('mail') }}"))
        .request("alice", read.clone())
        .request("bob", read)
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (what, factory, _) in SERVICES {
        let report = exploration(factory).named(what).run();
        render_terminal(&report, Look::PLAIN, &mut out)?;
        writeln!(out)?;
    }
    Ok(())
}

//! A check of an axum service with the fault of 2008: the page passes through one memo that all requests share.
//!
//! `cargo run --example axum_service` shows the exposure, and then that the repair holds. In a test of your own, the last
//! line of each part is `.run().assert_isolated()`.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use crosswire::report::{Look, render_terminal};
use crosswire::{Check, Step};

type Memo = Arc<Mutex<String>>;

/// Notes who asks, looks something up meanwhile, and greets whom the memo names.
async fn shared(State(memo): State<Memo>, headers: HeaderMap) -> String {
    *lock(&memo) = name(&headers);
    look_up().await;
    format!("Welcome back, {}", lock(&memo))
}

/// The same with a memo of its own.
async fn own(headers: HeaderMap) -> String {
    let memo = name(&headers);
    look_up().await;
    format!("Welcome back, {memo}")
}

/// Stands for a query: others go on while it waits.
async fn look_up() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn lock(memo: &Memo) -> std::sync::MutexGuard<'_, String> {
    memo.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn name(headers: &HeaderMap) -> String {
    let name = headers.get("x-user").and_then(|name| name.to_str().ok());
    name.unwrap_or_default().to_owned()
}

fn check(service: Router) -> Check {
    crosswire::check_service(service)
        .users(20)
        .setup(Step::get("first visit", "/").header("x-user", "{{ secret('name') }}"))
        .volley(
            Step::get("welcome", "/")
                .header("x-user", "{{ secret('name') }}")
                .sees(["name"]),
        )
}

fn main() -> io::Result<()> {
    let shared = Router::new()
        .route("/", get(shared))
        .with_state(Memo::default());
    let own = Router::new().route("/", get(own));
    let mut out = io::stdout().lock();
    for (what, service) in [("shared memo", shared), ("memo of the request", own)] {
        let report = check(service).named(what).run();
        render_terminal(&report, Look::PLAIN, &mut out)?;
        writeln!(out)?;
    }
    Ok(())
}

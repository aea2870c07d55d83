//! A service in which every user keeps one note. With the fault, the notes pass through a memo that all requests share.
//!
//! The requests of a volley wait for one another between writing the memo and reading it, so that nothing here depends on
//! how fast the machine is; the answers tell when they came and went, so that crosswire knows that they overlapped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use crosswire::{Check, Step};
use tokio::sync::Barrier;

/// Users of a volley.
pub(crate) const USERS: u32 = 6;
/// What every password begins with.
pub(crate) const PASSWORD: &str = "correct-horse";

/// Whether the memo is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memo {
    Shared,
    OfTheRequest,
}

#[derive(Clone)]
struct Site {
    memo: Memo,
    notes: Arc<Mutex<BTreeMap<String, String>>>,
    shared: Arc<Mutex<String>>,
    together: Arc<Barrier>,
    began: Instant,
}

/// The service.
pub(crate) fn service(memo: Memo) -> Router {
    let site = Site {
        memo,
        notes: Arc::default(),
        shared: Arc::default(),
        together: Arc::new(Barrier::new(USERS as usize)),
        began: Instant::now(),
    };
    Router::new()
        .route("/login", post(log_in))
        .route("/notes", post(write))
        .route("/account", get(account))
        .with_state(site)
}

/// The check of it, of either service.
pub(crate) fn check(memo: Memo) -> Check {
    with_steps(crosswire::check_service(service(memo)))
}

/// Users and steps for the service, wherever it is.
pub(crate) fn with_steps(check: Check) -> Check {
    check
        .named("notes")
        .users(USERS)
        .password(&format!("{PASSWORD}-{{{{ index }}}}"))
        .setup(log_in_step())
        .each_round(Step::post("write a note", "/notes").form([("text", "{{ secret('note') }}")]))
        .volley(
            Step::get("account page", "/account")
                .header("x-round", "{{ round }}")
                .sees(["note"]),
        )
        .seed(7)
}

pub(crate) fn log_in_step() -> Step {
    let form = [
        ("user", "{{ user.name }}"),
        ("password", "{{ user.password }}"),
    ];
    Step::post("log in", "/login")
        .login()
        .form(form)
        .status(303)
}

async fn log_in(Form(form): Form<BTreeMap<String, String>>) -> Response {
    let index = form["user"].trim_start_matches(|c: char| !c.is_ascii_digit());
    if form["password"] != format!("{PASSWORD}-{index}") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let cookie = format!("sid={}; Path=/", form["user"]);
    let headers = [("set-cookie", cookie), ("location", "/account".to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn user(headers: &HeaderMap) -> Option<String> {
    let cookie = headers.get("cookie")?.to_str().ok()?;
    Some(cookie.strip_prefix("sid=")?.to_owned())
}

async fn write(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let Some(user) = user(&headers) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    site.notes
        .lock()
        .unwrap()
        .insert(user, form["text"].clone());
    StatusCode::CREATED.into_response()
}

async fn account(State(site): State<Site>, headers: HeaderMap) -> Response {
    let arrived = site.began.elapsed().as_micros();
    let Some(user) = user(&headers) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let own = site.notes.lock().unwrap().get(&user).cloned();
    let own = own.unwrap_or_default();
    site.shared.lock().unwrap().clone_from(&own);
    // Before the first round every user is alone.
    if headers.get("x-round").is_some_and(|round| round != "0") {
        site.together.wait().await;
    }
    let page = match site.memo {
        Memo::Shared => site.shared.lock().unwrap().clone(),
        Memo::OfTheRequest => own,
    };
    let answered = site.began.elapsed().as_micros();
    let times = [
        ("x-arrived-us", arrived.to_string()),
        ("x-answered-us", answered.to_string()),
    ];
    (times, page).into_response()
}

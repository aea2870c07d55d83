//! crosswire in your own tests: a check of a service with the words of the scenario file, run by `cargo test` or nextest.
//!
//! A [`Check`] gathers what a scenario file would say and hands it to the same reader, so that every key, bound and error
//! is the file's own. It is run against a URL ([`check`]), against a service in this process ([`check_service`], with the
//! feature `service`), or read from a file ([`check_file`]). What comes out is a [`Checked`]: the
//! [`Report`](crate::report::Report), with `assert_isolated()` and its siblings.
//!
//! # In Cargo.toml
//!
//! ```toml
//! [dev-dependencies]
//! crosswire = { version = "0.1", default-features = false, features = ["service"] }
//! ```
//!
//! Without default features no parser of command lines, bundled service or database is built. `service` serves a
//! `tower` service on 127.0.0.1 for the run, `control` adds [`Check::control`]; both bring hyper's server.
//!
//! # The engine over the network, on a service in this process
//!
//! Every user writes a note and then asks for it, all at the same instant. The service keeps one note for all of them:
//!
//! ```
//! # #[cfg(feature = "service")] {
//! use std::sync::{Arc, Mutex};
//!
//! use axum::{Router, extract::State, routing};
//! use crosswire::Step;
//!
//! /// What was written last, whoever wrote it.
//! type Note = Arc<Mutex<String>>;
//!
//! async fn write(State(note): State<Note>, text: String) {
//!     *note.lock().unwrap() = text;
//! }
//!
//! async fn read(State(note): State<Note>) -> String {
//!     note.lock().unwrap().clone()
//! }
//!
//! let service = Router::new()
//!     .route("/note", routing::get(read).post(write))
//!     .with_state(Note::default());
//!
//! let report = crosswire::check_service(service)
//!     .users(4)
//!     .each_round(Step::post("write", "/note").text("{{ secret('note') }}"))
//!     .volley(Step::get("read", "/note").sees(["note"]))
//!     .rounds(2)
//!     .run();
//!
//! report.assert_exposed(); // in a test of one's own this is assert_isolated()
//! assert_eq!(report.findings[0].slot.as_deref(), Some("note"));
//! # }
//! ```
//!
//! # Against a URL
//!
//! ```no_run
//! use crosswire::Step;
//!
//! crosswire::check("http://127.0.0.1:8080")
//!     .users(20)
//!     .password("password-{{ index }}")
//!     .setup(
//!         Step::post("log in", "/login")
//!             .login()
//!             .form([("user", "{{ user.name }}"), ("password", "{{ user.password }}")]),
//!     )
//!     .each_round(Step::post("write a note", "/notes").form([("text", "{{ secret('note') }}")]))
//!     .volley(Step::get("account page", "/account").sees(["note"]))
//!     .run()
//!     .assert_isolated();
//! ```
//!
//! Hosts other than this machine must be named with [`Check::allow_host`].
//!
//! # Where nothing can be planted: learning
//!
//! Two or more identities are given; what only one of them is shown when it is alone is learnt, and looked for in the
//! answers of the others:
//!
//! ```
//! # #[cfg(feature = "service")] {
//! use axum::{Router, http::HeaderMap, routing};
//! use crosswire::Step;
//! use crosswire::judge::{Reason, ReasonKind};
//!
//! async fn account(headers: HeaderMap) -> String {
//!     match headers["authorization"].to_str().unwrap() {
//!         "Bearer token-of-ann" => "customer 8402-1177-3391, balance 12.40".into(),
//!         "Bearer token-of-bob" => "customer 5516-0042-8870, balance 97.15".into(),
//!         _ => "who?".into(),
//!     }
//! }
//!
//! let report = crosswire::check_service(Router::new().route("/account", routing::get(account)))
//!     .user("ann", [("token", "token-of-ann")])
//!     .user("bob", [("token", "token-of-bob")])
//!     .bearer("{{ user.token }}")
//!     .volley(Step::get("account", "/account").learns())
//!     .rounds(20)
//!     .min_overlaps(1)
//!     .run();
//! assert!(report.findings.is_empty());
//! let unlearnt = |reason: &Reason| reason.kind == ReasonKind::Learning;
//! assert!(!report.reasons.iter().any(unlearnt), "something was learnt of each");
//! # }
//! ```
//!
//! # Would it see anything? The control
//!
//! With the feature `control`, a short run first goes through a proxy that swaps some answers on purpose. When none of
//! them is recognised, a clean result is worth nothing and comes out inconclusive:
//!
//! ```
//! # #[cfg(all(feature = "service", feature = "control"))] {
//! use axum::{Router, routing};
//! use crosswire::{Step, judge::ReasonKind};
//!
//! // It shows nobody's data, so that swapped answers look like all others.
//! let service = Router::new().route("/", routing::get(async || "Welcome"));
//! let report = crosswire::check_service(service)
//!     .users(4)
//!     .volley(Step::get("front page", "/"))
//!     .control()
//!     .run();
//! assert!(report.reasons.iter().any(|reason| reason.kind == ReasonKind::PlantedExposures));
//! # }
//! ```
//!
//! # Tests that run side by side
//!
//! Nothing here is shared between runs: a service in the process gets a port of its own, and every run a salt of its own,
//! so that canaries of another run never count. Tests that share one service over the network need users of their own, or
//! one would overwrite what the other planted (which comes out inconclusive, not exposed). Name them by pattern:
//!
//! - `.user_names(format!("notes-{}-{{{{ index }}}}", std::process::id()))`, with a word for each test, where the service
//!   makes accounts as they come;
//! - `.user_names("tester-${env:NEXTEST_TEST_GLOBAL_SLOT}-{{ index }}")` with nextest, where accounts stand ready: no two
//!   tests that run at the same time have the same slot.
//!
//! # Every order of two requests
//!
//! A check over the network meets a race by luck. With the feature `explore`, [`explore`](fn@explore) runs *every* order of
//! the steps of two or more requests to a `tower` service; [`explore::guide`](crate::explore::guide) has examples.
//!
//! # In async tests
//!
//! `run()` blocks. In a `#[tokio::test]` whose own runtime serves the service, use [`Check::run_async`].

mod beside;
mod builder;
mod checked;
mod draft;
mod error;
#[cfg(feature = "explore")]
mod explore_builder;
#[cfg(feature = "explore")]
mod explore_run;
#[cfg(feature = "explore")]
mod explore_snippet;
mod keys;
mod run;
mod running;
#[cfg(feature = "service")]
mod service;
mod step;

pub use beside::Beside;
pub use builder::{Check, check, check_file};
pub use checked::Checked;
pub use error::CheckError;
#[cfg(feature = "explore")]
pub use explore_builder::{Exploration, explore};
#[cfg(feature = "service")]
pub use service::{HttpService, Served, check_service, serve, serve_from};
pub use step::Step;

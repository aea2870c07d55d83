//! crosswire against software that nobody here wrote: frameworks, a proxy, a webmail. Each service runs on loopback, in a
//! folder of the test's own, and ends with the test.
//!
//! `tests/foreign/install.sh` installs what is needed; then
//! `cargo test --test foreign -- --ignored --nocapture --test-threads=1`. What is not installed is skipped, and said.
//!
//! Their scenarios are read by plain `cargo test` as well (`scenarios`), and classes of the catalogue are tried over nginx, Redis
//! and PostgreSQL by it, where these are installed (`catalogue`).
//!
//! - `software`: finds what is installed. No tests.
//! - `processes`: starts and ends programs. No tests.
//! - `postgres`, `redis`: start these. No tests.
//! - `certificates`: a certification authority of the test's own. No tests.
//! - `services`: starts the frameworks' services and nginx; `webmail` starts Roundcube. No tests.
//! - `trial`: runs a scenario against a service and tells the figures. No tests.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these are tests, and what is skipped or measured is for people"
)]

mod catalogue;
mod certificates;
mod postgres;
mod processes;
mod redis;
mod scenarios;
mod services;
mod software;
mod trial;
mod webmail;

use services::{board, front, notebook};
use trial::{Verdict, try_scenario};
use webmail::roundcube;

/// A service with its fault and without it; the fault must be found, and nothing else.
macro_rules! both_ways {
    ($($exposed:ident, $isolated:ident: $start:expr, $scenario:literal;)*) => {$(
        #[test]
        #[ignore = "needs software of others: tests/foreign/README.md"]
        fn $exposed() {
            try_scenario($scenario, |folder| $start(folder, true), Verdict::Exposed);
        }

        #[test]
        #[ignore = "needs software of others: tests/foreign/README.md"]
        fn $isolated() {
            try_scenario($scenario, |folder| $start(folder, false), Verdict::Isolated);
        }
    )*};
}

both_ways! {
    flask_with_one_identity_for_all_threads, flask_with_an_identity_per_request: notebook, "notebook";
    express_with_answers_shared_by_path, express_with_answers_shared_by_user: board, "board";
    nginx_that_keeps_answers_by_address, nginx_that_keeps_none_of_a_session: front, "front";
}

#[test]
#[ignore = "needs software of others: tests/foreign/README.md"]
fn roundcube_with_dovecot_keeps_twenty_users_apart() {
    try_scenario("roundcube", roundcube, Verdict::Isolated);
}

#[test]
#[ignore = "needs software of others: tests/foreign/README.md"]
fn flask_sessions_outlive_the_log_out() {
    let start = |folder: &std::path::Path| notebook(folder, false);
    try_scenario("notebook-log-out", start, Verdict::Exposed);
}

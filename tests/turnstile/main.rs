//! The turnstile against services in Python, Node and Rust over a real Redis and PostgreSQL: each with a fault, which must be
//! found, and repaired, where every schedule must be run and none may expose.
//!
//! The backends are Debian's (`redis-server`, `postgresql`, `pgbouncer`), started by the tests on loopback, in folders of
//! their own, and ended with them. What is not installed is skipped, and said; `tests/install.sh` installs it. With `--nocapture`
//! the tests print how many schedules, steps and seconds they took.
//!
//! - `backends`: starts Redis, PostgreSQL and pgbouncer, and the bundled webmail's store. No tests.
//! - `services`: starts the services. `memo`: the one in Rust; `resp`: its client for Redis. No tests.
//! - `trial`: explores and judges. No tests.
//! - `postgres`, `processes`, `redis`, `software`: shared with the tests of software of others. No tests.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these are tests, and what is skipped or measured is for people"
)]

mod backends;
mod memo;
#[path = "../foreign/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "the tests of software of others use the rest")]
#[path = "../foreign/processes.rs"]
mod processes;
#[path = "../foreign/redis.rs"]
mod redis;
mod resp;
mod services;
#[expect(dead_code, reason = "the tests of software of others use the rest")]
#[path = "../foreign/software.rs"]
mod software;
mod trial;

use crosswire::history::Coverage;
use crosswire::judge::Verdict;
use trial::{Subject, Trial};

/// Python and Redis: a pool of connections, and clients that go away.
const PROFILE: Subject = Subject {
    name: "profile",
    backend: backends::redis,
    service: services::profile,
};

/// Node, pgbouncer and PostgreSQL: row-level security by a setting.
const NOTES: Subject = Subject {
    name: "notes",
    backend: backends::pooled_postgres,
    service: services::notes,
};

/// Rust and Redis: the memo of 2008.
const MEMO: Subject = Subject {
    name: "memo",
    backend: backends::redis,
    service: services::memo,
};

/// The bundled webmail, with the note of 2008 and with none.
const NOTE: Subject = Subject {
    name: "webmail",
    backend: backends::store,
    service: |_, store, fault| {
        services::webmail(if fault { "shared-note" } else { "per-request" }, store)
    },
};

/// The same with a lock around each access to the note, and with one around both.
const LOCKED: Subject = Subject {
    name: "webmail",
    backend: backends::store,
    service: |_, store, fault| {
        services::webmail(if fault { "locked-note" } else { "one-lock" }, store)
    },
};

#[test]
fn a_pool_that_takes_back_what_was_cancelled_is_found() {
    let Some(found) = found(&PROFILE) else {
        return;
    };
    // Nothing crosses while every client waits for its answer.
    assert!(
        found.explored.found.iter().all(|found| {
            let moves = found.schedule.to_string();
            moves.contains('X')
        }),
        "{:?}",
        found.explored.found
    );
}

#[test]
fn a_pool_that_closes_what_was_cancelled_is_exhausted() {
    let Some(exhausted) = exhausted(&PROFILE) else {
        return;
    };
    // Two requests with two answers each: the orders in which nobody goes away are among them.
    assert!(exhausted.explored.schedules > choose(6, 3));
}

#[test]
fn a_session_setting_behind_a_pooler_of_transactions_is_found() {
    found(&NOTES);
}

#[test]
fn a_setting_of_the_transaction_is_exhausted() {
    let Some(exhausted) = exhausted(&NOTES) else {
        return;
    };
    // Two requests with three messages each.
    assert_eq!(exhausted.explored.schedules, choose(8, 4));
}

#[test]
fn one_memo_for_all_requests_is_found() {
    found(&MEMO);
}

#[test]
fn a_memo_for_each_request_is_exhausted() {
    let Some(exhausted) = exhausted(&MEMO) else {
        return;
    };
    assert_eq!(exhausted.explored.schedules, choose(8, 4));
}

#[test]
fn the_webmail_behind_its_store_comes_out_as_in_the_model_checks() {
    found(&NOTE);
    found(&LOCKED);
    let exhausted = |subject| self::exhausted(subject).unwrap().explored.schedules;
    // Account, list, account.
    assert_eq!(exhausted(&NOTE), choose(8, 4));
    // Whoever comes second waits from the first step on.
    assert!(exhausted(&LOCKED) < choose(8, 4));
}

/// Explores the service with its fault, which must be found; in what order does not matter, but soon.
fn found(subject: &Subject) -> Option<Trial> {
    let trial = subject.explore(true)?;
    let Trial {
        judgement,
        explored,
    } = &trial;
    assert_eq!(judgement.verdict, Verdict::Exposed, "{explored:?}");
    assert!(explored.first_exposing.is_some_and(|first| first <= 10));
    assert_eq!(explored.bounds[0].preemptions, 0);
    for found in &explored.found {
        assert_eq!(found.repeated.0, found.repeated.1, "{found:?}");
    }
    Some(trial)
}

/// Explores the repaired service: every schedule, and none exposes.
fn exhausted(subject: &Subject) -> Option<Trial> {
    let trial = subject.explore(false)?;
    let Trial {
        judgement,
        explored,
    } = &trial;
    let reasons = &judgement.reasons;
    assert_eq!(judgement.verdict, Verdict::Isolated, "{reasons:?}");
    assert_eq!(explored.coverage, Coverage::All, "{explored:?}");
    assert_eq!(explored.exposing, 0);
    Some(trial)
}

/// `n` over `k`: the orders of two requests of `k` steps each, when `n` is twice `k`.
fn choose(n: u64, k: u64) -> u64 {
    (1..=k).fold(1, |product, i| product * (n - k + i) / i)
}

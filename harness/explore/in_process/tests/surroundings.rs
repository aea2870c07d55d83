//! What happens around the race: log-in, every request alone, read-back, what is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};

use super::walk::{Along, walk};
use super::{Params, READ, plan, raced, scenario};
use crate::explore::in_process::InProcess;
use crate::explore::in_process::alarm::Alarm;
use crate::explore::in_process::wake::Hub;
use crate::explore::{Detail, Stage as _};
use crate::history::{Cause, Outcome, Phase, Record};

const NOTES: &str = r##"version = 1
title = "notes"

[target]
url = "http://127.0.0.1:8080"

[users]
count = 2
name = "user{{ index }}"

[secrets]
note = {}

[[setup]]
name = "log in"
login = true
method = "POST"
path = "/log-in?user={{ user.name }}"
status = 204

[[each-round]]
name = "write"
method = "PUT"
path = "/note"
text = "{{ secret('note') }}"

[[volley]]
name = "read"
path = "/note"
sees = ["note"]

[[read-back]]
name = "look"
path = "/note"
"##;

type Notes = Arc<Mutex<BTreeMap<String, String>>>;

/// A note for each user, kept under the cookie's name.
fn notes() -> Router {
    let notes = Notes::default();
    let user = |headers: &HeaderMap| headers["cookie"].to_str().unwrap().to_owned();
    let (read, written) = (Arc::clone(&notes), notes);
    let log_in = async |Query(params): Params| {
        let cookie = format!("user={}", params["user"]);
        (StatusCode::NO_CONTENT, [("set-cookie", cookie)])
    };
    let get_note =
        move |headers: HeaderMap| async move { read.lock().unwrap()[&user(&headers)].clone() };
    let put_note = move |headers: HeaderMap, note: String| async move {
        written.lock().unwrap().insert(user(&headers), note);
    };
    Router::new()
        .route("/log-in", post(log_in))
        .route("/note", get(get_note).put(put_note))
}

#[test]
fn users_log_in_write_race_and_look() {
    let scenario = scenario(NOTES);
    let mut stage = InProcess::new(notes, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let prepared = stage.prepare().unwrap();
    let phases = |records: &[Record]| -> Vec<(u32, Phase)> {
        let exchanges = records.iter().filter_map(|record| match record {
            Record::Exchange(exchange) => Some((exchange.user.0, exchange.phase)),
            _ => None,
        });
        exchanges.collect()
    };
    let (setup, solo) = (Phase::Setup, Phase::Solo);
    let alone = |user| [(user, setup), (user, setup), (user, solo), (user, solo)];
    assert_eq!(phases(&prepared), [alone(0), alone(1)].concat());

    let execution = stage
        .execute(&mut Along::new("R1*2,R2*4,R1*2", false), Detail::Brief)
        .unwrap();
    let records = stage.records(7);
    let expected = [
        (0, setup),
        (0, setup),
        (1, setup),
        (1, setup),
        (1, Phase::Volley),
        (0, Phase::Volley),
        (0, Phase::ReadBack),
        (1, Phase::ReadBack),
    ];
    assert_eq!(phases(&records), expected, "{:?}", execution.end);
    let planted: Vec<&String> = records
        .iter()
        .filter_map(|record| match record {
            Record::Planted(planted) => Some(&planted.canary),
            _ => None,
        })
        .collect();
    assert_eq!(planted.len(), 2);
    let mut last = 0;
    for record in prepared.iter().chain(&records) {
        let Record::Exchange(exchange) = record else {
            continue;
        };
        assert!(exchange.sent_ns <= exchange.done_ns && exchange.done_ns >= last);
        last = exchange.done_ns;
        if exchange.phase != Phase::Setup {
            let Outcome::Answer { body, .. } = &exchange.outcome else {
                panic!("{exchange:?}");
            };
            let own = planted[exchange.user.index()];
            assert_eq!(&body[..], own.as_bytes(), "the same in every execution");
        }
        let in_race = exchange.phase == Phase::Volley;
        assert_eq!(exchange.volley, in_race.then_some(7));
    }
    // The first one was under way for as long as the second one.
    let races: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Exchange(exchange) if exchange.volley.is_some() => Some(exchange),
            _ => None,
        })
        .collect();
    assert!(races[0].overlaps(races[1]));
    assert_eq!(races[1].done_ns - races[1].sent_ns, 8_000, "eight steps");

    let walked = walk(&mut stage, 1_000);
    assert_eq!((walked.executions, walked.outcomes.len()), (70, 1));
}

#[test]
fn a_log_in_that_is_refused_ends_it() {
    let scenario = scenario(&NOTES.replace("status = 204", "status = 200"));
    let mut stage = InProcess::new(notes, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let error = stage.prepare().unwrap_err();
    assert_eq!(error.cause, Cause::LogIn);
    let expected = "log-in `log in` of user1 did not succeed: it was answered 204";
    assert_eq!(error.why, expected);
    let error = stage.execute(&mut Along::new("", true), Detail::Brief);
    assert_eq!(error.unwrap_err().why, expected);
}

#[test]
fn what_needs_a_connection_is_refused() {
    let text = READ.replace(
        "path = ",
        "slow-read = { bytes = 1, every-ms = 1 }\npath = ",
    );
    let scenario = scenario(&text);
    let router = || Router::<()>::new();
    let refused = InProcess::new(router, &plan(&scenario), &raced(&scenario, 2)).err();
    let why = refused.unwrap().why;
    assert!(why.contains("`read`") && why.contains("no"), "{why}");
}

#[test]
fn there_is_no_exploring_within_a_runtime() {
    let scenario = scenario(READ);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let refused = runtime.block_on(async {
        let router = || Router::<()>::new();
        InProcess::new(router, &plan(&scenario), &raced(&scenario, 2)).err()
    });
    assert!(refused.unwrap().why.contains("outside of async code"));
}

#[test]
fn paths_that_are_templates_are_filled_in_for_each_user() {
    let text = READ.replace("/read?user=", "/of/");
    let scenario = scenario(&text);
    let factory = || Router::new().route("/of/{user}", get(async |Path(user): Path<String>| user));
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let walked = walk(&mut stage, 100);
    let answers = walked.answers.first().unwrap();
    assert_eq!(answers[..], ["200 user1", "200 user2"]);
}

#[test]
fn a_step_that_never_ends_is_told_of() {
    let hub = Hub::new();
    let (sender, told) = std::sync::mpsc::channel();
    let tell = move |text: &str| sender.send(text.to_owned()).unwrap();
    let names = vec!["`read` of alice".to_owned()];
    let tell: super::super::alarm::Tell = Box::new(tell);
    hub.polls(0);
    hub.step(true);
    let soon = std::time::Duration::from_millis(1);
    let alarm = Alarm::start(&hub, names, &Arc::new(Mutex::new(Some(tell))), soon);
    let text = told.recv().unwrap();
    assert!(
        text.starts_with("a step of `read` of alice has not ended"),
        "{text}"
    );
    drop(alarm);
    assert!(
        told.try_recv().is_err(),
        "it is told once, and the thread has ended"
    );
}

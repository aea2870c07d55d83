//! Sessions that grow stale and are refreshed; waits; the order of steps that run alone; nonces.

use std::sync::atomic::{AtomicU32, Ordering};

use super::service::{Service, answer, ok, run, run_until, scenario};
use crate::fire::Stop;
use crate::history::{Cause, Ending, Record, StepRole};

const STEPS: &str = r#"[[setup]]
name = "log in"
path = "/login"
login = true
capture = { token = { json = "/token" } }
[[setup]]
name = "ask"
path = "/ask"
headers = { authorization = "Bearer {{ token }}" }
[[refresh]]
name = "renew"
path = "/renew"
capture = { token = { json = "/token" } }
"#;

#[test]
fn a_step_that_is_refused_as_stale_is_sent_again_with_a_fresh_session() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/login" => answer(200, "", r#"{"token":"old"}"#),
        "/renew" => answer(200, "", r#"{"token":"new"}"#),
        _ if asked.header("authorization") == Some("Bearer new") => ok(),
        _ => answer(401, "", ""),
    });
    let ran = run(&scenario(1, STEPS), &service.url()).completed();
    let statuses = [(200, false), (401, true), (200, false), (200, false)];
    assert_eq!(ran.statuses(), statuses);
    assert_eq!(service.lines()[2], "GET /renew");
    assert!(ran.exchanges().iter().all(|exchange| !exchange.refused));
}

#[test]
fn it_is_sent_again_once_alone() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/ask" => answer(401, "", ""),
        _ => answer(200, "", r#"{"token":"t"}"#),
    });
    let ran = run(&scenario(1, STEPS), &service.url());
    assert!(
        ran.why()
            .contains("`ask` of u1 did not succeed: it was answered 401")
    );
    assert_eq!(service.lines().len(), 4);
}

#[test]
fn a_refresh_that_fails_is_named() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/login" => answer(200, "", r#"{"token":"t"}"#),
        "/renew" => answer(500, "", ""),
        _ => answer(401, "", ""),
    });
    let ran = run(&scenario(1, STEPS), &service.url());
    let why = ran.why();
    assert!(
        why.contains("`renew` did not succeed: it was answered 500"),
        "{why}"
    );
}

#[test]
fn a_step_that_accepts_the_status_has_its_answer() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/ask" => answer(401, "", ""),
        _ => answer(200, "", r#"{"token":"t"}"#),
    });
    let steps = STEPS.replace("path = \"/ask\"", "path = \"/ask\"\nstatus = 401");
    run(&scenario(1, &steps), &service.url()).completed();
    assert_eq!(service.lines(), ["GET /login", "GET /ask"]);
}

#[test]
fn a_session_of_the_age_is_refreshed_before_the_next_step() {
    let service = Service::new(|_| answer(200, "", r#"{"token":"t"}"#));
    let mut scenario = scenario(1, STEPS);
    // Every session is as old as that, whatever the clock says.
    scenario.session.refresh_after_s = Some(0);
    run(&scenario, &service.url()).completed();
    assert_eq!(service.lines(), ["GET /login", "GET /renew", "GET /ask"]);
    scenario.session.refresh_after_s = Some(86_400);
    run(&scenario, &service.url()).completed();
    assert_eq!(service.lines()[3..], ["GET /login", "GET /ask"]);
}

#[test]
fn a_wait_ends_when_the_run_is_to_end() {
    let stop = Stop::default();
    let asker = stop.clone();
    let service = Service::new(move |_| {
        asker.ask();
        ok()
    });
    let steps = "[[setup]]\nname = \"a\"\npath = \"/a\"\n[[setup]]\nname = \"b\"\npath = \"/b\"";
    let mut scenario = scenario(1, steps);
    scenario.setup[1].wait_ms = 600_000;
    let ran = run_until(&scenario, &service.url(), &stop);
    assert_eq!(ran.end().ending, Ending::Interrupted);
    assert_eq!(service.lines(), ["GET /a"]);
}

#[test]
fn alone_a_companion_comes_right_after_its_step_as_often_as_the_solo_phase_runs() {
    let service = Service::new(|_| ok());
    let steps =
        ["side", "main"].map(|name| format!("[[volley]]\nname = \"{name}\"\npath = \"/{name}\"\n"));
    let mut scenario = scenario(1, &steps.concat());
    scenario.volley[0].companion = true;
    scenario.volley[1].with = Some(scenario.volley[0].index);
    scenario.fire.solo = true;
    scenario.fire.solo_repeats = 2;
    run(&scenario, &service.url()).completed();
    let once = ["GET /main", "GET /side", "GET /raced"];
    assert_eq!(service.lines(), [once, once].concat());
}

#[test]
fn every_request_with_a_nonce_has_one_of_its_own() {
    let service = Service::new(|_| ok());
    let steps = "[[setup]]\nname = \"n\"\npath = \"/n?{{ nonce() }}\"";
    let ran = run(&scenario(2, steps), &service.url()).completed();
    let planted: Vec<&String> = ran
        .0
        .iter()
        .filter_map(|record| match record {
            Record::Planted(planted) => Some(&planted.canary),
            _ => None,
        })
        .collect();
    let exchanges = ran.exchanges();
    assert_eq!((planted.len(), exchanges.len()), (2, 2));
    assert_ne!(planted[0], planted[1]);
    for (place, exchange) in exchanges.iter().enumerate() {
        assert_eq!(exchange.nonce.as_ref(), Some(planted[place]));
        assert_eq!(service.lines()[place], format!("GET /n?{}", planted[place]));
    }
}

#[test]
fn chance_is_the_seeds() {
    static ROUND: AtomicU32 = AtomicU32::new(0);
    let service = Service::new(|_| {
        ROUND.fetch_add(1, Ordering::SeqCst);
        ok()
    });
    let steps = "[[setup]]\nname = \"n\"\npath = \"/{{ random(12) }}/{{ random(12) }}\"";
    run(&scenario(2, steps), &service.url()).completed();
    run(&scenario(2, steps), &service.url()).completed();
    let lines = service.lines();
    assert_eq!(lines[..2], lines[2..], "the same seed, the same texts");
    assert_ne!(lines[0], lines[1], "another text for every request");
    assert_eq!(ROUND.load(Ordering::SeqCst), 4);
}

#[test]
fn a_refresh_that_fails_when_an_answer_is_only_weighed_ends_the_run_as_well() {
    for (role, expected) in [
        (StepRole::Prepare, Cause::Step),
        (StepRole::LogIn, Cause::LogIn),
    ] {
        for age in [None, Some(0)] {
            let service = Service::new(|asked| match asked.path.as_str() {
                "/login" | "/ask" => answer(200, "", r#"{"token":"t"}"#),
                "/renew" => answer(500, "", ""),
                _ => answer(401, "", ""),
            });
            let back = "[[read-back]]\nname = \"back\"\npath = \"/back\"\n";
            let ask = "[[setup]]\nname = \"ask\"\npath = \"/ask\"\n\
                       headers = { authorization = \"Bearer {{ token }}\" }\n";
            let steps = format!("{}{back}", STEPS.replace(ask, ""));
            let mut scenario = scenario(1, &steps);
            scenario.fire.rounds = 1;
            scenario.refresh[0].role = role;
            scenario.session.refresh_after_s = age;
            let ran = run(&scenario, &service.url());
            let Ending::Failed { why, cause } = &ran.end().ending else {
                panic!("it has not failed: {:?}", ran.end());
            };
            assert_eq!(*cause, expected);
            assert_eq!(
                why,
                "the session of u1 could not be refreshed: `back` needs a fresh session, and `renew` did not succeed: it was answered 500"
            );
        }
    }
}

#[test]
fn a_nonce_may_be_read_by_whom_the_step_names() {
    let service = Service::new(|_| ok());
    let steps = "[[setup]]\nname = \"n\"\npath = \"/n?{{ nonce() }}&{{ secret('s') }}\"\nreaders = [\"u2\"]";
    let ran = run(&scenario(2, steps), &service.url()).completed();
    let mut planted = 0;
    for record in &ran.0 {
        if let Record::Planted(nonce) = record {
            assert_eq!(nonce.readers, [crate::identity::UserId(1)]);
            planted += 1;
        }
    }
    assert_eq!(planted, 4, "a secret and a nonce each");
}

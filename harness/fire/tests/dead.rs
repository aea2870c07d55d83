//! Requests with a session that is over.

use super::service::{Service, answer, ok, run, scenario};
use crate::history::{Dead, StepRole};
use crate::scenario::Scenario;

const STEPS: &str = r#"[[setup]]
name = "log in"
path = "/login"
login = true
capture = { token = { header = "x-token" } }
[[setup]]
name = "second"
path = "/second"
[[setup]]
name = "dead"
path = "/dead?{{ token }}"
[[setup]]
name = "after"
path = "/after?{{ token }}"
"#;

/// Gives a new session at `/login` and, when `renews`, at `/second`; ends it there otherwise.
fn service(renews: bool, dead: u16) -> Service {
    Service::new(move |asked| match asked.path.as_str() {
        "/login" => answer(200, "set-cookie: sid=one; Path=/\r\nx-token: t1\r\n", ""),
        "/second" if renews => answer(200, "set-cookie: sid=two; Path=/\r\nx-token: t2\r\n", ""),
        "/second" => answer(200, "set-cookie: sid=; Max-Age=0; Path=/\r\n", ""),
        path if path.starts_with("/dead") => {
            answer(dead, "set-cookie: sid=; Max-Age=0; Path=/\r\n", "")
        }
        _ => ok(),
    })
}

#[test]
fn after_a_log_out_the_session_before_it_is_used_and_then_the_present_one() {
    for status in [401, 403, 302, 200] {
        let service = service(false, status);
        let mut scenario = scenario(1, STEPS);
        scenario.setup[1].role = StepRole::LogOut;
        scenario.setup[2].dead = Some(Dead::LogOut);
        let ran = run(&scenario, &service.url()).completed();
        assert_eq!(
            service.asked("/dead?t1").header("cookie"),
            Some("sid=one"),
            "{status}"
        );
        assert_eq!(service.asked("/after?t1").header("cookie"), None);
        assert!(
            !ran.exchanges()[2].refused,
            "{status} is hoped for, or told by the judge"
        );
    }
}

#[test]
fn after_a_second_log_in_the_first_session_is_used_and_the_second_is_not_lost() {
    let service = service(true, 401);
    let steps = STEPS.replace(
        "path = \"/second\"",
        "path = \"/second\"\nlogin = true\ncapture = { token = { header = \"x-token\" } }",
    );
    let mut scenario = scenario(1, &steps);
    scenario.setup[2].dead = Some(Dead::Rotation);
    run(&scenario, &service.url()).completed();
    assert_eq!(service.asked("/dead?t1").header("cookie"), Some("sid=one"));
    assert_eq!(service.asked("/after?t2").header("cookie"), Some("sid=two"));
}

#[test]
fn an_idle_session_is_the_present_one() {
    let service = service(true, 401);
    let mut scenario = scenario(1, STEPS);
    scenario.setup[2].dead = Some(Dead::Idle);
    run(&scenario, &service.url()).completed();
    assert_eq!(service.asked("/dead?t1").header("cookie"), Some("sid=two"));
}

#[test]
fn a_server_error_is_not_what_is_hoped_for_but_ends_nothing() {
    let service = service(false, 500);
    let mut scenario = scenario(1, STEPS);
    scenario.setup[1].role = StepRole::LogOut;
    scenario.setup[2].dead = Some(Dead::LogOut);
    let ran = run(&scenario, &service.url()).completed();
    assert!(ran.exchanges()[2].refused);
}

#[test]
fn after_a_log_in_that_followed_the_log_out_the_session_before_the_log_out_is_used() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/login" => answer(200, "set-cookie: sid=one; Path=/\r\nx-token: t1\r\n", ""),
        "/out" => answer(200, "set-cookie: sid=; Max-Age=0; Path=/\r\n", ""),
        "/again" => answer(200, "set-cookie: sid=two; Path=/\r\nx-token: t2\r\n", ""),
        _ => answer(401, "", ""),
    });
    let again = "[[setup]]\nname = \"out\"\npath = \"/out\"\nlogout = true\n\
                 [[setup]]\nname = \"again\"\npath = \"/again\"\nlogin = true\n\
                 capture = { token = { header = \"x-token\" } }\n";
    let steps = STEPS.replace("[[setup]]\nname = \"second\"\npath = \"/second\"\n", again);
    let steps = steps.replace("path = \"/after", "status = 401\npath = \"/after");
    let mut scenario = scenario(1, &steps);
    scenario.setup[3].dead = Some(Dead::LogOut);
    run(&scenario, &service.url()).completed();
    assert_eq!(service.asked("/dead?t1").header("cookie"), Some("sid=one"));
    assert_eq!(service.asked("/after?t2").header("cookie"), Some("sid=two"));
}

/// A log-in, then in two rounds what ends the session and a step that is sent with the session that must be dead then.
fn ending(role: StepRole, dead: Dead) -> Scenario {
    let steps = r#"[[setup]]
name = "log in"
path = "/login"
login = true
[[read-back]]
name = "end"
path = "/end"
[[read-back]]
name = "dead"
path = "/dead"
"#;
    let mut scenario = scenario(1, steps);
    scenario.fire.rounds = 2;
    scenario.read_back[0].role = role;
    scenario.read_back[1].dead = Some(dead);
    scenario
}

#[test]
fn a_session_whose_end_was_refused_rightly_lives_and_accuses_nobody() {
    for (role, dead, status) in [
        (StepRole::LogOut, Dead::LogOut, 403),
        (StepRole::LogIn, Dead::Rotation, 429),
    ] {
        let service = Service::new(move |asked| match asked.path.as_str() {
            "/login" => answer(200, "set-cookie: sid=one; Path=/\r\n", ""),
            "/end" => answer(status, "", ""),
            _ => ok(),
        });
        let ran = run(&ending(role, dead), &service.url()).completed();
        let sent = |path: &str| service.lines().iter().filter(|line| *line == path).count();
        assert_eq!((sent("GET /end"), sent("GET /dead")), (2, 0), "{role:?}");
        let notes = ran.notes();
        assert_eq!(notes.len(), 1, "once: {notes:?}");
        assert!(notes[0].starts_with("`dead` was left out"), "{notes:?}");
    }
}

#[test]
fn a_refused_log_out_leaves_the_session_of_an_earlier_one() {
    let outs = std::sync::atomic::AtomicU32::new(0);
    let service = Service::new(move |asked| match asked.path.as_str() {
        "/login" => answer(200, "set-cookie: sid=one; Path=/\r\n", ""),
        "/raced" => answer(200, "set-cookie: sid=two; Path=/\r\n", ""),
        "/end" if outs.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 => {
            answer(403, "", "")
        }
        _ => answer(200, "", ""),
    });
    let mut scenario = ending(StepRole::LogOut, Dead::LogOut);
    // What follows the first log-out is a session of its own.
    scenario.read_back.swap(0, 1);
    run(&scenario, &service.url()).completed();
    assert_eq!(service.asked("/dead").header("cookie"), Some("sid=two"));
}

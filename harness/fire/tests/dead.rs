//! Requests with a session that is over.

use super::service::{Service, answer, ok, run, scenario};
use crate::history::{Dead, StepRole};

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

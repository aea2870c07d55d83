//! Cleaning up after runs that end well, badly and early.

use super::service::{Service, answer, ok, run, run_until, scenario};
use crate::fire::Stop;
use crate::history::{Ending, Phase};
use crate::scenario::Scenario;

fn cleaning() -> Scenario {
    let mut scenario = scenario(
        2,
        r#"[[setup]]
name = "make"
path = "/make/{{ user.name }}"
[[each-round]]
name = "prepare"
path = "/prepare/{{ user.name }}"
[[clean-up]]
name = "remove"
path = "/remove/{{ user.name }}"
"#,
    );
    scenario.fire.rounds = 1;
    scenario
}

/// What was removed.
fn removed(service: &Service) -> Vec<String> {
    let lines = service.lines();
    lines
        .into_iter()
        .filter(|line| line.contains("/remove"))
        .collect()
}

const BOTH: [&str; 2] = ["GET /remove/u1", "GET /remove/u2"];

#[test]
fn after_a_run_once_per_user() {
    let service = Service::new(|_| ok());
    let ran = run(&cleaning(), &service.url()).completed();
    assert_eq!(removed(&service), BOTH);
    let last = ran.exchanges().last().map(|exchange| exchange.phase);
    assert_eq!(last, Some(Phase::CleanUp));
}

#[test]
fn after_a_failure_past_the_set_up() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/prepare/u2" => answer(500, "", ""),
        _ => ok(),
    });
    let ran = run(&cleaning(), &service.url());
    assert!(ran.why().contains("`prepare` of u2"), "{}", ran.why());
    assert_eq!(removed(&service), BOTH);
}

#[test]
fn every_user_for_whom_anything_was_sent_is_cleaned_up_and_nobody_else() {
    for (failing, cleaned) in [("u1", &BOTH[..1]), ("u2", &BOTH[..])] {
        let service = Service::new(move |asked| match asked.path.strip_prefix("/make/") {
            // It may have made something all the same.
            Some(user) if user == failing => answer(500, "", ""),
            _ => ok(),
        });
        let ran = run(&cleaning(), &service.url());
        let why = ran.why();
        assert!(why.contains(&format!("`make` of {failing}")), "{why}");
        assert_eq!(removed(&service), cleaned);
    }
}

#[test]
fn after_a_limit() {
    let service = Service::new(|_| ok());
    let mut limited = cleaning();
    limited.limits.requests = 3;
    let ran = run(&limited, &service.url());
    assert!(matches!(ran.end().ending, Ending::Limit { .. }));
    assert_eq!(removed(&service), BOTH);
}

#[test]
fn after_an_interruption() {
    let stop = Stop::default();
    let asker = stop.clone();
    let service = Service::new(move |asked| {
        if asked.path == "/prepare/u1" {
            asker.ask();
        }
        ok()
    });
    let ran = run_until(&cleaning(), &service.url(), &stop);
    assert_eq!(ran.end().ending, Ending::Interrupted);
    assert_eq!(removed(&service), BOTH);
}

#[test]
fn what_fails_is_told_and_changes_nothing() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/remove/u1" => answer(500, "", ""),
        // It closes the connection.
        "/remove/u2" => String::new(),
        _ => ok(),
    });
    let ran = run(&cleaning(), &service.url()).completed();
    let notes = ran.notes();
    assert!(
        notes[0].contains("clean-up step `remove` of u1 did not succeed: it was answered 500"),
        "{notes:?}"
    );
    assert!(notes.iter().any(|note| note.contains("`remove` of u2")));
}

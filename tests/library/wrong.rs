//! Checks that cannot be run, and what they say.

use crosswire::scenario::{Scenario, find_shipped};
use crosswire::{Check, CheckError, Step};

/// A right check of an address at which nothing needs to be.
fn right() -> Check {
    crosswire::check("http://127.0.0.1:9").users(2)
}

fn error(check: Check) -> CheckError {
    check.try_run().unwrap_err()
}

#[test]
fn a_wrong_step_is_told_by_its_name() {
    for (step, why) in [
        (Step::get("read a note", "note"), "a path begins with `/`"),
        (Step::get("read a note", "/").sees(["nothing"]), "nothing"),
        (Step::get("read a note", "/{{ user.pin }}"), "pin"),
        (
            Step::get("read a note", "/").set("expects", "x"),
            "`expect`?",
        ),
        (Step::get("read a note", "/").status("6xx"), "6xx"),
    ] {
        let error = error(right().volley(Step::get("front page", "/")).volley(step));
        let text = error.to_string();
        assert!(
            text.starts_with("in the step `read a note` of [[volley]]:\nerror: "),
            "{text}"
        );
        assert!(text.contains(why) && error.is_scenario(), "{text}");
        assert!(text.contains("--> wrong.rs:"), "it names the test: {text}");
    }
    let null = Step::post("write a note", "/").json([None::<u8>]);
    let text = error(right().volley(null)).to_string();
    assert!(
        text.starts_with("the step `write a note`: the value of `json` cannot"),
        "{text}"
    );
}

#[test]
fn a_check_without_a_volley_says_what_is_missing() {
    let text = error(right()).to_string();
    assert!(text.contains("at least one `[[volley]]` step"), "{text}");
}

#[test]
fn a_shown_error_holds_no_password() {
    let check = right()
        .password("hunter2")
        .set("limits.requests", 0)
        .volley(Step::get("a", "/"));
    let text = error(check).to_string();
    assert!(
        text.contains("`requests`") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn another_host_must_be_named() {
    let check = |host: &str| {
        crosswire::check(&format!("http://{host}"))
            .users(2)
            .volley(Step::get("a", "/"))
    };
    let refused = error(check("192.0.2.1"));
    assert!(refused.is_host());
    assert_eq!(
        refused.to_string(),
        "192.0.2.1 is not this machine\n  crosswire fires at other hosts only when told to: if you may test it, add `.allow_host(\"192.0.2.1\")`"
    );
    let unclear = error(check("192.0.2.1").allow_host("http://192.0.2.1"));
    assert!(
        unclear
            .to_string()
            .starts_with("allow_host: name the host alone"),
        "{unclear}"
    );
}

#[test]
fn a_service_that_is_not_there_is_no_error_of_the_check() {
    let report = right().volley(Step::get("a", "/")).run();
    report.assert_verdict(crosswire::judge::Verdict::Inconclusive);
}

#[test]
fn a_bundled_target_is_for_the_command() {
    let shipped = find_shipped("mail-2008").unwrap();
    let scenario = Scenario::parse(shipped.name, shipped.text).unwrap();
    let text = error(Check::from_scenario(scenario)).to_string();
    assert!(
        text.contains("mail/shared-note") && text.contains(".url("),
        "{text}"
    );
}

#[test]
fn a_service_that_cannot_be_made_is_told() {
    async fn never() -> axum::Router {
        panic!("no database")
    }
    let check = right().volley(Step::get("a", "/")).service_from(never);
    let error = error(check);
    assert!(error.is_system());
    assert_eq!(
        error.to_string(),
        "the service cannot be served: making it panicked"
    );
}

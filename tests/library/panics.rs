//! What a test is told when its demand is not met.

use std::panic::catch_unwind;

use crosswire::judge::Verdict;
use crosswire::report::Report;
use crosswire::{Checked, Step};

use crate::notes::{self, Memo, PASSWORD};

/// What a panic says.
fn said(demand: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = catch_unwind(demand).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

fn refused(report: Checked, demand: fn(&Report)) -> String {
    let report = report.report().clone();
    said(move || demand(&report))
}

#[test]
fn an_exposure_is_told_with_its_evidence_and_the_seed() {
    let report = notes::check(Memo::Shared).rounds(1).run();
    let text = refused(report, Report::assert_isolated);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "crosswire: expected isolated, but the verdict is exposed",
            ""
        ]
    );
    assert_eq!(
        lines[2],
        "EXPOSED  notes on the service under test: 5 users received or acted on data of 1 other"
    );
    assert!(
        lines[4].contains(" received user") && lines[4].contains("account page, body"),
        "{text}"
    );
    assert!(text.contains("expected      isolated, so this is not as expected"));
    assert_eq!(
        *lines.last().unwrap(),
        "  in the test   `.seed(7)` repeats what was sent and when, not in which order the service worked"
    );
    assert!(!text.contains(PASSWORD) && !text.contains("--"), "{text}");
}

#[test]
fn an_inconclusive_run_fails_and_says_what_is_missing() {
    // More than can be had: a run that could still have enough goes on.
    let report = notes::check(Memo::OfTheRequest)
        .rounds(1)
        .min_overlaps(1_000_000_000)
        .run();
    let text = refused(report, Report::assert_isolated);
    let expected = "\
crosswire: expected isolated, but the verdict is inconclusive

INCONCLUSIVE  notes on the service under test: nothing found, but the run is worth too little for a verdict

  lacking       overlapping pairs of different owners: 15, needed: 1000000000
";
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.contains("in the test   more pairs: `.rounds(…)`"),
        "{text}"
    );
}

#[test]
fn a_control_that_failed_says_where_to_look() {
    let report = crosswire::check_service(notes::service(Memo::OfTheRequest))
        .users(3)
        .password(&format!("{PASSWORD}-{{{{ index }}}}"))
        .setup(notes::log_in_step())
        .each_round(Step::post("write", "/notes").form([("text", "{{ secret('note') }}")]))
        .volley(
            Step::get("log-in page", "/account?")
                .anonymous()
                .status(401)
                .sees(["note"]),
        )
        .run();
    let text = refused(report, Report::assert_isolated);
    assert!(text.contains("`.sees(…)` of the steps"), "{text}");
}

#[test]
fn an_exposure_that_does_not_show_is_told_too() {
    let report = notes::check(Memo::OfTheRequest).run();
    let text = refused(report, Report::assert_exposed);
    assert!(
        text.starts_with(
            "crosswire: expected exposed, but the verdict is isolated\n\nISOLATED  notes"
        ),
        "{text}"
    );
    assert!(text.contains("needs more `.rounds(…)`"), "{text}");
}

#[test]
fn a_broken_threshold_fails_an_isolated_run() {
    let report = notes::check(Memo::OfTheRequest)
        .threshold("pairs", ">= 1000000")
        .run();
    assert_eq!(report.verdict, Verdict::Isolated);
    let text = refused(report, Report::assert_isolated);
    assert!(
        text.starts_with("crosswire: isolated, but a threshold is broken: pairs"),
        "{text}"
    );
}

#[test]
fn a_check_that_cannot_be_run_panics_with_its_name_and_the_reason() {
    let text = said(|| {
        drop(notes::check(Memo::Shared).set("fire.round", 3).run());
    });
    assert!(
        text.starts_with(
            "crosswire: the check notes could not be run\nerror: [fire] has no key `round`"
        ),
        "{text}"
    );
    assert!(text.contains("did you mean `rounds`?"), "{text}");
}

//! `examples/explore_service.rs` shows both outcomes.

#[path = "../../examples/explore_service.rs"]
#[expect(dead_code, reason = "the example prints what is demanded here")]
mod explore_service;

use crosswire::judge::Verdict;

#[test]
fn the_example_is_exposed_and_repaired() {
    for (what, factory, verdict) in explore_service::SERVICES {
        let report = explore_service::exploration(factory).named(what).run();
        report.assert_verdict(verdict);
        assert_eq!(verdict == Verdict::Exposed, !report.findings.is_empty());
    }
}

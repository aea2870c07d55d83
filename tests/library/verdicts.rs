//! What comes out of a check.

use crosswire::history::Phase;
use crosswire::judge::Verdict;
use crosswire::scenario::StrategyName;

use crate::notes::{self, Memo, USERS};

#[test]
fn a_shared_memo_is_exposed() {
    let report = notes::check(Memo::Shared).rounds(2).run();
    report.assert_exposed();
    assert_eq!(report.judgement().verdict, Verdict::Exposed);
    for finding in &report.findings {
        assert_ne!(finding.viewer, finding.victim);
        assert_eq!(
            (
                finding.step.as_str(),
                finding.slot.as_deref(),
                finding.phase
            ),
            ("account page", Some("note"), Phase::Volley)
        );
        assert_eq!(finding.line, 0, "there is no file with such a line");
    }
    // In each of two volleys everybody was given the note that was written last.
    assert_eq!(report.counts.exchanges, u64::from(2 * (USERS - 1)));
}

#[test]
fn a_memo_of_the_request_is_isolated() {
    let report = notes::check(Memo::OfTheRequest).run();
    report.assert_isolated();
    report.assert_as_expected();
    assert_eq!((report.seed, report.scenario.as_str()), (7, "notes"));
    assert_eq!(report.target, "the service under test");
    let pairs = u64::from(10 * USERS * (USERS - 1) / 2);
    assert_eq!(report.strength.overlapping_pairs, pairs);
}

#[test]
fn one_packet_over_http2_reaches_a_service_in_the_process() {
    let report = notes::check(Memo::OfTheRequest)
        .strategy(StrategyName::SinglePacket)
        .set("fire.protocol", "http/2")
        .set("fire.connections", "shared")
        .run();
    report.assert_isolated();
    let spread = report.main_spread().unwrap();
    assert_eq!(spread.strategy, StrategyName::SinglePacket.as_str());
}

#[test]
fn what_an_earlier_run_planted_does_not_count() {
    let served = crosswire::check::serve(notes::service(Memo::OfTheRequest)).unwrap();
    for _ in 0..2 {
        notes::with_steps(crosswire::check(served.url()))
            .run()
            .assert_isolated();
    }
}

#[test]
fn several_checks_run_side_by_side() {
    let threads = [Memo::Shared, Memo::OfTheRequest, Memo::Shared]
        .map(|memo| std::thread::spawn(move || (memo, notes::check(memo).run())));
    for thread in threads {
        let (memo, report) = thread.join().unwrap();
        report.assert_verdict(match memo {
            Memo::Shared => Verdict::Exposed,
            Memo::OfTheRequest => Verdict::Isolated,
        });
    }
}

#[test]
fn limits_of_a_check_are_on() {
    let scenario = notes::check(Memo::Shared).scenario().unwrap();
    assert_eq!((scenario.fire.rounds, scenario.limits.duration_s), (10, 60));
    let report = notes::check(Memo::OfTheRequest).requests(30).run();
    report.assert_verdict(Verdict::Inconclusive);
    assert!(report.strength.exchanges <= 30);
}

#[test]
fn a_history_is_judged_again_with_the_same_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.ndjson");
    let report = notes::check(Memo::Shared).rounds(1).history(&path).run();
    let file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
    let records = crosswire::history::Reader::new(file).map(Result::unwrap);
    assert_eq!(
        crosswire::judge::judge(records).exposures_total,
        report.findings_total
    );
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(notes::PASSWORD));
}

#[cfg(feature = "control")]
#[test]
fn the_control_shows_that_the_check_would_have_seen_it() {
    use crosswire::judge::{Reason, ReasonKind};
    // Without the header nobody waits for anybody, and a request that the proxy holds back holds back no other.
    let report = crosswire::check_service(notes::service(Memo::OfTheRequest))
        .users(USERS)
        .password(&format!("{}-{{{{ index }}}}", notes::PASSWORD))
        .setup(notes::log_in_step())
        .each_round(
            crosswire::Step::post("write", "/notes").form([("text", "{{ secret('note') }}")]),
        )
        .volley(crosswire::Step::get("account", "/account").sees(["note"]))
        .min_overlaps(0)
        .rounds(2)
        .control()
        .run();
    let told = report.notes.iter().find(|note| note.contains("recognised"));
    assert!(told.is_some(), "{:?}", report.notes);
    let blind = |reason: &Reason| reason.kind == ReasonKind::PlantedExposures;
    assert!(!report.reasons.iter().any(blind), "{:?}", report.reasons);
}

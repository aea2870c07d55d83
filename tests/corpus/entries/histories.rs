//! Histories: read or refused with a line; stored again without loss; judged the same each time; and reported.

use bytes::Bytes;
use crosswire::history::{Reader, Record, Sink as _, Writer, read};
use crosswire::identity::{Redactor, Salt};
use crosswire::judge::{EXPOSURES_KEPT, Judge, Judgement, Verdict, judge as judged};
use crosswire::report::{Facts, Report};

use super::{made, reports};

/// A stored history.
pub fn history(bytes: &[u8]) {
    let mut records = Vec::new();
    for record in Reader::new(bytes) {
        match record {
            Ok(record) => records.push(record),
            Err(error) => {
                let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
                assert!((1..=lines).contains(&error.line()), "{error}");
                assert!(!error.to_string().is_empty());
            }
        }
    }
    check(&records, None);
}

/// Records that no run would write: the bytes choose what stands in them.
pub fn judge(bytes: &[u8]) {
    check(&made::records(bytes), Some(made::SESSION));
}

/// `hidden` is what no report of them may show.
fn check(records: &[Record], hidden: Option<&str>) {
    let judgement = judged(records);
    let mut judge = Judge::new();
    records.iter().for_each(|record| judge.take(record));
    assert!(
        judge.finish() == judgement,
        "record by record it is another one"
    );
    sums(&judgement);
    stored(records, &judgement);

    let redactor = Redactor::default();
    let report = Report::new(&judgement, &Facts::new(Verdict::Isolated, &redactor));
    let salt = judgement
        .start
        .as_ref()
        .and_then(|start| start.salt.parse::<Salt>().ok());
    let marker = salt.map(Salt::marker);
    let hidden: Vec<&str> = marker.as_deref().into_iter().chain(hidden).collect();
    reports::shown(&report, &hidden);
}

fn sums(judgement: &Judgement) {
    assert_eq!(
        judgement.verdict == Verdict::Exposed,
        judgement.exposures_total > 0
    );
    assert_eq!(
        judgement.verdict == Verdict::Inconclusive,
        judgement.exposures_total == 0 && !judgement.reasons.is_empty()
    );
    assert!(judgement.exposures.len() <= EXPOSURES_KEPT);
    assert!(judgement.exposures.len() as u64 <= judgement.exposures_total);
    assert!(judgement.failed <= judgement.fired);
    assert!(judgement.counts.viewer_earlier <= judgement.counts.ordered);
    let strength = &judgement.strength;
    assert!(strength.exposing_pairs <= strength.overlapping_pairs);
    assert!(strength.pairs_by_server <= strength.overlapping_pairs);
    assert!(
        strength
            .upper_bound_95
            .is_none_or(|bound| (0.0..=1.0).contains(&bound))
    );
    let mut ids: Vec<&str> = judgement
        .exposures
        .iter()
        .map(|exposure| exposure.id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        ids.len(),
        judgement.exposures.len(),
        "ids tell exposures apart"
    );
}

/// Storing loses nothing that the judge needs, and storing again changes nothing.
fn stored(records: &[Record], judgement: &Judgement) {
    if !matches!(records.first(), Some(Record::Start(start)) if start.history_version == 1) {
        return;
    }
    let text = written(records);
    let again = match read(&text[..]) {
        Ok(again) => again,
        Err(error) => panic!("what was written is refused: {error}"),
    };
    assert_eq!(again.len(), records.len());
    assert!(written(&again) == text, "storing again changes something");
    let again = without_heads(judged(&again));
    assert!(
        again == without_heads(judgement.clone()),
        "stored, it is judged differently: {again:#?}"
    );
}

/// Cookies are stored as fingerprints, so that what the heads held is not the same.
fn without_heads(mut judgement: Judgement) -> Judgement {
    for exposure in &mut judgement.exposures {
        let victim = exposure.victim_side.as_mut();
        for side in [&mut exposure.viewer_side].into_iter().chain(victim) {
            side.evidence.head = Bytes::new();
        }
    }
    judgement
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Redactor::default());
    for record in records {
        writer.take(record).expect("a Vec takes everything");
    }
    writer.into_inner()
}

//! Whether enough requests met, asked at the end and meanwhile.

use super::Judge;
use super::rules::testing::*;
use super::verdict_tests::{clean, header, reasons};
use crate::history::{Overlaps, Sink as _};

#[test]
fn too_few_overlaps() {
    let mut story = clean(3);
    header(&mut story).min_overlaps = 4;
    assert_eq!(
        reasons(story),
        ["overlapping pairs of different owners: 3, needed: 4"]
    );
    let mut sequential = Story::of(2);
    header(&mut sequential).min_overlaps = 0;
    assert_eq!(
        reasons(sequential),
        ["overlapping pairs of different owners: 0, needed: 1"]
    );
    let mut one_user = Story::of(2);
    one_user.volley(vec![
        (0, READ, page(&text(0, 0, 0))),
        (0, READ, page(&text(0, 0, 0))),
    ]);
    assert_eq!(
        reasons(one_user),
        ["overlapping pairs of different owners: 0, needed: 1"]
    );
}

#[test]
fn an_engine_can_ask_meanwhile_how_many_overlaps_are_lacking() {
    let lacks = |mut story: Story, needed| {
        header(&mut story).min_overlaps = needed;
        let mut judge = Judge::new();
        for record in &story.records {
            judge.take(record);
        }
        judge.lacks()
    };
    assert_eq!(
        lacks(clean(3), 4),
        Some(Overlaps {
            pairs: 3,
            needed: 4
        })
    );
    assert_eq!(lacks(clean(3), 3), None);
    let mut exposed = clean(3);
    exposed.volley(vec![(0, READ, page(&text(1, 0, 0)))]);
    assert_eq!(lacks(exposed, 4), None, "it has a result");
}

#[test]
fn requests_that_were_refused_did_not_overlap() {
    let mut story = clean(2);
    header(&mut story).min_overlaps = 2;
    story.volley(vec![
        (0, READ, answer(429, "", b"")),
        (1, READ, answer(503, "", b"")),
    ]);
    let reasons = reasons(story);
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(
        reasons[0].starts_with("overlapping pairs of different owners: 1,"),
        "{reasons:?}"
    );
    assert_eq!(
        reasons[1],
        "2 of 4 exchanges in volleys failed or were refused, more than one in ten; most often: it was answered 429"
    );
}

//! Every condition of a verdict, one at a time.

use super::rules::testing::*;
use super::*;
use crate::history::{Cause, End, Ending, Outcome, Phase, Record, StepRole};

fn clean(users: u32) -> Story {
    let mut story = Story::of(users);
    story.volley(
        (0..users)
            .map(|user| (user, READ, page(&text(user, 0, 0))))
            .collect(),
    );
    story
}

fn reasons(mut story: Story) -> Vec<String> {
    let judgement = story.judge();
    assert_eq!(
        judgement.verdict == Verdict::Isolated,
        judgement.reasons.is_empty()
    );
    assert_ne!(judgement.verdict, Verdict::Exposed);
    judgement.reasons
}

fn header(story: &mut Story) -> &mut crate::history::Start {
    match &mut story.records[0] {
        Record::Start(start) => start,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_run_is_isolated_with_its_strength() {
    let judgement = clean(4).judge();
    assert_eq!(
        (
            judgement.verdict,
            &judgement.reasons[..],
            &judgement.notes[..]
        ),
        (Verdict::Isolated, &[][..], &[][..])
    );
    let strength = &judgement.strength;
    assert_eq!(
        (strength.rounds, strength.exchanges, strength.volleys),
        (1, 12, 1)
    );
    assert_eq!(
        (
            strength.overlapping_pairs,
            strength.pairs_by_server,
            strength.exposing_pairs
        ),
        (6, 6, 0)
    );
    assert_eq!(strength.upper_bound_95, upper_bound_95(6, 0));
    assert_eq!(strength.share_by_server(), Some(1.0));
    assert_eq!(judgement.spread.len(), 1);
    assert_eq!(
        (judgement.spread[0].median_us, judgement.spread[0].by_server),
        (3, true)
    );
    assert!(judgement.start.is_some() && judgement.end.is_some());
}

#[test]
fn a_log_in_that_failed() {
    for outcome in [
        answer(401, "", b""),
        Outcome::Failed {
            why: "reset".into(),
            partial: "".into(),
        },
    ] {
        let mut story = clean(2);
        story.alone(1, LOG_IN, Phase::Setup, outcome);
        assert_eq!(reasons(story), ["log-in failed for u1"]);
    }
    let mut many = clean(5);
    for user in 0..5 {
        many.alone(user, LOG_IN, Phase::Setup, answer(500, "", b""));
    }
    assert_eq!(reasons(many), ["log-in failed for u0, u1, u2 and 2 more"]);
}

#[test]
fn a_user_without_log_in() {
    let mut story = clean(2);
    story.records.retain(
        |record| !matches!(record, Record::Exchange(e) if e.user.0 == 1 && e.step == LOG_IN),
    );
    assert_eq!(reasons(story), ["no log-in was recorded for u1"]);
    let mut by_token = clean(2);
    header(&mut by_token).steps[usize::from(LOG_IN)].role = StepRole::Prepare;
    by_token
        .records
        .retain(|record| !matches!(record, Record::Exchange(e) if e.step == LOG_IN));
    assert!(
        reasons(by_token).is_empty(),
        "a scenario without log-in needs none"
    );
}

#[test]
fn own_canaries_that_did_not_come_back() {
    let alone = |body: &str| {
        let mut story = Story::of(2);
        let last = story.records.pop();
        assert!(matches!(last, Some(Record::Exchange(e)) if e.user.0 == 1 && e.step == READ));
        story.records.push(plant(1, 1, 0));
        story.alone(1, READ, Phase::Solo, page(body));
        story.volley(vec![
            (0, READ, page(&text(0, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
        ]);
        reasons(story)
    };
    assert!(alone(&text(1, 0, 0)).is_empty());
    let missing = ["own canaries were not received back alone by u1 (mail in read)"];
    assert_eq!(alone("nothing"), missing);
    assert_eq!(alone(&text(1, 0, 9)), missing, "not the newest of its slot");
    assert_eq!(alone(&text(1, 1, 0)), missing, "another slot");
}

#[test]
fn a_user_that_no_step_checks() {
    let mut story = Story::of(2);
    story
        .records
        .retain(|record| !matches!(record, Record::Exchange(e) if e.user.0 == 1 && e.step == READ));
    story.volley(vec![(0, READ, page(&text(0, 0, 0))), (1, DELETE, page(""))]);
    assert_eq!(reasons(story), ["no step showed the own canaries of u1"]);
}

#[test]
fn a_scenario_that_shows_nothing() {
    let mut story = clean(2);
    header(&mut story)
        .steps
        .iter_mut()
        .for_each(|step| step.sees.clear());
    assert_eq!(
        reasons(story),
        [
            "no step says which canaries its user should see, so nothing shows that they come back at all"
        ]
    );
}

#[test]
fn error_pages_that_overlap_are_no_overlapping_pairs() {
    let pairs = |outcomes: [Outcome; 2]| {
        let mut story = clean(2);
        let before = clean(2).judge().strength.overlapping_pairs;
        let [first, second] = outcomes;
        story.volley(vec![(0, READ, first), (1, READ, second)]);
        story.judge().strength.overlapping_pairs - before
    };
    let own = |user| page(&text(user, 0, 0));
    assert_eq!(pairs([own(0), own(1)]), 1);
    assert_eq!(pairs([own(0), page("please wait")]), 0);
    let missing = answer(404, "", text(1, 0, 0).as_bytes());
    assert_eq!(pairs([own(0), missing]), 0);
}

#[test]
fn volleys_that_nobody_got_anything_from() {
    let mut story = Story::of(2);
    story.volley(vec![
        (0, READ, page("please wait")),
        (1, READ, page("please wait")),
    ]);
    assert_eq!(
        reasons(story),
        [
            "no answer in a volley contained the canary that its user should see",
            "overlapping pairs of different users: 0, needed: 1"
        ]
    );
    let mut some = clean(2);
    for _ in 0..2 {
        some.volley(vec![
            (0, READ, page("please wait")),
            (1, READ, page("please wait")),
        ]);
    }
    let judgement = some.judge();
    assert_eq!(judgement.verdict, Verdict::Isolated);
    assert_eq!(
        judgement.strength.notes,
        ["only 2 of 6 answers in volleys contained the canary that their user should see"]
    );
}

#[test]
fn too_few_overlaps() {
    let mut story = clean(3);
    header(&mut story).min_overlaps = 4;
    assert_eq!(
        reasons(story),
        ["overlapping pairs of different users: 3, needed: 4"]
    );
    let mut sequential = Story::of(2);
    header(&mut sequential).min_overlaps = 0;
    assert_eq!(
        reasons(sequential),
        ["overlapping pairs of different users: 0, needed: 1"]
    );
    let mut one_user = Story::of(2);
    one_user.volley(vec![
        (0, READ, page(&text(0, 0, 0))),
        (0, READ, page(&text(0, 0, 0))),
    ]);
    assert_eq!(
        reasons(one_user),
        ["overlapping pairs of different users: 0, needed: 1"]
    );
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
        reasons[0].starts_with("overlapping pairs of different users: 1,"),
        "{reasons:?}"
    );
    assert_eq!(
        reasons[1],
        "2 of 4 exchanges in volleys failed, more than one in ten"
    );
}

#[test]
fn a_tenth_may_fail() {
    let mut story = Story::of(2);
    for volley in 0..10 {
        let outcome = |user| page(&text(user, 0, 0));
        let lost = Outcome::Failed {
            why: "timed out".into(),
            partial: "".into(),
        };
        let second = if volley < 2 { lost } else { outcome(1) };
        story.volley(vec![(0, READ, outcome(0)), (1, READ, second)]);
    }
    let judgement = story.judge();
    assert_eq!(
        judgement.verdict,
        Verdict::Isolated,
        "{:?}",
        judgement.reasons
    );
    assert_eq!(
        judgement.strength.notes,
        ["2 of 20 exchanges in volleys failed"]
    );
}

#[test]
fn how_it_ended() {
    let of = |ending| clean(2).end(ending);
    assert_eq!(
        of(Ending::Limit {
            limit: "60 s".into()
        })
        .verdict,
        Verdict::Isolated
    );
    assert_eq!(of(Ending::Interrupted).reasons, ["the run was interrupted"]);
    let failed = of(Ending::Failed {
        why: "refused".into(),
        cause: Cause::LogIn,
    });
    assert_eq!(
        (failed.verdict, &failed.reasons[..]),
        (
            Verdict::Inconclusive,
            &["the run failed: refused".to_owned()][..]
        )
    );
    assert_eq!(
        judge(&clean(2).records).reasons,
        ["the history breaks off before the run's end"]
    );
}

#[test]
fn histories_that_say_nothing() {
    assert_eq!(judge(Vec::<Record>::new()).verdict, Verdict::Inconclusive);
    let end = Record::End(End {
        ending: Ending::Completed,
        rounds: 0,
        elapsed_ns: 0,
    });
    assert_eq!(
        judge([Record::Start(start(2)), end]).reasons,
        ["no request was made"]
    );
    let mut bad_salt = clean(2);
    header(&mut bad_salt).salt = "?".into();
    assert_eq!(bad_salt.judge().verdict, Verdict::Inconclusive);
    let mut headless = clean(2);
    headless.records.remove(0);
    let judgement = headless.judge();
    assert_eq!(
        judgement.reasons[0],
        "the history does not begin with its header"
    );
    let mut twice = clean(2);
    let first = twice.records[0].clone();
    twice.records.push(first);
    assert_eq!(
        reasons(twice),
        ["the history has a second header; what follows it was judged by the first"]
    );
}

#[test]
fn exposed_wins_and_keeps_the_other_reasons() {
    let mut story = Story::of(2);
    story.alone(0, READ, Phase::Sequence, page(&text(1, 0, 0)));
    let judgement = story.end(Ending::Interrupted);
    assert_eq!(judgement.verdict, Verdict::Exposed);
    assert_eq!(judgement.reasons.len(), 2, "{:?}", judgement.reasons);
}

#[test]
fn details_end_at_the_limit_and_counts_do_not() {
    let users = 1_100;
    let mut story = Story::of(users);
    for user in 1..users {
        story.alone(0, READ, Phase::Sequence, page(&text(user, 1, 0)));
    }
    let judgement = story.judge();
    assert_eq!(
        (judgement.exposures.len(), judgement.exposures_total),
        (EXPOSURES_KEPT, 1_099)
    );
    let counts = judgement.counts;
    assert_eq!(
        (
            counts.victims,
            counts.viewers,
            counts.attachments,
            counts.exchanges
        ),
        (1_099, 1, 1_099, 1_099)
    );
    let exchanges: Vec<u64> = judgement
        .exposures
        .iter()
        .map(|exposure| exposure.viewer_side.exchange)
        .collect();
    assert!(exchanges.is_sorted());
}

#[test]
fn volleys_without_their_record_still_count() {
    let mut story = clean(3);
    story
        .records
        .retain(|record| !matches!(record, Record::Volley(_)));
    let judgement = story.judge();
    assert_eq!(
        (
            judgement.strength.overlapping_pairs,
            judgement.strength.volleys,
            judgement.spread.len()
        ),
        (3, 1, 0)
    );
}

#[test]
fn verdicts_are_ordered_and_have_a_text_form() {
    assert!(Verdict::Exposed > Verdict::Inconclusive && Verdict::Inconclusive > Verdict::Isolated);
    for verdict in [Verdict::Exposed, Verdict::Inconclusive, Verdict::Isolated] {
        assert_eq!(verdict.to_string().parse(), Ok(verdict));
        assert_eq!(
            serde_json::to_string(&verdict).unwrap(),
            format!("\"{verdict}\"")
        );
    }
    assert_eq!("clean".parse::<Verdict>(), Err(VerdictError));
}

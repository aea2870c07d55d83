//! Every condition of a verdict, one at a time.

use super::rules::testing::*;
use super::*;
use crate::history::{Cause, End, Ending, Outcome, Phase, Record, StepRole};

pub(super) fn clean(users: u32) -> Story {
    let mut story = Story::of(users);
    story.volley(
        (0..users)
            .map(|user| (user, READ, page(&text(user, 0, 0))))
            .collect(),
    );
    story
}

pub(super) fn reasons(mut story: Story) -> Vec<String> {
    let judgement = story.judge();
    assert_eq!(
        judgement.verdict == Verdict::Isolated,
        judgement.reasons.is_empty()
    );
    assert_ne!(judgement.verdict, Verdict::Exposed);
    let texts = judgement.reasons.into_iter().map(|reason| reason.text);
    texts.collect()
}

pub(super) fn header(story: &mut Story) -> &mut crate::history::Start {
    match &mut story.records[0] {
        Record::Start(start) => start,
        other => panic!("{other:?}"),
    }
}

/// Marks the exchanges of volleys that are for a step as not what it expects.
fn refuse_fired(story: &mut Story, step: u16) {
    for record in &mut story.records {
        if let Record::Exchange(exchange) = record {
            exchange.refused |= exchange.volley.is_some() && exchange.step == step;
        }
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
    let mut refused = clean(2);
    refused.alone(1, LOG_IN, Phase::Setup, page("wrong password"));
    if let Some(Record::Exchange(exchange)) = refused.records.last_mut() {
        exchange.refused = true;
    }
    assert_eq!(reasons(refused), ["log-in failed for u1"]);
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
fn own_canaries_in_an_answer_that_is_not_what_is_expected() {
    let mut story = Story::of(2);
    match story.records.last_mut() {
        Some(Record::Exchange(exchange)) => exchange.refused = true,
        other => panic!("{other:?}"),
    }
    story.volley(
        (0..2)
            .map(|user| (user, READ, page(&text(user, 0, 0))))
            .collect(),
    );
    assert_eq!(
        reasons(story),
        ["own canaries were not received back alone by u1 (mail in read)"]
    );
}

#[test]
fn a_user_that_no_step_checks() {
    let mut story = Story::of(2);
    story
        .records
        .retain(|record| !matches!(record, Record::Exchange(e) if e.user.0 == 1 && e.step == READ));
    story.volley(vec![(0, READ, page(&text(0, 0, 0))), (1, DELETE, page(""))]);
    assert_eq!(
        reasons(story),
        ["no volley or read-back step showed the own canaries of u1"]
    );
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
            "overlapping pairs of different owners: 0, needed: 1"
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
    assert_eq!(
        judgement.reasons,
        [
            "own data stopped coming back, first in round 1: only 2 of 6 good answers in volleys held what their user should \
             see; a session may have ended"
        ]
    );
    assert_eq!(
        judgement.strength.notes,
        ["only 2 of 6 answers in volleys contained the canary that their user should see"]
    );
}

#[test]
fn answers_that_are_not_what_is_expected_did_not_overlap_and_failed() {
    let mut story = clean(2);
    story.volley(
        (0..2)
            .map(|user| (user, DELETE, page("you cannot do that")))
            .collect(),
    );
    assert_eq!(story.judge().strength.overlapping_pairs, 2);
    let mut story = clean(2);
    story.volley(
        (0..2)
            .map(|user| (user, DELETE, page("you cannot do that")))
            .collect(),
    );
    refuse_fired(&mut story, DELETE);
    let judgement = story.judge();
    assert_eq!(judgement.strength.overlapping_pairs, 1);
    assert_eq!(
        judgement.reasons,
        [
            "`delete` never gave a good answer; most often: it was answered 200, not as its step expects",
            "2 of 4 exchanges in volleys failed or were refused, more than one in ten; most often: it was answered 200, not as its step expects"
        ]
    );
}

#[test]
fn refusals_that_a_right_service_gives_too_did_not_fail() {
    let not_there = || answer(404, "", b"");
    let deleted_twice = |is_planted_between| {
        let mut story = clean(2);
        story.volley(vec![(0, DELETE, page("")), (1, DELETE, page(""))]);
        if is_planted_between {
            story.records.extend([plant(0, 0, 1), plant(1, 0, 1)]);
        }
        story.volley(vec![
            (0, READ_BACK, not_there()),
            (1, READ_BACK, not_there()),
        ]);
        refuse_fired(&mut story, READ_BACK);
        story.judge()
    };
    assert_eq!(deleted_twice(false).verdict, Verdict::Isolated);
    assert_eq!(
        deleted_twice(true).reasons,
        [
            "2 of 6 exchanges in volleys failed or were refused, more than one in ten; most often: it was answered 404, not as its step expects"
        ],
        "what was planted since must be there"
    );
    let refused_alone = |users: &[u32]| {
        let mut story = clean(2);
        for user in users {
            story.alone(*user, DELETE, Phase::Solo, not_there());
            if let Some(Record::Exchange(exchange)) = story.records.last_mut() {
                exchange.refused = true;
            }
            story.records.push(plant(*user, 0, 0));
        }
        story.volley(vec![(0, DELETE, not_there()), (1, DELETE, not_there())]);
        refuse_fired(&mut story, DELETE);
        story.judge()
    };
    let never = "`delete` never gave a good answer; most often: it was answered 404, not as its step expects";
    assert_eq!(
        refused_alone(&[0, 1]).reasons,
        [never],
        "it was not raced at all"
    );
    assert_eq!(
        refused_alone(&[0]).reasons,
        [
            never,
            "1 of 4 exchanges in volleys failed or were refused, more than one in ten; most often: it was answered 404, not as its step expects"
        ]
    );
}

#[test]
fn answers_that_could_not_be_searched_to_their_end() {
    let of = |volleys: u32, unsearched: u32, outcome: &dyn Fn(&str) -> Outcome| {
        let mut story = Story::of(2);
        for volley in 0..volleys {
            let own = |user| text(user, 0, 0);
            let second = if volley < unsearched {
                outcome(&own(1))
            } else {
                page(&own(1))
            };
            story.volley(vec![(0, READ, page(&own(0))), (1, READ, second)]);
        }
        story.judge()
    };
    let cut = |body: &str| Outcome::Answer {
        status: 200,
        head: "HTTP/1.1 200 OK\r\n".into(),
        body: body.to_owned().into(),
        cut: true,
    };
    let unknown = |body: &str| answer(200, "Content-Encoding: rot13\r\n", body.as_bytes());
    let kinds: [&dyn Fn(&str) -> Outcome; 2] = [&cut, &unknown];
    for outcome in kinds {
        let few = of(10, 2, outcome);
        let text = "2 of 20 answers in volleys could not be searched to their end";
        assert_eq!(
            (few.verdict, &few.strength.notes[..]),
            (Verdict::Isolated, &[text.to_owned()][..])
        );
        let many = of(9, 2, outcome);
        assert_eq!(
            many.reasons,
            ["2 of 18 answers in volleys could not be searched to their end, more than one in ten"]
        );
    }
    assert!(of(9, 0, &cut).strength.notes.is_empty());
}

#[test]
fn on_the_clients_clock_a_request_is_under_way_as_long_as_alone() {
    // Every answer of the volley is read at 1,000,000 ns; alone, reading takes 5 ns and logging in 5 ns.
    let pairs = |sent: [u64; 3], by_server: bool| {
        let mut story = clean(3);
        for record in &mut story.records {
            let Record::Exchange(exchange) = record else {
                continue;
            };
            if exchange.volley.is_some() {
                exchange.sent_ns = sent[exchange.user.index()];
                exchange.first_byte_ns = Some(1_000_000);
                exchange.server = exchange.server.filter(|_| by_server);
            }
        }
        story.judge().strength
    };
    let strength = pairs([100, 104, 200], false);
    assert_eq!(
        (strength.overlapping_pairs, strength.pairs_by_server),
        (1, 0)
    );
    assert!(
        strength.notes[0].starts_with("the service does not tell its own times"),
        "{:?}",
        strength.notes
    );
    let strength = pairs([100, 104, 200], true);
    assert_eq!(
        (strength.overlapping_pairs, strength.pairs_by_server),
        (3, 3)
    );
    assert!(strength.notes.is_empty());
    assert_eq!(pairs([100, 200, 300], false).overlapping_pairs, 0);
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
        ["2 of 20 exchanges in volleys failed or were refused"]
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
            &[Reason::new(ReasonKind::Failed, "the run failed: refused")][..]
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

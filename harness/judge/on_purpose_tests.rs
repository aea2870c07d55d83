//! What crosswire does on purpose, follows, publishes or plants is no evidence against a service.

use super::rules::testing::*;
use super::*;
use crate::history::{ControlRun, Dead, Exchange, Outcome, Phase, Record, StepRole};

/// A clean volley of two, and one more exchange of user 0 in it that `change` makes something of.
fn with_one_more(change: impl FnOnce(&mut crate::history::Start, &mut Exchange)) -> Judgement {
    let mut story = Story::of(2);
    let own = |user| (user, READ, page(&text(user, 0, 0)));
    story.volley(vec![own(0), own(1), own(0)]);
    let (first, rest) = story.records.split_at_mut(1);
    let (Record::Start(start), [.., Record::Exchange(exchange), Record::Volley(_)]) =
        (&mut first[0], rest)
    else {
        panic!()
    };
    change(start, exchange);
    story.judge()
}

fn broken_off() -> Outcome {
    Outcome::Failed {
        why: "aborted".into(),
        partial: bytes::Bytes::new(),
    }
}

#[test]
fn what_fails_on_purpose_counts_nowhere() {
    let accidental = with_one_more(|_, exchange| exchange.outcome = broken_off());
    assert_eq!(accidental.reasons[0].kind, ReasonKind::Refusals);
    let provoked = with_one_more(|_, exchange| {
        exchange.outcome = broken_off();
        exchange.provoked = Some("aborted before the answer by close".into());
        exchange.cut_off = true;
    });
    assert_eq!(
        (provoked.verdict, &provoked.reasons[..]),
        (Verdict::Isolated, &[][..])
    );
    assert_eq!(
        provoked.strength.overlapping_pairs, 1,
        "only the two that were answered"
    );
    let dead = with_one_more(|start, exchange| {
        start.steps[usize::from(DELETE)].dead = Some(Dead::LogOut);
        exchange.step = DELETE;
        exchange.outcome = answer(401, "", b"");
        exchange.refused = true;
    });
    assert_eq!(dead.verdict, Verdict::Isolated, "{:?}", dead.reasons);
}

#[test]
fn what_crosses_in_it_is_an_exposure_all_the_same() {
    let judgement = with_one_more(|_, exchange| {
        exchange.provoked = Some("aborted in the middle of the answer by reset".into());
        exchange.outcome = Outcome::Failed {
            why: "aborted".into(),
            partial: format!("HTTP/1.1 200 OK\r\n\r\n{}", text(1, 0, 0)).into(),
        };
    });
    let [exposure] = &judgement.exposures[..] else {
        panic!("{judgement:?}")
    };
    assert_eq!(exposure.place, Place::Partial);
    assert_eq!(
        exposure.viewer_side.evidence.head,
        "HTTP/1.1 200 OK\r\n\r\n"
    );
}

#[test]
fn a_slow_answer_that_came_is_as_good_as_any() {
    let judgement = with_one_more(|_, exchange| {
        exchange.provoked = Some("read slowly".into());
    });
    assert_eq!(judgement.strength.overlapping_pairs, 2);
}

#[test]
fn a_followed_redirect_is_not_the_answer_of_its_step() {
    let of = |followed: bool| {
        let mut story = Story::of(2);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        start.steps[usize::from(LOG_IN)].role = StepRole::LogIn;
        story.volley(vec![
            (0, READ, page(&text(0, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
        ]);
        story.alone(0, LOG_IN, Phase::Setup, answer(401, "", b""));
        let Some(Record::Exchange(exchange)) = story.records.last_mut() else {
            panic!()
        };
        exchange.followed = followed;
        story.judge()
    };
    assert_eq!(of(true).verdict, Verdict::Isolated);
    assert_eq!(of(false).reasons[0].kind, ReasonKind::LogIn);
}

#[test]
fn what_is_public_is_a_control_and_no_exposure() {
    let judgement = |public: bool| {
        let mut story = Story::of(2);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        start.slots[0].public = public;
        let both = text(0, 0, 0) + &text(1, 0, 0);
        story.volley(vec![(0, READ, page(&both)), (1, READ, page(&both))]);
        story.judge()
    };
    assert_eq!(judgement(false).verdict, Verdict::Exposed);
    let public = judgement(true);
    assert!(public.exposures.is_empty());
    assert_eq!(
        public.reasons.len(),
        1,
        "all is well, but nothing could have been exposed"
    );
    assert!(
        public.reasons[0].text.contains("is public"),
        "{:?}",
        public.reasons
    );
}

#[test]
fn log_ins_in_volleys_count() {
    let mut story = Story::of(2);
    let Record::Start(start) = &mut story.records[0] else {
        panic!()
    };
    start.steps[usize::from(LOG_IN)].session = Some("sid".into());
    let same = || answer(200, "Set-Cookie: sid=0123456789abcdefghij\r\n", b"");
    story.volley(vec![(0, LOG_IN, same()), (1, LOG_IN, same())]);
    let judgement = story.judge();
    assert_eq!(judgement.exposures[0].rule, "session-shared");
}

#[test]
fn a_control_run_that_recognised_nothing_takes_a_clean_result_away() {
    let with = |swapped, recognised| {
        let mut story = Story::of(2);
        story.volley(vec![
            (0, READ, page(&text(0, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
        ]);
        story.records.push(Record::Control(ControlRun {
            swapped,
            recognised,
        }));
        story.judge()
    };
    for (swapped, recognised) in [(12, 0), (1, 0), (0, 0)] {
        let blind = with(swapped, recognised);
        assert_eq!(
            (blind.verdict, blind.reasons[0].kind),
            (Verdict::Inconclusive, ReasonKind::PlantedExposures)
        );
    }
    for (swapped, recognised) in [(12, 1), (12, 11)] {
        let judgement = with(swapped, recognised);
        assert_eq!(judgement.verdict, Verdict::Isolated);
        assert!(
            judgement
                .strength
                .notes
                .iter()
                .any(|note| note.starts_with("control: "))
        );
    }
}

#[test]
fn what_goes_wrong_beside_a_fault_goes_wrong() {
    // A slow reader that is answered 500, or whose service hangs up; a time-out that never struck.
    for outcome in [answer(500, "", b""), broken_off()] {
        let judgement = with_one_more(|start, exchange| {
            start.steps[usize::from(READ)].breaks_off = true;
            exchange.provoked = Some("read slowly".into());
            exchange.outcome = outcome;
        });
        assert_eq!((judgement.fired, judgement.failed), (3, 1));
    }
    let malformed = |status| {
        with_one_more(|start, exchange| {
            start.steps[usize::from(DELETE)].malformed = true;
            exchange.step = DELETE;
            exchange.outcome = answer(status, "", b"");
        })
    };
    assert_eq!(malformed(400).failed, 0, "a refusal is right");
    assert_eq!(malformed(500).failed, 1);
}

#[test]
fn requests_of_nobody_overlap_with_owners_alone() {
    let pairs = |anonymous: &[u16]| {
        let mut story = Story::of(3);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        for step in anonymous {
            start.steps[usize::from(*step)].anonymous = true;
        }
        let delete = |user| (user, DELETE, page(""));
        story.volley(vec![delete(0), delete(1), (2, READ, page(&text(2, 0, 0)))]);
        story.judge().strength.overlapping_pairs
    };
    assert_eq!(pairs(&[]), 3);
    assert_eq!(pairs(&[DELETE]), 2);
    assert_eq!(pairs(&[DELETE, READ]), 0);
}

#[test]
fn a_page_that_repeats_the_nonce_shows_nothing_of_its_slots() {
    let mut story = Story::of(2);
    let Record::Start(start) = &mut story.records[0] else {
        panic!()
    };
    start.slots.push(crate::history::SlotInfo {
        name: "nonce".into(),
        nonce: true,
        ..crate::history::SlotInfo::default()
    });
    let log_in_page = |user| {
        (
            user,
            READ,
            page(&format!("<form action=/login?next={}>", text(user, 2, 5))),
        )
    };
    story.volley(vec![log_in_page(0), log_in_page(1)]);
    assert_eq!(story.judge().strength.overlapping_pairs, 0);
}

#[test]
fn an_echoing_step_is_a_control_by_itself() {
    let echoed = |back: bool| {
        let mut story = Story::of(2);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        start.slots.push(crate::history::SlotInfo {
            name: "nonce".into(),
            nonce: true,
            ..crate::history::SlotInfo::default()
        });
        for step in &mut start.steps {
            step.sees.clear();
        }
        start.steps[usize::from(READ)].echoes = true;
        let own = |user: u32| {
            if back {
                text(user, 2, 7)
            } else {
                String::new()
            }
        };
        for user in 0..2 {
            story.alone(user, READ, Phase::Solo, page(&own(user)));
        }
        story.volley(vec![(0, READ, page(&own(0))), (1, READ, page(&own(1)))]);
        for record in &mut story.records {
            if let Record::Exchange(exchange) = record {
                exchange.nonce = Some(text(exchange.user.0, 2, 7));
            }
        }
        story.judge()
    };
    let right = echoed(true);
    assert_eq!(
        (right.verdict, &right.reasons[..]),
        (Verdict::Isolated, &[][..])
    );
    assert_eq!(right.strength.overlapping_pairs, 1);
    let never = echoed(false);
    assert_eq!(never.verdict, Verdict::Inconclusive);
    assert!(
        never
            .reasons
            .iter()
            .any(|reason| reason.kind == ReasonKind::Control)
    );
}

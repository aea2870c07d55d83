//! What is learnt, what is not, and what becomes of it.

use crate::history::{Outcome, Phase, Record};
use crate::judge::rules::testing::*;
use crate::judge::{Judgement, ReasonKind, Verdict};

/// Two users; `solo` gives the page of a user in a repetition, `fired` that in the volley, `again` that alone afterwards.
struct Learning {
    solo: fn(u32, u32) -> String,
    fired: fn(u32) -> String,
    again: Option<fn(u32) -> String>,
}

impl Default for Learning {
    fn default() -> Learning {
        Learning {
            solo: |user, _| own(user),
            fired: own,
            again: Some(own),
        }
    }
}

const READS: u16 = 2;

fn own(user: u32) -> String {
    format!(
        "<p>Hello</p><b>user{user}@example.org</b><i>{}</i>",
        ["Ada Example", "Bob Sample"][user as usize]
    )
}

impl Learning {
    fn judge(&self) -> Judgement {
        let mut story = Story::of(2);
        story.records.truncate(1);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        for step in &mut start.steps {
            step.sees.clear();
            step.removes.clear();
            step.role = crate::history::StepRole::Fire;
        }
        start.steps[usize::from(READS)].learns = true;
        for repeat in 0..3 {
            for user in 0..2 {
                story.alone(user, READS, Phase::Solo, page(&(self.solo)(user, repeat)));
            }
        }
        let fired = |user| (user, READS, page(&(self.fired)(user)));
        story.volley(vec![fired(0), fired(1)]);
        if let Some(again) = self.again {
            for user in 0..2 {
                story.alone(user, READS, Phase::Solo, page(&again(user)));
            }
        }
        story.judge()
    }
}

fn swapped(user: u32) -> String {
    own(1 - user)
}

#[test]
fn swapped_answers_are_seen_and_right_ones_are_clean() {
    let right = Learning::default().judge();
    assert_eq!(
        (right.verdict, &right.reasons[..]),
        (Verdict::Isolated, &[][..])
    );
    assert_eq!(right.strength.overlapping_pairs, 1);
    let wrong = Learning {
        fired: swapped,
        ..Learning::default()
    }
    .judge();
    assert_eq!(wrong.verdict, Verdict::Exposed);
    let [first, second] = &wrong.exposures[..] else {
        panic!("{wrong:?}")
    };
    assert_eq!(
        (first.rule, first.viewer.0, first.victim.0),
        ("learnt-value-crossed", 0, 1)
    );
    assert_eq!(second.victim.0, 0);
    assert_eq!((first.times_seen, wrong.counts.exchanges), (1, 2));
    assert_eq!(
        first.value.as_deref(),
        Some("user1@example.org"),
        "the identifying one"
    );
    assert!(
        first
            .viewer_side
            .evidence
            .body
            .windows(5)
            .any(|piece| piece == b"user1")
    );
}

#[test]
fn what_changes_or_is_shared_or_is_a_number_is_not_learnt() {
    let nothing: [fn(u32, u32) -> String; 4] = [
        |user, repeat| format!("<p>token-{user}{repeat}aaaa11</p>"),
        |_, _| "<p>online now: user0@example.org user1@example.org</p>".to_owned(),
        |user, _| format!("<p>{user}</p><p>2026-11-2{user}</p><p>1763720{user}00</p>"),
        |_, _| String::new(),
    ];
    for solo in nothing {
        let judgement = Learning {
            solo,
            ..Learning::default()
        }
        .judge();
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(judgement.reasons[0].kind, ReasonKind::Learning);
    }
}

#[test]
fn what_turned_up_for_everybody_meanwhile_is_no_exposure_and_no_clean_result() {
    let feed = |user| own(user) + "<p>ada was here: user0@example.org</p>";
    let judgement = Learning {
        fired: feed,
        again: Some(feed),
        ..Learning::default()
    }
    .judge();
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{judgement:?}");
    assert!(
        judgement.reasons[0].text.contains("by now"),
        "{:?}",
        judgement.reasons
    );
}

#[test]
fn without_asking_again_words_do_not_count_and_addresses_do() {
    let word = |user: u32| own(user).replace("Bob Sample", "Ada Example");
    let judgement = Learning {
        fired: word,
        again: None,
        ..Learning::default()
    }
    .judge();
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(
        judgement.reasons[0].text.contains("did not ask again"),
        "{:?}",
        judgement.reasons
    );
    let judgement = Learning {
        fired: word,
        ..Learning::default()
    }
    .judge();
    assert_eq!(
        judgement.verdict,
        Verdict::Exposed,
        "asked again, and it was not there"
    );
    let judgement = Learning {
        fired: swapped,
        again: None,
        ..Learning::default()
    }
    .judge();
    assert_eq!(judgement.verdict, Verdict::Exposed);
}

#[test]
fn likeness_is_nothing() {
    let alike =
        |user: u32| own(user).replace("user1@example.org", "xuser0@example.org user0@example.orgx");
    let judgement = Learning {
        fired: alike,
        ..Learning::default()
    }
    .judge();
    assert_eq!(
        judgement.verdict,
        Verdict::Isolated,
        "{:?}",
        judgement.exposures
    );
}

#[test]
fn ones_own_data_must_come_back() {
    let judgement = Learning {
        fired: |_| "<p>Hello</p>".to_owned(),
        ..Learning::default()
    }
    .judge();
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(
        judgement
            .reasons
            .iter()
            .any(|reason| reason.kind == ReasonKind::Learning)
    );
    assert_eq!(
        judgement.strength.overlapping_pairs, 0,
        "pages that show nothing overlap with nothing"
    );
}

#[test]
fn an_echo_of_the_request_is_no_crossing() {
    let mut story_fired = Learning {
        fired: swapped,
        again: None,
        ..Learning::default()
    }
    .judge();
    assert_eq!(story_fired.exposures.len(), 2);
    // The same answer to a request that itself names the other user.
    let mut story = Story::of(2);
    story.records.truncate(1);
    let Record::Start(start) = &mut story.records[0] else {
        panic!()
    };
    for step in &mut start.steps {
        (step.sees, step.removes) = (Vec::new(), Vec::new());
        step.role = crate::history::StepRole::Fire;
    }
    start.steps[usize::from(READS)].learns = true;
    for _ in 0..2 {
        for user in 0..2 {
            story.alone(
                user,
                READS,
                Phase::Solo,
                page(&format!("user{user}@example.org")),
            );
        }
    }
    let both: Outcome = page("user0@example.org user1@example.org");
    story.volley(vec![
        (0, READS, both),
        (1, READS, page("user1@example.org")),
    ]);
    for record in &mut story.records {
        if let Record::Exchange(exchange) = record
            && exchange.volley.is_some()
        {
            exchange.request.path = "/find?who=user1@example.org".into();
        }
    }
    story_fired = story.judge();
    assert!(
        story_fired.exposures.is_empty(),
        "{:?}",
        story_fired.exposures
    );
}

#[test]
fn what_only_one_user_was_answered_is_nobodys() {
    // User 1's solo answers were errors; in the volley it gets the page that everybody gets.
    let page_of_all = |user: u32| format!("<p>ask help@example.org</p>{}", own(user));
    let mut story = learning_story();
    for _ in 0..3 {
        story.alone(0, READS, Phase::Solo, page(&page_of_all(0)));
        story.alone(1, READS, Phase::Solo, answer(503, "", b"later"));
    }
    let fired = |user| (user, READS, page(&page_of_all(user)));
    story.volley(vec![fired(0), fired(1)]);
    let judgement = story.judge();
    assert_eq!(
        judgement.verdict,
        Verdict::Inconclusive,
        "{:?}",
        judgement.exposures
    );
    assert_eq!(judgement.reasons[0].kind, ReasonKind::Learning);
}

#[test]
fn ones_own_path_teaches_nothing() {
    let mut story = learning_story();
    let missing = |user: u32| format!("there is nothing at /inbox/account-770{user}");
    for _ in 0..3 {
        for user in 0..2 {
            story.alone(user, READS, Phase::Solo, page(&missing(user)));
        }
    }
    story.volley(vec![
        (0, READS, page(&missing(0))),
        (1, READS, page(&missing(1))),
    ]);
    for record in &mut story.records {
        if let Record::Exchange(exchange) = record {
            exchange.request.path = format!("/inbox/account-770{}", exchange.user.0);
        }
    }
    let judgement = story.judge();
    assert_eq!(
        judgement.reasons[0].kind,
        ReasonKind::Learning,
        "{:?}",
        judgement.reasons
    );
}

/// Two users and one step, which learns.
fn learning_story() -> Story {
    let mut story = Story::of(2);
    story.records.truncate(1);
    let Record::Start(start) = &mut story.records[0] else {
        panic!()
    };
    for step in &mut start.steps {
        (step.sees, step.removes) = (Vec::new(), Vec::new());
        step.role = crate::history::StepRole::Fire;
    }
    start.steps[usize::from(READS)].learns = true;
    story
}

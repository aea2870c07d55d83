//! Removals, read-backs, and what they prove.

use super::*;
use crate::history::{Outcome, Record};
use crate::judge::rules::testing::*;
use crate::judge::{Judgement, Verdict};

fn mail(owner: u32) -> Outcome {
    page(&text(owner, 0, 0))
}

/// A page of the owner's from which the mail is gone: something else of the owner's is still on it.
fn gone(owner: u32) -> Outcome {
    page(&format!("no mail for {}", text(owner, 1, 0)))
}

/// Everybody has removed an earlier mail alone, and that worked; then the mail is planted that the tests are about.
fn controlled(users: u32) -> Story {
    controlled_by(users, gone)
}

/// The same, with what the users see alone after their removal.
fn controlled_by(users: u32, after: fn(u32) -> Outcome) -> Story {
    let mut story = Story::of(users);
    for user in 0..users {
        story.alone(user, DELETE, Phase::Solo, page("deleted"));
        story.alone(user, READ_BACK, Phase::Solo, after(user));
        story.records.push(plant(user, 0, 1));
    }
    for user in 0..users {
        story.records.push(plant(user, 0, 0));
        story.alone(user, READ, Phase::Solo, mail(user));
    }
    story
}

/// A volley in which user 0 deletes and the others read, then everybody's mail as it is read back.
fn volley(deleted: Outcome, read_back: &[Outcome]) -> Story {
    volley_after(controlled(read_back.len() as u32), deleted, read_back)
}

fn volley_after(mut story: Story, deleted: Outcome, read_back: &[Outcome]) -> Story {
    let mut requests = vec![(0, DELETE, deleted)];
    requests.extend((1..read_back.len() as u32).map(|user| (user, READ, mail(user))));
    story.volley(requests);
    for (user, outcome) in read_back.iter().enumerate() {
        story.read_back(user as u32, outcome.clone());
    }
    story
}

/// Marks the exchange that was recorded last as not what its step expects.
fn refuse_last(story: &mut Story) {
    match story.records.last_mut() {
        Some(Record::Exchange(exchange)) => exchange.refused = true,
        other => panic!("{other:?}"),
    }
}

fn writes(judgement: &Judgement) -> Vec<(u32, u32)> {
    let writes = judgement
        .exposures
        .iter()
        .filter(|exposure| exposure.kind == ExposureKind::Write);
    writes
        .map(|exposure| (exposure.viewer.0, exposure.victim.0))
        .collect()
}

#[test]
fn the_answer_tells_whose_item_went() {
    let judgement = volley(
        page(&format!("deleted {}", text(1, 0, 0))),
        &[mail(0), gone(1), mail(2)],
    )
    .judge();
    assert_eq!(writes(&judgement), [(0, 1)]);
    let exposure = judgement
        .exposures
        .iter()
        .find(|exposure| exposure.rule == "foreign-write")
        .unwrap();
    assert_eq!(
        (exposure.step, exposure.slot, &exposure.place),
        (DELETE, Some(0), &Place::ReadBack)
    );
    assert_eq!(
        (exposure.phase, exposure.canary.clone()),
        (Phase::Volley, Some(text(1, 0, 0)))
    );
    assert_eq!(exposure.viewer_side.order, Some(0));
    assert_eq!(
        exposure
            .victim_side
            .as_ref()
            .map(|side| (side.step, side.order)),
        Some((READ, Some(1)))
    );
    assert_eq!(judgement.counts.writes, 1);
    assert!(
        judgement
            .exposures
            .iter()
            .any(|exposure| exposure.rule == "canary-crossed"),
        "it was shown as well"
    );
}

#[test]
fn a_removal_without_effect_of_its_own_tells_who() {
    let judgement = volley(page("deleted"), &[mail(0), gone(1), mail(2)]).judge();
    assert_eq!(
        (judgement.verdict, writes(&judgement)),
        (Verdict::Exposed, vec![(0, 1)])
    );
    assert!(judgement.notes.is_empty(), "{:?}", judgement.notes);
}

#[test]
fn a_redirect_is_a_good_removal_and_a_refusal_is_not() {
    assert_eq!(
        writes(&volley(answer(303, "", b""), &[mail(0), gone(1)]).judge()),
        [(0, 1)]
    );
    assert_eq!(
        writes(&volley(answer(404, "", b""), &[mail(0), gone(1)]).judge()),
        []
    );
}

#[test]
fn several_candidates_are_said() {
    let mut story = controlled(4);
    story.volley(vec![
        (0, DELETE, page("")),
        (1, DELETE, page("")),
        (2, READ, mail(2)),
        (3, READ, mail(3)),
    ]);
    for (user, outcome) in [mail(0), mail(1), gone(2), gone(3)].into_iter().enumerate() {
        story.read_back(user as u32, outcome);
    }
    let judgement = story.judge();
    assert_eq!(
        writes(&judgement),
        [(0, 2), (1, 3)],
        "each removal answers for one item"
    );
    assert!(
        judgement
            .notes
            .iter()
            .any(|note| note.contains("one of 2 users")),
        "{:?}",
        judgement.notes
    );
}

#[test]
fn what_is_no_exposure() {
    let none = |mut story: Story, what: &str| {
        let judgement = story.judge();
        assert_eq!(writes(&judgement), [], "{what}");
        judgement
    };
    none(
        volley(page("deleted"), &[gone(0), mail(1)]),
        "everybody got what they asked for",
    );
    let both = none(
        volley(page("deleted"), &[gone(0), gone(1)]),
        "the remover's own item went",
    );
    assert!(
        both.notes
            .iter()
            .any(|note| note.contains("something else")),
        "{:?}",
        both.notes
    );
    none(
        volley(page("deleted"), &[mail(0), answer(500, "", b"")]),
        "the read-back failed",
    );
    let cut = Outcome::Answer {
        status: 200,
        head: "HTTP/1.1 200 OK\r\n".into(),
        body: "".into(),
        cut: true,
    };
    none(
        volley(page("deleted"), &[mail(0), cut]),
        "the read-back is not whole",
    );
    let coded = answer(200, "Content-Encoding: gzip\r\n", b"broken");
    none(
        volley(page("deleted"), &[mail(0), coded]),
        "the read-back cannot be unpacked",
    );

    let mut own = controlled(2);
    own.volley(vec![
        (0, DELETE, page("")),
        (1, DELETE, answer(500, "", b"")),
        (1, READ, mail(1)),
    ]);
    own.read_back(0, mail(0)).read_back(1, gone(1));
    none(
        own,
        "the owner asked too, even if the answer says it failed",
    );

    let mut nobody = controlled(2);
    nobody.volley(vec![(0, READ, mail(0)), (1, READ, mail(1))]);
    nobody.read_back(0, mail(0)).read_back(1, gone(1));
    none(nobody, "nobody removed anything");

    let mut never_there = controlled(2);
    never_there.records.push(plant(1, 0, 1));
    never_there.volley(vec![(0, DELETE, page("")), (1, READ, mail(1))]);
    never_there.read_back(0, mail(0)).read_back(1, mail(1));
    none(never_there, "the newest item was never there");

    let mut earlier = controlled(2);
    earlier.alone(0, DELETE, Phase::Solo, page(""));
    earlier.records.push(plant(1, 0, 1));
    earlier.alone(1, READ, Phase::Solo, page(&text(1, 0, 1)));
    earlier.read_back(0, mail(0)).read_back(1, gone(1));
    none(earlier, "the removal came before the planting");
}

#[test]
fn each_item_is_decided_once() {
    let mut story = volley(page("deleted"), &[mail(0), gone(1)]);
    story.volley(vec![(0, DELETE, page("")), (1, READ, page(""))]);
    story.read_back(0, mail(0)).read_back(1, gone(1));
    assert_eq!(story.judge().counts.writes, 1);
    // Planted anew, it can be lost anew.
    let mut story = volley(page("deleted"), &[mail(0), gone(1)]);
    story.records.push(plant(1, 0, 1));
    story.volley(vec![(0, DELETE, page("")), (1, READ, page(&text(1, 0, 1)))]);
    story.read_back(0, mail(0)).read_back(1, gone(1));
    let judgement = story.judge();
    assert_eq!(judgement.counts.writes, 2);
    assert_eq!(
        (writes(&judgement), judgement.exposures[0].times_seen),
        (vec![(0, 1)], 2)
    );
}

#[test]
fn decided_before_the_next_request() {
    let mut story = volley(page("deleted"), &[mail(0), gone(1)]);
    // What the owner asks for afterwards does not explain what was gone before.
    story.volley(vec![(1, DELETE, page("")), (0, READ, mail(0))]);
    assert_eq!(writes(&story.judge()), [(0, 1)]);
}

#[test]
fn a_history_that_ends_after_the_read_back_is_decided_too() {
    let mut story = volley(page("deleted"), &[mail(0), gone(1)]);
    assert!(!matches!(story.records.last(), Some(Record::End(_))));
    assert_eq!(writes(&crate::judge::judge(&story.records)), [(0, 1)]);
    let _ = &mut story;
}

/// What user 0's delete proves about user 1's mail, when both look as if it had gone to the wrong one.
fn misdirected(story: Story) -> Judgement {
    volley_after(story, page("deleted"), &[mail(0), gone(1)]).judge()
}

#[test]
fn a_page_without_anything_of_its_owner_proves_nothing() {
    for empty in [
        page(""),
        page("please wait"),
        answer(302, "Location: /login\r\n", b""),
    ] {
        for deleted in [page("deleted"), page(&text(1, 0, 0))] {
            let judgement = volley(deleted, &[mail(0), empty.clone()]).judge();
            assert_eq!(writes(&judgement), [], "{empty:?}");
            assert_eq!(
                judgement.notes,
                [
                    "a read-back of u1 showed nothing of its owner, so it does not tell what was removed there"
                ]
            );
        }
    }
    let earlier = page(&text(1, 0, 7));
    assert_eq!(
        writes(&volley(page(""), &[mail(0), earlier]).judge()),
        [(0, 1)],
        "an earlier mail of the owner's shows whose page it is"
    );
    let of_others = page(&format!("{}{}", text(1, 1, 0), text(2, 1, 0)));
    assert_eq!(
        writes(&volley(page(""), &[mail(0), of_others, mail(2)]).judge()),
        [],
        "a page that is mixed of two users' proves nothing of either"
    );
    let own = volley(page("deleted"), &[page(""), mail(1)]).judge();
    assert_eq!(
        own.notes, [""; 0],
        "who removed the last item may see an empty page"
    );
}

#[test]
fn a_refused_read_back_proves_nothing() {
    let mut story = volley(page("deleted"), &[mail(0), gone(1)]);
    refuse_last(&mut story);
    assert_eq!(writes(&story.judge()), [], "of the victim");
    let mut story = controlled(2);
    story.volley(vec![(0, DELETE, page("")), (1, READ, mail(1))]);
    story.read_back(1, gone(1)).read_back(0, mail(0));
    refuse_last(&mut story);
    assert_eq!(writes(&story.judge()), [], "of the remover");
}

#[test]
fn an_item_that_any_answer_shows_is_not_gone() {
    let mut story = volley(page("deleted"), &[mail(0), gone(1)]);
    story.read_back(1, answer(500, "", text(1, 0, 0).as_bytes()));
    assert_eq!(writes(&story.judge()), []);
}

#[test]
fn who_was_not_read_back_is_no_culprit() {
    let mut story = controlled(2);
    story.volley(vec![(0, DELETE, page("")), (1, READ, mail(1))]);
    story.read_back(1, gone(1));
    let judgement = story.judge();
    assert_eq!(writes(&judgement), []);
    assert_eq!(judgement.notes.len(), 1, "{:?}", judgement.notes);
    assert!(judgement.notes[0].contains("may be something else"));
}

#[test]
fn a_refused_removal_is_no_culprit() {
    let mut story = controlled(2);
    story.volley(vec![(1, READ, mail(1)), (0, DELETE, page(""))]);
    for record in story.records.iter_mut().rev() {
        if let Record::Exchange(exchange) = record {
            exchange.refused = true;
            break;
        }
    }
    story.read_back(0, mail(0)).read_back(1, gone(1));
    assert_eq!(writes(&story.judge()), []);
}

#[test]
fn a_service_that_only_marks_what_is_removed_accuses_nobody() {
    // Own item still shown after own accepted removal, alone as well.
    let judgement = misdirected(controlled_by(2, |user| page(&text(user, 0, 0))));
    assert_eq!(writes(&judgement), []);
    assert!(
        judgement.notes[0].contains("alone such a request was not seen to work"),
        "{:?}",
        judgement.notes
    );
    // Never tried alone, or with a read-back that tells nothing.
    assert_eq!(writes(&misdirected(Story::of(2))), []);
    assert_eq!(writes(&misdirected(controlled_by(2, |_| page("")))), []);
    // The remover's own trial counts before that of others; without one, anybody's does.
    let of_one = |user: u32, is_there: bool| {
        let mut story = Story::of(2);
        story.alone(user, DELETE, Phase::Solo, page("deleted"));
        let after = if is_there { mail(user) } else { gone(user) };
        story.alone(user, READ_BACK, Phase::Solo, after);
        story.records.push(plant(user, 0, 1));
        story.records.push(plant(user, 0, 0));
        story.alone(user, READ, Phase::Solo, mail(user));
        story
    };
    assert_eq!(writes(&misdirected(of_one(0, true))), []);
    assert_eq!(writes(&misdirected(of_one(0, false))), [(0, 1)]);
    assert_eq!(writes(&misdirected(of_one(1, false))), [(0, 1)]);
    let mut mixed = of_one(1, false);
    let marking = of_one(0, true);
    mixed.records.extend(marking.records.into_iter().skip(7));
    assert_eq!(writes(&misdirected(mixed)), []);
}

#[test]
fn the_answer_that_shows_the_item_needs_no_trial_alone() {
    let story = volley_after(Story::of(2), page(&text(1, 0, 0)), &[gone(0), gone(1)]);
    assert_eq!(writes(&{ story }.judge()), [(0, 1)]);
}

#[test]
fn an_item_that_the_remover_may_see_is_no_evidence_in_its_answer() {
    let mut story = Story::of(2);
    story.records.push(Record::Planted(crate::history::Planted {
        canary: text(1, 0, 0),
        readers: vec![UserId(0)],
    }));
    story.alone(1, READ, Phase::Solo, mail(1));
    let judgement = volley_after(story, page(&text(1, 0, 0)), &[gone(0), gone(1)]).judge();
    assert_eq!(writes(&judgement), []);
}

#[test]
fn a_removal_before_the_removers_own_planting_is_for_an_older_item() {
    let mut story = controlled(2);
    story.volley(vec![(0, DELETE, page("")), (1, READ, mail(1))]);
    story.records.push(plant(0, 0, 2));
    story.alone(0, READ, Phase::Setup, page(&text(0, 0, 2)));
    story
        .read_back(0, page(&text(0, 0, 2)))
        .read_back(1, gone(1));
    assert_eq!(writes(&story.judge()), []);
}

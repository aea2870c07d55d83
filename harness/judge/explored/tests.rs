use super::Reach;
use crate::history::{Coverage, Doubts, Ending, Explored, PointCounts, Record, Sink, Writer, read};
use crate::identity::Redactor;
use crate::judge::rules::testing::*;
use crate::judge::{ReasonKind, Verdict, judge};
use crate::report::{Facts, Report};

fn good(user: u32) -> (u32, u16, crate::history::Outcome) {
    (user, READ, page(&text(user, 0, 0)))
}

fn clean() -> Story {
    let mut story = Story::explored();
    story.execution(vec![], vec![good(0), good(1)]);
    story
}

fn with(change: impl FnOnce(&mut Explored)) -> Explored {
    let mut explored = all_schedules();
    change(&mut explored);
    explored
}

fn capped(bound: Option<u32>) -> Coverage {
    Coverage::Capped {
        bound,
        limit: "100 executions".into(),
    }
}

#[test]
fn every_reason_against_an_exploration() {
    use ReasonKind::{Nothing, Points, Schedules, Unrepeatable};
    type Case = (fn(&mut Explored), Option<(ReasonKind, &'static str)>);
    let cases: Vec<Case> = vec![
        (|_| {}, None),
        (
            |one| one.coverage = Coverage::WithinBound { bound: 1 },
            None,
        ),
        (|one| one.coverage = capped(Some(1)), None),
        (
            |one| one.warnings = vec!["4 messages were let through".into()],
            None,
        ),
        (
            |one| one.coverage = Coverage::WithinBound { bound: 0 },
            Some((
                Schedules,
                "read by u0 and read by u1: only the schedules without a preemption were all run",
            )),
        ),
        (
            |one| one.coverage = capped(Some(0)),
            Some((
                Schedules,
                "only the schedules without a preemption were all run (limit: 100 executions)",
            )),
        ),
        (
            |one| one.coverage = capped(None),
            Some((
                Schedules,
                "not even the schedules without a preemption were all run",
            )),
        ),
        (
            |one| {
                one.points = vec![
                    PointCounts {
                        service: 3,
                        front: 2,
                        ..PointCounts::default()
                    };
                    2
                ]
            },
            Some((
                Points,
                "no request could be stopped inside the service, so nothing was interleaved",
            )),
        ),
        (
            |one| one.schedules = 0,
            Some((
                Nothing,
                "no schedule of read by u0 and read by u1 was run to its end",
            )),
        ),
        (
            |one| {
                one.doubts = Doubts {
                    endless: 2,
                    ..Doubts::default()
                }
            },
            Some((Schedules, "2 executions were ended by the limit on moves")),
        ),
        (
            |one| {
                one.doubts = Doubts {
                    diverged: 3,
                    ..Doubts::default()
                }
            },
            Some((
                Unrepeatable,
                "3 times other moves were possible than before",
            )),
        ),
        (
            |one| {
                one.doubts = Doubts {
                    differed: 1,
                    ..Doubts::default()
                }
            },
            Some((
                Unrepeatable,
                "1 times a schedule with an exposure came out otherwise",
            )),
        ),
        (
            |one| one.exposing = 4,
            Some((
                ReasonKind::History,
                "4 schedules exposed something when they ran, but no exchange",
            )),
        ),
    ];
    for (change, expected) in cases {
        let judgement = clean().judge_explored(vec![all_schedules(), with(change)]);
        match expected {
            None => assert_eq!(
                (judgement.verdict, &judgement.reasons[..]),
                (Verdict::Isolated, &[][..])
            ),
            Some((kind, part)) => {
                assert_eq!(judgement.verdict, Verdict::Inconclusive, "{part}");
                let [reason] = &judgement.reasons[..] else {
                    panic!("{part}: {:?}", judgement.reasons)
                };
                assert_eq!(reason.kind, kind);
                assert!(reason.text.contains(part), "{reason}");
            }
        }
    }
}

#[test]
fn what_held_for_runs_holds_for_explorations() {
    // Nobody's own canary came back alone.
    let mut story = clean();
    story.records.retain(|record| {
        !matches!(record, Record::Exchange(exchange) if exchange.phase == crate::history::Phase::Solo)
    });
    let judgement = story.judge_explored(vec![all_schedules()]);
    assert_eq!(judgement.reasons[0].kind, ReasonKind::Control);
    // One answer in two is an error.
    let mut story = Story::explored();
    story.execution(vec![], vec![good(0), (1, READ, answer(500, "", b""))]);
    let judgement = story.judge_explored(vec![all_schedules()]);
    assert_eq!(
        judgement.reasons,
        [
            "1 of 2 exchanges in kept executions failed or were refused, more than one in ten; most often: it was answered 500"
        ]
    );
    // Stopped, or broken off.
    let judgement = clean().end(Ending::Interrupted);
    let kinds: Vec<ReasonKind> = judgement.reasons.iter().map(|reason| reason.kind).collect();
    assert_eq!(kinds, [ReasonKind::Interrupted, ReasonKind::Nothing]);
    assert!(
        judgement.reasons[1]
            .text
            .starts_with("no set of requests was explored")
    );
}

#[test]
fn nothing_is_said_of_pairs() {
    let mut story = clean();
    if let Some(Record::Start(start)) = story.records.first_mut() {
        start.min_overlaps = 1_000;
    }
    let judgement = story.judge_explored(vec![all_schedules()]);
    assert_eq!(
        judgement.verdict,
        Verdict::Isolated,
        "{:?}",
        judgement.reasons
    );
    assert_eq!(judgement.strength.overlapping_pairs, 0);
    assert_eq!(judgement.strength.upper_bound_95, None);
    assert!(judgement.spread.is_empty() && judgement.points.is_empty());
    assert!(
        judgement.strength.notes.is_empty(),
        "{:?}",
        judgement.strength.notes
    );
    assert_eq!(
        judgement.strength.reach.map(|reach| reach.schedules),
        Some(6)
    );
}

#[test]
fn an_exposure_counts_whatever_else_is_wrong() {
    let mut story = Story::explored();
    story.execution(vec![], vec![(0, READ, page(&text(1, 0, 0))), good(1)]);
    let one = with(|one| {
        one.exposing = 2;
        one.doubts.differed = 1;
    });
    let judgement = story.judge_explored(vec![one]);
    assert_eq!(judgement.verdict, Verdict::Exposed);
    assert_eq!(judgement.reasons.len(), 1, "{:?}", judgement.reasons);
    assert_eq!(judgement.reasons[0].kind, ReasonKind::Unrepeatable);
    assert_eq!(judgement.exposures.len(), 1);
}

#[test]
fn a_stored_history_is_judged_as_the_run_was() {
    let mut story = Story::explored();
    story.execution(vec![], vec![(0, READ, page(&text(1, 0, 0))), good(1)]);
    story.execution(vec![], vec![good(0), good(1)]);
    let one = with(|one| {
        one.exposing = 2;
        one.coverage = capped(Some(1));
        one.doubts.foreign_wakes = 1;
    });
    let judgement = story.judge_explored(vec![one]);
    let mut writer = Writer::new(Vec::new(), Redactor::default());
    for record in &story.records {
        writer.take(record).unwrap();
    }
    let stored = judge(read(&writer.into_inner()[..]).unwrap());
    assert_eq!(judgement.exposures.len(), 1);
    let redactor = Redactor::default();
    let facts = Facts::new(Verdict::Isolated, &redactor);
    assert_eq!(
        Report::new(&stored, &facts),
        Report::new(&judgement, &facts)
    );
}

#[test]
fn few_points_and_doubts_are_noted() {
    let one = with(|one| {
        one.points[1] = PointCounts {
            natural: 1,
            service: 4,
            ..PointCounts::default()
        };
        one.doubts.foreign_wakes = 5;
        one.doubts.stuck = 1;
        one.warnings = vec!["the layer of starved awaits does not work under this tokio".into()];
    });
    let judgement = clean().judge_explored(vec![one]);
    assert_eq!(judgement.verdict, Verdict::Isolated);
    let notes = &judgement.strength.notes;
    assert_eq!(notes.len(), 4, "{notes:?}");
    assert!(notes[0].starts_with("u1's request (read) has only one point inside the service"));
    assert_eq!(
        notes[1],
        "read by u0 and read by u1: in 1 execution requests waited for ever"
    );
    assert!(notes[2].contains("in 5 executions a request was woken from another thread"));
    assert!(notes[3].contains("starved"));
}

#[test]
fn the_least_of_several_counts_for_all() {
    let all = all_schedules();
    let within = with(|one| {
        one.coverage = Coverage::WithinBound { bound: 1 };
        one.schedules = 5;
        one.bounds.truncate(2);
        one.sampled = 3;
        one.schedules += 3;
        one.exposing = 1;
    });
    let reach = |explored: &[Explored]| Reach::of(explored).unwrap();
    let both = reach(&[all.clone(), all.clone()]);
    assert_eq!((both.races, both.schedules, both.covered), (2, 12, 12));
    assert_eq!(
        (both.coverage.clone(), both.bound()),
        (Coverage::All, Some(u32::MAX))
    );
    let mixed = reach(&[all.clone(), within.clone()]);
    assert_eq!(mixed.coverage, Coverage::WithinBound { bound: 1 });
    assert_eq!(
        (
            mixed.covered,
            mixed.schedules,
            mixed.sampled,
            mixed.exposing
        ),
        (10, 14, 3, 1),
        "of each the schedules with at most one preemption"
    );
    let capped_late = with(|one| one.coverage = capped(Some(7)));
    let limited = reach(&[within, capped_late.clone(), all.clone()]);
    assert_eq!(limited.coverage, capped(Some(1)));
    assert_eq!(reach(&[all, capped_late]).coverage, capped(Some(7)));
    let never = with(|one| one.coverage = capped(None));
    assert_eq!(reach(&[never]).bound(), None);
}

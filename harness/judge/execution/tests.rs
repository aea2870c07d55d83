use crate::history::{Explored, Outcome, Phase, Raced, Record};
use crate::identity::UserId;
use crate::judge::rules::testing::*;
use crate::judge::{ExecutionShown, Executions, ExposureKind, Verdict};

/// What stands before the executions, and the records of each of them.
fn parts(story: &Story) -> (Vec<Record>, Vec<Vec<Record>>) {
    let mut before = Vec::new();
    let mut executions: Vec<Vec<Record>> = Vec::new();
    let mut pending = Vec::new();
    let mut last = 0;
    for record in &story.records {
        let round = match record {
            Record::Exchange(exchange) if exchange.phase == Phase::Solo => 0,
            Record::Exchange(exchange) if exchange.id < 4 => 0,
            Record::Exchange(exchange) => exchange.round,
            Record::Volley(volley) => volley.round,
            Record::Planted(_) => {
                pending.push(record.clone());
                continue;
            }
            _ => 0,
        };
        if round as usize > executions.len() {
            executions.push(Vec::new());
        }
        last = last.max(round);
        let part = if round == 0 {
            &mut before
        } else {
            &mut executions[round as usize - 1]
        };
        part.append(&mut pending);
        part.push(record.clone());
    }
    (before, executions)
}

fn raced(step: u16) -> Vec<Raced> {
    [0, 1]
        .map(|user| Raced {
            user: UserId(user),
            step,
        })
        .to_vec()
}

fn alone(story: &Story, step: u16) -> Vec<ExecutionShown> {
    let (before, executions) = parts(story);
    let judge = Executions::new(&raced(step), &before);
    executions
        .iter()
        .map(|records| judge.alone(records))
        .collect()
}

fn next(story: &Story, step: u16) -> Vec<ExecutionShown> {
    let (before, executions) = parts(story);
    let mut judge = Executions::new(&raced(step), &before);
    executions
        .iter()
        .map(|records| judge.next(records))
        .collect()
}

fn own(user: u32) -> (u32, u16, Outcome) {
    (user, READ, page(&text(user, 0, 0)))
}

#[test]
fn an_execution_is_told_in_a_line_and_says_who_crossed() {
    let mut story = Story::explored();
    let both = format!("{} {}", text(1, 0, 0), text(0, 0, 0));
    story.execution(vec![], vec![own(0), own(1)]);
    story.execution(vec![], vec![own(1), (0, READ, page(&both))]);
    story.execution(vec![], vec![own(1)]);
    let mut cut = vec![
        own(1),
        (
            0,
            READ,
            Outcome::Failed {
                why: "cut off".into(),
                partial: "".into(),
            },
        ),
    ];
    story.execution(vec![], std::mem::take(&mut cut));
    for record in story.records.iter_mut().rev().take(3) {
        if let Record::Exchange(exchange) = record {
            exchange.cut_off = exchange.user == UserId(0);
        }
    }
    for shown in [alone(&story, READ), next(&story, READ)] {
        let told: Vec<&str> = shown.iter().map(|shown| shown.what.as_str()).collect();
        assert_eq!(
            told,
            [
                "u0 200 with own mail; u1 200 with own mail",
                "u0 200 with own mail and u1's mail; u1 200 with own mail",
                "u0 not answered; u1 200 with own mail",
                "u0 cancelled; u1 200 with own mail",
            ]
        );
        let exposing: Vec<usize> = shown.iter().map(|shown| shown.exposures.len()).collect();
        assert_eq!(exposing, [0, 1, 0, 0]);
        assert_eq!(shown[1].crossed, [(0, vec![UserId(1)])]);
        let judgement = story.judge_explored(vec![]);
        assert_eq!(
            judgement.exposures[0].id, shown[1].exposures[0],
            "the ids are the judge's"
        );
        story.records.pop();
    }
}

/// Both answers look the same: a status, and nobody's data. Only the first is the answer to the request.
#[test]
fn an_answer_out_of_step_is_an_outcome_of_its_own() {
    const NONCE: u16 = 2;
    let mut story = Story::explored();
    let Record::Start(start) = &mut story.records[0] else {
        panic!()
    };
    start.slots.push(crate::history::SlotInfo {
        name: "nonce".into(),
        nonce: true,
        ..Default::default()
    });
    start.steps[usize::from(READ)].echoes = true;
    for serial in [5, 4] {
        let echo = format!("{} {}", text(0, 0, 0), text(0, NONCE, serial));
        story.execution(vec![], vec![(0, READ, page(&echo)), own(1)]);
    }
    for record in &mut story.records {
        if let Record::Exchange(exchange) = record
            && (exchange.user, exchange.phase) == (UserId(0), Phase::Volley)
        {
            exchange.nonce = Some(text(0, NONCE, 5));
        }
    }
    let shown = alone(&story, READ);
    assert_eq!(shown[0].what, shown[1].what);
    assert_eq!(
        [shown[0].is_doubtful, shown[1].is_doubtful],
        [false, true],
        "{shown:?}"
    );
    assert_ne!(shown[0], shown[1]);
}

fn log_in(user: u32, session: &str) -> (u32, u16, Outcome) {
    (
        user,
        LOG_IN,
        answer(302, &format!("Set-Cookie: sid={session}\r\n"), b""),
    )
}

/// Deterministic services issue the same ids in every execution, to whoever comes first.
#[test]
fn ids_issued_by_two_services_are_not_shared() {
    let declare = |story: &mut Story| {
        if let Record::Start(start) = &mut story.records[0] {
            start.steps[usize::from(LOG_IN)].session = Some("sid".into());
        }
    };
    let (one, two) = ("a".repeat(20), "b".repeat(20));
    let mut story = Story::explored();
    declare(&mut story);
    for (first, second) in [(0, 1), (1, 0)] {
        let set_up = vec![log_in(first, &one), log_in(second, &two)];
        story.execution(set_up, vec![own(0), own(1)]);
    }
    // Raced log-ins, and each of them alone before.
    story.execution(vec![], vec![log_in(0, &one), log_in(1, &two)]);
    story.execution(vec![], vec![log_in(1, &one), log_in(0, &two)]);
    for user in [0, 1] {
        let (_, step, outcome) = log_in(user, &one);
        story.alone(user, step, Phase::Solo, outcome);
    }
    assert!(
        alone(&story, LOG_IN)
            .iter()
            .all(|shown| shown.exposures.is_empty())
    );
    let end = story.records.len();
    let judgement = story.judge_explored(vec![all_schedules()]);
    assert_eq!(judgement.exposures, [], "{:?}", judgement.reasons);
    story.records.truncate(end);
    // Within one execution it is the fault that it always was.
    story.records.retain(
        |record| !matches!(record, Record::Exchange(e) if e.phase == Phase::Solo && e.id > 9),
    );
    story.execution(vec![], vec![log_in(0, &one), log_in(1, &one)]);
    let shown = alone(&story, LOG_IN);
    let exposing: Vec<usize> = shown.iter().map(|shown| shown.exposures.len()).collect();
    assert_eq!(exposing, [0, 0, 0, 0, 1]);
    let judgement = story.judge_explored(vec![all_schedules()]);
    assert_eq!(judgement.exposures.len(), 1);
    assert_eq!(judgement.exposures[0].kind, ExposureKind::Session);
}

fn delete(user: u32) -> (u32, u16, Outcome) {
    (user, DELETE, answer(302, "", b""))
}

/// User and file of a page that shows what is left of a user's own.
fn left(user: u32, mail: bool) -> Outcome {
    let mail = if mail {
        text(user, 0, 0)
    } else {
        String::new()
    };
    page(&format!("{} {mail}", text(user, 1, 0)))
}

/// Everybody's removal alone works, and alone everybody's mail was there; then executions in which both remove theirs.
fn removals(ends: &[(bool, bool)]) -> Story {
    let mut story = Story::explored();
    for user in [0, 1] {
        story.alone(user, DELETE, Phase::Solo, answer(302, "", b""));
        story.alone(user, READ_BACK, Phase::Solo, left(user, false));
    }
    for &(first, second) in ends {
        for user in [0, 1] {
            story.records.push(plant(user, 0, 0));
        }
        let set_up = vec![log_in(0, &"x".repeat(20)), log_in(1, &"y".repeat(20))];
        // Only user 0 removes: in a right service the mail of user 1 stays.
        story.execution(set_up, vec![delete(0), (1, READ, page("nothing yet"))]);
        story.read_back_after(0, left(0, first));
        story.read_back_after(1, left(1, second));
    }
    story
}

#[test]
fn removals_are_decided_within_their_execution() {
    let story = removals(&[(false, true), (true, false), (false, true)]);
    for shown in [alone(&story, DELETE), next(&story, DELETE)] {
        let exposing: Vec<usize> = shown.iter().map(|shown| shown.exposures.len()).collect();
        assert_eq!(exposing, [0, 1, 0], "{shown:#?}");
        assert!(
            shown[0]
                .what
                .ends_with("; then u0 200 with own file; u1 200 with own mail and own file"),
            "{}",
            shown[0].what
        );
        assert_eq!(shown[1].crossed, [(0, vec![UserId(1)])]);
    }
    let mut story = story;
    let judgement = story.judge_explored(vec![all_schedules()]);
    assert_eq!(judgement.exposures.len(), 1, "{:?}", judgement.notes);
    assert_eq!(
        (judgement.exposures[0].rule, judgement.exposures[0].round),
        ("foreign-write", 2)
    );
}

/// What was there in another execution proves nothing in one in which its owner's request failed: it may never have been
/// written.
#[test]
fn an_item_that_was_perhaps_not_written_is_not_missing() {
    let mut story = removals(&[(true, false)]);
    for record in &mut story.records {
        if let Record::Exchange(exchange) = record
            && (exchange.phase, exchange.user) == (Phase::Volley, UserId(1))
        {
            exchange.outcome = Outcome::Failed {
                why: "cut off".into(),
                partial: "".into(),
            };
        }
    }
    assert_eq!(alone(&story, DELETE)[0].exposures, [""; 0]);
    assert_eq!(story.judge_explored(vec![all_schedules()]).exposures, []);
}

#[test]
fn a_reader_of_one_race_is_none_in_the_next() {
    let planted = |readers: Vec<UserId>| {
        let Record::Planted(planted) = plant(1, 0, 5) else {
            panic!()
        };
        Record::Planted(crate::history::Planted { readers, ..planted })
    };
    let crossing = || {
        vec![
            (
                0,
                READ,
                page(&format!("{} {}", text(0, 0, 0), text(1, 0, 5))),
            ),
            own(1),
        ]
    };
    let told = |way| Explored {
        way,
        ..all_schedules()
    };
    for (way, exposures) in [
        (crate::history::Way::InProcess, 1),
        (crate::history::Way::Turnstile, 0),
    ] {
        let mut story = Story::explored();
        story.records.push(planted(vec![UserId(0)]));
        story.execution(vec![], crossing());
        story.records.push(Record::Explored(Box::new(told(way))));
        for user in [0, 1] {
            story.records.push(plant(user, 0, 0));
        }
        story.records.push(planted(vec![]));
        story.execution(vec![], crossing());
        let judgement = story.judge_explored(vec![told(way)]);
        assert_eq!(judgement.exposures.len(), exposures, "{way:?}");
        let verdicts = [Verdict::Isolated, Verdict::Exposed];
        assert_eq!(
            judgement.verdict, verdicts[exposures],
            "{:?}",
            judgement.reasons
        );
    }
}

/// Nobody else's log-out ends a session: where the log-out of the execution did not come through, the session may live.
#[test]
fn a_log_out_of_another_execution_proves_nothing() {
    let mut story = Story::explored();
    let (log_out, dead) = (DELETE, READ_BACK);
    if let Record::Start(start) = &mut story.records[0] {
        start.steps[usize::from(log_out)].role = crate::history::StepRole::LogOut;
        start.steps[usize::from(log_out)].removes.clear();
        start.steps[usize::from(dead)].dead = Some(crate::history::Dead::LogOut);
    }
    let read_back = |story: &mut Story, user| {
        story.read_back_after(user, page(&text(user, 0, 0)));
    };
    story.execution(vec![], vec![delete(0), own(1)]);
    story.execution(vec![], vec![own(1)]);
    read_back(&mut story, 0);
    assert!(
        story
            .judge_explored(vec![all_schedules()])
            .exposures
            .is_empty()
    );
    story.records.truncate(story.records.len() - 2);
    story.execution(vec![], vec![delete(0), own(1)]);
    read_back(&mut story, 0);
    assert_eq!(
        story.judge_explored(vec![all_schedules()]).exposures.len(),
        1
    );
}

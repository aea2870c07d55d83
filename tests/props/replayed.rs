//! A schedule is run again by its line, or it is said why not.

use crosswire::explore::{Replay, Replayed, replay};
use crosswire::history::{Ending, Move, Record, Schedule};
use proptest::prelude::*;

use crate::explored::{
    ending, explored, limit, memo, plan, repaired, scenario, stage, the_explored,
};
use crate::model_stage::{Model, ModelOracle, Op};

proptest! {
    #[test]
    fn a_replay_line_is_read_as_it_is_written(
        moves in prop::collection::vec((0u8..8).prop_map(Move::Request), 1..30),
        environment in "[!-9;-~]{1,20}",
        digits in "[0-9a-f]{8}",
    ) {
        let line = format!("xw1:{digits}:{environment}:{}", Schedule(moves));
        let replay: Replay = line.parse().unwrap();
        prop_assert_eq!(replay.to_string(), line);
    }

    #[test]
    fn no_text_breaks_the_reading_of_replay_lines(text in ".{0,60}", tail in "(xw1:)?[0-9a-f:RX*,]{0,30}") {
        let _ = text.parse::<Replay>();
        let _ = tail.parse::<Replay>();
    }
}

/// Runs the line against a model; the result and the history.
fn replayed(line: &str, model: &Model) -> (Replayed, Vec<Record>) {
    let mut scenario = scenario(model.programs.len());
    // What is fired, and how much is explored, makes no other schedules.
    scenario.explore.executions = 3;
    scenario.fire.rounds += 1;
    let mut records = Vec::new();
    let replayed = replay(
        &plan(&scenario),
        &line.parse().unwrap(),
        &mut |_| stage(model),
        &mut |_, _| Box::new(ModelOracle::default()),
        &mut records,
    );
    (replayed.unwrap(), records)
}

fn why(replayed: Replayed) -> String {
    match replayed {
        Replayed::CannotBeRun { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_finding_is_run_again_by_its_line() {
    let first = explored(&memo());
    let found = &first.found[0];
    let (again, records) = replayed(&found.replay, &memo());
    let Replayed::Exposed {
        exposures,
        repeated,
        ..
    } = again
    else {
        panic!("{again:?}");
    };
    assert_eq!((&exposures, repeated), (&found.exposures, (2, 2)));
    let explored = the_explored(&records);
    assert_eq!(limit(&explored), (None, "one schedule"));
    assert_eq!((explored.schedules, explored.exposing), (1, 1));
    assert_eq!(explored.found[0].schedule, found.schedule);
    assert_eq!(explored.found[0].preemptions, found.preemptions);
    assert_eq!(explored.told[0].schedule, found.schedule);

    // The same steps without the fault.
    let mut harmless = memo();
    for program in &mut harmless.programs {
        program[1] = Op::Work;
    }
    let (clean, records) = replayed(&found.replay, &harmless);
    assert!(matches!(clean, Replayed::Clean { .. }), "{clean:?}");
    assert!(the_explored(&records).found.is_empty());
}

#[test]
fn a_line_that_cannot_be_run_says_where_or_why() {
    let line = explored(&memo()).found[0].replay.clone();
    let (locked, records) = replayed(&line, &repaired());
    let locked = why(locked);
    assert!(
        locked.contains("should be R2, which is not possible (possible: R1)"),
        "{locked}"
    );
    assert!(matches!(ending(&records), Ending::Failed { why, .. } if *why == locked));
    assert!(
        !records
            .iter()
            .any(|record| matches!(record, Record::Explored(_)))
    );

    let mut short = memo();
    short.programs[0].truncate(4);
    short.programs[1].truncate(4);
    let short = why(replayed(&line, &short).0);
    assert!(short.contains("move "), "{short}");

    // The line's moves are all possible, but none of the requests is over then: nothing was seen.
    let mut long = memo();
    for program in &mut long.programs {
        program[1] = Op::Work;
        program.extend([Op::Work; 4]);
    }
    let (long, records) = replayed(&line, &long);
    let long = why(long);
    assert!(long.contains("not over after the line's"), "{long}");
    assert!(matches!(ending(&records), Ending::Failed { .. }));

    let elsewhere = Model {
        environment: "model-2".into(),
        ..memo()
    };
    let elsewhere = why(replayed(&line, &elsewhere).0);
    assert!(
        elsewhere.contains("model-1") && elsewhere.contains("model-2"),
        "{elsewhere}"
    );

    let other = line.replacen(&line[4..12], "00000000", 1);
    let other = why(replayed(&other, &memo()).0);
    assert!(other.contains("another scenario"), "{other}");
}

#[test]
fn lines_that_are_none_are_explained() {
    for (line, why) in [
        ("", "it does not begin with xw"),
        ("R1,R2", "it does not begin with xw"),
        ("xw2:0f3a5c7e:e:R1", "version `2` is not 1"),
        ("xw1:0f3a:e:R1", "8 digits"),
        ("xw1:0F3A5C7E:e:R1", "8 digits"),
        ("xw1:0f3a5c7e::R1", "the environment is missing"),
        ("xw1:0f3a5c7e:a b:R1", "`a b` is no environment"),
        ("xw1:0f3a5c7e:e", "the moves are missing"),
        ("xw1:0f3a5c7e:e:R0", "`R0` is no move"),
        ("xw1:0f3a5c7e:e:R1*0", "`R1*0` is no move"),
    ] {
        let error = line.parse::<Replay>().unwrap_err().to_string();
        assert!(error.contains(why), "{line}: {error}");
    }
}

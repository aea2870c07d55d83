//! What is told of schedules, in words and in tables.

use super::super::testing::all;
use super::*;

fn exposed() -> Exploration {
    all()["explored-exposed"].explored[0].clone()
}

#[test]
fn switches_stand_in_a_line() {
    let one = exposed();
    let found = &one.found[0];
    assert_eq!(
        diagram(&one, &found.schedule, 200),
        "alice ──call, await── │ bob ──call, await── │ alice ──await── │ background │ alice ──answered 200── │ bob \
             ──answered 200──"
    );
    assert_eq!(
        diagram(&one, &found.schedule, 98),
        "alice ──2 steps── │ bob ──2 steps── │ … 2 more … │ alice ──1 step── │ bob ──1 step──"
    );
    assert_eq!(
        diagram(&one, &found.schedule, 64),
        "alice ──2 steps── │ … 4 more … │ bob ──1 step──"
    );
    assert_eq!(
        switches(&one, &found.schedule, 64, 2),
        [
            "alice ──await── │ bob ──await── │ alice ──await── │ background",
            "│ alice ──answered 200── │ bob ──answered 200──"
        ]
    );
    assert_eq!(
        diagram(&one, &"X1,R2*3".parse().unwrap(), 90),
        "alice goes away │ bob ──3 steps──",
        "one that is not told step by step"
    );
}

#[test]
fn of_many_switches_those_in_the_middle_are_left_out() {
    let one = exposed();
    let many = "R1*3,R2".repeat(30).replace("R2R1", "R2,R1");
    let many: Schedule = many.parse().unwrap();
    for width in [64, 82, 98, 120, 200] {
        for most in [1, 2] {
            let lines = switches(&one, &many, width, most);
            assert!(lines.len() <= most, "{width}: {lines:#?}");
            for line in &lines {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            let text = lines.join(" ");
            assert!(text.starts_with("alice ──3 steps── │ "), "{text}");
            assert!(text.ends_with(" │ bob ──1 step──"), "{text}");
            let told = text.matches("──").count() / 2;
            assert!(told >= 2 * most, "{text}");
            assert!(text.contains(&format!("… {} more …", 60 - told)), "{text}");
        }
    }
}

#[test]
fn steps_stand_in_columns() {
    let one = exposed();
    let expected = "     alice                        bob
  1  call
  2  await at src/notes.rs:31:18
       writes memo: …fh5p
     ┄┄ switch to bob: from here on every way to go on exposes
  3                               call
  4                               await at src/notes.rs:31:18
                                    writes memo: …rng4
     ┄┄ switch to alice
  5  await at src/notes.rs:40:9
       reads memo: …rng4
     ┄┄ switch to background
  6  background
       wakes alice
     ┄┄ switch to alice
  7  answered 200
       HOLDS bob's DATA
     ┄┄ switch to bob
  8                               answered 200";
    let lines = table(&one, &one.told[0], Some(2), 63);
    assert_eq!(lines.join("\n"), expected, "\n{}", lines.join("\n"));
}

#[test]
fn no_line_is_wider_than_there_is_room() {
    for (name, report) in all() {
        for one in &report.explored {
            for width in [30, 62, 98] {
                for told in &one.told {
                    for line in table(one, told, Some(2), width) {
                        assert!(line.chars().count() <= width, "{name}, {width}: {line}");
                    }
                }
            }
        }
    }
    let mut many = exposed();
    many.requests = vec![many.requests[0].clone(); 8];
    let lines = table(&many, &many.told[0].clone(), None, 98);
    assert!(lines.iter().all(|line| line.chars().count() <= 98));
    assert!(lines[0].starts_with("  1  alice read: call"), "{lines:#?}");
}

#[test]
fn paths_break_between_folders() {
    assert_eq!(
        wrapped("await at shop/src/paying/card.rs:12:31", 20),
        ["await at", "shop/src/paying/", "card.rs:12:31"]
    );
    assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
    assert_eq!(wrapped("", 3), [""]);
}

#[test]
fn a_long_schedule_is_cut_in_the_middle() {
    let mut one = exposed();
    let step = one.told[0].steps[0].clone();
    one.told[0].steps = vec![step; 500];
    let lines = table(&one, &one.told[0].clone(), None, 98);
    assert_eq!(lines.len(), 1 + STEPS_TOLD + 1);
    assert!(
        lines[41].contains("… 440 steps left out here"),
        "{}",
        lines[41]
    );
    assert!(lines[61].starts_with("500  "), "{}", lines[61]);
}

#[test]
fn sums_are_told() {
    let one = exposed();
    assert_eq!(
        summary(&one),
        "all 70 schedules, 4 exposing, the first of them schedule 3, 1.4 ms"
    );
    assert_eq!(
        outcomes(&one)[1],
        "        4   5.7 %  EXPOSED  alice 200 with bob's note; bob 200 with own note"
    );
    assert_eq!(share(1, 12_870), "<0.1 %");
    assert_eq!(bounds(&one)[2], "1                     24          1");
    assert_eq!(
        points(&one)[0],
        "alice (read): inside the service 2 starved, 1 natural, 1 explicit; beside it 3 of the service protocol"
    );
    assert_eq!(
        decisive(&one, &one.found[0]).unwrap(),
        "step 3, bob goes on: before it 4 of 12 ways to go on exposed, after it all 4"
    );
    let capped = &all()["explored-capped"].explored[0];
    assert_eq!(
        bounds(capped)[3],
        "2                  1,814          0  not all of them"
    );
    assert_eq!(bounds(capped)[4], "by chance             50          0");
    assert_eq!(
        doubts(&capped.doubts),
        ["17 messages to a backend that belonged to no request"]
    );
    assert!(points(capped)[2].starts_with("carol (read): inside the service 4 at a backend"));
}

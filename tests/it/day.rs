//! A day over real sockets: the shipped one made small, on a clock so fast that only its requests take time.

use std::path::{Path, PathBuf};

use crosswire::history::{DayRecord, Record};
use crosswire::judge::{Judge, Verdict};
use crosswire::report::{ReplayedDay, Report};

use crate::command::{expect, folder, run, text};

/// The shipped day with few users, and these pieces replaced.
fn small_day(folder: &Path, replacements: &[(&str, &str)]) -> PathBuf {
    let mut small = crosswire::scenario::find_shipped("replay-2008")
        .unwrap()
        .text
        .to_owned();
    let few = [
        ("count = 400", "count = 34"),
        ("[21, 400]", "[11, 34]"),
        ("[6, 20]", "[5, 10]"),
        ("[1, 5]", "[1, 4]"),
        ("mean-gap-ms = 1000", "mean-gap-ms = 4000"),
        ("mean-gap-ms = 30000", "mean-gap-ms = 15000"),
        ("mean-gap-ms = 40000", "mean-gap-ms = 15000"),
        ("scale = 60", "scale = 60000"),
        ("users = 20, rounds", "users = 8, rounds"),
    ];
    for (from, to) in few.iter().chain(replacements) {
        assert!(small.contains(from), "{from}");
        small = small.replace(from, to);
    }
    let path = folder.join("small-day.toml");
    std::fs::write(&path, small).unwrap();
    path
}

fn replayed(path: &Path) -> (Report, ReplayedDay) {
    let report = Report::from_json(&std::fs::read(path).unwrap()).unwrap();
    let day = report.day.clone().unwrap();
    (report, day)
}

#[test]
fn the_day_is_played_counted_and_set_beside_the_ruling() {
    let folder = folder();
    let file = small_day(folder.path(), &[]);
    let (json, history) = (folder.path().join("r.json"), folder.path().join("h.ndjson"));
    let command = format!(
        "run {} --seed 7 --report json={} --history {}",
        text(&file),
        text(&json),
        text(&history)
    );
    let told = expect(0, &command).stdout;
    let (report, day) = replayed(&json);
    assert_eq!(report.verdict, Verdict::Exposed);
    let counts: Vec<_> = day.judged.phases.iter().map(|phase| phase.counts).collect();
    let [qa, employees, open, closed, repaired] = counts[..] else {
        panic!("{counts:?}");
    };
    assert!(qa.requests > 5 && employees.requests > 10, "{counts:?}");
    assert!(open.requests > 500 && open.crossings > 0 && open.exposed > 1);
    assert_eq!((open.turned_away, repaired.turned_away), (0, 0));
    assert!(closed.requests > 0 && closed.turned_away == closed.requests);
    assert!(repaired.requests > 50 && repaired.pairs > 0);
    assert_eq!(
        (repaired.crossings, repaired.exposed),
        (0, 0),
        "it is repaired"
    );
    // Whatever was deleted by the wrong person was missed, asked for and given back.
    let whole = day.judged.whole;
    assert_eq!(whole.restored, whole.asked_back);
    assert!(whole.asked_back >= whole.deleted, "{whole:?}");
    assert!(day.judged.first_s.unwrap() >= 15 * 3600 + 600);
    let found = day.in_ci.unwrap();
    assert_eq!((found.verdict, found.users), (Verdict::Exposed, 8));
    assert!(found.first.unwrap().requests > 0);
    for piece in [
        "at most 307 users",
        "at most 141 users",
        "15:25, by reports of users",
        "turned away",
        "found in QA,",
        "first reports",
    ] {
        assert!(told.contains(piece), "{piece}\n{told}");
    }

    // The history tells the day to whoever judges it later, in order; only the run in CI is not part of it.
    let mut judge = Judge::new();
    let mut phases = 0;
    let stored = std::fs::read(&history).unwrap();
    for record in crosswire::history::read(&stored[..]).unwrap() {
        phases += u32::from(matches!(record, Record::Day(DayRecord::Phase { .. })));
        judge.take(&record);
    }
    assert_eq!(phases, 5);
    let again = judge.finish();
    let again = again.day.unwrap();
    assert_eq!(again.phases, day.judged.phases);
    assert_eq!((again.whole, again.first_s), (whole, day.judged.first_s));
}

#[test]
fn a_day_with_the_repaired_version_alone_exposes_nobody() {
    let folder = folder();
    let file = small_day(
        folder.path(),
        &[("serves = \"shared-note\"", "serves = \"per-request\"")],
    );
    let json = folder.path().join("r.json");
    let arguments = format!(
        "run {} --expect isolated --seed 7 --report json={}",
        text(&file),
        text(&json)
    );
    let ran = run(arguments.split(' '));
    let (report, day) = replayed(&json);
    assert_ne!(report.verdict, Verdict::Exposed, "{}", ran.stdout);
    let whole = &day.judged.whole;
    assert!(whole.requests > 500 && whole.pairs > 0, "{whole:?}");
    assert_eq!(
        (day.judged.whole.crossings, day.judged.whole.deleted),
        (0, 0)
    );
    assert_eq!((day.judged.whole.asked_back, day.judged.first_s), (0, None));
    assert!(day.in_ci.unwrap().first.is_none());
}

#[test]
fn a_day_is_left_alone_when_the_command_line_says_what_to_fire_at() {
    let folder = folder();
    let file = small_day(
        folder.path(),
        &[
            ("count = 34", "count = 6"),
            ("[11, 34]", "[4, 6]"),
            ("[5, 10]", "[2, 3]"),
            ("[1, 4]", "[1, 2]"),
            ("users = 8, rounds", "users = 4, rounds"),
        ],
    );
    let json = folder.path().join("r.json");
    let fired = format!(
        "run {} --variant per-request --rounds 1 --expect inconclusive --seed 1 --report json={}",
        text(&file),
        text(&json)
    );
    let ran = run(fired.split(' '));
    let report = Report::from_json(&std::fs::read(&json).unwrap()).unwrap();
    assert!(
        report.day.is_none() && report.counts.exchanges == 0,
        "{}",
        ran.stdout
    );
}

#[test]
fn what_does_not_fit_a_day_is_told() {
    let folder = folder();
    let file = small_day(folder.path(), &[]);
    for (flags, told) in [
        (
            "--users 20",
            "`rolled out` takes users 11 to 34, and there are 20",
        ),
        ("--control", "a replayed day has none"),
        ("--scale 60 --variant per-request", "cannot be used with"),
        ("--scale 0", "must be a whole number from 1 to 100000"),
        ("--scale -1", "must be a whole number from 1 to 100000"),
        ("--scale 0.5", "must be a whole number from 1 to 100000"),
        (
            "--scale 1000000000",
            "must be a whole number from 1 to 100000",
        ),
    ] {
        let error = expect(2, &format!("run {} {flags}", text(&file))).stderr;
        assert!(error.contains(told), "{flags}: {error}");
    }
    let error = expect(2, "run mail-2008 --scale 60").stderr;
    assert!(error.contains("mail-2008 has none"), "{error}");
    let wrong = small_day(
        folder.path(),
        &[("serves = \"per-request\"", "serves = \"no-note\"")],
    );
    let error = expect(2, &format!("run {}", text(&wrong))).stderr;
    assert!(
        error.contains("phase `open again`") && error.contains("has no variant \"no-note\""),
        "{error}"
    );
}

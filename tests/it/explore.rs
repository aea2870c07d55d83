//! `crosswire explore`: bundled targets in process, what is found and how far it goes, bad input, a schedule run again.

use std::fs;
use std::io::BufReader;
use std::path::Path;

use crosswire::history::{Coverage, Explored, Record, read};
use crosswire::scenario::{Scenario, find_shipped};

use crate::command::{Ran, expect, folder, run, text};

/// The shipped scenario, with these pieces replaced, as a file in the folder.
fn mail(folder: &Path, name: &str, replacements: &[(&str, &str)]) -> std::path::PathBuf {
    let mut text = find_shipped("mail-explore").unwrap().text.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from:?} is not in the scenario");
        text = text.replace(from, to);
    }
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, text).unwrap();
    path
}

/// Runs it, and what its history says of the races.
fn explored(code: i32, arguments: &str) -> (Ran, Vec<Explored>) {
    let folder = folder();
    let history = folder.path().join("history.ndjson");
    let ran = expect(code, &format!("{arguments} --history {}", text(&history)));
    let records = read(BufReader::new(fs::File::open(history).unwrap())).unwrap();
    let explored = records.into_iter().filter_map(|record| match record {
        Record::Explored(explored) => Some(*explored),
        _ => None,
    });
    (ran, explored.collect())
}

fn first_word(ran: &Ran) -> &str {
    ran.stdout.split(' ').next().unwrap()
}

#[test]
fn the_fault_is_found_at_once_and_made_as_short_as_it_gets() {
    for variant in ["shared-note", "locked-note"] {
        let arguments = format!("explore mail/{variant} --race read,read --preemptions 2 --seed 3");
        let (ran, explored) = explored(0, &arguments);
        assert_eq!(first_word(&ran), "EXPOSED", "{}", ran.stdout);
        let [race] = &explored[..] else {
            panic!("{} races", explored.len());
        };
        assert_eq!(
            race.coverage,
            Coverage::WithinBound { bound: 2 },
            "{variant}"
        );
        assert!(race.first_exposing <= Some(5), "{:?}", race.first_exposing);
        // One after the other nobody sees anything of anybody else.
        assert_eq!((race.bounds[0].schedules, race.bounds[0].exposing), (2, 0));
        for found in &race.found {
            assert_eq!(
                (found.preemptions, found.repeated),
                (1, (2, 2)),
                "{found:?}"
            );
            assert_eq!(found.schedule.switches(), 2, "{}", found.schedule);
        }
        let read: Vec<&String> = race
            .found
            .iter()
            .flat_map(|found| &found.exposures)
            .collect();
        assert!(
            read.len() >= 2,
            "each of the two gets the other's mail: {read:?}"
        );
    }
}

#[test]
fn the_repairs_are_isolated_in_every_schedule_that_is_asked_for() {
    let within = Coverage::WithinBound { bound: 2 };
    for (variant, arguments, coverage) in [
        ("one-lock", "--race read,delete --preemptions 2", &within),
        ("per-request", "--race read,delete --preemptions 2", &within),
        // The one long one: however slow the machine, no schedule is left out.
        (
            "per-request",
            "--race read,read --duration 3600s",
            &Coverage::All,
        ),
    ] {
        let (ran, explored) = explored(0, &format!("explore mail/{variant} {arguments}"));
        assert_eq!(first_word(&ran), "ISOLATED", "{}", ran.stdout);
        let [race] = &explored[..] else {
            panic!("{} races", explored.len());
        };
        assert_eq!((&race.coverage, race.exposing), (coverage, 0));
        assert!(race.schedules > 20, "{} schedules", race.schedules);
        assert!(race.bounds.iter().all(|bound| bound.complete));
        assert_eq!((race.doubts.diverged, race.doubts.differed), (0, 0));
        assert!(
            race.points.iter().all(|points| points.inside() >= 3),
            "{:?}",
            race.points
        );
    }
}

/// What every variant is there to show, in each race of the shipped scenario.
const EXPECTED: [(&str, [bool; 3]); 4] = [
    ("shared-note", [true, true, true]),
    ("locked-note", [true, true, true]),
    ("one-lock", [false, false, false]),
    ("per-request", [false, false, false]),
];

#[test]
fn every_race_of_every_variant_comes_out_as_the_variant_is_there_to_show() {
    for (variant, exposing) in EXPECTED {
        let (_, explored) = explored(0, &format!("explore mail/{variant} --preemptions 2"));
        let seen: Vec<bool> = explored.iter().map(|race| race.exposing > 0).collect();
        assert_eq!(seen, exposing, "{variant}");
    }
}

#[test]
fn all_variants_are_explored_one_after_the_other() {
    let folder = folder();
    let reports = format!("{}/{{target}}.json", text(folder.path()));
    let ran = expect(0, "explore mail --race read,read --preemptions 1");
    for (variant, exposing) in EXPECTED {
        let verdict = if exposing[0] { "EXPOSED" } else { "ISOLATED" };
        let begins =
            |line: &str| line.starts_with(verdict) && line.contains(&format!("mail/{variant}"));
        assert!(ran.stdout.lines().any(begins), "{variant}: {}", ran.stdout);
    }
    // One file for four reports.
    let ran = expect(2, &format!("explore mail --json {reports}"));
    assert!(ran.stderr.contains("file of its own"), "{}", ran.stderr);
    let ran = expect(2, "explore mail --history h.ndjson");
    assert!(ran.stderr.contains("--history holds one"), "{}", ran.stderr);
}

#[test]
fn exit_codes_follow_from_what_is_expected() {
    let of = |arguments: &str, code| {
        expect(
            code,
            &format!("explore {arguments} --race read,read --preemptions 1"),
        );
    };
    of("mail/shared-note --expect isolated", 1);
    of("mail/per-request --expect exposed", 6);
    // A scenario expects what its file says, whichever the variant.
    of("mail-explore", 0);
    of("mail-explore --variant per-request", 6);
    of("mail-explore --variant per-request --expect isolated", 0);
    of("mail/per-request --threshold exposures>=1", 5);
    // The order in which requests run one after the other alone says nothing of what happens between their steps.
    expect(
        4,
        "explore mail/per-request --race read,read --preemptions 0",
    );
}

#[test]
fn a_schedule_is_run_again_fixed_and_not_where_it_does_not_hold() {
    let (_, explored) = explored(
        0,
        "explore mail/shared-note --race read,read --preemptions 1 --seed 3",
    );
    let line = &explored[0].found[0].replay;
    let again = |what: &str| run(["explore", what, "--schedule", line]);
    let ran = again("mail/shared-note");
    assert_eq!(
        (ran.code, first_word(&ran)),
        (0, "EXPOSED"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains(line.as_str()), "{}", ran.stdout);
    // With the same steps and without the fault the schedule shows nothing, and proves nothing of others.
    let ran = again("mail/per-request");
    assert_eq!(
        (ran.code, first_word(&ran)),
        (4, "INCONCLUSIVE"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("one schedule alone, none exposing"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("leave --schedule out"),
        "{}",
        ran.stdout
    );

    let (head, moves) = line.rsplit_once(':').unwrap();
    let other = |line: &str| run(["explore", "mail/shared-note", "--schedule", line]);
    let cut = other(&format!("{head}:R1,R2*90"));
    assert_eq!(cut.code, 4, "{}", cut.stdout);
    assert!(
        cut.stderr.contains("the schedule cannot be run"),
        "{}",
        cut.stderr
    );
    let elsewhere = other(&format!("xw1:00000000:tokio:{moves}"));
    assert_eq!(elsewhere.code, 4, "{}", elsewhere.stdout);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let why = "is of another scenario";
    // Once: in the report, or as an error where there is none to be seen.
    assert!(words(&elsewhere.stdout).contains(why) && !words(&elsewhere.stderr).contains(why));
    let quiet = run([
        "explore",
        "mail/shared-note",
        "--quiet",
        "--schedule",
        &format!("xw1:00000000:tokio:{moves}"),
    ]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (4, ""));
    assert!(words(&quiet.stderr).contains(why), "{}", quiet.stderr);
    for cannot in [&cut, &elsewhere] {
        assert!(
            cannot.stdout.contains("what the reason above names")
                && !cannot.stdout.contains("overlapping"),
            "{}",
            cannot.stdout
        );
    }
    let wrong = other("xw1:zz");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("no replay line"), "{}", wrong.stderr);
    let several = run(["explore", "mail", "--schedule", line]);
    assert_eq!(several.code, 2);
    assert!(
        several.stderr.contains("TARGET/VARIANT"),
        "{}",
        several.stderr
    );
}

#[test]
fn a_finding_is_replayed_from_its_report() {
    let folder = folder();
    let report = folder.path().join("report.json");
    let path = text(&report);
    expect(
        0,
        &format!("explore mail/shared-note --race read,read --preemptions 1 --json {path} --quiet"),
    );
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let id = json["exposures"][0]["id"].as_str().unwrap().to_owned();
    let ran = expect(1, &format!("replay {path}#{id}"));
    assert!(
        ran.stdout.contains(&format!("STILL EXPOSED  {id}")),
        "{}",
        ran.stdout
    );
    let ran = expect(0, &format!("replay {path}#{id} --variant per-request"));
    assert!(
        ran.stdout.contains(&format!("FIXED  {id}")),
        "{}",
        ran.stdout
    );
    // Where everybody waits for everybody, the second request cannot go on between: that schedule does not exist.
    let ran = expect(4, &format!("replay {path}#{id} --variant one-lock"));
    assert!(
        ran.stdout
            .contains(&format!("CANNOT BE RUN ANY MORE  {id}")),
        "{}",
        ran.stdout
    );
    let ran = expect(2, &format!("replay {path}#{id} --rounds 3"));
    assert!(
        ran.stderr.contains("a schedule is run twice"),
        "{}",
        ran.stderr
    );
}

#[test]
fn every_format_tells_an_exploration() {
    let folder = folder();
    let mut arguments =
        "explore mail/shared-note --race read,read --preemptions 1 --quiet".to_owned();
    let formats = crosswire::report::FORMATS;
    for format in formats {
        let path = folder.path().join(format.name);
        arguments += &format!(" --report {}={}", format.name, text(&path));
    }
    expect(0, &arguments);
    for format in formats {
        let written = fs::read_to_string(folder.path().join(format.name)).unwrap();
        // Annotations are about findings, and name the command alone; HAR knows exchanges alone.
        let wanted = match format.name {
            "github" => "--schedule",
            "har" => "/api/mail/",
            _ => "mail-explore",
        };
        assert!(written.contains(wanted), "{}", format.name);
    }
}

#[test]
fn what_cannot_be_explored_is_told_with_what_to_do() {
    let folder = folder();
    let service = "[target]\nurl = \"http://127.0.0.1:1\"";
    let own = mail(
        folder.path(),
        "own",
        &[("[target]\nbundled = \"mail/shared-note\"", service)],
    );
    let own = text(&own);
    for (arguments, told) in [
        (format!("explore {own}"), "--through 6380=127.0.0.1:6379"),
        (format!("explore {own}"), "is fired at: crosswire run"),
        (
            format!("explore {own} --variant one-lock"),
            "--variant is for bundled targets",
        ),
        (
            format!("explore {own} --through x"),
            "a relay looks like 6380=127.0.0.1:6379",
        ),
        (
            format!("explore {own} --url http://192.0.2.1 --through 6380=127.0.0.1:6379"),
            "add --allow-host 192.0.2.1",
        ),
        (
            "explore mail/shared-note --through 6380=127.0.0.1:6379".to_owned(),
            "runs in this process and has none",
        ),
        (
            "explore mail --url http://127.0.0.1:1".to_owned(),
            "give a scenario with --url",
        ),
        (
            "explore mail/shared-memo".to_owned(),
            "it has shared-note, locked-note, one-lock",
        ),
        (
            "explore mail/one-lock --variant one-lock".to_owned(),
            "--variant says again",
        ),
        (
            "explore post".to_owned(),
            "no bundled target, no shipped scenario and no file `post`",
        ),
        (
            format!("explore {}", text(folder.path())),
            "takes one scenario",
        ),
        (
            "explore mail --race read".to_owned(),
            "fewer than two requests",
        ),
        ("explore mail --race read,delet".to_owned(), "delet"),
        ("explore mail --race read,read,read".to_owned(), "users"),
        (
            "explore mail --preemptions 1001".to_owned(),
            "must be from 0 to 1000",
        ),
        (
            "explore mail --executions 0".to_owned(),
            "must be from 1 to",
        ),
        (
            "explore mail --preemptions -1".to_owned(),
            "must be a whole number from 0",
        ),
        (
            "explore mail --race read,read --race read,read".to_owned(),
            "is named twice",
        ),
        ("explore mail --duration 30".to_owned(), "has no unit"),
        ("explore mail --hold messages".to_owned(), "--through"),
        ("explore mail --blocked 1s".to_owned(), "--through"),
        (
            format!("explore {own} --time --through 6380=127.0.0.1:6379"),
            "cannot be used with",
        ),
        (
            format!("explore {own} --through 6380=127.0.0.1:6379 --blocked 61s"),
            "must be from 1 to 60000 ms",
        ),
        (
            "explore mail --moves 0".to_owned(),
            "must be from 1 to 1000000",
        ),
        (
            "explore mail --search deep".to_owned(),
            "bounded, random, pct",
        ),
    ] {
        let ran = expect(2, &arguments);
        assert!(ran.stderr.contains(told), "{arguments}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{arguments}");
    }
}

#[test]
fn settings_come_from_the_file_and_the_environment_as_well() {
    let folder = folder();
    let config = "[explore]\npreemptions = 1\nrace = [\"read,read\"]\nseed = 9\n";
    fs::write(folder.path().join("crosswire.toml"), config).unwrap();
    let shown = crate::command::crosswire()
        .args(["explore", "mail", "--show-config"])
        .env("CROSSWIRE_EXECUTIONS", "77")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    for line in ["preemptions", "race", "seed", "executions"] {
        let found = shown.lines().find(|shown| shown.trim().starts_with(line));
        let origin = if line == "executions" {
            "CROSSWIRE_EXECUTIONS"
        } else {
            "crosswire.toml"
        };
        assert!(
            found.is_some_and(|line| line.ends_with(origin)),
            "{line}: {shown}"
        );
    }
}

#[test]
fn the_command_of_a_report_explores_the_same() {
    let given = "explore mail-explore --variant locked-note --race read,delete --search random --preemptions 2 \
                 --executions 50 --samples 3 --moves 500 --duration 90s --cancel --time --expect exposed --seed 4";
    let ran = run(given.split_whitespace());
    let again = ran.stdout.split("crosswire explore").nth(1);
    let again = again.unwrap_or_else(|| panic!("{}", ran.stdout));
    for flag in [
        "--variant locked-note",
        "--race 'read,delete'",
        "--search random",
        "--preemptions 2",
        "--executions 50",
        "--samples 3",
        "--moves 500",
        "--duration 90s",
        "--cancel",
        "--time",
        "--expect exposed",
        "--seed 4",
    ] {
        assert!(again.contains(flag), "{flag}: {}", ran.stdout);
    }
}

#[test]
fn the_shipped_scenario_says_what_is_explored() {
    let shipped = find_shipped("mail-explore").unwrap();
    let scenario = Scenario::parse(shipped.name, shipped.text).unwrap();
    let races = crosswire::explore::races(&scenario).unwrap();
    assert_eq!(races.len(), EXPECTED[0].1.len());
    assert!(scenario.tags.iter().any(|tag| tag == "explore"));
}

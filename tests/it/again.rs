//! What is done with a run afterwards and around it: replay, report, thresholds, tags, folders, settings, explain.

use std::fs;

use crate::command::{crosswire, expect, folder, run, small_mail, text};

#[test]
fn a_finding_is_run_again_still_exposed_and_fixed() {
    let folder = folder();
    let scenario = small_mail(folder.path(), "again", &[]);
    let report = folder.path().join("report.json");
    let ran = expect(
        0,
        &format!(
            "run {} --store-delay 500us --json {} --quiet",
            text(&scenario),
            text(&report)
        ),
    );
    assert_eq!(ran.stdout, "");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let read = json["exposures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["kind"] == "read");
    let id = read.unwrap()["id"].as_str().unwrap().to_owned();
    let finding = format!("{}#{id}", text(&report));
    let ran = expect(1, &format!("replay {finding}"));
    assert!(
        ran.stdout.contains(&format!("STILL EXPOSED  {id}")),
        "{}",
        ran.stdout
    );
    let ran = expect(0, &format!("replay {finding} --variant per-request"));
    assert!(
        ran.stdout.contains(&format!("FIXED  {id}")),
        "{}",
        ran.stdout
    );
    let ran = expect(2, &format!("replay {}#nothing", text(&report)));
    assert!(
        ran.stderr.contains("have the id `nothing`"),
        "{}",
        ran.stderr
    );
    let ran = expect(2, &format!("replay {}", text(&report)));
    assert!(ran.stderr.contains("REPORT#ID"), "{}", ran.stderr);
}

#[test]
fn any_format_comes_from_a_report_or_a_history_later() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let scenario = small_mail(folder.path(), "later", &[]);
    expect(
        0,
        &format!(
            "run {} --json {} --html {} --history {} --quiet",
            text(&scenario),
            text(&at("a.json")),
            text(&at("a.html")),
            text(&at("a.ndjson"))
        ),
    );
    expect(
        0,
        &format!(
            "report {} --html {} --junit {}",
            text(&at("a.json")),
            text(&at("b.html")),
            text(&at("b.xml"))
        ),
    );
    assert_eq!(
        fs::read(at("a.html")).unwrap(),
        fs::read(at("b.html")).unwrap()
    );
    expect(
        0,
        &format!(
            "report {} --sarif {}",
            text(&at("a.ndjson")),
            text(&at("c.sarif"))
        ),
    );
    let sarif: serde_json::Value =
        serde_json::from_slice(&fs::read(at("c.sarif")).unwrap()).unwrap();
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());
    let ran = expect(2, &format!("report {}", text(&scenario)));
    assert!(ran.stderr.contains("it is not JSON"), "{}", ran.stderr);
}

#[test]
fn a_broken_threshold_has_a_code_of_its_own() {
    let folder = folder();
    let scenario = small_mail(
        folder.path(),
        "pairs",
        &[
            ("mail/shared-note", "mail/per-request"),
            ("expect = \"exposed\"", "expect = \"isolated\""),
        ],
    );
    let run_with = |threshold: &str| run(["run", text(&scenario), "--threshold", threshold]);
    let kept = run_with("pairs >= 1");
    assert_eq!(kept.code, 0, "{}", kept.stdout);
    assert!(kept.stdout.contains("pairs >= 1: kept"), "{}", kept.stdout);
    let broken = run_with("pairs >= 1000000");
    assert_eq!(broken.code, 5, "{}", broken.stdout);
    assert!(
        broken.stdout.contains("pairs >= 1000000: BROKEN"),
        "{}",
        broken.stdout
    );
    let wrong = run_with("pears >= 1");
    assert!(
        wrong.code == 2 && wrong.stderr.contains("unknown metric"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_folder_and_tags_choose_scenarios() {
    let folder = folder();
    let tagged = |tag: &str| format!("version = 1\ntags = [\"{tag}\"]");
    for (name, tag) in [("one", "smoke"), ("two", "slow")] {
        small_mail(folder.path(), name, &[("version = 1", &tagged(tag))]);
    }
    let path = text(folder.path());
    let ran = expect(0, &format!("run {path} --tag smoke --rounds 1"));
    assert!(
        ran.stdout.contains("one on") && !ran.stdout.contains("two on"),
        "{}",
        ran.stdout
    );
    let ran = expect(0, &format!("run {path} --skip-tag smoke --rounds 1"));
    assert!(
        !ran.stdout.contains("one on") && ran.stdout.contains("two on"),
        "{}",
        ran.stdout
    );
    let ran = expect(2, &format!("run {path} --tag none"));
    assert!(ran.stderr.contains("nothing was run"), "{}", ran.stderr);
}

#[test]
fn settings_come_from_the_file_and_the_environment() {
    let folder = folder();
    small_mail(folder.path(), "mine", &[]);
    fs::write(
        folder.path().join("crosswire.toml"),
        "[run]\nscenarios = [\"mine.toml\"]\nrounds = 1\nthreshold = [\"rounds <= 1\"]\n",
    )
    .unwrap();
    let in_folder = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = crosswire();
        command.args(words).current_dir(folder.path());
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, told) = in_folder(&["run"], &[]);
    assert!(
        code == Some(0) && told.contains("rounds <= 1: kept, 1"),
        "{told}"
    );
    let (code, told) = in_folder(&["run"], &[("CROSSWIRE_ROUNDS", "2")]);
    assert!(
        code == Some(5) && told.contains("rounds <= 1: BROKEN, 2"),
        "{told}"
    );
    let (code, told) = in_folder(&["run", "--show-config"], &[("CROSSWIRE_ROUNDS", "2")]);
    assert!(
        code == Some(0) && told.contains("CROSSWIRE_ROUNDS"),
        "{told}"
    );
}

#[test]
fn every_rule_can_be_explained() {
    let listed = expect(0, "explain").stdout;
    let rules: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(rules.len(), crosswire::judge::RULES.len());
    for rule in rules {
        let told = expect(0, &format!("explain {rule}")).stdout;
        assert!(
            told.starts_with(rule) && told.contains("Why it is not a false alarm"),
            "{told}"
        );
    }
    assert!(
        expect(2, "explain nothing")
            .stderr
            .contains("canary-crossed")
    );
}

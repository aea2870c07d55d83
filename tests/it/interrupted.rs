//! Ctrl-C: what was recorded until then is kept, reported, and can be judged again.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::command::{crosswire, expect, folder, small_mail, text};

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn an_interrupted_run_reports_what_it_recorded() {
    let folder = folder();
    let file = small_mail(
        folder.path(),
        "endless",
        &[("rounds = 2", "rounds = 1000000")],
    );
    let (report, history) = (
        folder.path().join("report.json"),
        folder.path().join("history.ndjson"),
    );
    let mut child = crosswire()
        .args(["run", text(&file), "--verbose", "--history", text(&history)])
        .arg(format!("--report=json={}", text(&report)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Read to its end, so that the command never waits for a reader.
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        if line.unwrap() == "round 1 of 1000000 done" {
            signal(&child, "INT");
        }
    }
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stdout}");
    assert!(stdout.contains("interrupted after"), "{stdout}");

    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(json["ending"]["how"], "interrupted");
    assert!(
        json["strength"]["rounds"].as_u64() >= Some(1)
            && json["strength"]["volleys"].as_u64() >= Some(5),
        "{json}"
    );

    let again = expect(130, &format!("judge {} --expect exposed", text(&history)));
    assert_eq!(again.stdout.split(' ').next(), stdout.split(' ').next());
}

#[test]
fn an_interrupted_exploration_reports_what_it_explored() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let (report, history) = (at("report.json"), at("history.ndjson"));
    // Far more schedules than anybody waits for.
    let given =
        "explore mail/per-request --race read,read --cancel --time --duration 86400s --verbose";
    let mut child = crosswire()
        .args(given.split(' '))
        .args(["--history", text(&history)])
        .arg(format!("--report=json={}", text(&report)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut is_asked = false;
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        // Once the first bound is behind it.
        let line = line.unwrap();
        if !is_asked && line.contains("preemptions: ") && !line.contains("preemptions: 0") {
            is_asked = true;
            signal(&child, "INT");
        }
    }
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(is_asked, "{stdout}");
    assert_eq!(output.status.code(), Some(130), "{stdout}");
    assert!(stdout.contains("interrupted"), "{stdout}");

    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(json["ending"]["how"], "interrupted");
    let again = expect(130, &format!("judge {}", text(&history)));
    assert_eq!(again.stdout.split(' ').next(), stdout.split(' ').next());
    assert!(again.stdout.contains("schedules"), "{}", again.stdout);
}

#[test]
fn a_served_target_stops_in_good_order() {
    for name in ["INT", "TERM"] {
        let mut child = crosswire()
            .args([
                "serve",
                "mail/per-request",
                "--addr",
                "127.0.0.1:0",
                "--users",
                "1",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        assert!(first.starts_with("http://127.0.0.1:"), "{first}");
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "stopped\n");
    }
}

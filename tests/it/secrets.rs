//! No output shows what it must not: a supplied password, a session, or (in a report) a whole canary.

use std::path::Path;

use crate::careless::{Careless, PASSWORD, SESSION};
use crate::command::{folder, run, small_mail, text};

/// What every canary begins with.
const CANARY: &str = "qqqqq";

struct Written {
    reports: Vec<(&'static str, String)>,
    history: String,
}

fn write_everything(scenario: &Path, folder: &Path, more: &[&str]) -> Written {
    let path = |name: &str| text(&folder.join(name)).to_owned();
    let (json, plain, history) = (
        path("report.json"),
        path("report.txt"),
        path("history.ndjson"),
    );
    let mut arguments = vec![
        "run".to_owned(),
        text(scenario).to_owned(),
        "--verbose".to_owned(),
        "--history".to_owned(),
        history.clone(),
    ];
    arguments.extend([
        format!("--report=json={json}"),
        format!("--report=text={plain}"),
    ]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    let ran = run(&arguments);
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let again = run(["judge", &history, "--report=json=-"]);
    let reports = vec![
        ("stdout", ran.stdout),
        ("stderr", ran.stderr),
        ("json", read(&json)),
        ("text", read(&plain)),
        ("judged again, json", again.stdout),
        ("judged again, stderr", again.stderr),
    ];
    Written {
        reports,
        history: read(&history),
    }
}

impl Written {
    fn holds_nowhere(&self, secret: &str) {
        let history = ("history", self.history.clone());
        for (name, text) in self.reports.iter().chain([&history]) {
            assert!(
                !text.contains(secret),
                "{secret:?} is in {name}:\n{}",
                around(text, secret)
            );
        }
    }
}

fn around<'a>(text: &'a str, secret: &str) -> &'a str {
    text.lines()
        .find(|line| line.contains(secret))
        .unwrap_or_default()
}

#[test]
fn of_a_careless_service_nothing_secret_is_kept() {
    let service = Careless::start();
    let folder = folder();
    let file = folder.path().join("careless.toml");
    std::fs::write(&file, service.scenario()).unwrap();
    let written = write_everything(&file, folder.path(), &[]);
    written.holds_nowhere(PASSWORD);
    written.holds_nowhere(SESSION);
    // The service did send them, and the search would find what is not masked.
    assert!(written.history.contains("[secret]"), "{}", written.history);
    assert!(written.history.contains(CANARY));
    for (name, text) in &written.reports {
        assert!(
            !text.contains(CANARY),
            "a canary is in {name}:\n{}",
            around(text, CANARY)
        );
    }
    assert!(
        written.reports[0].1.starts_with("EXPOSED"),
        "{}",
        written.reports[0].1
    );
}

#[test]
fn of_the_webmail_nothing_secret_is_kept() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let written = write_everything(&file, folder.path(), &["--store-delay=500us"]);
    for user in 1..=8 {
        written.holds_nowhere(&format!("password-user{user}"));
    }
    for (name, text) in &written.reports {
        assert!(
            !text.contains(CANARY),
            "a canary is in {name}:\n{}",
            around(text, CANARY)
        );
    }
    assert!(
        written.reports[0].1.starts_with("EXPOSED"),
        "{}",
        written.reports[0].1
    );
}

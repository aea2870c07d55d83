//! Checks from scenario files.

use std::path::PathBuf;

use crosswire::scenario::Scenario;
use crosswire::{Check, Step};

use crate::notes::{self, Memo, PASSWORD};

const FILE: &str = r#"# Would catch: an account page that shows somebody else's note
version = 1
expect = "exposed"

[target]
bundled = "mail/shared-note"
tls = true

[users]
csv = "users.csv"

[fire]
rounds = 3

[[setup]]
name = "log in"
login = true
method = "POST"
path = "/login"
form = { user = "{{ user.name }}", password = "{{ user.password }}" }
status = 303

[[each-round]]
name = "write a note"
method = "POST"
path = "/notes"
form = { text = "{{ secret('note') }}" }

[[volley]]
name = "account page"
path = "/account"
headers = { x-round = "{{ round }}" }
sees = ["note"]
"#;

/// A folder with the scenario and its users.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.toml");
    std::fs::write(&path, FILE).unwrap();
    let users: String = (1..=8)
        .map(|index| format!("tester{index},{PASSWORD}-{index}\n"))
        .collect();
    std::fs::write(
        folder.path().join("users.csv"),
        format!("name,password\n{users}"),
    )
    .unwrap();
    (folder, path)
}

#[test]
fn a_file_is_run_as_it_is_but_for_its_target() {
    let (_folder, path) = folder();
    let report = crosswire::check_file(&path)
        .users(notes::USERS)
        .service(notes::service(Memo::Shared))
        .run();
    report.assert_as_expected();
    assert_eq!(
        (report.scenario.as_str(), report.strength.rounds),
        ("account", 3)
    );
    let line = FILE.lines().position(|line| line == "[[volley]]").unwrap() as u64 + 1;
    assert_eq!(report.findings[0].line, line);
    assert_eq!(report.scenario_path.as_deref(), path.to_str());
}

#[test]
fn what_is_changed_leaves_the_rest_and_the_lines_as_they_were() {
    let (_folder, path) = folder();
    let check = crosswire::check_file(&path)
        .users(notes::USERS)
        .rounds(1)
        .url("http://127.0.0.1:9")
        .read_back(Step::get("own account", "/account").sees(["note"]));
    let changed = check.scenario().unwrap();
    let original = Check::from_scenario(
        Scenario::parse_with("account.toml", FILE, &crosswire::check::Beside::new(&path)).unwrap(),
    );
    let original = original.scenario().unwrap();
    assert_eq!((changed.fire.rounds, original.fire.rounds), (1, 3));
    assert_eq!(changed.users.count(), notes::USERS);
    assert_eq!(changed.target.to_string(), "http://127.0.0.1:9");
    assert_eq!(
        (&changed.story, &changed.volley),
        (&original.story, &original.volley)
    );
    assert_eq!(changed.volley[0].line, original.volley[0].line);
    assert_eq!(changed.read_back[0].line, 0);
}

#[test]
fn a_wrong_file_is_told_with_its_own_lines() {
    let (_folder, path) = folder();
    std::fs::write(&path, FILE.replace("rounds = 3", "rounds = 0")).unwrap();
    let error = crosswire::check_file(&path)
        .rounds(3)
        .try_run()
        .unwrap_err();
    let line = FILE.lines().position(|line| line == "rounds = 3").unwrap() + 1;
    let place = format!("{}:{line}:10", path.display());
    assert!(error.to_string().contains(&place), "{error}");
    let error = crosswire::check_file("no/such.toml").try_run().unwrap_err();
    assert!(
        error.is_system() && error.to_string().contains("no/such.toml"),
        "{error}"
    );
}

#[test]
fn more_users_than_the_file_has_are_refused() {
    let (_folder, path) = folder();
    let error = crosswire::check_file(&path)
        .users(9)
        .scenario()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("users(9): 9 users are more than"),
        "{error}"
    );
}

#[test]
fn what_a_check_writes_is_a_scenario_for_the_command() {
    let text = notes::check(Memo::Shared).to_toml();
    let of_text = Scenario::parse("notes", &text).unwrap();
    assert!(
        of_text == notes::check(Memo::Shared).scenario().unwrap(),
        "{text}"
    );
}

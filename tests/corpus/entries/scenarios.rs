//! Scenario files: refused at a place of the file, or read, written and read again as the same; and nothing that they fill
//! in breaks out of a request.

use std::collections::BTreeMap;
use std::io;

use crosswire::scenario::{FILE_LIMIT, Scenario, ScenarioError, Surroundings, Values};

/// What the environment holds under most names; nobody may see it.
const SECRET: &str = "kept-in-the-environment";
/// Users and steps whose requests are made.
const USERS: usize = 2;
const STEPS: usize = 8;

/// An environment in which every variable is set, and a folder with one file of each kind.
struct Beside;

impl Surroundings for Beside {
    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "HOST" => "env.example",
            "ADDRESS" => "127.0.0.1:3",
            "URL" => "http://env.example:8080",
            "EMPTY" => "",
            "MISSING" => return None,
            _ => SECRET,
        };
        Some(value.to_owned())
    }

    fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        let content: &[u8] = match path.rsplit('.').next() {
            Some("pem") => b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            Some("key") => b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            Some("csv") => b"name,pin\nanna,\"{{ 1 }}, \"\"x\"\"\"\nb\xc3\xb6b,2\n",
            Some("bin" | "png") => b"\x89PNG\0\xff",
            Some("txt") => b"{{ index }}\n",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(content.to_vec())
    }
}

/// A scenario file.
pub fn scenario(bytes: &[u8]) {
    match Scenario::parse_bytes_with("input.toml", bytes, &Beside) {
        Ok(scenario) => {
            written_again(&scenario);
            requests(&scenario);
            with_half_of_the_steps(scenario);
        }
        Err(error) => refused(&error, bytes),
    }
}

fn refused(error: &ScenarioError, bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!(
        (1..=lines).contains(&error.line()),
        "line {} of {lines}",
        error.line()
    );
    assert!(error.column() >= 1);
    let told = error.to_string();
    assert!(told.contains(error.message()) && !error.message().is_empty());
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    assert!(!told.contains(steers), "{told:?}");
    let is_in_file = bytes
        .windows(SECRET.len())
        .any(|part| part == SECRET.as_bytes());
    for text in [told, error.render(true), format!("{error:?}")] {
        assert!(is_in_file || !text.contains(SECRET), "{text}");
    }
}

fn written_again(scenario: &Scenario) {
    let written = scenario.to_toml();
    if written.len() > FILE_LIMIT {
        return;
    }
    let again = match Scenario::parse_with("input.toml", &written, &Beside) {
        Ok(again) => again,
        Err(error) => panic!("what was written is refused: {error}\n{written}"),
    };
    assert_eq!(&again, scenario, "{written}");
    assert_eq!(again.to_toml(), written);
    assert_eq!(again.supplied_secrets(), scenario.supplied_secrets());
}

/// The requests of some users and steps.
fn requests(scenario: &Scenario) {
    let names = scenario.steps().flat_map(|step| &step.captures);
    let captures: BTreeMap<String, String> = names
        .map(|capture| (capture.name.clone(), "c\"'<&\u{e4} %".to_owned()))
        .collect();
    let slots = 0..scenario.slots.len() as u16;
    let secrets: BTreeMap<u16, String> =
        slots.map(|slot| (slot, format!("canary{slot}"))).collect();
    for (index, user) in (0..).zip(scenario.users.list().iter().take(USERS)) {
        let values = Values {
            user,
            index,
            count: scenario.users.count(),
            round: index,
            captures: &captures,
            secrets: &secrets,
            nonce: Some("nonce"),
            chance: u64::from(index),
            now_ms: u64::from(index) << 40,
        };
        for step in scenario.steps().take(STEPS) {
            let request = match step.render(&values) {
                Ok(request) => request,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    continue;
                }
            };
            let path = request.path.as_bytes();
            assert!(
                path.starts_with(b"/") && path.iter().all(u8::is_ascii_graphic),
                "{}",
                request.path
            );
            for (name, value) in &request.headers {
                assert!(!name.is_empty() && !name.contains([':', ' ']), "{name:?}");
                assert!(
                    !format!("{name}{value}").contains(char::is_control),
                    "{name:?}: {value:?}"
                );
            }
        }
    }
}

fn with_half_of_the_steps(mut scenario: Scenario) {
    scenario.retain_steps(|step| step.index % 2 == 1);
    for (place, step) in scenario.steps().enumerate() {
        assert_eq!(usize::from(step.index), place);
        assert!(
            step.with
                .is_none_or(|with| scenario.steps().any(|other| other.index == with))
        );
    }
}

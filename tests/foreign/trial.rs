//! Runs a scenario against a service and tells the figures; fails unless the verdict is the right one.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

use serde_json::Value;

use crate::services::Service;

/// What must come out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Exposed,
    Isolated,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Exposed => "exposed",
            Verdict::Isolated => "isolated",
        }
    }
}

/// Starts the service, runs the scenario, compares. Says so and returns when software is missing.
pub(crate) fn try_scenario(
    name: &str,
    start: impl FnOnce(&Path) -> Result<Service, String>,
    expected: Verdict,
) {
    let folder = tempfile::tempdir().unwrap();
    let service = match start(folder.path()) {
        Ok(service) => service,
        Err(why) => return eprintln!("skipped {name} ({}): {why}", expected.word()),
    };
    let scenario = format!("{name}.toml");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/scenarios");
    // Beside the certificates that it names.
    fs::copy(from.join(&scenario), folder.path().join(&scenario)).unwrap();
    let scenario = format!("./{scenario}");
    let report = run(folder.path(), &[&scenario, "--url", &service.url], expected);
    tell(name, &service.made_of, &report);
}

/// Runs the command there with these arguments; its report, once the verdict is the expected one.
pub(crate) fn run(folder: &Path, arguments: &[&str], expected: Verdict) -> Value {
    let report = folder.join("report.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosswire"));
    command
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .arg("run")
        .args(arguments)
        .args(["--expect", expected.word(), "--seed", "2008"])
        .arg(format!("--report=json={}", report.display()));
    let output = command.output().unwrap();
    let shown = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let report = fs::read(report)
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).map_err(io::Error::other));
    let Ok(report) = report else {
        panic!("no report\n{shown}");
    };
    assert_eq!(report["verdict"], expected.word(), "{shown}");
    assert_eq!(output.status.code(), Some(0), "{shown}");
    if expected == Verdict::Isolated {
        assert_eq!(report["exposures_total"], 0, "{shown}");
    }
    report
}

/// One line for a person.
pub(crate) fn tell(name: &str, made_of: &str, report: &Value) {
    let strength = &report["strength"];
    let first = report["exposures"][0]["phase"].as_str();
    let first = first.map_or(String::new(), |phase| format!(", the first: {phase}"));
    let seconds = report["ending"]["elapsed_ms"].as_f64().unwrap_or(f64::NAN) / 1e3;
    eprintln!(
        "{name} ({made_of}): {} in {} rounds, {seconds:.1} s; {} users, {} exchanges, {} pairs, {} exposures{first}",
        report["verdict"].as_str().unwrap_or("?"),
        strength["rounds"],
        report["users"],
        strength["exchanges"],
        strength["overlapping_pairs"],
        report["exposures_total"],
    );
}

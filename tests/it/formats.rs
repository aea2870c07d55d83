//! Every report format as the command writes it, and the examples for continuous integration that use them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crosswire::report::{FORMATS, Format, Report};
use serde_json::Value;

use crate::careless::{Careless, PASSWORD, SESSION};
use crate::command::{expect, folder, run, small_mail, text};

/// What every canary begins with.
const CANARY: &str = "qqqqq";

/// Runs a scenario with every format there is, and gives what was written, by format.
fn every_format(scenario: &Path, folder: &Path) -> BTreeMap<&'static str, String> {
    let file = |format: &Format| folder.join(format!("report.{}", format.name));
    let mut arguments = vec!["run".to_owned(), text(scenario).to_owned(), "-q".to_owned()];
    arguments.extend(
        FORMATS
            .iter()
            .map(|format| format!("--report={}={}", format.name, text(&file(format)))),
    );
    let ran = run(&arguments);
    assert!(matches!(ran.code, 0 | 1), "{ran:?}");
    FORMATS
        .iter()
        .map(|format| (format.name, std::fs::read_to_string(file(format)).unwrap()))
        .collect()
}

#[test]
fn of_a_careless_service_no_format_shows_a_secret() {
    let service = Careless::start();
    let folder = folder();
    let file = folder.path().join("careless.toml");
    std::fs::write(&file, service.scenario()).unwrap();
    let reports = every_format(&file, folder.path());
    for (name, report) in &reports {
        for hidden in [PASSWORD, SESSION, CANARY] {
            assert!(!report.contains(hidden), "{hidden} is in {name}:\n{report}");
        }
    }
    // The evidence is there all the same.
    assert!(reports["html"].contains("<mark>…"), "{}", reports["html"]);
    assert!(reports["html"].contains("x-asked: GET &#x2f;note?password=[secret]"));
    assert!(reports["har"].contains("password=[secret]"));
}

#[test]
fn what_is_written_can_be_read_by_its_readers() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[("[fire]", "[fire] # shared")]);
    let reports = every_format(&file, folder.path());
    let json: Value = serde_json::from_str(&reports["json"]).unwrap();
    let exposures = json["exposures"].as_array().unwrap();
    assert!(!exposures.is_empty());

    let sarif: Value = serde_json::from_str(&reports["sarif"]).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let of = |result: &Value| result["properties"]["pairs"].as_u64().unwrap();
    assert_eq!(results.iter().map(of).sum::<u64>(), exposures.len() as u64);
    let prints: BTreeSet<&str> = results
        .iter()
        .map(|result| {
            result["partialFingerprints"]["primaryLocationLineHash"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(prints.len(), results.len(), "an alert for each");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert!(
        place["region"]["startLine"].as_u64().unwrap() >= 1,
        "{place}"
    );
    let scenario = std::fs::read_to_string(&file).unwrap();
    for exposure in exposures {
        let line = exposure["line"].as_u64().unwrap() as usize;
        let begins = scenario.lines().skip(line.saturating_sub(1));
        let step = exposure["step"].as_str().unwrap();
        let named = format!("name = \"{step}\"");
        assert!(
            begins.take(4).any(|line| line == named),
            "line {line} is not where {step:?} begins"
        );
    }

    let har: Value = serde_json::from_str(&reports["har"]).unwrap();
    assert!(!har["log"]["entries"].as_array().unwrap().is_empty());
    let kinds: Vec<Value> = reports["ndjson"]
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone())
        .collect();
    assert_eq!(kinds.first(), Some(&"run".into()));
    assert_eq!(kinds.last(), Some(&"verdict".into()));
    assert!(kinds.contains(&"volley".into()) && kinds.contains(&"finding".into()));
    let schema: Value = serde_json::from_str(&expect(0, "schema events").stdout).unwrap();
    let known = schema["oneOf"].as_array().unwrap();
    for kind in kinds {
        assert!(
            known
                .iter()
                .any(|k| k["properties"]["event"]["const"] == kind),
            "{kind}"
        );
    }
    assert!(reports["junit"].starts_with("<?xml") && reports["junit"].ends_with("</testsuites>\n"));
    assert!(reports["github-summary"].starts_with("## crosswire: EXPOSED"));
    // It was expected, so no step that succeeds is annotated with errors.
    let annotations: Vec<&str> = reports["github"].lines().collect();
    assert!((1..=10).contains(&annotations.len()));
    assert!(
        annotations.iter().all(|line| line.starts_with("::notice ")),
        "{annotations:#?}"
    );
}

#[test]
fn every_format_can_be_made_from_the_stored_report() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let reports = every_format(&file, folder.path());
    let read = Report::from_json(reports["json"].as_bytes()).unwrap();
    for format in &FORMATS {
        let mut bytes = Vec::new();
        (format.render)(&read, &mut bytes).unwrap();
        assert!(reports[format.name].as_bytes() == bytes, "{}", format.name);
    }
}

#[test]
fn what_is_no_report_is_refused_with_the_reason() {
    let folder = folder();
    let file = folder.path().join("stored");
    for (content, part) in [
        ("not json", "it is not JSON"),
        ("{\"a\":1}", "it has no schema_version"),
        (
            "{\"schema_version\":2}",
            "its schema_version is 2, this crosswire reads 1",
        ),
        ("{\"schema_version\":1}", "missing field"),
        ("[1]", "it has no schema_version"),
    ] {
        std::fs::write(&file, content).unwrap();
        let ran = expect(2, &format!("report {}", text(&file)));
        assert!(
            ran.stderr.contains(part),
            "{content}: no {part:?} in\n{}",
            ran.stderr
        );
    }
}

#[test]
fn an_unknown_format_is_answered_with_the_known_ones() {
    let ran = expect(2, "run mail-2008 --report pdf=x");
    for format in &FORMATS {
        assert!(ran.stderr.contains(format.name), "{}", ran.stderr);
    }
}

const EXAMPLES: [&str; 2] = ["github-actions.yml", "gitlab-ci.yml"];

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/ci")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&example(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The script of the example: what the system would give to a shell.
fn script(name: &str) -> String {
    let document = yaml(name);
    match name {
        "github-actions.yml" => document["jobs"]["isolation"]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .find(|step| step["name"] == "Run crosswire")
            .and_then(|step| step["run"].as_str())
            .unwrap()
            .to_owned(),
        _ => {
            let lines = document["crosswire"]["script"].as_array().unwrap();
            let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
            lines.join("\n")
        }
    }
}

/// The words of every `crosswire` command in a script, variables replaced by a number.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for line in script.replace("\\\n", " ").lines() {
        for part in line
            .split("||")
            .flat_map(|part| part.split("&&"))
            .flat_map(|part| part.split(';'))
        {
            let mut words = part.split_whitespace();
            if words.next() == Some("crosswire") {
                let word = |word: &str| {
                    let word = word.trim_matches('"');
                    if word.starts_with('$') {
                        "7".to_owned()
                    } else {
                        word.to_owned()
                    }
                };
                commands.push(words.map(word).collect());
            }
        }
    }
    commands
}

#[test]
fn every_command_of_the_examples_is_understood() {
    let mut seen = 0;
    let readme = example("README.md");
    let console = readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .collect::<Vec<_>>()
        .join("\n");
    for script in EXAMPLES.map(script).iter().chain([&console]) {
        for words in commands(script) {
            seen += 1;
            for pair in words.windows(2).filter(|pair| pair[0] == "--report") {
                let name = pair[1].split('=').next().unwrap();
                assert!(
                    Format::named(name).is_some(),
                    "{words:?}: {name} is no format"
                );
            }
            // An argument after all the others that nobody knows: the error must be about it.
            let ran = run(words.iter().map(String::as_str).chain(["--no-such-flag"]));
            assert!(
                ran.code == 2 && ran.stderr.contains("'--no-such-flag'"),
                "{words:?}: {}",
                ran.stderr
            );
        }
    }
    assert_eq!(seen, 5);
}

#[test]
fn the_examples_try_again_only_when_the_service_was_away() {
    let help = expect(0, "--help").stdout;
    let codes: BTreeMap<&str, &str> = help
        .lines()
        .filter_map(|line| line.trim().split_once("  "))
        .collect();
    assert!(codes["3"].contains("unreachable"), "{help}");
    assert_eq!(yaml("gitlab-ci.yml")["crosswire"]["retry"]["exit_codes"], 3);
    assert!(script("github-actions.yml").contains("[ \"$code\" -ne 3 ]"));
    for row in example("README.md")
        .lines()
        .filter(|line| line.starts_with("| "))
    {
        let code = row.trim_start_matches("| ").split(' ').next().unwrap();
        if code.parse::<u8>().is_ok() {
            assert!(
                codes.contains_key(code),
                "{row}: the help knows no code {code}"
            );
        }
    }
}

#[test]
fn the_readme_of_the_examples_names_formats_and_files_that_exist() {
    let readme = example("README.md");
    for format in FORMATS.iter().filter(|format| format.name != "text") {
        assert!(
            readme.contains(&format!("| `{}=", format.name)),
            "{}",
            format.name
        );
    }
    for name in EXAMPLES {
        assert!(readme.contains(&format!("[{name}]({name})")));
    }
}

/// Runs what the example installs crosswire with, in an empty environment.
#[cfg(unix)]
#[test]
fn the_examples_ask_for_the_variables_that_they_need() {
    let steps = yaml("github-actions.yml")["jobs"]["isolation"]["steps"].clone();
    let install = steps.as_array().unwrap().iter();
    let install = install.filter_map(|step| step["run"].as_str());
    let install = install
        .filter(|run| run.contains("cargo install"))
        .collect::<String>();
    for (script, variable) in [(install, "GIT"), (script("gitlab-ci.yml"), "CROSSWIRE_GIT")] {
        let output = std::process::Command::new("bash")
            .args(["-e", "-c", &script])
            .current_dir(folder().path())
            .env_clear()
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{script}");
        assert!(told.contains(&format!("{variable}: set ")), "{told}");
    }
}

/// The scripts themselves, against a service that leaks: the reports are there, and the exit code is that of the run.
#[cfg(unix)]
#[test]
fn the_scripts_of_the_examples_do_what_they_say() {
    let service = Careless::start();
    for name in EXAMPLES {
        let folder = folder();
        let scenario = folder.path().join("careless.toml");
        std::fs::write(&scenario, service.scenario()).unwrap();
        let summary = folder.path().join("summary");
        let bin = Path::new(env!("CARGO_BIN_EXE_crosswire")).parent().unwrap();
        let output = std::process::Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", &script(name)])
            .current_dir(folder.path())
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()),
            )
            .env("CARGO_HOME", folder.path())
            .env("CROSSWIRE_GIT", "https://git.example/crosswire")
            .env("CROSSWIRE_REV", "0123456")
            .env("SCENARIO", "careless.toml")
            .env("SERVICE", service.url())
            .env("ROUNDS", "2")
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}\n{stdout}\n{stderr}");
        let kept = |file: &str| {
            std::fs::read_to_string(folder.path().join("crosswire-report").join(file)).unwrap()
        };
        let sarif: Value = serde_json::from_str(&kept("report.sarif")).unwrap();
        let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "careless.toml");
        assert!(kept("junit.xml").contains("<failure "), "{name}");
        assert!(kept("report.html").contains("Exposed"), "{name}");
        if name == "github-actions.yml" {
            assert!(
                stdout.starts_with("::error file=careless.toml,line="),
                "{stdout}"
            );
            let summary = std::fs::read_to_string(&summary).unwrap();
            assert!(summary.starts_with("## crosswire: EXPOSED"), "{summary}");
        }
    }
}

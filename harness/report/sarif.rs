//! SARIF 2.1.0, for code scanning: a result for every finding, at the line of the scenario's step.

use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::place::scenario_file;
use super::{Finding, Report, telling};
use crate::history::Ending;

/// What SARIF calls its schema; readers go by it.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Name of the place in which shipped scenarios lie: inside crosswire, not in the repository.
const SHIPPED: &str = "CROSSWIRE";
/// What stays as it is in a path of a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Writes a report as a SARIF log.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &log(report))?;
    out.write_all(b"\n")
}

fn log(report: &Report) -> Value {
    let mut run = json!({
        "tool": {"driver": {
            "name": "crosswire",
            "version": report.crosswire_version,
            "rules": rules(report),
        }},
        // Everything before the last slash is the category under which results of later runs replace these.
        "automationDetails": {"id": format!("crosswire/{}/", report.scenario)},
        "invocations": [invocation(report)],
        "columnKind": "unicodeCodePoints",
        "results": report.findings.iter().map(|finding| result(report, finding)).collect::<Vec<Value>>(),
        "properties": {
            "verdict": report.verdict.as_str(),
            "expected": report.expected.as_str(),
            "target": report.target,
            "seed": report.seed,
            "users": report.users,
            "rounds": report.strength.rounds,
            "overlappingPairs": report.strength.overlapping_pairs,
            "upperBound95": report.strength.upper_bound_95,
            "findings": report.findings_total,
        },
    });
    if scenario_file(report).is_none() {
        run["originalUriBaseIds"] = json!({
            SHIPPED: {"description": {"text": "the scenarios inside crosswire; `crosswire scenarios` lists them"}}
        });
    }
    json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})
}

fn rules(report: &Report) -> Vec<Value> {
    let rule = |rule: &super::Rule| {
        let explain = format!("{} `crosswire explain {}` says more.", rule.help, rule.id);
        json!({
            "id": rule.id,
            "name": pascal(&rule.id),
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.help},
            "help": {"text": explain, "markdown": explain},
            "defaultConfiguration": {"level": "error"},
            "properties": {
                "precision": "very-high",
                "problem.severity": "error",
                // Data of one user in the hands of another: the severity of an authorization that can be passed by.
                "security-severity": "8.0",
                "tags": ["security", "concurrency", "external/cwe/cwe-488"],
            },
        })
    };
    report.rules.iter().map(rule).collect()
}

/// `canary-crossed` as `CanaryCrossed`, as SARIF wants the names of rules.
fn pascal(id: &str) -> String {
    id.split('-')
        .flat_map(|word| {
            let mut characters = word.chars();
            let first = characters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(characters)
        })
        .collect()
}

fn result(report: &Report, finding: &Finding) -> Value {
    let mut text = format!("{}. ", telling::headline(finding));
    text.push_str(&telling::sentences(finding).join(" "));
    let mut properties = json!({
        "viewer": finding.viewer,
        "victim": finding.victim,
        "place": finding.place,
        "phase": telling::phase(finding.phase),
        "round": finding.round,
    });
    if let Some(replay) = report.replay_of(finding) {
        properties["replay"] = replay.into();
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": "error",
        "message": {"text": text},
        "locations": [location(report, finding)],
        "partialFingerprints": {"crosswireFinding/v1": finding.id},
        "occurrenceCount": finding.times_seen,
        "properties": properties,
    });
    if let Some(at) = report.rules.iter().position(|rule| rule.id == finding.rule) {
        result["ruleIndex"] = at.into();
    }
    result
}

fn location(report: &Report, finding: &Finding) -> Value {
    let artifact = match scenario_file(report) {
        Some(file) => json!({"uri": uri(&file)}),
        None => {
            let file = format!("{}.toml", report.scenario);
            json!({"uri": uri(&file), "uriBaseId": SHIPPED})
        }
    };
    json!({
        "physicalLocation": {
            "artifactLocation": artifact,
            "region": {"startLine": finding.line.max(1)},
        },
        "logicalLocations": [{
            "name": finding.step,
            "fullyQualifiedName": format!("{}/{}", report.scenario, finding.step),
            "kind": "function",
        }],
    })
}

/// A path as a URI: relative, unless it begins at the root.
fn uri(path: &str) -> String {
    let encoded = utf8_percent_encode(path, PATH).to_string();
    if path.starts_with('/') {
        format!("file://{encoded}")
    } else {
        encoded
    }
}

fn invocation(report: &Report) -> Value {
    let notification =
        |level: &str, text: &String| json!({"level": level, "message": {"text": text}});
    let mut notifications: Vec<Value> = report
        .reasons
        .iter()
        .map(|reason| notification("warning", &reason.text))
        .collect();
    let broken = report.thresholds.iter().filter(|result| !result.holds);
    notifications.extend(broken.map(|result| notification("warning", &telling::threshold(result))));
    notifications.extend(report.notes.iter().map(|note| notification("note", note)));
    let mut invocation = json!({
        "executionSuccessful": matches!(report.ending, Some(Ending::Completed | Ending::Limit { .. })),
        "toolExecutionNotifications": notifications,
    });
    if let Some(replay) = &report.replay {
        invocation["commandLine"] = replay.as_str().into();
    }
    invocation
}

#[cfg(test)]
mod tests {
    use super::super::testing::all;
    use super::*;

    /// What the schema requires and forbids of the parts that are written, and what GitHub requires beyond it.
    fn check(log: &Value) {
        assert_eq!(log["version"], "2.1.0");
        let runs = log["runs"].as_array().unwrap();
        for run in runs {
            let driver = &run["tool"]["driver"];
            assert_eq!(driver["name"], "crosswire");
            let rules = driver["rules"].as_array().unwrap();
            let mut ids: Vec<&str> = rules
                .iter()
                .map(|rule| rule["id"].as_str().unwrap())
                .collect();
            for rule in rules {
                for text in ["shortDescription", "fullDescription", "help"] {
                    assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
                }
            }
            ids.dedup();
            assert_eq!(ids.len(), rules.len(), "rules are listed once");
            for result in run["results"].as_array().unwrap() {
                let at = result["ruleIndex"].as_u64().unwrap() as usize;
                assert_eq!(rules[at]["id"], result["ruleId"]);
                assert_eq!(result["level"], "error");
                assert!(!result["message"]["text"].as_str().unwrap().is_empty());
                assert!(result["occurrenceCount"].as_u64().unwrap() >= 1);
                assert!(result["partialFingerprints"]["crosswireFinding/v1"].is_string());
                let place = &result["locations"][0]["physicalLocation"];
                let uri = place["artifactLocation"]["uri"].as_str().unwrap();
                assert!(
                    !uri.contains([' ', '\\', '"', '<']) && !uri.starts_with('/'),
                    "{uri}"
                );
                assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
                if let Some(base) = place["artifactLocation"]["uriBaseId"].as_str() {
                    assert!(run["originalUriBaseIds"][base].is_object());
                }
            }
            let invocation = &run["invocations"][0];
            assert!(invocation["executionSuccessful"].is_boolean());
            for notification in invocation["toolExecutionNotifications"].as_array().unwrap() {
                assert!(
                    notification["message"]["text"].is_string(),
                    "{notification}"
                );
            }
            assert!(
                run["automationDetails"]["id"]
                    .as_str()
                    .unwrap()
                    .ends_with('/')
            );
        }
    }

    #[test]
    fn logs_have_the_shape_that_readers_ask_for() {
        for report in all().values() {
            check(&log(report));
            let mut shipped = report.clone();
            shipped.scenario_path = None;
            check(&log(&shipped));
        }
    }

    #[test]
    fn a_result_points_at_its_step_and_keeps_its_fingerprint() {
        let mut report = all()["exposed"].clone();
        let first = &log(&report)["runs"][0]["results"][0];
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "scenarios/notes.toml");
        assert_eq!(place["region"]["startLine"], 27);
        assert_eq!(first["ruleId"], "canary-crossed");
        let fingerprint = first["partialFingerprints"].clone();
        report.findings[0].times_seen += 1;
        report.findings[0].round += 1;
        report.seed += 1;
        assert_eq!(
            log(&report)["runs"][0]["results"][0]["partialFingerprints"],
            fingerprint
        );
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("my notes/ä.toml"), "my%20notes/%C3%A4.toml");
        assert_eq!(uri("/tmp/a.toml"), "file:///tmp/a.toml");
        assert_eq!(pascal("canary-crossed"), "CanaryCrossed");
    }
}

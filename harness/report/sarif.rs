//! SARIF 2.1.0, for code scanning: a result for findings of the same rule, kind, step, slot and place, at the line of the
//! scenario's step. Which users met is chance, so an alert stays the same one whoever they were.

use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::place::scenario_file;
use super::telling::Group;
use super::{Finding, Report, schedules, telling, words};
use crate::history::Ending;
use crate::identity::digest;
use crate::judge::ExposureKind;

/// What SARIF calls its schema; readers go by it.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Name of the place in which shipped scenarios lie: inside crosswire, not in the repository.
const SHIPPED: &str = "CROSSWIRE";
/// Characters up to which a schedule is told with what its steps did.
const WIDTH: usize = 200;
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
        "results": alerts(report).iter().map(|group| result(report, group)).collect::<Vec<Value>>(),
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
    if let Some(reach) = &report.strength.reach {
        let properties = json!({
            "verdict": report.verdict.as_str(),
            "expected": report.expected.as_str(),
            "target": report.target,
            "seed": report.seed,
            "users": report.users,
            "schedules": reach.schedules,
            "exposingSchedules": reach.exposing,
            "reach": telling::reach(reach),
            "findings": report.findings_total,
        });
        run["properties"] = properties;
    }
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

/// The findings that are one alert together.
fn alerts(report: &Report) -> Vec<Group<'_>> {
    telling::grouped(&report.findings, |finding| {
        (
            &finding.rule,
            finding.kind,
            &finding.step,
            &finding.slot,
            &finding.place,
        )
    })
}

/// The same in every run of the scenario: nothing in it depends on who met whom.
///
/// GitHub goes by `primaryLocationLineHash` alone. Where a log lacks it, the action that uploads the log fills in a hash of
/// the file's line, which is the same for every result there; one that is present is kept. It has the form `HASH:COUNT`.
fn fingerprints(report: &Report, finding: &Finding) -> Value {
    let kind = match finding.kind {
        ExposureKind::Read => "read",
        ExposureKind::Write => "write",
        ExposureKind::Session => "session",
    };
    // A slot's name cannot be empty.
    let slot = finding.slot.as_deref().unwrap_or_default();
    let parts = [
        &report.scenario,
        &finding.rule,
        kind,
        &finding.step,
        slot,
        &finding.place,
    ];
    let hash = format!("{:016x}", digest(0, &parts.map(str::as_bytes)));
    json!({
        "crosswireFault/v1": hash,
        "primaryLocationLineHash": format!("{hash}:1"),
    })
}

fn result(report: &Report, group: &Group<'_>) -> Value {
    let finding = group.example;
    let mut text = group.headline();
    match group.findings - 1 {
        0 => {}
        _ if telling::is_of_oneself(finding) => {}
        more => text.push_str(&format!(
            ", and {} of viewer and victim",
            words::count(more, "more pair")
        )),
    }
    text.push_str(". ");
    text.push_str(&telling::sentences(finding).join(" "));
    let mut properties = json!({
        "finding": finding.id,
        "pairs": group.findings,
        "viewer": finding.viewer,
        "victim": finding.victim,
        "place": finding.place,
        "phase": telling::phase(finding.phase),
        "round": finding.round,
        "foundIn": finding.found_in().to_string(),
    });
    if let Some((one, shortest)) = report.schedule_of(finding) {
        properties["schedule"] = shortest.schedule.to_string().into();
        properties["preemptions"] = shortest.preemptions.into();
        properties["switches"] = schedules::diagram(one, &shortest.schedule, WIDTH).into();
    }
    if let Some(replay) = report.replay_of(finding) {
        properties["replay"] = replay.into();
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": "error",
        "message": {"text": text},
        "locations": [location(report, finding)],
        "partialFingerprints": fingerprints(report, finding),
        "occurrenceCount": group.times,
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
                let prints = &result["partialFingerprints"];
                let own = prints["crosswireFault/v1"].as_str().unwrap();
                assert_eq!(prints["primaryLocationLineHash"], format!("{own}:1"));
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
    fn a_schedule_stands_beside_its_result() {
        let log = log(&all()["explored-exposed"]);
        let run = &log["runs"][0];
        assert_eq!(run["properties"]["reach"], "all 70 schedules");
        assert_eq!(run["properties"].get("overlappingPairs"), None);
        let properties = &run["results"][0]["properties"];
        assert_eq!(properties["schedule"], "R1*2,R2*2,R1,B,R1,R2");
        let switches = properties["switches"].as_str().unwrap();
        assert!(
            switches.starts_with("alice ──call, await── │ bob"),
            "{switches}"
        );
        let replay = properties["replay"].as_str().unwrap();
        assert!(
            replay.ends_with(" --schedule 'xw1:1f2e3d4c:tokio-permit-first:R1*2,R2*2,R1,B,R1,R2'")
        );
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
    fn who_met_whom_changes_no_alert() {
        let mut report = all()["exposed"].clone();
        // A write, and two reads of the same kind.
        let log = log(&report);
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        let text = results[1]["message"]["text"].as_str().unwrap();
        assert!(
            text.starts_with(
                "bob received carol's note, and 1 more pair of viewer and victim. bob sent "
            ),
            "{text}"
        );
        assert_eq!(results[1]["occurrenceCount"], 1_203);
        assert_ne!(
            results[0]["partialFingerprints"],
            results[1]["partialFingerprints"]
        );
        for finding in &mut report.findings {
            finding.id.push('0');
            (finding.viewer, finding.victim) = ("dora".into(), "erik".into());
            finding.phase = crate::history::Phase::Solo;
        }
        let later = super::log(&report);
        for (at, result) in results.iter().enumerate() {
            assert_eq!(
                later["runs"][0]["results"][at]["partialFingerprints"],
                result["partialFingerprints"]
            );
        }
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("my notes/ä.toml"), "my%20notes/%C3%A4.toml");
        assert_eq!(uri("/tmp/a.toml"), "file:///tmp/a.toml");
        assert_eq!(pascal("canary-crossed"), "CanaryCrossed");
    }
}

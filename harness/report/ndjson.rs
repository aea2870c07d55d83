//! The report as events, one JSON object a line, for programs that read line by line.
//!
//! First `run`, then every `note`, `volley`, `exploration` and `finding`, last `verdict`. Within one `schema_version` kinds and fields are
//! only added.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::Report;
use super::json::{
    JsonCounts, JsonEnding, JsonExploration, JsonExposure, JsonReport, JsonRule, JsonSpread,
    JsonStep, JsonStrength, JsonTarget, JsonThreshold, JsonVerdict, JsonVolley, SCHEMA_VERSION,
    schema_of,
};

/// One line.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "crosswire event")]
struct Line {
    /// Version of this format, the same as that of the JSON report.
    schema_version: u32,
    #[serde(flatten)]
    event: Event,
}

/// What a line tells.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    /// What the run is; the first line.
    Run(Box<Run>),
    /// What else a reader should know.
    Note {
        /// The sentence.
        text: String,
    },
    /// A volley; of a long run an even selection.
    Volley(JsonVolley),
    /// What was explored of a set of requests.
    Exploration(Box<JsonExploration>),
    /// An exposure, the most telling one first.
    Finding(Box<JsonExposure>),
    /// The verdict; the last line.
    Verdict(Box<Judged>),
}

/// What a run is.
#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    /// Version of crosswire that recorded the run.
    crosswire_version: String,
    /// Name of the scenario.
    scenario: String,
    /// The scenario's file as it was given; null for a shipped scenario, and when it is not known.
    scenario_path: Option<String>,
    /// The steps of the scenario.
    steps: Vec<JsonStep>,
    /// What was tested.
    target: JsonTarget,
    /// Engine that ran.
    engine: String,
    /// Seed of everything chosen by chance.
    seed: u64,
    /// Users that took part.
    users: u64,
    /// The verdict that counts as success.
    expected: JsonVerdict,
    /// The command that runs the same again; null when it is not known.
    replay: Option<String>,
}

/// The verdict and what it is worth.
#[derive(Debug, Serialize, JsonSchema)]
struct Judged {
    /// The verdict.
    verdict: JsonVerdict,
    /// Why the verdict is what it is.
    reasons: Vec<String>,
    /// What kind of thing each of the reasons is, as in the JSON report.
    reason_kinds: Vec<String>,
    /// Whether it is the expected one.
    as_expected: bool,
    /// How the run ended; null when its history breaks off.
    ending: Option<JsonEnding>,
    /// What a clean result is worth.
    strength: JsonStrength,
    /// How many exposures there are, those that are not told included.
    exposures_total: u64,
    /// The rules that found them.
    rules: Vec<JsonRule>,
    /// Sums over all exposures.
    counts: JsonCounts,
    /// How tightly the volleys of each strategy arrived.
    spreads: Vec<JsonSpread>,
    /// What the run had to reach besides its verdict.
    thresholds: Vec<JsonThreshold>,
}

/// Writes a report as events.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for event in events(JsonReport::from(report)) {
        let line = Line {
            schema_version: SCHEMA_VERSION,
            event,
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The JSON Schema of one line of the `ndjson` report, indented.
///
/// # Errors
/// Never in practice: a schema is plain data.
pub fn event_schema() -> serde_json::Result<String> {
    schema_of::<Line>()
}

fn events(json: JsonReport) -> Vec<Event> {
    let mut events = vec![Event::Run(Box::new(Run {
        crosswire_version: json.crosswire_version,
        scenario: json.scenario,
        scenario_path: json.scenario_path,
        steps: json.steps,
        target: json.target,
        engine: json.engine,
        seed: json.seed,
        users: json.users,
        expected: json.expected,
        replay: json.replay,
    }))];
    let notes = json.strength.notes.iter().cloned();
    events.extend(notes.map(|text| Event::Note { text }));
    events.extend(json.volleys.into_iter().map(Event::Volley));
    let explored = json.explored.into_iter();
    events.extend(explored.map(|one| Event::Exploration(Box::new(one))));
    let findings = json.exposures.into_iter();
    events.extend(findings.map(|exposure| Event::Finding(Box::new(exposure))));
    events.push(Event::Verdict(Box::new(Judged {
        verdict: json.verdict,
        reasons: json.reasons,
        reason_kinds: json.reason_kinds,
        as_expected: json.as_expected,
        ending: json.ending,
        strength: json.strength,
        exposures_total: json.exposures_total,
        rules: json.rules,
        counts: json.counts,
        spreads: json.spreads,
        thresholds: json.thresholds,
    })));
    events
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::testing::all;
    use super::*;

    fn lines(report: &Report) -> Vec<Value> {
        let mut bytes = Vec::new();
        render(report, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.ends_with('\n'));
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn the_run_comes_first_and_the_verdict_last() {
        for (name, report) in all() {
            let lines = lines(&report);
            let kinds: Vec<&str> = lines
                .iter()
                .filter_map(|line| line["event"].as_str())
                .collect();
            assert_eq!(kinds.len(), lines.len(), "{name}");
            assert_eq!(
                (kinds.first(), kinds.last()),
                (Some(&"run"), Some(&"verdict")),
                "{name}"
            );
            let of = |kind| kinds.iter().filter(|k| **k == kind).count();
            assert_eq!(of("finding"), report.findings.len(), "{name}");
            assert_eq!(of("volley"), report.points.len(), "{name}");
            assert_eq!(of("note"), report.notes.len(), "{name}");
            assert_eq!(of("exploration"), report.explored.len(), "{name}");
            assert!(
                lines
                    .iter()
                    .all(|line| line["schema_version"] == SCHEMA_VERSION),
                "{name}"
            );
        }
    }

    /// What the schema says of one kind of event.
    fn kind<'a>(schema: &'a Value, event: &Value) -> Option<&'a Value> {
        let kinds = schema["oneOf"].as_array().unwrap();
        let kind = kinds
            .iter()
            .find(|kind| kind["properties"]["event"]["const"] == *event)?;
        match kind["$ref"].as_str() {
            Some(name) => schema["$defs"].get(name.strip_prefix("#/$defs/").unwrap()),
            None => Some(kind),
        }
    }

    #[test]
    fn the_schema_knows_every_kind_and_every_field_of_it() {
        let schema: Value = serde_json::from_str(&event_schema().unwrap()).unwrap();
        assert_eq!(schema["oneOf"].as_array().map(Vec::len), Some(6));
        for (name, report) in all() {
            for line in lines(&report) {
                let kind =
                    kind(&schema, &line["event"]).unwrap_or_else(|| panic!("{name}: {line}"));
                let fields = line.as_object().unwrap().keys();
                for field in
                    fields.filter(|field| !matches!(field.as_str(), "event" | "schema_version"))
                {
                    assert!(
                        kind["properties"].get(field).is_some(),
                        "{name}: {field} of {line}"
                    );
                }
                for field in kind["required"].as_array().unwrap() {
                    assert!(
                        line.get(field.as_str().unwrap()).is_some(),
                        "{name}: no {field} in {line}"
                    );
                }
            }
        }
    }
}

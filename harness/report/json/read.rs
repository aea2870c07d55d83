//! From what was written back to a report, so that every other format can be made later.

use std::fmt;

use serde_json::Value;

use super::SCHEMA_VERSION;
use super::day::replayed;
use super::exploration_read::{exploration, reach};
use super::shape::{
    JsonAnswer, JsonCounts, JsonEnding, JsonExposure, JsonFoundIn, JsonKind, JsonPhase, JsonPiece,
    JsonReport, JsonRule, JsonSide, JsonSpread, JsonStep, JsonStrength, JsonThreshold, JsonVerdict,
    JsonVolley,
};
use crate::history::{Cause, Ending, Phase};
use crate::judge::{
    Counts, ExposureKind, Reason, ReasonKind, Spread, Strength, ThresholdResult, Verdict,
    VolleyPoint,
};
use crate::report::visible::{visible, visible_line};
use crate::report::{Evidence, Finding, FindingSide, Piece, Report, Rule, ShownBy, Step};

/// Why a text is not a JSON report that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// It is not JSON.
    Json {
        /// What the parser says.
        why: String,
    },
    /// It is JSON, but has no `schema_version`.
    NoReport,
    /// Another version of the format.
    Version {
        /// The version it has.
        found: String,
    },
    /// A field is missing, or not what the schema says.
    Field {
        /// Which, and what is wrong with it.
        why: String,
    },
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReportError::Json { why } => write!(
                f,
                "it is not JSON ({why}); a report is written by --report json=FILE"
            ),
            ReportError::NoReport => {
                f.write_str("it is JSON, but no crosswire report: it has no schema_version")
            }
            ReportError::Version { found } => write!(
                f,
                "its schema_version is {found}, this crosswire reads {SCHEMA_VERSION}: read it with the version that wrote it"
            ),
            ReportError::Field { why } => write!(f, "it is no whole crosswire report: {why}"),
        }
    }
}

impl std::error::Error for ReportError {}

impl Report {
    /// Reads a JSON report. Fields that are not known are passed over: a later crosswire may have added them.
    ///
    /// # Errors
    /// When the bytes are no JSON report of this version.
    pub fn from_json(bytes: &[u8]) -> Result<Report, ReportError> {
        let mut value: Value =
            serde_json::from_slice(bytes).map_err(|error| ReportError::Json {
                why: error.to_string(),
            })?;
        match value.get("schema_version") {
            None => return Err(ReportError::NoReport),
            Some(found) if found.as_u64() == Some(SCHEMA_VERSION.into()) => {}
            Some(found) => {
                // Whatever stands there, a little of it is enough.
                let found = found.to_string().chars().take(20).collect();
                return Err(ReportError::Version { found });
            }
        }
        make_visible(&mut value);
        let json: JsonReport =
            serde_json::from_value(value).map_err(|error| ReportError::Field {
                why: error.to_string(),
            })?;
        report(json)
    }
}

/// Anybody may have written the file: no text of it may steer what shows it.
fn make_visible(value: &mut Value) {
    match value {
        Value::String(text) => *text = visible_line(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(make_visible),
        Value::Object(fields) => {
            let is_piece = fields.contains_key("hit");
            for (name, field) in fields.iter_mut() {
                match field {
                    // What an answer held has its own lines, and so has a test.
                    Value::String(text) if is_piece && name == "text" || name == "test" => {
                        *text = visible(text).into_owned()
                    }
                    other => make_visible(other),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn report(json: JsonReport) -> Result<Report, ReportError> {
    let kinds = json.reason_kinds.into_iter().map(Some);
    let kinds = kinds.chain(std::iter::repeat(None));
    let thresholds: Result<_, _> = json.thresholds.into_iter().map(threshold).collect();
    let explored: Result<_, _> = json.explored.into_iter().map(exploration).collect();
    Ok(Report {
        crosswire_version: json.crosswire_version,
        scenario: json.scenario,
        scenario_path: json.scenario_path,
        target: json.target.name,
        url: json.target.url,
        engine: json.engine,
        seed: json.seed,
        users: json.users,
        steps: json.steps.into_iter().map(Step::from).collect(),
        verdict: json.verdict.into(),
        expected: json.expected.into(),
        reasons: json
            .reasons
            .into_iter()
            .zip(kinds)
            .map(|(text, kind)| reason(text, kind))
            .collect(),
        min_overlaps: json.strength.min_overlaps,
        findings: json.exposures.into_iter().map(finding).collect(),
        findings_total: json.exposures_total,
        rules: json.rules.into_iter().map(Rule::from).collect(),
        counts: counts(&json.counts),
        spread: json.spreads.into_iter().map(Spread::from).collect(),
        thresholds: thresholds?,
        points: json.volleys.into_iter().map(VolleyPoint::from).collect(),
        explored: explored?,
        day: json.day.map(replayed).transpose()?,
        notes: json.strength.notes.clone(),
        strength: strength(json.strength)?,
        ending: json.ending.map(ending).transpose()?,
        elapsed_ns: json.elapsed_ns,
        replay: json.replay,
        stored_as: json.stored_as,
    })
}

fn strength(json: JsonStrength) -> Result<Strength, ReportError> {
    let rounds = u32::try_from(json.rounds).map_err(|_| ReportError::Field {
        why: format!("strength.rounds is {}, which no run has", json.rounds),
    })?;
    Ok(Strength {
        rounds,
        exchanges: json.exchanges,
        volleys: json.volleys,
        overlapping_pairs: json.overlapping_pairs,
        pairs_by_server: json.pairs_by_server,
        exposing_pairs: json.exposing_pairs,
        upper_bound_95: json.upper_bound_95,
        reach: json.reach.map(reach).transpose()?,
        // They are the report's notes.
        notes: Vec::new(),
    })
}

fn counts(json: &JsonCounts) -> Counts {
    Counts {
        viewers: json.viewers,
        victims: json.victims,
        attachments: json.attachments,
        writes: json.writes,
        exchanges: json.exchanges,
        viewer_earlier: json.viewer_earlier,
        ordered: json.ordered,
    }
}

impl From<JsonStep> for Step {
    fn from(json: JsonStep) -> Step {
        Step {
            name: json.name,
            line: json.line,
        }
    }
}

impl From<JsonRule> for Rule {
    fn from(json: JsonRule) -> Rule {
        Rule {
            id: json.id,
            title: json.title,
            help: json.help,
        }
    }
}

/// A reason; of a kind that is not known here, it is one of the history's.
fn reason(text: String, kind: Option<String>) -> Reason {
    let kind = kind.and_then(|kind| serde_json::from_value(Value::String(kind)).ok());
    Reason::new(kind.unwrap_or(ReasonKind::History), text)
}

fn ending(json: JsonEnding) -> Result<Ending, ReportError> {
    let why = json.why.unwrap_or_default();
    match json.how.as_str() {
        "completed" => Ok(Ending::Completed),
        "limit" => Ok(Ending::Limit { limit: why }),
        "interrupted" => Ok(Ending::Interrupted),
        "failed" => {
            let all = [Cause::Unreachable, Cause::LogIn, Cause::Step];
            let named =
                |cause: &Cause| Some(super::write::cause_name(*cause)) == json.cause.as_deref();
            // Reports did not always tell the cause.
            let cause = all.into_iter().find(named).unwrap_or(Cause::Unreachable);
            Ok(Ending::Failed { why, cause })
        }
        other => Err(ReportError::Field {
            why: format!("ending.how is {other:?}, not completed, limit, interrupted or failed"),
        }),
    }
}

fn finding(json: JsonExposure) -> Finding {
    let viewer_side = json.viewer_side.map_or_else(
        // Reports did not always hold both exchanges.
        || FindingSide {
            step: json.step.clone(),
            request: json.request,
            status: json.status,
            order: json.viewer_order,
            ..FindingSide::default()
        },
        FindingSide::from,
    );
    let phase = Phase::from(json.phase);
    let raced = matches!(
        json.found_in,
        Some(JsonFoundIn::OwnRace | JsonFoundIn::Race)
    );
    Finding {
        asked_again: phase == Phase::Solo && raced,
        id: json.id,
        rule: json.rule,
        kind: json.kind.into(),
        viewer: json.viewer,
        victim: json.victim,
        step: json.step,
        line: json.line,
        slot: json.slot,
        place: json.place,
        evidence: json.evidence,
        phase,
        round: json.round,
        times_seen: json.times_seen,
        viewer_side,
        victim_side: json.victim_side.map(FindingSide::from),
        shown_by: json.shown_by.map(ShownBy::from),
    }
}

impl From<JsonSide> for FindingSide {
    fn from(json: JsonSide) -> FindingSide {
        FindingSide {
            exchange: json.exchange,
            step: json.step,
            request: json.request,
            status: json.status,
            sent_ns: json.sent_ns,
            done_ns: json.done_ns,
            arrived_us: json.arrived_us,
            order: json.order,
            evidence: json.answer.into(),
        }
    }
}

impl From<JsonAnswer> for Evidence {
    fn from(json: JsonAnswer) -> Evidence {
        Evidence {
            head: json.head.into_iter().map(Piece::from).collect(),
            body: json.body.into_iter().map(Piece::from).collect(),
            body_start: json.body_start,
            body_shown: json.body_shown,
            body_len: json.body_len,
        }
    }
}

impl From<JsonPiece> for Piece {
    fn from(json: JsonPiece) -> Piece {
        Piece {
            text: json.text,
            hit: json.hit,
            of: json.of,
        }
    }
}

impl From<JsonVerdict> for Verdict {
    fn from(json: JsonVerdict) -> Verdict {
        match json {
            JsonVerdict::Exposed => Verdict::Exposed,
            JsonVerdict::Isolated => Verdict::Isolated,
            JsonVerdict::Inconclusive => Verdict::Inconclusive,
        }
    }
}

impl From<JsonKind> for ExposureKind {
    fn from(json: JsonKind) -> ExposureKind {
        match json {
            JsonKind::Read => ExposureKind::Read,
            JsonKind::Write => ExposureKind::Write,
            JsonKind::Session => ExposureKind::Session,
        }
    }
}

impl From<JsonPhase> for Phase {
    fn from(json: JsonPhase) -> Phase {
        match json {
            JsonPhase::Setup => Phase::Setup,
            JsonPhase::Solo => Phase::Solo,
            JsonPhase::Sequence => Phase::Sequence,
            JsonPhase::Volley => Phase::Volley,
            JsonPhase::ReadBack => Phase::ReadBack,
            JsonPhase::CleanUp => Phase::CleanUp,
        }
    }
}

impl From<JsonSpread> for Spread {
    fn from(json: JsonSpread) -> Spread {
        Spread {
            by_server: json.measured_by == "server",
            strategy: json.strategy,
            volleys: json.volleys,
            median_us: json.median_us,
            p95_us: json.p95_us,
        }
    }
}

fn threshold(json: JsonThreshold) -> Result<ThresholdResult, ReportError> {
    let threshold = json.threshold.parse();
    let threshold = threshold.map_err(|why| ReportError::Field {
        why: format!("`thresholds`: {why}"),
    })?;
    Ok(ThresholdResult {
        threshold,
        value: json.value,
        holds: json.holds,
    })
}

impl From<JsonVolley> for VolleyPoint {
    fn from(json: JsonVolley) -> VolleyPoint {
        VolleyPoint {
            volley: json.volley,
            round: json.round,
            offset_us: json.offset_us,
            spread_us: json.spread_us,
            by_server: json.measured_by == "server",
            pairs: json.pairs,
            exposing: json.exposing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::all;

    fn json(name: &str) -> Value {
        let mut bytes = Vec::new();
        super::super::render(&all()[name], &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn read(value: &Value) -> Result<Report, ReportError> {
        Report::from_json(value.to_string().as_bytes())
    }

    /// What the first version of this format had; later fields are left out.
    #[test]
    fn a_report_of_the_first_version_can_be_read() {
        let mut old = json("exposed");
        let fields = old.as_object_mut().unwrap();
        for field in [
            "scenario_path",
            "steps",
            "elapsed_ns",
            "rules",
            "thresholds",
            "volleys",
            "stored_as",
            "reason_kinds",
        ] {
            assert!(fields.remove(field).is_some(), "{field}");
        }
        old["ending"].as_object_mut().unwrap().remove("cause");
        old["strength"]
            .as_object_mut()
            .unwrap()
            .remove("min_overlaps");
        for exposure in old["exposures"].as_array_mut().unwrap() {
            for field in ["line", "replay_finding", "viewer_side", "victim_side"] {
                assert!(
                    exposure.as_object_mut().unwrap().remove(field).is_some(),
                    "{field}"
                );
            }
        }
        let report = read(&old).unwrap();
        assert_eq!(report.findings.len(), 3);
        assert_eq!(
            report.findings[1].viewer_side.request,
            all()["exposed"].findings[1].viewer_side.request
        );
        // Every format can be made of it, with what it has.
        for format in &crate::report::FORMATS {
            (format.render)(&report, &mut Vec::new()).unwrap();
        }
    }

    #[test]
    fn a_later_crosswire_may_add_fields() {
        let mut later = json("exposed");
        later["something_new"] = 1.into();
        later["reason_kinds"] = serde_json::json!(["not-known-yet"]);
        assert_eq!(read(&later).unwrap().findings.len(), 3);
    }

    #[test]
    fn wrong_ones_are_refused_with_the_field() {
        for (field, wrong, part) in [
            (
                "schema_version",
                serde_json::json!(7),
                "its schema_version is 7",
            ),
            (
                "schema_version",
                serde_json::json!("1".repeat(900)),
                "its schema_version is \"1111",
            ),
            (
                "verdict",
                serde_json::json!("fine"),
                "unknown variant `fine`",
            ),
            (
                "ending",
                serde_json::json!({"how": "well", "why": null, "elapsed_ms": 1}),
                "ending.how is \"well\"",
            ),
            (
                "users",
                serde_json::json!(-3),
                "invalid value: integer `-3`",
            ),
        ] {
            let mut json = json("exposed");
            json[field] = wrong;
            let why = read(&json).unwrap_err().to_string();
            assert!(why.contains(part) && why.len() < 200, "{why}");
        }
        let cut = &json("exposed").to_string()[..500];
        assert!(matches!(
            Report::from_json(cut.as_bytes()),
            Err(ReportError::Json { .. })
        ));
        assert!(matches!(
            Report::from_json(&[0xff; 9]),
            Err(ReportError::Json { .. })
        ));
    }

    #[test]
    fn nothing_of_a_file_steers_what_shows_it() {
        let mut json = json("exposed");
        json["scenario"] = "a\u{1b}[2Jb\nc".into();
        json["exposures"][0]["viewer_side"]["answer"]["body"][0]["text"] = "x\u{202e}\ny".into();
        let report = read(&json).unwrap();
        assert_eq!(report.scenario, "a␛[2Jb␊c");
        assert_eq!(
            report.findings[0].viewer_side.evidence.body[0].text,
            "x⟨U+202E⟩\ny"
        );
    }
}

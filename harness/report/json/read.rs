//! From what was written back to a report, so that every other format can be made later.

use std::fmt;

use serde_json::Value;

use super::SCHEMA_VERSION;
use super::shape::{
    JsonAnswer, JsonEnding, JsonExposure, JsonKind, JsonPhase, JsonPiece, JsonReport, JsonSide,
    JsonSpread, JsonThreshold, JsonVerdict, JsonVolley,
};
use crate::history::{Cause, Ending, Phase};
use crate::judge::{
    Counts, ExposureKind, Reason, ReasonKind, Spread, Strength, ThresholdResult, Verdict,
    VolleyPoint,
};
use crate::report::visible::{visible, visible_line};
use crate::report::{Evidence, Finding, FindingSide, Piece, Report, Rule, Step};

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
                    // What an answer held has its own lines.
                    Value::String(text) if is_piece && name == "text" => {
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
    let ending = json.ending.map(ending).transpose()?;
    let rules = json
        .rules
        .into_iter()
        .map(|rule| Rule {
            id: rule.id,
            title: rule.title,
            help: rule.help,
        })
        .collect();
    let steps = json
        .steps
        .into_iter()
        .map(|step| Step {
            name: step.name,
            line: step.line,
        })
        .collect();
    let kinds = json
        .reason_kinds
        .into_iter()
        .map(Some)
        .chain(std::iter::repeat(None));
    let reasons = json
        .reasons
        .into_iter()
        .zip(kinds)
        .map(|(text, kind)| reason(text, kind))
        .collect();
    let rounds = u32::try_from(json.strength.rounds).map_err(|_| ReportError::Field {
        why: format!(
            "strength.rounds is {}, which no run has",
            json.strength.rounds
        ),
    })?;
    let counts = json.counts;
    Ok(Report {
        crosswire_version: json.crosswire_version,
        scenario: json.scenario,
        scenario_path: json.scenario_path,
        target: json.target.name,
        url: json.target.url,
        engine: json.engine,
        seed: json.seed,
        users: json.users,
        steps,
        verdict: json.verdict.into(),
        expected: json.expected.into(),
        reasons,
        strength: Strength {
            rounds,
            exchanges: json.strength.exchanges,
            volleys: json.strength.volleys,
            overlapping_pairs: json.strength.overlapping_pairs,
            pairs_by_server: json.strength.pairs_by_server,
            exposing_pairs: json.strength.exposing_pairs,
            upper_bound_95: json.strength.upper_bound_95,
            notes: Vec::new(),
        },
        min_overlaps: json.strength.min_overlaps,
        findings: json.exposures.into_iter().map(finding).collect(),
        findings_total: json.exposures_total,
        rules,
        counts: Counts {
            viewers: counts.viewers,
            victims: counts.victims,
            attachments: counts.attachments,
            writes: counts.writes,
            exchanges: counts.exchanges,
            viewer_earlier: counts.viewer_earlier,
            ordered: counts.ordered,
        },
        spread: json.spreads.into_iter().map(Spread::from).collect(),
        thresholds: json
            .thresholds
            .into_iter()
            .map(threshold)
            .collect::<Result<_, _>>()?,
        points: json.volleys.into_iter().map(VolleyPoint::from).collect(),
        notes: json.strength.notes,
        ending,
        elapsed_ns: json.elapsed_ns,
        replay: json.replay,
        stored_as: json.stored_as,
    })
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
    Finding {
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
        phase: json.phase.into(),
        round: json.round,
        times_seen: json.times_seen,
        viewer_side,
        victim_side: json.victim_side.map(FindingSide::from),
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

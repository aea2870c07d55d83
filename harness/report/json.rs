//! The JSON report: structs of its own, so that a change inside crosswire never changes what programs read.
//!
//! Within one `schema_version` fields are only ever added.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Finding, Report};
use crate::history::{Ending, Phase};
use crate::judge::{ExposureKind, Spread, Verdict};

/// Version of the JSON report's format.
pub const SCHEMA_VERSION: u32 = 1;

/// A crosswire report.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "crosswire report")]
pub struct JsonReport<'a> {
    /// Version of this format; it changes when a field is removed or changes its meaning.
    pub schema_version: u32,
    /// Version of crosswire that recorded the run.
    pub crosswire_version: &'a str,
    /// Name of the scenario.
    pub scenario: &'a str,
    /// What was tested.
    pub target: JsonTarget<'a>,
    /// Engine that ran.
    pub engine: &'a str,
    /// Seed of everything chosen by chance; over a network it does not decide the service's own schedule.
    pub seed: u64,
    /// Users that took part.
    pub users: u64,
    /// The verdict.
    pub verdict: JsonVerdict,
    /// Why the verdict is what it is.
    pub reasons: Vec<&'a str>,
    /// The verdict that counts as success.
    pub expected: JsonVerdict,
    /// Whether the two are the same.
    pub as_expected: bool,
    /// How the run ended; null when its history breaks off.
    pub ending: Option<JsonEnding<'a>>,
    /// What a clean result is worth.
    pub strength: JsonStrength<'a>,
    /// The exposures that are told, the most telling one first.
    pub exposures: Vec<JsonExposure<'a>>,
    /// How many exposures there are, those that are not told included.
    pub exposures_total: u64,
    /// Sums over all exposures.
    pub counts: JsonCounts,
    /// How tightly the volleys of the strategy that was used most arrived; null without volleys.
    pub spread: Option<JsonSpread<'a>>,
    /// The same for every strategy that was used.
    pub spreads: Vec<JsonSpread<'a>>,
    /// The command that runs the same again; null when it is not known.
    pub replay: Option<&'a str>,
}

/// What was tested.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub struct JsonTarget<'a> {
    /// As the user names it.
    pub name: &'a str,
    /// Where the requests went.
    pub url: &'a str,
}

/// A verdict.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Verdict")]
#[serde(rename_all = "lowercase")]
pub enum JsonVerdict {
    /// At least one exposure.
    Exposed,
    /// None, in a run that is worth something.
    Isolated,
    /// None, but the run is worth too little.
    Inconclusive,
}

/// How a run ended.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Ending")]
pub struct JsonEnding<'a> {
    /// `completed`, `limit`, `interrupted` or `failed`.
    pub how: &'static str,
    /// The limit that was reached, or what went wrong.
    pub why: Option<&'a str>,
    /// Length of the run, milliseconds.
    pub elapsed_ms: u64,
}

/// What a clean result is worth.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Strength")]
pub struct JsonStrength<'a> {
    /// Rounds that were finished.
    pub rounds: u64,
    /// Requests with their answers.
    pub exchanges: u64,
    /// Volleys fired.
    pub volleys: u64,
    /// Pairs of requests of different owners that were under way at the same time.
    pub overlapping_pairs: u64,
    /// Those of the pairs that are known by the service's own clock; the rest are as the client saw them, an estimate.
    pub pairs_by_server: u64,
    /// Crossings inside volleys, at most as many as there are pairs.
    pub exposing_pairs: u64,
    /// Upper bound, at 95 % confidence, of the probability that one overlapping pair crosses; null when nothing overlapped.
    pub upper_bound_95: Option<f64>,
    /// What else a reader should know.
    pub notes: &'a [String],
}

/// A viewer got, or acted on, a victim's data.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Exposure")]
pub struct JsonExposure<'a> {
    /// Stable across runs of the same scenario with the same users.
    pub id: &'a str,
    /// Id of the rule that found it.
    pub rule: &'a str,
    /// What crossed over.
    pub kind: JsonKind,
    /// Name of the user who received or acted.
    pub viewer: &'a str,
    /// Name of the user whose data it was.
    pub victim: &'a str,
    /// Method and path of the viewer's request.
    pub request: &'a str,
    /// Status of the viewer's answer; null when none came.
    pub status: Option<u16>,
    /// Name of the scenario's step.
    pub step: &'a str,
    /// Name of the slot whose canary crossed; null for rules without one.
    pub slot: Option<&'a str>,
    /// Where in the exchange: `status line`, `header NAME`, `body`, `partial answer`, `read-back`.
    pub place: &'a str,
    /// The canary, masked down to its checksum.
    pub evidence: Option<&'a str>,
    /// Part of the run in which it was first seen.
    pub phase: JsonPhase,
    /// Round in which it was first seen; 0 before the first.
    pub round: u32,
    /// When the viewer's request left, seconds since the run began.
    pub at: f64,
    /// How many exchanges showed it.
    pub times_seen: u64,
    /// The victim's request that was under way at the same time; null when none is known.
    pub victim_request: Option<&'a str>,
    /// Place of the viewer's request in the order in which requests wrote the service's memo; null unless it tells.
    pub viewer_order: Option<u64>,
    /// The same of the victim's request.
    pub victim_order: Option<u64>,
    /// The command that runs the same again; null when it is not known.
    pub replay: Option<&'a str>,
}

/// What crossed over.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Kind")]
#[serde(rename_all = "lowercase")]
pub enum JsonKind {
    /// The viewer received the victim's data.
    Read,
    /// The viewer's request changed or removed the victim's data.
    Write,
    /// Viewer and victim were given one and the same session.
    Session,
}

/// Part of a run.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Phase")]
#[serde(rename_all = "kebab-case")]
pub enum JsonPhase {
    /// Log-in and planting.
    Setup,
    /// Every user by itself.
    Solo,
    /// One user after the other.
    Sequence,
    /// Several users together.
    Volley,
    /// Every user's state read back.
    ReadBack,
    /// What the run has left behind is taken away.
    CleanUp,
}

/// Sums over all exposures.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Counts")]
pub struct JsonCounts {
    /// Distinct users who received or acted on somebody else's data.
    pub viewers: u64,
    /// Distinct users whose data it was.
    pub victims: u64,
    /// Attachments downloaded by somebody else.
    pub attachments: u64,
    /// Items of a user that another's request changed or removed.
    pub writes: u64,
    /// Exchanges in which somebody else's canary was found.
    pub exchanges: u64,
    /// Crossings whose two requests both tell when they wrote the service's memo.
    pub ordered: u64,
    /// Those of them in which the viewer wrote before the victim.
    pub viewer_earlier: u64,
}

/// How tightly the volleys of one strategy arrived.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Spread")]
pub struct JsonSpread<'a> {
    /// Release strategy.
    pub strategy: &'a str,
    /// Volleys.
    pub volleys: u64,
    /// Median over volleys of the time from the first arrival to the last, microseconds.
    pub median_us: u64,
    /// 95th percentile over volleys, microseconds.
    pub p95_us: u64,
    /// `server` when the arrivals are the service's own account, `client` when they are crosswire's release times.
    pub measured_by: &'static str,
}

/// Writes a report as one indented JSON document.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &JsonReport::from(report))?;
    out.write_all(b"\n")
}

/// The JSON Schema of the report, indented.
///
/// # Errors
/// Never in practice: a schema is plain data.
pub fn schema() -> serde_json::Result<String> {
    serde_json::to_string_pretty(&schemars::schema_for!(JsonReport<'_>))
}

impl<'a> From<&'a Report> for JsonReport<'a> {
    fn from(report: &'a Report) -> JsonReport<'a> {
        JsonReport {
            schema_version: SCHEMA_VERSION,
            crosswire_version: &report.crosswire_version,
            scenario: &report.scenario,
            target: JsonTarget {
                name: &report.target,
                url: &report.url,
            },
            engine: &report.engine,
            seed: report.seed,
            users: report.users,
            verdict: report.verdict.into(),
            reasons: report
                .reasons
                .iter()
                .map(|reason| reason.text.as_str())
                .collect(),
            expected: report.expected.into(),
            as_expected: report.as_expected(),
            ending: report
                .ending
                .as_ref()
                .map(|ending| json_ending(ending, report.elapsed_ns)),
            strength: JsonStrength {
                rounds: report.strength.rounds.into(),
                exchanges: report.strength.exchanges,
                volleys: report.strength.volleys,
                overlapping_pairs: report.strength.overlapping_pairs,
                pairs_by_server: report.strength.pairs_by_server,
                exposing_pairs: report.strength.exposing_pairs,
                upper_bound_95: report.strength.upper_bound_95,
                notes: &report.notes,
            },
            exposures: report
                .findings
                .iter()
                .map(|finding| json_exposure(finding, report.replay.as_deref()))
                .collect(),
            exposures_total: report.findings_total,
            counts: JsonCounts {
                viewers: report.counts.viewers,
                victims: report.counts.victims,
                attachments: report.counts.attachments,
                writes: report.counts.writes,
                exchanges: report.counts.exchanges,
                ordered: report.counts.ordered,
                viewer_earlier: report.counts.viewer_earlier,
            },
            spread: report.main_spread().map(JsonSpread::from),
            spreads: report.spread.iter().map(JsonSpread::from).collect(),
            replay: report.replay.as_deref(),
        }
    }
}

fn json_exposure<'a>(finding: &'a Finding, replay: Option<&'a str>) -> JsonExposure<'a> {
    let victim = finding.victim_side.as_ref();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run is far shorter than the 104 days that 53 bits of nanoseconds hold"
    )]
    let at = finding.viewer_side.sent_ns as f64 / 1e9;
    JsonExposure {
        id: &finding.id,
        rule: finding.rule,
        kind: match finding.kind {
            ExposureKind::Read => JsonKind::Read,
            ExposureKind::Write => JsonKind::Write,
            ExposureKind::Session => JsonKind::Session,
        },
        viewer: &finding.viewer,
        victim: &finding.victim,
        request: &finding.viewer_side.request,
        status: finding.viewer_side.status,
        step: &finding.step,
        slot: finding.slot.as_deref(),
        place: &finding.place,
        evidence: finding.evidence.as_deref(),
        phase: match finding.phase {
            Phase::Setup => JsonPhase::Setup,
            Phase::Solo => JsonPhase::Solo,
            Phase::Sequence => JsonPhase::Sequence,
            Phase::Volley => JsonPhase::Volley,
            Phase::ReadBack => JsonPhase::ReadBack,
            Phase::CleanUp => JsonPhase::CleanUp,
        },
        round: finding.round,
        at,
        times_seen: finding.times_seen,
        victim_request: victim.map(|side| side.request.as_str()),
        viewer_order: finding.viewer_side.order,
        victim_order: victim.and_then(|side| side.order),
        replay,
    }
}

fn json_ending(ending: &Ending, elapsed_ns: u64) -> JsonEnding<'_> {
    let (how, why) = match ending {
        Ending::Completed => ("completed", None),
        Ending::Limit { limit } => ("limit", Some(limit.as_str())),
        Ending::Interrupted => ("interrupted", None),
        Ending::Failed { why, .. } => ("failed", Some(why.as_str())),
    };
    JsonEnding {
        how,
        why,
        elapsed_ms: elapsed_ns / 1_000_000,
    }
}

impl From<Verdict> for JsonVerdict {
    fn from(verdict: Verdict) -> JsonVerdict {
        match verdict {
            Verdict::Exposed => JsonVerdict::Exposed,
            Verdict::Isolated => JsonVerdict::Isolated,
            Verdict::Inconclusive => JsonVerdict::Inconclusive,
        }
    }
}

impl<'a> From<&'a Spread> for JsonSpread<'a> {
    fn from(spread: &'a Spread) -> JsonSpread<'a> {
        JsonSpread {
            strategy: &spread.strategy,
            volleys: spread.volleys,
            median_us: spread.median_us,
            p95_us: spread.p95_us,
            measured_by: if spread.by_server { "server" } else { "client" },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::testing::all;
    use super::*;

    fn json(report: &Report) -> Value {
        let mut bytes = Vec::new();
        render(report, &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_finding_has_every_promised_field() {
        let json = json(&all()["exposed"]);
        for field in [
            "schema_version",
            "crosswire_version",
            "scenario",
            "target",
            "engine",
            "seed",
            "verdict",
            "expected",
            "as_expected",
            "strength",
            "exposures",
            "counts",
            "spread",
        ] {
            assert!(!json[field].is_null(), "{field}");
        }
        let first = &json["exposures"][0];
        for field in [
            "id",
            "rule",
            "kind",
            "viewer",
            "victim",
            "request",
            "step",
            "place",
            "round",
            "at",
            "times_seen",
            "replay",
        ] {
            assert!(!first[field].is_null(), "{field}");
        }
        assert_eq!(
            (&first["kind"], &first["viewer"], &first["victim"]),
            (&"write".into(), &"carol".into(), &"alice".into())
        );
        assert_eq!(first["at"], 1.234);
        assert_eq!(json["exposures_total"], 115);
        assert_eq!(json["spread"]["p95_us"], 4_200);
        assert_eq!(json["strength"]["notes"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn pairs_say_whose_clock_they_are_known_by() {
        let strength = &json(&all()["isolated"])["strength"];
        assert_eq!(strength["overlapping_pairs"], 1_900);
        assert_eq!(strength["pairs_by_server"], 1_400);
    }

    #[test]
    fn what_is_not_known_is_null_and_never_left_out() {
        let json = json(&all()["inconclusive"]);
        assert_eq!(json.get("spread"), Some(&Value::Null));
        assert_eq!(json["strength"].get("upper_bound_95"), Some(&Value::Null));
        assert_eq!(json["ending"]["how"], "interrupted");
    }

    #[test]
    fn the_schema_requires_every_field() {
        let schema: Value = serde_json::from_str(&schema().unwrap()).unwrap();
        let json = json(&all()["exposed"]);
        let required: Vec<&str> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for field in json.as_object().unwrap().keys() {
            assert!(schema["properties"].get(field).is_some(), "{field}");
            assert!(
                required.contains(&field.as_str())
                    || schema["properties"][field].to_string().contains("null"),
                "{field}"
            );
        }
    }
}

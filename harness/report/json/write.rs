//! From a report to what is written.

use super::SCHEMA_VERSION;
use super::day::JsonDay;
use super::exploration::{JsonExploration, JsonReach, JsonShownBy};
use super::shape::{
    JsonAnswer, JsonCounts, JsonEnding, JsonExposure, JsonFoundIn, JsonKind, JsonPhase, JsonPiece,
    JsonReport, JsonRule, JsonSide, JsonSpread, JsonStep, JsonStrength, JsonTarget, JsonThreshold,
    JsonVerdict, JsonVolley,
};
use crate::history::{Cause, Ending, Phase};
use crate::judge::{ExposureKind, ReasonKind, Spread, ThresholdResult, Verdict, VolleyPoint};
use crate::report::{Evidence, Finding, FindingSide, FoundIn, Piece, Report};

impl From<&Report> for JsonReport {
    fn from(report: &Report) -> JsonReport {
        JsonReport {
            schema_version: SCHEMA_VERSION,
            crosswire_version: report.crosswire_version.clone(),
            scenario: report.scenario.clone(),
            scenario_path: report.scenario_path.clone(),
            steps: steps(report),
            target: JsonTarget {
                name: report.target.clone(),
                url: report.url.clone(),
            },
            engine: report.engine.clone(),
            seed: report.seed,
            users: report.users,
            verdict: report.verdict.into(),
            reasons: report
                .reasons
                .iter()
                .map(|reason| reason.text.clone())
                .collect(),
            reason_kinds: report
                .reasons
                .iter()
                .map(|reason| kind_name(reason.kind))
                .collect(),
            expected: report.expected.into(),
            as_expected: report.as_expected(),
            ending: report
                .ending
                .as_ref()
                .map(|ending| json_ending(ending, report.elapsed_ns)),
            elapsed_ns: report.elapsed_ns,
            strength: strength(report),
            exposures: report
                .findings
                .iter()
                .map(|finding| json_exposure(report, finding))
                .collect(),
            exposures_total: report.findings_total,
            rules: rules(report),
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
            thresholds: report.thresholds.iter().map(JsonThreshold::from).collect(),
            volleys: report.points.iter().map(JsonVolley::from).collect(),
            explored: report.explored.iter().map(JsonExploration::from).collect(),
            day: report.day.as_ref().map(JsonDay::from),
            replay: report.replay.clone(),
            stored_as: report.stored_as.clone(),
        }
    }
}

fn steps(report: &Report) -> Vec<JsonStep> {
    report
        .steps
        .iter()
        .map(|step| JsonStep {
            name: step.name.clone(),
            line: step.line,
        })
        .collect()
}

fn rules(report: &Report) -> Vec<JsonRule> {
    report
        .rules
        .iter()
        .map(|rule| JsonRule {
            id: rule.id.clone(),
            title: rule.title.clone(),
            help: rule.help.clone(),
        })
        .collect()
}

fn strength(report: &Report) -> JsonStrength {
    let strength = &report.strength;
    JsonStrength {
        rounds: strength.rounds.into(),
        exchanges: strength.exchanges,
        volleys: strength.volleys,
        overlapping_pairs: strength.overlapping_pairs,
        min_overlaps: report.min_overlaps,
        pairs_by_server: strength.pairs_by_server,
        exposing_pairs: strength.exposing_pairs,
        upper_bound_95: strength.upper_bound_95,
        reach: strength.reach.as_ref().map(JsonReach::from),
        notes: report.notes.clone(),
    }
}

pub(in crate::report) fn json_exposure(report: &Report, finding: &Finding) -> JsonExposure {
    let victim = finding.victim_side.as_ref();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run is far shorter than the 104 days that 53 bits of nanoseconds hold"
    )]
    let at = finding.viewer_side.sent_ns as f64 / 1e9;
    JsonExposure {
        id: finding.id.clone(),
        rule: finding.rule.clone(),
        kind: finding.kind.into(),
        viewer: finding.viewer.clone(),
        victim: finding.victim.clone(),
        request: finding.viewer_side.request.clone(),
        status: finding.viewer_side.status,
        step: finding.step.clone(),
        line: finding.line,
        slot: finding.slot.clone(),
        place: finding.place.clone(),
        evidence: finding.evidence.clone(),
        phase: finding.phase.into(),
        round: finding.round,
        found_in: Some(finding.found_in().into()),
        at,
        times_seen: finding.times_seen,
        victim_request: victim.map(|side| side.request.clone()),
        viewer_order: finding.viewer_side.order,
        victim_order: victim.and_then(|side| side.order),
        replay: match finding.shown_by {
            Some(_) => report.replay_of(finding),
            None => report.replay.clone(),
        },
        replay_finding: report
            .stored_as
            .as_ref()
            .and_then(|_| report.replay_of(finding)),
        shown_by: finding.shown_by.as_ref().map(JsonShownBy::from),
        viewer_side: Some(JsonSide::from(&finding.viewer_side)),
        victim_side: victim.map(JsonSide::from),
    }
}

fn json_ending(ending: &Ending, elapsed_ns: u64) -> JsonEnding {
    let (how, why, cause) = match ending {
        Ending::Completed => ("completed", None, None),
        Ending::Limit { limit } => ("limit", Some(limit), None),
        Ending::Interrupted => ("interrupted", None, None),
        Ending::Failed { why, cause } => ("failed", Some(why), Some(cause_name(*cause))),
    };
    JsonEnding {
        how: how.to_owned(),
        why: why.cloned(),
        cause: cause.map(str::to_owned),
        elapsed_ms: elapsed_ns / 1_000_000,
    }
}

/// What went wrong, in one word.
pub(super) fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Unreachable => "unreachable",
        Cause::LogIn => "log-in",
        Cause::Step => "step",
    }
}

/// The kind in one word, as histories and programs know it.
fn kind_name(kind: ReasonKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
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

impl From<ExposureKind> for JsonKind {
    fn from(kind: ExposureKind) -> JsonKind {
        match kind {
            ExposureKind::Read => JsonKind::Read,
            ExposureKind::Write => JsonKind::Write,
            ExposureKind::Session => JsonKind::Session,
        }
    }
}

impl From<FoundIn> for JsonFoundIn {
    fn from(found_in: FoundIn) -> JsonFoundIn {
        match found_in {
            FoundIn::SetUp => JsonFoundIn::SetUp,
            FoundIn::Alone => JsonFoundIn::Alone,
            FoundIn::Sequence => JsonFoundIn::Sequence,
            FoundIn::OwnRace => JsonFoundIn::OwnRace,
            FoundIn::Race => JsonFoundIn::Race,
        }
    }
}

impl From<Phase> for JsonPhase {
    fn from(phase: Phase) -> JsonPhase {
        match phase {
            Phase::Setup => JsonPhase::Setup,
            Phase::Solo => JsonPhase::Solo,
            Phase::Sequence => JsonPhase::Sequence,
            Phase::Volley => JsonPhase::Volley,
            Phase::ReadBack => JsonPhase::ReadBack,
            Phase::CleanUp => JsonPhase::CleanUp,
        }
    }
}

impl From<&FindingSide> for JsonSide {
    fn from(side: &FindingSide) -> JsonSide {
        JsonSide {
            exchange: side.exchange,
            step: side.step.clone(),
            request: side.request.clone(),
            status: side.status,
            sent_ns: side.sent_ns,
            done_ns: side.done_ns,
            arrived_us: side.arrived_us,
            order: side.order,
            answer: JsonAnswer::from(&side.evidence),
        }
    }
}

impl From<&Evidence> for JsonAnswer {
    fn from(evidence: &Evidence) -> JsonAnswer {
        JsonAnswer {
            head: evidence.head.iter().map(JsonPiece::from).collect(),
            body: evidence.body.iter().map(JsonPiece::from).collect(),
            body_start: evidence.body_start,
            body_shown: evidence.body_shown,
            body_len: evidence.body_len,
        }
    }
}

impl From<&Piece> for JsonPiece {
    fn from(piece: &Piece) -> JsonPiece {
        JsonPiece {
            text: piece.text.clone(),
            hit: piece.hit,
            of: piece.of.clone(),
        }
    }
}

impl From<&Spread> for JsonSpread {
    fn from(spread: &Spread) -> JsonSpread {
        JsonSpread {
            strategy: spread.strategy.clone(),
            volleys: spread.volleys,
            median_us: spread.median_us,
            p95_us: spread.p95_us,
            measured_by: measured_by(spread.by_server),
        }
    }
}

impl From<&ThresholdResult> for JsonThreshold {
    fn from(result: &ThresholdResult) -> JsonThreshold {
        JsonThreshold {
            threshold: result.threshold.to_string(),
            value: result.value,
            holds: result.holds,
        }
    }
}

impl From<&VolleyPoint> for JsonVolley {
    fn from(point: &VolleyPoint) -> JsonVolley {
        JsonVolley {
            volley: point.volley,
            round: point.round,
            offset_us: point.offset_us,
            spread_us: point.spread_us,
            measured_by: measured_by(point.by_server),
            pairs: point.pairs,
            exposing: point.exposing,
        }
    }
}

fn measured_by(by_server: bool) -> String {
    if by_server { "server" } else { "client" }.to_owned()
}

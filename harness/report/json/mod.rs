//! The JSON report: written, described by a schema, and read back.
//!
//! Within one `schema_version` fields are only ever added.

mod day;
mod exploration;
mod exploration_read;
mod exploration_write;
mod read;
mod shape;
mod write;

use std::io::{self, Write};

use super::Report;

pub use day::{
    JsonDay, JsonDayCounts, JsonDayEvent, JsonDayInCi, JsonDayPhase, JsonDayRow, JsonDaySlice,
    JsonFirst, JsonRuling,
};
pub use exploration::{
    JsonBound, JsonCoverage, JsonDecisive, JsonDoubts, JsonExploration, JsonFound, JsonMoved,
    JsonOutcome, JsonPoints, JsonRaced, JsonReach, JsonShared, JsonShownBy, JsonTold,
};
pub use read::ReportError;
pub use shape::{
    JsonAnswer, JsonCounts, JsonEnding, JsonExposure, JsonFoundIn, JsonKind, JsonPhase, JsonPiece,
    JsonReport, JsonRule, JsonSide, JsonSpread, JsonStep, JsonStrength, JsonTarget, JsonThreshold,
    JsonVerdict, JsonVolley,
};

/// Version of the JSON report's format.
pub const SCHEMA_VERSION: u32 = 1;

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
    schema_of::<JsonReport>()
}

/// The JSON Schema of what is written, indented: every field that is always there is required.
pub(super) fn schema_of<T: schemars::JsonSchema>() -> serde_json::Result<String> {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    serde_json::to_string_pretty(&settings.into_generator().into_root_schema_for::<T>())
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

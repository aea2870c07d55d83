//! The counts for programs: structs of their own, so that a change inside crosswire never changes what programs read.

use std::io::{self, Write};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::{Counted, Sum};

/// Version of the format.
const SCHEMA_VERSION: u32 = 1;

/// What an audit has counted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "crosswire audit")]
struct JsonAudit<'c> {
    /// Version of this format; it changes when a field is removed or changes its meaning.
    schema_version: u32,
    /// Version of crosswire that counted.
    crosswire_version: &'static str,
    /// The most different subjects that one principal may have read; null when no limit was given.
    limit: Option<u64>,
    /// How many principals are beyond it; null when no limit was given.
    beyond_limit: Option<u64>,
    /// Seconds before the last access to which `in_window` looks back; null when no window was given.
    window_s: Option<u64>,
    /// Rows that were read.
    rows: u64,
    /// Of these, the accesses that were refused: they are in no count.
    refused: u64,
    /// The last access of all (RFC 3339), refused ones included; null when there was none.
    newest: Option<String>,
    /// One for each principal, the most subjects first, then by name.
    principals: Vec<JsonSum<'c>>,
    /// One for each key, in the same order; none when the log has no keys.
    keys: Vec<JsonSum<'c>>,
}

/// The accesses of a principal, or by a key.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sum")]
struct JsonSum<'c> {
    /// Of the principal, or of the key.
    name: &'c str,
    /// Different subjects over the whole history.
    subjects: u64,
    /// Different subjects within the window; null when no window was given.
    in_window: Option<u64>,
    /// Accesses.
    reads: u64,
    /// The first access (RFC 3339).
    first: String,
    /// The last access (RFC 3339).
    last: String,
}

/// Writes the counts as one indented JSON document. The window is that of [`Audit::finish`](super::Audit::finish).
///
/// # Errors
/// Those of the writer.
pub fn render(
    counted: &Counted,
    limit: Option<u64>,
    window_s: Option<u64>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let document = JsonAudit {
        schema_version: SCHEMA_VERSION,
        crosswire_version: env!("CARGO_PKG_VERSION"),
        limit,
        beyond_limit: limit.map(|limit| counted.beyond(limit)),
        window_s,
        rows: counted.rows,
        refused: counted.refused,
        newest: counted.newest.map(|newest| newest.to_string()),
        principals: counted.principals.iter().map(JsonSum::from).collect(),
        keys: counted.keys.iter().map(JsonSum::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// The JSON Schema of what [`render`] writes, indented.
///
/// # Errors
/// Never in practice: a schema is plain data.
pub fn schema() -> serde_json::Result<String> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings
        .into_generator()
        .into_root_schema_for::<JsonAudit<'_>>();
    serde_json::to_string_pretty(&schema)
}

impl<'c> From<&'c Sum> for JsonSum<'c> {
    fn from(sum: &'c Sum) -> Self {
        Self {
            name: &sum.name,
            subjects: sum.subjects,
            in_window: sum.recent,
            reads: sum.reads,
            first: sum.first.to_string(),
            last: sum.last.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Audit, read};
    use super::*;

    #[test]
    fn the_document_says_all_that_was_counted_and_fits_its_schema() {
        let log =
            "time,principal,key,subject,status\n0,a,k,1,200\n86400,a,k,2,200\n86400,b,,2,403\n";
        let mut audit = Audit::new();
        read(log.as_bytes(), &mut audit).unwrap();
        let counted = audit.finish(Some(3600));
        let mut bytes = Vec::new();
        render(&counted, Some(1), Some(3600), &mut bytes).unwrap();
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let sum = |name| {
            json!({
                "name": name, "subjects": 2, "in_window": 1, "reads": 2,
                "first": "1970-01-01T00:00:00Z", "last": "1970-01-02T00:00:00Z"
            })
        };
        let expected = json!({
            "schema_version": 1, "crosswire_version": env!("CARGO_PKG_VERSION"), "limit": 1, "beyond_limit": 1,
            "window_s": 3600, "rows": 3, "refused": 1, "newest": "1970-01-02T00:00:00Z",
            "principals": [sum("a")], "keys": [sum("k")]
        });
        assert_eq!(document, expected);
        let schema: Value = serde_json::from_str(&schema().unwrap()).unwrap();
        for (described, written) in [
            (&schema["properties"], &document),
            (&schema["$defs"]["Sum"]["properties"], &document["keys"][0]),
        ] {
            let named = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(named(described), named(written));
        }
    }
}

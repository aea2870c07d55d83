//! The JSON Schema (draft 2020-12) of scenario files, for editors: every key with its type, bounds and meaning. Whether
//! names, templates and slots fit together is for the reader alone.

mod day;
mod exploring;
mod sections;
mod steps;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod validator;

use serde_json::{Map, Value, json};

use super::SCENARIO_VERSION;
use super::settings::Bounds;

/// The JSON Schema of scenario files, ready to be stored for an editor: indented, without a line break at the end.
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(&crosswire::scenario::schema())?;
/// assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn schema() -> String {
    format!("{:#}", document())
}

fn document() -> Value {
    let version = json!({
        "const": SCENARIO_VERSION,
        "description": "Version of the file format."
    });
    let mut properties = vec![("version", version)];
    properties.extend(sections::all());
    properties.extend(steps::lists());
    let mut schema = table(
        "A scenario of crosswire: who the users are, what each of them does, and how it is raced.",
        &["version", "target", "users", "volley"],
        properties,
    );
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("crosswire scenario");
    schema["$defs"] = json!({ "step": steps::step(), "status": statuses() });
    schema
}

/// A table that has these keys and no other.
fn table(description: &str, required: &[&str], properties: Vec<(&str, Value)>) -> Value {
    let properties: Map<String, Value> = properties
        .into_iter()
        .map(|(key, schema)| (key.to_owned(), schema))
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": false
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A table with free keys.
fn map(description: &str, values: &Value) -> Value {
    json!({ "type": "object", "description": description, "additionalProperties": values })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn texts(description: &str) -> Value {
    json!({ "type": "array", "description": description, "items": { "type": "string" } })
}

fn flag(description: &str, default: bool) -> Value {
    json!({ "type": "boolean", "description": description, "default": default })
}

fn words(description: &str, words: &[&str]) -> Value {
    json!({ "enum": words, "description": description })
}

/// A whole number that has a value when it is left out.
fn number(description: &str, bounds: Bounds) -> Value {
    let mut schema = number_or_none(description, bounds);
    schema["default"] = json!(bounds.default);
    schema
}

/// A whole number that means nothing when it is left out.
fn number_or_none(description: &str, bounds: Bounds) -> Value {
    json!({
        "type": "integer",
        "description": description,
        "minimum": bounds.min,
        "maximum": bounds.max
    })
}

/// Status codes: one, a class, or a list of these.
fn statuses() -> Value {
    let one = json!({ "anyOf": [
        { "type": "integer", "minimum": 100, "maximum": 599 },
        { "type": "string", "pattern": "^[1-5]xx$" }
    ] });
    json!({
        "description": "Status codes: a number, a class such as \"2xx\", or a list of these.",
        "anyOf": [one, { "type": "array", "minItems": 1, "items": one }]
    })
}

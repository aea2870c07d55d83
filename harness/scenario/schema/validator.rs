//! Validates JSON against the part of JSON Schema that the schema of scenarios uses; anything else makes it panic, so that
//! no keyword is passed over in silence.

use regex::Regex;
use serde_json::Value;

/// Where `value` goes against `schema`, and how; `root` holds what references name.
pub(super) fn trouble(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let keywords = schema.as_object().expect("a schema is an object");
    keywords.iter().find_map(|(keyword, rule)| {
        let broken = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" => return None,
            "$ref" => {
                let pointer = rule
                    .as_str()
                    .and_then(|rule| rule.strip_prefix('#'))
                    .unwrap();
                return trouble(root, root.pointer(pointer).unwrap(), value, at);
            }
            "anyOf" => {
                let any = rule.as_array().unwrap().iter();
                let mut tried = any.map(|schema| trouble(root, schema, value, at));
                !tried.any(|trouble| trouble.is_none())
            }
            "properties" | "additionalProperties" => return members(root, schema, value, at),
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                return items
                    .filter_map(|(index, item)| trouble(root, rule, item, &format!("{at}/{index}")))
                    .next();
            }
            "type" => !is_of_type(value, rule.as_str().unwrap()),
            "const" => value != rule,
            "enum" => !rule.as_array().unwrap().contains(value),
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .any(|key| value.is_object() && value.get(key.as_str().unwrap()).is_none()),
            "minimum" => value
                .as_i64()
                .is_some_and(|number| number < rule.as_i64().unwrap()),
            "maximum" => value
                .as_i64()
                .is_some_and(|number| number > rule.as_i64().unwrap()),
            "minItems" => value
                .as_array()
                .is_some_and(|list| (list.len() as u64) < rule.as_u64().unwrap()),
            "maxItems" => value
                .as_array()
                .is_some_and(|list| (list.len() as u64) > rule.as_u64().unwrap()),
            "uniqueItems" => value.as_array().is_some_and(|list| {
                let seen = |at: usize| list[..at].contains(&list[at]);
                (0..list.len()).any(seen)
            }),
            "pattern" => {
                let pattern = Regex::new(rule.as_str().unwrap()).unwrap();
                value.as_str().is_some_and(|text| !pattern.is_match(text))
            }
            unknown => panic!("the validator does not know `{unknown}`"),
        };
        broken.then(|| format!("{at}: {keyword} {rule}"))
    })
}

/// The members of an object, each by the schema of its key or by that of all others.
fn members(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let members = value.as_object()?;
    members.iter().find_map(|(key, member)| {
        let at = format!("{at}/{key}");
        match (
            schema["properties"].get(key),
            &schema["additionalProperties"],
        ) {
            (Some(own), _) => trouble(root, own, member, &at),
            (None, Value::Bool(false)) => Some(format!("{at}: unknown")),
            (None, others) => trouble(root, others, member, &at),
        }
    })
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        unknown => panic!("the validator does not know the type `{unknown}`"),
    }
}

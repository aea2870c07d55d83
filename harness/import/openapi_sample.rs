//! Sample values for the schemas of an OpenAPI description.

use super::json::Json;

/// References that are followed one into the other, and depth of a sample.
const DEPTH: usize = 12;
/// Values of one sample, so that a schema which names itself many times ends.
const VALUES: usize = 400;

/// Follows `$ref`s within the document.
pub(super) fn resolve<'d>(root: &'d Json, node: &'d Json) -> &'d Json {
    let mut node = node;
    for _ in 0..DEPTH {
        let Some(target) = node.str("$ref").and_then(|to| to.strip_prefix("#/")) else {
            return node;
        };
        let found = target.split('/').try_fold(root, |at, part| {
            let part = super::seen::decoded(part)
                .replace("~1", "/")
                .replace("~0", "~");
            at.get(&part)
        });
        match found {
            Some(found) => node = found,
            None => return node,
        }
    }
    node
}

/// A value that fits a schema: its example, default, first of its list, or one by its type.
pub(super) fn sample<'d>(root: &'d Json, schema: &'d Json) -> Json {
    let mut sampler = Sampler {
        root,
        left: VALUES,
        within: Vec::new(),
    };
    sampler.value(schema).unwrap_or(Json::Null)
}

struct Sampler<'d> {
    root: &'d Json,
    /// Values that may still be made.
    left: usize,
    /// The schemas that are being filled in: one within itself is left out.
    within: Vec<&'d Json>,
}

impl<'d> Sampler<'d> {
    fn value(&mut self, schema: &'d Json) -> Option<Json> {
        let schema = resolve(self.root, schema);
        let is_within = self.within.iter().any(|outer| std::ptr::eq(*outer, schema));
        if is_within || self.within.len() > DEPTH || self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.within.push(schema);
        let made = self.value_within(schema);
        self.within.pop();
        made
    }

    fn value_within(&mut self, schema: &'d Json) -> Option<Json> {
        if let Some(value) = written(schema) {
            return Some(value);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(first) = schema.list(key).first() {
                return self.value(first);
            }
        }
        let is_table = schema.get("properties").is_some() || !schema.list("allOf").is_empty();
        match kind_of(schema) {
            "array" => {
                let items = schema.get("items")?;
                Some(Json::List(self.value(items).into_iter().collect()))
            }
            "integer" | "number" => Some(Json::Number(
                schema
                    .get("minimum")
                    .and_then(Json::scalar)
                    .filter(|number| number.parse::<i64>().is_ok())
                    .unwrap_or_else(|| "1".to_owned()),
            )),
            "boolean" => Some(Json::Truth(true)),
            "null" => Some(Json::Null),
            "object" | "" if is_table => {
                let mut entries = Vec::new();
                self.fields(schema, 0, &mut entries);
                Some(Json::Table(entries))
            }
            "object" => Some(Json::Table(Vec::new())),
            "string" | "" => Some(Json::text(text_of(
                schema.str("format").unwrap_or_default(),
            ))),
            _ => None,
        }
    }

    /// The fields of a table, those of `allOf` included; fields that only the service sets are left out.
    fn fields(&mut self, schema: &'d Json, depth: usize, entries: &mut Vec<(String, Json)>) {
        for part in schema.list("allOf").iter().filter(|_| depth < DEPTH) {
            self.fields(resolve(self.root, part), depth + 1, entries);
        }
        for (name, property) in schema
            .get("properties")
            .map(Json::entries)
            .unwrap_or_default()
        {
            let resolved = resolve(self.root, property);
            if resolved.is_true("readOnly") || entries.iter().any(|entry| entry.0 == *name) {
                continue;
            }
            if let Some(value) = self.value(property) {
                entries.push((name.clone(), value));
            }
        }
    }
}

/// A value that the description itself gives.
fn written(schema: &Json) -> Option<Json> {
    let given = schema
        .get("example")
        .or_else(|| schema.list("examples").first())
        .or_else(|| schema.get("default"))
        .or_else(|| schema.get("const"))
        .or_else(|| schema.list("enum").first())?;
    (*given != Json::Null).then(|| given.clone())
}

/// The type; 3.1 has lists of types, of which `null` is the last one wanted.
fn kind_of(schema: &Json) -> &str {
    match schema.get("type") {
        Some(Json::List(kinds)) => kinds
            .iter()
            .filter_map(Json::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("null"),
        Some(kind) => kind.as_str().unwrap_or_default(),
        None => "",
    }
}

fn text_of(format: &str) -> &'static str {
    match format {
        "date" => "2024-01-31",
        "date-time" => "2024-01-31T12:00:00Z",
        "time" => "12:00:00",
        "email" => "somebody@example.com",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "uri" | "url" => "https://example.com/",
        "ipv4" => "192.0.2.1",
        "byte" => "dGV4dA==",
        _ => "text",
    }
}

/// Names and JSON pointers of all fields of a schema, those of lists' items included (without a pointer).
pub(super) fn field_names(root: &Json, schema: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    names_at(root, schema, "", 0, &mut found);
    found
}

fn names_at(
    root: &Json,
    schema: &Json,
    pointer: &str,
    depth: usize,
    found: &mut Vec<(String, String)>,
) {
    if depth > DEPTH / 2 || found.len() >= VALUES {
        return;
    }
    let schema = resolve(root, schema);
    for part in ["allOf", "oneOf", "anyOf"]
        .into_iter()
        .flat_map(|key| schema.list(key))
    {
        names_at(root, part, pointer, depth + 1, found);
    }
    if let Some(items) = schema.get("items") {
        names_at(root, items, &format!("{pointer}/0"), depth + 1, found);
    }
    for (name, property) in schema
        .get("properties")
        .map(Json::entries)
        .unwrap_or_default()
    {
        if found.len() >= VALUES {
            return;
        }
        let own = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        found.push((name.clone(), own.clone()));
        names_at(root, property, &own, depth + 1, found);
    }
}

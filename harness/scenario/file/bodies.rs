//! Reads the body of a step: `json`, `form` or `text`.

use toml::Value;
use toml::de::DeValue;

use super::fields::{Fields, Located, Node, text, wrong_type};
use super::texts::{Compiler, Place};
use crate::scenario::body::{Body, Piece, push_json_string, push_ready};
use crate::scenario::error::Fault;
use crate::scenario::scan::Outline;
use crate::scenario::template::Text;

pub(super) fn read_body(
    compiler: &mut Compiler<'_>,
    fields: &Fields<'_>,
    place: Place,
) -> Result<Body, Fault> {
    let mut given: Vec<&str> = ["json", "form", "text"]
        .into_iter()
        .filter(|key| fields.get(key).is_some())
        .collect();
    given.sort_by_key(|key| fields.key_span(key).start);
    if let [first, second, ..] = given[..] {
        let message = format!("a request has one body: `{first}` or `{second}`, not both");
        return Err(Fault::new(
            fields.key_span(second),
            message,
            "a second body",
        ));
    }
    if let Some(node) = fields.get("json") {
        let mut pieces = Vec::new();
        let value = read_json(compiler, node, place, &mut pieces)?;
        return Ok(Body::Json(value, pieces));
    }
    if let Some(node) = fields.get("form") {
        let mut form = Vec::new();
        for (key, node) in Fields::open_any(node, "form")?.entries() {
            form.push((
                key.text.to_owned(),
                compiler.compile(&text(node, key.text)?, place, false)?,
            ));
        }
        return Ok(Body::Form(form));
    }
    match fields.text("text")? {
        Some(given) => Ok(Body::Text(compiler.compile(&given, place, false)?)),
        None => Ok(Body::Empty),
    }
}

/// Reads a JSON value: what the file says, and the pieces from which it is filled in.
fn read_json(
    compiler: &mut Compiler<'_>,
    node: &Node<'_>,
    place: Place,
    pieces: &mut Vec<Piece>,
) -> Result<Value, Fault> {
    match node.get_ref() {
        DeValue::String(given) => read_json_text(
            compiler,
            &Located {
                text: given,
                span: node.span(),
            },
            place,
            pieces,
        ),
        DeValue::Integer(integer) => {
            let value = i64::from_str_radix(integer.as_str(), integer.radix());
            let value = value.map_err(|_| {
                Fault::new(node.span(), "the number is too large", "64 bits at most")
            })?;
            push_ready(pieces, &value.to_string());
            Ok(Value::Integer(value))
        }
        DeValue::Float(float) => {
            let number = float
                .as_str()
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite());
            let number = number
                .ok_or_else(|| Fault::new(node.span(), "JSON has no such number", "not finite"))?;
            push_ready(pieces, &serde_json::Value::from(number).to_string());
            Ok(Value::Float(number))
        }
        DeValue::Boolean(truth) => {
            push_ready(pieces, if *truth { "true" } else { "false" });
            Ok(Value::Boolean(*truth))
        }
        DeValue::Array(items) => {
            let mut values = Vec::new();
            push_ready(pieces, "[");
            for (position, item) in items.iter().enumerate() {
                push_ready(pieces, if position == 0 { "" } else { "," });
                values.push(read_json(compiler, item, place, pieces)?);
            }
            push_ready(pieces, "]");
            Ok(Value::Array(values))
        }
        DeValue::Table(_) => {
            let mut values = toml::Table::new();
            push_ready(pieces, "{");
            for (position, (key, item)) in Fields::open_any(node, "json")?.entries().enumerate() {
                let mut written = String::from(if position == 0 { "" } else { "," });
                push_json_string(&mut written, key.text);
                push_ready(pieces, &format!("{written}:"));
                values.insert(
                    key.text.to_owned(),
                    read_json(compiler, item, place, pieces)?,
                );
            }
            push_ready(pieces, "}");
            Ok(Value::Table(values))
        }
        other @ DeValue::Datetime(_) => Err(wrong_type(
            other,
            node.span(),
            "JSON has texts, numbers, truth values, lists and tables",
        )),
    }
}

fn read_json_text(
    compiler: &mut Compiler<'_>,
    given: &Located<'_>,
    place: Place,
    pieces: &mut Vec<Piece>,
) -> Result<Value, Fault> {
    let text = compiler.compile(given, place, false)?;
    match text.as_fixed() {
        Some(fixed) => {
            let mut written = String::new();
            push_json_string(&mut written, fixed);
            push_ready(pieces, &written);
        }
        None if Outline::of(given.text).is_integer(given.text) => pieces.push(Piece::Integer(text)),
        None => pieces.push(Piece::String(text)),
    }
    Ok(Value::String(given.text.to_owned()))
}

impl Body {
    /// Every text in it that is filled in.
    pub(in crate::scenario) fn texts(&self) -> Vec<&Text> {
        match self {
            Body::Empty => Vec::new(),
            Body::Json(_, pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Ready(_) => None,
                    Piece::String(text) | Piece::Integer(text) => Some(text),
                })
                .collect(),
            Body::Form(fields) => fields.iter().map(|field| &field.1).collect(),
            Body::Text(text) => vec![text],
        }
    }
}

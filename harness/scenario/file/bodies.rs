//! Reads the body of a step: `json`, `form`, `text`, `multipart` or `raw`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toml::Value;
use toml::de::DeValue;

use super::fields::{Fields, Located, Node, text, wrong_type};
use super::texts::{Compiler, Place};
use crate::scenario::body::{Body, Piece, RawSource, push_json_string, push_ready};
use crate::scenario::error::Fault;
use crate::scenario::multipart::{Part, PartContent};
use crate::scenario::scan::Outline;
use crate::scenario::step::check_header_value;
use crate::scenario::template::Text;

/// Keys that give a request its body.
const KEYS: [&str; 5] = ["json", "form", "text", "multipart", "raw"];
/// Most parts of a multipart body.
const PART_LIMIT: usize = 100;

pub(super) fn read_body(
    compiler: &mut Compiler<'_>,
    fields: &Fields<'_>,
    place: Place,
) -> Result<Body, Fault> {
    let mut given: Vec<&str> = KEYS
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
                compiler.compile(&text(node, key.text)?, place, true)?,
            ));
        }
        return Ok(Body::Form(form));
    }
    if let Some(node) = fields.get("multipart") {
        return read_multipart(compiler, node, place).map(Body::Multipart);
    }
    if let Some(node) = fields.get("raw") {
        return read_raw(compiler, node);
    }
    match fields.text("text")? {
        Some(given) => Ok(Body::Text(compiler.compile(&given, place, true)?)),
        None => Ok(Body::Empty),
    }
}

fn read_multipart(
    compiler: &mut Compiler<'_>,
    node: &Node<'_>,
    place: Place,
) -> Result<Vec<Part>, Fault> {
    let DeValue::Array(items) = node.get_ref() else {
        let wanted = "`multipart` is a list of parts";
        let fault = wrong_type(node.get_ref(), node.span(), wanted);
        return Err(fault.hint("for example `[{ name = \"title\", text = \"x\" }]`"));
    };
    if items.is_empty() || items.len() > PART_LIMIT {
        let message = format!("a multipart body has 1 to {PART_LIMIT} parts");
        return Err(Fault::new(
            node.span(),
            message,
            format!("{} here", items.len()),
        ));
    }
    items
        .iter()
        .map(|item| read_part(compiler, item, place))
        .collect()
}

fn read_part(compiler: &mut Compiler<'_>, node: &Node<'_>, place: Place) -> Result<Part, Fault> {
    let fields = Fields::open(
        node,
        "a part of `multipart`",
        &["name", "text", "file", "filename", "type"],
    )?;
    let name = fields.required("name", "the name of the form's field")?;
    let content = match (fields.text("text")?, fields.text("file")?) {
        (Some(given), None) => PartContent::Text(compiler.compile(&given, place, true)?),
        (None, Some(given)) => {
            PartContent::File(given.text.to_owned(), compiler.file(&given)?.into())
        }
        (Some(_), Some(_)) => {
            let (text, file) = (fields.key_span("text"), fields.key_span("file"));
            let second = if text.start > file.start { text } else { file };
            let message = "a part is a `text` or a `file`, not both";
            return Err(Fault::new(second, message, "a second content"));
        }
        (None, None) => {
            return Err(fields.missing("text", "`text = \"…\"`, or `file = \"a.png\"`"));
        }
    };
    let content_type = match fields.text("type")? {
        Some(given) if given.text.is_empty() || check_header_value(given.text).is_err() => {
            let message = "a content type is one line and not empty";
            return Err(Fault::new(given.span, message, "not a content type"));
        }
        given => given.map(|given| given.text.to_owned()),
    };
    Ok(Part {
        name: text(name, "name")?.text.to_owned(),
        filename: fields
            .text("filename")?
            .map(|given| compiler.compile(&given, place, false))
            .transpose()?,
        content_type,
        content,
    })
}

fn read_raw(compiler: &Compiler<'_>, node: &Node<'_>) -> Result<Body, Fault> {
    let fields = Fields::open(node, "`raw`", &["file", "base64"])?;
    match (fields.text("file")?, fields.text("base64")?) {
        (Some(file), None) => {
            let bytes = compiler.file(&file)?;
            Ok(Body::Raw(
                RawSource::File(file.text.to_owned()),
                bytes.into(),
            ))
        }
        (None, Some(given)) => match STANDARD.decode(given.text) {
            Ok(bytes) => Ok(Body::Raw(
                RawSource::Base64(given.text.to_owned()),
                bytes.into(),
            )),
            Err(error) => {
                let message = format!("not base64: {error}");
                let fault = Fault::new(given.span, message, "cannot be decoded");
                Err(fault.hint("the standard alphabet, padded with `=`, without spaces"))
            }
        },
        _ => {
            let message = "a raw body comes from one place";
            let fault = Fault::new(fields.span(), message, "one key is needed here");
            Err(fault.hint("`{ file = \"body.bin\" }` or `{ base64 = \"AAEC\" }`"))
        }
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
    let text = compiler.compile(given, place, true)?;
    match text.as_fixed() {
        // What the environment supplied stays where it cannot be shown by accident.
        Some(fixed) if fixed == given.text => {
            let mut written = String::new();
            push_json_string(&mut written, fixed);
            push_ready(pieces, &written);
        }
        _ if Outline::of(given.text).is_integer(given.text) => pieces.push(Piece::Integer(text)),
        _ => pieces.push(Piece::String(text)),
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
            Body::Multipart(parts) => parts.iter().flat_map(Part::texts).collect(),
            Body::Raw(..) => Vec::new(),
        }
    }
}

//! Bodies of requests, taken apart beforehand so that filling one in is joining its pieces.

use std::sync::Arc;

use minijinja::Environment;

use super::multipart::{self, Part};
use super::template::{Text, TextError, Values, percent_encode};

/// The body of a step.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// None.
    Empty,
    /// As the file has it, and in pieces.
    Json(toml::Value, Vec<Piece>),
    /// Keys and values in the file's order.
    Form(Vec<(String, Text)>),
    /// As it is.
    Text(Text),
    /// Parts in the file's order.
    Multipart(Vec<Part>),
    /// Bytes that are not filled in.
    Raw(RawSource, Arc<[u8]>),
}

/// Where the bytes of a raw body come from, as the file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RawSource {
    /// The path of a file.
    File(String),
    /// Base64.
    Base64(String),
}

/// A part of a JSON body.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Ready to be sent.
    Ready(String),
    /// Becomes a JSON string, quotes included.
    String(Text),
    /// Becomes a JSON number.
    Integer(Text),
}

impl Body {
    /// The key under which the file has it.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Body::Empty => "body",
            Body::Json(..) => "json",
            Body::Form(_) => "form",
            Body::Text(_) => "text",
            Body::Multipart(_) => "multipart",
            Body::Raw(..) => "raw",
        }
    }

    /// The bytes, and the content type that belongs to them: a raw body has none of its own.
    pub(super) fn render(
        &self,
        environment: &Environment<'_>,
        values: &Values<'_>,
    ) -> Result<(Vec<u8>, Option<String>), TextError> {
        let (bytes, content_type) = match self {
            Body::Empty => return Ok((Vec::new(), None)),
            Body::Json(_, pieces) => {
                let mut out = String::new();
                for piece in pieces {
                    piece.render(&mut out, environment, values)?;
                }
                (out.into_bytes(), "application/json")
            }
            Body::Form(fields) => {
                let mut out = String::new();
                push_form(&mut out, fields, environment, values)?;
                (out.into_bytes(), "application/x-www-form-urlencoded")
            }
            Body::Text(text) => {
                let text = text.render(environment, values)?.into_owned();
                (text.into_bytes(), "text/plain; charset=utf-8")
            }
            Body::Multipart(parts) => {
                let (bytes, content_type) = multipart::render(parts, environment, values)?;
                return Ok((bytes, Some(content_type)));
            }
            Body::Raw(_, bytes) => return Ok((bytes.to_vec(), None)),
        };
        Ok((bytes, Some(content_type.to_owned())))
    }
}

impl Piece {
    fn render(
        &self,
        out: &mut String,
        environment: &Environment<'_>,
        values: &Values<'_>,
    ) -> Result<(), TextError> {
        match self {
            Piece::Ready(text) => out.push_str(text),
            Piece::String(text) => push_json_string(out, &text.render(environment, values)?),
            Piece::Integer(text) => {
                let number = text.render(environment, values)?;
                if number.parse::<i128>().is_err() {
                    return Err(TextError::plain("the filter `int` gave no whole number"));
                }
                out.push_str(&number);
            }
        }
        Ok(())
    }
}

/// Appends keys and values in the form of `application/x-www-form-urlencoded`.
pub(super) fn push_form(
    out: &mut String,
    fields: &[(String, Text)],
    environment: &Environment<'_>,
    values: &Values<'_>,
) -> Result<(), TextError> {
    for (position, (key, text)) in fields.iter().enumerate() {
        let between = if position == 0 { "" } else { "&" };
        let value = percent_encode(&text.render(environment, values)?);
        out.extend([between, &percent_encode(key), "=", &value]);
    }
    Ok(())
}

/// Appends `text` as a JSON string.
pub(super) fn push_json_string(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// Adds finished text to the end, joining it to what is there.
pub(super) fn push_ready(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Ready(ready)) => ready.push_str(text),
        _ => pieces.push(Piece::Ready(text.to_owned())),
    }
}

/// Equal when the file says the same.
impl PartialEq for Body {
    fn eq(&self, other: &Body) -> bool {
        match (self, other) {
            (Body::Empty, Body::Empty) => true,
            (Body::Json(a, _), Body::Json(b, _)) => a == b,
            (Body::Form(a), Body::Form(b)) => a == b,
            (Body::Text(a), Body::Text(b)) => a == b,
            (Body::Multipart(a), Body::Multipart(b)) => a == b,
            (Body::Raw(a, _), Body::Raw(b, _)) => a == b,
            _ => false,
        }
    }
}

//! Bodies of requests: JSON, form or text, taken apart beforehand so that filling one in is joining its pieces.

use minijinja::Environment;

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
        }
    }

    pub(super) fn content_type(&self) -> Option<&'static str> {
        match self {
            Body::Empty => None,
            Body::Json(..) => Some("application/json"),
            Body::Form(_) => Some("application/x-www-form-urlencoded"),
            Body::Text(_) => Some("text/plain; charset=utf-8"),
        }
    }

    pub(super) fn render(
        &self,
        environment: &Environment<'_>,
        values: &Values<'_>,
    ) -> Result<Vec<u8>, TextError> {
        let mut out = String::new();
        match self {
            Body::Empty => {}
            Body::Json(_, pieces) => {
                for piece in pieces {
                    piece.render(&mut out, environment, values)?;
                }
            }
            Body::Form(fields) => {
                for (key, text) in fields {
                    let between = if out.is_empty() { "" } else { "&" };
                    let value = percent_encode(&text.render(environment, values)?);
                    out.extend([between, &percent_encode(key), "=", &value]);
                }
            }
            Body::Text(text) => {
                return Ok(text.render(environment, values)?.into_owned().into_bytes());
            }
        }
        Ok(out.into_bytes())
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
            _ => false,
        }
    }
}

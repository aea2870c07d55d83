//! Writes the body of a request: as a table, as a line, or as text where TOML cannot say it.

use std::collections::BTreeSet;

use super::json::Json;
use super::lines::{Lines, inline, key, quoted};
use super::seen::{Body, Part};
use super::sift::TEXT_LIMIT;
use super::text::{Piece, Text, Writing};

/// Most parts of a form: as many as a scenario takes.
const PART_LIMIT: usize = 100;

/// Whether a key is there twice: a table has every key once.
pub(super) fn repeats<'k>(mut keys: impl Iterator<Item = &'k String>) -> bool {
    let mut known = BTreeSet::new();
    !keys.all(|key| known.insert(key))
}

/// Names and values as a form writes them.
pub(super) fn encoded(pairs: &[(String, Text)]) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| {
            let pieces = value.pieces().iter().map(|piece| match piece {
                Piece::Plain(text) => Piece::Plain(encode(text)),
                Piece::Code(code) => Piece::Code(code.clone()),
            });
            format!(
                "{}={}",
                encode(name),
                Text::of(pieces.collect()).source(Writing::Encoded)
            )
        })
        .collect();
    pairs.join("&")
}

/// A body: a line or a table, and the media type that has to be said.
#[derive(Default)]
pub(super) struct Written {
    pub(super) line: Option<(&'static str, String)>,
    pub(super) table: Option<(&'static str, Vec<(String, String)>)>,
    pub(super) kind: Option<String>,
}

/// Writes a body.
pub(super) fn body(out: &mut Lines, body: &Body) -> Written {
    let written = match body {
        Body::Empty | Body::Left(_) => Written::default(),
        Body::Form(fields) if repeats(fields.iter().map(|field| &field.0)) => Written {
            line: Some(("text", quoted(&encoded(fields)))),
            kind: Some("application/x-www-form-urlencoded".to_owned()),
            ..Written::default()
        },
        Body::Form(fields) => Written {
            table: Some((
                "form",
                fields
                    .iter()
                    .map(|(name, value)| (key(name), quoted(&value.source(Writing::Whole))))
                    .collect(),
            )),
            ..Written::default()
        },
        Body::Json(json) if json.is_beyond_toml() => {
            out.remark(
                "TOML has no null and no number of more than 64 bits: the JSON is written as text.",
            );
            let mut pieces = Vec::new();
            json_text(json, &mut pieces);
            Written {
                line: Some((
                    "text",
                    quoted(&Text::of(joined(pieces)).source(Writing::Whole)),
                )),
                kind: Some("application/json".to_owned()),
                ..Written::default()
            }
        }
        Body::Json(Json::Table(entries)) if !entries.is_empty() => Written {
            table: Some((
                "json",
                entries
                    .iter()
                    .map(|(name, value)| (key(name), toml(value)))
                    .collect(),
            )),
            ..Written::default()
        },
        Body::Json(json) => Written {
            line: Some(("json", toml(json))),
            ..Written::default()
        },
        Body::Multipart(parts) if parts.is_empty() || parts.len() > PART_LIMIT => {
            let count = parts.len();
            out.remark(&format!("TO DO: the body is missing: it was a form of {count} parts, a scenario takes 1 to {PART_LIMIT}."));
            Written::default()
        }
        Body::Multipart(parts) => Written {
            line: Some(("multipart", multipart(out, parts))),
            ..Written::default()
        },
        Body::Text(text) => Written {
            line: Some(("text", quoted(&text.source(Writing::Whole)))),
            ..Written::default()
        },
    };
    let length = written.line.as_ref().map_or(0, |line| line.1.len())
        + written.table.as_ref().map_or(0, |table| {
            table
                .1
                .iter()
                .map(|entry| entry.0.len() + entry.1.len())
                .sum()
        });
    if length > TEXT_LIMIT {
        out.remark(&format!(
            "TO DO: the body is missing: it has {length} bytes, a draft takes {TEXT_LIMIT}."
        ));
        return Written::default();
    }
    written
}

fn multipart(out: &mut Lines, parts: &[Part]) -> String {
    let mut written = Vec::new();
    for part in parts {
        let mut entries = vec![
            ("name".to_owned(), quoted(&part.name)),
            ("text".to_owned(), quoted(&part.text.source(Writing::Whole))),
        ];
        if let Some(filename) = &part.filename {
            let filename = Text::plain(filename.as_str()).source(Writing::Whole);
            entries.push(("filename".to_owned(), quoted(&filename)));
        }
        let is_sendable = |kind: &&String| !kind.is_empty() && !kind.contains(char::is_control);
        if let Some(kind) = part.kind.as_ref().filter(is_sendable) {
            entries.push(("type".to_owned(), quoted(kind)));
        }
        if part.is_file {
            out.remark(&format!("TO DO: the file of `{}` is a text full of canaries; if the service takes images alone, file = \"PATH\".", part.name));
        }
        written.push(inline(&entries));
    }
    match written.len() {
        1 => format!("[{}]", written.concat()),
        _ => format!("[\n  {},\n]", written.join(",\n  ")),
    }
}

/// A JSON value as TOML on one line.
fn toml(json: &Json) -> String {
    match json {
        Json::Null => quoted(""),
        Json::Truth(truth) => truth.to_string(),
        Json::Number(number) => number.clone(),
        Json::Text(text) => quoted(&text.source(Writing::Whole)),
        Json::List(items) => format!(
            "[{}]",
            items.iter().map(toml).collect::<Vec<_>>().join(", ")
        ),
        Json::Table(entries) => {
            let entries: Vec<(String, String)> = entries
                .iter()
                .map(|(name, value)| (key(name), toml(value)))
                .collect();
            inline(&entries)
        }
    }
}

/// A JSON value as JSON with code in it.
fn json_text(json: &Json, pieces: &mut Vec<Piece>) {
    let mut plain = |text: &str| pieces.push(Piece::Plain(text.to_owned()));
    let in_json = |text: &str| serde_json::Value::from(text).to_string();
    match json {
        Json::Null => plain("null"),
        Json::Truth(truth) => plain(&truth.to_string()),
        Json::Number(number) => plain(number),
        Json::Text(text) => match text.as_code().filter(|code| code.ends_with("| int")) {
            Some(code) => pieces.push(Piece::Code(code.to_owned())),
            None => {
                plain("\"");
                for piece in text.pieces() {
                    pieces.push(match piece {
                        Piece::Plain(text) => {
                            let written = in_json(text);
                            Piece::Plain(written[1..written.len() - 1].to_owned())
                        }
                        Piece::Code(code) => Piece::Code(code.clone()),
                    });
                }
                pieces.push(Piece::Plain("\"".to_owned()));
            }
        },
        Json::List(items) => {
            plain("[");
            for (at, item) in items.iter().enumerate() {
                pieces.push(Piece::Plain(if at == 0 { "" } else { "," }.to_owned()));
                json_text(item, pieces);
            }
            pieces.push(Piece::Plain("]".to_owned()));
        }
        Json::Table(entries) => {
            plain("{");
            for (at, (name, value)) in entries.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                pieces.push(Piece::Plain(format!("{comma}{}:", in_json(name))));
                json_text(value, pieces);
            }
            pieces.push(Piece::Plain("}".to_owned()));
        }
    }
}

/// The same with neighbouring plain pieces made one, so that quoting sees what stands beside what.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut made: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (made.last_mut(), piece) {
            (Some(Piece::Plain(before)), Piece::Plain(text)) => before.push_str(&text),
            (_, piece) => made.push(piece),
        }
    }
    made
}

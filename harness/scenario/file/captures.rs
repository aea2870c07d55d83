//! Reads what a step takes from its answer.

use super::expected::read_pattern;
use super::fields::{Fields, Located, text};
use super::names::{is_identifier, is_token};
use super::texts::Compiler;
use crate::scenario::capture::{Capture, CaptureFrom, is_json_pointer};
use crate::scenario::error::Fault;
use crate::scenario::html::Selector;
use crate::scenario::template::BUILT_IN_NAMES;

/// Where a value can come from.
const SOURCES: [&str; 5] = ["json", "header", "cookie", "css", "regex"];
const KEYS: [&str; 6] = ["json", "header", "cookie", "css", "regex", "attribute"];

pub(super) fn read_captures(
    compiler: &Compiler<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<Capture>, Fault> {
    let Some(node) = fields.get("capture") else {
        return Ok(Vec::new());
    };
    let mut captures = Vec::new();
    for (name, node) in Fields::open_any(node, "capture")?.entries() {
        check_capture_name(&name)?;
        let from = Fields::open(node, "a capture", &KEYS)?;
        captures.push(Capture {
            name: name.text.to_owned(),
            from: read_source(compiler, &from)?,
        });
    }
    Ok(captures)
}

fn read_source(compiler: &Compiler<'_>, from: &Fields<'_>) -> Result<CaptureFrom, Fault> {
    let mut given: Vec<&str> = SOURCES
        .into_iter()
        .filter(|key| from.get(key).is_some())
        .collect();
    given.sort_by_key(|key| from.key_span(key).start);
    let &[key] = given.as_slice() else {
        let span = given
            .get(1)
            .map_or(from.span(), |second| from.key_span(second));
        let fault = Fault::new(
            span,
            "a capture comes from one place",
            "one key is needed here",
        );
        return Err(fault.hint(
            "`{ json = \"/pointer\" }`, `{ header = \"name\" }`, `{ cookie = \"name\" }`, `{ css = \"input[name=csrf]\", attribute = \"value\" }` or `{ regex = \"id=([0-9]+)\" }`",
        ));
    };
    if key != "css" && from.get("attribute").is_some() {
        let message = "`attribute` is that of an element: it stands beside `css`";
        return Err(Fault::new(
            from.key_span("attribute"),
            message,
            "no element here",
        ));
    }
    let source = text(from.required(key, "")?, key)?;
    match key {
        "json" if is_json_pointer(source.text) => Ok(CaptureFrom::Json(source.text.to_owned())),
        "json" => {
            let message = "not a JSON pointer (RFC 6901)";
            let fault = Fault::new(source.span, message, "empty, or begins with `/`");
            Err(fault.hint("for example `/items/0/id`"))
        }
        "header" if is_token(source.text) => {
            Ok(CaptureFrom::Header(source.text.to_ascii_lowercase()))
        }
        "cookie" if is_token(source.text) => Ok(CaptureFrom::Cookie(source.text.to_owned())),
        "css" => Ok(CaptureFrom::Css {
            selector: read_selector(&source)?,
            attribute: read_attribute(from)?,
        }),
        "regex" => read_pattern(compiler, &source).map(CaptureFrom::Regex),
        _ => Err(Fault::new(
            source.span,
            "such a name cannot be",
            "not a name of a header or cookie",
        )),
    }
}

fn read_selector(given: &Located<'_>) -> Result<Selector, Fault> {
    Selector::new(given.text).map_err(|error| {
        let message = format!("not a CSS selector: {error}");
        let fault = Fault::new(given.span.clone(), message, "cannot be read");
        fault.hint("for example `input[name=_token]` or `meta[name=csrf-token]`; a value with signs in it stands in quotes: `a[href='/x?y']`")
    })
}

fn read_attribute(from: &Fields<'_>) -> Result<Option<String>, Fault> {
    let Some(attribute) = from.text("attribute")? else {
        return Ok(None);
    };
    let is_sign = |c: char| c.is_whitespace() || c.is_control() || "\"'<>/=".contains(c);
    match attribute.text.is_empty() || attribute.text.contains(is_sign) {
        true => Err(Fault::new(
            attribute.span,
            "such a name cannot be",
            "not a name of an attribute",
        )),
        false => Ok(Some(attribute.text.to_ascii_lowercase())),
    }
}

fn check_capture_name(name: &Located<'_>) -> Result<(), Fault> {
    if !is_identifier(name.text) {
        let message = "the name of a capture has letters, digits and underscores, no digit first";
        return Err(Fault::new(
            name.span.clone(),
            message,
            "cannot be named in a template",
        ));
    }
    match BUILT_IN_NAMES.contains(&name.text) {
        true => Err(Fault::new(
            name.span.clone(),
            format!("`{}` means something else already", name.text),
            "taken",
        )),
        false => Ok(()),
    }
}

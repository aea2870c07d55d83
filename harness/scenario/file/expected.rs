//! What a step's answer must be: status, headers, body, slots; and who may read what it plants.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::fields::{Fields, Located, Node, number, text, wrong_type};
use super::names::is_token;
use super::steps::StepReader;
use super::texts::{Compiler, Place};
use crate::scenario::error::Fault;
use crate::scenario::expectation::Expectations;
use crate::scenario::settings::Bounds;
use crate::scenario::status::{Allowed, StatusRule};
use crate::scenario::template::{Text, Values};
use crate::scenario::text_pattern::TextPattern;

impl StepReader<'_, '_> {
    pub(super) fn read_slots(&self, fields: &Fields<'_>, key: &str) -> Result<Vec<u16>, Fault> {
        let mut slots = Vec::new();
        for name in fields.texts(key)? {
            let known = self
                .compiler
                .known_slot(name.text)
                .filter(|index| self.compiler.planted.contains(index));
            let index = known.ok_or_else(|| self.compiler.never_planted(&name))?;
            if slots.contains(&index) {
                return Err(Fault::new(
                    name.span,
                    format!("`{}` is in this list already", name.text),
                    "the same slot again",
                ));
            }
            slots.push(index);
        }
        Ok(slots)
    }

    pub(super) fn read_readers(
        &mut self,
        fields: &Fields<'_>,
        plants_nothing: bool,
    ) -> Result<Vec<Text>, Fault> {
        let given = fields.texts("readers")?;
        if plants_nothing && !given.is_empty() {
            let fault = Fault::new(
                fields.key_span("readers"),
                "`readers` without anything planted",
                "nobody reads nothing",
            );
            return Err(
                fault.hint("name the readers in the step that plants, with `{{ secret(\"…\") }}`")
            );
        }
        let mut readers = Vec::new();
        for reader in given {
            let compiled = self.compiler.compile(&reader, Place::Readers, false)?;
            self.check_reader(&reader, &compiled)?;
            readers.push(compiled);
        }
        Ok(readers)
    }

    /// Whether the first and the last user's reader is a user.
    fn check_reader(&self, given: &Located<'_>, reader: &Text) -> Result<(), Fault> {
        let (nothing, count) = (BTreeMap::new(), self.users.count());
        for index in [1, count] {
            let Some(user) = self.users.list().get(index as usize - 1) else {
                continue;
            };
            let values = Values {
                user,
                index,
                count,
                round: 1,
                captures: &nothing,
                secrets: &BTreeMap::new(),
                nonce: None,
                chance: 0,
                now_ms: 0,
            };
            let Ok(name) = self.compiler.fill_in(reader, &values) else {
                continue;
            };
            if self.users.find(&name).is_none() {
                let message = format!(
                    "for user {index}, the reader `{}` is none of the users",
                    name.escape_debug()
                );
                return Err(Fault::new(given.span.clone(), message, "nobody's name"));
            }
        }
        Ok(())
    }
}

/// The statuses that are good, when the step says so.
pub(super) fn read_status(fields: &Fields<'_>) -> Result<Option<StatusRule>, Fault> {
    let Some(node) = fields.get("status") else {
        return Ok(None);
    };
    let DeValue::Array(items) = node.get_ref() else {
        return Ok(Some(StatusRule::new(vec![read_allowed(node)?])));
    };
    if items.is_empty() {
        return Err(Fault::new(
            node.span(),
            "no status is allowed at all",
            "empty",
        ));
    }
    Ok(Some(StatusRule::new(
        items.iter().map(read_allowed).collect::<Result<_, _>>()?,
    )))
}

fn read_allowed(node: &Node<'_>) -> Result<Allowed, Fault> {
    const CODES: Bounds = Bounds {
        min: 100,
        default: 200,
        max: 599,
    };
    match node.get_ref() {
        DeValue::Integer(_) => number(node, "status", CODES).map(|code| Allowed::Code(code as u16)),
        DeValue::String(text) => Allowed::class(text).ok_or_else(|| {
            let fault = Fault::new(
                node.span(),
                "a status is a number or a class such as `2xx`",
                "neither",
            );
            fault.hint("for example `status = 201` or `status = [\"2xx\", 404]`")
        }),
        other => Err(wrong_type(
            other,
            node.span(),
            "`status` is a number, a class such as `\"2xx\"`, or a list of these",
        )),
    }
}

/// What the answer must hold besides its status.
pub(super) fn read_expectations(
    compiler: &Compiler<'_>,
    fields: &Fields<'_>,
) -> Result<Expectations, Fault> {
    let Some(node) = fields.get("expect") else {
        return Ok(Expectations::default());
    };
    let fields = Fields::open(node, "`expect` of a step", &["headers", "body", "not-body"])?;
    let pattern = |key: &str| {
        let given = fields.text(key)?;
        given
            .map(|given| read_pattern(compiler, &given))
            .transpose()
    };
    let mut headers: Vec<(String, TextPattern)> = Vec::new();
    if let Some(node) = fields.get("headers") {
        for (key, node) in Fields::open_any(node, "headers")?.entries() {
            let name = key.text.to_ascii_lowercase();
            if !is_token(&name) || headers.iter().any(|header| header.0 == name) {
                let message = "a header's name has letters, digits and a few signs alone, and stands here once";
                return Err(Fault::new(key.span, message, "not here"));
            }
            headers.push((name, read_pattern(compiler, &text(node, key.text)?)?));
        }
    }
    Ok(Expectations {
        headers,
        body: pattern("body")?,
        not_body: pattern("not-body")?,
    })
}

/// A regular expression; what is wrong with it is shown at its place.
pub(super) fn read_pattern(
    compiler: &Compiler<'_>,
    given: &Located<'_>,
) -> Result<TextPattern, Fault> {
    TextPattern::new(given.text).map_err(|error| {
        let span = match error.range.clone() {
            Some(range) => compiler.within(given, &range),
            None => given.span.clone(),
        };
        let message = format!("not a regular expression: {error}");
        let fault = Fault::new(span, message, "in this expression");
        if given.text.contains("{{") {
            return fault.hint("templates are not filled in here; a text that differs from user to user is expected by `sees`");
        }
        match given.text.contains('\\') {
            true => fault,
            false => fault.hint("signs such as `(`, `[`, `*`, `?` stand for themselves after a backslash; single quotes keep it: `'a\\?b'`"),
        }
    })
}

//! What a step asks for: host, path, query, headers.

use super::fields::{Fields, Located, nearest, text};
use super::names::is_token;
use super::steps::{List, StepReader};
use crate::scenario::error::Fault;
use crate::scenario::step::{check_header_value, check_path};
use crate::scenario::template::Text;

/// Headers that belong to the sender: a scenario that set them would break how requests are framed or released.
const SENDERS_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

impl StepReader<'_, '_> {
    pub(super) fn read_path(&mut self, fields: &Fields<'_>, list: List) -> Result<Text, Fault> {
        let path = text(
            fields.required("path", "for example `path = \"/inbox\"`")?,
            "path",
        )?;
        let compiled = self.compiler.compile(&path, list.place(), false)?;
        let checked = match compiled.as_fixed() {
            Some(fixed) => check_path(fixed),
            None if path.text.starts_with(['/', '{']) => Ok(()),
            None => check_path(path.text),
        };
        checked.map_err(|why| {
            let hint = path
                .text
                .contains("://")
                .then_some("host and port belong to `[target]`: the path alone is enough here");
            let fault = Fault::new(path.span.clone(), why, "not a path");
            hint.map_or(fault.clone(), |hint| fault.hint(hint))
        })?;
        Ok(compiled)
    }

    pub(super) fn read_headers(
        &mut self,
        fields: &Fields<'_>,
        list: List,
    ) -> Result<Vec<(String, Text)>, Fault> {
        let Some(node) = fields.get("headers") else {
            return Ok(Vec::new());
        };
        let mut headers: Vec<(String, Text)> = Vec::new();
        for (key, node) in Fields::open_any(node, "headers")?.entries() {
            let name = header_name(&key)?;
            if headers.iter().any(|header| header.0 == name) {
                return Err(Fault::new(
                    key.span,
                    format!("the header `{name}` is there already"),
                    "the same name again",
                ));
            }
            let value = text(node, key.text)?;
            let compiled = self.compiler.compile(&value, list.place(), true)?;
            if let Some(Err(why)) = compiled.as_fixed().map(check_header_value) {
                return Err(Fault::new(value.span, why, "not a header's value"));
            }
            headers.push((name, compiled));
        }
        Ok(headers)
    }

    /// The name of a further host, when the step goes to one.
    pub(super) fn read_host(&self, fields: &Fields<'_>) -> Result<Option<String>, Fault> {
        let Some(host) = fields.text("host")? else {
            return Ok(None);
        };
        if self.compiler.hosts.contains(host.text) {
            return Ok(Some(host.text.to_owned()));
        }
        let known: Vec<&str> = self.compiler.hosts.iter().map(String::as_str).collect();
        let message = format!("`[target]` has no host `{}`", host.text.escape_debug());
        let hint = match (nearest(host.text, &known), known.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, false) => format!("known: {}", known.join(", ")),
            (None, true) => {
                "add `hosts = { auth = \"https://login.example\" }` to `[target]`, and write `host = \"auth\"`".to_owned()
            }
        };
        Err(Fault::new(host.span, message, "unknown host").hint(hint))
    }

    pub(super) fn read_query(
        &mut self,
        fields: &Fields<'_>,
        list: List,
    ) -> Result<Vec<(String, Text)>, Fault> {
        let Some(node) = fields.get("query") else {
            return Ok(Vec::new());
        };
        let mut query = Vec::new();
        for (key, node) in Fields::open_any(node, "query")?.entries() {
            let value = text(node, key.text)?;
            let compiled = self.compiler.compile(&value, list.place(), true)?;
            query.push((key.text.to_owned(), compiled));
        }
        Ok(query)
    }
}

/// A header's name in lower case, when a scenario may set it.
pub(super) fn header_name(key: &Located<'_>) -> Result<String, Fault> {
    let name = key.text.to_ascii_lowercase();
    if !is_token(&name) {
        return Err(Fault::new(
            key.span.clone(),
            "a header's name has letters, digits and a few signs alone",
            "not a header's name",
        ));
    }
    if SENDERS_HEADERS.contains(&name.as_str()) {
        let message = format!("a scenario cannot set the header `{name}`");
        return Err(Fault::new(
            key.span.clone(),
            message,
            "crosswire itself decides this one",
        ));
    }
    Ok(name)
}

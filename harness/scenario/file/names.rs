//! Names in steps: their own, methods, cookies, and what counts as a name at all.

use super::fields::{Fields, text, unknown_word};
use super::steps::StepReader;
use crate::scenario::error::Fault;

impl StepReader<'_, '_> {
    pub(super) fn read_name(&mut self, fields: &Fields<'_>) -> Result<String, Fault> {
        let name = text(
            fields.required("name", "a step's name tells it from the others in reports")?,
            "name",
        )?;
        if name.text.trim().is_empty()
            || name.text.len() > 100
            || name.text.chars().any(char::is_control)
        {
            let message = "a step's name has 1 to 100 bytes and no control characters";
            return Err(Fault::new(name.span, message, "not a step's name"));
        }
        if !self.names.insert(name.text.to_owned()) {
            let message = format!("there is a step `{}` already", name.text);
            return Err(Fault::new(name.span, message, "the same name again")
                .hint("give every step a name of its own"));
        }
        Ok(name.text.to_owned())
    }
}

pub(super) fn read_session(fields: &Fields<'_>, login: bool) -> Result<Option<String>, Fault> {
    let Some(session) = fields.text("session")? else {
        return Ok(None);
    };
    if !login {
        let fault = Fault::new(
            fields.key_span("session"),
            "`session` names the cookie that a log-in sets, and this step does not log in",
            "only beside `login = true`",
        );
        return Err(fault.hint(
            "move it to the step of `[[setup]]` or `[[each-round]]` that has `login = true`",
        ));
    }
    // A cookie's name is a token (RFC 6265, 4.1.1).
    if !is_token(session.text) {
        let fault = Fault::new(
            session.span,
            "a cookie's name has letters, digits and a few signs alone",
            "not a cookie's name",
        );
        return Err(
            fault.hint("the name alone, without `=` and value: for example `session = \"sid\"`")
        );
    }
    Ok(Some(session.text.to_owned()))
}

pub(super) fn read_method(fields: &Fields<'_>) -> Result<String, Fault> {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let Some(method) = fields.text("method")? else {
        return Ok("GET".to_owned());
    };
    let is_word = !method.text.is_empty()
        && method.text.len() <= 20
        && method.text.bytes().all(|byte| byte.is_ascii_uppercase());
    match method.text {
        // Both change what the connection is.
        "CONNECT" | "TRACE" => Err(unknown_word(&method, "method", &KNOWN)),
        word if is_word => Ok(word.to_owned()),
        word => {
            let upper = word.to_ascii_uppercase();
            let fault = Fault::new(
                method.span.clone(),
                "a method is a word in capital letters",
                "not a method",
            );
            Err(if KNOWN.contains(&upper.as_str()) {
                fault.hint(format!("write `{upper}`"))
            } else {
                fault
            })
        }
    }
}

/// Whether a template can name it.
pub(super) fn is_identifier(name: &str) -> bool {
    const WORDS: [&str; 10] = [
        "true", "false", "none", "True", "False", "None", "and", "or", "not", "in",
    ];
    let first_is_right = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let all_are_right = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first_is_right
        && all_are_right
        && !WORDS.contains(&name)
        && !["if", "else", "is"].contains(&name)
}

/// Whether it is a token (RFC 9110, 5.6.2).
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

//! Headers that every request of a session carries: `[session]` with `headers`, `bearer` and `basic`.

use base64::Engine as _;
use minijinja::Environment;

use super::step::check_header_value;
use super::template::{Text, TextError, Values};

/// The headers of `[session]`, in the order in which they are sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SessionHeaders(pub(super) Vec<SessionHeader>);

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SessionHeader {
    /// Name in lower case, and value.
    Plain(String, Text),
    /// `Authorization: Bearer …` (RFC 6750, 2.1).
    Bearer(Text),
    /// `Authorization: Basic …` (RFC 7617): user and password.
    Basic(Text, Text),
}

impl SessionHeader {
    /// The header's name, in lower case.
    pub(super) fn name(&self) -> &str {
        match self {
            SessionHeader::Plain(name, _) => name,
            SessionHeader::Bearer(_) | SessionHeader::Basic(..) => "authorization",
        }
    }

    /// Every text in it that is filled in.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let (first, second) = match self {
            SessionHeader::Plain(_, text) | SessionHeader::Bearer(text) => (text, None),
            SessionHeader::Basic(user, password) => (user, Some(password)),
        };
        [Some(first), second].into_iter().flatten()
    }

    fn value(
        &self,
        environment: &Environment<'_>,
        values: &Values<'_>,
    ) -> Result<String, TextError> {
        let fill = |text: &Text| text.render(environment, values).map(String::from);
        match self {
            SessionHeader::Plain(_, text) => fill(text),
            SessionHeader::Bearer(text) => Ok(format!("Bearer {}", fill(text)?)),
            SessionHeader::Basic(user, password) => {
                let pair = format!("{}:{}", fill(user)?, fill(password)?);
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
                Ok(format!("Basic {encoded}"))
            }
        }
    }
}

impl SessionHeaders {
    /// Names and values for `values`; a header that needs a capture or a canary which the user does not have yet is left
    /// out.
    ///
    /// # Errors
    /// The header's name, and why there is no value for it.
    pub(super) fn render(
        &self,
        environment: &Environment<'_>,
        values: &Values<'_>,
    ) -> Result<Vec<(String, String)>, (String, String)> {
        let mut headers = Vec::with_capacity(self.0.len());
        for header in &self.0 {
            let name = header.name().to_owned();
            match header.value(environment, values) {
                Ok(value) => match check_header_value(&value) {
                    Ok(()) => headers.push((name, value)),
                    Err(why) => return Err((name, why.to_owned())),
                },
                Err(error) if error.is_missing => {}
                Err(error) => return Err((name, error.why)),
            }
        }
        Ok(headers)
    }
}

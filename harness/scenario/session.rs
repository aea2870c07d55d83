//! Headers that every request of a session carries: `[session]` with `headers`, `bearer` and `basic`.

use std::collections::BTreeMap;

use base64::Engine as _;
use minijinja::Environment;

use super::step::check_header_value;
use super::template::{Text, TextError, Values};
use super::users::User;

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

    /// Whether it holds the nonce of the request.
    fn has_nonce(&self) -> bool {
        match self {
            SessionHeader::Plain(_, text) | SessionHeader::Bearer(text) => text.has_nonce(),
            SessionHeader::Basic(user, password) => user.has_nonce() || password.has_nonce(),
        }
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
    /// Whether one of them holds the nonce of the request.
    pub(super) fn have_nonce(&self) -> bool {
        self.0.iter().any(SessionHeader::has_nonce)
    }

    /// What `basic` makes of each of `users`, whose encoding is as secret as the password itself.
    pub(super) fn basic_credentials(
        &self,
        environment: &Environment<'_>,
        users: &[User],
    ) -> Vec<String> {
        let (captures, secrets) = (BTreeMap::new(), BTreeMap::new());
        let basic = self
            .0
            .iter()
            .filter(|header| matches!(header, SessionHeader::Basic(..)));
        let of_user = |header: &SessionHeader, (position, user): (usize, &User)| {
            let values = Values {
                user,
                index: position as u32 + 1,
                count: users.len() as u32,
                round: 0,
                captures: &captures,
                secrets: &secrets,
                nonce: None,
                chance: 0,
                now_ms: 0,
            };
            let value = header.value(environment, &values).ok()?;
            value.strip_prefix("Basic ").map(str::to_owned)
        };
        basic
            .flat_map(|header| {
                let users = users.iter().enumerate();
                users
                    .filter_map(|user| of_user(header, user))
                    .collect::<Vec<String>>()
            })
            .collect()
    }

    /// Names and values for `values`; a header that needs a capture or a canary which the user does not have yet is left
    /// out, and so is one that comes out empty.
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
                // As with an identity that does not have this header.
                Ok(value) if value.is_empty() => {}
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

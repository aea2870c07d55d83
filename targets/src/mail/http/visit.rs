//! Who is asking: cookies, the session of a request, and the proof that a write was meant.
#![expect(
    clippy::result_large_err,
    reason = "the error is the answer to the request, moved once"
)]

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use axum::{Form, Json};
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::failure::Manner;
use super::site::{At, Site};
use crate::mail::session::{Session, Token};

/// The cookie that carries the session's token.
pub(super) const SESSION_COOKIE: &str = "sid";

/// The cookie that ties the log-in form to the browser it was sent to.
pub(super) const LOGIN_COOKIE: &str = "login";

/// The header in which a JSON write proves that it was meant.
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// A request with an open session. Extracting it refuses all others.
pub(super) struct Visitor {
    pub(super) session: Session,
    pub(super) token: Token,
    manner: Manner,
}

impl Visitor {
    /// Refuses a form that does not carry its session's token.
    pub(super) fn check_form(&self, csrf: &str) -> Result<(), Response> {
        if Token::from_hex(csrf) == Some(self.session.csrf) {
            Ok(())
        } else {
            Err(self.manner.forged())
        }
    }
}

impl FromRequestParts<Site> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let manner = Manner::of(&parts.uri);
        let At(app) = At::from_request_parts(parts, site).await?;
        let token = cookie(&parts.headers, SESSION_COOKIE).and_then(Token::from_hex);
        let found = token.and_then(|token| Some((token, app.desk.session(token)?)));
        let (token, session) = found.ok_or_else(|| manner.not_logged_in())?;
        Ok(Self {
            session,
            token,
            manner,
        })
    }
}

/// A JSON write with an open session and that session's token in its header.
pub(super) struct Author(pub(super) Visitor);

impl FromRequestParts<Site> for Author {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, site).await?;
        let csrf = parts
            .headers
            .get(CSRF_HEADER)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        visitor.check_form(csrf)?;
        Ok(Self(visitor))
    }
}

/// A body in JSON.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Site> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Response> {
        let body = Json::from_request(request, site).await;
        body.map(|Json(body)| Self(body))
            .map_err(|bad| Manner::Json.failure(bad.status(), &bad.body_text()))
    }
}

/// The fields of a form.
pub(super) struct FormBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Site> for FormBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Response> {
        let body = Form::from_request(request, site).await;
        body.map(|Form(body)| Self(body))
            .map_err(|bad| Manner::Page.failure(bad.status(), &bad.body_text()))
    }
}

/// The value of a cookie; the header may come in several lines.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A number in a path, from 1.
pub(super) fn number(text: &str, manner: Manner) -> Result<u64, Response> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        manner.failure(
            StatusCode::BAD_REQUEST,
            "a mail's number is a whole number from 1",
        )
    })
}

/// The numbers of a mail and of one of its attachments in a path.
pub(super) fn numbers(
    (mail, index): &(String, String),
    manner: Manner,
) -> Result<(u64, usize), Response> {
    let index = usize::try_from(number(index, manner)?).unwrap_or(usize::MAX);
    Ok((number(mail, manner)?, index))
}

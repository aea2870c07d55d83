//! Refusals as HTTP answers, in the manner of whoever asked: JSON under `/api`, a page elsewhere.

use axum::Json;
use axum::response::{IntoResponse, Redirect, Response};
use http::{StatusCode, Uri};
use serde_json::json;

use super::page;
use crate::mail::service::Refusal;

/// How a client wants its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Json,
    Page,
}

impl Manner {
    /// Goes by the path alone, so that an error looks like the answer that it replaces.
    pub(super) fn of(uri: &Uri) -> Self {
        let path = uri.path();
        if path == "/api" || path.starts_with("/api/") {
            Self::Json
        } else {
            Self::Page
        }
    }

    /// An error with a text that says what is wrong.
    pub(super) fn failure(self, status: StatusCode, text: &str) -> Response {
        match self {
            Self::Json => (status, Json(json!({ "error": text }))).into_response(),
            Self::Page => (status, page::failure(status, text)).into_response(),
        }
    }

    /// The answer to a request that came without an open session.
    pub(super) fn not_logged_in(self) -> Response {
        match self {
            Self::Json => self.failure(StatusCode::UNAUTHORIZED, "log in first"),
            Self::Page => Redirect::to("/login").into_response(),
        }
    }

    /// The answer to a write whose token is missing or is not that of its session.
    pub(super) fn forged(self) -> Response {
        self.failure(StatusCode::FORBIDDEN, "the CSRF token is missing or wrong")
    }

    /// The answer to a request that the webmail refused.
    pub(super) fn refused(self, refusal: &Refusal) -> Response {
        let status = match refusal {
            Refusal::NoAccount => StatusCode::FORBIDDEN,
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::NoRecipient => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::TooManySessions => StatusCode::SERVICE_UNAVAILABLE,
            // What went wrong inside is nobody's business outside.
            Refusal::Store(_) => {
                return self.failure(StatusCode::INTERNAL_SERVER_ERROR, "the mail store failed");
            }
        };
        self.failure(status, &refusal.to_string())
    }
}

//! Where handlers find the webmail that a request is for: beside the routes, or brought along by the request itself.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;

use super::App;
use super::failure::Manner;

/// Where it is. Routes cost a hundred times what a webmail in memory costs, so that an exploration makes them once.
#[derive(Clone)]
pub(super) enum Site {
    /// Beside the routes.
    Own(Arc<App>),
    /// In each request, as a [`Fresh`].
    OfRequest,
}

/// The webmail that a request brings along.
#[derive(Clone)]
pub(super) struct Fresh(pub(super) Arc<App>);

/// The webmail that a request is for.
pub(super) struct At(pub(super) Arc<App>);

impl FromRequestParts<Site> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let app = match site {
            Site::Own(app) => Some(app),
            Site::OfRequest => parts.extensions.get::<Fresh>().map(|Fresh(app)| app),
        };
        app.map(|app| Self(Arc::clone(app))).ok_or_else(|| {
            let text = "no webmail came with this request";
            Manner::of(&parts.uri).failure(StatusCode::INTERNAL_SERVER_ERROR, text)
        })
    }
}

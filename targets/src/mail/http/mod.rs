//! The webmail over HTTP: pages that work without scripts, and the same as JSON under `/api`.
//!
//! The model is made for being measured. Every answer carries `x-arrived-us` and `x-answered-us`, microseconds since
//! the server's start on its steady clock; an answer that the note took part in also carries `x-note-order`, the place
//! of its write among all writes to the note. A real service would not give these away. When it is explored in process it has
//! no clock, and gives the last one alone.

mod api;
mod cookies;
mod desk;
mod download;
mod failure;
mod forms;
mod json;
pub mod limits;
mod login;
mod page;
mod site;
mod visit;
mod world;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use self::desk::Desk;
use self::failure::Manner;
use self::site::{At, Fresh, Site};
use self::visit::Visitor;
use self::world::{Once, World};
use super::note::Note;
use super::password::HashError;
use super::service::{Action, Answer, Refusal, Webmail};
use super::store::Store;
use crate::explored::Explored;

/// When the request was whole and its handler began, in microseconds since the server's start.
pub const ARRIVED_HEADER: HeaderName = HeaderName::from_static("x-arrived-us");
/// When the answer was ready, in microseconds since the server's start.
pub const ANSWERED_HEADER: HeaderName = HeaderName::from_static("x-answered-us");
/// The place of the request's write among all writes to the note, from 0.
pub const NOTE_ORDER_HEADER: HeaderName = HeaderName::from_static("x-note-order");

/// What the handlers share.
struct App {
    desk: Box<dyn Desk>,
    world: World,
    secure: bool,
}

/// The webmail as a router. With `secure`, cookies are for TLS alone.
///
/// # Errors
/// A [`HashError`] if the operating system gives no randomness.
pub fn router<S: Store, N: Note>(
    webmail: Webmail<S, N>,
    secure: bool,
) -> Result<Router, HashError> {
    Ok(routed(Site::Own(Arc::new(App {
        desk: Box::new(webmail),
        world: World::served()?,
        secure,
    }))))
}

/// The webmail's routes without a webmail: made once, for the many that live only as long as an execution of an exploration.
/// Their answers depend on nothing but the requests and the order of their steps, and tell no times.
#[derive(Clone, Debug)]
pub struct Blueprint {
    routes: Router,
    once: Arc<Once>,
}

impl Blueprint {
    /// Does what is the same for all.
    ///
    /// # Errors
    /// A [`HashError`] if the operating system gives no randomness.
    pub fn new() -> Result<Self, HashError> {
        Ok(Self {
            routes: routed(Site::OfRequest),
            once: Arc::new(Once::new()?),
        })
    }

    /// A webmail behind these routes.
    pub fn over<S: Store, N: Note>(&self, webmail: Webmail<S, N>) -> Explored {
        let app = Arc::new(App {
            desk: Box::new(webmail),
            world: World::explored(Arc::clone(&self.once)),
            secure: false,
        });
        Explored::new(self.routes.clone(), move |extensions| {
            extensions.insert(Fresh(Arc::clone(&app)));
        })
    }
}

fn routed(site: Site) -> Router {
    let routes = Router::new()
        .merge(api::routes())
        .merge(forms::routes())
        .fallback(|uri: Uri| async move {
            Manner::of(&uri).failure(StatusCode::NOT_FOUND, "no such page")
        })
        .method_not_allowed_fallback(|uri: Uri| async move {
            Manner::of(&uri).failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "this page does not take that method",
            )
        })
        .layer(DefaultBodyLimit::max(limits::MAX_REQUEST_BYTES))
        .layer(from_fn_with_state(site.clone(), finish));
    routes.with_state(site)
}

/// Puts the times and what protects a browser on every answer.
async fn finish(At(app): At, request: Request, next: Next) -> Response {
    let arrived = app.world.micros();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(arrived) = arrived.filter(|_| !headers.contains_key(&ARRIVED_HEADER)) {
        headers.insert(ARRIVED_HEADER, arrived.into());
    }
    protect(headers);
    if let Some(answered) = app.world.micros() {
        headers.insert(ANSWERED_HEADER, answered.into());
    }
    response
}

fn protect(headers: &mut HeaderMap) {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
                  frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

impl App {
    /// Puts a logged-in user's request to the webmail.
    async fn ask(&self, visitor: &Visitor, action: Action) -> Asked {
        let arrived = self.world.micros();
        Asked {
            arrived,
            result: self.desk.answer(visitor.session.requester, action).await,
        }
    }
}

/// What the webmail said, and when it was asked.
struct Asked {
    arrived: Option<u64>,
    result: Result<Answer, Refusal>,
}

impl Asked {
    /// Makes the HTTP answer; `show` says how for a request that was granted.
    fn reply(self, manner: Manner, show: impl FnOnce(Answer) -> Response) -> Response {
        let order = self.result.as_ref().ok().map(|answer| answer.order);
        let mut response = match self.result {
            Ok(answer) => show(answer),
            Err(refusal) => manner.refused(&refusal),
        };
        if let Some(arrived) = self.arrived {
            response
                .headers_mut()
                .insert(ARRIVED_HEADER, arrived.into());
        }
        if let Some(order) = order {
            response
                .headers_mut()
                .insert(NOTE_ORDER_HEADER, order.into());
        }
        response
    }
}

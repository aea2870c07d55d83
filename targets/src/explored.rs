//! A target as an explorer of schedules calls it: in process, and for one execution.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Bytes, HttpBody};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use http::{Extensions, Request};
use tower::{BoxError, Service};

/// A fresh service. Its clones share its state; another one has nothing in common with it.
#[derive(Clone)]
pub struct Explored {
    routes: Router,
    /// Gives a request the state that it is for.
    bring: Arc<dyn Fn(&mut Extensions) + Send + Sync>,
}

impl Explored {
    /// Routes of this one alone.
    pub(crate) fn alone(routes: Router) -> Self {
        Self::new(routes, |_| {})
    }

    /// Routes that many share, and what gives a request the state of this one.
    pub(crate) fn new(
        routes: Router,
        bring: impl Fn(&mut Extensions) + Send + Sync + 'static,
    ) -> Self {
        Self {
            routes,
            bring: Arc::new(bring),
        }
    }
}

impl fmt::Debug for Explored {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Explored").finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Explored
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<B>>::poll_ready(&mut self.routes, context)
    }

    fn call(&mut self, mut request: Request<B>) -> RouteFuture<Infallible> {
        (self.bring)(request.extensions_mut());
        self.routes.call(request)
    }
}

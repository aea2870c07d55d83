//! Versions of the webmail, one after the other behind one address: mails and sessions outlive a change of version.
//!
//! A roll-out and a roll-back change what answers the next request, and nothing else: whoever is logged in stays so, and
//! what was written stays written.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tower::ServiceExt as _;

use super::delayed::DelayedStore;
use super::memory::MemoryStore;
use super::seed;
use super::session::Sessions;
use super::sqlite::SqliteStore;
use super::store::Store;
use super::variant::{INFO, Variant};
use crate::options::{Options, StoreKind};
use crate::server::{self, Server};
use crate::start_error::StartError;

/// Makes a version of the webmail over the store and the sessions that all versions share.
type Make = Box<dyn Fn(Variant) -> Result<Router, StartError> + Send + Sync>;

/// A webmail whose version can be changed while it is served. It stops when it is dropped.
pub struct Deployments {
    server: Server,
    front: Front,
    make: Arc<Make>,
}

/// What is served at present; nothing while the service is closed.
#[derive(Clone, Default)]
struct Front(Arc<RwLock<Option<Router>>>);

impl Front {
    fn change(&self, router: Option<Router>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    fn router(&self) -> Router {
        Router::new().fallback(pass).with_state(self.clone())
    }

    fn present(&self) -> Option<Router> {
        let present = self.0.read().unwrap_or_else(PoisonError::into_inner);
        present.clone()
    }
}

impl Deployments {
    /// Starts the variant that the options name, which must be one of the webmail's; it returns once it accepts connections.
    ///
    /// # Errors
    /// As for [`start`](crate::start); a remote store cannot be shared by versions.
    pub fn start(options: Options) -> Result<Deployments, StartError> {
        let (target, variant) = crate::catalogue::find(&options.target, &options.variant)?;
        if target.name != INFO.name {
            return Err(StartError::system(format!(
                "target \"{}\" cannot be changed to another version while it is served; \"{}\" can",
                target.name, INFO.name
            )));
        }
        match options.store.clone() {
            StoreKind::Temporary => {
                let store = SqliteStore::temporary().map_err(StartError::store)?;
                Deployments::over(store, options, variant.name)
            }
            StoreKind::File(path) => {
                let store = SqliteStore::open(&path).map_err(StartError::store)?;
                Deployments::over(store, options, variant.name)
            }
            StoreKind::Memory => Deployments::over(MemoryStore::new(), options, variant.name),
            StoreKind::Remote(_) => Err(StartError::store(
                "a remote store is that of one version; take one of this process",
            )),
        }
    }

    fn over<S: Store>(
        store: S,
        options: Options,
        variant: &'static str,
    ) -> Result<Deployments, StartError> {
        let (store, sessions) = (Arc::new(store), Arc::new(Sessions::new()));
        let (pause, secure) = (options.store_delay, options.tls);
        let of_versions = Arc::clone(&store);
        let make: Arc<Make> = Arc::new(Box::new(move |variant: Variant| {
            let store = DelayedStore::new(Arc::clone(&of_versions), pause);
            let router = variant.router_with(store, Arc::clone(&sessions), secure);
            router.map_err(StartError::system)
        }));
        let front = Front::default();
        front.change(Some(make(named(variant)?)?));
        let served = front.router();
        let server = server::serve(options, INFO.name, variant, move |setup| {
            Box::pin(async move {
                let seeded = seed::seed(&*store, setup.users).await;
                seeded.map_err(StartError::store)?;
                Ok(served)
            })
        })?;
        Ok(Deployments {
            server,
            front,
            make,
        })
    }

    /// The server, which is the same for all versions.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The same in process: whatever version is served answers.
    pub fn router(&self) -> Router {
        self.front.router()
    }

    /// Lets the next requests be answered by this variant. Requests that are under way are answered by the one before.
    ///
    /// # Errors
    /// A [`StartError`] if the webmail has no such variant, or the operating system gives no randomness.
    pub fn deploy(&self, variant: &str) -> Result<(), StartError> {
        let router = (self.make)(named(variant)?)?;
        self.front.change(Some(router));
        Ok(())
    }

    /// Closes the service: until the next deployment every request is answered 503.
    pub fn close(&self) {
        self.front.change(None);
    }
}

impl fmt::Debug for Deployments {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Deployments")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn named(variant: &str) -> Result<Variant, StartError> {
    Variant::named(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))
}

/// Hands a request to the version that is served when it comes.
async fn pass(State(front): State<Front>, request: Request) -> Response {
    match front.present() {
        Some(router) => match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        None => {
            let closed = "the service is closed for the moment\n";
            (StatusCode::SERVICE_UNAVAILABLE, closed).into_response()
        }
    }
}

//! Class 11: a connection on which the two ends do not agree where a request begins.
//!
//! [`reuse`] holds what differs between the variants, `front` passes requests on over pooled connections, `backend` reads
//! them from the bytes, `wire` is what both know of HTTP/1.1.

mod backend;
mod front;
mod reuse;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::any;
use tokio::net::TcpListener;

use self::backend::Backend;
use self::front::{Front, Reach};
use self::reuse::Rules;
use crate::catalogue::{
    Building, ClassInfo, Factory, IN_SEQUENCE, Incident, NOTHING, Role, Setup, TargetInfo, Trigger,
    VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// The front's entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "framing",
    title: "Notes behind a front that keeps its connections open",
    class: ClassInfo {
        number: 11,
        title: "framing out of step on a shared connection",
        cwe: &[444],
        incidents: &[
            Incident {
                what: "async-h1 before 2.3.0: a body that nobody has read is parsed as the next request",
                source: "CVE-2020-26281",
            },
            Incident {
                what: "pingora-core before 0.5.0: a body left unread at a cache hit stays in front of the next request",
                source: "CVE-2025-4366",
            },
            Incident {
                what: "hyper before 0.14.13: the answer is complete, the request's body is not, and the connection is used again",
                source: "https://github.com/hyperium/hyper/issues/2646",
            },
            Incident {
                what: "waitress 2.0.0 to 3.0.0: the request after one that failed is served all the same",
                source: "CVE-2024-49768",
            },
            Incident {
                what: "Envoy, 2026: an upgrade on a shared pool of backend connections poisons the answers of others",
                source: "CVE-2026-73548",
            },
        ],
        triggers: &[Trigger::Large, Trigger::Error, Trigger::KeepAlive],
    },
    story: include_str!("story.md"),
    scenario: "framing",
    variants: &[
        VariantInfo::new(
            "pooled-at-answer",
            Role::Fault,
            "the connection is used again when the answer is complete: what is left of the body is the next request",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "one-length",
            Role::Tempting,
            "requests with two lengths are refused; this one has a single one, and a right one",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "quiet-when-taken",
            Role::Tempting,
            "a connection on which something has arrived is not used; half a request is answered by nothing",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "drained-64-kib",
            Role::Tempting,
            "up to 64 KiB of the body are skipped after the answer; the rest is the next request",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "drained-or-closed",
            Role::Fixed,
            "up to 64 KiB of the body are skipped; when more is left, the connection is closed",
            NOTHING,
        ),
        VariantInfo::new(
            "both-complete",
            Role::Fixed,
            "the connection is used again only when request and answer are complete, and closed otherwise",
            NOTHING,
        ),
    ],
    build,
    explore,
};

/// What the handlers share.
#[derive(Clone)]
struct Site {
    members: Arc<Members>,
    front: Arc<Front>,
}

impl FromRef<Site> for Arc<Members> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.members)
    }
}

impl FromRef<Site> for Arc<Front> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.front)
    }
}

fn build(setup: Setup) -> Building {
    Box::pin(async move {
        let rules = rules(setup.variant)?;
        let members = Members::served(&setup)?;
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(StartError::system)?;
        let address = listener.local_addr().map_err(StartError::system)?;
        let backend = backend(rules, &members);
        tokio::spawn(async move { listen(&backend, &listener).await });
        Ok(site(members, Front::new(rules, Reach::Socket(address))))
    })
}

/// Serves connections until the runtime ends.
async fn listen(backend: &Arc<Backend>, listener: &TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let backend = Arc::clone(backend);
        if stream.set_nodelay(true).is_ok() {
            tokio::spawn(async move { backend.serve(stream).await });
        }
    }
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let rules = rules(variant)?;
    Ok(Arc::new(move || {
        let members = Members::explored(users);
        let backend = backend(rules, &members);
        Explored::alone(site(members, Front::new(rules, Reach::Pipe(backend))))
    }))
}

fn rules(variant: &str) -> Result<Rules, StartError> {
    Rules::of(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))
}

fn backend(rules: Rules, members: &Arc<Members>) -> Arc<Backend> {
    let members = Arc::clone(members);
    Arc::new(Backend { members, rules })
}

/// The front logs users in and keeps the direct way to one's own note; `/notes` is the backend's.
fn site(members: Arc<Members>, front: Front) -> Router {
    let front = Arc::new(front);
    Router::new()
        .merge(members::routes())
        .route("/notes", any(front::forward))
        .with_state(Site { members, front })
}

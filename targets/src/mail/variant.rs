//! The webmail in the catalogue: its variants by name, and how one is put together.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::Router;

use super::delayed::DelayedStore;
use super::http::{self, Blueprint};
use super::memory::MemoryStore;
use super::note::{LockedNote, Note, OneLock, PerRequest, SharedNote};
use super::password::HashError;
use super::remote::RemoteStore;
use super::seed;
use super::service::Webmail;
use super::session::Sessions;
use super::sqlite::SqliteStore;
use super::stepwise::StepwiseStore;
use super::store::Store;
use crate::catalogue::{
    Building, ClassInfo, Factory, IN_RACE, Incident, NOTHING, Role, Setup, TargetInfo, Trigger,
    VariantInfo,
};
use crate::options::StoreKind;
use crate::start_error::StartError;

/// How the webmail keeps the note that says on whose behalf it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// One memo, its fields stored one by one.
    SharedNote,
    /// One memo, a lock around each access.
    LockedNote,
    /// One memo, locked from write to answer.
    OneLock,
    /// No memo.
    PerRequest,
}

/// The webmail's entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "mail",
    title: "A webmail that shows the last log-in, after the accident of 22 July 2008",
    class: ClassInfo {
        number: 1,
        title: "a memo that all requests share",
        cwe: &[488, 362, 567],
        incidents: &[
            Incident {
                what: "Hanmail (Daum), 22 July 2008: at most 307 users' mail, at most 141 users' attachments",
                source: "Seoul Central District Court, 11 August 2010",
            },
            Incident {
                what: "Government24 (Korea), April 2024: 646 certificates with resident numbers",
                source: "https://www.hankyung.com/article/2024050578621",
            },
            Incident {
                what: "webargs before 5.1.3: a request carried out with another one's body",
                source: "CVE-2019-9710",
            },
            Incident {
                what: "Quarkus REST: request parameters in the fields of one shared instance",
                source: "CVE-2025-1247",
            },
        ],
        triggers: &[Trigger::Burst, Trigger::Slow],
    },
    story: include_str!("story.md"),
    scenario: "mail-explore",
    variants: &[
        VariantInfo {
            name: "shared-note",
            role: Role::Fault,
            line: "each request writes who asks into one memo and answers whoever the memo names",
            expected: IN_RACE,
        },
        VariantInfo {
            name: "locked-note",
            role: Role::Tempting,
            line: "the same memo with a lock around each access: nothing mixes, the crossing stays",
            expected: IN_RACE,
        },
        VariantInfo {
            name: "one-lock",
            role: Role::Fixed,
            line: "the lock is held from write to answer: isolated, and everybody waits for everybody",
            expected: NOTHING,
        },
        VariantInfo {
            name: "per-request",
            role: Role::Fixed,
            line: "who asks travels with the request: isolated, and nobody waits",
            expected: NOTHING,
        },
    ],
    build,
    explore,
};

impl Variant {
    /// All variants, in the order of the catalogue.
    pub const ALL: [Self; 4] = [
        Self::SharedNote,
        Self::LockedNote,
        Self::OneLock,
        Self::PerRequest,
    ];

    /// The variant's name, for instance `shared-note`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SharedNote => "shared-note",
            Self::LockedNote => "locked-note",
            Self::OneLock => "one-lock",
            Self::PerRequest => "per-request",
        }
    }

    /// The variant of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name)
    }

    /// This variant over `store` as a router, to be served or called in process. With `secure`, its cookies are for TLS
    /// alone.
    ///
    /// # Errors
    /// A [`HashError`] if the operating system gives no randomness.
    pub fn router<S: Store>(self, store: S, secure: bool) -> Result<Router, HashError> {
        self.router_with(store, Arc::new(Sessions::new()), secure)
    }

    /// The same, with the sessions of this table.
    pub(super) fn router_with<S: Store>(
        self,
        store: S,
        sessions: Arc<Sessions>,
        secure: bool,
    ) -> Result<Router, HashError> {
        match self {
            Self::SharedNote => noting::<_, SharedNote>(store, sessions, secure),
            Self::LockedNote => noting::<_, LockedNote>(store, sessions, secure),
            Self::OneLock => noting::<_, OneLock>(store, sessions, secure),
            Self::PerRequest => noting::<_, PerRequest>(store, sessions, secure),
        }
    }
}

fn noting<S: Store, N: Note>(
    store: S,
    sessions: Arc<Sessions>,
    secure: bool,
) -> Result<Router, HashError> {
    http::router(Webmail::<S, N>::with_sessions(store, sessions), secure)
}

/// Makes webmails in memory that are explored in process, each with a store that has these users and nothing else.
fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let variant =
        Variant::named(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))?;
    let seeded = MemoryStore::new();
    at_once(seed::seed(&seeded, users))?.map_err(StartError::store)?;
    let blueprint = Blueprint::new().map_err(StartError::system)?;
    Ok(Arc::new(move || {
        let store = StepwiseStore::new(seeded.copied());
        match variant {
            Variant::SharedNote => blueprint.over(Webmail::<_, SharedNote>::new(store)),
            Variant::LockedNote => blueprint.over(Webmail::<_, LockedNote>::new(store)),
            Variant::OneLock => blueprint.over(Webmail::<_, OneLock>::new(store)),
            Variant::PerRequest => blueprint.over(Webmail::<_, PerRequest>::new(store)),
        }
    }))
}

/// The value of a future that never waits: a store in memory takes no runtime, and there may be one around already.
fn at_once<F: Future>(future: F) -> Result<F::Output, StartError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(StartError::system("a store in memory waited for something")),
    }
}

fn build(setup: Setup) -> Building {
    Box::pin(async move {
        match &setup.store {
            StoreKind::Temporary => {
                over(SqliteStore::temporary().map_err(StartError::store)?, &setup).await
            }
            StoreKind::File(path) => {
                over(SqliteStore::open(path).map_err(StartError::store)?, &setup).await
            }
            StoreKind::Memory => over(MemoryStore::new(), &setup).await,
            StoreKind::Remote(address) => {
                let store = RemoteStore::new(*address).map_err(StartError::store)?;
                router(store, &setup)
            }
        }
    })
}

async fn over<S: Store>(store: S, setup: &Setup) -> Result<Router, StartError> {
    seed::seed(&store, setup.users)
        .await
        .map_err(StartError::store)?;
    router(store, setup)
}

fn router<S: Store>(store: S, setup: &Setup) -> Result<Router, StartError> {
    let variant = Variant::named(setup.variant);
    let variant = variant.ok_or_else(|| StartError::unknown_variant(&INFO, setup.variant))?;
    let store = DelayedStore::new(store, setup.store_delay);
    variant.router(store, setup.tls).map_err(StartError::system)
}

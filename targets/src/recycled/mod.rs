//! Class 5: a context of requests that is used again, and is not cleared in between.
//!
//! [`context`] holds what differs between the variants, `desk` the pages.

mod context;
mod desk;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;

use self::context::{Pool, Rules};
use crate::catalogue::{
    Building, ClassInfo, Factory, IN_SEQUENCE, Incident, NOTHING, Role, Setup, TargetInfo, Trigger,
    VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// The recycled contexts' entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "recycled",
    title: "Receipts, and a pool of request contexts",
    class: ClassInfo {
        number: 5,
        title: "a recycled request object that is not cleared",
        cwe: &[459, 488],
        incidents: &[
            Incident {
                what: "Tomcat 8.5 to 10.1: an error skips part of the recycling",
                source: "CVE-2023-42795",
            },
            Incident {
                what: "Rails on Puma: a body that is not closed leaves the user of the request before",
                source: "CVE-2022-23633",
            },
            Incident {
                what: "FrankenPHP: a session, a session id, headers and environment, one forgotten field after the other",
                source: "CVE-2026-24894, CVE-2026-82416, CVE-2026-122233, CVE-2026-128019",
            },
            Incident {
                what: "actix-web up to 1.0.6: extensions survive in the pool of requests",
                source: "https://github.com/actix/actix-web/issues/1062",
            },
            Incident {
                what: "ntex up to 3.9.8: extensions of answers survive",
                source: "https://github.com/ntex-rs/ntex/issues/898",
            },
            Incident {
                what: "Tomcat: too many HTTP/2 streams, and a request carries the headers of the one before",
                source: "CVE-2020-13943",
            },
        ],
        triggers: &[Trigger::Error, Trigger::Abort, Trigger::KeepAlive],
    },
    story: include_str!("story.md"),
    scenario: "recycled",
    variants: &[
        VariantInfo::new(
            "cleared-after-success",
            Role::Fault,
            "a context is cleared after a good answer, and after nothing else",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "overwritten-only",
            Role::Fault,
            "nothing is cleared: a request overwrites what it says, and inherits what it leaves out",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "cleared-after-refusal",
            Role::Tempting,
            "it is cleared after a refusal as well; a panic or a client that leaves goes another way",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "one-field-cleared",
            Role::Tempting,
            "the field that leaked is cleared when a context is taken; the others are forgotten",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "cleared-when-taken",
            Role::Fixed,
            "whoever takes a context puts an empty one in its place first",
            NOTHING,
        ),
        VariantInfo::new(
            "new-each-time",
            Role::Fixed,
            "no pool: each request has a context of its own",
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
    pool: Arc<Pool>,
}

impl FromRef<Site> for Arc<Members> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.members)
    }
}

fn build(setup: Setup) -> Building {
    Box::pin(async move { Ok(site(rules(setup.variant)?, Members::served(&setup)?)) })
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let rules = rules(variant)?;
    Ok(Arc::new(move || {
        Explored::alone(site(rules, Members::explored(users)))
    }))
}

fn rules(variant: &str) -> Result<Rules, StartError> {
    Rules::of(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))
}

fn site(rules: Rules, members: Arc<Members>) -> Router {
    let site = Site {
        members,
        pool: Arc::new(Pool::new(rules)),
    };
    Router::new()
        .merge(members::routes())
        .merge(desk::routes())
        .layer(axum::middleware::from_fn(desk::survive))
        .with_state(site)
}

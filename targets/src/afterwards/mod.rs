//! Class 9: work that goes on after the answer, on an object that serves somebody else by then.
//!
//! [`reporter`] holds what differs between the variants, `pages` the pages.

mod pages;
mod reporter;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;

use self::reporter::{Pool, Rules};
use crate::catalogue::{
    Building, ClassInfo, Engine, Expected, Factory, IN_SEQUENCE, Incident, NOTHING, Role, Sees,
    Setup, TargetInfo, Trigger, VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// In race for who fires, since only there a request comes soon enough; an explorer finds that nobody needs to overlap.
const SOON_ENOUGH: &[Expected] = &[
    Expected::new(Engine::Fire, Sees::InRace),
    Expected::new(Engine::Explore, Sees::InSequence),
];

/// The entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "afterwards",
    title: "An error reporter that goes on after the answer",
    class: ClassInfo {
        number: 9,
        title: "use of a request's object after the response",
        cwe: &[416, 362],
        incidents: &[
            Incident {
                what: "GitHub, 8 February to 5 March 2021: session cookies of some users sent to others",
                source: "https://github.blog/2021-03-18-how-we-found-and-fixed-a-rare-race-condition-in-our-session-handling/",
            },
            Incident {
                what: "fasthttp: contexts, bodies and headers belong to the pool once the handler has returned",
                source: "https://github.com/valyala/fasthttp/issues/1109",
            },
            Incident {
                what: "fasthttp: answers mixed under load",
                source: "https://github.com/valyala/fasthttp/issues/146",
            },
            Incident {
                what: "Tomcat: an emitter of headers that is out of date writes into a recycled request",
                source: "CVE-2026-77762",
            },
        ],
        triggers: &[Trigger::Error, Trigger::KeepAlive, Trigger::Burst],
    },
    story: include_str!("story.md"),
    scenario: "afterwards",
    variants: &[
        VariantInfo::new(
            "number-kept",
            Role::Fault,
            "the reporter keeps the number of the context, and looks it up when the report is done",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "handle-cloned",
            Role::Tempting,
            "it has a handle of its own, so that the context cannot go away: it is the same context",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "locked-throughout",
            Role::Tempting,
            "it holds the context's lock for as long as it works: who comes next waits, and gets it then",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "cleared-twice",
            Role::Tempting,
            "contexts are cleared when they are taken, too: what comes after that is still not the request's own",
            SOON_ENOUGH,
        ),
        VariantInfo::new(
            "snapshot",
            Role::Fixed,
            "the reporter is given what the context held, and nothing that anybody uses again",
            NOTHING,
        ),
        VariantInfo::new(
            "context-per-request",
            Role::Fixed,
            "each request has a new context: what is written afterwards is never read",
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
        .merge(pages::routes())
        .with_state(site)
}

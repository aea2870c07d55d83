//! Class 2: a cache in front of a service, whose key does not say for whom an answer is.
//!
//! [`rules`] holds what differs between the variants, `store` the cache, `shelf` how much it keeps, `origin` the service behind it.

mod origin;
mod rules;
mod shelf;
mod store;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;

use self::rules::Rules;
use self::store::Cache;
use crate::catalogue::{
    Building, ClassInfo, Factory, IN_RACE, IN_SEQUENCE, Incident, NOTHING, Role, Setup, TargetInfo,
    Trigger, VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// The cache's entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "cache",
    title: "Pages of users behind a caching proxy",
    class: ClassInfo {
        number: 2,
        title: "a shared cache without the user in the key",
        cwe: &[524, 539],
        incidents: &[
            Incident {
                what: "Steam Store, 25 December 2015: account pages of about 34,000 users",
                source: "https://www.kotaku.com.au/2015/12/valve-says-steams-christmas-malfunction-affected-about-34000-users/",
            },
            Incident {
                what: "Klarna, 27 May 2021: at most 9,500 users saw random others for 31 minutes",
                source: "https://klarna.com/international/blog/detailed-incident-report-incorrect-cache-configuration-leading-to-klarna-app-exposing-personal-information",
            },
            Incident {
                what: "Flask before 2.2.5: a refreshed session cookie without Vary",
                source: "CVE-2023-30861",
            },
            Incident {
                what: "Symfony HttpCache: answers stored with their Set-Cookie",
                source: "CVE-2022-24894",
            },
            Incident {
                what: "pingora-cache before 0.8.0: the default key is the path alone",
                source: "CVE-2026-2836",
            },
            Incident {
                what: "SvelteKit 2.38 to 2.60: requests of different users joined in one batch",
                source: "https://osv.dev/vulnerability/GHSA-hgv7-v322-mmgr",
            },
        ],
        triggers: &[Trigger::Cache, Trigger::Burst],
    },
    story: include_str!("story.md"),
    scenario: "cache",
    variants: &[
        VariantInfo::new(
            "key-without-query",
            Role::Fault,
            "the key is the path: a private link is answered with whoever's came first",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "cookie-stored",
            Role::Fault,
            "an answer is stored with its Set-Cookie: the next reader gets the first one's session",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "vary-ignored",
            Role::Fault,
            "the service says that its answer depends on the cookie, and the cache does not listen",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "joined",
            Role::Fault,
            "nothing private is stored, but requests for one URL that wait together get one answer",
            IN_RACE,
        ),
        VariantInfo::new(
            "cookie-bypass",
            Role::Tempting,
            "whoever has a cookie passes by the cache; whoever has a token does not",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "short-life",
            Role::Tempting,
            "as vary-ignored, but answers live for a second: long enough for the next reader",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "public-only",
            Role::Fixed,
            "only answers to requests without credentials are stored or shared, and none that sets a cookie",
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
    cache: Arc<Cache>,
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
        cache: Arc::new(Cache::new(rules)),
    };
    Router::new()
        .merge(members::routes())
        .merge(origin::routes())
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&site.cache),
            store::answer,
        ))
        .with_state(site)
}

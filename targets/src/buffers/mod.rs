//! Class 10: a pool of buffers, of which one is released twice, or is used again with what was in it.
//!
//! [`pool`] holds what differs between the variants, `sending` the body of an answer, `pages` the pages.

mod pages;
mod pool;
mod sending;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;

use self::pages::Sizes;
use self::pool::{Pool, Rules};
use crate::catalogue::{
    Building, ClassInfo, Factory, IN_RACE, IN_SEQUENCE, Incident, NOTHING, Role, Setup, TargetInfo,
    Trigger, VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// The buffers' entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "buffers",
    title: "Statements that are sent from a pool of buffers",
    class: ClassInfo {
        number: 10,
        title: "a buffer released twice, or used again with its old length",
        cwe: &[675, 672, 226],
        incidents: &[
            Incident {
                what: "Jetty 9.4.27 to 9.4.29: headers too large, and the buffer of an answer is released twice",
                source: "CVE-2019-17638",
            },
            Incident {
                what: "Cloudbleed, 22 September 2016 to 18 February 2017: memory of other requests at the end of pages",
                source: "https://blog.cloudflare.com/incident-report-on-memory-leak-caused-by-cloudflare-parser-bug/",
            },
            Incident {
                what: "go-resty 2.10.0: a request that is tried again puts its buffer into the pool twice",
                source: "CVE-2023-45286",
            },
            Incident {
                what: "Tomcat: an error while a file is sent puts a processor into the cache twice",
                source: "CVE-2016-8745",
            },
            Incident {
                what: "Tomcat: a WebSocket message sent while its connection closes does the same",
                source: "CVE-2022-25762",
            },
            Incident {
                what: "Jetty 9.2.3 to 9.2.8: the answer to a bad header quotes what was in the buffer before",
                source: "https://github.com/eclipse/jetty.project/blob/master/advisories/2015-02-24-httpparser-error-buffer-bleed.md",
            },
        ],
        triggers: &[
            Trigger::Error,
            Trigger::Large,
            Trigger::Retry,
            Trigger::Burst,
            Trigger::Slow,
        ],
    },
    story: include_str!("story.md"),
    scenario: "buffers",
    variants: &[
        VariantInfo::new(
            "released-twice",
            Role::Fault,
            "when headers are too large the buffer is released at once, and once more at the end",
            IN_RACE,
        ),
        VariantInfo::new(
            "not-truncated",
            Role::Fault,
            "a buffer is used again with its old length: a shorter answer has the tail of a longer one",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "one-lock",
            Role::Tempting,
            "nobody touches pool or buffers while somebody else does; two still have the same buffer",
            IN_RACE,
        ),
        VariantInfo::new(
            "wiped",
            Role::Tempting,
            "a buffer is overwritten and emptied when it is released; two still have it",
            IN_RACE,
        ),
        VariantInfo::new(
            "handle-consumed",
            Role::Fixed,
            "releasing takes the handle away, and a buffer is emptied when it is taken",
            NOTHING,
        ),
        VariantInfo::new(
            "generation-checked",
            Role::Fixed,
            "a handle is good for one use of its buffer: released again, it is of an earlier one",
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
    sizes: Sizes,
}

impl FromRef<Site> for Arc<Members> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.members)
    }
}

fn build(setup: Setup) -> Building {
    Box::pin(async move {
        let rules = rules(setup.variant)?;
        Ok(site(rules, Members::served(&setup)?, Sizes::SERVED))
    })
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let rules = rules(variant)?;
    Ok(Arc::new(move || {
        Explored::alone(site(rules, Members::explored(users), Sizes::EXPLORED))
    }))
}

fn rules(variant: &str) -> Result<Rules, StartError> {
    Rules::of(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))
}

fn site(rules: Rules, members: Arc<Members>, sizes: Sizes) -> Router {
    let site = Site {
        members,
        pool: Arc::new(Pool::new(rules)),
        sizes,
    };
    Router::new()
        .merge(members::routes())
        .merge(pages::routes())
        .with_state(site)
}

//! Class 3: a pooled connection that goes back with a reply outstanding, when a request is cancelled.
//!
//! `pool` holds what differs between the variants. `keeper` is the server behind the connections, which may be Redis,
//! `connection` and `resp` the client and the protocol, `chats` the service.

mod chats;
mod connection;
mod keeper;
mod pool;
mod resp;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;

use self::keeper::Keeper;
use self::pool::{Pool, Rule};
use crate::catalogue::{
    Building, ClassInfo, Factory, IN_SEQUENCE, Incident, NOTHING, Role, Setup, TargetInfo, Trigger,
    VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// The entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "replies",
    title: "Names of chats behind pooled connections",
    class: ClassInfo {
        number: 3,
        title: "a pooled connection out of step after a cancelled request",
        cwe: &[459, 362, 488],
        incidents: &[
            Incident {
                what: "ChatGPT, 20 March 2023: titles of chats and payment data of other users, for nine hours",
                source: "https://openai.com/index/march-20-chatgpt-outage/",
            },
            Incident {
                what: "redis-py 4.2 to 4.5.3: a cancelled command leaves its reply to the next one",
                source: "CVE-2023-28858, CVE-2023-28859",
            },
            Incident {
                what: "redis-rs: a dropped query leaves its reply to the next one; the type was removed in 0.30",
                source: "https://github.com/redis-rs/redis-rs/issues/325",
            },
            Incident {
                what: "deadpool-redis before 0.8: a GET answered with the PONG of the pool's own check",
                source: "https://github.com/deadpool-rs/deadpool/issues/97",
            },
            Incident {
                what: "Microsoft SqlClient: after a time-out a query gets another one's rows",
                source: "CVE-2022-41064",
            },
            Incident {
                what: "Apache httpd 2.2.9 to 2.2.15, mod_proxy_http: after a time-out an answer goes to another client",
                source: "CVE-2010-2068",
            },
        ],
        triggers: &[Trigger::Abort, Trigger::KeepAlive],
    },
    story: include_str!("story.md"),
    scenario: "replies",
    variants: &[
        VariantInfo {
            name: "returned-anyway",
            role: Role::Fault,
            line: "a connection goes back to the pool when its request ends, however it ends",
            expected: IN_SEQUENCE,
        },
        VariantInfo {
            name: "discarded-on-error",
            role: Role::Tempting,
            line: "a connection on which something failed is closed; a request whose client leaves does not fail",
            expected: IN_SEQUENCE,
        },
        VariantInfo {
            name: "pinged-first",
            role: Role::Tempting,
            line: "a connection that is used again has to answer PING first, as it did for whoever left",
            expected: IN_SEQUENCE,
        },
        VariantInfo {
            name: "discarded-while-awaiting",
            role: Role::Fixed,
            line: "marked before the command is sent, unmarked after the whole reply; a marked connection is closed",
            expected: NOTHING,
        },
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

impl FromRef<Site> for Arc<Pool> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.pool)
    }
}

fn rule(variant: &str) -> Result<Rule, StartError> {
    Ok(match variant {
        "returned-anyway" => Rule::Anyway,
        "discarded-on-error" => Rule::UnlessFailed,
        "pinged-first" => Rule::Pinged,
        "discarded-while-awaiting" => Rule::UnlessAwaiting,
        _ => return Err(StartError::unknown_variant(&INFO, variant)),
    })
}

fn build(mut setup: Setup) -> Building {
    Box::pin(async move {
        let rule = rule(setup.variant)?;
        let keeper = match setup.take_remote()? {
            Some(_) if !setup.store_delay.is_zero() => {
                let why = "Redis takes its own time: a pause before each command is for this target's own server";
                return Err(StartError::store(why));
            }
            Some(address) => Keeper::Served(address),
            None => {
                let own = Keeper::served(setup.store_delay).await;
                own.map_err(StartError::system)?
            }
        };
        Ok(site(rule, Members::served(&setup)?, keeper))
    })
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let rule = rule(variant)?;
    Ok(Arc::new(move || {
        Explored::alone(site(rule, Members::explored(users), Keeper::explored()))
    }))
}

fn site(rule: Rule, members: Arc<Members>, keeper: Keeper) -> Router {
    let pool = Arc::new(Pool::new(rule, keeper));
    Router::new()
        .merge(members::routes())
        .merge(chats::routes())
        .with_state(Site { members, pool })
}

//! Class 4: a pooled session that keeps the tenant, or the transaction, of the request before.
//!
//! `tenancy` holds what differs between the variants; `pool` the connection that they share, `database` what it leads to (`sqlite`
//! or `postgres`), `pages` the service.

mod database;
#[cfg(test)]
mod lost;
mod pages;
mod pool;
mod postgres;
mod sqlite;
mod tenancy;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;

use self::database::Database;
use self::pool::Pool;
use self::tenancy::Rule;
use crate::catalogue::{
    Building, ClassInfo, Factory, IN_RACE, IN_SEQUENCE, Incident, NOTHING, Role, Setup, TargetInfo,
    Trigger, VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// The entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "tenants",
    title: "Pages of tenants behind a pooled database session",
    class: ClassInfo {
        number: 4,
        title: "a pooled session that keeps tenant, role or transaction",
        cwe: &[488, 459, 305],
        incidents: &[
            Incident {
                what: "Windmill, August 2026: a cancelled BEGIN leaves a transaction open in the pool, and for 20 minutes others run inside it",
                source: "https://github.com/windmill-labs/windmill/issues/10823",
            },
            Incident {
                what: "PgBouncer, transaction pooling: the tenant that a session sets is that of whoever comes next",
                source: "https://github.com/rails-on-services/apartment/issues/470",
            },
            Incident {
                what: "sqlx: a connection whose BEGIN was cancelled counts as ready",
                source: "https://github.com/transact-rs/sqlx/issues/4385",
            },
            Incident {
                what: "curl: a connection that one user has authenticated is used for another",
                source: "CVE-2015-3143, CVE-2026-1965",
            },
            Incident {
                what: "AT&T's gateway, January 2010: cookies of one phone's session sent for another",
                source: "https://www.eff.org/es/deeplinks/2010/01/some-lessons-att-facebook",
            },
        ],
        triggers: &[
            Trigger::Error,
            Trigger::Abort,
            Trigger::KeepAlive,
            Trigger::Burst,
        ],
    },
    story: include_str!("story.md"),
    scenario: "tenants",
    variants: &[
        VariantInfo {
            name: "left-set",
            role: Role::Fault,
            line: "every request that knows of tenants sets its own; a path that does not works for the one before",
            expected: IN_SEQUENCE,
        },
        VariantInfo {
            name: "left-in-transaction",
            role: Role::Fault,
            line: "set inside the transaction, which an error or a client that leaves keeps open in the pool",
            expected: IN_SEQUENCE,
        },
        VariantInfo {
            name: "reset-at-the-end",
            role: Role::Tempting,
            line: "the request takes its tenant back at its end, which an error does not reach",
            expected: IN_SEQUENCE,
        },
        VariantInfo {
            name: "reset-after-errors",
            role: Role::Tempting,
            line: "the request takes its tenant back after an error as well, but not when its client leaves",
            expected: IN_SEQUENCE,
        },
        VariantInfo {
            name: "set-by-itself",
            role: Role::Tempting,
            line: "taken back whatever happens, but set before the transaction: others get the connection in between",
            expected: IN_RACE,
        },
        VariantInfo {
            name: "in-transaction",
            role: Role::Fixed,
            line: "set inside the transaction, and a connection that comes back within one is closed",
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
    rule: Rule,
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

impl FromRef<Site> for Rule {
    fn from_ref(site: &Site) -> Self {
        site.rule
    }
}

/// How a variant sets the tenant, and whether its pool closes connections that are in a transaction.
fn rule(variant: &str) -> Result<(Rule, bool), StartError> {
    Ok(match variant {
        "left-set" => (Rule::Left, false),
        "left-in-transaction" => (Rule::InTransaction, false),
        "reset-at-the-end" => (Rule::ResetAtTheEnd, false),
        "reset-after-errors" => (Rule::ResetAfterErrors, false),
        "set-by-itself" => (Rule::ByItself, false),
        "in-transaction" => (Rule::InTransaction, true),
        _ => return Err(StartError::unknown_variant(&INFO, variant)),
    })
}

fn build(mut setup: Setup) -> Building {
    Box::pin(async move {
        let rule = rule(setup.variant)?;
        let database = match setup.take_remote()? {
            Some(address) => Database::Postgres(address),
            None => Database::sqlite(true)?,
        };
        let members = Members::served(&setup)?;
        Ok(site(rule, members, database, setup.store_delay))
    })
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let rule = rule(variant)?;
    // Whatever would refuse one refuses it here already.
    Database::sqlite(false)?;
    Ok(Arc::new(move || {
        let database = Database::sqlite(false).expect("another one was opened before");
        let members = Members::explored(users);
        Explored::alone(site(rule, members, database, Duration::ZERO))
    }))
}

fn site(
    (rule, looks): (Rule, bool),
    members: Arc<Members>,
    database: Database,
    delay: Duration,
) -> Router {
    let pool = Arc::new(Pool::new(database, looks, delay));
    Router::new()
        .merge(members::routes())
        .merge(pages::routes())
        .with_state(Site {
            members,
            pool,
            rule,
        })
}

//! Class 8: ids of sessions that two log-ins share, and sessions that outlive their end.
//!
//! [`rules`] holds what differs between the variants, `ids` where ids come from, `table` the sessions, `worker` what is done
//! with them, `pages` what is served.

mod ids;
mod pages;
mod rules;
mod table;
mod worker;

use std::sync::Arc;

use axum::Router;
use tokio::time::Instant;

use self::ids::Source;
use self::pages::Workers;
use self::rules::Rules;
use self::table::Table;
use self::worker::Worker;
use crate::catalogue::{
    Building, ClassInfo, Engine, Expected, Factory, IN_RACE, IN_SEQUENCE, Incident, NOTHING, Role,
    Sees, Setup, TargetInfo, Trigger, VariantInfo,
};
use crate::explored::Explored;
use crate::members::Members;
use crate::start_error::StartError;

/// It takes two requests of one user, and an explored user has one.
const BY_FIRING: &[Expected] = &[Expected::new(Engine::Fire, Sees::InRace)];

/// The entry of log-ins in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "logins",
    title: "Log-ins and log-outs at two workers with one table of sessions",
    class: ClassInfo {
        number: 8,
        title: "the identity of a session",
        cwe: &[330, 384, 613],
        incidents: &[
            Incident {
                what: "NicTool: the id is made of process and second, two log-ins in one second share it",
                source: "https://github.com/NicTool/NicTool/issues/308",
            },
            Incident {
                what: "Dancer: a generator seeded before the workers were made, users were in accounts of others",
                source: "https://github.com/PerlDancer/Dancer/issues/997",
            },
            Incident {
                what: "tower-sessions before 0.12: a new id is stored without asking whether it is new",
                source: "https://github.com/maxcountryman/tower-sessions/issues/180",
            },
            Incident {
                what: "rack-session before 2.1.1: a slow request writes back a session that a log-out has deleted",
                source: "CVE-2025-46336",
            },
            Incident {
                what: "Rack before 2.2.14: the same",
                source: "CVE-2025-32441",
            },
            Incident {
                what: "Django 1.8.0 and 1.8.1: flushing left an empty session key, which all shared",
                source: "CVE-2015-3982",
            },
        ],
        triggers: &[Trigger::SameTick, Trigger::Burst, Trigger::Slow],
    },
    story: include_str!("story.md"),
    scenario: "logins",
    variants: &[
        VariantInfo::new(
            "second-and-worker",
            Role::Fault,
            "an id is a hash of the second and the worker: two log-ins of a second at one worker share it",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "seeded-alike",
            Role::Fault,
            "all workers draw the same ids in the same order",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "written-back",
            Role::Fault,
            "each request writes the whole session back at its end, also one that was ended meanwhile",
            BY_FIRING,
        ),
        VariantInfo::new(
            "id-kept",
            Role::Fault,
            "a log-in keeps the id from before: whoever knew that one is logged in as well",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "longer-id",
            Role::Tempting,
            "as seeded-alike, with ids of twice the length",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "check-then-insert",
            Role::Tempting,
            "as seeded-alike, and whether an id is taken is asked before it is stored",
            IN_RACE,
        ),
        VariantInfo::new(
            "no-mark",
            Role::Tempting,
            "a session is written back only if it is unchanged, and one that has ended leaves no row that could have changed",
            BY_FIRING,
        ),
        VariantInfo::new(
            "random-id",
            Role::Fixed,
            "ids from the operating system, stored by one statement that replaces nothing; a new one at log-in; an end leaves a mark",
            NOTHING,
        ),
    ],
    build,
    explore,
};

fn build(setup: Setup) -> Building {
    Box::pin(async move {
        let rules = rules(setup.variant)?;
        let members = Members::served(&setup)?;
        Ok(site(rules, members, Table::served()?, false))
    })
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let rules = rules(variant)?;
    // Whether there is a table to be had turns out here; later ones are had in the same way.
    drop(Table::explored()?);
    Ok(Arc::new(move || {
        let Ok(table) = Table::explored() else {
            return Explored::alone(Router::new());
        };
        Explored::alone(site(rules, Members::explored(users), table, true))
    }))
}

fn rules(variant: &str) -> Result<Rules, StartError> {
    Rules::of(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))
}

fn site(rules: Rules, members: Arc<Members>, table: Table, is_explored: bool) -> Router {
    let table = Arc::new(table);
    let began = Instant::now();
    let worker = |number| Worker {
        rules,
        source: Source::of(rules.ids, number, began, is_explored),
        members: Arc::clone(&members),
        table: Arc::clone(&table),
    };
    let workers: Workers = Arc::new([worker(0), worker(1)]);
    pages::routes(workers)
}

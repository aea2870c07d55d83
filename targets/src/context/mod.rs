//! Class 6: who is being served is kept beside the request, with the thread that happens to run it.
//!
//! [`current`] holds what differs between the variants, `desk` the service, `lane` its one thread where it has one.

mod current;
mod desk;
mod lane;

use std::sync::Arc;

use axum::Router;

use self::current::{Context, Way};
use self::desk::Desk;
use self::lane::Lane;
use crate::catalogue::{
    Building, ClassInfo, Engine, Expected, Factory, IN_RACE, Incident, NOTHING, Role, Sees, Setup,
    TargetInfo, Trigger, VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// With several threads a request may go on, alone, on one that has served somebody else before; an exploration has one.
const BY_THREADS: &[Expected] = &[
    Expected::new(Engine::Fire, Sees::EitherWay),
    Expected::new(Engine::Explore, Sees::InRace),
];

/// The context's entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "context",
    title: "Files of users, and an audit of who read them",
    class: ClassInfo {
        number: 6,
        title: "the current user kept with the thread",
        cwe: &[488, 362],
        incidents: &[
            Incident {
                what: "asgiref 3.7 and 3.8: a Local was not isolated between tasks, Django's language went to other users",
                source: "https://github.com/django/asgiref/issues/473",
            },
            Incident {
                what: "audited for Ruby before 5.3.3: audit lines name the wrong user",
                source: "CVE-2024-22047",
            },
            Incident {
                what: "Quarkus with Vert.x: a duplicated context keeps the data of the one it was made from",
                source: "CVE-2025-49574",
            },
            Incident {
                what: "gRPC Java: the security context is the thread's, and callbacks run on others",
                source: "https://github.com/revinate/grpc-spring-security-demo/issues/2",
            },
            Incident {
                what: "Node AsyncLocalStorage: a pooled socket brought the context of another request",
                source: "https://github.com/nodejs/node/issues/34401",
            },
            Incident {
                what: "tracing: a span's guard held across an await",
                source: "https://github.com/tokio-rs/tracing/issues/394",
            },
        ],
        triggers: &[Trigger::Burst, Trigger::KeepAlive],
    },
    story: include_str!("story.md"),
    scenario: "context",
    variants: &[
        VariantInfo::new(
            "thread-local",
            Role::Fault,
            "the user is set on the thread, and read there after an await: by then the thread serves others",
            BY_THREADS,
        ),
        VariantInfo::new(
            "set-again",
            Role::Tempting,
            "the user is set again after the first await; there is a second one, before the audit",
            BY_THREADS,
        ),
        VariantInfo::new(
            "one-thread",
            Role::Tempting,
            "one thread serves everybody: no request changes threads, and all share the one there is",
            IN_RACE,
        ),
        VariantInfo::new(
            "task-local",
            Role::Fixed,
            "the user belongs to the task, is set again at each of its turns, and is handed on to what it spawns",
            NOTHING,
        ),
        VariantInfo::new(
            "argument",
            Role::Fixed,
            "whoever needs the user is told by the caller",
            NOTHING,
        ),
    ],
    build,
    explore,
};

fn build(setup: Setup) -> Building {
    Box::pin(async move {
        let way = way(setup.variant)?;
        let lane = (way == Way::OneThread).then(Lane::start).transpose()?;
        Ok(site(Members::served(&setup)?, Context::new(way, lane)))
    })
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let way = way(variant)?;
    Ok(Arc::new(move || {
        // An exploration has one thread in any case.
        let context = Context::new(way, None);
        Explored::alone(site(Members::explored(users), context))
    }))
}

fn way(variant: &str) -> Result<Way, StartError> {
    Way::of(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))
}

fn site(members: Arc<Members>, context: Context) -> Router {
    let desk = Desk::new(Arc::clone(&members), context);
    members::routes()
        .with_state(members)
        .merge(desk::routes(desk))
}

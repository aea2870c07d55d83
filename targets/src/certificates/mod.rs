//! Class 7: a job and its result find each other by a key that two jobs can have.
//!
//! [`rules`] holds what differs between the variants, `desk` the process that makes certificates, `folder` where they lie.

mod desk;
mod folder;
mod rules;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;

use self::desk::{DESKS, Desk};
use self::folder::Folder;
use self::rules::Rules;
use crate::catalogue::{
    Building, ClassInfo, Engine, Expected, Factory, IN_RACE, Incident, NOTHING, Role, Sees, Setup,
    TargetInfo, Trigger, VariantInfo,
};
use crate::explored::Explored;
use crate::members::{self, Members};
use crate::start_error::StartError;

/// No kiosk of the scenario keeps the printer that long; an exploration lets time pass.
const LET_TIME_PASS: &[Expected] = &[
    Expected::new(Engine::Fire, Sees::Nothing),
    Expected::new(Engine::Explore, Sees::InRace),
];

/// The certificate desk's entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "certificates",
    title: "A desk that makes certificates and keeps them in a folder until they are fetched",
    class: ClassInfo {
        number: 7,
        title: "a correlation key that two jobs can have",
        cwe: &[694, 488, 362],
        incidents: &[
            Incident {
                what: "Kawasaki, 2 May 2023: two residents applied within a second, one was given a stranger's family register",
                source: "http://note.dev1x.org/tech/item/5077",
            },
            Incident {
                what: "Yokohama, 27 March 2023: a time-out gave back the turn and not the job, 9 applicants got papers of others",
                source: "https://piyolog.hatenadiary.jp/entry/2023/05/22/000742",
            },
            Incident {
                what: "Takamatsu, 4 April 2024: several servers ran what was meant for one",
                source: "https://www.itmedia.co.jp/news/articles/2404/16/news171.html",
            },
            Incident {
                what: "MCP TypeScript SDK 1.10.0 to 1.25.3: clients number their requests, the server took the numbers for its own",
                source: "CVE-2026-25536",
            },
        ],
        triggers: &[Trigger::SameTick, Trigger::Burst, Trigger::Slow],
    },
    story: include_str!("story.md"),
    scenario: "certificates",
    variants: &[
        VariantInfo::new(
            "second",
            Role::Fault,
            "a document is called by the second: the next one of that second is written over it",
            IN_RACE,
        ),
        VariantInfo::new(
            "kiosk-number",
            Role::Fault,
            "a document is called by the number that the kiosk gave its request, and every kiosk counts from 0",
            IN_RACE,
        ),
        VariantInfo::new(
            "turn-lost",
            Role::Fault,
            "there is one document at a time, and who waits too long loses the turn and still takes the next document",
            IN_RACE,
        ),
        VariantInfo::new(
            "lock-per-process",
            Role::Fault,
            "there is one document at a time in each process, and two processes have one folder",
            IN_RACE,
        ),
        VariantInfo::new(
            "millisecond",
            Role::Tempting,
            "a document is called by the millisecond",
            IN_RACE,
        ),
        VariantInfo::new(
            "counter",
            Role::Tempting,
            "documents are numbered, by each process from 0",
            IN_RACE,
        ),
        VariantInfo::new(
            "longer-time-out",
            Role::Tempting,
            "as turn-lost, with a hundred times the time",
            LET_TIME_PASS,
        ),
        VariantInfo::new(
            "own-job",
            Role::Fixed,
            "a random name that nothing is written over, the owner checked when it is given out, and a time-out ends the job",
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
    desks: [Arc<Desk>; DESKS],
}

impl FromRef<Site> for Arc<Members> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.members)
    }
}

fn build(setup: Setup) -> Building {
    Box::pin(async move {
        let rules = rules(setup.variant)?;
        Ok(site(rules, Members::served(&setup)?, Folder::served()?))
    })
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let rules = rules(variant)?;
    Ok(Arc::new(move || {
        Explored::alone(site(rules, Members::explored(users), Folder::explored()))
    }))
}

fn rules(variant: &str) -> Result<Rules, StartError> {
    Rules::of(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))
}

fn site(rules: Rules, members: Arc<Members>, folder: Folder) -> Router {
    let site = Site {
        desks: Desk::several(rules, &members, folder),
        members,
    };
    Router::new()
        .merge(members::routes())
        .merge(desk::routes())
        .with_state(site)
}

//! Class 12: credentials that live too long, and reading in bulk that nobody sees. No race, and the largest numbers.
//!
//! [`limits`] holds what differs between the variants; `keys` signs tokens, `console` keeps sessions, `reads` counts, `clock`
//! is the time of all three, and `desk` the service around them.

mod clock;
mod console;
mod desk;
mod keys;
mod limits;
mod reads;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;

use self::clock::Clock;
use self::console::Consoles;
use self::keys::Keys;
use self::limits::Limits;
use self::reads::Reads;
use crate::catalogue::{
    Building, ClassInfo, Engine, Expected, Factory, IN_SEQUENCE, Incident, NOTHING, Role, Sees,
    Setup, TargetInfo, Trigger, VariantInfo,
};
use crate::explored::Explored;
use crate::members::{Member, Members, Tokens};
use crate::start_error::StartError;
use crate::sync::Mutex;

/// A race is of too few users for a bulk read: only the engine that has all of them can see one.
const FIRED_IN_SEQUENCE: &[Expected] = &[Expected::new(Engine::Fire, Sees::InSequence)];

/// The desk's entry in the catalogue.
pub(crate) const INFO: TargetInfo = TargetInfo {
    name: "credentials",
    title: "Customers' records behind tokens and a staff console",
    class: ClassInfo {
        number: 12,
        title: "credentials that live too long, and bulk reads that nobody sees",
        cwe: &[613, 324, 778],
        incidents: &[
            Incident {
                what: "Nate and Cyworld, July 2011: a console session without automatic log-out; where from was watched, how much was not",
                source: "Supreme Court of Korea, 25 January 2018, 2015Da24904",
            },
            Incident {
                what: "GS Caltex, 2008: an employee of an affiliate copied 11 million customers out of a database that was open to him for his work",
                source: "https://m.sedaily.com/NewsView/1HOT9FFAVM",
            },
            Incident {
                what: "Coupang, 2025: a signing key was not retired when a person left; first counted 4,536 accounts, then 33,700,034",
                source: "https://www.donga.com/news/It/article/all/20251204/132899402/1",
            },
        ],
        triggers: &[Trigger::Idle, Trigger::Rotation],
    },
    story: include_str!("story.md"),
    scenario: "credentials",
    variants: &[
        VariantInfo::new(
            "retired-key-verifies",
            Role::Fault,
            "a key that was retired still verifies tokens, for ever",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "no-idle-limit",
            Role::Fault,
            "a console session lives until somebody ends it",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "reads-not-counted",
            Role::Fault,
            "every read is in the log, and nothing looks at where it comes from or at how many",
            FIRED_IN_SEQUENCE,
        ),
        VariantInfo::new(
            "where-from-alone",
            Role::Fault,
            "an alarm when a read comes from elsewhere, and none by how much is read",
            FIRED_IN_SEQUENCE,
        ),
        VariantInfo::new(
            "account-disabled",
            Role::Tempting,
            "the account of one who leaves is disabled: no more log-ins, but the key stays good",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "polls-keep-alive",
            Role::Tempting,
            "an idle limit, which every poll of the open page sets back",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "idle-limit-alone",
            Role::Tempting,
            "an idle limit and no other: whoever keeps a session busy has it for ever",
            IN_SEQUENCE,
        ),
        VariantInfo::new(
            "short-window",
            Role::Tempting,
            "customers are counted within twelve hours: whoever takes a day for each is never seen",
            FIRED_IN_SEQUENCE,
        ),
        VariantInfo::new(
            "limits-held",
            Role::Fixed,
            "keys end after a short grace, sessions by idle and absolute limits, reading at a count over all time",
            NOTHING,
        ),
    ],
    build,
    explore,
};

/// What the handlers share.
#[derive(Debug)]
struct Desk {
    limits: Limits,
    members: Arc<Members>,
    clock: Clock,
    keys: Keys,
    consoles: Consoles,
    reads: Reads,
    /// Accounts of people who have left.
    disabled: Mutex<BTreeSet<Member>>,
}

fn build(setup: Setup) -> Building {
    Box::pin(async move {
        let limits = limits(setup.variant)?;
        let members = Members::served(&setup)?;
        Ok(site(limits, members, || Tokens::Random))
    })
}

fn explore(variant: &'static str, users: usize) -> Result<Factory, StartError> {
    let limits = limits(variant)?;
    Ok(Arc::new(move || {
        Explored::alone(site(limits, Members::explored(users), Tokens::counted))
    }))
}

fn limits(variant: &str) -> Result<Limits, StartError> {
    Limits::of(variant).ok_or_else(|| StartError::unknown_variant(&INFO, variant))
}

fn site(limits: Limits, members: Arc<Members>, tokens: fn() -> Tokens) -> Router {
    desk::routes().with_state(Arc::new(Desk {
        limits,
        members,
        clock: Clock::default(),
        keys: Keys::new(limits, tokens()),
        consoles: Consoles::new(limits, tokens()),
        reads: Reads::new(limits),
        disabled: Mutex::new(BTreeSet::new()),
    }))
}

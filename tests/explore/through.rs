//! A served variant of the webmail with its store behind a relay: its schedules, one call of the store at a time.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crosswire::explore::turnstile::{Hall, Through, TurnstileOptions};
use crosswire::explore::{Plan, explore};
use crosswire::fire::{self, Stop};
use crosswire::identity::Salt;
use crosswire::judge::{Judgement, judge};
use crosswire::weigh::Weigher;
use crosswire_targets::mail::store_server::StoreServer;
use crosswire_targets::{Options, StoreKind, start};

use crate::webmail::exploration;

/// Milliseconds without a sign of life after which a request counts as blocked: long enough for a busy machine, and waited
/// for at each step that `one-lock` holds up.
const BLOCKED_MS: u64 = 300;

/// Explores a variant through the turnstile.
pub(crate) fn explored(variant: &str, race: [&str; 2], preemptions: u32) -> Judgement {
    let store = StoreServer::start(race.len()).unwrap();
    let relay = free_port();
    // Its store is asked nothing before the first request, which comes when the relay is there.
    let webmail = start(Options {
        store: StoreKind::Remote(relay),
        ..Options::new("mail", variant)
    })
    .unwrap();
    let scenario = exploration(variant, race)
        .url(&webmail.base_url())
        .set("explore.blocked-ms", BLOCKED_MS)
        .preemptions(preemptions)
        .scenario()
        .unwrap();
    let plan = Plan {
        scenario: &scenario,
        target_name: format!("mail/{variant}"),
        base_url: webmail.base_url(),
        seed: 2008,
        salt: Salt::new(2008),
        follows_up: true,
    };
    let fired = fire::Plan {
        scenario: &scenario,
        target_name: plan.target_name.clone(),
        base_url: plan.base_url.clone(),
        trusted_pem: None,
        seed: plan.seed,
        salt: plan.salt,
    };
    let options = TurnstileOptions {
        through: vec![Through {
            listen: relay,
            host: store.addr().ip().to_string(),
            port: store.addr().port(),
        }],
        ..TurnstileOptions::default()
    };
    let stop = Stop::default();
    let hall = Hall::open(&fired, &options, &stop).unwrap();
    let mut history = Vec::new();
    explore(
        &plan,
        &mut |raced| Ok(Box::new(hall.turnstile(raced)?)),
        &mut |start, raced| Box::new(Weigher::new(start, raced)),
        &mut history,
        &mut (),
        &stop,
    )
    .unwrap();
    drop(webmail);
    judge(&history)
}

/// A port that was free just now.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

//! How tightly each release strategy's requests arrive, at 2, 20 and 100 users: server-side spread (last minus first
//! arrival), median and 95th percentile over volleys, and the time a volley takes.
//!
//! Not a criterion bench: the figure is a spread on the server's clock, not a duration of a call.

use std::time::Instant;

use crosswire::fire::{Plan, Stop, fire};
use crosswire::identity::Salt;
use crosswire::judge::Judge;
use crosswire::scenario::{Protocol, Scenario, StrategyName, shipped};
use crosswire_targets::{Options, start};

const USERS: [u32; 3] = [2, 20, 100];
const ROUNDS: u32 = 200;
/// Strategy, protocol, TLS.
const ROWS: [(StrategyName, Protocol, bool); 8] = [
    (StrategyName::Barrier, Protocol::Http1, false),
    (StrategyName::Barrier, Protocol::Http1, true),
    (StrategyName::LastByte, Protocol::Http1, false),
    (StrategyName::LastByte, Protocol::Http1, true),
    (StrategyName::Barrier, Protocol::Http2, false),
    (StrategyName::Barrier, Protocol::Http2, true),
    (StrategyName::SinglePacket, Protocol::Http2, false),
    (StrategyName::SinglePacket, Protocol::Http2, true),
];

#[expect(clippy::print_stdout, reason = "a bench tells its figures on stdout")]
fn main() {
    let test = std::env::args().any(|argument| argument == "--test");
    let rounds = if test { 2 } else { ROUNDS };
    println!(
        "{:<14} {:<9} {:<4} {:>6} {:>12} {:>12} {:>12}",
        "strategy", "protocol", "TLS", "users", "median us", "p95 us", "volley us"
    );
    for (strategy, protocol, tls) in ROWS {
        for users in USERS {
            let (spread, volley_us) = measure(strategy, protocol, tls, users, rounds);
            let tls = if tls { "yes" } else { "no" };
            println!(
                "{strategy:<14} {protocol:<9} {tls:<4} {users:>6} {:>12} {:>12} {volley_us:>12.0}",
                spread.0, spread.1
            );
        }
    }
}

/// Median and 95th percentile of the spread, and the time of a volley, microseconds.
fn measure(
    strategy: StrategyName,
    protocol: Protocol,
    tls: bool,
    users: u32,
    rounds: u32,
) -> ((u64, u64), f64) {
    let text = shipped()
        .iter()
        .find(|shipped| shipped.name == "mail-2008")
        .expect("it is shipped")
        .text;
    let mut scenario = Scenario::parse("mail-2008", text).expect("it parses");
    scenario.set_user_count(users).expect("few users");
    scenario.fire.set_strategy(strategy);
    scenario.fire.protocol = protocol;
    scenario.fire.group = users;
    scenario.fire.rounds = rounds;
    (scenario.fire.solo, scenario.fire.sequence) = (false, false);
    scenario.retain_steps(|step| step.name == "log in" || step.name == "inbox");
    let mut options = Options::new("mail", "per-request");
    (options.users, options.tls) = (users as usize, tls);
    let server = start(options).expect("the target starts");
    let plan = Plan {
        scenario: &scenario,
        target_name: "mail/per-request".to_owned(),
        base_url: server.base_url(),
        trusted_pem: server.certificate_pem().map(str::to_owned),
        seed: 1,
        salt: Salt::new(7),
    };
    let mut judge = Judge::new();
    let started = Instant::now();
    fire(&plan, &mut judge, &mut (), &Stop::default()).expect("the judge takes every record");
    let volley_us = started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    let judgement = judge.finish();
    let spread = judgement
        .spread
        .first()
        .map_or((0, 0), |spread| (spread.median_us, spread.p95_us));
    (spread, volley_us)
}

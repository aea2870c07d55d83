//! The load bench: the webmail's request path under as many requests as it takes, per variant and store, with and
//! without judging; then what judging costs the engine; on demand, the memory of a run of a million exchanges.
//!
//! Server and client share the machine; the client is one thread, and its processor time is read for that thread alone.

mod load {
    pub(crate) mod client;
    pub(crate) mod engine;
    pub(crate) mod machine;
}

use std::time::Duration;

use crosswire_targets::StoreKind;
use load::{client, engine, machine};

const USERS: usize = 16;
const VARIANTS: [&str; 4] = ["shared-note", "locked-note", "one-lock", "per-request"];
/// Name, kind, pause of the store before each operation in milliseconds.
const STORES: [(&str, StoreKind, u64); 3] = [
    ("memory", StoreKind::Memory, 0),
    ("sqlite", StoreKind::Temporary, 0),
    ("sqlite+2ms", StoreKind::Temporary, 2),
];
/// Exchanges of `--million`.
const MILLION: u64 = 1_000_000;

const USAGE: &str =
    "cargo bench --bench load -- [--seconds S]   every row for S seconds (default 3)
cargo bench --bench load -- --quick         every row for 0.2 s: that it runs
cargo bench --bench load -- --million       memory of a run of 1,000,000 exchanges";

#[expect(clippy::print_stdout, reason = "a bench tells its figures on stdout")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("--help") {
        println!("{USAGE}");
        return;
    }
    if has("--test") {
        // `cargo test --benches` asks only whether it runs.
        measure(Duration::from_millis(20), 1);
        return;
    }
    println!("{}", machine::describe());
    if has("--million") {
        million();
        return;
    }
    let seconds = arguments
        .iter()
        .position(|argument| argument == "--seconds")
        .and_then(|at| arguments.get(at + 1)?.parse().ok());
    let quick = has("--quick");
    let each = Duration::from_secs_f64(if quick { 0.2 } else { seconds.unwrap_or(3.0) });
    measure(each, if quick { 2 } else { 30 });
}

#[expect(clippy::print_stdout, reason = "a bench tells its figures on stdout")]
fn measure(each: Duration, rounds: u32) {
    println!("request path, {USERS} users, a request after the answer to the last, {each:?} a row");
    println!(
        "{:<12} {:<11} {:<8} {:>11} {:>9} {:>9} {:>9} {:>14}",
        "variant", "store", "judging", "requests/s", "p50 us", "p95 us", "p99 us", "client us/req"
    );
    for variant in VARIANTS {
        for (name, store, delay_ms) in STORES {
            for judging in [false, true] {
                let delay = Duration::from_millis(delay_ms);
                let load = client::load(variant, store.clone(), delay, USERS, each, judging);
                println!(
                    "{variant:<12} {name:<11} {:<8} {:>11.0} {:>9} {:>9} {:>9} {:>14.2}",
                    if judging { "yes" } else { "no" },
                    load.per_second,
                    load.percentile_us(50.0),
                    load.percentile_us(95.0),
                    load.percentile_us(99.0),
                    load.client_us
                );
            }
        }
    }
    println!();
    println!(
        "engine, scenario mail-2008 on per-request, {rounds} rounds: processor time of the client's thread"
    );
    let cost = engine::judging_cost(rounds);
    println!(
        "{} exchanges: {:.2} us each, and {:.2} us for judging: {:.1} %",
        cost.exchanges,
        cost.engine_us,
        cost.judging_us,
        100.0 * cost.share()
    );
}

#[expect(clippy::print_stdout, reason = "a bench tells its figures on stdout")]
fn million() {
    let run = engine::long_run(MILLION);
    let reasons: String = run
        .reasons
        .iter()
        .map(|reason| format!(" ({reason})"))
        .collect();
    println!(
        "{} exchanges in {:.0} s, {} overlapping pairs, verdict {}{}: peak memory {:.0} MB (client, judge and server together)",
        run.exchanges, run.seconds, run.pairs, run.verdict, reasons, run.peak_mb
    );
}

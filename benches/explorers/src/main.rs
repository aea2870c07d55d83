//! crosswire's explorer, loom and shuttle on the webmail's request path: executions per second, and how many until the
//! exposure is seen. The request path is one source for all three; `sync` is each engine's own.
//!
//! They do not count the same thing. loom runs what the memory model allows, so that one order of steps may be several
//! executions; shuttle stops at each use of a primitive; crosswire stops at awaits, and each of its executions is an HTTP
//! request through an axum router. Fixed sizes and seeds; nothing passes or fails.

mod mail;
mod service;
#[path = "../../../targets/src/sync.rs"]
#[allow(dead_code, unreachable_pub, reason = "the server uses more of it")]
mod sync;

use std::io::{self, Write as _};
use std::time::Instant;

use crosswire::Step;
use crosswire::history::Coverage;
use with_shuttle::Search;

use crate::mail::note::{LockedNote, Note, OneLock, PerRequest, SharedNote};

/// What random searches draw from.
const SEED: u64 = 2008;
/// Executions of a search by chance.
const DRAWN: usize = 20_000;
/// Most executions of a search through all orders.
const MOST: usize = 200_000;
/// Preemptions where there is a bound.
const BOUND: usize = 2;

const VARIANTS: [&str; 4] = ["shared-note", "locked-note", "one-lock", "per-request"];

/// A row of the table.
struct Row {
    engine: &'static str,
    search: String,
    executions: u64,
    seconds: f64,
    first: Option<u64>,
    exhausted: bool,
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| variant | users | engine | search | executions | seconds | executions/s | first exposure at | exhausted |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for users in [2, 3] {
        for variant in VARIANTS {
            for row in rows(variant, users) {
                let first = row
                    .first
                    .map_or("never".to_owned(), |first| first.to_string());
                writeln!(
                    out,
                    "| {variant} | {users} | {} | {} | {} | {:.2} | {:.0} | {first} | {} |",
                    row.engine,
                    row.search,
                    row.executions,
                    row.seconds,
                    row.executions as f64 / row.seconds,
                    if row.exhausted { "yes" } else { "no" },
                )?;
                out.flush()?;
            }
        }
    }
    Ok(())
}

fn rows(variant: &str, users: u64) -> Vec<Row> {
    let within = || format!("within {BOUND} preemptions");
    let mut rows = vec![
        crosswire(variant, users, None),
        crosswire(variant, users, Some(BOUND)),
    ];
    // Without a bound loom has more than a million orders of these.
    if users == 2 && variant != "shared-note" {
        rows.push(loom(variant, users, None, "all".to_owned()));
    }
    rows.push(loom(variant, users, Some(BOUND), within()));
    for (name, search, most) in [
        ("all", Search::Dfs, MOST),
        ("random", Search::Random(SEED), DRAWN),
        (
            "PCT, depth 3",
            Search::Pct {
                seed: SEED,
                depth: 3,
            },
            DRAWN,
        ),
    ] {
        let begin = Instant::now();
        let measured = with_shuttle::explore(variant, users, search, most).expect("a variant");
        rows.push(Row {
            engine: "shuttle",
            search: name.to_owned(),
            executions: measured.executions,
            seconds: begin.elapsed().as_secs_f64(),
            first: measured.first,
            exhausted: measured.exhausted,
        });
    }
    rows
}

fn loom(variant: &str, users: u64, bound: Option<usize>, search: String) -> Row {
    let begin = Instant::now();
    let measured = with_loom::explore(variant, users, bound, MOST).expect("a variant");
    Row {
        engine: "loom",
        search,
        executions: measured.executions,
        seconds: begin.elapsed().as_secs_f64(),
        first: measured.first,
        exhausted: measured.exhausted,
    }
}

fn crosswire(variant: &str, users: u64, bound: Option<usize>) -> Row {
    match variant {
        "shared-note" => explored::<SharedNote>(users, bound),
        "locked-note" => explored::<LockedNote>(users, bound),
        "one-lock" => explored::<OneLock>(users, bound),
        _ => explored::<PerRequest>(users, bound),
    }
}

fn explored<N: Note>(users: u64, bound: Option<usize>) -> Row {
    let read = Step::get("read", "/mail")
        .header("x-user", "{{ user.name }}")
        .sees(["mail"]);
    let mut exploration = crosswire::explore(move || service::service::<N>(users))
        .seed(SEED)
        .executions(MOST as u64)
        .samples(0)
        .each_round(
            Step::put("write", "/mail")
                .header("x-user", "{{ user.name }}")
                .text("{{ secret('mail') }}"),
        );
    for user in 1..=users {
        exploration = exploration.request(&format!("user{user}"), read.clone());
    }
    if let Some(bound) = bound {
        exploration = exploration.preemptions(bound as u32);
    }
    let checked = exploration.run();
    let told = &checked.judgement().explored[0];
    Row {
        engine: "crosswire",
        search: bound.map_or("all".to_owned(), |bound| {
            format!("within {bound} preemptions")
        }),
        executions: told.schedules,
        seconds: told.elapsed_ns as f64 / 1e9,
        first: told.first_exposing,
        exhausted: match told.coverage {
            Coverage::All => true,
            Coverage::WithinBound { bound: told } => bound == Some(told as usize),
            Coverage::Capped { .. } => false,
        },
    }
}

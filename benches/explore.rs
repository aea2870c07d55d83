//! How fast schedules are explored in process: two or three requests to an axum router that does nothing but await.

use std::io::{self, Write as _};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use crosswire::Step;
use crosswire::history::{Coverage, Explored};
use tokio::task::coop::consume_budget;

/// Runs of a row; the fastest and the slowest are shown.
const RUNS: usize = 5;

/// Users, awaits of each request, most preemptions.
const ROWS: [(u32, u32, Option<u32>); 6] = [
    (2, 2, None),
    (2, 4, None),
    (2, 6, None),
    (2, 32, Some(2)),
    (3, 0, None),
    (3, 8, Some(2)),
];

fn service() -> Router {
    async fn awaits(Path(points): Path<u32>) -> &'static str {
        for _ in 0..points {
            consume_budget().await;
        }
        "done"
    }
    Router::new().route("/{points}", get(awaits))
}

fn explored(users: u32, awaits: u32, preemptions: Option<u32>) -> Explored {
    let step = Step::get("await", &format!("/{awaits}"));
    let mut exploration = crosswire::explore(service).executions(1_000_000).seed(1);
    for user in 1..=users {
        exploration = exploration.request(&format!("user{user}"), step.clone());
    }
    if let Some(most) = preemptions {
        exploration = exploration.preemptions(most);
    }
    let report = exploration.run();
    report.judgement().explored[0].clone()
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| requests | awaits each | steps each | schedules | which | seconds | schedules/s |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for (users, awaits, preemptions) in ROWS {
        let told: Vec<Explored> = (0..RUNS)
            .map(|_| explored(users, awaits, preemptions))
            .collect();
        let seconds = told.iter().map(|told| told.elapsed_ns as f64 / 1e9);
        let (best, worst) = seconds.fold((f64::MAX, 0.0_f64), |(best, worst), seconds| {
            (best.min(seconds), worst.max(seconds))
        });
        let which = match &told[0].coverage {
            Coverage::All => "all".to_owned(),
            Coverage::WithinBound { bound } => format!("within {bound} preemptions"),
            Coverage::Capped { limit, .. } => format!("capped: {limit}"),
        };
        let schedules = told[0].schedules;
        writeln!(
            out,
            "| {users} | {awaits} | {} | {schedules} | {which} | {best:.3} to {worst:.3} | {:.0} |",
            told[0].points[0].total() + 1,
            schedules as f64 / best,
        )?;
        out.flush()?;
    }
    Ok(())
}

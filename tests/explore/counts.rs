//! There are as many schedules as there are orders of the requests' steps.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use crosswire::Step;
use crosswire::history::{Coverage, Explored};
use tokio::task::coop::consume_budget;

/// No order is left out because the machine is busy.
const HOUR: Duration = Duration::from_secs(3_600);

/// Awaits as often as the path says.
fn service() -> Router {
    async fn awaits(Path(points): Path<u32>) -> String {
        for _ in 0..points {
            consume_budget().await;
        }
        "done".to_owned()
    }
    Router::new().route("/{points}", get(awaits))
}

fn explored(points: &[u32], preemptions: Option<u32>) -> Explored {
    let mut exploration = crosswire::explore(service)
        .executions(1_000_000)
        .duration(HOUR);
    for (user, points) in points.iter().enumerate() {
        let step = Step::get(&format!("await {user}"), &format!("/{points}"));
        exploration = exploration.request(&format!("user{user}"), step);
    }
    if let Some(most) = preemptions {
        exploration = exploration.preemptions(most);
    }
    let report = exploration.run();
    report.judgement().explored[0].clone()
}

/// Orders of so many steps each: (a + b + …)! / (a! b! …), as a product of binomials.
fn orders(steps: &[u64]) -> u64 {
    let mut sum = 0;
    steps.iter().fold(1, |orders, &steps| {
        sum += steps;
        orders * binomial(sum, steps)
    })
}

fn binomial(n: u64, k: u64) -> u64 {
    (1..=k).fold(1, |value, i| value * (n - k + i) / i)
}

/// Steps of each request: every one but the last ends at a point.
fn steps(told: &Explored) -> Vec<u64> {
    told.points
        .iter()
        .map(|counts| u64::from(counts.total()) + 1)
        .collect()
}

#[test]
fn binomials_are_right() {
    assert_eq!(binomial(16, 8), 12_870);
    assert_eq!(binomial(8, 4), 70);
    assert_eq!(orders(&[3, 3, 3]), 1_680);
}

#[test]
fn two_requests_of_eight_steps_have_12870_orders() {
    let none = steps(&explored(&[0, 0], None))[0];
    let points = u32::try_from(8 - none).unwrap();
    let told = explored(&[points, points], None);
    assert_eq!(steps(&told), [8, 8]);
    assert_eq!((told.schedules, &told.coverage), (12_870, &Coverage::All));
}

#[test]
fn unequal_requests_have_all_their_orders() {
    for points in [&[0, 0][..], &[1, 3], &[4, 0]] {
        let told = explored(points, None);
        assert_eq!(told.schedules, orders(&steps(&told)), "{points:?}");
        assert_eq!(told.coverage, Coverage::All);
        let inside: Vec<u32> = told.points.iter().map(|counts| counts.inside()).collect();
        assert_eq!(inside, points, "each await is a point");
    }
}

#[test]
fn a_bound_leaves_out_what_needs_more_preemptions() {
    let all = explored(&[3, 3], None);
    assert_eq!(
        all.bounds[0].schedules, 2,
        "one after the other, in either order"
    );
    assert_eq!(
        all.bounds.iter().map(|bound| bound.schedules).sum::<u64>(),
        all.schedules
    );
    // With one preemption: the first stops at one of its points, the second runs to its end or is the one to stop.
    let n = steps(&all)[0];
    let one = explored(&[3, 3], Some(1));
    assert_eq!(one.coverage, Coverage::WithinBound { bound: 1 });
    assert_eq!(one.schedules, 2 + 2 * (n - 1));
    assert_eq!(one.bounds[..], all.bounds[..2]);
}

//! How many orders there are, that all of them are walked, and what is found in them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;

use super::walk::walk;
use super::{Params, READ, plan, raced, scenario};
use crate::explore::in_process::InProcess;
use crate::explore::point;

/// A request of four steps: ready, called, answered, read; with points, as many more.
fn pointed(points: usize) -> impl Fn() -> Router {
    move || {
        let handler = move || async move {
            for _ in 0..points {
                point("here").await;
            }
            "done"
        };
        Router::new().route("/read", get(handler))
    }
}

#[test]
fn two_requests_of_four_steps_have_seventy_orders() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(pointed(0), &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let walked = walk(&mut stage, 100_000);
    assert_eq!(walked.executions, 70, "C(8, 4)");
    assert_eq!(walked.outcomes.len(), 1);
    assert_eq!(walked.last.unwrap().points[0].inside(), 0);
}

#[test]
fn two_requests_of_eight_steps_have_12870_orders() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(pointed(4), &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let walked = walk(&mut stage, 100_000);
    assert_eq!(walked.executions, 12_870, "C(16, 8)");
    assert_eq!((walked.outcomes.len(), walked.diverged), (1, 0));
    let points = walked.last.unwrap().points[0];
    assert_eq!(points.explicit, 4);
    assert_eq!((points.starved, points.natural, points.service), (0, 0, 3));
}

#[test]
fn awaits_of_tokio_that_need_not_wait_are_points_too() {
    let scenario = scenario(READ);
    let starved = || {
        let handler = async || {
            for _ in 0..5 {
                tokio::task::coop::consume_budget().await;
            }
            "done"
        };
        Router::new().route("/read", get(handler))
    };
    let mut stage = InProcess::new(starved, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let walked = walk(&mut stage, 100_000);
    // The first one takes the unit that is left.
    assert_eq!(walked.executions, 12_870, "C(16, 8)");
    let points = walked.last.unwrap().points[0];
    assert_eq!((points.starved, points.explicit, points.natural), (4, 0, 0));
}

#[test]
fn three_requests_are_walked_too() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(pointed(0), &plan(&scenario), &raced(&scenario, 3)).unwrap();
    assert_eq!(walk(&mut stage, 100_000).executions, 34_650, "12! / (4!)^3");
}

/// The memo of 2008: written under a lock, read under it once more.
fn memo(repaired: bool) -> impl Fn() -> Router {
    move || {
        let memo = Arc::new(tokio::sync::Mutex::new(String::new()));
        let handler = move |Query(params): Params| async move {
            let user = params["user"].clone();
            point("write").await;
            *memo.lock().await = user.clone();
            point("read").await;
            let read = memo.lock().await.clone();
            if repaired { user } else { read }
        };
        Router::new().route("/read", get(handler))
    }
}

#[test]
fn a_leak_is_found_and_its_repair_exhausted() {
    let scenario = scenario(READ);
    let own = vec!["200 user1".to_owned(), "200 user2".to_owned()];
    let mut stage = InProcess::new(memo(false), &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let walked = walk(&mut stage, 100_000);
    assert_eq!((walked.executions, walked.diverged), (924, 0), "C(12, 6)");
    let seen = |users: [&str; 2]| {
        let answers = users.map(|user| format!("200 {user}")).to_vec();
        walked.answers.contains(&answers)
    };
    assert!(seen(["user1", "user1"]) && seen(["user2", "user2"]));
    assert!(seen(["user1", "user2"]));
    assert_eq!(walked.answers.len(), 3);

    let mut stage = InProcess::new(memo(true), &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let walked = walk(&mut stage, 100_000);
    assert_eq!(walked.executions, 924);
    assert!(walked.answers.contains(&own));
    assert_eq!(walked.answers.len(), 1);
}

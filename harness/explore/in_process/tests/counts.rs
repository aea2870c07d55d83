//! How many orders there are, and that all of them are walked.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;

use super::walk::{answers, walk};
use super::{READ, plan, raced, scenario};
use crate::explore::in_process::InProcess;
use crate::explore::point;

type Params = Query<std::collections::BTreeMap<String, String>>;

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
}

#[test]
fn two_requests_of_eight_steps_have_12870_orders() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(pointed(4), &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let started = std::time::Instant::now();
    let walked = walk(&mut stage, 100_000);
    println!("{:?}", started.elapsed());
    assert_eq!(walked.executions, 12_870, "C(16, 8)");
    assert_eq!((walked.outcomes.len(), walked.diverged), (1, 0));
    let points = &walked.last.unwrap().points;
    assert_eq!(points[0].explicit, 4);
    assert_eq!((points[0].starved, points[0].natural), (0, 0));
}

/// The memo of 2008: written under one lock, read under another one.
fn memo(with_points: bool) -> impl Fn() -> Router {
    move || {
        let memo = Arc::new(tokio::sync::Mutex::new(String::new()));
        let handler = move |Query(params): Params| async move {
            let user = params["user"].clone();
            if with_points {
                point("write").await;
            }
            *memo.lock().await = user;
            if with_points {
                point("read").await;
            }
            let read = memo.lock().await.clone();
            read
        };
        Router::new().route("/read", get(handler))
    }
}

#[test]
fn a_leak_is_found_with_points() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(memo(true), &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let walked = walk(&mut stage, 1_000_000);
    println!("{walked:?}");
    assert!(
        walked
            .answers
            .contains_key(&vec!["200 user2".to_owned(), "200 user2".to_owned()])
    );
    assert_eq!(walked.diverged, 0);
    let _ = answers;
}

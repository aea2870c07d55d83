//! URLs, services of several makes, runtimes.

use std::convert::Infallible;

use axum::http::{Request, Response};
use crosswire::Step;
use crosswire::judge::Verdict;

use crate::notes::{self, Memo, USERS};

#[tokio::test]
async fn a_service_on_the_runtime_of_the_test_is_checked_from_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async { axum::serve(listener, notes::service(Memo::Shared)).await });
    let report = notes::with_steps(crosswire::check(&url)).run_async().await;
    server.abort();
    report.assert_exposed();
}

#[tokio::test]
async fn a_run_that_blocks_may_stand_in_an_async_test() {
    notes::check(Memo::OfTheRequest).run().assert_isolated();
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_ends() {
    let served = crosswire::check::serve(notes::service(Memo::OfTheRequest)).unwrap();
    let run = notes::with_steps(crosswire::check(served.url()))
        .rounds(1_000_000)
        .run_async();
    let mut run = Box::pin(run);
    // It has begun once it was polled.
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(run.as_mut().poll(context)));
    assert!(polled.await.is_pending());
    drop(run);
    drop(served);
}

#[test]
fn a_service_that_is_no_router_is_checked() {
    let service = tower::service_fn(async |request: Request<hyper::body::Incoming>| {
        Ok::<_, Infallible>(Response::new(format!("you asked for {}", request.uri())))
    });
    let report = crosswire::check_service(service)
        .users(USERS)
        .volley(Step::get("echo", "/{{ user.name }}").expect_body("^you asked for /user"))
        .run();
    assert!(report.findings.is_empty());
    assert_eq!(report.judgement().failed, 0);
}

#[test]
fn a_service_is_made_on_the_runtime_that_serves_it() {
    let report = notes::check(Memo::OfTheRequest)
        .service_from(async || {
            tokio::task::yield_now().await;
            notes::service(Memo::Shared)
        })
        .run();
    report.assert_exposed();
}

#[test]
fn a_service_that_fails_proves_nothing() {
    let service = tower::service_fn(async |_: Request<hyper::body::Incoming>| {
        Err::<Response<String>, _>(std::io::Error::other("out of order"))
    });
    let report = crosswire::check_service(service)
        .users(USERS)
        .volley(Step::get("anything", "/"))
        .rounds(1)
        .run();
    report.assert_verdict(Verdict::Inconclusive);
}

//! Services that wait, spawn, panic, stream, block, and keep what they should not.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::routing::get;
use tokio::sync::{Notify, mpsc, oneshot};

use super::walk::{Along, Walked, walk};
use super::{Params, READ, plan, raced, scenario};
use crate::explore::in_process::InProcess;
use crate::explore::{Detail, ExecutionEnd, Stage as _, point};
use crate::scenario::ExploreSettings;

/// Every order of two requests to `/read`.
fn walked(factory: impl Fn() -> Router, set: fn(&mut ExploreSettings)) -> Walked {
    let mut scenario = scenario(READ);
    set(&mut scenario.explore);
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    walk(&mut stage, 4_000)
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[test]
fn a_wait_is_no_step_until_it_is_over() {
    // The second user waits for the first one.
    let factory = || {
        let notify = Arc::new(Notify::new());
        let handler = move |Query(params): Params| async move {
            match params["user"].as_str() {
                "user1" => notify.notify_one(),
                _ => notify.notified().await,
            }
        };
        Router::new().route("/read", get(handler))
    };
    let walked = walked(factory, |_| ());
    assert_eq!((walked.stuck, walked.diverged, walked.foreign), (0, 0, 0));
    assert_eq!(walked.answers.len(), 1);
    // Without the wait both have three steps: C(6, 3) = 20. The second one's third, which answers, comes after the first
    // one's third, unless it waits then, and answers with a fourth: one more order for each of those.
    assert_eq!(walked.executions, 20);
    assert!(walked.schedules.contains("R2*3,R1*3,R2"));
    assert!(!walked.schedules.contains("R2*3,R1*2,R2"));
}

#[test]
fn yielding_is_a_point() {
    let factory = || {
        let handler = async || tokio::task::yield_now().await;
        Router::new().route("/read", get(handler))
    };
    let walked = walked(factory, |_| ());
    assert_eq!(walked.executions, 70, "four steps: C(8, 4)");
    assert_eq!(walked.last.unwrap().points[0].natural, 1);
}

#[test]
fn background_tasks_run_when_they_are_let() {
    // What is answered is what the tasks wrote last.
    let factory = || {
        let last = Arc::new(Mutex::new(String::new()));
        let handler = move |Query(params): Params| async move {
            let (own, user) = (Arc::clone(&last), params["user"].clone());
            let task = tokio::spawn(async move { *own.lock().unwrap() = user });
            task.await.unwrap();
            last.lock().unwrap().clone()
        };
        Router::new().route("/read", get(handler))
    };
    let walked = walked(factory, |_| ());
    assert_eq!((walked.stuck, walked.diverged, walked.foreign), (0, 0, 0));
    let crossed = texts(["200 user2", "200 user2"]);
    assert!(walked.answers.contains(&crossed), "{:?}", walked.answers);
    assert!(walked.answers.contains(&texts(["200 user1", "200 user2"])));
    assert!(
        walked
            .schedules
            .iter()
            .any(|schedule| schedule.contains('B'))
    );
}

#[test]
fn a_worker_that_lives_as_long_as_the_service_is_let_run() {
    let factory = || {
        let (sender, mut receiver) = mpsc::channel::<oneshot::Sender<u32>>(8);
        tokio::spawn(async move {
            let mut count = 0;
            while let Some(answer) = receiver.recv().await {
                count += 1;
                let _ = answer.send(count);
            }
        });
        let handler = move || async move {
            let (answer, answered) = oneshot::channel();
            sender.send(answer).await.unwrap();
            answered.await.unwrap().to_string()
        };
        Router::new().route("/read", get(handler))
    };
    let scenario = scenario(READ);
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    // Depth first, the second one is first only after most of the orders.
    let walked = walk(&mut stage, 500);
    assert_eq!((walked.stuck, walked.diverged, walked.foreign), (0, 0, 0));
    assert!(walked.answers.contains(&texts(["200 1", "200 2"])));
    let mut along = Along::new("R2*3,B,R2*2,R1*3,B,R1*2", false);
    let execution = stage.execute(&mut along, Detail::Brief).unwrap();
    assert_eq!(execution.end, ExecutionEnd::Complete);
    let turned = super::walk::answers(&stage.records(1));
    assert_eq!(turned, ["200 2", "200 1"]);
    assert!(stage.host.is_some(), "the worker ended with its service");
}

#[test]
fn time_passes_when_nobody_else_can_go_on() {
    let factory = || {
        let handler = |Query(params): Params| async move {
            let wait = match params["user"].as_str() {
                "user1" => 50,
                _ => 20,
            };
            let before = tokio::time::Instant::now();
            let sleep = tokio::time::sleep(Duration::from_millis(wait));
            let late = tokio::time::timeout(Duration::from_millis(40), sleep).await;
            format!("{} {}", late.is_err(), before.elapsed().as_millis())
        };
        Router::new().route("/read", get(handler))
    };
    let walked = walked(factory, |_| ());
    assert_eq!(walked.stuck, 0, "{}", walked.stuck_at);
    assert_eq!((walked.diverged, walked.foreign), (0, 0));
    let in_time = texts(["200 true 40", "200 false 20"]);
    assert!(walked.answers.contains(&in_time), "{:?}", walked.answers);
    assert!(
        walked
            .schedules
            .iter()
            .all(|schedule| schedule.contains('T'))
    );
}

#[test]
fn time_passes_however_far_a_timer_is() {
    let factory = || {
        let handler = |Query(params): Params| async move {
            let (times, millis) = match params["user"].as_str() {
                "user1" => (300, 61),
                _ => (400, 37),
            };
            let before = tokio::time::Instant::now();
            for _ in 0..times {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            for seconds in [5, 3 * 3_600, 20 * 86_400] {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            before.elapsed().as_secs().to_string()
        };
        Router::new().route("/read", get(handler))
    };
    let scenario = scenario(READ);
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let mut along = Along::new("", true);
    let execution = stage.execute(&mut along, Detail::Brief).unwrap();
    assert_eq!(execution.end, ExecutionEnd::Complete);
    let seconds = |millis: u64| 5 + 3 * 3_600 + 20 * 86_400 + millis / 1_000;
    let expected = [seconds(300 * 61), seconds(400 * 37)];
    let expected = expected.map(|seconds| format!("200 {seconds}"));
    assert_eq!(super::walk::answers(&stage.records(1)), expected);
}

#[test]
fn time_may_pass_earlier_when_it_is_allowed_to() {
    // Whether the first one is late is decided by when time passes.
    let factory = || {
        let notify = Arc::new(Notify::new());
        let handler = move |Query(params): Params| async move {
            if params["user"] != "user1" {
                notify.notify_one();
                return "told";
            }
            let limit = Duration::from_millis(5);
            match tokio::time::timeout(limit, notify.notified()).await {
                Ok(()) => "in time",
                Err(_) => "late",
            }
        };
        Router::new().route("/read", get(handler))
    };
    let seen = walked(factory, |_| ());
    assert_eq!(seen.answers.len(), 1, "{:?}", seen.answers);
    let seen = walked(factory, |explore| explore.time = true);
    assert_eq!((seen.stuck, seen.diverged), (0, 0));
    assert!(seen.answers.contains(&texts(["200 late", "200 told"])));
    assert!(seen.answers.contains(&texts(["200 in time", "200 told"])));
}

#[test]
fn what_other_threads_do_is_waited_for_and_said() {
    let factory = || {
        let handler = async || {
            let blocking = tokio::task::spawn_blocking(|| "from another thread");
            blocking.await.unwrap()
        };
        Router::new().route("/read", get(handler))
    };
    let scenario = scenario(READ);
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 1)).unwrap();
    for _ in 0..20 {
        let execution = stage
            .execute(&mut Along::new("", true), Detail::Brief)
            .unwrap();
        assert_eq!(execution.end, ExecutionEnd::Complete);
    }
    assert_eq!(
        super::walk::answers(&stage.records(1)),
        ["200 from another thread"]
    );
}

#[test]
fn an_answer_is_read_piece_by_piece() {
    let factory = || {
        let handler = async || {
            let pieces = ["a", "b", "c"].map(Ok::<_, Infallible>);
            Body::from_stream(futures_util::stream::iter(pieces))
        };
        Router::new().route("/read", get(handler))
    };
    let walked = walked(factory, |_| ());
    // Ready, called, answered, three pieces, and that there is no more.
    assert_eq!(walked.executions, 3_432, "C(14, 7)");
    assert_eq!(walked.answers, [texts(["200 abc", "200 abc"])].into());
    assert_eq!(walked.last.unwrap().points[0].service, 6);
}

#[test]
fn a_panic_ends_one_request() {
    let factory = || {
        let handler = |Query(params): Params| async move {
            assert_ne!(params["user"], "user1", "not her");
            "fine"
        };
        Router::new().route("/read", get(handler))
    };
    let walked = walked(factory, |_| ());
    assert_eq!(
        (walked.executions, walked.answers.len()),
        (35, 1),
        "C(7, 3)"
    );
    let answers = walked.answers.first().unwrap();
    assert!(
        answers[0].starts_with("the service panicked"),
        "{answers:?}"
    );
    assert!(answers[0].contains("not her"), "{answers:?}");
    assert_eq!(answers[1], "200 fine");
}

#[test]
fn locks_in_opposite_order_get_stuck() {
    let factory = || {
        let locks = Arc::new([(); 2].map(|()| tokio::sync::Mutex::new(())));
        let handler = move |Query(params): Params| async move {
            let first = usize::from(params["user"] == "user1");
            let _first = locks[first].lock().await;
            point("between the locks").await;
            let _second = locks[1 - first].lock().await;
            "both"
        };
        Router::new().route("/read", get(handler))
    };
    let walked = walked(factory, |_| ());
    assert!(walked.stuck > 0 && walked.stuck < walked.executions);
    assert_eq!(walked.diverged, 0);
    assert_eq!(walked.answers.len(), 2, "{:?}", walked.answers);
    let waits = |answer: &String| answer.starts_with("it waits for what never comes");
    assert!(walked.answers.iter().any(|both| both.iter().all(waits)));
}

#[test]
fn clients_go_away_when_they_may() {
    // A connection that is out of step once a client has gone away in the middle.
    let factory = || {
        let pending: Arc<Mutex<Vec<String>>> = Arc::default();
        let handler = move |Query(params): Params| async move {
            pending.lock().unwrap().push(params["user"].clone());
            point("asked the store").await;
            pending.lock().unwrap().remove(0)
        };
        Router::new().route("/read", get(handler))
    };
    let gone = "its client went away";
    let shifted = texts([gone, "200 user1"]);
    assert!(!walked(factory, |_| ()).answers.contains(&shifted));
    let seen = walked(factory, |explore| explore.cancel = true);
    assert!(seen.answers.contains(&shifted), "{:?}", seen.answers);
    assert_eq!((seen.stuck, seen.diverged), (0, 0));
    assert!(seen.schedules.contains("R1*3,X1,R2*5"));
}

#[test]
fn what_outlives_an_execution_is_noticed() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let factory = || {
        let handler = async || {
            if CALLS.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
                point("every third time").await;
            }
        };
        Router::new().route("/read", get(handler))
    };
    assert!(walked(factory, |_| ()).diverged > 0);
}

#[test]
fn futures_that_wait_for_several_things_lose_no_wake() {
    let factory = || {
        let notify = Arc::new(Notify::new());
        let lock = Arc::new(tokio::sync::Mutex::new(0));
        let handler = move |Query(params): Params| async move {
            if params["user"] == "user1" {
                *lock.lock().await += 1;
                notify.notify_one();
                return "told".to_owned();
            }
            let counted = async {
                *lock.lock().await += 1;
                tokio::task::yield_now().await;
                *lock.lock().await
            };
            let all = futures_util::stream::FuturesUnordered::new();
            all.push(notify.notified());
            let told = futures_util::StreamExt::count(all);
            let (counted, told) = futures_util::future::join(counted, told).await;
            format!("{} {told}", counted > 0)
        };
        Router::new().route("/read", get(handler))
    };
    let walked = walked(factory, |_| ());
    assert_eq!((walked.stuck, walked.diverged), (0, 0));
    assert_eq!(walked.answers, [texts(["200 told", "200 true 1"])].into());
}

#[test]
fn an_endless_execution_is_ended() {
    let factory = || {
        let handler = async |Query(params): Params| {
            while params.contains_key("user") {
                tokio::task::yield_now().await;
            }
        };
        Router::new().route("/read", get(handler))
    };
    let mut scenario = scenario(READ);
    scenario.explore.moves = 50;
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let execution = stage
        .execute(&mut Along::new("", true), Detail::Brief)
        .unwrap();
    assert_eq!(execution.end, ExecutionEnd::Endless);
    assert_eq!(execution.schedule.0.len(), 50);
}

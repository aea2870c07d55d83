//! Orders that are easily lost: requests that wait in other ways than for tokio's own leaves, one after the other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::task::coop::consume_budget;

use super::walk::{Walked, walk};
use super::{Params, READ, plan, raced, scenario};
use crate::explore::in_process::InProcess;
use crate::explore::{Detail, Guide, Point, Stage as _};
use crate::history::Move;

#[derive(Clone, Default)]
struct State {
    memo: Arc<Mutex<String>>,
    notify: Arc<Notify>,
}

impl State {
    fn write(&self, user: &str) {
        *self.memo.lock().unwrap() = user.to_owned();
    }

    fn read(&self) -> String {
        self.memo.lock().unwrap().clone()
    }
}

/// All orders of a request of each of two users.
fn walked<H, A>(handler: H) -> Walked
where
    H: Fn(State, String) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = String> + Send + 'static,
{
    let factory = move || {
        let (handler, state) = (handler.clone(), State::default());
        let route = move |Query(mut params): Params| {
            let user = params.remove("user").unwrap();
            handler(state.clone(), user)
        };
        Router::new().route("/read", get(route))
    };
    let scenario = scenario(READ);
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    walk(&mut stage, 20_000)
}

/// Whether the first user is answered so in any order.
fn first_is_answered(walked: &Walked, answer: &str) -> bool {
    walked.answers.iter().any(|answers| answers[0] == answer)
}

/// What the second user does: it wakes the first one, and writes the memo an await later.
async fn notifies(state: &State) -> String {
    consume_budget().await;
    state.notify.notify_waiters();
    consume_budget().await;
    state.write("user2");
    "user2".to_owned()
}

/// The first user waits in a way of tokio's that takes nothing of the budget, then writes the memo, awaits and reads it.
#[test]
fn the_await_after_a_wait_that_costs_nothing_is_a_point() {
    let walked = walked(|state, user| async move {
        if user == "user1" {
            state.notify.notified().await;
            state.write("user1");
            consume_budget().await;
            return state.read();
        }
        notifies(&state).await
    });
    assert!(first_is_answered(&walked, "200 user2"), "{walked:?}");
    assert!(first_is_answered(&walked, "200 user1"), "{walked:?}");
    assert_eq!((walked.diverged, walked.endless), (0, 0));
}

#[test]
fn so_it_is_after_a_wait_with_a_time_limit() {
    let walked = walked(|state, user| async move {
        if user == "user1" {
            let waited = state.notify.notified();
            if tokio::time::timeout(Duration::from_secs(1), waited)
                .await
                .is_err()
            {
                return "late".to_owned();
            }
            state.write("user1");
            consume_budget().await;
            return state.read();
        }
        notifies(&state).await
    });
    assert!(first_is_answered(&walked, "200 user2"), "{walked:?}");
    assert!(first_is_answered(&walked, "200 late"), "{walked:?}");
    assert_eq!((walked.diverged, walked.endless), (0, 0));
}

/// A set of futures polls only those of its own that were woken; tokio wakes who yields when the explorer returns to it.
#[test]
fn a_set_of_futures_goes_on_while_others_can() {
    let walked = walked(|state, user| async move {
        if user == "user1" {
            state.write("user1");
            consume_budget().await;
            return state.read();
        }
        let one = async {
            consume_budget().await;
            state.write("user2");
        };
        let mut set: FuturesUnordered<_> = [one].into_iter().collect();
        while set.next().await.is_some() {}
        user
    });
    assert!(first_is_answered(&walked, "200 user2"), "{walked:?}");
    assert_eq!((walked.diverged, walked.endless, walked.stuck), (0, 0, 0));
}

#[test]
fn several_sets_of_futures_come_to_their_end() {
    let walked = walked(|state, user| async move {
        let one = |_| async {
            consume_budget().await;
            state.write(&user);
            consume_budget().await;
        };
        let mut set: FuturesUnordered<_> = (0..2).map(one).collect();
        while set.next().await.is_some() {}
        state.read()
    });
    assert!(first_is_answered(&walked, "200 user2"), "{walked:?}");
    assert_eq!((walked.diverged, walked.endless, walked.stuck), (0, 0, 0));
}

/// Copying takes a unit of the budget for itself and another one for what it reads.
#[test]
fn copying_comes_to_its_end() {
    let walked = walked(|_, user| async move {
        let (mut near, mut far) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut near, user.as_bytes())
            .await
            .unwrap();
        drop(near);
        let mut all = Vec::new();
        tokio::io::copy(&mut far, &mut all).await.unwrap();
        String::from_utf8(all).unwrap()
    });
    assert_eq!((walked.diverged, walked.endless, walked.stuck), (0, 0, 0));
}

/// Lets whoever can go on go on.
struct Onward;

impl Guide for Onward {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        point.enabled.first().copied()
    }

    fn void(&mut self, _: Move) {}
}

#[test]
fn the_first_execution_is_like_those_after_it() {
    let factory = || {
        let begun = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&begun);
        tokio::spawn(async move { own.store(true, Ordering::Relaxed) });
        let route = move || async move { begun.load(Ordering::Relaxed).to_string() };
        Router::new().route("/read", get(route))
    };
    let scenario = scenario(READ);
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let mut run = || {
        let execution = stage.execute(&mut Onward, Detail::Brief).unwrap();
        (execution.schedule, execution.outcome)
    };
    let first = run();
    assert_eq!(first, run());
}

#[test]
fn background_tasks_between_steps_are_warned_of() {
    let warned = |spawns: bool| {
        let factory = move || {
            let route = move || async move {
                if spawns {
                    let task = tokio::spawn(async { "done" });
                    return task.await.unwrap();
                }
                "done"
            };
            Router::new().route("/read", get(route))
        };
        let scenario = scenario(READ);
        let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
        walk(&mut stage, 10);
        let warnings = stage.warnings();
        warnings
            .iter()
            .any(|warning| warning.contains("background tasks"))
    };
    assert_eq!((warned(true), warned(false)), (true, false));
}

/// A service with a memory beyond its executions gives another session in each, and the same answers in the race.
#[test]
fn what_set_up_is_answered_is_part_of_the_outcome() {
    static LOG_INS: AtomicUsize = AtomicUsize::new(0);
    let factory = || {
        let log_in = || async {
            let number = LOG_INS.fetch_add(1, Ordering::Relaxed);
            [("set-cookie", format!("sid=session-number-{number:08}"))]
        };
        Router::new()
            .route("/log-in", get(log_in))
            .route("/read", get(|| async { "read" }))
    };
    let text = format!("{READ}\n[[setup]]\nname = \"log in\"\npath = \"/log-in\"\n");
    let scenario = scenario(&text);
    let mut stage = InProcess::new(factory, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let mut run = || stage.execute(&mut Onward, Detail::Brief).unwrap().outcome;
    assert_ne!(run(), run());
}

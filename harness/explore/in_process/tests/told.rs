//! Steps that are told, schedules that are run again, points of layers.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use tower::ServiceBuilder;

use super::walk::{Along, answers};
use super::{Params, READ, plan, raced, scenario};
use crate::explore::in_process::InProcess;
use crate::explore::{Detail, PointLayer, Stage as _, point, shared};
use crate::history::{Move, StepEnd};

fn memo() -> Router {
    let memo = Arc::new(tokio::sync::Mutex::new(String::new()));
    let handler = move |Query(params): Params| async move {
        let user = params["user"].clone();
        {
            let mut memo = memo.lock().await;
            point("holding the memo").await;
            memo.clone_from(&user);
            shared::wrote("memo", &user);
        }
        point("read").await;
        let read = memo.lock().await.clone();
        shared::read("memo", &read);
        read
    };
    Router::new().route("/read", get(handler))
}

#[test]
fn a_schedule_comes_out_the_same_again() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(memo, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    let schedule = "R1*4,R2*4,R1,R2*2";
    let mut run = |detail| {
        let mut along = Along::new(schedule, true);
        let execution = stage.execute(&mut along, detail).unwrap();
        let answers = answers(&stage.records(1));
        (execution, answers)
    };
    let (first, first_answers) = run(Detail::Brief);
    for detail in [Detail::Brief, Detail::Full, Detail::Brief] {
        let (again, answers) = run(detail);
        assert_eq!(again.outcome, first.outcome);
        assert_eq!((&again.schedule, &again.end), (&first.schedule, &first.end));
        assert_eq!(answers, first_answers);
    }
    assert!(
        first.schedule.to_string().starts_with("R1*4,R2*"),
        "{first:?}"
    );
}

#[test]
fn steps_are_told() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(memo, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    // The first one stops with the memo in its hand, the second one waits for it.
    let mut along = Along::new("R1*3,R2*3,R1", true);
    let execution = stage.execute(&mut along, Detail::Full).unwrap();
    let steps = &execution.steps;
    assert_eq!(steps.len(), execution.schedule.0.len());
    let moves: Vec<Move> = steps.iter().map(|step| step.mv).collect();
    assert_eq!(moves, execution.schedule.0);
    let ends: Vec<StepEnd> = steps[..7].iter().map(|step| step.ended).collect();
    let (service, explicit) = (StepEnd::Service, StepEnd::Explicit);
    let expected = [
        service,
        service,
        explicit,
        service,
        service,
        StepEnd::Natural,
    ];
    assert_eq!(ends[..6], expected, "{steps:#?}");
    assert_eq!(steps[2].what, "stopped at `holding the memo`");
    let place = |step: usize| steps[step].place.as_deref().unwrap_or_default();
    assert!(place(2).contains("tests/told.rs:"), "{steps:#?}");
    assert!(place(5).contains("tests/told.rs:"), "{steps:#?}");
    // It lets go of the memo, and the other one can go on.
    assert_eq!(steps[6].woke, [Move::Request(1)], "{steps:#?}");
    let [wrote] = &steps[6].shared[..] else {
        panic!("{steps:#?}");
    };
    assert_eq!((wrote.name.as_str(), wrote.wrote), ("memo", true));
    assert_eq!(wrote.value, "user1");
    let last = steps.last().unwrap();
    assert_eq!(last.ended, StepEnd::Finished);
    assert_eq!(last.what, "answered 200");
}

#[test]
fn brief_executions_tell_nothing_and_points_do_nothing_outside() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(memo, &plan(&scenario), &raced(&scenario, 1)).unwrap();
    let mut along = Along::new("", true);
    let execution = stage.execute(&mut along, Detail::Brief).unwrap();
    assert!(execution.steps.is_empty());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut point = std::pin::pin!(point("nobody looks"));
    runtime.block_on(std::future::poll_fn(|context| {
        assert!(point.as_mut().poll(context).is_ready());
        std::task::Poll::Ready(())
    }));
}

#[test]
fn a_layer_has_a_point_before_and_after() {
    let scenario = scenario(READ);
    let layered = || {
        let router = Router::new().route("/read", get(async || "done"));
        ServiceBuilder::new()
            .layer(PointLayer::new("around"))
            .service(router)
    };
    let mut stage = InProcess::new(layered, &plan(&scenario), &raced(&scenario, 1)).unwrap();
    let mut along = Along::new("", true);
    let execution = stage.execute(&mut along, Detail::Full).unwrap();
    assert_eq!(execution.points[0].explicit, 2);
    let stopped = |step: &&crate::history::StepTold| step.what == "stopped at `around`";
    assert_eq!(execution.steps.iter().filter(stopped).count(), 2);
    assert_eq!(execution.schedule.to_string(), "R1*6");
}

#[test]
fn a_guide_may_end_it_and_a_move_that_is_not_possible_does() {
    let scenario = scenario(READ);
    let mut stage = InProcess::new(memo, &plan(&scenario), &raced(&scenario, 2)).unwrap();
    for schedule in ["R1*3", "R1*3,B", "R1*3,R2*3,R2"] {
        let mut along = Along::new(schedule, false);
        let execution = stage.execute(&mut along, Detail::Brief).unwrap();
        assert_eq!(execution.end, crate::explore::ExecutionEnd::Abandoned);
        assert_eq!(execution.outcome, None);
    }
}

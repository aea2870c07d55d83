//! A client that goes away, and what that does to the next one.

use std::sync::Arc;

use super::scene::{Answering, Asked, Scene, World};
use super::walk::Walk;
use crate::explore::{ExecutionEnd, Stage as _};
use crate::history::{Move, Outcome, Phase, Record};

fn read(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move { world.ask(&format!("GET {}", asked.user)).await })
}

fn scene(careless: bool) -> Scene {
    let mut world = World::new(1);
    world.careless = careless;
    let mut scene = Scene::new(world, read);
    scene.change = |scenario| {
        scenario.explore.cancel = true;
        scenario.explore.blocked_ms = 25;
    };
    scene
}

/// A connection goes back into the pool while an answer is on its way; the next one reads it as its own.
#[test]
fn a_pool_that_a_cancelled_request_puts_out_of_step_is_exposed() {
    scene(true).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        // Sent, message let go (the answer is held), the client goes away; then the other one.
        let (r1, x1, r2) = (Move::Request(0), Move::Cancel(0), Move::Request(1));
        let run = super::walk::run(turnstile, &[r1, r1, x1, r2, r1, r2], crate::explore::Detail::Full);
        let run = run.unwrap().expect("these moves are possible");
        assert!(run.crossed, "{:?} {:?}", run.answers, run.execution.steps);
        let cut = |record: &Record| matches!(record, Record::Exchange(one) if one.phase == Phase::Volley && one.cut_off && matches!(one.outcome, Outcome::Failed { .. }));
        let records = turnstile.records(1);
        assert_eq!(records.iter().filter(|record| cut(record)).count(), 1);
    });
}

#[test]
fn a_pool_that_throws_such_a_connection_away_is_not() {
    scene(false).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 80);
        assert_eq!(walk.crossed(), 0);
        let cancelled = |run: &&super::walk::Run| {
            run.execution
                .schedule
                .0
                .iter()
                .any(|mv| matches!(mv, Move::Cancel(_)))
        };
        assert!(walk.runs.iter().filter(cancelled).count() > 5);
        for run in &walk.runs {
            assert_eq!(
                run.execution.end,
                ExecutionEnd::Complete,
                "{}",
                run.execution.schedule
            );
        }
    });
}

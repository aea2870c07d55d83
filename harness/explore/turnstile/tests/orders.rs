//! How many schedules there are, and what they show.

use std::sync::Arc;

use super::scene::{Answering, Asked, Scene, World, lock};
use super::walk::{Walk, run};
use crate::explore::{Detail, Stage as _};
use crate::history::{Move, Phase, Record, StepEnd};
use crate::scenario::HoldName;

fn round_trips(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let mut last = String::new();
        for _ in 0..4 {
            last = world.ask(&format!("GET {}", asked.user)).await;
        }
        last
    })
}

/// The first move of a request sends it and goes as far as its first message; each of the four messages is then let go by
/// one. Two requests with five moves each: C(10, 5).
#[test]
fn two_requests_of_four_round_trips_have_252_schedules() {
    Scene::new(World::new(8), round_trips).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        assert_eq!(turnstile.environment(), "relays-1-messages");
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!((walk.runs.len(), walk.crossed()), (252, 0));
        for run in &walk.runs {
            assert_eq!(run.execution.schedule.0.len(), 10);
            assert_eq!(run.execution.points[0].backend, 4);
        }
    });
}

fn one_trip(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move { world.ask(&format!("GET {}", asked.user)).await })
}

#[test]
fn three_requests_of_one_round_trip_have_90_schedules() {
    let mut scene = Scene::new(World::new(8), one_trip);
    scene.users = 3;
    scene.play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!((walk.runs.len(), walk.crossed()), (90, 0), "6! / (2!)^3");
    });
}

/// Who asks is written into a memo that all share, and read again after a look into the store.
fn memo(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        *lock(&world.memo) = asked.user.clone();
        world.ask("GET session").await;
        let user = lock(&world.memo).clone();
        world.ask(&format!("GET {user}")).await
    })
}

fn no_memo(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        world.ask("GET session").await;
        world.ask(&format!("GET {}", asked.user)).await
    })
}

#[test]
fn a_shared_memo_is_exposed_and_the_right_service_exhausted() {
    Scene::new(World::new(8), memo).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        // It crosses when the other one is sent between this one's first move and the second.
        assert_eq!(walk.runs.len(), 20);
        let first =
            |run: &super::walk::Run, mv| run.execution.schedule.0.iter().position(|one| *one == mv);
        let second = |run: &super::walk::Run, mv| {
            let mut places = run.execution.schedule.0.iter().enumerate();
            places.by_ref().find(|(_, one)| **one == mv);
            places.find(|(_, one)| **one == mv).map(|(at, _)| at)
        };
        for run in &walk.runs {
            let [a, b] = [Move::Request(0), Move::Request(1)];
            let crosses = |a, b| first(run, a) < first(run, b) && first(run, b) < second(run, a);
            assert_eq!(
                run.crossed,
                crosses(a, b) || crosses(b, a),
                "{}",
                run.execution.schedule
            );
        }
        // The same again is the same again.
        let exposing = walk.runs.iter().find(|run| run.crossed).unwrap();
        let again = run(turnstile, &exposing.execution.schedule.0, Detail::Full)
            .unwrap()
            .unwrap();
        assert!(again.crossed);
        assert_eq!(again.enabled, exposing.enabled);
        let steps = &again.execution.steps;
        assert_eq!(steps.len(), again.execution.schedule.0.len());
        assert_eq!(
            (steps[0].what.as_str(), steps[0].ended),
            ("GET /read", StepEnd::Backend)
        );
        let last = steps.last().unwrap();
        assert_eq!(last.ended, StepEnd::Finished);
        assert!(
            last.what.contains("bytes to 127.0.0.1:") && last.what.ends_with("; answered 200"),
            "{last:?}"
        );
    });
    Scene::new(World::new(8), no_memo).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!((walk.runs.len(), walk.crossed()), (20, 0));
    });
}

#[test]
fn answers_and_the_clients_side_are_steps_when_they_are_held() {
    let counts = |method, change| {
        let mut scene = Scene::new(World::new(8), one_trip);
        (scene.method, scene.change) = (method, change);
        scene.play(|turnstile, _| {
            turnstile.prepare().unwrap();
            let walk = Walk::over(turnstile, 1_000);
            assert!(walk.is_sound());
            assert_eq!(walk.crossed(), 0);
            let points = walk.runs[0].execution.points[0];
            (walk.runs.len(), points.backend, points.front)
        })
    };
    // Sent, message, answer.
    let answers = counts("GET", |scenario| {
        scenario.explore.hold = vec![HoldName::Messages, HoldName::Answers]
    });
    assert_eq!(answers, (20, 2, 0));
    // Answers alone: sent, answer.
    let answers = counts("GET", |scenario| {
        scenario.explore.hold = vec![HoldName::Answers]
    });
    assert_eq!(answers, (6, 1, 0));
    // Sent, message, reading.
    let front = counts("GET", |scenario| {
        scenario.explore.hold = vec![HoldName::Messages, HoldName::Front]
    });
    assert_eq!(front, (20, 1, 1));
    // Half of it, the other half, message, reading.
    let front = counts("POST", |scenario| {
        scenario.explore.hold = vec![HoldName::Messages, HoldName::Front]
    });
    assert_eq!(front, (70, 1, 2));
}

#[test]
fn records_stand_in_the_order_of_a_run() {
    Scene::new(World::new(8), one_trip).play(|turnstile, _| {
        let prepared = turnstile.prepare().unwrap();
        let phases: Vec<Phase> = prepared.iter().filter_map(phase).collect();
        assert!(phases.contains(&Phase::Solo) && phases.contains(&Phase::Setup));
        assert!(
            !phases.contains(&Phase::Volley),
            "what is not controlled is not recorded as a race"
        );
        run(turnstile, &[], Detail::Brief).unwrap().unwrap();
        let records = turnstile.records(5);
        let phases: Vec<Phase> = records.iter().filter_map(phase).collect();
        let [setup, volley] = [Phase::Setup, Phase::Volley];
        assert_eq!(phases, [setup, setup, volley, volley]);
        let planted = records
            .iter()
            .filter(|record| matches!(record, Record::Planted(_)));
        assert_eq!(planted.count(), 2, "fresh canaries for every execution");
        assert_eq!(turnstile.records(5), records);
    });
}

fn phase(record: &Record) -> Option<Phase> {
    match record {
        Record::Exchange(exchange) => Some(exchange.phase),
        _ => None,
    }
}

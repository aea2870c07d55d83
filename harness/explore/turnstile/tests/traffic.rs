//! Whose message it is, with pools, pipelines, several connections at once, pings, and bytes that say nothing.

use std::sync::Arc;
use std::time::Duration;

use super::scene::{Answering, Asked, Link, Scene, World};
use super::walk::Walk;
use crate::explore::{ExecutionEnd, Stage as _};

/// A transaction: three round trips on one connection of the pool.
fn transaction(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let mut taken = world.take().await;
        taken.ask("BEGIN").await;
        let note = taken.ask(&format!("GET {}", asked.user)).await;
        taken.ask("COMMIT").await;
        note
    })
}

/// On a busy machine somebody may count as blocked who is not: then there are other schedules, but nothing is lost, and
/// every one comes to its end with the right answers.
#[test]
fn in_a_pool_of_one_the_second_waits_and_then_wakes() {
    let mut scene = Scene::new(World::new(1), transaction);
    scene.change = |scenario| scenario.explore.blocked_ms = 20;
    scene.play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 60);
        let blocked =
            |run: &&super::walk::Run| run.execution.points.iter().any(|points| points.natural > 0);
        assert!(
            walk.runs.iter().any(|run| blocked(&run)),
            "no one was blocked"
        );
        for run in &walk.runs {
            assert_eq!(
                run.execution.end,
                ExecutionEnd::Complete,
                "{}",
                run.execution.schedule
            );
            assert!(
                !run.crossed
                    && run
                        .answers
                        .values()
                        .all(|answer| !answer.starts_with("failed")),
                "{:?}",
                run.answers
            );
        }
        assert!(walk.runs.len() >= 2);
    });
}

fn pipelined(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let get = format!("GET {}", asked.user);
        world.take().await.ask_all(&["PING", "PING", &get]).await
    })
}

#[test]
fn what_is_sent_in_one_go_is_one_message() {
    Scene::new(World::new(8), pipelined).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!((walk.runs.len(), walk.crossed()), (6, 0));
    });
}

/// Two connections at once: how many it holds is learnt alone, and waited for.
fn at_once(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let own = format!("GET {}", asked.user);
        let (_, note) = tokio::join!(world.ask("GET other"), world.ask(&own));
        note
    })
}

#[test]
fn a_request_may_use_several_connections_at_once() {
    Scene::new(World::new(8), at_once).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        // Sent (then both are held), one of them, the other.
        assert_eq!((walk.runs.len(), walk.crossed()), (20, 0));
    });
}

/// Work that goes on after the answer belongs to the request.
fn afterwards(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let note = world.ask(&format!("GET {}", asked.user)).await;
        tokio::spawn(async move { world.ask(&format!("SET seen {}", asked.user)).await });
        note
    })
}

#[test]
fn work_after_the_answer_is_a_step_of_its_request() {
    Scene::new(World::new(8), afterwards).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!(walk.runs.len(), 20);
    });
}

#[test]
fn bytes_that_say_nothing_are_held_as_well() {
    let mut world = World::new(8);
    world.mask = 0xA5;
    Scene::new(world, transaction).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!((walk.runs.len(), walk.crossed()), (70, 0));
    });
}

/// All requests of the service over one connection, answers in order, as many clients of caches do.
fn multiplexed(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let shared = world.multiplexed().await;
        shared.ask("GET session").await;
        shared.ask(&format!("GET {}", asked.user)).await
    })
}

#[test]
fn requests_on_one_connection_keep_its_order_and_their_names() {
    Scene::new(World::new(8), multiplexed).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!(walk.crossed(), 0);
        // Of the 20 orders those in which one message overtakes another on the connection do not exist: while both wait,
        // the one that was sent first goes first, so that a choice is left only before the second is sent.
        assert_eq!(walk.runs.len(), 6);
    });
}

fn plain(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move { world.ask(&format!("GET {}", asked.user)).await })
}

async fn pinged(link: &mut Link) -> bool {
    tokio::time::sleep(Duration::from_millis(2)).await;
    link.say("PING").await.is_ok() && link.hear().await.is_some()
}

#[test]
fn what_belongs_to_no_request_is_let_through_and_counted() {
    Scene::new(World::new(8), plain).play(|turnstile, world| {
        // It is known by what it does while nobody asks anything.
        let backend = world.backend;
        let pinger = std::thread::spawn(move || ping(backend));
        turnstile.prepare().unwrap();
        let (mut counted, mut executions) = (0, 0);
        let walk = Walk::over(turnstile, 1_000);
        for run in &walk.runs {
            counted += run.execution.doubts.background_messages;
            executions += 1;
            assert_eq!(run.execution.schedule.0.len(), 4, "no ping is a step");
        }
        assert!(walk.is_sound());
        assert_eq!(executions, 6);
        while counted == 0 {
            let run = super::walk::run(turnstile, &[], crate::explore::Detail::Brief)
                .unwrap()
                .unwrap();
            counted += run.execution.doubts.background_messages;
        }
        drop(pinger);
    });
}

/// Pings until the relay is gone.
fn ping(backend: std::net::SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let stream = tokio::net::TcpStream::connect(backend)
            .await
            .expect("the relay listens");
        let mut link = Link::over(stream, 0);
        while pinged(&mut link).await {}
    });
}

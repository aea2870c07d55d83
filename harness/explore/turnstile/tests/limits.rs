//! Limits of the scenario's, and a backend that goes down meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::scene::{Answering, Asked, Scene, World};
use super::walk::run;
use crate::explore::{Detail, Stage as _};
use crate::history::{Cause, Phase, Record};

fn asking(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move { world.ask(&format!("GET {}", asked.user)).await })
}

#[test]
fn no_execution_is_begun_that_would_go_beyond_the_requests() {
    /// Two users: alone twice, together once with nothing held, written before each; then two executions of four each.
    const PREPARED: u64 = 2 + 2 * 4 + 4;
    let mut scene = Scene::new(World::new(8), asking);
    scene.change = |scenario| scenario.limits.requests = PREPARED + 2 * 4 + 3;
    scene.play(|turnstile, _| {
        turnstile.prepare().unwrap();
        for left in [2, 1] {
            assert_eq!(turnstile.limit(left), None);
            let beyond = turnstile.limit(left + 1).unwrap_or_default();
            assert_eq!(beyond, format!("limits.requests = {}", PREPARED + 11));
            assert!(run(turnstile, &[], Detail::Brief).unwrap().is_some());
        }
        assert!(turnstile.limit(1).is_some());
    });
    let mut scene = Scene::new(World::new(8), asking);
    scene.change = |scenario| scenario.limits.requests = 3;
    scene.play(|turnstile, _| {
        let error = turnstile.prepare().unwrap_err();
        assert!(error.why.contains("limit of 3 requests"), "{error}");
    });
}

#[test]
fn time_is_limited_where_the_scenario_says_so() {
    let mut scene = Scene::new(World::new(8), asking);
    // No machine runs two requests alone in less than this, and none in a day.
    scene.change = |scenario| scenario.limits.duration_s = 0;
    scene.play(|turnstile, _| {
        turnstile.prepare().unwrap();
        assert_eq!(turnstile.limit(1).as_deref(), Some("limits.duration-s = 0"));
    });
    Scene::new(World::new(8), asking).play(|turnstile, _| {
        turnstile.prepare().unwrap();
        assert_eq!(turnstile.limit(1), None);
    });
}

/// Every request has a connection of its own.
fn connecting(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let mut link = world.connect().await;
        let said = link.say(&format!("GET {}", asked.user)).await;
        match said.is_ok() {
            true => link.hear().await.unwrap_or_else(|| "BROKEN".to_owned()),
            false => "BROKEN".to_owned(),
        }
    })
}

#[test]
fn a_backend_that_goes_down_meanwhile_is_named_and_what_was_done_is_kept() {
    let mut scene = Scene::new(World::new(8), connecting);
    scene.change = |scenario| scenario.each_round.clear();
    scene.play_with_backend(|turnstile, _, backend| {
        turnstile.prepare().unwrap();
        assert!(run(turnstile, &[], Detail::Brief).unwrap().is_some());
        let address = backend.take().expect("it runs").address;
        let error = run(turnstile, &[], Detail::Brief).err().expect("it fails");
        assert_eq!(error.cause, Cause::Unreachable);
        for told in [
            "execution 2 of the race".to_owned(),
            "a backend could not be reached any more".to_owned(),
            format!("its backend {address}"),
            "then explore again".to_owned(),
        ] {
            assert!(error.why.contains(&told), "{error}");
        }
        let records = turnstile.unfinished(7);
        let raced = |record: &&Record| {
            matches!(record, Record::Exchange(exchange) if exchange.phase == Phase::Volley)
        };
        assert_eq!(records.iter().filter(raced).count(), 0);
        assert!(
            records.iter().any(
                |record| matches!(record, Record::Note { text } if text.contains("cannot be reached"))
            ),
            "{records:?}"
        );
    });
}

#[test]
fn a_service_that_does_not_connect_anew_fails_with_a_hint_at_its_backend() {
    Scene::new(World::new(8), asking).play_with_backend(|turnstile, world, backend| {
        turnstile.prepare().unwrap();
        let address = backend.take().expect("it runs").address;
        // Its pool gives out nothing that is alive.
        world.dead.store(1_000, Ordering::SeqCst);
        let error = run(turnstile, &[], Detail::Brief).err().expect("it fails");
        assert!(
            error
                .why
                .contains("`write` of user1 did not succeed: it was answered 500")
                && error.why.contains("execution 1 of the race")
                && !error.why.contains("tries"),
            "{error}"
        );
        assert!(
            error
                .why
                .contains(&format!("backend {address} takes no connections")),
            "{error}"
        );
        assert_eq!(error.cause, Cause::Unreachable);
    });
}

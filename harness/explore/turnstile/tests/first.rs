//! A service that holds dead connections at first, and one that fails for another reason.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::scene::{Answering, Asked, Scene, World, lock};
use super::walk::Walk;
use crate::explore::Stage as _;
use crate::explore::turnstile::first::FIRST_TRIES;
use crate::history::{Outcome, Phase, Record};

fn asking(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move { world.ask(&format!("GET {}", asked.user)).await })
}

fn with_dead(count: usize) -> Scene {
    let world = World::new(8);
    world.dead.store(count, Ordering::SeqCst);
    Scene::new(world, asking)
}

fn notes(records: &[Record]) -> Vec<&str> {
    let mut notes = Vec::new();
    for record in records {
        if let Record::Note { text } = record {
            notes.push(text.as_str());
        }
    }
    notes
}

/// Statuses of the answers, in their order.
fn statuses(records: &[Record], phase: Phase) -> Vec<u16> {
    let status = |record: &Record| match record {
        Record::Exchange(exchange) if exchange.phase == phase => match exchange.outcome {
            Outcome::Answer { status, .. } => Some(status),
            Outcome::Failed { .. } => None,
        },
        _ => None,
    };
    records.iter().filter_map(status).collect()
}

#[test]
fn a_pool_may_throw_out_what_it_held_before() {
    with_dead(3).play(|turnstile, _| {
        let records = turnstile.prepare().unwrap();
        let notes = notes(&records);
        let told = notes.iter().find(|note| note.contains("tries"));
        let told = told.unwrap_or_else(|| panic!("{notes:?}"));
        assert!(
            told.starts_with("the first 3 tries of `write` of user1 failed (it was answered 500)"),
            "{told}"
        );
        assert!(
            statuses(&records, Phase::Setup)
                .iter()
                .all(|status| *status == 200)
        );
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!((walk.runs.len(), walk.crossed()), (6, 0));
    });
}

#[test]
fn a_raced_request_may_be_the_first_that_asks_a_backend() {
    let mut scene = with_dead(1);
    scene.change = |scenario| scenario.each_round.clear();
    scene.play(|turnstile, _| {
        let records = turnstile.prepare().unwrap();
        assert!(
            notes(&records)
                .iter()
                .any(|note| note.starts_with("the first try of `read` of user1 failed")),
            "{records:?}"
        );
        assert!(
            statuses(&records, Phase::Solo)
                .iter()
                .all(|status| *status == 200)
        );
    });
}

#[test]
fn a_service_that_really_fails_is_not_asked_for_ever() {
    with_dead(1_000).play(|turnstile, world| {
        let error = turnstile.prepare().unwrap_err();
        let told = format!("(the last of {FIRST_TRIES} tries)");
        assert!(
            error.why.contains("did not succeed: it was answered 500")
                && error.why.contains(&told)
                && error.why.contains("start it anew"),
            "{error}"
        );
        let left = world.dead.load(Ordering::SeqCst);
        assert_eq!(1_000 - left, FIRST_TRIES as usize);
        // What it answered last is part of the record.
        let records = turnstile.unfinished(1);
        assert_eq!(statuses(&records, Phase::Setup), [500]);
        assert!(turnstile.unfinished(1).is_empty());
    });
}

fn failing(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        lock(&world.heard).push(asked.path);
        world.ask("PING").await;
        "BROKEN".to_owned()
    })
}

#[test]
fn a_service_that_fails_although_its_connections_are_alive_is_not_asked_again_and_again() {
    let mut scene = Scene::new(World::new(8), failing);
    scene.change = |scenario| scenario.each_round[0] = scenario.volley[0].clone();
    scene.play(|turnstile, world| {
        let error = turnstile.prepare().unwrap_err();
        // The first try has opened a connection, the second one has not.
        assert!(error.why.contains("(the last of 2 tries)"), "{error}");
        assert_eq!(lock(&world.heard).len(), 2);
    });
}

#[test]
fn a_request_that_is_wrong_is_sent_once() {
    let mut scene = with_dead(0);
    scene.change = |scenario| {
        let other = "version = 1\ntarget = { url = \"http://127.0.0.1:9\" }\nusers = { count = 2, name = \"user{{ index }}\" }\n[[each-round]]\nname = \"write\"\nmethod = \"PUT\"\npath = \"/note\"\nstatus = [404]\n[[volley]]\nname = \"read\"\npath = \"/\"\n";
        let other = crate::scenario::Scenario::parse("other", other).expect("it parses");
        scenario.each_round[0].status = other.each_round[0].status.clone();
    };
    scene.play(|turnstile, _| {
        let error = turnstile.prepare().unwrap_err();
        assert!(
            error.why.contains("it was answered 200") && !error.why.contains("tries"),
            "{error}"
        );
    });
}

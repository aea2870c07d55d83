//! What goes wrong, and how people are told.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::scene::{Answering, Asked, Scene, World, listener, lock};
use super::walk::{Walk, run};
use crate::explore::turnstile::{Hall, TurnstileOptions};
use crate::explore::{Detail, Stage as _};
use crate::fire::{Plan, Stop};
use crate::identity::Salt;
use crate::scenario::Scenario;

fn without(_: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move { asked.user })
}

#[test]
fn a_service_that_says_nothing_to_its_backends_is_told_so() {
    Scene::new(World::new(8), without).play(|turnstile, _| {
        let error = turnstile.prepare().unwrap_err();
        assert!(
            error.why.contains("not in the raced requests") && error.why.contains("crosswire fire"),
            "{error}"
        );
    });
    let mut scene = Scene::new(World::new(8), without);
    scene.change = |scenario| scenario.each_round.clear();
    scene.play(|turnstile, _| {
        let error = turnstile.prepare().unwrap_err();
        assert!(
            error.why.contains("no connection through 127.0.0.1:")
                && error.why.contains("crosswire fire"),
            "{error}"
        );
    });
}

#[test]
fn a_backend_that_cannot_be_reached_is_named() {
    let mut scene = Scene::new(World::new(8), without);
    scene.no_backend = true;
    scene.change = |scenario| scenario.each_round[0].sees = scenario.volley[0].sees.clone();
    scene.play(|turnstile, _| {
        let error = turnstile.prepare().unwrap_err();
        assert!(
            error.why.contains("cannot be reached") && error.why.contains("127.0.0.1:"),
            "{error}"
        );
    });
}

fn resetting(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let mut link = world.connect().await;
        link.say("RESET").await.expect("the relay takes it");
        let error = link.stream.read_u8().await.expect_err("it is reset");
        lock(&world.heard).push(error.kind().to_string());
        world.ask(&format!("GET {}", asked.user)).await
    })
}

#[test]
fn a_reset_is_passed_on() {
    Scene::new(World::new(8), resetting).play(|turnstile, world| {
        turnstile.prepare().unwrap();
        let walk = Walk::over(turnstile, 1_000);
        assert!(walk.is_sound());
        assert_eq!((walk.runs.len(), walk.crossed()), (20, 0));
        let heard = lock(&world.heard);
        assert!(
            heard.iter().all(|kind| kind == "connection reset"),
            "{heard:?}"
        );
    });
}

fn half_closing(world: Arc<World>, asked: Asked) -> Answering {
    Box::pin(async move {
        let mut link = world.connect().await;
        link.say("COUNT").await.expect("the relay takes it");
        link.stream
            .get_mut()
            .write_all(b"12345")
            .await
            .expect("the relay takes it");
        link.stream
            .get_mut()
            .shutdown()
            .await
            .expect("it can be closed");
        let count = link.hear().await.unwrap_or_default();
        lock(&world.heard).push(count);
        world.ask(&format!("GET {}", asked.user)).await
    })
}

#[test]
fn the_end_of_one_direction_is_passed_on_and_the_other_goes_on() {
    Scene::new(World::new(8), half_closing).play(|turnstile, world| {
        turnstile.prepare().unwrap();
        assert!(run(turnstile, &[], Detail::Brief).unwrap().is_some());
        let heard = lock(&world.heard);
        assert!(heard.iter().all(|count| count == "5"), "{heard:?}");
    });
}

#[test]
fn a_target_that_takes_no_connections_is_waited_for_and_told_of_at_once() {
    // Bound, so that nobody else listens there, and closed to everybody.
    let target = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let target = target.expect("a socket");
    let own = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    target.bind(&own.into()).expect("a port");
    let address = target.local_addr().expect("an address");
    let url = format!("http://{}", address.as_socket().expect("of IP"));
    let text = format!(
        "version = 1\ntarget = {{ url = \"{url}\" }}\nusers = {{ count = 2, name = \"user{{{{ index }}}}\" }}\n[[volley]]\nname = \"read\"\npath = \"/\"\n"
    );
    let scenario = Scenario::parse("absent", &text).expect("it parses");
    let plan = Plan {
        scenario: &scenario,
        target_name: "nobody".to_owned(),
        base_url: url.clone(),
        trusted_pem: None,
        seed: 1,
        salt: Salt::new(7),
    };
    let options = TurnstileOptions {
        through: vec!["0=127.0.0.1:1".parse().expect("a relay")],
        ..TurnstileOptions::default()
    };
    let (stop, told) = (Stop::default(), std::cell::RefCell::new(Vec::new()));
    let hall = Hall::open(&plan, &options, &stop).expect("it opens");
    let relay = hall.addresses()[0].to_string();
    // Whoever is told does not want to wait.
    let hall = hall.telling(|waiting| {
        told.borrow_mut().push(waiting.clone());
        stop.ask();
    });
    let races = crate::explore::races(&scenario).expect("a race");
    let mut turnstile = hall.turnstile(&races[0]).expect("a stage");
    assert!(turnstile.prepare().expect("it was stopped").is_empty());
    let told = told.borrow();
    assert_eq!(told.len(), 1, "{told:?}");
    let text = told[0].to_string();
    assert!(
        text.contains(&url) && text.contains(&relay) && text.contains("has to listen there"),
        "{text}"
    );
    assert!(told[0].left <= told[0].most, "{told:?}");
}

fn opened(through: &str, allowed: &[&str]) -> String {
    let text = "version = 1\ntarget = { url = \"http://127.0.0.1:9\" }\nusers = { count = 2, name = \"user{{ index }}\" }\n[[volley]]\nname = \"read\"\npath = \"/\"\n";
    let scenario = Scenario::parse("opened", text).expect("it parses");
    let plan = Plan {
        scenario: &scenario,
        target_name: "nothing".to_owned(),
        base_url: "http://127.0.0.1:9".to_owned(),
        trusted_pem: None,
        seed: 1,
        salt: Salt::new(7),
    };
    let options = TurnstileOptions {
        through: through
            .split_terminator(',')
            .map(|one| one.parse().expect("a relay"))
            .collect(),
        restart: None,
        allowed_hosts: allowed.iter().map(|host| (*host).to_owned()).collect(),
    };
    let stop = Stop::default();
    match Hall::open(&plan, &options, &stop) {
        Ok(hall) => format!("{} open", hall.addresses().len()),
        Err(error) => error.why,
    }
}

#[test]
fn what_cannot_be_listened_on_or_reached_is_said() {
    let taken = listener();
    let port = taken.local_addr().expect("an address").port();
    let told = opened(&format!("{port}=127.0.0.1:1"), &[]);
    assert!(
        told.contains("the port is in use") && told.contains(&port.to_string()),
        "{told}"
    );
    assert!(opened("", &[]).contains("--through"));
    let told = opened("0=192.0.2.1:5432", &[]);
    assert!(told.contains("192.0.2.1 is not this machine"), "{told}");
    assert_eq!(
        opened("0=192.0.2.1:5432,0=127.0.0.1:1", &["192.0.2.1"]),
        "2 open"
    );
}

#[test]
fn a_restart_comes_before_every_execution() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    let mut scene = Scene::new(World::new(8), |world, asked| {
        Box::pin(async move { world.ask(&format!("GET {}", asked.user)).await })
    });
    scene.restart = Some(format!("echo again >> '{path}'"));
    scene.play(|turnstile, _| {
        turnstile.prepare().unwrap();
        let lines = || {
            std::fs::read_to_string(&path)
                .expect("it is there")
                .lines()
                .count()
        };
        let before = lines();
        for _ in 0..3 {
            assert!(run(turnstile, &[], Detail::Brief).unwrap().is_some());
        }
        assert_eq!(lines(), before + 3);
    });
    let mut scene = Scene::new(World::new(8), without);
    scene.restart = Some("exit 3".to_owned());
    scene.play(|turnstile, _| {
        let error = turnstile.prepare().unwrap_err();
        assert!(
            error.why.contains("restart command") && error.why.contains('3'),
            "{error}"
        );
    });
}

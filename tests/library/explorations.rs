//! Explorations of services in this process: what comes out, what a test is told, what cannot be run.

use std::cell::RefCell;
use std::convert::Infallible;
use std::panic::catch_unwind;
use std::rc::Rc;

use axum::Router;
use axum::http::{Request, Response};
use axum::routing::get;
use crosswire::check::Exploration;
use crosswire::explore::Body;
use crosswire::history::Coverage;
use crosswire::judge::Verdict;
use crosswire::scenario::Scenario;
use crosswire::{CheckError, Checked, Step};
use tokio::task::coop::consume_budget;

use crate::shop::{
    self, PASSWORD, all_orders, exploration, faulty, pay_step, repaired, with_steps,
};

fn error(exploration: Exploration) -> CheckError {
    exploration.try_run().unwrap_err()
}

/// What the panic of a demand says.
fn said(demand: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *catch_unwind(demand).unwrap_err().downcast().unwrap()
}

/// The replay line of the first finding.
fn line(report: &Checked) -> String {
    report.judgement().explored[0].found[0].replay.clone()
}

#[test]
fn a_fault_is_found_in_some_order_and_the_repair_holds_in_every() {
    let report = all_orders(faulty).run();
    report.assert_exposed();
    let told = &report.judgement().explored[0];
    assert!(
        told.exposing > 0 && told.exposing < told.schedules,
        "{told:?}"
    );
    assert_eq!(
        told.bounds[0].exposing, 0,
        "one after the other nothing crosses"
    );
    assert_eq!(report.findings[0].slot.as_deref(), Some("basket"));

    let report = all_orders(repaired).run();
    report.assert_isolated();
    let told = &report.judgement().explored[0];
    assert_eq!((&told.coverage, told.exposing), (&Coverage::All, 0));
    assert!(told.schedules > 50, "{told:?}");
}

#[test]
fn a_failed_demand_is_told_with_the_report_the_line_and_the_test() {
    let report = exploration(faulty).run();
    let line = line(&report);
    let text = said(move || report.assert_isolated());
    assert!(
        text.starts_with(
            "crosswire: expected isolated, but the verdict is exposed\n\nEXPOSED  shop on"
        ),
        "{text}"
    );
    assert!(
        text.contains(&format!(
            "\n  in the test   `.schedule({line:?})` runs this order alone"
        )),
        "{text}"
    );
    assert!(
        text.contains("fn the_schedule_again() {") && text.contains(".assert_isolated();"),
        "{text}"
    );
    assert!(!text.contains(PASSWORD), "{text}");
}

#[test]
fn the_printed_test_is_one_that_compiles() {
    /// Compiled, and not run: the line in it is left out.
    #[expect(dead_code, reason = "it is to compile, no more")]
    mod pasted {
        use crosswire::Step;

        use crate::shop::faulty as factory;

        include!("pasted.rs");
    }
    let report = exploration(faulty)
        .cancel()
        .session_header("x-shop.user", "{{ user.name }}")
        .run();
    let again = report.explored[0].found[0].test.as_deref().unwrap();
    let (comment, test) = again.split_once("#[test]\n").unwrap();
    assert_eq!(
        comment,
        "// [secret] is not shown in reports: put in what the first test has.\n"
    );
    assert_eq!(
        test.replace(&line(&report), "xw1:…"),
        include_str!("pasted.rs").trim_end()
    );
}

#[test]
fn a_schedule_from_a_report_runs_again_alone() {
    let line = line(&exploration(faulty).run());
    let report = exploration(faulty).schedule(&line).run();
    report.assert_exposed();
    assert_eq!(report.judgement().explored[0].schedules, 1);
    // Where the line came from does not matter, nor what the exploration is called.
    exploration(faulty)
        .named("again")
        .schedule(&line)
        .run()
        .assert_exposed();
}

#[test]
fn a_schedule_of_other_requests_is_no_success() {
    let line = line(&exploration(faulty).run());
    let other = exploration(repaired)
        .read_back(pay_step().set("name", "again"))
        .schedule(&line);
    let told = error(other);
    assert!(told.is_scenario(), "{told}");
    for wrong in [
        "",
        "R1*2,R2",
        "xw2:00000000:tokio:R1",
        "xw1:00000000:tokio:R1,Q",
    ] {
        let told = error(exploration(faulty).schedule(wrong));
        assert!(
            told.is_scenario() && told.to_string().contains("xw1:"),
            "{told}"
        );
    }
}

#[test]
fn a_schedule_that_shows_nothing_is_not_isolated() {
    // Both services take the same steps, so that the line is possible in either.
    let line = line(&exploration(faulty).run());
    let report = exploration(repaired).schedule(&line).run();
    report.assert_verdict(Verdict::Inconclusive);
}

#[test]
fn an_exploration_is_a_scenario() {
    let text = exploration(faulty).samples(7).to_toml();
    let scenario = Scenario::parse("shop", &text).unwrap();
    assert_eq!(scenario.explore.races, [["pay", "pay"]]);
    assert_eq!(scenario.explore.preemptions, Some(2));
    assert_eq!(scenario.explore.samples, 7);
    let names: Vec<_> = scenario
        .users
        .list()
        .iter()
        .map(|user| &user.name)
        .collect();
    assert_eq!(names, ["alice", "bob"]);
}

#[test]
fn users_stand_in_the_order_of_their_requests() {
    let exploration = crosswire::explore(faulty)
        .user("carol", [("password", "long enough")])
        .request("bob", pay_step())
        .request("carol", Step::get("front page", "/"))
        .each_round(Step::put("fill", "/basket").text("{{ secret('basket') }}"));
    let scenario = exploration.scenario().unwrap();
    assert_eq!(scenario.explore.races, [["pay", "front page"]]);
    let names: Vec<_> = scenario
        .users
        .list()
        .iter()
        .map(|user| &user.name)
        .collect();
    assert_eq!(names, ["bob", "carol"]);
}

#[test]
fn requests_that_cannot_race_are_told() {
    let alone = crosswire::explore(faulty).request("alice", Step::get("front page", "/"));
    let told = error(alone).to_string();
    assert!(
        told.starts_with("there is one request to race, and an exploration is of 2 to 8"),
        "{told}"
    );

    let told = error(crosswire::explore(faulty)).to_string();
    assert!(told.starts_with("there is no request to race"), "{told}");

    let twice = exploration(faulty).request("alice", Step::get("front page", "/"));
    let told = error(twice).to_string();
    assert!(
        told.starts_with("two requests are alice's, `pay` being the first"),
        "{told}"
    );

    let idle = exploration(faulty).user("carol", [("password", "x")]);
    let told = error(idle).to_string();
    assert!(told.starts_with("the user `carol` sends nothing"), "{told}");
    assert!(told.contains("add `.request(\"carol\", …)`"), "{told}");

    let many = (0..9).fold(crosswire::explore(faulty), |exploration, user| {
        exploration.request(&format!("user{user}"), Step::get("front page", "/"))
    });
    let told = error(many).to_string();
    assert!(told.starts_with("there are 9 requests"), "{told}");
}

#[test]
fn a_wrong_step_is_told_by_its_name() {
    let carol = || exploration(faulty).user("carol", [("password", PASSWORD)]);
    let wrong = carol().request("carol", Step::get("look", "basket"));
    let told = error(wrong).to_string();
    assert!(
        told.starts_with("in the step `look` of [[volley]]:\nerror: "),
        "{told}"
    );
    assert!(told.contains("--> shop:"), "{told}");

    let null = carol().request("carol", Step::post("look", "/").json([None::<u8>]));
    let told = error(null).to_string();
    assert!(
        told.starts_with("the step `look`: the value of `json`"),
        "{told}"
    );

    let bound = error(exploration(faulty).preemptions(1_000_000)).to_string();
    assert!(
        bound.contains("`preemptions`") && !bound.contains(PASSWORD),
        "{bound}"
    );
}

#[test]
fn a_service_that_does_not_do_as_expected_is_not_isolated() {
    // Nobody is shown a basket.
    let empty = || Router::new().route("/basket", get(async || "").put(async || ""));
    let report = crosswire::explore(empty)
        .each_round(Step::put("fill", "/basket").text("{{ secret('basket') }}"))
        .request("alice", pay_step())
        .request("bob", pay_step())
        .run();
    report.assert_verdict(Verdict::Inconclusive);
}

#[test]
fn a_service_without_points_is_told_what_it_lacks() {
    let echo = || Router::new().route("/", axum::routing::post(async |text: String| text));
    let step = |name| {
        Step::post(name, "/")
            .text("{{ secret('word') }}")
            .sees(["word"])
    };
    let report = crosswire::explore(echo)
        .setup(step("first"))
        .request("alice", step("echo"))
        .request("bob", step("echo"))
        .run();
    report.assert_verdict(Verdict::Inconclusive);
    let text = said(move || report.assert_isolated());
    assert!(
        text.contains("nothing was interleaved: give the service points"),
        "{text}"
    );
}

#[test]
#[should_panic(expected = "no database")]
fn making_a_service_may_panic() {
    fn never() -> Router {
        panic!("no database")
    }
    let _ = exploration(never).run();
}

#[tokio::test]
async fn it_may_stand_in_an_async_test() {
    exploration(faulty).run().assert_exposed();
    exploration(repaired).run_async().await.assert_isolated();
}

#[tokio::test]
async fn an_exploration_that_nobody_waits_for_ends() {
    let run = exploration(repaired).run_async();
    let mut run = Box::pin(run);
    // It has begun once it was polled.
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(run.as_mut().poll(context)));
    assert!(polled.await.is_pending());
    drop(run);
}

#[test]
fn a_service_need_not_be_sent_to_another_thread() {
    let made = || {
        let last = Rc::new(RefCell::new(String::new()));
        tower::service_fn(move |request: Request<Body>| {
            let last = Rc::clone(&last);
            async move {
                *last.borrow_mut() = request.uri().path().to_owned();
                consume_budget().await;
                let answer = last.borrow().clone();
                Ok::<_, Infallible>(Response::new(answer))
            }
        })
    };
    let step = |name| Step::get(name, "/{{ secret('word') }}").sees(["word"]);
    crosswire::explore(made)
        .setup(step("first"))
        .request("alice", step("echo"))
        .request("bob", step("echo"))
        .run()
        .assert_exposed();
}

#[test]
fn a_client_that_goes_away_is_part_of_the_orders() {
    let orders = |exploration: Exploration| exploration.run().judgement().explored[0].schedules;
    let without = orders(exploration(repaired).preemptions(1));
    let with = orders(exploration(repaired).preemptions(1).cancel());
    assert!(with > without, "{with} {without}");
}

#[test]
fn a_seed_makes_two_runs_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["a", "b"].map(|name| {
        let path = folder.path().join(name);
        exploration(shop::faulty)
            .seed(7)
            .history(&path)
            .run()
            .assert_exposed();
        std::fs::read_to_string(path).unwrap()
    });
    let [a, b] = texts.map(|text| crate::elapsed::without(&text));
    assert_eq!(a, b);
}

#[test]
fn attributes_that_come_late_belong_to_the_user() {
    let form = [
        ("user", "{{ user.name }}"),
        ("password", "{{ user.password }}"),
    ];
    let exploration = with_steps(crosswire::explore(faulty).preemptions(1))
        .set("title", "late")
        .setup(
            Step::post("log in again", "/login")
                .login()
                .form(form)
                .status(303),
        )
        .user("alice", [("pin", "1234")]);
    let scenario = exploration.scenario().unwrap();
    assert_eq!(scenario.users.list()[0].name, "alice");
    exploration.run().assert_exposed();
}

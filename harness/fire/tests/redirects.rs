//! Redirects, as a browser follows them: what is sent where, and what the record says of it.

use super::service::{Ran, Service, answer, ok, run, scenario, to};
use crate::history::Outcome;
use crate::scenario::Scenario;

fn service(status: u16, location: &'static str) -> Service {
    Service::new(move |asked| match asked.path.as_str() {
        "/start" => to(status, location),
        _ => ok(),
    })
}

fn posting(method: &str) -> Scenario {
    let body = if matches!(method, "GET" | "HEAD") {
        ""
    } else {
        "text = \"the body\""
    };
    scenario(
        1,
        &format!("[[setup]]\nname = \"s\"\nmethod = \"{method}\"\npath = \"/start\"\n{body}"),
    )
}

#[test]
fn the_method_after_a_redirect_is_that_of_a_browser() {
    for (status, method, then, keeps) in [
        (301, "POST", "GET", false),
        (302, "POST", "GET", false),
        (302, "PUT", "PUT", true),
        (303, "POST", "GET", false),
        (303, "DELETE", "GET", false),
        (303, "HEAD", "HEAD", false),
        (307, "POST", "POST", true),
        (308, "PUT", "PUT", true),
        (302, "GET", "GET", false),
    ] {
        let service = service(status, "/end");
        let ran = run(&posting(method), &service.url()).completed();
        let end = service.asked("/end");
        assert_eq!(end.method, then, "{status} after {method}");
        assert_eq!(
            end.body,
            if keeps { "the body" } else { "" },
            "{status} after {method}"
        );
        assert_eq!(end.header("content-type").is_some(), keeps, "{status}");
        assert_eq!(ran.statuses(), [(status, true), (200, false)]);
    }
}

#[test]
fn a_location_is_relative_to_the_request_and_its_fragment_stays_here() {
    for (location, path) in [
        ("end", "/app/end"),
        ("../end?a=b", "/end?a=b"),
        ("/x/end#there", "/x/end"),
        ("?q=1", "/app/start?q=1"),
    ] {
        let service = Service::new(move |asked| match asked.path.as_str() {
            "/app/start" => to(302, location),
            _ => ok(),
        });
        let steps = "[[setup]]\nname = \"s\"\npath = \"/app/start\"";
        run(&scenario(1, steps), &service.url()).completed();
        assert_eq!(service.lines()[1], format!("GET {path}"), "{location}");
    }
}

#[test]
fn a_redirect_that_a_step_asks_for_is_its_answer() {
    for key in [
        "status = 302",
        "expect = { headers = { location = \"^/end$\" } }",
        "capture = { at = { header = \"location\" } }",
    ] {
        let service = service(302, "/end");
        let steps = format!("[[setup]]\nname = \"s\"\npath = \"/start\"\n{key}");
        let ran = run(&scenario(1, &steps), &service.url()).completed();
        assert_eq!(ran.statuses(), [(302, false)], "{key}");
    }
}

#[test]
fn a_step_or_a_scenario_may_want_none() {
    let service = service(302, "/end");
    let mut none = posting("GET");
    none.setup[0].redirects = Some(false);
    run(&none, &service.url()).completed();
    let mut none = posting("GET");
    none.session.redirects = false;
    run(&none, &service.url()).completed();
    assert_eq!(service.lines(), ["GET /start", "GET /start"]);
}

#[test]
fn cookies_of_every_hop_are_kept_and_sent_on() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/start" => answer(
            303,
            "location: /end\r\nset-cookie: sid=of-the-hop; Path=/\r\n",
            "",
        ),
        _ => answer(200, "x-token: of-the-end\r\n", ""),
    });
    let steps = r#"[[setup]]
name = "s"
path = "/start"
capture = { sid = { cookie = "sid" }, token = { header = "x-token" } }
[[setup]]
name = "t"
path = "/{{ sid }}/{{ token }}"
"#;
    run(&scenario(1, steps), &service.url()).completed();
    assert_eq!(
        service.asked("/end").header("cookie"),
        Some("sid=of-the-hop")
    );
    assert_eq!(service.lines()[2], "GET /of-the-hop/of-the-end");
}

#[test]
fn the_final_answer_is_what_counts() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/start" => to(302, "/end"),
        _ => answer(403, "", ""),
    });
    let ran = run(&posting("GET"), &service.url());
    assert!(ran.why().contains("it was answered 403"), "{}", ran.why());
    let refused = |ran: &Ran| -> Vec<bool> {
        let exchanges = ran.exchanges();
        exchanges.iter().map(|exchange| exchange.refused).collect()
    };
    assert_eq!(refused(&ran), [false, true]);
}

#[test]
fn what_is_expected_is_expected_of_the_final_answer() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/start" => answer(302, "location: /end\r\n", "Welcome"),
        _ => answer(200, "", "Log in"),
    });
    let expecting = |expect: &str| {
        let steps = format!("[[setup]]\nname = \"s\"\npath = \"/start\"\nexpect = {expect}");
        run(&scenario(1, &steps), &service.url())
    };
    expecting("{ body = \"Log in\", not-body = \"Welcome\" }").completed();
    let ran = expecting("{ body = \"Welcome\" }");
    assert!(ran.why().contains("`Welcome`"), "{}", ran.why());
    let refused: Vec<bool> = ran.exchanges().iter().map(|one| one.refused).collect();
    assert_eq!(refused, [false, true]);
}

#[test]
fn a_loop_ends_and_says_so() {
    let service = Service::new(|_| to(302, "/start"));
    let mut looping = posting("GET");
    looping.session.max_redirects = 3;
    let ran = run(&looping, &service.url());
    assert!(ran.why().contains("more than 3 times"), "{}", ran.why());
    assert_eq!(service.lines().len(), 4);
}

#[test]
fn a_host_that_nobody_names_is_not_visited() {
    for (location, why) in [
        ("http://elsewhere.test/x", "http://elsewhere.test, which"),
        ("//elsewhere.test/x", "http://elsewhere.test, which"),
        ("https://127.0.0.1/x", "https://127.0.0.1, which"),
        ("mailto:a@b", "the scheme `mailto`"),
        ("http://[", "no URL"),
    ] {
        let service = service(302, location);
        let ran = run(&posting("GET"), &service.url());
        assert!(ran.why().contains(why), "{}", ran.why());
        assert_eq!(ran.statuses(), [(302, false)]);
    }
}

#[test]
fn long_values_in_a_location_are_not_recorded_as_a_path() {
    let service = service(302, "/end?code=0123456789abcdef0123&page=1");
    let ran = run(&posting("GET"), &service.url()).completed();
    assert_eq!(ran.exchanges()[1].request.path, "/end?code={…}&page=1");
    assert_eq!(
        service.lines()[1],
        "GET /end?code=0123456789abcdef0123&page=1"
    );
}

#[test]
fn raced_steps_never_follow() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/raced" => to(302, "/end"),
        _ => ok(),
    });
    let mut raced = scenario(2, "");
    raced.fire.rounds = 1;
    run(&raced, &service.url()).completed();
    assert_eq!(service.lines(), ["GET /raced", "GET /raced"]);
    raced.fire.solo = true;
    raced.fire.rounds = 0;
    run(&raced, &service.url()).completed();
    assert_eq!(service.lines().len(), 6, "alone they do");
}

/// A form that is posted, alone and raced, and leads to a page; whether each of its last answers is refused.
fn posted(more: &str) -> Vec<(u16, bool)> {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/save" => to(303, "/saved"),
        "/saved" => answer(200, "x-id: 7\r\n", "Saved"),
        _ => ok(),
    });
    let steps =
        format!("[[volley]]\nname = \"save\"\nmethod = \"POST\"\npath = \"/save\"\n{more}\n");
    let mut scenario = scenario(2, &steps);
    scenario.volley.truncate(1);
    scenario.fire.solo = true;
    scenario.fire.rounds = 1;
    let ran = run(&scenario, &service.url()).completed();
    let last = ran.exchanges().into_iter().filter(|one| !one.followed);
    let told = last.map(|one| match one.outcome {
        Outcome::Answer { status, .. } => (status, one.refused),
        Outcome::Failed { .. } => (0, one.refused),
    });
    told.collect()
}

#[test]
fn what_is_expected_behind_a_redirect_is_not_expected_of_a_raced_one() {
    let both = |alone, raced| [alone, alone, raced, raced];
    for met in [
        "expect = { body = \"Saved\" }",
        "expect = { not-body = \"^$\", headers = { x-id = \"7\" } }",
        "capture = { id = { header = \"x-id\" } }",
    ] {
        assert_eq!(posted(met), both((200, false), (303, false)), "{met}");
    }
    let unmet = "expect = { body = \"Gone\" }";
    assert_eq!(posted(unmet), both((200, true), (303, false)));
    let status = "status = 200\nexpect = { body = \"Saved\" }";
    assert_eq!(posted(status), both((200, false), (303, true)));
    let alone = "redirects = false\nexpect = { body = \"Saved\" }";
    assert_eq!(posted(alone), both((303, true), (303, true)));
}

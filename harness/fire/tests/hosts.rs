//! Several base URLs: where requests go, and what goes along to which of them.

use super::service::{Service, answer, ok, run, scenario, to};
use crate::scenario::Scenario;

const STEPS: &str = r#"[[setup]]
name = "log in"
path = "/login"
headers = { authorization = "Bearer b", x-tenant = "t", accept-language = "de" }
[[setup]]
name = "ask"
path = "/ask"
"#;

/// The named host `auth` under a name of its own, which leads to this machine.
fn with_auth(steps: &str, auth: &Service) -> Scenario {
    let mut scenario = scenario(2, steps);
    let port = auth.address.port();
    let name = format!("auth.test:{port}");
    scenario
        .hosts
        .insert("auth".to_owned(), format!("http://{name}/base"));
    scenario
        .network
        .resolve
        .insert(name, "127.0.0.1".to_owned());
    scenario
}

#[test]
fn a_step_goes_to_the_host_it_names_and_cookies_stay_with_theirs() {
    let auth = Service::new(|_| answer(200, "set-cookie: sid=auth; Path=/\r\n", ""));
    let target = Service::new(|_| answer(200, "set-cookie: app=target\r\n", ""));
    let mut two = with_auth(
        &format!("{STEPS}\n[[setup]]\nname = \"again\"\npath = \"/again\""),
        &auth,
    );
    two.setup[0].host = Some("auth".to_owned());
    two.setup[2].host = Some("auth".to_owned());
    run(&two, &target.url()).completed();
    let lines = ["GET /base/login", "GET /base/again"];
    assert_eq!(auth.lines(), [lines, lines].concat(), "for both users");
    assert_eq!(target.lines(), ["GET /ask"; 2]);
    assert_eq!(target.asked("/ask").header("cookie"), None);
    let again = auth.asked("/base/again");
    assert_eq!(again.header("cookie"), Some("sid=auth"));
    let host = format!("auth.test:{}", auth.address.port());
    assert_eq!(again.header("host"), Some(host.as_str()));
}

#[test]
fn the_path_of_a_cookie_is_that_of_the_request() {
    let service = Service::new(|asked| match asked.path.as_str() {
        "/api/login" => answer(200, "set-cookie: sid=1\r\n", ""),
        _ => ok(),
    });
    let steps = ["/api/login", "/api/me", "/other"]
        .map(|path| format!("[[setup]]\nname = \"{path}\"\npath = \"{path}\"\n"));
    run(&scenario(1, &steps.concat()), &service.url()).completed();
    assert_eq!(service.asked("/api/me").header("cookie"), Some("sid=1"));
    assert_eq!(service.asked("/other").header("cookie"), None);
}

#[test]
fn a_redirect_to_a_named_host_takes_nothing_along_that_says_who_asks() {
    let auth = Service::new(|_| ok());
    let location = format!("http://auth.test:{}/landing", auth.address.port());
    let target = Service::new(move |asked| match asked.path.as_str() {
        "/login" => to(307, &location),
        _ => ok(),
    });
    let scenario = with_auth(STEPS, &auth);
    run(&scenario, &target.url()).completed();
    let first = target.asked("/login");
    assert_eq!(first.header("authorization"), Some("Bearer b"));
    let landing = auth.asked("/landing");
    assert_eq!(landing.header("authorization"), None);
    assert_eq!(landing.header("x-tenant"), None);
    assert_eq!(landing.header("accept-language"), Some("de"));
}

#[test]
fn a_redirect_on_the_same_origin_takes_everything_along() {
    let target = Service::new(|asked| match asked.path.as_str() {
        "/login" => to(302, "/landing"),
        _ => ok(),
    });
    run(&scenario(1, STEPS), &target.url()).completed();
    let landing = target.asked("/landing");
    assert_eq!(landing.header("authorization"), Some("Bearer b"));
    assert_eq!(landing.header("x-tenant"), Some("t"));
}

#[test]
fn raced_steps_of_several_hosts_go_to_theirs() {
    let auth = Service::new(|_| ok());
    let target = Service::new(|_| ok());
    let mut two = with_auth("[[volley]]\nname = \"other\"\npath = \"/other\"", &auth);
    two.volley[0].host = Some("auth".to_owned());
    two.fire.rounds = 2;
    run(&two, &target.url()).completed();
    assert_eq!(auth.lines(), ["GET /base/other"; 4]);
    assert_eq!(target.lines(), ["GET /raced"; 4]);
}

#[test]
fn a_host_that_is_not_known_is_told() {
    let target = Service::new(|_| ok());
    let mut scenario = scenario(1, STEPS);
    let name = "no-such-host.invalid";
    scenario
        .hosts
        .insert("auth".to_owned(), format!("http://{name}"));
    let ran = run(&scenario, &target.url());
    assert!(ran.why().contains(&format!("`{name}`")), "{}", ran.why());
}

#[test]
fn an_anonymous_step_carries_no_cookie_and_its_cookies_are_nobodys() {
    let target = Service::new(|asked| match asked.path.as_str() {
        "/login" => answer(200, "set-cookie: sid=mine\r\n", ""),
        "/ask" => answer(200, "set-cookie: sid=nobodys\r\nx-id: 7\r\n", ""),
        _ => ok(),
    });
    let steps = format!(
        "{STEPS}capture = {{ id = {{ header = \"x-id\" }} }}\n[[setup]]\nname = \"then\"\npath = \"/then/{{{{ id }}}}\""
    );
    let mut scenario = scenario(1, &steps);
    scenario.setup[1].anonymous = true;
    run(&scenario, &target.url()).completed();
    assert_eq!(target.asked("/ask").header("cookie"), None);
    assert_eq!(target.asked("/then/7").header("cookie"), Some("sid=mine"));
}

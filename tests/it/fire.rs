//! `crosswire fire`: identities and URLs alone, against the webmail, where nothing is planted.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crosswire_targets::{Options, Server, StoreKind, start};

use crate::command::{Ran, folder, run};

/// The webmail with its own users' mails.
fn webmail(variant: &str) -> Server {
    let mut options = Options::new("mail", variant);
    options.store = StoreKind::Temporary;
    options.users = 3;
    // Requests take as long as over a network, so that two of them overlap however busy the machine is.
    options.store_delay = Duration::from_millis(2);
    start(options).unwrap()
}

/// The cookie of a user who has logged in.
fn cookie(server: &Server, user: &str) -> String {
    let url = server.base_url();
    let address = url.strip_prefix("http://").unwrap();
    let body = format!(r#"{{"user":"{user}","password":"password-{user}"}}"#);
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /api/login HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let cookie = answer.split("set-cookie: ").nth(1).unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

fn fired(variant: &str, more: &[&str]) -> (Ran, [String; 2]) {
    let server = webmail(variant);
    let cookies = ["user1", "user2"].map(|user| cookie(&server, user));
    let folder = folder();
    let file = folder.path().join("bob.headers");
    std::fs::write(&file, format!("# bob\nCookie: {}\n", cookies[1])).unwrap();
    let urls = ["/api/inbox", "/api/profile", "/api/history"];
    let urls = urls.map(|path| format!("{}{path}", server.base_url()));
    let mut words: Vec<String> = vec!["fire".into()];
    words.extend(urls);
    words.extend(["--as".into(), format!("alice=Cookie: {}", cookies[0])]);
    words.extend(["--as".into(), format!("bob=@{}", file.display())]);
    words.extend(more.iter().map(|word| (*word).to_owned()));
    (run(words), cookies)
}

#[test]
fn what_only_one_identity_is_shown_is_found_with_the_other() {
    let (ran, cookies) = fired("shared-note", &["--json", "-", "--rounds", "60"]);
    assert_eq!(ran.code, 1, "{}\n{}", ran.stdout, ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let found = report["exposures"].as_array().unwrap();
    assert!(
        found
            .iter()
            .all(|found| found["rule"] == "learnt-value-crossed")
    );
    assert!(
        ran.stderr.contains("received a value that only"),
        "{}",
        ran.stderr
    );
    for cookie in cookies {
        let secret = cookie.split('=').nth(1).unwrap();
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret));
    }
}

#[test]
fn the_right_service_is_isolated() {
    let (ran, _) = fired("per-request", &[]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("ISOLATED"), "{}", ran.stdout);
}

#[test]
fn the_scenario_can_be_taken_over() {
    let (ran, cookies) = fired("per-request", &["--print-scenario"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let environment = |name: &str| name.starts_with("AS_").then(|| "x".to_owned());
    let scenario = crosswire::scenario::Scenario::parse_in("fire", &ran.stdout, &environment);
    assert_eq!(scenario.unwrap().volley.len(), 3);
    assert!(
        cookies
            .iter()
            .all(|cookie| !ran.stdout.contains(cookie.as_str()))
    );
}

#[test]
fn one_identity_and_other_hosts_are_refused() {
    let ran = run([
        "fire",
        "http://127.0.0.1:1/",
        "--as",
        "alice=Cookie: sid=hunter2",
    ]);
    assert!(
        ran.code == 2 && ran.stderr.contains("a second --as"),
        "{}",
        ran.stderr
    );
    let ran = run([
        "fire",
        "http://192.0.2.1/",
        "--as",
        "alice=Cookie: sid=hunter2",
        "--as",
        "bob=Cookie: sid=hunter3",
    ]);
    assert!(
        ran.code == 2 && ran.stderr.contains("--allow-host 192.0.2.1"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("hunter"), "{}", ran.stderr);
}

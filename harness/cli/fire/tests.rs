//! What is made of URLs and identities, and what is refused.

use super::*;

fn given(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn urls(texts: &[&str]) -> Vec<Url> {
    texts.iter().map(|text| target(text).unwrap()).collect()
}

const TWO: [&str; 3] = [
    "alice=Cookie: sid=hunter2a; x=1",
    "bob=Authorization: Bearer hunter2b",
    "alice=X-Tenant: hunter2c",
];

#[test]
fn the_scenario_is_valid_and_holds_no_credential() {
    let identities = identities(&given(&TWO)).unwrap();
    let urls = urls(&[
        "http://127.0.0.1:8080/account?x={{1}}",
        "http://127.0.0.1:8080/account",
        "http://127.0.0.1:9090/other",
    ]);
    let all = [("accept".to_owned(), "text/{{ html".to_owned())];
    let text = written(&identities, &all, &urls);
    assert!(!text.contains("hunter2"), "{text}");
    let environment = |name: &str| Some(format!("value of {name}"));
    let scenario = Scenario::parse_in("fire", &text, &environment)
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let names: Vec<&str> = scenario
        .volley
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["GET /account", "GET /account (2)", "GET /other"]);
    assert!(scenario.volley.iter().all(|step| step.learns));
    assert_eq!(scenario.volley[2].host.as_deref(), Some("host2"));
    assert_eq!(scenario.hosts["host2"], "http://127.0.0.1:9090");
    let users: Vec<&str> = scenario
        .users
        .list()
        .iter()
        .map(|user| user.name.as_str())
        .collect();
    assert_eq!(users, ["alice", "bob"]);
    assert!(
        scenario
            .supplied_secrets()
            .contains(&"value of AS_ALICE_COOKIE".to_owned())
    );
    assert!(
        scenario.fire.solo_repeats > 1,
        "what changes must be told from what stays"
    );
}

#[test]
fn every_user_sends_the_headers_of_its_own_alone() {
    let identities = identities(&given(&TWO)).unwrap();
    let text = written(&identities, &[], &urls(&["http://127.0.0.1:8080/"]));
    let environment = |name: &str| Some(format!("value of {name}"));
    let scenario = Scenario::parse_in("fire", &text, &environment).unwrap();
    let headers = |user: usize| {
        let values = crosswire::scenario::Values {
            user: &scenario.users.list()[user],
            index: user as u32 + 1,
            count: 2,
            round: 1,
            captures: &BTreeMap::new(),
            secrets: &BTreeMap::new(),
            nonce: None,
            chance: 0,
            now_ms: 0,
        };
        scenario.volley[0].render(&values).unwrap().headers
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        headers(0),
        [
            pair("cookie", "value of AS_ALICE_COOKIE"),
            pair("x-tenant", "value of AS_ALICE_X_TENANT")
        ]
    );
    assert_eq!(
        headers(1),
        [pair("authorization", "value of AS_BOB_AUTHORIZATION")]
    );
}

#[test]
fn headers_come_from_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bob.headers");
    std::fs::write(&file, "# bob\nCookie: sid=2\n\nX-A: b\n").unwrap();
    let found = identities(&[
        format!("bob=@{}", file.display()),
        "alice=Cookie: sid=1".into(),
    ])
    .unwrap();
    assert_eq!(found[0].headers.len(), 2);
    std::fs::write(&file, "# nothing\n").unwrap();
    let failure = identities(&[format!("bob=@{}", file.display())])
        .err()
        .unwrap();
    assert!(failure.message.contains("no header"), "{}", failure.message);
}

#[test]
fn what_is_wrong_is_told_without_the_credential() {
    for (texts, told) in [
        (vec!["alice=Cookie: hunter2"], "one identity"),
        (
            vec!["alice=Cookie: hunter2", "bob=Cookie: hunter2"],
            "same headers",
        ),
        (vec!["alice"], "NAME=HEADER"),
        (vec!["=Cookie: hunter2"], "name of an identity"),
        (vec!["a b=Cookie: hunter2"], "name of an identity"),
        (vec!["alice=hunter2"], "a header is `Name: value`"),
        (vec!["alice=Cook ie: hunter2"], "a header is `Name: value`"),
        (vec!["alice=Cookie: hun\nter2"], "a header is `Name: value`"),
        (vec!["alice=@/nowhere/at/all"], "/nowhere/at/all"),
    ] {
        let failure = identities(&given(&texts)).err().unwrap();
        assert!(
            failure.message.contains(told),
            "{texts:?}: {}",
            failure.message
        );
        assert!(!failure.message.contains("hunter2"), "{}", failure.message);
    }
    for wrong in [
        "",
        "127.0.0.1:8080",
        "ftp://x",
        "http://me:hunter2@127.0.0.1/",
    ] {
        let failure = target(wrong).unwrap_err();
        assert!(!failure.message.contains("hunter2"), "{}", failure.message);
    }
}

#[test]
fn fewer_identities_and_urls_make_more_rounds() {
    let rounds = |identities: usize, urls: usize| {
        let texts: Vec<String> = (0..identities)
            .map(|n| format!("u{n}=Cookie: sid={n}"))
            .collect();
        let found = super::identities(&texts).unwrap();
        let all: Vec<Url> = (0..urls)
            .map(|n| target(&format!("http://127.0.0.1/{n}")).unwrap())
            .collect();
        let text = written(&found, &[], &all);
        let scenario = Scenario::parse_in("fire", &text, &|_| Some("x".into())).unwrap();
        u64::from(scenario.fire.rounds)
    };
    assert_eq!(rounds(2, 1), MOST_ROUNDS);
    assert_eq!(rounds(2, 3), 100);
    assert_eq!(rounds(20, 5), FireSettings::ROUNDS.default);
}

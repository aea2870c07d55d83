//! `run --control`: whether a scenario would see an exposure that is planted on purpose.

use crosswire::judge::Verdict;

use crate::command::{Ran, expect, folder, run, small_mail, text};

/// How many answers were swapped and how many of them recognised, as the report says.
fn told(ran: &Ran) -> (u64, u64) {
    let line = ran
        .stderr
        .lines()
        .find(|line| line.starts_with("control: "));
    let line = line.unwrap_or_else(|| panic!("no result of the control\n{}", ran.stderr));
    if line.contains("no answer was swapped") {
        return (0, 0);
    }
    let mut numbers = line
        .split(|byte: char| !byte.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn verdict(ran: &Ran) -> Verdict {
    let word = ran.stdout.split(' ').next().unwrap();
    word.to_lowercase().parse().unwrap()
}

#[test]
fn a_right_service_stays_isolated_and_the_planted_exposures_are_recognised() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    for more in [
        "",
        " --protocol http/2",
        " --strategy last-byte",
        " --protocol http/2 --connections shared",
    ] {
        let ran = run(format!(
            "run {} --variant per-request --store-delay 100us --expect isolated --control{more}",
            text(&file)
        )
        .split(' '));
        let (swapped, recognised) = told(&ran);
        assert!(swapped >= 3 && recognised >= 1, "{more}\n{}", ran.stderr);
        assert!(recognised <= swapped, "{}", ran.stderr);
        assert_eq!(ran.code, 0, "{more}\n{}{}", ran.stdout, ran.stderr);
        assert_eq!(verdict(&ran), Verdict::Isolated, "{}", ran.stdout);
        let note = format!("control: {swapped} answers were swapped on purpose");
        assert!(ran.stdout.contains(&note), "{}", ran.stdout);
    }
}

#[test]
fn over_tls_as_well() {
    let folder = folder();
    let tls = (
        "bundled = \"mail/shared-note\"",
        "bundled = \"mail/shared-note\"\ntls = true",
    );
    let file = small_mail(folder.path(), "tls", &[tls]);
    for protocol in ["http/1.1", "http/2"] {
        let ran = expect(
            0,
            &format!(
                "run {} --variant per-request --expect isolated --protocol {protocol} --control --control-rounds 1",
                text(&file)
            ),
        );
        let (swapped, recognised) = told(&ran);
        assert!(swapped >= 3 && recognised >= 1, "{}", ran.stderr);
    }
}

/// The inbox shows who wrote and about what, but nothing of the text, which alone holds a secret here.
const BLIND: &str = r#"version = 1
target = { bundled = "mail/per-request" }
users = { count = 6, name = "user{{ index }}", password = "password-user{{ index }}" }
fire = { rounds = 3, min-overlaps = 1 }

[[setup]]
name = "log in"
login = true
method = "POST"
path = "/api/login"
json = { user = "{{ user.name }}", password = "{{ user.password }}" }
status = 200
capture = { csrf = { json = "/csrf" } }

[[each-round]]
name = "write a mail to oneself"
method = "POST"
path = "/api/mail"
headers = { x-csrf-token = "{{ csrf }}" }
json = { to = "{{ user.name }}", subject = "Minutes", body = "{{ secret('text') }}" }
status = 201
capture = { letter = { json = "/number" } }

[[volley]]
name = "inbox"
path = "/api/inbox"

[[read-back]]
name = "own mail"
path = "/api/mail/{{ letter }}"
sees = ["text"]
"#;

#[test]
fn a_scenario_that_would_see_nothing_is_worth_nothing() {
    let folder = folder();
    let file = folder.path().join("blind.toml");
    std::fs::write(&file, BLIND).unwrap();
    let plain = format!("run {} --store-delay 500us", text(&file));
    let without = run(plain.split(' '));
    assert_eq!(verdict(&without), Verdict::Isolated, "{}", without.stdout);

    let history = folder.path().join("history.ndjson");
    let ran = expect(
        4,
        &format!("{plain} --control --history {}", text(&history)),
    );
    let (swapped, recognised) = told(&ran);
    assert!(swapped >= 3 && recognised == 0, "{}", ran.stderr);
    assert_eq!(verdict(&ran), Verdict::Inconclusive, "{}", ran.stdout);
    assert!(ran.stdout.contains("none was recognised"), "{}", ran.stdout);
    // The history knows it too.
    let again = expect(4, &format!("judge {}", text(&history)));
    assert!(
        again.stdout.contains("none was recognised"),
        "{}",
        again.stdout
    );
}

#[test]
fn a_control_through_nothing_breaks_off_and_says_so() {
    let folder = folder();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", port.local_addr().unwrap());
    drop(port);
    let file = small_mail(folder.path(), "small", &[]);
    let ran = expect(
        3,
        &format!(
            "run {} --url {url} --expect isolated --control",
            text(&file)
        ),
    );
    assert_eq!(told(&ran), (0, 0));
    assert!(
        ran.stderr.contains("the control run broke off"),
        "{}",
        ran.stderr
    );
}

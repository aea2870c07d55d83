//! Every verdict and every exit code, from runs over real sockets.

use std::net::{TcpListener, TcpStream};

use crosswire::judge::Verdict;

use crate::careless::Careless;
use crate::command::{expect, folder, small_mail, text};

/// The first word of a terminal report.
fn verdict(stdout: &str) -> Option<Verdict> {
    stdout.split(' ').next()?.to_lowercase().parse().ok()
}

#[test]
fn the_fault_is_exposed_and_expected() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let ran = expect(
        0,
        &format!("run {} --store-delay 500us --seed 7", text(&file)),
    );
    assert_eq!(
        verdict(&ran.stdout),
        Some(Verdict::Exposed),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("seed 7"), "{}", ran.stdout);
    let again = format!("crosswire run {} --store-delay 500us --seed 7", text(&file));
    assert!(ran.stdout.contains(&again), "{}", ran.stdout);
}

#[test]
fn the_repair_that_looks_right_is_exposed() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let ran = expect(
        1,
        &format!(
            "run {} --variant locked-note --store-delay 500us --expect isolated",
            text(&file)
        ),
    );
    assert_eq!(
        verdict(&ran.stdout),
        Some(Verdict::Exposed),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("not as expected"), "{}", ran.stdout);
}

#[test]
fn the_repairs_are_isolated() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    for variant in ["per-request", "one-lock"] {
        let ran = expect(
            0,
            &format!(
                "run {} --variant {variant} --store-delay 500us --expect isolated",
                text(&file)
            ),
        );
        assert_eq!(
            verdict(&ran.stdout),
            Some(Verdict::Isolated),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stdout.contains("with 95 % confidence"),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn an_expected_exposure_that_does_not_show_has_a_code_of_its_own() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let ran = expect(
        6,
        &format!(
            "run {} --variant per-request --store-delay 500us",
            text(&file)
        ),
    );
    assert_eq!(
        verdict(&ran.stdout),
        Some(Verdict::Isolated),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_run_without_overlap_is_inconclusive_whatever_it_found_not() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    // Nobody is there whose data could cross over.
    let ran = expect(
        4,
        &format!("run {} --users 1 --expect isolated", text(&file)),
    );
    assert_eq!(
        verdict(&ran.stdout),
        Some(Verdict::Inconclusive),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("at least two users"), "{}", ran.stdout);
    // One request at a time.
    let alone = small_mail(folder.path(), "alone", &[("group = 20", "group = 1")]);
    let ran = expect(4, &format!("run {} --expect isolated", text(&alone)));
    assert!(ran.stdout.contains("0 overlapping pairs"), "{}", ran.stdout);
}

#[test]
fn a_service_of_ones_own_is_tested_by_its_address() {
    let service = Careless::start();
    let folder = folder();
    let file = folder.path().join("careless.toml");
    std::fs::write(&file, service.scenario()).unwrap();
    let ran = expect(1, &format!("run {}", text(&file)));
    assert!(
        ran.stdout.contains(&format!("on {}", service.url())),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("note"), "{}", ran.stdout);
}

#[test]
fn wrong_usage_is_told_before_anything_runs() {
    let folder = folder();
    let unknown_key = small_mail(folder.path(), "unknown", &[("rounds = 2", "round = 2")]);
    let ran = expect(2, &format!("run {}", text(&unknown_key)));
    for part in ["unknown.toml:", "round = 2", "^^^^^", "rounds"] {
        assert!(ran.stderr.contains(part), "no {part:?} in\n{}", ran.stderr);
    }
    for (arguments, part) in [
        ("run no-such-scenario", "mail-2008"),
        ("run ./missing.toml", "missing.toml"),
        ("run mail-2008 --variant no-note", "per-request"),
        ("run mail-2008 --users 0", "--users"),
        ("run mail-2008 --rounds 0", "from 1"),
        (
            "run mail-2008 --strategy last-byte --protocol http/2",
            "http/1.1",
        ),
        ("run mail-2008 --report yaml=x", "json"),
        ("run mail-2008 --report json", "FORMAT=FILE"),
        ("run mail-2008 --report json=- --report text=-", "mixed"),
        (
            "run mail-2008 --report json=/no/such/folder/r.json",
            "/no/such/folder/r.json",
        ),
        (
            "run mail-2008 --history /no/such/folder/h.ndjson",
            "/no/such/folder/h.ndjson",
        ),
        (
            "run mail-2008 mail-sparse --history h.ndjson",
            "one scenario",
        ),
        (
            "run mail-2008 mail-sparse --report json=r.json",
            "{scenario}",
        ),
        (
            "run mail-2008 --url http://192.0.2.1",
            "--allow-host 192.0.2.1",
        ),
        (
            "run mail-2008 --url http://127.0.0.1:1 --store memory",
            "--store",
        ),
        ("run mail-2008 --duration 5", "unit"),
        ("run mail-2008 --duration 500ms", "at least 1s"),
        ("run mail-2008 --duration -5s", "from 0"),
        ("run mail-2008 --seed -5", "from 0 to"),
        ("run mail-2008 --users -5", "1..=1048576"),
        ("run mail-2008 --history -", "--history needs a file"),
        ("run mail-2008 --url http://127.0.0.1:99999", "65535"),
        ("run mail-2008 --url http://127.0.0.1:8080/?a=b", "query"),
        (
            "run mail-2008 --allow-host http://example.com",
            "name the host alone",
        ),
        ("run mail-2008 --ca Cargo.toml", "no certificate in it"),
        ("run", "FILE-OR-NAME"),
        ("judge ./missing.ndjson", "missing.ndjson"),
        ("serve mail", "TARGET/VARIANT"),
        ("serve mail/no-note", "shared-note"),
        (
            "serve mail/shared-note --addr 0.0.0.0:0",
            "never listens beyond",
        ),
        ("fly", "fly"),
    ] {
        let ran = expect(2, arguments);
        assert!(
            ran.stderr.contains(part),
            "crosswire {arguments}: no {part:?} in\n{}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "", "crosswire {arguments}");
    }
}

#[test]
fn a_target_that_is_away_is_told_from_a_finding() {
    // A port that is held for as long as the test runs, by the end of a connection that listens for nobody.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let held = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = held.local_addr().unwrap().port();
    let ran = expect(3, &format!("run mail-2008 --url http://127.0.0.1:{port}"));
    assert!(
        ran.stdout.contains(&format!("127.0.0.1:{port}")),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_refused_log_in_is_told_from_a_finding_and_does_not_tell_the_password() {
    let folder = folder();
    let file = small_mail(
        folder.path(),
        "refused",
        &[("password-user{{ index }}", "mistaken-{{ index }}")],
    );
    let ran = expect(3, &format!("run {}", text(&file)));
    assert!(ran.stdout.contains("log in"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("mistaken"), "{}", ran.stdout);
}

#[test]
fn of_several_scenarios_the_gravest_code_wins() {
    let folder = folder();
    let fault = small_mail(folder.path(), "fault", &[]);
    let alone = small_mail(
        folder.path(),
        "alone",
        &[("group = 20", "group = 1"), ("shared-note", "per-request")],
    );
    let (fault, alone) = (text(&fault), text(&alone));
    let ran = expect(
        1,
        &format!("run {alone} {fault} --expect isolated --store-delay 500us"),
    );
    assert!(
        ran.stdout.contains("INCONCLUSIVE  alone") && ran.stdout.contains("EXPOSED  fault"),
        "{}",
        ran.stdout
    );
}

/// Where the system has a device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_takes_the_history_but_not_the_run() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let ran = expect(
        2,
        &format!(
            "run {} --store-delay 500us --history /dev/full",
            text(&file)
        ),
    );
    assert_eq!(verdict(&ran.stdout), Some(Verdict::Exposed));
    assert!(ran.stderr.contains("history"), "{}", ran.stderr);
}

#[test]
fn a_step_that_is_refused_is_no_unreachable_target() {
    let service = Careless::start();
    let folder = folder();
    let file = folder.path().join("refused.toml");
    let scenario = format!(
        "{}\n[[setup]]\nname = \"ask for something\"\npath = \"/no-such-page\"\nstatus = 418\n",
        service.scenario()
    );
    std::fs::write(&file, scenario).unwrap();
    let ran = expect(4, &format!("run {}", text(&file)));
    assert!(ran.stdout.contains("ask for something"), "{}", ran.stdout);
}

//! `crosswire init`: drafts of the samples in `tests/import`, word by word, and what becomes of bad input.
//! `UPDATE_EXPECTED=1 cargo test --test it init` writes the expected drafts anew, to be read as a diff.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crosswire::import::{INPUT_LIMIT, SOURCES, Source, starter};
use crosswire::scenario::{Scenario, ScenarioError};

use crate::command::{crosswire, expect, folder, run, text};

/// Every sample with its source.
const SAMPLES: [(&str, &str); 8] = [
    ("firefox-form.har", "har"),
    ("bearer-json.har", "har"),
    ("chrome-stripped.har", "har"),
    ("commands.curl", "curl"),
    ("windows.curl", "curl"),
    ("notes-3.1.yaml", "openapi"),
    ("pets-2.0.json", "openapi"),
    ("notes.hurl", "hurl"),
];

/// How every secret in the samples begins, whichever way it is encoded there.
const SECRET: &str = "GEHEIM";

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn draft(source: &str, input: impl AsRef<[u8]>) -> String {
    let source = Source::named(source).unwrap();
    source
        .draft(input.as_ref())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn draft_of(sample: &str, source: &str) -> String {
    draft(source, fs::read(samples().join(sample)).unwrap())
}

/// As a run reads it; a number in the environment fits everywhere.
fn parse(draft: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse_in("draft.toml", draft, &|_| Some("1".to_owned()))
}

fn valid(draft: &str) -> Scenario {
    parse(draft).unwrap_or_else(|error| panic!("{error}\n{draft}"))
}

#[test]
fn every_sample_gives_the_expected_draft() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut different = Vec::new();
    for (sample, source) in SAMPLES {
        let made = draft_of(sample, source);
        let expected = samples().join(format!("{sample}.expected.toml"));
        if update {
            fs::write(expected, made).unwrap();
        } else if fs::read_to_string(expected).unwrap_or_default() != made {
            different.push(format!("--- {sample}\n{made}"));
        }
    }
    assert!(
        different.is_empty(),
        "not as expected (UPDATE_EXPECTED=1 accepts):\n{}",
        different.join("\n")
    );
}

#[test]
fn every_draft_is_a_scenario_as_it_is() {
    for (sample, source) in SAMPLES {
        let draft = draft_of(sample, source);
        let scenario = parse(&draft).unwrap_or_else(|error| panic!("{sample}: {error}"));
        assert!(
            !scenario.story.is_empty() && !scenario.volley.is_empty(),
            "{sample}"
        );
        assert!(draft.contains("TO DO"), "{sample}");
    }
    valid(starter());
}

#[test]
fn what_is_commented_out_can_be_taken_in() {
    // A line of TOML behind the mark; other comments are sentences.
    let is_step = |line: &str| {
        let code = line.strip_prefix("# ").unwrap_or_default();
        code.starts_with('[')
            || code
                .split_once(" = ")
                .is_some_and(|(key, _)| !key.contains(' '))
    };
    for (sample, source) in SAMPLES {
        let draft = draft_of(sample, source);
        let taken: Vec<&str> = draft
            .lines()
            .map(|line| if is_step(line) { &line[2..] } else { line })
            .collect();
        parse(&taken.join("\n")).unwrap_or_else(|error| panic!("{sample}: {error}"));
    }
}

#[test]
fn no_secret_of_a_sample_is_written() {
    for (sample, source) in SAMPLES {
        let input = fs::read_to_string(samples().join(sample)).unwrap();
        let draft = draft_of(sample, source);
        for line in draft.lines() {
            assert!(!line.contains(SECRET), "{sample}: {line}");
        }
        assert!(
            input.contains(SECRET) || sample.starts_with("pets"),
            "{sample} has no secrets at all"
        );
    }
}

#[test]
fn a_log_in_by_form_is_found_with_its_guard_and_its_session() {
    let draft = draft_of("firefox-form.har", "har");
    let scenario = valid(&draft);
    let names: Vec<&str> = scenario
        .setup
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["GET /login", "log in"]);
    assert_eq!(scenario.setup[1].session.as_deref(), Some("notes_session"));
    assert_eq!(scenario.setup[0].captures.len(), 1);
    for line in [
        "email = \"{{ user.name }}\"",
        "password = \"{{ user.password }}\"",
        "password = \"${env:TESTER_PASSWORD}\"",
        "_token = \"{{ token }}\"",
    ] {
        assert!(draft.lines().any(|found| found == line), "{line}\n{draft}");
    }
}

#[test]
fn a_token_becomes_the_session_and_is_renewed_under_its_name() {
    let draft = draft_of("bearer-json.har", "har");
    let scenario = valid(&draft);
    assert!(draft.contains("bearer = \"{{ access_token }}\""), "{draft}");
    assert!(
        draft.contains("hosts = { login = \"https://login.shop.example\" }"),
        "{draft}"
    );
    let log_in: Vec<&str> = scenario.setup[0]
        .captures
        .iter()
        .map(|capture| capture.name.as_str())
        .collect();
    let renewed: Vec<&str> = scenario.refresh[0]
        .captures
        .iter()
        .map(|capture| capture.name.as_str())
        .collect();
    assert_eq!(log_in, ["access_token", "refresh_token"]);
    assert_eq!(renewed, log_in);
}

#[test]
fn what_a_user_wrote_is_looked_for_where_it_came_back() {
    let scenario = valid(&draft_of("firefox-form.har", "har"));
    let seeing: Vec<&str> = scenario
        .volley
        .iter()
        .filter(|step| !step.sees.is_empty())
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(seeing, ["GET /notes/…", "GET /notes (2)"]);
    let learning = draft_of("chrome-stripped.har", "har")
        .matches("learns = true")
        .count();
    assert_eq!(learning, 3, "nothing is planted there");
}

#[test]
fn requests_for_nobody_are_left_out_and_counted() {
    let draft = draft_of("firefox-form.har", "har");
    for line in [
        "# Left out: 3 requests for static files.",
        "# Left out: 1 request to other hosts.",
    ] {
        assert!(draft.lines().any(|found| found == line), "{line}\n{draft}");
    }
    assert!(
        !draft.contains("tracker") && !draft.contains("stats.example"),
        "{draft}"
    );
}

/// A command, and lines that its draft must have.
const CURL: [(&str, &[&str]); 12] = [
    ("curl http://h/a", &["url = \"http://h\"", "path = \"/a\""]),
    (
        "curl h:8080/a?b=c%20d",
        &["url = \"http://h:8080\"", "query = { b = \"c d\" }"],
    ),
    (
        "curl http://h/?a=1&b=2",
        &["query = { a = \"1\", b = \"2\" }"],
    ),
    (
        "curl -XPOST http://h/ -d a=1 -d b=2",
        &["method = \"POST\"", "form = { a = \"1\", b = \"2\" }"],
    ),
    (
        "curl -d '{\"a\":[1,true,2.5]}' http://h/",
        &["json = { a = [1, true, 2.5] }"],
    ),
    (
        "curl -G -d q=x --data-urlencode 'r=a b&c' http://h/s",
        &["query = { q = \"x\", r = \"a b&c\" }"],
    ),
    ("curl -I http://h/", &["method = \"HEAD\""]),
    (
        "curl -k -u me:geheim1 https://h/",
        &[
            "insecure = true          # certificates are not checked",
            "basic = { user = \"{{ user.name }}\", password = \"{{ user.password }}\" }",
        ],
    ),
    (
        "curl http://h/ -H 'X-A: {{ b }} ${env:C}'",
        &["headers = { x-a = \"{{ '{' }}{ b }} {{ '$' }}{env:C}\" }"],
    ),
    (
        "curl http://h/ -H \"X-Trace: $WHO-1\"",
        &["headers = { x-trace = \"{{ user.who }}-1\" }"],
    ),
    (
        "curl --json '{\"a\":null}' http://h/",
        &[
            "text = \"{\\\"a\\\":null}\"",
            "headers = { content-type = \"application/json\" }",
        ],
    ),
    (
        "curl -d 'a=1&a=2' http://h/",
        &[
            "text = \"a=1&a=2\"",
            "headers = { content-type = \"application/x-www-form-urlencoded\" }",
        ],
    ),
];

#[test]
fn curl_is_read_as_curl_reads_it() {
    for (command, lines) in CURL {
        let draft = draft("curl", command);
        for line in lines {
            assert!(
                draft.lines().any(|found| found == *line),
                "{command}: {line}\n{draft}"
            );
        }
        valid(&draft);
    }
}

#[test]
fn bad_input_is_told_with_its_place_and_a_remedy() {
    let deep = format!("{{\"log\":{}", "[".repeat(10_000));
    let deep_yaml = format!("openapi: 3.0.0\npaths: {}", "[".repeat(10_000));
    let cases: [(&str, &[u8], Option<usize>, &str); 24] = [
        ("har", b"", None, "empty"),
        ("har", b" \n\t", None, "empty"),
        (
            "har",
            b"{\"log\":{\n\"entries\":[{\"request\"",
            Some(2),
            "ends too early",
        ),
        ("har", b"{\"log\": nope}", Some(1), "not JSON"),
        ("har", b"{}", None, "no `log`"),
        ("har", b"{\"log\":{\"entries\":7}}", None, "log.entries"),
        ("har", b"{\"log\":{\"entries\":[1,{}]}}", None, "2 entries"),
        ("har", b"a\nb\xff", Some(2), "not UTF-8"),
        ("har", b"\xff\xfe{\0", Some(1), "UTF-16"),
        ("har", b"\x1f\x8b\x08", Some(1), "compressed"),
        ("har", b"{\0}", Some(1), "binary"),
        ("har", deep.as_bytes(), Some(1), "deeply"),
        ("curl", b"wget http://h/", Some(1), "no curl command"),
        (
            "curl",
            b"curl http://h/\ncurl 'http://h",
            Some(2),
            "never closed",
        ),
        ("curl", b"\ncurl -v", Some(2), "no URL"),
        ("curl", b"curl ftp://h/", Some(1), "cannot be read"),
        (
            "curl",
            b"Invoke-WebRequest -Uri http://h/",
            Some(1),
            "Copy as cURL",
        ),
        ("openapi", b"{\"openapi\":\"3.0.0\"", Some(1), "not JSON"),
        ("openapi", b"title: x", None, "neither `openapi`"),
        (
            "openapi",
            b"openapi: 3.0.0\npaths: {}\n",
            None,
            "no operations",
        ),
        ("openapi", b"openapi: 3.0.0\n a: [", Some(2), "YAML"),
        ("openapi", deep_yaml.as_bytes(), Some(2), "YAML"),
        ("hurl", b"# only this\n", None, "no request"),
        ("hurl", b"\nhello there\n", Some(2), "begins with a request"),
    ];
    for (source, input, line, part) in cases {
        let error = Source::named(source).unwrap().draft(input).unwrap_err();
        let told = error.to_string();
        assert!(told.contains(part), "{source} {part}: {told}");
        assert_eq!(error.line(), line, "{source} {part}: {told}");
        assert!(!error.remedy().is_empty() && told.len() < 400, "{told}");
    }
}

#[test]
fn no_error_quotes_the_input() {
    for (source, input) in [
        ("har", "{\"log\": GEHEIM}"),
        ("curl", "curl 'http://h/GEHEIM"),
        ("openapi", "openapi: 3.0.0\npaths: {a: *GEHEIM}"),
        ("hurl", "GEHEIM"),
        ("hurl", "GET http://GEHEIM:GEHEIM/"),
    ] {
        let told = Source::named(source)
            .unwrap()
            .draft(input.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(!told.contains(SECRET), "{told}");
    }
}

#[test]
fn many_and_long_requests_are_cut_to_a_draft_that_is_valid() {
    let mut commands = String::new();
    for number in 0..400 {
        let long = "x".repeat(if number % 2 == 0 { 7_000 } else { 9_000 });
        commands.push_str(&format!("curl http://h/{number} -d 'a={long}'\n"));
    }
    let draft = draft("curl", &commands);
    let scenario = valid(&draft);
    assert!(
        scenario.steps().count() <= 101,
        "a volley step is added where nothing reads"
    );
    assert!(
        draft.contains("Left out: 100 requests beyond the first 300."),
        "{}",
        &draft[..600]
    );
    assert!(draft.contains("a draft takes 8192"));
}

#[test]
fn the_command_prints_writes_and_never_overwrites() {
    let folder = folder();
    let file = folder.path().join("new.toml");
    let hurl = samples().join("notes.hurl");
    let printed = expect(0, &format!("init --from-hurl {}", text(&hurl)));
    assert_eq!(printed.stdout, draft_of("notes.hurl", "hurl"));
    assert_eq!(printed.stderr, "");
    let written = expect(
        0,
        &format!("init --from-hurl {} --output {}", text(&hurl), text(&file)),
    );
    assert!(
        written.stdout.is_empty() && written.stderr.contains("TO DO"),
        "{written:?}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), printed.stdout);
    let refused = expect(2, &format!("init --output {}", text(&file)));
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), printed.stdout);
    expect(0, &format!("init --force --output {}", text(&file)));
    assert_eq!(fs::read_to_string(&file).unwrap(), starter());
}

#[test]
fn the_command_takes_a_command_a_file_or_stdin() {
    let command = "curl http://127.0.0.1:1/a -H 'Cookie: sid=GEHEIM1'";
    let given = run(["init", "--from-curl", command]);
    let mut child = crosswire()
        .args(["init", "--from-curl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(command.as_bytes())
        .unwrap();
    let piped = child.wait_with_output().unwrap();
    assert_eq!(given.code, 0, "{}", given.stderr);
    assert_eq!(given.stdout.as_bytes(), piped.stdout);
    assert!(
        given.stdout.contains("cookie = \"{{ user.cookie }}\"") && !given.stdout.contains(SECRET)
    );
}

#[test]
fn the_command_tells_what_it_cannot_read() {
    let folder = folder();
    let at = text(folder.path());
    let large = folder.path().join("large.har");
    fs::File::create(&large)
        .unwrap()
        .set_len(200 << 20)
        .unwrap();
    for (arguments, part) in [
        (format!("init --from-har {at}/none.har"), "cannot read"),
        (format!("init --from-har {at}"), "folder"),
        (
            format!("init --from-har {}", text(&large)),
            "more than 64 MiB",
        ),
        (
            "init --from-har a --from-hurl b".to_owned(),
            "cannot be used with",
        ),
        (format!("init --output {at}/no/folder.toml"), "cannot write"),
        ("init --force".to_owned(), "--output"),
    ] {
        let ran = expect(2, &arguments);
        assert!(
            ran.stderr.contains(part) && ran.stdout.is_empty(),
            "{arguments}: {}",
            ran.stderr
        );
    }
    assert_eq!(INPUT_LIMIT, 64 << 20);
    assert_eq!(SOURCES.len(), 4);
}

//! Bad input and trouble from the service: a clear error or an inconclusive that names the cause, bounded memory, and what
//! was recorded is kept.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use crosswire::history::{Exchange, Outcome, Record, read};
use crosswire::judge::Verdict;
use serde_json::Value;

use crate::command::{Ran, crosswire, expect, folder, text};
use crate::hostile::{Done, Hostile, answer, ok};

/// Raced requests before the first volley: of three users, each once alone, and each twice in sequence.
const ALONE: u64 = 9;
/// Bytes of an answer that are kept in these runs.
const KEPT: usize = 64 * 1024;
/// A short wait for answers that never end; nothing depends on how short it is.
const LIMITS: &str = "timeout-ms = 400, answer-bytes = 65536";
/// The longest head that is accepted, `HEAD_LIMIT` of the engine.
const HEAD: usize = 256 * 1024;
/// What a run may ever have, KiB: a small part of what the services here send or unpack to. The process alone, unoptimised
/// and with its libraries, has about 22 MiB; 16 MiB of an unpacked body are looked at.
const PEAK_KIB: u64 = 96 * 1024;

/// Right alone, and then as a test wants.
fn in_volleys(act: impl Fn(&str) -> Done + Send + Sync + 'static) -> Hostile {
    Hostile::start(move |before, note| {
        if before < ALONE {
            Done::Say(ok(note.as_bytes()))
        } else {
            act(note)
        }
    })
}

/// What a run has left behind.
struct Left {
    ran: Ran,
    report: Value,
    exchanges: Vec<Exchange>,
}

/// Runs the scenario, judges its history again, and checks what must hold whatever the service does.
fn run(service: &Hostile, limits: &str, more: &str) -> Left {
    let kept = if limits == LIMITS { KEPT } else { 1 << 20 };
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("hostile.toml"), service.scenario(limits)).unwrap();
    let (json, history) = (at("report.json"), at("history.ndjson"));
    let child = crosswire()
        .args([
            "run",
            text(&at("hostile.toml")),
            "--history",
            text(&history),
        ])
        .arg(format!("--report=json={}", text(&json)))
        .args(more.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    service.asked_by(child.id());
    let output = child.wait_with_output().unwrap();
    let ran = Ran {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    if let Some(peak) = service.peak_kib() {
        assert!(peak <= PEAK_KIB, "{peak} KiB\n{}", ran.stdout);
    }
    let report: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let again = expect(
        ran.code,
        &format!("judge {} --report=json=-", text(&history)),
    );
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    for field in ["verdict", "reasons", "strength"] {
        assert_eq!(report[field], again[field], "judged again: {field}");
    }
    let records = read(&std::fs::read(history).unwrap()[..]).unwrap();
    let exchanges = records.into_iter().filter_map(|record| match record {
        Record::Exchange(exchange) => Some(exchange),
        _ => None,
    });
    let exchanges: Vec<Exchange> = exchanges.collect();
    for exchange in &exchanges {
        let (head, body) = match &exchange.outcome {
            Outcome::Answer { head, body, .. } => (head.len(), body.len()),
            Outcome::Failed { partial, .. } => (partial.len(), 0),
        };
        assert!(
            body <= kept && head <= HEAD + kept,
            "{head} and {body} bytes are kept"
        );
    }
    Left {
        ran,
        report,
        exchanges,
    }
}

impl Left {
    /// What is lacking, all of it.
    fn reasons(&self) -> String {
        self.report["reasons"].to_string()
    }

    fn verdict(&self) -> Verdict {
        self.report["verdict"].as_str().unwrap().parse().unwrap()
    }
}

/// The run is inconclusive and says why, on paper as well, and the service was asked to the end.
fn inconclusive(name: &str, service: &Hostile, cause: &str) -> Left {
    inconclusive_within(name, service, LIMITS, cause)
}

fn inconclusive_within(name: &str, service: &Hostile, limits: &str, cause: &str) -> Left {
    let left = run(service, limits, "");
    let told = (left.ran.code, left.verdict());
    assert_eq!(
        told,
        (4, Verdict::Inconclusive),
        "{name}\n{}",
        left.ran.stdout
    );
    assert!(left.reasons().contains(cause), "{name}: {}", left.reasons());
    let first = cause.split(' ').next().unwrap();
    assert!(
        left.ran.stdout.contains(first),
        "{name}\n{}",
        left.ran.stdout
    );
    assert!(
        service.raced() >= ALONE + 6,
        "{name}: both volleys were fired"
    );
    left
}

#[test]
fn answers_that_are_no_answers_are_told_by_their_fault() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let cases: Vec<(&str, String, &str)> = vec![
        (
            "nothing",
            String::new(),
            "closed the connection before the head",
        ),
        (
            "half a head",
            "HTTP/1.1 200 OK\r\nx-half".to_owned(),
            "closed the connection before the head",
        ),
        (
            "no HTTP",
            "220 mail.example ESMTP\r\n\r\n".to_owned(),
            "the answer is not HTTP",
        ),
        (
            "chunk sizes",
            format!("{chunked}zz\r\ngarbage\r\n"),
            "a chunk's size is not a number",
        ),
        (
            "too long a chunk",
            format!("{chunked}2\r\nlonger\r\n0\r\n\r\n"),
            "a chunk is longer than it says",
        ),
        (
            "chunk of exabytes",
            format!("{chunked}fffffffffffffff\r\nx"),
            "closed the connection before the body",
        ),
        (
            "chunk over all",
            format!("{chunked}ffffffffffffffffff\r\nx"),
            "a chunk's size is not a number",
        ),
        (
            "length too long",
            "HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\nshort".to_owned(),
            "closed the connection before the body",
        ),
        (
            "exabytes",
            "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\nx".to_owned(),
            "closed the connection before the body",
        ),
        (
            "beyond numbers",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nx".to_owned(),
            "the Content-Length is not a number",
        ),
        (
            "negative",
            "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nx".to_owned(),
            "the Content-Length is not a number",
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx".to_owned(),
            "two different Content-Length",
        ),
        (
            "header flood",
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(20_000)),
            "too many headers",
        ),
        (
            "a header of a megabyte",
            format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20)),
            "the head of the answer is longer than",
        ),
    ];
    for (name, bytes, cause) in cases {
        let service = in_volleys(move |_| Done::SayAndClose(bytes.clone().into_bytes()));
        let left = inconclusive(name, &service, cause);
        let is_failed = |exchange: &&Exchange| matches!(exchange.outcome, Outcome::Failed { .. });
        assert_eq!(left.exchanges.iter().filter(is_failed).count(), 6, "{name}");
    }
}

#[test]
fn what_never_ends_costs_no_memory() {
    let cases: [(&str, &[u8], &str); 4] = [
        (
            "body",
            b"HTTP/1.1 200 OK\r\n\r\n",
            "no whole answer within 400 ms",
        ),
        (
            "exabytes",
            b"HTTP/1.1 200 OK\r\ncontent-length: 9000000000000000000\r\n\r\n",
            "no whole answer within 400 ms",
        ),
        (
            "chunk",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n",
            "no whole answer within 400 ms",
        ),
        (
            "head",
            b"HTTP/1.1 200 OK\r\nx: ",
            "the head of the answer is longer than",
        ),
    ];
    for (name, first, cause) in cases {
        let piece = vec![b'x'; 256 * 1024];
        let service = in_volleys(move |_| Done::Endless(first.to_vec(), piece.clone()));
        inconclusive(name, &service, cause);
        assert!(service.peak_kib().is_some() || cfg!(not(target_os = "linux")));
    }
}

#[test]
fn a_body_that_unpacks_to_gigabytes_is_unpacked_to_its_limit() {
    // Members of a gzip file may stand one after another: a megabyte of zeros each.
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    member.write_all(&vec![0; 1 << 20]).unwrap();
    let member = member.finish().unwrap();
    let copies = (1 << 20) / member.len();
    assert!(copies > 768, "{copies} MiB");
    let bomb = member.repeat(copies);
    // One in three is enough to make the run worthless, and unpacking takes its time in an unoptimised build.
    let asked = AtomicU64::new(0);
    let service = in_volleys(move |note| {
        if asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) {
            Done::Say(answer("200 OK", "content-encoding: gzip\r\n", &bomb))
        } else {
            Done::Say(ok(note.as_bytes()))
        }
    });
    inconclusive_within(
        "bomb",
        &service,
        "timeout-ms = 60000",
        "could not be searched to their end",
    );
    assert!(service.peak_kib().is_some() || cfg!(not(target_os = "linux")));
}

#[test]
fn a_body_longer_than_it_says_is_not_taken_for_the_next_answer() {
    let service = in_volleys(|note| {
        let mut bytes = ok(note.as_bytes());
        bytes.extend_from_slice(b"and more\r\n\r\n");
        Done::Say(bytes)
    });
    let left = run(&service, LIMITS, "");
    // What nobody asked for is looked at with the next request on the connection, and the connection is given up.
    let surplus = |exchange: &&Exchange| match &exchange.outcome {
        Outcome::Failed { why, partial } => {
            why.contains("not HTTP") && partial.starts_with(b"and more")
        }
        Outcome::Answer { .. } => false,
    };
    assert_eq!(left.exchanges.iter().filter(surplus).count(), 6);
    assert_ne!(left.verdict(), Verdict::Exposed, "{}", left.ran.stdout);
}

#[test]
fn bytes_that_are_no_text_harm_nobody() {
    let service = Hostile::start(|_, note| {
        let mut bytes = b"HTTP/1.1 200 \xff\xfe\xc0\r\n".to_vec();
        bytes.extend_from_slice(b"set-cookie: \xff=\xfe; Path=/\xff\r\nset-cookie: \xc3\x28=1\r\n");
        bytes.extend_from_slice(b"x-\xe4: 1\r\n");
        let body = [b"\x00\xff\xc3\x28 ", note.as_bytes(), b"\xed\xa0\x80"].concat();
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(b"x-odd: \xff \x80\r\n\r\n");
        bytes.extend_from_slice(&body);
        Done::Say(bytes)
    });
    let left = run(&service, LIMITS, "");
    // A header's name must be ASCII; everything else is taken as it comes.
    assert_eq!(left.verdict(), Verdict::Inconclusive, "{}", left.ran.stdout);
    assert!(
        left.reasons().contains("invalid header name"),
        "{}",
        left.reasons()
    );

    let service = Hostile::start(|_, note| {
        let mut bytes = b"HTTP/1.1 200 \xff\xfe\xc0\r\n".to_vec();
        bytes.extend_from_slice(b"set-cookie: \xff=\xfe; Path=/\xff\r\nset-cookie: \xc3\x28=1\r\n");
        let body = [b"\x00\xff\xc3\x28 ", note.as_bytes(), b"\xed\xa0\x80"].concat();
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(b"x-odd: \xff \x80\r\n\r\n");
        bytes.extend_from_slice(&body);
        Done::Say(bytes)
    });
    let left = run(&service, LIMITS, "");
    let held = |exchange: &&Exchange| match &exchange.outcome {
        Outcome::Answer { head, body, .. } => {
            head.windows(8).any(|at| at == b"x-odd: \xff") && body.ends_with(b"\xed\xa0\x80")
        }
        Outcome::Failed { .. } => false,
    };
    let held = left.exchanges.iter().filter(held).count() as u64;
    assert_eq!(held, service.raced(), "raw bytes are kept as they came");
    assert!(
        left.reasons().is_empty() || !left.reasons().contains("failed"),
        "{}",
        left.reasons()
    );
    assert_ne!(left.verdict(), Verdict::Exposed);
}

#[test]
fn a_control_through_endless_answers_costs_no_memory_either() {
    let piece = vec![b'x'; 256 * 1024];
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let service = Hostile::start(move |_, _| Done::Endless(head.clone(), piece.clone()));
    let left = run(&service, LIMITS, "--control");
    assert_eq!(left.ran.code, 4, "{}", left.ran.stdout);
    let told = "control: no answer was swapped";
    assert!(left.ran.stderr.contains(told), "{}", left.ran.stderr);
    assert!(service.peak_kib().is_some() || cfg!(not(target_os = "linux")));
}

#[test]
fn a_session_that_expires_half_way_is_told() {
    let service = in_volleys(|_| Done::Say(answer("401 Unauthorized", "", b"log in again")));
    inconclusive("expired", &service, "it was answered 401");
}

#[test]
fn a_service_that_dies_in_the_middle_is_told_and_what_was_recorded_is_kept() {
    let service = Hostile::start(|before, note| {
        if before < ALONE + 2 {
            Done::Say(ok(note.as_bytes()))
        } else {
            Done::Die
        }
    });
    let left = run(&service, LIMITS, "");
    assert_eq!(left.ran.code, 3, "{}", left.ran.stdout);
    assert!(
        left.reasons().contains("cannot connect to"),
        "{}",
        left.reasons()
    );
    let answered = |exchange: &&Exchange| matches!(exchange.outcome, Outcome::Answer { .. });
    assert!(
        left.exchanges.iter().filter(answered).count() as u64 >= ALONE,
        "kept"
    );
}

/// What `run` says of a scenario whose log-in goes to `url`, and its exit code.
fn told(code: i32, url: &str, more: &str) -> String {
    let folder = folder();
    let file = folder.path().join("far.toml");
    let service = in_volleys(|_| Done::Die);
    let scenario = service.scenario("timeout-ms = 2000");
    std::fs::write(&file, scenario).unwrap();
    let ran = expect(code, &format!("run {} --url {url}{more}", text(&file)));
    format!("{}{}", ran.stdout, ran.stderr)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_target_that_cannot_be_reached_is_told_by_what_failed() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let plain = in_volleys(|_| Done::Die);
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let tls = format!("https://{}", deaf.local_addr().unwrap());
    let refusing = std::thread::spawn(move || {
        let (mut stream, _) = deaf.accept().unwrap();
        // The beginning of a TLS handshake, which is no request.
        assert!(stream.read(&mut [0; 16]).unwrap() > 0);
        let _ = stream.write_all(&answer("400 Bad Request", "", b""));
    });
    for (url, more, part) in [
        (format!("http://{address}"), "", "cannot connect to"),
        (
            "http://nonexistent.invalid".to_owned(),
            " --allow-host nonexistent.invalid",
            "the host `nonexistent.invalid` is not known",
        ),
        (tls, "", "does not speak TLS; is it http?"),
        (plain.url(), " --protocol http/2", "does not speak HTTP/2"),
    ] {
        let told = told(3, &url, more);
        assert!(told.contains(part), "{part}: {told}");
    }
    refusing.join().unwrap();
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_told() {
    use std::io::BufRead as _;
    let mut child = crosswire()
        .args([
            "serve",
            "mail/per-request",
            "--addr",
            "127.0.0.1:0",
            "--users",
            "1",
            "--tls",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut url).unwrap();
    let told = std::panic::catch_unwind(|| told(3, url.trim(), ""));
    child.kill().unwrap();
    child.wait().unwrap();
    let told = told.unwrap();
    assert!(
        told.contains("nobody vouches for the certificate"),
        "{told}"
    );
}

#[test]
fn a_log_in_that_is_refused_is_told_by_its_status() {
    let service = in_volleys(|_| Done::Die);
    let folder = folder();
    let file = folder.path().join("refused.toml");
    let refused = service
        .scenario(LIMITS)
        .replace("\"/login\"", "\"/nowhere\"");
    std::fs::write(&file, refused).unwrap();
    let ran = expect(3, &format!("run {}", text(&file)));
    assert!(
        ran.stdout
            .contains("log-in `log in` of user1 did not succeed"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("404"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("open-sesame"), "{}", ran.stdout);
}

//! Whole volleys in which requests are broken off, accompanied, pipelined or sent over others' connections.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::fire::{Plan, Stop, fire};
use crate::history::{Exchange, Outcome, Phase, Record, Volley};
use crate::identity::Salt;
use crate::scenario::{Connections, Pattern, Scenario};

/// Answers every request once `hold` connections have been closed by their clients, with its path and its cookies, and a
/// cookie that holds the path. Ends with the process of the test.
fn serve(hold: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let closed = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let closed = Arc::clone(&closed);
            std::thread::spawn(move || talk(stream, hold, &closed));
        }
    });
    format!("http://{address}")
}

fn talk(mut stream: TcpStream, hold: usize, closed: &AtomicUsize) {
    // How often it looks whether the others have closed.
    let look = Duration::from_millis(2);
    stream.set_read_timeout(Some(look)).expect("a time-out");
    let mut heard = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => {
                closed.fetch_add(1, Ordering::SeqCst);
                return;
            }
            Ok(read) => heard.extend_from_slice(&buffer[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        while closed.load(Ordering::SeqCst) >= hold
            && let Some(end) = heard.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let head: Vec<u8> = heard.drain(..end + 4).collect();
            let head = String::from_utf8(head).expect("ASCII");
            let path = head.split(' ').nth(1).expect("a path");
            let cookie = head.lines().find(|line| line.starts_with("cookie"));
            let body = format!("{path} {}", cookie.unwrap_or_default());
            let answer = format!(
                "HTTP/1.1 200 OK\r\nset-cookie: at={path}; path=/\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn scenario(url: &str, users: u32, change: impl FnOnce(&mut Scenario)) -> Scenario {
    let text = format!(
        r#"version = 1
target = {{ url = "{url}" }}
users = {{ count = {users}, name = "u{{{{ index }}}}" }}
[[each-round]]
name = "before"
path = "/before"
[[volley]]
name = "ask"
path = "/ask/{{{{ user.name }}}}"
[[volley]]
name = "beside"
path = "/beside"
[[read-back]]
name = "after"
path = "/after"
"#
    );
    let mut scenario = Scenario::parse("faults", &text).expect("it parses");
    scenario.fire.rounds = 1;
    (scenario.fire.solo, scenario.fire.sequence) = (false, false);
    change(&mut scenario);
    scenario
}

fn run(url: &str, scenario: &Scenario) -> Vec<Record> {
    let plan = Plan {
        scenario,
        target_name: "scripted".to_owned(),
        base_url: url.to_owned(),
        trusted_pem: None,
        seed: 1,
        salt: Salt::new(1),
    };
    let mut records = Vec::new();
    fire(&plan, &mut records, &mut (), &Stop::default()).expect("it is recorded");
    records
}

fn raced(records: &[Record]) -> Vec<&Exchange> {
    let raced = records.iter().filter_map(|record| match record {
        Record::Exchange(exchange) if exchange.phase == Phase::Volley => Some(exchange),
        _ => None,
    });
    raced.collect()
}

fn volleys(records: &[Record]) -> Vec<&Volley> {
    let volleys = records.iter().filter_map(|record| match record {
        Record::Volley(volley) => Some(volley),
        _ => None,
    });
    volleys.collect()
}

fn text(exchange: &Exchange) -> String {
    match &exchange.outcome {
        Outcome::Answer { body, .. } => String::from_utf8_lossy(body).into_owned(),
        Outcome::Failed { why, .. } => format!("failed: {why}"),
    }
}

#[test]
fn every_second_one_aborts_and_then_the_others_ask() {
    // The server answers nobody before two clients have gone: the others' answers prove the order.
    let url = serve(2);
    let scenario = scenario(&url, 4, |scenario| {
        scenario.fire.pattern = Pattern::AbortThenAsk;
        scenario.fire.offsets_us = vec![300, 900];
        scenario.each_round.clear();
        scenario.volley.truncate(1);
        scenario.read_back.clear();
    });
    let records = run(&url, &scenario);
    let raced = raced(&records);
    let (broken, asked): (Vec<&Exchange>, Vec<&Exchange>) = raced
        .iter()
        .copied()
        .partition(|exchange| exchange.provoked.is_some());
    assert_eq!((broken.len(), asked.len()), (2, 2), "{records:#?}");
    assert!(asked.iter().all(|exchange| !exchange.cut_off));
    for exchange in broken {
        assert!(exchange.cut_off);
        let told = exchange.provoked.as_deref();
        assert_eq!(
            told,
            Some("aborted before the answer by close, 300 us after the release")
        );
        let last = asked.iter().map(|asked| asked.sent_ns).min();
        assert!(Some(exchange.done_ns) <= last, "the others ask afterwards");
    }
    assert!(asked.iter().all(|asked| text(asked).starts_with("/ask/u")));
    assert_eq!(volleys(&records)[0].offset_us, 300);
}

#[test]
fn a_companion_is_sent_at_the_same_time_over_another_connection() {
    let url = serve(0);
    let scenario = scenario(&url, 3, |scenario| {
        scenario.volley[0].with = Some(scenario.volley[1].index);
        scenario.volley[1].companion = true;
    });
    let records = run(&url, &scenario);
    let volleys = volleys(&records);
    assert_eq!((volleys.len(), volleys[0].requests), (1, 6));
    let mut connections = BTreeMap::<_, BTreeSet<u32>>::new();
    for exchange in raced(&records) {
        assert!(!text(exchange).starts_with("failed"), "{exchange:?}");
        let mine = connections.entry(exchange.user).or_default();
        mine.insert(exchange.connection);
    }
    assert!(connections.values().all(|mine| mine.len() == 2));
    let all: BTreeSet<&u32> = connections.values().flatten().collect();
    assert_eq!(all.len(), 6, "no two users on one connection");
}

#[test]
fn pipelined_requests_of_a_volley_are_exchanges_of_their_own_on_one_connection() {
    let url = serve(0);
    let scenario = scenario(&url, 2, |scenario| {
        scenario.volley[0].faults.pipeline = 3;
        scenario.volley.truncate(1);
    });
    let records = run(&url, &scenario);
    let raced = raced(&records);
    assert_eq!(raced.len(), 6);
    for exchange in &raced {
        let own = format!("/ask/u{}", exchange.user.0 + 1);
        assert!(text(exchange).starts_with(&own), "{exchange:?}");
        let told = exchange.provoked.as_deref();
        assert_eq!(told, Some("one of 3 requests in one write"));
    }
    let connections: BTreeSet<u32> = raced.iter().map(|one| one.connection).collect();
    assert_eq!(connections.len(), 2);
}

#[test]
fn rotating_users_take_over_the_connections_of_others() {
    let url = serve(0);
    let scenario = scenario(&url, 3, |scenario| {
        scenario.fire.connections = Connections::Rotating;
        scenario.fire.rounds = 3;
    });
    let records = run(&url, &scenario);
    let mut own = BTreeMap::new();
    let mut taken = BTreeMap::<u32, BTreeSet<u32>>::new();
    for record in &records {
        let Record::Exchange(exchange) = record else {
            continue;
        };
        assert!(!text(exchange).starts_with("failed"), "{exchange:?}");
        match exchange.volley {
            None => assert_eq!(
                *own.entry(exchange.user).or_insert(exchange.connection),
                exchange.connection
            ),
            Some(volley) => {
                assert_ne!(own[&exchange.user], exchange.connection);
                assert!(own.values().any(|number| *number == exchange.connection));
                assert!(taken.entry(volley).or_default().insert(exchange.connection));
            }
        }
    }
    assert_eq!(taken.len(), 6, "two steps, three rounds");
}

#[test]
fn what_a_raced_answer_gives_is_the_users_own_afterwards() {
    let url = serve(0);
    let scenario = scenario(&url, 4, |scenario| scenario.volley.truncate(1));
    let records = run(&url, &scenario);
    let mut seen = 0;
    for record in &records {
        let Record::Exchange(exchange) = record else {
            continue;
        };
        if exchange.phase == Phase::ReadBack {
            let cookie = format!("at=/ask/u{}", exchange.user.0 + 1);
            assert!(text(exchange).contains(&cookie), "{exchange:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

#[test]
fn a_pipeline_works_alone_as_well() {
    let url = serve(0);
    let scenario = scenario(&url, 1, |scenario| {
        scenario.each_round[0].faults.pipeline = 2;
    });
    let records = run(&url, &scenario);
    let alone = records.iter().filter_map(|record| match record {
        Record::Exchange(exchange) if exchange.phase == Phase::Setup => Some(exchange),
        _ => None,
    });
    let alone: Vec<&Exchange> = alone.collect();
    assert_eq!(alone.len(), 2);
    assert!(alone.iter().all(|one| text(one).starts_with("/before")));
    assert_eq!(alone[0].connection, alone[1].connection);
}

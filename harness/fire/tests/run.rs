//! Whole runs against a server that says exactly what a test wants.

use std::io;

use super::scripted::{Act, Scripted};
use crate::fire::{Plan, Stop, fire};
use crate::history::{Ending, Overlaps, Record, Sink};
use crate::identity::Salt;
use crate::scenario::Scenario;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Two steps of set-up by one user, and nothing else.
fn run(acts: Vec<Act>) -> Vec<Record> {
    let server = Scripted::new(acts);
    let text = format!(
        r#"version = 1
target = {{ url = "{}" }}
users = {{ count = 1, name = "ann" }}
[[setup]]
name = "first"
path = "/first"
[[setup]]
name = "second"
path = "/second"
[[volley]]
name = "never"
path = "/never"
"#,
        server.url()
    );
    let mut scenario = Scenario::parse("two-steps", &text).expect("it parses");
    scenario.fire.rounds = 0;
    (scenario.fire.solo, scenario.fire.sequence) = (false, false);
    let plan = Plan {
        scenario: &scenario,
        target_name: "scripted".to_owned(),
        base_url: server.url(),
        trusted_pem: None,
        seed: 1,
        salt: Salt::new(1),
    };
    let mut records = Vec::new();
    fire(&plan, &mut records, &mut (), &Stop::default()).expect("it is recorded");
    records
}

fn told(records: &[Record]) -> (usize, usize, bool) {
    let exchanges = records
        .iter()
        .filter(|record| matches!(record, Record::Exchange(_)));
    let notes = records
        .iter()
        .filter(|record| matches!(record, Record::Note { .. }));
    let completed =
        matches!(records.last(), Some(Record::End(end)) if end.ending == Ending::Completed);
    (exchanges.count(), notes.count(), completed)
}

#[test]
fn a_request_on_a_closed_idle_connection_is_sent_again_and_that_is_told() {
    let records = run(vec![Act::Say(OK), Act::SayAndClose(b""), Act::Say(OK)]);
    assert_eq!(told(&records), (2, 1, true), "{records:?}");
}

#[test]
fn a_request_that_got_half_an_answer_is_not_sent_again() {
    let records = run(vec![Act::Say(OK), Act::SayAndClose(b"HTTP/1.1 200")]);
    assert_eq!(told(&records), (2, 0, false), "{records:?}");
}

/// Weighs as if so many pairs overlapped in every round.
struct Weighing {
    records: Vec<Record>,
    rounds: u64,
    pairs_a_round: u64,
    needed: u64,
}

impl Sink for Weighing {
    fn take(&mut self, record: &Record) -> io::Result<()> {
        self.rounds += u64::from(matches!(record, Record::Volley(_)));
        self.records.take(record)
    }

    fn lacks(&self) -> Option<Overlaps> {
        let (pairs, needed) = (self.rounds * self.pairs_a_round, self.needed);
        (pairs < needed).then_some(Overlaps { pairs, needed })
    }
}

/// Rounds that were run of three, and the notes of the run.
fn rounds_at(pairs_a_round: u64, needed: u64) -> (u32, Vec<String>) {
    let server = Scripted::new(vec![Act::Say(OK); 40]);
    let text = format!(
        r#"version = 1
target = {{ url = "{}" }}
users = {{ count = 1, name = "ann" }}
fire = {{ rounds = 3, solo = false, sequence = false }}
[[volley]]
name = "read"
path = "/read"
"#,
        server.url()
    );
    let scenario = Scenario::parse("read", &text).expect("it parses");
    let plan = Plan {
        scenario: &scenario,
        target_name: "scripted".to_owned(),
        base_url: server.url(),
        trusted_pem: None,
        seed: 1,
        salt: Salt::new(1),
    };
    let mut sink = Weighing {
        records: Vec::new(),
        rounds: 0,
        pairs_a_round,
        needed,
    };
    fire(&plan, &mut sink, &mut (), &Stop::default()).expect("it is recorded");
    let notes = sink.records.iter().filter_map(|record| match record {
        Record::Note { text } => Some(text.clone()),
        _ => None,
    });
    let notes = notes.collect();
    match sink.records.last() {
        Some(Record::End(end)) => {
            assert_eq!(end.ending, Ending::Completed);
            assert_eq!(u64::from(end.rounds), sink.rounds);
            (end.rounds, notes)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rounds_go_on_while_too_few_requests_met_and_they_can_become_enough() {
    let told = |pairs: u32, rounds: u32| {
        vec![format!(
            "in 3 rounds {pairs} of 100 pairs of requests overlapped: {rounds} rounds are run"
        )]
    };
    assert_eq!(rounds_at(50, 100), (3, vec![]), "enough");
    assert_eq!(
        rounds_at(10, 100),
        (11, told(30, 11)),
        "one more than it takes"
    );
    assert_eq!(
        rounds_at(3, 100),
        (34, told(9, 34)),
        "more than ten times 3, but quick"
    );
    let hopeless = rounds_at(1, 1_000_000_000);
    assert_eq!(
        hopeless,
        (3, vec![]),
        "neither ten times nor ten seconds would do"
    );
    assert_eq!(rounds_at(0, 100), (3, vec![]), "none ever meet");
}

//! Whole runs against a server that says exactly what a test wants.

use super::scripted::{Act, Scripted};
use crate::fire::{Plan, Stop, fire};
use crate::history::{Ending, Record};
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

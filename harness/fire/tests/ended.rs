//! Who ended an exchange that something was done to on purpose: only what this side ended is excused.

use std::time::Duration;

use super::scripted::{block_on, bounds, get};
use super::watched::Watched;
use crate::fire::connection::Bounds;
use crate::fire::exchange::{Done, Request};
use crate::scenario::{Faults, Pace};

const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
const PACE: Option<Pace> = Some(Pace {
    bytes: 16,
    every_ms: 1,
});

fn slow_reader() -> Faults {
    Faults {
        slow_read: PACE,
        ..Faults::default()
    }
}

fn slow_writer() -> Faults {
    Faults {
        slow_write: PACE,
        ..Faults::default()
    }
}

fn half_closer() -> Faults {
    Faults {
        half_close: true,
        ..Faults::default()
    }
}

/// What was done to it is told, and excuses nothing.
fn failed_by_itself(done: &Done, how: &str) {
    assert!(done.result.is_err(), "{how}");
    assert!(done.provoked.is_some(), "{how}");
    assert!(!done.cut_off, "{how}");
}

#[test]
fn a_server_that_closes_on_a_slow_or_half_closed_client_did_so_itself() {
    for faults in [slow_reader(), slow_writer(), half_closer()] {
        block_on(async {
            let server = Watched::one(|peer| {
                peer.head();
                peer.say(HALF);
            });
            let mut connection = server.connect().await;
            let request = Request {
                faults,
                ..get("/x")
            };
            let done = connection.exchange(&request, bounds()).await;
            failed_by_itself(&done, &format!("{faults:?}"));
        });
    }
}

#[test]
fn the_runs_own_time_for_an_exchange_excuses_nothing() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say(HALF);
            peer.rest();
        });
        let mut connection = server.connect().await;
        let faults = slow_reader();
        let request = Request {
            faults,
            ..get("/x")
        };
        let bounds = Bounds {
            timeout: Duration::from_millis(30),
            ..bounds()
        };
        let done = connection.exchange(&request, bounds).await;
        failed_by_itself(&done, "late");
    });
}

#[test]
fn an_error_is_an_answer_whatever_was_done() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say(b"HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n");
        });
        let mut connection = server.connect().await;
        let faults = Faults {
            timeout_ms: Some(19_000),
            ..slow_reader()
        };
        let request = Request {
            faults,
            ..get("/x")
        };
        let done = connection.exchange(&request, bounds()).await;
        assert_eq!(done.result.as_ref().expect("an answer").status, 500);
        assert!(!done.cut_off);
    });
}

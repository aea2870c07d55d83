//! A connection that takes part in a volley: let go at its time, and what came of its requests.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::Clock;
use super::connection::{Armed, Bounds, Connection};
use super::exchange::{Done, Failure};
use super::pool::Key;
use super::wait;
use crate::history::Release;

/// A connection that takes part in a volley, with the requests armed on it.
pub(crate) struct Lane {
    pub(crate) key: Key,
    pub(crate) connection: Connection,
    /// Positions in the volley.
    pub(crate) shots: Vec<usize>,
    pub(crate) armed: Armed,
    /// When it is let go, after the first.
    pub(crate) at: Duration,
}

/// What a lane has come to.
pub(crate) struct Landed {
    pub(crate) key: Key,
    pub(crate) connection: Connection,
    pub(crate) shots: Vec<usize>,
    pub(crate) done: Vec<Done>,
    pub(crate) gone: Let,
}

/// A release of one lane: when it was, and whether the kernel took everything at once.
#[derive(Clone, Copy)]
pub(crate) struct Let {
    sent_ns: u64,
    whole: bool,
}

/// Lets the lanes go, each at its time, and reads their answers.
pub(crate) async fn release_and_collect(lanes: Vec<Lane>, bounds: Bounds<'_>) -> Vec<Landed> {
    let together = lanes.iter().all(|lane| lane.at.is_zero());
    let collecting: FuturesUnordered<_> = if together {
        // Nothing but one system call a lane, no await in between.
        let gone: Vec<Let> = lanes
            .iter()
            .map(|lane| release(&lane.connection, bounds.clock))
            .collect();
        lanes
            .into_iter()
            .zip(gone)
            .map(|(lane, gone)| land(lane, Some(gone), 0, bounds))
            .collect()
    } else {
        let start_ns = bounds.clock.now();
        lanes
            .into_iter()
            .map(|lane| land(lane, None, start_ns, bounds))
            .collect()
    };
    collecting.collect().await
}

fn release(connection: &Connection, clock: Clock) -> Let {
    // A connection that is broken tells it again when its answer is read.
    let whole = connection.latch().release().unwrap_or(false);
    Let {
        sent_ns: clock.now(),
        whole,
    }
}

/// Lets the lane go when its time comes, unless it has gone already, and reads its answers.
async fn land(lane: Lane, gone: Option<Let>, start_ns: u64, bounds: Bounds<'_>) -> Landed {
    let Lane {
        key,
        mut connection,
        shots,
        armed,
        at,
    } = lane;
    let at_ns = start_ns.saturating_add(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX));
    let gone = match gone {
        Some(gone) => Some(gone),
        None if wait::until(at_ns, bounds).await => Some(release(&connection, bounds.clock)),
        None => None,
    };
    let done = match gone {
        Some(gone) => connection.collect(armed, gone.sent_ns, bounds).await,
        None => {
            connection.give_up();
            connection.latch().discard();
            let why = "the run was ended before the request was released";
            let ended = |_| Done::new(bounds.clock.now(), Err(Failure::new(why)), bounds.clock);
            shots.iter().map(ended).collect()
        }
    };
    Landed {
        key,
        connection,
        shots,
        done,
        gone: gone.unwrap_or(Let {
            sent_ns: bounds.clock.now(),
            whole: true,
        }),
    }
}

/// How the lanes of a volley were released.
pub(crate) fn summary(lets: &[Let], strategy: String, armed: bool) -> Release {
    let sent = || lets.iter().map(|gone| gone.sent_ns);
    let first = sent().min().unwrap_or_default();
    let last = sent().max().unwrap_or_default();
    let writes = lets.iter().map(|gone| if gone.whole { 1 } else { 2 });
    Release {
        strategy,
        connections: u32::try_from(lets.len()).unwrap_or(u32::MAX),
        writes: writes.fold(0, u32::saturating_add),
        client_spread_ns: last - first,
        armed,
    }
}

//! Waiting: for a time on the run's clock, for a length, and never longer than the run lasts.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::Clock;
use super::connection::Bounds;

/// The timer ticks in milliseconds; what is nearer than this is waited for turn by turn.
const TIMER_SLACK_NS: u64 = 2_000_000;
/// How soon a request to stop is noticed.
const LOOK: Duration = Duration::from_millis(50);

/// Waits for a time on the run's clock: the timer for the most of it, then turn by turn, in which the other lanes'
/// answers are read. False when the run is to end before.
pub(crate) async fn until(at_ns: u64, bounds: Bounds<'_>) -> bool {
    loop {
        let now = bounds.clock.now();
        if now >= at_ns {
            return true;
        }
        if over(bounds) {
            return false;
        }
        nap(at_ns - now).await;
    }
}

/// Waits so long: whole milliseconds by the timer alone, anything finer to the microsecond.
pub(crate) async fn pause(length: Duration, clock: Clock) {
    if length.subsec_nanos().is_multiple_of(1_000_000) {
        if !length.is_zero() {
            tokio::time::sleep(length).await;
        }
        return;
    }
    let length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    let at_ns = clock.now().saturating_add(length_ns);
    loop {
        let now = clock.now();
        if now >= at_ns {
            return;
        }
        nap(at_ns - now).await;
    }
}

/// The future's value, or `None` when the run is to end before.
pub(crate) async fn unless_over<F: Future>(future: F, bounds: Bounds<'_>) -> Option<F::Output> {
    let end = async {
        while !over(bounds) {
            tokio::time::sleep(LOOK).await;
        }
    };
    match select(pin!(future), pin!(end)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

fn over(bounds: Bounds<'_>) -> bool {
    bounds.stop.asked() || bounds.clock.now() > bounds.until_ns
}

async fn nap(left_ns: u64) {
    if left_ns > TIMER_SLACK_NS {
        let nap = Duration::from_nanos(left_ns - TIMER_SLACK_NS).min(LOOK);
        tokio::time::sleep(nap).await;
    } else {
        tokio::task::yield_now().await;
    }
}

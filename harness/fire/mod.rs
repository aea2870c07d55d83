//! The engine over the network: users with sessions of their own, volleys released together, everything recorded.
//!
//! A run goes through its phases in `phases.rs`; a step that runs alone is `alone.rs`. Who sends what in a volley is
//! `pattern.rs`; the volley, from arming to its record, is `volley.rs`; how it is let go is `release.rs`; what is done to a
//! request on purpose is `fault.rs`. Below them a connection speaks HTTP/1.1 or HTTP/2 over a gate, which holds bytes back
//! directly above the socket. Nothing here looks for anything in an answer.
//!
//! One thread does all of it, so that between two releases nothing else runs, and every time is read from one clock.

mod acknowledged;
mod address;
pub(crate) mod alone;
pub(crate) mod clean_up;
pub(crate) mod connection;
pub(crate) mod dial;
pub(crate) mod exchange;
mod fallback;
mod fault;
mod gate;
pub(crate) mod hosts;
mod http1;
mod http2;
mod lane;
#[cfg(feature = "control")]
mod line;
pub(crate) mod pattern;
pub(crate) mod permission;
pub(crate) mod phases;
mod pipelined;
pub(crate) mod pool;
mod proxy;
pub(crate) mod rate;
pub(crate) mod recording;
mod redirect;
mod release;
pub(crate) mod run;
pub(crate) mod session;
#[cfg(test)]
mod tests;
mod tls;
mod volley;
pub(crate) mod wait;

pub use self::permission::{HostError, address_of, check_host_name, check_hosts};
#[cfg(feature = "control")]
pub(crate) use line::{Line, LineIo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::history::{Phase, Sink};
use crate::identity::Salt;
use crate::scenario::Scenario;

/// The header by which a run through the control's proxy tells the proxy whose request this is, and is told that an answer
/// was swapped. The proxy takes it off in both directions: no target ever sees it.
pub(crate) const MARK: &str = "x-crosswire-control";
/// The value of [`MARK`] on a request whose answer is never swapped.
pub(crate) const LEAVE_ALONE: &str = "-";

/// What to fire at, and with which chance.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// Users, steps, settings, limits.
    pub scenario: &'a Scenario,
    /// How reports name the target: `mail/shared-note`, or its URL.
    pub target_name: String,
    /// Scheme, host and port, optionally a path that is put before every step's path: `http://127.0.0.1:8080`.
    pub base_url: String,
    /// Certificates (PEM) trusted besides the system's and the scenario's own, for `https`.
    pub trusted_pem: Option<String>,
    /// Decides groups, mixes, offsets and arrivals. Over a network it does not decide the server's schedule.
    pub seed: u64,
    /// Salt of the canaries; a new one for every run, so that canaries of an earlier run never count.
    pub salt: Salt,
}

/// Told between exchanges and between volleys, never inside one, how far a run has come.
pub trait Watch {
    /// Something happened.
    fn event(&mut self, event: &Event<'_>);
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A part of the run begins. Rounds count from 1; before the first, 0.
    Phase {
        /// The part.
        phase: Phase,
        /// The round.
        round: u32,
        /// Rounds in all.
        rounds: u32,
    },
    /// A volley has ended.
    Volley {
        /// Number in the run, from 1.
        volley: u32,
        /// Requests in it.
        requests: u32,
        /// Name of the step, or `mixed`.
        step: &'a str,
        /// From the first to the last, microseconds: arrivals on the server's clock when every answer tells its own,
        /// otherwise releases on the client's.
        spread_us: u64,
        /// Which of the two.
        by_server: bool,
    },
    /// A round has ended: everything up to its read-back is recorded.
    Round {
        /// The round, from 1.
        round: u32,
        /// Rounds in all.
        rounds: u32,
    },
}

/// Tells another one.
impl<W: Watch + ?Sized> Watch for &mut W {
    fn event(&mut self, event: &Event<'_>) {
        (**self).event(event);
    }
}

/// Watches nothing.
impl Watch for () {
    fn event(&mut self, _: &Event<'_>) {}
}

/// Asks a run to end after the exchange or volley under way. Clones share one request.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Nanoseconds since the run began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        // 2^64 ns are 584 years.
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Runs the plan and records it into `sink`, on a runtime of its own on the calling thread.
///
/// Whatever goes wrong on the network is part of the record: the last record is always an
/// [`End`](crate::history::End) that says how the run ended.
///
/// # Errors
/// When the sink refuses a record, or the system gives no runtime.
pub fn fire(
    plan: &Plan<'_>,
    sink: &mut dyn Sink,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run::run(plan, sink, watch, stop))
}

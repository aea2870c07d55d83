//! The turnstile: schedules of a service in any language, by holding what it says to its backends.
//!
//! The service reaches its backends (database, cache, upstream) through relays of crosswire's. What a controlled request
//! makes the service send is held there until the search lets it go: a step of a request is one message to a backend, with
//! everything that the service does until it sends the next one or answers. The first step sends the request itself and
//! goes as far as its first message, so a request with m messages has m + 1 steps, and two requests with m each
//! have C(2m + 2, m + 1) schedules.
//!
//! `relay.rs` carries the bytes, `connection.rs` and `board.rs` hold them, `attribution.rs` says whose they are (`framing.rs`
//! where one message ends), `client.rs` sends the controlled requests, `control.rs` makes the moves, `prepare.rs` runs every
//! request alone beforehand (`first.rs` until the service has thrown out what it held before), and `stage.rs` puts an execution together. Sessions, set-up and read-back are the fire engine's.
//!
//! # When a step is over
//!
//! A mover is held as soon as a message of its own is: a handler that awaits its backend sends nothing more before it has
//! the answer. Handlers that talk to several backends at once do; how many messages each request holds after each of its
//! steps is therefore learnt when it runs alone, with time to spare, and so many are waited for. Nothing sleeps for that:
//! each message ends the wait when it comes. A step also ends with the answer, or when nothing has come for
//! `blocked_ms`; then the request counts as blocked until its traffic shows up. Whoever was only slow loses nothing by that:
//! its late message is held in its own name (see `attribution.rs`), and the search sees other moves than before.

mod attribution;
mod board;
mod client;
mod connection;
mod control;
mod first;
mod framing;
mod hall;
mod prepare;
mod relay;
mod restart;
mod stage;
#[cfg(test)]
mod tests;
mod through;
mod words;

pub use hall::Hall;
pub use restart::Waiting;
pub use stage::Turnstile;
pub use through::{Through, ThroughError};

/// What a turnstile needs to know beside the scenario.
#[derive(Clone, Debug, Default)]
pub struct TurnstileOptions {
    /// The backends that are relayed.
    pub through: Vec<Through>,
    /// A shell command that is run before each execution and starts the service anew; it must come back when the old one has
    /// gone, and leave the new one in the background. Users are set up again after it.
    pub restart: Option<String>,
    /// Hosts other than this machine on which backends may be, by name or address.
    pub allowed_hosts: Vec<String>,
}

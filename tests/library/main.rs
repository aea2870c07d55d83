//! crosswire as a dev-dependency: checks of services in this process and elsewhere, as `cargo test` and nextest run them.
//!
//! What belongs where:
//!
//! - `notes`: the service under test, with and without its fault. No tests.
//! - `verdicts`: what comes out of a check.
//! - `panics`: what a test is told when its demand is not met.
//! - `wrong`: checks that cannot be run, and what they say.
//! - `files`: checks from scenario files.
//! - `shop`: the service whose schedules are explored. No tests.
//! - `explorations`: every order of two requests.
//! - `example`: the services of the example are what it says they are.
//! - `elapsed`: histories without times. No tests.
//! - `targets`: URLs, services of several makes, runtimes.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, the functions they share included"
)]

mod elapsed;
mod example;
mod explorations;
mod files;
mod notes;
mod panics;
mod shop;
mod targets;
mod verdicts;
mod wrong;

//! crosswire as a dev-dependency: checks of services in this process and elsewhere, as `cargo test` and nextest run them.
//!
//! What belongs where:
//!
//! - `notes`: the service under test, with and without its fault. No tests.
//! - `verdicts`: what comes out of a check.
//! - `panics`: what a test is told when its demand is not met.
//! - `wrong`: checks that cannot be run, and what they say.
//! - `files`: checks from scenario files.
//! - `targets`: URLs, services of several makes, runtimes.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, the functions they share included"
)]

mod files;
mod notes;
mod panics;
mod targets;
mod verdicts;
mod wrong;

//! Properties that hold for every input, one file per part.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helper functions too"
)]

mod canary;
mod history;
#[cfg(feature = "cli")]
mod import;
mod judge;
mod scenario;
mod step_keys;

//! The explorer on the bundled targets and on small services: how many orders there are, that they are the same each time,
//! and that all engines agree on what a variant does.
//!
//! What belongs where:
//!
//! - `webmail`: the requests that are explored. No tests.
//! - `through`: a variant with its store behind a relay. No tests.
//! - `counts`: as many schedules as there are orders.
//! - `agreement`: model checker, explorer and fire on every bundled variant.
//! - `determinism`: twice the same.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, the functions they share included"
)]

mod agreement;
mod counts;
mod determinism;
#[path = "../library/elapsed.rs"]
mod elapsed;
#[path = "../loom/proven.rs"]
mod proven;
mod through;
mod webmail;

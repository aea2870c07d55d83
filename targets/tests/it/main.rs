//! The targets from outside: every route, what a browser and a JSON client see, restarts, protocols, and a model.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected begins"
)]

mod api;
mod catalogue;
mod client;
mod deployments;
mod explored;
mod model;
mod pages;
mod protocols;
mod readme;
mod remote;
mod restart;

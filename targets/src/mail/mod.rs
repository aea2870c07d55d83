//! The webmail of 22 July 2008, and three ways to repair it.
//!
//! [`note`] holds what differs between the variants, [`service`] the request path that they share.

pub mod delayed;
pub mod deployments;
pub mod http;
pub mod memory;
pub mod note;
mod owners;
pub mod password;
pub mod remote;
pub mod seed;
pub mod service;
pub mod session;
pub mod sqlite;
pub mod stepwise;
pub mod store;
pub mod store_server;
pub mod variant;
mod wire;

pub(crate) use variant::INFO;

//! Model web services, each with a known fault, the repair that looks right and is not, and the right one.
//!
//! A target is started as a value and stops when it is dropped:
//!
//! ```
//! use crosswire_targets::{Options, start};
//!
//! let server = start(Options::new("mail", "per-request"))?;
//! assert!(server.base_url().starts_with("http://127.0.0.1:"));
//! server.stop();
//!
//! let error = start(Options::new("mail", "no-note")).unwrap_err();
//! assert!(error.is_unknown());
//! # Ok::<(), crosswire_targets::StartError>(())
//! ```
//!
//! In reading order: [`mail::note`] and [`mail::service`], the fault and its repairs; [`mail`], the webmail around them;
//! [`targets`], what can be started; [`start`] and [`Server`]; [`explorable`], the same in process. No file here keeps state for
//! the whole process: two servers know nothing of each other.

mod afterwards;
mod buffers;
mod cache;
mod catalogue;
mod certificate;
mod certificates;
mod connections;
mod context;
mod credentials;
mod explored;
mod framing;
mod logins;
pub mod mail;
mod members;
mod options;
mod peer;
mod recycled;
mod replies;
mod server;
mod start_error;
pub mod sync;
mod tenants;

pub use catalogue::{
    ClassInfo, Engine, Expected, Incident, Role, Sees, TargetInfo, Trigger, VariantInfo, explorable,
};
pub use connections::{MAX_CONNECTIONS, MAX_STREAMS, STOP_LIMIT};
pub use explored::Explored;
pub use options::{DEFAULT_USERS, Options, StoreKind};
pub use peer::Peer;
pub use server::{Server, start};
pub use start_error::StartError;

/// All targets, by the number of their class: each is a folder here, and a scenario of its name or one that its entry names.
pub fn targets() -> &'static [TargetInfo] {
    &[
        mail::INFO,
        cache::INFO,
        replies::INFO,
        tenants::INFO,
        recycled::INFO,
        context::INFO,
        certificates::INFO,
        logins::INFO,
        afterwards::INFO,
        buffers::INFO,
        framing::INFO,
        credentials::INFO,
    ]
}

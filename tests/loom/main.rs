//! Model checks of the webmail's request path: the served source files, over the primitives of loom.
//!
//! `mail.rs` includes the very files that the server is built from. They take their primitives from `crate::sync`,
//! which is loom's here, so loom runs them in every order that the memory model allows.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected begins"
)]

mod explore;
mod isolation;
mod mail;
mod mailboxes;
mod proven;
mod sessions;
mod sync;

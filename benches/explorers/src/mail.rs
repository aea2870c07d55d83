//! The webmail's request path, from the server's own source, and the store that awaits before each call.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a model uses part of what the server uses, and these files are public there"
)]

#[path = "../../../targets/src/mail/memory.rs"]
pub mod memory;
#[path = "../../../targets/src/mail/note.rs"]
pub mod note;
#[path = "../../../targets/src/mail/service.rs"]
pub mod service;
#[path = "../../../targets/src/mail/session.rs"]
pub mod session;
#[path = "../../../targets/src/mail/stepwise.rs"]
pub mod stepwise;
#[path = "../../../targets/src/mail/store.rs"]
pub mod store;

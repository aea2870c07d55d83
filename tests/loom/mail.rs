//! The webmail's shared state, from the server's own source.
#![expect(dead_code, reason = "a model uses part of what the server uses")]
#![expect(
    unreachable_pub,
    reason = "these files are public in the server's package"
)]

#[path = "../../targets/src/mail/memory.rs"]
pub mod memory;
#[path = "../../targets/src/mail/note.rs"]
pub mod note;
#[path = "../../targets/src/mail/service.rs"]
pub mod service;
#[path = "../../targets/src/mail/session.rs"]
pub mod session;
#[path = "../../targets/src/mail/store.rs"]
pub mod store;

//! Histories as text: one JSON object a line, append-only within a version.

mod read;
pub(super) mod text_or_base64;
mod write;

pub use read::{LINE_LIMIT, ReadError, Reader, read};
pub use write::Writer;

/// Version of the format. Within a version fields and kinds of records are added only, and a reader passes over those that
/// it does not know; whatever would change the meaning of a known one gets the next number.
pub const HISTORY_VERSION: u32 = 1;

//! Who is under test: users, their canaries, and what must be masked before anything is shown.
//!
//! Nothing here knows HTTP. [`Mint`] makes canaries, [`Finder`] finds every user's canaries at once in any bytes,
//! plain, base64-encoded or inside a compressed body, and [`Redactor`] masks supplied secrets.

mod canary;
mod decode;
mod digest;
mod finder;
mod redact;
mod user;

pub use canary::{CANARY_LEN, Canary, Mint, Salt, SaltError};
pub use decode::{DecodeLimits, Decoded, decode_body};
pub(crate) use digest::digest;
pub use finder::{Finder, Form, Sighting};
pub use redact::Redactor;
pub use user::UserId;

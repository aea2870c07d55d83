//! Reports: a judgement goes in, bytes come out, one file per format.
//!
//! [`Report`] is what every format is made from. Names are looked up and evidence is masked on the way into it, so that
//! no format can show a whole canary or a secret. Nothing here opens a file or knows an exit code.

mod format;
mod json;
mod mask;
mod model;
pub mod telling;
mod terminal;
#[cfg(test)]
mod testing;
pub mod words;

pub use format::{FORMATS, Format};
pub use json::{JsonReport, SCHEMA_VERSION, schema};
pub use model::{Facts, Finding, FindingSide, Report};
pub use terminal::{Look, render_terminal};

//! What every input must hold to, by target: a function takes any bytes and panics when something that crosswire promises
//! does not hold. The fuzz targets in `fuzz/` and `cargo test --test corpus` run the same functions.

mod decoding;
mod drafts;
mod histories;
mod logs;
mod made;
mod reports;
mod scenarios;

pub use decoding::decode_body;
pub use drafts::{curl, har, hurl, openapi};
pub use histories::{history, judge};
pub use logs::audit;
pub use reports::report_json;
pub use scenarios::scenario;

/// What takes an input.
pub type Entry = fn(&[u8]);

/// Every target: the name of its folder of inputs and of its file in `fuzz/fuzz_targets/`, and what it runs.
pub const ALL: [(&str, Entry); 10] = [
    ("audit", audit),
    ("curl", curl),
    ("decode_body", decode_body),
    ("har", har),
    ("history", history),
    ("hurl", hurl),
    ("judge", judge),
    ("openapi", openapi),
    ("report_json", report_json),
    ("scenario", scenario),
];

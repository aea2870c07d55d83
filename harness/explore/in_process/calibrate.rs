//! Finds out at the start which points work with the tokio that is linked.

use std::sync::OnceLock;

/// What works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calibration;

/// Found out once in a process.
pub(super) fn calibration() -> Calibration {
    static FOUND: OnceLock<Calibration> = OnceLock::new();
    *FOUND.get_or_init(|| Calibration)
}

impl Calibration {
    pub(super) fn environment(self) -> &'static str {
        "tokio"
    }

    pub(super) fn sentences(self) -> Vec<String> {
        Vec::new()
    }
}

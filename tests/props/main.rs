//! Properties that hold for every input, one file per part.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helper functions too"
)]

mod canary;
mod day;
mod explore;
mod explored;
mod history;
#[cfg(feature = "cli")]
mod import;
mod judge;
mod model_stage;
mod records;
mod replayed;
mod scenario;
mod step_keys;

use crosswire::judge::{Evidence, Judgement};

/// The judgement without the evidence: a history holds answers masked, and a report masks them anyway.
pub(crate) fn bare(mut judgement: Judgement) -> Judgement {
    for exposure in &mut judgement.exposures {
        let sides = [
            Some(&mut exposure.viewer_side),
            exposure.victim_side.as_mut(),
        ];
        for side in sides.into_iter().flatten() {
            side.evidence = Evidence::default();
        }
    }
    judgement
}

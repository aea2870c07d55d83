//! From a history to exposures, a verdict and its strength: a pure function, without clock, I/O or async.
//!
//! A [`Judge`] is fed records one by one and holds no bodies, so that a run of a million exchanges is judged in bounded
//! memory while it goes on; [`judge`] does the same with a whole history. What counts as an exposure is decided by the
//! [`RULES`], each in a file of its own; the verdict follows from the exposures and from what the run did not do.

mod alone;
mod causes;
mod control;
mod day;
mod evidence;
mod execution;
mod explored;
mod exposure;
mod facts;
mod findings;
mod look;
mod overlap;
mod planted;
mod points;
mod reason;
mod rules;
mod run;
mod shots;
mod spread;
mod strength;
mod threshold;
mod thresholds;
mod tokens;
mod unserved;
mod verdict;
mod world;

pub use day::{DayCounts, DayJudged, DaySlice, PhaseJudged, SLICES_KEPT};
pub use execution::{ExecutionShown, Executions};
pub use explored::Reach;
pub use exposure::{
    Counts, Evidence, Exposure, ExposureKind, POINTS_KEPT, Place, Side, Spread, VolleyPoint,
};
pub use findings::{DISTINCT_COUNTED, EXPOSURES_KEPT};
pub use reason::{Reason, ReasonKind};
pub use rules::{RULES, RuleInfo};
pub use run::{NOTES_KEPT, VOLLEYS_OPEN};
pub use strength::{Strength, upper_bound_95};
pub use threshold::{Comparison, Metric, Threshold};
pub use thresholds::{ThresholdResult, weigh_thresholds};
pub use verdict::{FAILED_SHARE, Judge, Judgement, Verdict, VerdictError, judge};

#[cfg(test)]
mod on_purpose_tests;
#[cfg(test)]
mod overlap_tests;
#[cfg(test)]
mod verdict_tests;

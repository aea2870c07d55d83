//! What a run must have reached besides its verdict.

use super::{Judgement, Metric, Threshold};

/// A threshold and what the run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThresholdResult {
    /// The threshold.
    pub threshold: Threshold,
    /// The metric's value; `None` when the run has none.
    pub value: Option<f64>,
    /// Whether the value keeps to the threshold; a metric without a value keeps to nothing.
    pub holds: bool,
}

/// Holds a judgement against thresholds, in their order.
#[must_use]
pub fn weigh_thresholds(judgement: &Judgement, thresholds: &[Threshold]) -> Vec<ThresholdResult> {
    let result = |threshold: &Threshold| {
        let value = value(judgement, threshold.metric);
        ThresholdResult {
            threshold: *threshold,
            value,
            holds: value.is_some_and(|value| threshold.holds(value)),
        }
    };
    thresholds.iter().map(result).collect()
}

fn value(judgement: &Judgement, metric: Metric) -> Option<f64> {
    let strength = &judgement.strength;
    // Counts lie far below 2^53, up to which f64 is exact.
    let whole = |number: u64| Some(number as f64);
    match metric {
        Metric::Pairs => whole(strength.overlapping_pairs),
        Metric::UpperBound => strength.upper_bound_95,
        Metric::Volleys => whole(strength.volleys),
        Metric::Exchanges => whole(strength.exchanges),
        Metric::Failed => {
            (judgement.fired > 0).then(|| judgement.failed as f64 / judgement.fired as f64)
        }
        Metric::SpreadUs => {
            let main = judgement
                .spread
                .iter()
                .max_by_key(|spread| spread.volleys)?;
            whole(main.p95_us)
        }
        Metric::Rounds => whole(u64::from(strength.rounds)),
        Metric::Seconds => {
            let end = judgement.end.as_ref()?;
            Some(end.elapsed_ns as f64 / 1e9)
        }
        Metric::Exposures => whole(judgement.exposures_total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::testing::*;

    fn weighed(story: &mut Story, text: &str) -> (Option<f64>, bool) {
        let result = weigh_thresholds(&story.judge(), &[text.parse().unwrap()])[0];
        (result.value, result.holds)
    }

    #[test]
    fn every_metric_of_a_run_has_its_value() {
        let mut story = Story::of(3);
        story.volley(vec![
            (0, READ, page(&text(0, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
            (2, READ, answer(500, "", b"")),
        ]);
        for (text, value, holds) in [
            ("pairs >= 1", 1.0, true),
            ("pairs > 1", 1.0, false),
            ("volleys <= 1", 1.0, true),
            ("exchanges < 9", 9.0, false),
            ("failed <= 0.4", 1.0 / 3.0, true),
            ("spread-us < 3", 2.0, true),
            ("rounds >= 1", 1.0, true),
            ("seconds > 1", 1e-9, false),
            ("exposures <= 0", 0.0, true),
        ] {
            assert_eq!(weighed(&mut story, text), (Some(value), holds), "{text}");
        }
    }

    #[test]
    fn a_metric_without_a_value_keeps_to_nothing() {
        for text in ["upper-bound <= 1", "failed <= 1", "spread-us >= 0"] {
            assert_eq!(weighed(&mut Story::of(2), text), (None, false), "{text}");
        }
    }
}

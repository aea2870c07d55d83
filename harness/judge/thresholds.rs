//! What a run must have reached besides its verdict.

use super::world::EXPLORE;
use super::{Judgement, Metric, Threshold};

/// A threshold and what the run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThresholdResult {
    /// The threshold.
    pub threshold: Threshold,
    /// The metric's value; `None` when the run has none.
    pub value: Option<f64>,
    /// Whether the value keeps to the threshold; a metric without a value keeps to nothing, unless it is one of the other
    /// engine: a scenario may be fired and explored, and each keeps to what it can measure.
    pub holds: bool,
}

/// Holds a judgement against thresholds, in their order.
#[must_use]
pub fn weigh_thresholds(judgement: &Judgement, thresholds: &[Threshold]) -> Vec<ThresholdResult> {
    let is_explored = is_explored(judgement);
    let result = |threshold: &Threshold| {
        let metric = threshold.metric;
        let is_measured = if is_explored {
            metric.is_of_explorations()
        } else {
            metric.is_of_volleys()
        };
        let value = value(judgement, metric).filter(|_| is_measured);
        ThresholdResult {
            threshold: *threshold,
            value,
            holds: !is_measured || value.is_some_and(|value| threshold.holds(value)),
        }
    };
    thresholds.iter().map(result).collect()
}

/// Whether schedules were explored, or were to be.
fn is_explored(judgement: &Judgement) -> bool {
    let start = judgement.start.as_ref();
    judgement.strength.reach.is_some() || start.is_some_and(|start| start.engine == EXPLORE)
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
        Metric::Schedules => whole(strength.reach.as_ref()?.schedules),
        Metric::ExposingSchedules => whole(strength.reach.as_ref()?.exposing),
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
    fn explorations_keep_to_what_they_measure() {
        let mut explored = all_schedules();
        explored.coverage = crate::history::Coverage::WithinBound { bound: 1 };
        explored.exposing = 2;
        let mut story = Story::explored();
        let own = |user| (user, READ, page(&text(user, 0, 0)));
        story.execution(vec![], vec![own(0), own(1)]);
        let judgement = story.judge_explored(vec![explored, all_schedules()]);
        for (text, value, holds) in [
            ("schedules >= 12", Some(12.0), true),
            ("schedules > 12", Some(12.0), false),
            ("exposing-schedules <= 1", Some(2.0), false),
            ("exchanges >= 1", Some(6.0), true),
            // Those of firing are not measured here, and break nothing.
            ("pairs >= 1000", None, true),
            ("upper-bound <= 0", None, true),
            ("rounds >= 5", None, true),
        ] {
            let result = weigh_thresholds(&judgement, &[text.parse().unwrap()])[0];
            assert_eq!((result.value, result.holds), (value, holds), "{text}");
        }
        // One that came to nothing keeps to nothing.
        let judgement = Story::explored().judge();
        let result = weigh_thresholds(&judgement, &["schedules >= 0".parse().unwrap()])[0];
        assert_eq!((result.value, result.holds), (None, false));
        // And the other way round.
        assert_eq!(weighed(&mut Story::of(2), "schedules >= 5"), (None, true));
    }

    #[test]
    fn a_metric_without_a_value_keeps_to_nothing() {
        for text in ["upper-bound <= 1", "failed <= 1", "spread-us >= 0"] {
            assert_eq!(weighed(&mut Story::of(2), text), (None, false), "{text}");
        }
    }
}

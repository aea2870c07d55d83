//! What a run must reach, besides its verdict: a metric, a comparison, a number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::choice::{UnknownWord, words};

words! {
    /// What is measured.
    Metric, "metric":
    /// Overlapping pairs of different owners.
    Pairs = "pairs",
    /// Upper bound (95 %) of the share of overlapping pairs that cross, 0 to 1.
    UpperBound = "upper-bound",
    /// Volleys.
    Volleys = "volleys",
    /// Exchanges in all.
    Exchanges = "exchanges",
    /// Share of exchanges in volleys that failed or were refused, 0 to 1.
    Failed = "failed",
    /// 95th percentile of the spread of the strategy that most volleys were released with, microseconds.
    SpreadUs = "spread-us",
    /// Rounds that were finished.
    Rounds = "rounds",
    /// Length of the run, seconds.
    Seconds = "seconds",
    /// Distinct exposures.
    Exposures = "exposures",
    /// Distinct schedules that were run to their end, of all sets of requests together.
    Schedules = "schedules",
    /// Those of them in which an exposure was seen.
    ExposingSchedules = "exposing-schedules",
}

words! {
    /// How a metric is compared.
    Comparison, "comparison":
    /// At least.
    AtLeast = ">=",
    /// At most.
    AtMost = "<=",
    /// More than.
    Above = ">",
    /// Less than.
    Below = "<",
}

impl Metric {
    /// Whether it is measured where schedules are explored.
    #[must_use]
    pub fn is_of_explorations(self) -> bool {
        match self {
            Metric::Schedules | Metric::ExposingSchedules => true,
            Metric::Exchanges | Metric::Failed | Metric::Seconds | Metric::Exposures => true,
            Metric::Pairs
            | Metric::UpperBound
            | Metric::Volleys
            | Metric::SpreadUs
            | Metric::Rounds => false,
        }
    }

    /// Whether it is measured where volleys are fired.
    #[must_use]
    pub fn is_of_volleys(self) -> bool {
        !matches!(self, Metric::Schedules | Metric::ExposingSchedules)
    }
}

/// A metric that must compare so with a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// What is measured.
    pub metric: Metric,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what; finite, not negative.
    pub bound: f64,
}

impl Threshold {
    /// Whether `value` keeps to it.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::AtLeast => value >= self.bound,
            Comparison::AtMost => value <= self.bound,
            Comparison::Above => value > self.bound,
            Comparison::Below => value < self.bound,
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.comparison, self.bound)
    }
}

/// Reads `pairs >= 1000`.
impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Threshold, String> {
        let at = text.find(['<', '>']).ok_or_else(|| {
            format!(
                "`{}`: no comparison; for example `pairs >= 1000`",
                text.escape_debug()
            )
        })?;
        let (metric, rest) = text.split_at(at);
        let signs = rest
            .find(|c| !matches!(c, '<' | '>' | '='))
            .unwrap_or(rest.len());
        let (comparison, bound) = rest.split_at(signs);
        Threshold::of(
            metric
                .trim()
                .parse()
                .map_err(|error: UnknownWord| error.to_string())?,
            &format!("{comparison} {}", bound.trim()),
        )
    }
}

impl Threshold {
    /// Reads the comparison and the number of a metric: `>= 1000`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn of(metric: Metric, text: &str) -> Result<Threshold, String> {
        let text = text.trim();
        let signs = text
            .find(|c| !matches!(c, '<' | '>' | '='))
            .unwrap_or(text.len());
        let (comparison, bound) = text.split_at(signs);
        if comparison.is_empty() {
            return Err(format!(
                "`{}` is no comparison: it begins with one of {}",
                text.escape_debug(),
                Comparison::WORDS.join(", ")
            ));
        }
        let comparison = comparison
            .parse()
            .map_err(|error: UnknownWord| error.to_string())?;
        let bound: f64 = bound
            .trim()
            .parse()
            .ok()
            .filter(|bound: &f64| bound.is_finite() && *bound >= 0.0)
            .ok_or_else(|| format!("`{}` is no number from 0", bound.trim().escape_debug()))?;
        Ok(Threshold {
            metric,
            comparison,
            bound,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_reads_back_as_it_is_shown() {
        for text in [
            "pairs >= 1000",
            "upper-bound <= 0.001",
            "failed < 0.5",
            "seconds > 0",
        ] {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!(threshold.to_string(), text);
        }
        assert_eq!("pairs>=5".parse::<Threshold>().unwrap().bound, 5.0);
        for wrong in [
            "pairs",
            "pairs >= x",
            "pears >= 1",
            "pairs => 1",
            "pairs >= -1",
            "pairs >= inf",
            ">= 1",
        ] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn both_ends_are_told_apart() {
        let holds = |text: &str, value| text.parse::<Threshold>().unwrap().holds(value);
        assert!(holds("pairs >= 5", 5.0) && !holds("pairs > 5", 5.0));
        assert!(holds("pairs <= 5", 5.0) && !holds("pairs < 5", 5.0));
    }
}

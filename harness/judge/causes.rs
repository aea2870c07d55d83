//! Why exchanges failed, most often: a reason that only counts them leaves its reader to guess.

use std::collections::BTreeMap;

use crate::history::{Exchange, Outcome};

/// Causes that are told apart, at most; further ones are counted nowhere.
const CAUSES_KEPT: usize = 64;

/// How often each cause was met.
#[derive(Clone, Debug, Default)]
pub(super) struct Causes(BTreeMap<String, u64>);

impl Causes {
    /// Takes an exchange that failed or was refused.
    pub(super) fn take(&mut self, exchange: &Exchange) {
        let cause = match &exchange.outcome {
            Outcome::Failed { why, .. } => why.clone(),
            Outcome::Answer { status, .. } if exchange.refused => {
                format!("it was answered {status}, not as its step expects")
            }
            Outcome::Answer { status, .. } => format!("it was answered {status}"),
        };
        if self.0.len() < CAUSES_KEPT || self.0.contains_key(&cause) {
            *self.0.entry(cause).or_default() += 1;
        }
    }

    /// The most frequent one; of several, the first in alphabetical order.
    pub(super) fn most_frequent(&self) -> Option<&str> {
        let first = self.0.iter().rev().max_by_key(|(_, times)| **times);
        first.map(|(cause, _)| cause.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::testing::{answer, exchange};

    #[test]
    fn the_most_frequent_cause_is_told() {
        let mut causes = Causes::default();
        assert_eq!(causes.most_frequent(), None);
        let mut failed = exchange(0, 1, 1);
        for n in 0..CAUSES_KEPT * 2 {
            failed.outcome = Outcome::Failed {
                why: format!("why {n}"),
                partial: bytes::Bytes::new(),
            };
            causes.take(&failed);
        }
        assert_eq!(causes.0.len(), CAUSES_KEPT);
        assert_eq!(causes.most_frequent(), Some("why 0"));
        let mut causes = Causes::default();
        causes.take(&failed);
        failed.outcome = answer(401, "", b"");
        causes.take(&failed);
        causes.take(&failed);
        assert_eq!(causes.most_frequent(), Some("it was answered 401"));
        failed.refused = true;
        (0..3).for_each(|_| causes.take(&failed));
        let told = causes.most_frequent();
        assert_eq!(told, Some("it was answered 401, not as its step expects"));
    }
}

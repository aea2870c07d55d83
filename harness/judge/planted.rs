//! What a planted-exposure control proves.

use std::fmt;

use crate::history::ControlResult;

impl ControlResult {
    /// True when answers were swapped and none was recognised: the scenario would not see an exposure, and a clean result of
    /// it is worth nothing.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.swapped > 0 && self.recognised == 0
    }
}

/// What it proves, in one sentence.
///
/// ```
/// use crosswire::history::ControlResult;
///
/// let result = ControlResult { swapped: 12, recognised: 11 };
/// assert_eq!(result.to_string(), "control: 12 answers were swapped on purpose, 11 were recognised");
/// let blind = ControlResult { swapped: 12, recognised: 0 };
/// assert!(blind.is_blind() && blind.to_string().ends_with("a clean result of it is worth nothing"));
/// ```
impl fmt::Display for ControlResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let swapped = match self.swapped {
            0 => {
                return f.write_str(
                    "control: no answer was swapped, since no two users had answers of 2xx with a body in its volleys; \
                     whether this scenario would see an exposure is not known",
                );
            }
            1 => "1 answer was".to_owned(),
            more => format!("{more} answers were"),
        };
        write!(f, "control: {swapped} swapped on purpose, ")?;
        match self.recognised {
            0 => f.write_str(
                "none was recognised: this scenario would not see an exposure; a clean result of it is worth nothing",
            ),
            1 => f.write_str("1 was recognised"),
            more => write!(f, "{more} were recognised"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Record, Sink as _, Writer, read};
    use crate::identity::Redactor;
    use crate::judge::rules::testing::{READ, Story, page, text};
    use crate::judge::{Judgement, Verdict};

    fn told(swapped: u64, recognised: u64) -> String {
        ControlResult {
            swapped,
            recognised,
        }
        .to_string()
    }

    #[test]
    fn numbers_are_told_in_words() {
        let beginnings = [
            (0, 0, "control: no answer was swapped"),
            (
                1,
                1,
                "control: 1 answer was swapped on purpose, 1 was recognised",
            ),
            (
                3,
                2,
                "control: 3 answers were swapped on purpose, 2 were recognised",
            ),
            (
                3,
                0,
                "control: 3 answers were swapped on purpose, none was recognised",
            ),
        ];
        for (swapped, recognised, beginning) in beginnings {
            let told = told(swapped, recognised);
            assert!(told.starts_with(beginning), "{told}");
        }
    }

    /// A clean story, with this control at its beginning.
    fn judged(swapped: u64, recognised: u64) -> Judgement {
        let mut story = Story::of(3);
        let own = |user| (user, READ, page(&text(user, 0, 0)));
        story.volley((0..3).map(own).collect());
        story.judge();
        let result = ControlResult {
            swapped,
            recognised,
        };
        story.records.insert(1, Record::Control(result));
        // As stored and read again.
        let mut writer = Writer::new(Vec::new(), Redactor::default());
        story
            .records
            .iter()
            .for_each(|record| writer.take(record).unwrap());
        crate::judge::judge(read(&writer.into_inner()[..]).unwrap())
    }

    #[test]
    fn a_blind_control_makes_a_clean_result_worthless() {
        for (swapped, recognised, verdict) in [
            (0, 0, Verdict::Isolated),
            (5, 5, Verdict::Isolated),
            (5, 1, Verdict::Isolated),
            (5, 0, Verdict::Inconclusive),
        ] {
            let judgement = judged(swapped, recognised);
            assert_eq!(judgement.verdict, verdict, "{:?}", judgement.reasons);
            let is_told = |texts: &[String]| texts.contains(&told(swapped, recognised));
            let is_isolated = verdict == Verdict::Isolated;
            assert_eq!(is_told(&judgement.notes), is_isolated, "{judgement:?}");
            assert_eq!(is_told(&judgement.reasons), !is_isolated, "{judgement:?}");
        }
    }
}

//! What a planted-exposure control proves.

use std::fmt;

use crate::history::ControlRun;

impl ControlRun {
    /// True when none of the swapped answers was recognised, or none could be swapped: nothing shows that the scenario would
    /// see an exposure, and a clean result of it is worth nothing.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.recognised == 0
    }
}

/// What it proves, in one sentence.
///
/// ```
/// use crosswire::history::ControlRun;
///
/// let result = ControlRun { swapped: 12, recognised: 11 };
/// assert_eq!(result.to_string(), "control: 12 answers were swapped on purpose, 11 were recognised");
/// let blind = ControlRun { swapped: 12, recognised: 0 };
/// assert!(blind.is_blind() && blind.to_string().ends_with("a clean result of it is worth nothing"));
/// ```
impl fmt::Display for ControlRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let swapped = match self.swapped {
            0 => {
                return f.write_str(
                    "control: no answer was swapped, since no two users had answers of 2xx with a body in its volleys; \
                     nothing shows that this scenario would see an exposure",
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

    #[test]
    fn numbers_are_told_in_words() {
        for (swapped, recognised, part, is_blind) in [
            (0, 0, "no answer was swapped", true),
            (
                1,
                1,
                "1 answer was swapped on purpose, 1 was recognised",
                false,
            ),
            (
                3,
                2,
                "3 answers were swapped on purpose, 2 were recognised",
                false,
            ),
            (2, 0, "a clean result of it is worth nothing", true),
            (3, 0, "a clean result of it is worth nothing", true),
        ] {
            let run = ControlRun {
                swapped,
                recognised,
            };
            assert!(run.to_string().contains(part), "{run}");
            assert_eq!(run.is_blind(), is_blind, "{run}");
        }
    }
}

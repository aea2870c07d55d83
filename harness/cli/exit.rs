//! What the command's exit code means, and how one follows from a run.

use std::fmt;

use crosswire::history::{Cause, Ending};
use crosswire::judge::Verdict;
use crosswire::report::Report;

/// The verdict was the expected one.
pub(crate) const AS_EXPECTED: u8 = 0;
/// An exposure was found though none was expected.
pub(crate) const EXPOSED: u8 = 1;
/// The command line or a scenario is wrong, or a file could not be read or written.
pub(crate) const USAGE: u8 = 2;
/// The target could not be reached, or a log-in failed, and nothing was found before.
pub(crate) const UNREACHABLE: u8 = 3;
/// The run is worth too little for a verdict.
pub(crate) const INCONCLUSIVE: u8 = 4;
/// The verdict is as expected, but a threshold is broken.
pub(crate) const THRESHOLD: u8 = 5;
/// Isolated, though something else was expected, such as an exposure that did not show.
pub(crate) const NOT_SHOWN: u8 = 6;
/// The user interrupted; what had been recorded is reported all the same.
pub(crate) const INTERRUPTED: u8 = 130;

/// Every code with its meaning, in the words of the help, the man page and the README.
pub(crate) const MEANINGS: [(u8, &str); 8] = [
    (
        AS_EXPECTED,
        "the verdict is the expected one (isolated, unless the scenario or --expect says otherwise)",
    ),
    (EXPOSED, "exposed, though it was not expected"),
    (
        USAGE,
        "wrong usage, wrong scenario, or a file that cannot be read or written",
    ),
    (UNREACHABLE, "the target is unreachable or a log-in failed"),
    (
        INCONCLUSIVE,
        "inconclusive: the run is worth too little for a verdict",
    ),
    (
        THRESHOLD,
        "the verdict is the expected one, but a threshold is broken",
    ),
    (NOT_SHOWN, "isolated, though something else was expected"),
    (
        INTERRUPTED,
        "interrupted; what was recorded until then is kept and reported",
    ),
];

/// Codes from the one that wins to the one that yields, for a command that runs several scenarios. An exposure comes
/// before a target that was away: the first is a fact about the service, the second may pass when tried again.
const PRECEDENCE: [u8; 8] = [
    INTERRUPTED,
    USAGE,
    EXPOSED,
    NOT_SHOWN,
    UNREACHABLE,
    INCONCLUSIVE,
    THRESHOLD,
    AS_EXPECTED,
];

/// The code of one run.
///
/// `ending` is absent for a stored history that stops without an end record; its verdict then decides alone.
pub(crate) fn code(verdict: Verdict, ending: Option<&Ending>, expected: Verdict) -> u8 {
    match (ending, verdict) {
        (Some(Ending::Interrupted), _) => INTERRUPTED,
        (
            Some(Ending::Failed {
                cause: Cause::Unreachable | Cause::LogIn,
                ..
            }),
            Verdict::Isolated | Verdict::Inconclusive,
        ) => UNREACHABLE,
        _ if verdict == expected => AS_EXPECTED,
        (_, Verdict::Exposed) => EXPOSED,
        (_, Verdict::Inconclusive) => INCONCLUSIVE,
        (_, Verdict::Isolated) => NOT_SHOWN,
    }
}

/// The code of a reported run: that of its verdict, or of its thresholds when the verdict is as expected.
pub(crate) fn code_of(report: &Report) -> u8 {
    let code = code(report.verdict, report.ending.as_ref(), report.expected);
    let is_broken = report.thresholds.iter().any(|result| !result.holds);
    if code == AS_EXPECTED && is_broken {
        return THRESHOLD;
    }
    code
}

/// The code of several runs: the one that wins.
pub(crate) fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    let rank = |code: &u8| PRECEDENCE.iter().position(|p| p == code);
    codes
        .into_iter()
        .min_by_key(|code| rank(code))
        .unwrap_or(AS_EXPECTED)
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Exit code.
    pub(crate) code: u8,
    /// What went wrong, for people; may have several lines.
    pub(crate) message: String,
}

impl Failure {
    /// Wrong usage, wrong scenario, unusable file.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            message: message.into(),
        }
    }

    /// A target that cannot be had.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self {
            code: UNREACHABLE,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Exposed, Inconclusive, Isolated};

    /// Expected: isolated, exposed, inconclusive.
    const EXPECTED: [Verdict; 3] = [Isolated, Exposed, Inconclusive];

    #[test]
    fn the_code_follows_from_verdict_ending_and_expectation() {
        let failed = |cause| Ending::Failed {
            why: "x".into(),
            cause,
        };
        let limit = Ending::Limit {
            limit: "duration".into(),
        };
        let table: [(Verdict, Option<Ending>, [u8; 3]); 15] = [
            (Isolated, Some(Ending::Completed), [0, 6, 6]),
            (Exposed, Some(Ending::Completed), [1, 0, 1]),
            (Inconclusive, Some(Ending::Completed), [4, 4, 0]),
            (Isolated, Some(limit.clone()), [0, 6, 6]),
            (Exposed, Some(limit.clone()), [1, 0, 1]),
            (Inconclusive, Some(limit), [4, 4, 0]),
            (Isolated, None, [0, 6, 6]),
            (Exposed, None, [1, 0, 1]),
            (Inconclusive, None, [4, 4, 0]),
            (Exposed, Some(Ending::Interrupted), [130, 130, 130]),
            (Inconclusive, Some(Ending::Interrupted), [130, 130, 130]),
            (Inconclusive, Some(failed(Cause::LogIn)), [3, 3, 3]),
            (Inconclusive, Some(failed(Cause::Unreachable)), [3, 3, 3]),
            // The target is there; it is the scenario, or the service, that does not do what was expected.
            (Inconclusive, Some(failed(Cause::Step)), [4, 4, 0]),
            // What was found before the target died stays found.
            (Exposed, Some(failed(Cause::Unreachable)), [1, 0, 1]),
        ];
        for (verdict, ending, codes) in table {
            for (expected, want) in EXPECTED.into_iter().zip(codes) {
                assert_eq!(
                    code(verdict, ending.as_ref(), expected),
                    want,
                    "{verdict:?}, {ending:?}, expected {expected:?}"
                );
            }
        }
    }

    #[test]
    fn of_several_codes_the_gravest_wins() {
        assert_eq!(worst([]), AS_EXPECTED);
        assert_eq!(worst([AS_EXPECTED, INCONCLUSIVE]), INCONCLUSIVE);
        assert_eq!(worst([UNREACHABLE, EXPOSED, INCONCLUSIVE]), EXPOSED);
        assert_eq!(worst([NOT_SHOWN, UNREACHABLE]), NOT_SHOWN);
        assert_eq!(worst([EXPOSED, INTERRUPTED]), INTERRUPTED);
    }

    #[test]
    fn every_code_has_a_meaning_and_a_rank() {
        let mut ranked = PRECEDENCE;
        ranked.sort_unstable();
        assert_eq!(MEANINGS.map(|(code, _)| code), ranked);
    }
}

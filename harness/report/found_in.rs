//! What it took to find something: nothing but requests one after the other, or a race, and whose.

use std::collections::BTreeMap;
use std::fmt;

use super::{Finding, Report};
use crate::history::Phase;

/// What it took until a finding was first seen. The first three are the sequential parts of a run: no request of a scenario
/// was to meet another one before, so whatever is found there needs no race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FoundIn {
    /// Users logged in and prepared, one request at a time.
    SetUp,
    /// Each user acted alone.
    Alone,
    /// Users acted one after the other, and what is theirs was read back.
    Sequence,
    /// Requests of one user overlapped: a log-out beside that user's own slow request. No other user is needed.
    OwnRace,
    /// Requests of several users overlapped.
    Race,
}

impl FoundIn {
    /// Whether requests had to meet, be they of one user.
    ///
    /// ```
    /// use crosswire::report::FoundIn;
    ///
    /// assert!(!FoundIn::Sequence.takes_race());
    /// assert!(FoundIn::OwnRace.takes_race());
    /// ```
    #[must_use]
    pub fn takes_race(self) -> bool {
        matches!(self, FoundIn::OwnRace | FoundIn::Race)
    }
}

impl fmt::Display for FoundIn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            FoundIn::SetUp => "set-up",
            FoundIn::Alone => "each alone",
            FoundIn::Sequence => "in sequence",
            FoundIn::OwnRace => "own race",
            FoundIn::Race => "race",
        })
    }
}

/// Whether no requests had met until then: round 0 comes before all others, each begins with what users prepare, and what is
/// asked alone is asked before anything is raced, whatever an exploration counts as its round; but for what is asked again.
fn is_before_races(phase: Phase, round: u32) -> bool {
    match phase {
        Phase::Setup => round <= 1,
        Phase::Solo => true,
        Phase::Sequence | Phase::ReadBack | Phase::CleanUp => round == 0,
        Phase::Volley => false,
    }
}

impl Finding {
    /// What it took to find it. Of an exploration the shortest schedule that shows it counts.
    #[must_use]
    pub fn found_in(&self) -> FoundIn {
        if !self.asked_again && is_before_races(self.phase, self.round) {
            return match self.phase {
                Phase::Setup => FoundIn::SetUp,
                Phase::Solo => FoundIn::Alone,
                _ => FoundIn::Sequence,
            };
        }
        match &self.shown_by {
            Some(shown_by) if !shown_by.is_interleaved() => FoundIn::Sequence,
            _ if self.viewer == self.victim => FoundIn::OwnRace,
            _ => FoundIn::Race,
        }
    }
}

impl Report {
    /// What the kept findings took, with how many took it.
    #[must_use]
    pub fn found_in(&self) -> BTreeMap<FoundIn, u64> {
        let mut found = BTreeMap::new();
        for finding in &self.findings {
            *found.entry(finding.found_in()).or_default() += 1;
        }
        found
    }

    /// Whether every kept finding took a race, be it of one user's own requests.
    #[must_use]
    pub fn takes_race(&self) -> bool {
        self.found_in().into_keys().all(FoundIn::takes_race)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ShownBy;
    use super::super::testing::all;
    use super::*;

    fn finding(phase: Phase, round: u32) -> Finding {
        let mut finding = all()["exposed"].findings[0].clone();
        (finding.phase, finding.round) = (phase, round);
        finding
    }

    #[test]
    fn what_comes_before_the_first_volley_needs_no_race_and_the_rest_does() {
        for (phase, round, found_in) in [
            (Phase::Setup, 0, FoundIn::SetUp),
            (Phase::Setup, 1, FoundIn::SetUp),
            // The round before has raced.
            (Phase::Setup, 2, FoundIn::Race),
            (Phase::Solo, 0, FoundIn::Alone),
            // Explorations count rounds otherwise.
            (Phase::Solo, 9, FoundIn::Alone),
            (Phase::Sequence, 0, FoundIn::Sequence),
            (Phase::ReadBack, 0, FoundIn::Sequence),
            (Phase::ReadBack, 1, FoundIn::Race),
            (Phase::Volley, 1, FoundIn::Race),
            (Phase::CleanUp, 1, FoundIn::Race),
        ] {
            let found = finding(phase, round).found_in();
            assert_eq!(found, found_in, "{phase:?}, round {round}");
        }
    }

    #[test]
    fn what_shows_when_all_ask_alone_once_more_may_have_taken_a_race_before() {
        let mut finding = finding(Phase::Solo, 9);
        finding.asked_again = true;
        assert_eq!(finding.found_in(), FoundIn::Race);
    }

    #[test]
    fn a_race_of_a_user_with_itself_is_a_race_of_its_own() {
        let mut finding = finding(Phase::Volley, 3);
        finding.victim = finding.viewer.clone();
        assert_eq!(finding.found_in(), FoundIn::OwnRace);
        finding.phase = Phase::CleanUp;
        assert_eq!(finding.found_in(), FoundIn::OwnRace);
        (finding.phase, finding.round) = (Phase::Sequence, 0);
        assert_eq!(finding.found_in(), FoundIn::Sequence);
    }

    #[test]
    fn of_an_exploration_the_schedule_says_whether_requests_met() {
        let mut finding = finding(Phase::Volley, 1);
        let mut shown_by = |schedule: &str| {
            finding.shown_by = Some(ShownBy {
                schedule: schedule.parse().unwrap(),
                preemptions: 0,
                replay: String::new(),
            });
            finding.found_in()
        };
        assert_eq!(shown_by("R1*3,R2*4"), FoundIn::Sequence);
        assert_eq!(shown_by("R1,R2*4,R1"), FoundIn::Race);
        // A schedule that was not kept says nothing: it was in a race.
        finding.shown_by = None;
        assert_eq!(finding.found_in(), FoundIn::Race);
    }

    #[test]
    fn a_report_takes_a_race_when_each_finding_does() {
        let mut report = all()["exposed"].clone();
        report.findings.truncate(2);
        let [first, second] = &mut report.findings[..] else {
            panic!("two findings");
        };
        (first.phase, first.round) = (Phase::Volley, 2);
        (second.phase, second.round) = (Phase::Volley, 2);
        second.victim = second.viewer.clone();
        assert!(report.takes_race());
        let both = [(FoundIn::OwnRace, 1), (FoundIn::Race, 1)];
        assert_eq!(report.found_in(), BTreeMap::from(both));
        report.findings[0].phase = Phase::Solo;
        report.findings[0].round = 0;
        assert!(!report.takes_race());
    }

    #[test]
    fn people_and_machines_are_told_it() {
        use crate::report::{JsonReport, telling::takes};

        let mut report = all()["exposed"].clone();
        report.findings.truncate(2);
        let mut told = |places: [(Phase, u32, bool); 2]| {
            for (finding, (phase, round, is_own)) in report.findings.iter_mut().zip(places) {
                (finding.phase, finding.round) = (phase, round);
                finding.victim = match is_own {
                    true => finding.viewer.clone(),
                    false => format!("{}'s neighbour", finding.viewer),
                };
            }
            let json = serde_json::to_value(JsonReport::from(&report)).unwrap();
            let in_json = |at: usize| json["exposures"][at]["found_in"].clone();
            (takes(&report), [in_json(0), in_json(1)])
        };
        let (alone, race) = ((Phase::Solo, 0, false), (Phase::Volley, 1, false));
        let own = (Phase::Volley, 1, true);
        for (places, text, json) in [
            ([alone, alone], "it needs no race", ["alone", "alone"]),
            ([alone, race], "some need no race", ["alone", "race"]),
            (
                [own, own],
                "it takes requests of one user that overlap, and nobody else",
                ["own-race", "own-race"],
            ),
            (
                [race, own],
                "it takes requests that overlap, some of them of one user alone",
                ["race", "own-race"],
            ),
            (
                [race, race],
                "it takes requests that overlap",
                ["race", "race"],
            ),
        ] {
            assert_eq!(told(places), (text, json.map(serde_json::Value::from)));
        }
    }
}

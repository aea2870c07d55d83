//! What every format is made from: a judgement with names instead of indices, and with its evidence masked.

use std::collections::BTreeMap;

use super::day::{DayInCi, ReplayedDay};
use super::evidence::Evidence;
use super::exploration::{Exploration, ShortestSchedule, ShownBy, TestOf};
use crate::history::{Ending, Phase};
use crate::identity::Redactor;
use crate::judge::Threshold;
use crate::judge::ThresholdResult;
use crate::judge::{Counts, ExposureKind, Reason, Spread, Strength, Verdict, VolleyPoint};

/// What a report says besides the judgement.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The verdict that counts as success.
    pub expected: Verdict,
    /// The command that runs the same again, ready to be pasted into a shell.
    pub replay: Option<String>,
    /// Masks the secrets that the user supplied, should one have got into a text that is shown.
    pub redactor: &'a Redactor,
    /// The scenario's file, as the user names it; absent for a shipped scenario.
    pub scenario_path: Option<String>,
    /// The file that will hold the JSON report, as the user names it: `crosswire replay FILE#ID` finds a finding there.
    pub stored_as: Option<String>,
    /// What the run must have reached besides its verdict.
    pub thresholds: &'a [Threshold],
    /// What a run beforehand would have found, when a day was replayed.
    pub day_in_ci: Option<DayInCi>,
    /// Writes the test that runs a schedule again; absent unless the library explored.
    pub test_of: Option<TestOf<'a>>,
}

impl<'a> Facts<'a> {
    /// The facts that every report has; what else is known is set in the fields.
    #[must_use]
    pub fn new(expected: Verdict, redactor: &'a Redactor) -> Facts<'a> {
        Facts {
            expected,
            replay: None,
            redactor,
            scenario_path: None,
            stored_as: None,
            thresholds: &[],
            day_in_ci: None,
            test_of: None,
        }
    }
}

/// A run as it is reported. Everything in it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Version of crosswire that recorded the run.
    pub crosswire_version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// The scenario's file, as the user names it; absent for a shipped scenario.
    pub scenario_path: Option<String>,
    /// What was tested, as the user names it.
    pub target: String,
    /// Where the requests went.
    pub url: String,
    /// Engine that ran.
    pub engine: String,
    /// Seed of everything chosen by chance.
    pub seed: u64,
    /// How many users took part.
    pub users: u64,
    /// The steps of the scenario.
    pub steps: Vec<Step>,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict that counts as success.
    pub expected: Verdict,
    /// Why the verdict is what it is.
    pub reasons: Vec<Reason>,
    /// What a clean result is worth. What weakens it is in [`Report::notes`].
    pub strength: Strength,
    /// Overlapping pairs of different owners below which a clean run is inconclusive.
    pub min_overlaps: u64,
    /// The findings, the most telling one first.
    pub findings: Vec<Finding>,
    /// How many findings there are, those beyond the kept ones included.
    pub findings_total: u64,
    /// The rules that found something.
    pub rules: Vec<Rule>,
    /// Sums over all findings.
    pub counts: Counts,
    /// How tightly the volleys arrived, by strategy.
    pub spread: Vec<Spread>,
    /// The volleys, or an even selection of them.
    pub points: Vec<VolleyPoint>,
    /// The explorations of schedules, one for each set of requests; empty when there were none.
    pub explored: Vec<Exploration>,
    /// The day that was replayed, when there was one.
    pub day: Option<ReplayedDay>,
    /// What else a reader should know, a sentence each.
    pub notes: Vec<String>,
    /// What the run must have reached besides its verdict, and what it came to.
    pub thresholds: Vec<ThresholdResult>,
    /// How the run ended, when its history says so.
    pub ending: Option<Ending>,
    /// Length of the run, nanoseconds; 0 when unknown.
    pub elapsed_ns: u64,
    /// The command that runs the same again.
    pub replay: Option<String>,
    /// The file that holds this report as JSON, when there is one.
    pub stored_as: Option<String>,
}

/// A step of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Line of the scenario's file on which it begins, from 1; 0 when unknown.
    pub line: u64,
}

/// A rule of the judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable name; `crosswire explain NAME` tells more.
    pub id: String,
    /// What an exposure of this rule is, in a few words.
    pub title: String,
    /// What it is evidence for, and where to look for the cause.
    pub help: String,
}

/// One exposure as it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable across runs of the same scenario with the same users.
    pub id: String,
    /// Id of the rule that found it; [`Report::rules`] says more.
    pub rule: String,
    /// What crossed over.
    pub kind: ExposureKind,
    /// Name of the user who received or acted.
    pub viewer: String,
    /// Name of the user whose data it was.
    pub victim: String,
    /// Name of the step.
    pub step: String,
    /// Line of the scenario's file on which the step begins, from 1; 0 when unknown.
    pub line: u64,
    /// Name of the slot whose canary crossed, when one did.
    pub slot: Option<String>,
    /// Where in the exchange.
    pub place: String,
    /// The canary, masked: its last four characters, which are a checksum. Of a learnt value only its length.
    pub evidence: Option<String>,
    /// Part of the run in which it was first seen.
    pub phase: Phase,
    /// Round in which it was first seen; 0 before the first.
    pub round: u32,
    /// How many exchanges showed it.
    pub times_seen: u64,
    /// The viewer's exchange.
    pub viewer_side: FindingSide,
    /// The victim's exchange under way at the same time, when the history has one.
    pub victim_side: Option<FindingSide>,
    /// The schedule that shows it, when it was found by an exploration.
    pub shown_by: Option<ShownBy>,
    /// Whether it was first seen when every user asked alone once more, after all rounds: what was learnt is asked for then.
    pub asked_again: bool,
}

/// One user's exchange as it is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingSide {
    /// Number of the exchange in the history.
    pub exchange: u64,
    /// Name of the step.
    pub step: String,
    /// Method and path.
    pub request: String,
    /// Status of the answer, when there was one.
    pub status: Option<u16>,
    /// When the request left, nanoseconds since the run began.
    pub sent_ns: u64,
    /// When it was over, nanoseconds since the run began.
    pub done_ns: u64,
    /// Arrival on the server's clock, microseconds, when it tells.
    pub arrived_us: Option<u64>,
    /// Place in the order in which requests wrote the server's memo, when it tells.
    pub order: Option<u64>,
    /// What the answer held, masked.
    pub evidence: Evidence,
}

impl Report {
    /// Whether the verdict is the expected one.
    #[must_use]
    pub fn as_expected(&self) -> bool {
        self.verdict == self.expected
    }

    /// The spread of the strategy that most volleys were released with.
    #[must_use]
    pub fn main_spread(&self) -> Option<&Spread> {
        self.spread.iter().max_by_key(|spread| spread.volleys)
    }

    /// How many findings were first seen in each part of the run.
    #[must_use]
    pub fn by_phase(&self) -> BTreeMap<Phase, u64> {
        let mut phases = BTreeMap::new();
        for finding in &self.findings {
            *phases.entry(finding.phase).or_default() += 1;
        }
        phases
    }

    /// Whether schedules were explored, or were to be: the run may have ended before the first one.
    #[must_use]
    pub fn is_exploration(&self) -> bool {
        self.strength.reach.is_some() || self.engine == "explore"
    }

    /// The command that runs that schedule of an exploration again; `None` when the run's is not known.
    #[must_use]
    pub fn replay_of_schedule(&self, line: &str) -> Option<String> {
        self.replay.as_deref().map(|run| schedule_again(run, line))
    }

    /// The exploration that found it, and the shortest schedule that shows it.
    #[must_use]
    pub fn schedule_of(&self, finding: &Finding) -> Option<(&Exploration, &ShortestSchedule)> {
        let shown_by = finding.shown_by.as_ref()?;
        let all = self.explored.iter();
        let mut all = all.flat_map(|one| one.found.iter().map(move |found| (one, found)));
        all.find(|(_, found)| {
            found.replay == shown_by.replay && found.exposures.contains(&finding.id)
        })
    }

    /// The rule of a finding.
    #[must_use]
    pub fn rule(&self, finding: &Finding) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == finding.rule)
    }

    /// The command that runs a finding again: the schedule that shows it, if there is one; otherwise by itself when the JSON
    /// report is stored, and else with its whole run; `None` when neither is known.
    #[must_use]
    pub fn replay_of(&self, finding: &Finding) -> Option<String> {
        if let (Some(shown_by), Some(run)) = (&finding.shown_by, &self.replay) {
            return Some(schedule_again(run, &shown_by.replay));
        }
        match &self.stored_as {
            Some(file) => Some(format!(
                "crosswire replay {}",
                quoted(&format!("{file}#{}", finding.id))
            )),
            None => self.replay.clone(),
        }
    }
}

/// The command of a whole exploration with the line of one schedule.
fn schedule_again(run: &str, line: &str) -> String {
    const OPTION: &str = " --schedule ";
    let whole = run.split_once(OPTION).map_or(run, |(whole, _)| whole);
    format!("{whole}{OPTION}{}", quoted(line))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/#@%+=:,".contains(c);
    if word.chars().all(is_plain) && !word.starts_with('#') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The order in which findings are told: those that need no race, then what was changed, then one session for two, then
/// what was read; the frequent before the rare; the id settles the rest.
pub(super) fn telling(finding: &Finding) -> (bool, u8, std::cmp::Reverse<u64>, &str) {
    let kind = match finding.kind {
        ExposureKind::Write => 0,
        ExposureKind::Session => 1,
        ExposureKind::Read => 2,
    };
    (
        finding.found_in().takes_race(),
        kind,
        std::cmp::Reverse(finding.times_seen),
        &finding.id,
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::all;

    #[test]
    fn a_finding_of_an_exploration_is_run_again_by_its_schedule() {
        let mut report = all()["explored-exposed"].clone();
        let finding = report.findings[0].clone();
        let line = "--schedule 'xw1:1f2e3d4c:tokio-permit-first:R1*2,R2*2,R1,B,R1,R2'";
        let again = format!("crosswire explore ./notes.toml --preemptions 2 {line}");
        assert_eq!(report.replay_of(&finding).as_ref(), Some(&again));
        // As it is the command of a run that was one already.
        report.replay = Some(format!(
            "crosswire explore ./notes.toml --preemptions 2 {line}"
        ));
        assert_eq!(report.replay_of(&finding).as_ref(), Some(&again));
        let (one, shortest) = report.schedule_of(&finding).unwrap();
        assert_eq!((one.schedules, shortest.preemptions), (70, 1));
        assert!(
            shortest
                .test
                .as_ref()
                .unwrap()
                .contains(".bearer(\"[secret]\")\n")
        );
    }

    #[test]
    fn a_finding_is_run_again_by_itself_when_it_is_stored() {
        let mut report = all()["exposed"].clone();
        let finding = report.findings[0].clone();
        report.stored_as = None;
        assert_eq!(report.replay_of(&finding), report.replay);
        report.stored_as = Some("out/report.json".into());
        assert_eq!(
            report.replay_of(&finding).unwrap(),
            format!("crosswire replay out/report.json#{}", finding.id)
        );
        report.stored_as = Some("my report's.json".into());
        assert_eq!(
            report.replay_of(&finding).unwrap(),
            format!(r"crosswire replay 'my report'\''s.json#{}'", finding.id)
        );
    }
}

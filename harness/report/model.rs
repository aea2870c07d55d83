//! What every format is made from: a judgement with names instead of indices, and with its evidence masked.

use std::collections::BTreeMap;

use super::mask::{Mask, masked_canary};
use crate::history::{Ending, Phase, Start};
use crate::identity::{Redactor, UserId};
use crate::judge::{
    Counts, Exposure, ExposureKind, Judgement, RULES, Reason, Side, Spread, Strength, Verdict,
};

/// What a report says besides the judgement.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The verdict that counts as success.
    pub expected: Verdict,
    /// The command that runs the same again, ready to be pasted into a shell.
    pub replay: Option<String>,
    /// Masks the secrets that the user supplied, should one have got into a text that is shown.
    pub redactor: &'a Redactor,
}

/// A run as it is reported. Everything in it may be shown.
#[derive(Clone, Debug)]
pub struct Report {
    /// Version of crosswire that recorded the run.
    pub crosswire_version: String,
    /// Name of the scenario.
    pub scenario: String,
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
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict that counts as success.
    pub expected: Verdict,
    /// Why the verdict is what it is.
    pub reasons: Vec<Reason>,
    /// What a clean result is worth.
    pub strength: Strength,
    /// Overlapping pairs of different owners below which a clean run is inconclusive.
    pub min_overlaps: u64,
    /// The findings, the most telling one first.
    pub findings: Vec<Finding>,
    /// How many findings there are, those beyond the kept ones included.
    pub findings_total: u64,
    /// Sums over all findings.
    pub counts: Counts,
    /// How tightly the volleys arrived, by strategy.
    pub spread: Vec<Spread>,
    /// What else a reader should know, a sentence each.
    pub notes: Vec<String>,
    /// How the run ended, when its history says so.
    pub ending: Option<Ending>,
    /// Length of the run, nanoseconds; 0 when unknown.
    pub elapsed_ns: u64,
    /// The command that runs the same again.
    pub replay: Option<String>,
}

/// One exposure as it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable across runs of the same scenario with the same users.
    pub id: String,
    /// Id of the rule that found it.
    pub rule: &'static str,
    /// What the rule looks for.
    pub rule_title: &'static str,
    /// What crossed over.
    pub kind: ExposureKind,
    /// Name of the user who received or acted.
    pub viewer: String,
    /// Name of the user whose data it was.
    pub victim: String,
    /// Name of the step.
    pub step: String,
    /// Name of the slot whose canary crossed, when one did.
    pub slot: Option<String>,
    /// Where in the exchange.
    pub place: String,
    /// The canary, masked: its last four characters, which are a checksum.
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
}

/// One user's exchange as it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingSide {
    /// Number of the exchange in the history.
    pub exchange: u64,
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
}

impl Report {
    /// Looks names up and masks.
    #[must_use]
    pub fn new(judgement: &Judgement, facts: &Facts<'_>) -> Report {
        let start = judgement.start.as_ref();
        let masking = Mask::new(facts.redactor, start.map(|s| s.salt.as_str()));
        let mask = |text: &str| masking.text(text);
        let names = Names::of(start, &masking);
        let mut findings: Vec<Finding> = judgement
            .exposures
            .iter()
            .map(|exposure| names.finding(exposure))
            .collect();
        findings.sort_by(|a, b| telling(a).cmp(&telling(b)));
        let text = |get: fn(&Start) -> &str| start.map(|s| mask(get(s))).unwrap_or_default();
        Report {
            crosswire_version: text(|s| &s.crosswire_version),
            scenario: text(|s| &s.scenario),
            target: text(|s| &s.target.name),
            url: text(|s| &s.target.url),
            engine: text(|s| &s.engine),
            seed: start.map_or(0, |s| s.seed),
            users: start.map_or(0, |s| s.users.len() as u64),
            verdict: judgement.verdict,
            expected: facts.expected,
            reasons: judgement
                .reasons
                .iter()
                .map(|reason| Reason::new(reason.kind, mask(&reason.text)))
                .collect(),
            strength: judgement.strength.clone(),
            min_overlaps: start.map_or(0, |s| s.min_overlaps),
            findings,
            findings_total: judgement.exposures_total,
            counts: judgement.counts,
            spread: judgement.spread.clone(),
            notes: judgement
                .strength
                .notes
                .iter()
                .chain(&judgement.notes)
                .map(|note| mask(note))
                .collect(),
            ending: judgement
                .end
                .as_ref()
                .map(|end| masked_ending(&end.ending, &masking)),
            elapsed_ns: judgement.end.as_ref().map_or(0, |end| end.elapsed_ns),
            replay: facts.replay.as_deref().map(mask),
        }
    }

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
}

/// The order in which findings are told: those that need no race, then what was changed, then one session for two, then
/// what was read; the frequent before the rare; the id settles the rest.
fn telling(finding: &Finding) -> (bool, u8, std::cmp::Reverse<u64>, &str) {
    let kind = match finding.kind {
        ExposureKind::Write => 0,
        ExposureKind::Session => 1,
        ExposureKind::Read => 2,
    };
    (
        finding.phase >= Phase::Volley,
        kind,
        std::cmp::Reverse(finding.times_seen),
        &finding.id,
    )
}

fn masked_ending(ending: &Ending, mask: &Mask<'_>) -> Ending {
    match ending {
        Ending::Failed { why, cause } => Ending::Failed {
            why: mask.text(why),
            cause: *cause,
        },
        other => other.clone(),
    }
}

/// Turns indices into names; an index that the history does not name is shown as a number.
struct Names<'a> {
    users: Vec<String>,
    steps: Vec<String>,
    slots: Vec<String>,
    mask: &'a Mask<'a>,
}

impl<'a> Names<'a> {
    fn of(start: Option<&Start>, masking: &'a Mask<'a>) -> Names<'a> {
        let mask = |text: &String| masking.text(text);
        let (users, steps, slots) = start.map_or_else(Default::default, |start| {
            (
                start.users.iter().map(mask).collect(),
                start.steps.iter().map(|step| mask(&step.name)).collect(),
                start.slots.iter().map(|slot| mask(&slot.name)).collect(),
            )
        });
        Names {
            users,
            steps,
            slots,
            mask: masking,
        }
    }

    fn user(&self, user: UserId) -> String {
        self.users
            .get(user.index())
            .cloned()
            .unwrap_or_else(|| format!("user {}", user.0))
    }

    fn step(&self, step: u16) -> String {
        self.steps
            .get(usize::from(step))
            .cloned()
            .unwrap_or_else(|| format!("step {step}"))
    }

    fn slot(&self, slot: u16) -> String {
        self.slots
            .get(usize::from(slot))
            .cloned()
            .unwrap_or_else(|| format!("slot {slot}"))
    }

    fn side(&self, side: &Side) -> FindingSide {
        FindingSide {
            exchange: side.exchange,
            request: self.mask.text(&side.request),
            status: side.status,
            sent_ns: side.sent_ns,
            done_ns: side.done_ns,
            arrived_us: side.arrived_us,
            order: side.order,
        }
    }

    fn finding(&self, exposure: &Exposure) -> Finding {
        Finding {
            id: exposure.id.clone(),
            rule: exposure.rule,
            rule_title: RULES
                .iter()
                .find(|rule| rule.id == exposure.rule)
                .map_or("", |rule| rule.title),
            kind: exposure.kind,
            viewer: self.user(exposure.viewer),
            victim: self.user(exposure.victim),
            step: self.step(exposure.step),
            slot: exposure.slot.map(|slot| self.slot(slot)),
            place: self.mask.text(&exposure.place.to_string()),
            evidence: exposure.canary.as_deref().map(masked_canary),
            phase: exposure.phase,
            round: exposure.round,
            times_seen: exposure.times_seen,
            viewer_side: self.side(&exposure.viewer_side),
            victim_side: exposure.victim_side.as_ref().map(|side| self.side(side)),
        }
    }
}

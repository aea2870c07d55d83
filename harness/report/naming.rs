//! From a judgement to a report: indices become names, and everything is masked on the way.

use super::day::ReplayedDay;
use super::evidence::{Evidence, Pieces};
use super::mask::{Mask, masked_canary, masked_value};
use super::model::{Facts, Finding, FindingSide, Report, Rule, Step, telling};
use crate::history::{Ending, Explored, Phase, Start};
use crate::identity::{Canary, UserId};
use crate::judge::{
    Exposure, Judgement, RULES, Reach, Reason, Side, Spread, Strength, weigh_thresholds,
};

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
            .map(|exposure| names.finding(exposure, &judgement.explored))
            .collect();
        findings.sort_by(|a, b| telling(a).cmp(&telling(b)));
        let text = |get: fn(&Start) -> &str| start.map(|s| mask(get(s))).unwrap_or_default();
        Report {
            crosswire_version: text(|s| &s.crosswire_version),
            scenario: text(|s| &s.scenario),
            scenario_path: facts.scenario_path.as_deref().map(mask),
            target: text(|s| &s.target.name),
            url: text(|s| &s.target.url),
            engine: text(|s| &s.engine),
            seed: start.map_or(0, |s| s.seed),
            users: start.map_or(0, |s| s.users.len() as u64),
            steps: names.steps.clone(),
            verdict: judgement.verdict,
            expected: facts.expected,
            reasons: judgement
                .reasons
                .iter()
                .map(|reason| Reason::new(reason.kind, mask(&reason.text)))
                .collect(),
            strength: Strength {
                notes: Vec::new(),
                reach: judgement.strength.reach.clone().map(|reach| Reach {
                    coverage: names.coverage(&reach.coverage),
                    ..reach
                }),
                ..judgement.strength.clone()
            },
            min_overlaps: start.map_or(0, |s| s.min_overlaps),
            rules: rules(&findings),
            findings,
            findings_total: judgement.exposures_total,
            counts: judgement.counts,
            spread: judgement
                .spread
                .iter()
                .map(|spread| Spread {
                    strategy: mask(&spread.strategy),
                    ..spread.clone()
                })
                .collect(),
            points: judgement.points.clone(),
            explored: judgement
                .explored
                .iter()
                .map(|explored| names.exploration(explored, facts.test_of))
                .collect(),
            day: judgement
                .day
                .as_ref()
                .map(|day| ReplayedDay::new(day, facts.day_in_ci.as_ref(), &mask)),
            notes: judgement
                .strength
                .notes
                .iter()
                .chain(&judgement.notes)
                .map(|note| mask(note))
                .collect(),
            thresholds: weigh_thresholds(judgement, facts.thresholds),
            ending: judgement
                .end
                .as_ref()
                .map(|end| masked_ending(&end.ending, &masking)),
            elapsed_ns: judgement.end.as_ref().map_or(0, |end| end.elapsed_ns),
            replay: facts.replay.as_deref().map(mask),
            stored_as: facts.stored_as.as_deref().map(mask),
        }
    }
}

/// The rules that found something, in the order of the judge's list.
fn rules(findings: &[Finding]) -> Vec<Rule> {
    RULES
        .iter()
        .filter(|rule| findings.iter().any(|finding| finding.rule == rule.id))
        .map(|rule| Rule {
            id: rule.id.to_owned(),
            title: rule.title.to_owned(),
            help: rule.help.split_whitespace().collect::<Vec<_>>().join(" "),
        })
        .collect()
}

fn masked_ending(ending: &Ending, mask: &Mask<'_>) -> Ending {
    match ending {
        Ending::Failed { why, cause } => Ending::Failed {
            why: mask.text(why),
            cause: *cause,
        },
        Ending::Limit { limit } => Ending::Limit {
            limit: mask.text(limit),
        },
        Ending::Completed | Ending::Interrupted => ending.clone(),
    }
}

/// Turns indices into names; an index that the history does not name is shown as a number.
pub(super) struct Names<'a> {
    users: Vec<String>,
    steps: Vec<Step>,
    slots: Vec<String>,
    mask: &'a Mask<'a>,
}

impl<'a> Names<'a> {
    fn of(start: Option<&Start>, masking: &'a Mask<'a>) -> Names<'a> {
        let mask = |text: &String| masking.text(text);
        let (users, steps, slots) = start.map_or_else(Default::default, |start| {
            (
                start.users.iter().map(mask).collect(),
                start
                    .steps
                    .iter()
                    .map(|step| Step {
                        name: mask(&step.name),
                        line: step.line,
                    })
                    .collect(),
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

    pub(super) fn masked(&self, text: &str) -> String {
        self.mask.text(text)
    }

    pub(super) fn user(&self, user: UserId) -> String {
        self.users
            .get(user.index())
            .cloned()
            .unwrap_or_else(|| format!("user {}", user.0))
    }

    pub(super) fn step(&self, step: u16) -> Step {
        self.steps
            .get(usize::from(step))
            .cloned()
            .unwrap_or_else(|| Step {
                name: format!("step {step}"),
                line: 0,
            })
    }

    fn slot(&self, slot: u16) -> String {
        self.slots
            .get(usize::from(slot))
            .cloned()
            .unwrap_or_else(|| format!("slot {slot}"))
    }

    fn side(&self, side: &Side, pieces: &Pieces<'_>) -> FindingSide {
        FindingSide {
            exchange: side.exchange,
            step: self.step(side.step).name,
            request: pieces.without_value(&self.mask.text(&side.request)),
            status: side.status,
            sent_ns: side.sent_ns,
            done_ns: side.done_ns,
            arrived_us: side.arrived_us,
            order: side.order,
            evidence: Evidence {
                head: pieces.head(&side.evidence.head),
                body: pieces.body(&side.evidence.body),
                body_start: side.evidence.body_start,
                body_shown: side.evidence.body.len() as u64,
                body_len: side.evidence.body_len,
            },
        }
    }

    fn finding(&self, exposure: &Exposure, explored: &[Explored]) -> Finding {
        let step = self.step(exposure.step);
        let name =
            |canary: Canary| format!("{}'s {}", self.user(canary.owner), self.slot(canary.slot));
        let pieces = Pieces {
            mask: self.mask,
            victim: exposure.victim,
            value: exposure.value.as_deref(),
            name: &name,
        };
        Finding {
            id: exposure.id.clone(),
            rule: exposure.rule.to_owned(),
            kind: exposure.kind,
            viewer: self.user(exposure.viewer),
            victim: self.user(exposure.victim),
            step: step.name,
            line: step.line,
            slot: exposure.slot.map(|slot| self.slot(slot)),
            place: self.mask.text(&exposure.place.to_string()),
            evidence: match (&exposure.canary, &exposure.value) {
                (Some(canary), _) => Some(masked_canary(canary)),
                (None, value) => value.as_deref().map(masked_value),
            },
            phase: exposure.phase,
            round: exposure.round,
            times_seen: exposure.times_seen,
            viewer_side: self.side(&exposure.viewer_side, &pieces),
            victim_side: exposure
                .victim_side
                .as_ref()
                .map(|side| self.side(side, &pieces)),
            shown_by: self.shown_by(&exposure.id, explored),
            // An exploration asks alone of a service that has just been made, whatever round it calls that.
            asked_again: exposure.phase == Phase::Solo && exposure.round > 0 && explored.is_empty(),
        }
    }
}

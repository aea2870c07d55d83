//! A finding in sentences: who asked for what when, whose data came back, and in which order it happened.

mod advice;

use std::collections::BTreeMap;
use std::time::Duration;

use super::schedules::cut;
use super::{Exploration, Finding, FindingSide, FoundIn, Report, ShownBy, words};
use crate::history::{Coverage, Phase};
use crate::judge::{ExposureKind, Reach, Strength, ThresholdResult, Verdict};

pub use advice::advice;

/// What the verdict means here, in a few words: `3 users received or acted on data of 3 others`.
#[must_use]
pub fn outcome(report: &Report) -> String {
    match report.verdict {
        Verdict::Exposed
            if report.findings.iter().all(is_of_oneself) && !report.findings.is_empty() =>
        {
            let users = words::count(report.counts.viewers, "user");
            let were = if report.counts.viewers == 1 {
                "was"
            } else {
                "were"
            };
            format!("{users} {were} still served by a session that had ended")
        }
        Verdict::Exposed => {
            let exposed = format!(
                "{} received or acted on data of {}",
                words::count(report.counts.viewers, "user"),
                words::count(report.counts.victims, "other")
            );
            match &report.strength.reach {
                None => exposed,
                Some(reach) => format!("{exposed}{}", exposing(reach)),
            }
        }
        Verdict::Isolated => {
            let clean = "no user received or acted on another's data";
            match &report.strength.reach {
                None => clean.to_owned(),
                Some(reach) => format!("{clean} ({})", in_short(reach)),
            }
        }
        Verdict::Inconclusive => {
            "nothing found, but the run is worth too little for a verdict".to_owned()
        }
    }
}

/// In how many schedules something was seen: `, in 4 of 12,870 schedules`.
fn exposing(reach: &Reach) -> String {
    match reach.exposing {
        // It was seen before, by requests that were alone.
        0 => String::new(),
        exposing => format!(
            ", in {} of {}",
            words::number(exposing),
            words::count(reach.schedules, "schedule")
        ),
    }
}

/// How far explorations went, in one phrase: `all 12,870 schedules`, `all 482 schedules within 2 preemptions`, `capped at
/// 100,000 schedules (100,000 executions); all within 1 preemption were run`.
///
/// ```
/// use crosswire::history::Coverage;
/// use crosswire::judge::Reach;
/// use crosswire::report::telling::reach;
///
/// let within = Reach {
///     races: 1,
///     schedules: 482,
///     exposing: 0,
///     sampled: 0,
///     covered: 482,
///     coverage: Coverage::WithinBound { bound: 2 },
/// };
/// assert_eq!(reach(&within), "all 482 schedules within 2 preemptions");
/// ```
#[must_use]
pub fn reach(reach: &Reach) -> String {
    let races = match reach.races {
        0 | 1 => String::new(),
        races => format!(" of {}", words::count(races, "race")),
    };
    let all = match reach.covered {
        1 => format!("the only schedule{races}"),
        covered => format!("all {}{races}", words::count(covered, "schedule")),
    };
    let sampled = match reach.sampled {
        0 => String::new(),
        sampled => format!(", {} of them drawn by chance", words::number(sampled)),
    };
    let beyond = match reach.sampled {
        0 => String::new(),
        sampled => format!(", and {} drawn by chance", words::number(sampled)),
    };
    match &reach.coverage {
        alone if alone.is_of_one_schedule() => "one schedule alone".to_owned(),
        Coverage::All => all,
        Coverage::WithinBound { bound } => format!("{all} {}{beyond}", within(*bound)),
        Coverage::Capped { bound, limit } => {
            let complete = match bound {
                Some(bound) => format!("all {} were run", within(*bound)),
                None => format!("not even all {} were run", within(0)),
            };
            format!(
                "capped at {}{races} ({limit}){sampled}; {complete}",
                words::count(reach.schedules, "schedule")
            )
        }
    }
}

/// As [`reach`], without what a limit left to say.
fn in_short(reach: &Reach) -> String {
    match &reach.coverage {
        alone if alone.is_of_one_schedule() => self::reach(reach),
        Coverage::Capped { .. } => {
            format!("capped at {}", words::count(reach.schedules, "schedule"))
        }
        Coverage::All | Coverage::WithinBound { .. } => self::reach(reach),
    }
}

/// [`reach`] of one exploration.
#[must_use]
pub fn coverage(exploration: &Exploration) -> String {
    let bounds = exploration.bounds.iter();
    self::reach(&Reach {
        races: 1,
        schedules: exploration.schedules,
        exposing: exploration.exposing,
        sampled: exploration.sampled,
        covered: match &exploration.coverage {
            Coverage::All => exploration.schedules.saturating_sub(exploration.sampled),
            Coverage::Capped { .. } => exploration.schedules,
            Coverage::WithinBound { bound } => bounds
                .filter(|told| told.preemptions <= *bound)
                .fold(0, |sum: u64, told| sum.saturating_add(told.schedules)),
        },
        coverage: exploration.coverage.clone(),
    })
}

fn within(bound: u32) -> String {
    match bound {
        0 => "without a preemption".to_owned(),
        bound => format!("within {}", words::count(bound.into(), "preemption")),
    }
}

/// What the run is worth, in one sentence.
#[must_use]
pub fn strength(report: &Report) -> String {
    let strength = &report.strength;
    if let Some(reach) = &strength.reach {
        return self::reach(reach);
    }
    if report.is_exploration() {
        return "no schedule was run".to_owned();
    }
    if strength.overlapping_pairs == 0 {
        return format!(
            "{}, 0 overlapping pairs of different owners: no race could have shown",
            words::count(strength.exchanges, "exchange")
        );
    }
    let pairs = format!(
        "{} of different owners in {} ({})",
        words::count(strength.overlapping_pairs, "overlapping pair"),
        words::count(strength.volleys, "volley"),
        known_by(strength)
    );
    match strength.upper_bound_95 {
        Some(p) if report.verdict != Verdict::Exposed => format!(
            "{pairs}; if a pair crosses with probability p, then p < {} with 95 % confidence",
            words::percent(p)
        ),
        _ => pairs,
    }
}

/// By whose clock the pairs are known.
fn known_by(strength: &Strength) -> String {
    match strength.pairs_by_server {
        0 => "as the client saw it".to_owned(),
        all if all == strength.overlapping_pairs => "by the server's clock".to_owned(),
        some => format!(
            "{} by the server's clock, the rest as the client saw it",
            words::number(some)
        ),
    }
}

/// What happened, in a few words: `user07 received user31's subject`.
#[must_use]
pub fn headline(finding: &Finding) -> String {
    let what = finding.slot.as_deref().unwrap_or("data");
    let Finding { viewer, victim, .. } = finding;
    match finding.kind {
        ExposureKind::Session if is_of_oneself(finding) => {
            format!("{viewer} was still served by a session that had ended")
        }
        ExposureKind::Read if is_of_oneself(finding) => {
            format!("a request without a session was answered with {viewer}'s {what}")
        }
        ExposureKind::Read if finding.rule == SHIFTED => {
            format!("{viewer} was given the answer to {victim}'s request")
        }
        ExposureKind::Read if finding.slot.is_none() => {
            format!("{viewer} received a value that only {victim} had")
        }
        ExposureKind::Read => format!("{viewer} received {victim}'s {what}"),
        ExposureKind::Write => format!("{viewer} changed or removed {victim}'s {what}"),
        ExposureKind::Session => format!("{viewer} was given {victim}'s session"),
    }
}

/// The rule whose canaries are the nonces of requests.
const SHIFTED: &str = "answer-shifted";

/// Whether no second user is in it: a session that outlived its end serves whoever still holds it.
#[must_use]
pub fn is_of_oneself(finding: &Finding) -> bool {
    finding.viewer == finding.victim
}

/// Findings up to which each is told by itself, without [`groups`].
pub const FEW: usize = 8;

/// Findings alike: of the same kind, in the same part of the run, step, slot and place.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// The first of them, which is the most telling one.
    pub example: &'a Finding,
    /// How many there are.
    pub findings: u64,
    /// How many exchanges showed them.
    pub times: u64,
}

impl Group<'_> {
    /// What happened, in a few words: [`headline`] of the example, or of all when nobody else is in them.
    #[must_use]
    pub fn headline(&self) -> String {
        if self.findings > 1 && is_of_oneself(self.example) {
            let users = words::number(self.findings);
            return format!("{users} users were still served by sessions that had ended");
        }
        headline(self.example)
    }
}

/// The findings, those that are alike together, in the order of their first ones.
#[must_use]
pub fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    grouped(findings, |finding| {
        (
            &finding.rule,
            is_of_oneself(finding),
            finding.kind,
            finding.phase,
            &finding.step,
            &finding.slot,
            &finding.place,
        )
    })
}

/// The findings of a report that has room for few of them: each by itself, but what users were served with their own ended
/// sessions together, since nobody else is in it.
#[must_use]
pub fn few(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut others = 0u64;
    grouped(findings, |finding| {
        if is_of_oneself(finding) {
            return (0, Some((&finding.step, &finding.slot, finding.phase)));
        }
        others += 1;
        (others, None)
    })
}

/// Findings with equal keys together, in the order of their first ones.
pub(super) fn grouped<'a, K: Ord>(
    findings: &'a [Finding],
    mut key: impl FnMut(&'a Finding) -> K,
) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known = BTreeMap::new();
    for finding in findings {
        let alike = key(finding);
        if let Some(&at) = known.get(&alike) {
            let group: &mut Group<'_> = &mut groups[at];
            group.findings += 1;
            group.times = group.times.saturating_add(finding.times_seen);
            continue;
        }
        known.insert(alike, groups.len());
        groups.push(Group {
            example: finding,
            findings: 1,
            times: finding.times_seen,
        });
    }
    groups
}

/// What the exchanges of the findings were: `170 of 640 exchanges held somebody else's data`.
#[must_use]
pub fn exchanges(report: &Report) -> String {
    let outlived: u64 = report
        .findings
        .iter()
        .filter(|finding| is_of_oneself(finding))
        .map(|finding| finding.times_seen)
        .sum();
    let held = report.counts.exchanges;
    let mut parts = Vec::new();
    if let Some(reach) = report
        .strength
        .reach
        .as_ref()
        .filter(|reach| reach.exposing > 0)
    {
        // Few of the executions are kept: what they held says nothing of all.
        return format!(
            "{} of {} exposed something",
            words::number(reach.exposing),
            words::count(reach.schedules, "schedule")
        );
    }
    if held > 0 || outlived == 0 {
        let all = words::count(report.strength.exchanges, "exchange");
        parts.push(format!(
            "{} of {all} held somebody else's data",
            words::number(held)
        ));
    }
    if outlived > 0 {
        let were = if outlived == 1 { "was" } else { "were" };
        parts.push(format!(
            "{} {were} served by a session that had ended",
            words::count(outlived, "exchange")
        ));
    }
    parts.join("; ")
}

/// The part of the run, as a place in a sentence: `volley, round 3`; of an exploration what it takes: `1 preemption`.
#[must_use]
pub fn when(finding: &Finding) -> String {
    if let Some(shown_by) = &finding.shown_by {
        return words::count(shown_by.preemptions.into(), "preemption");
    }
    let phase = phase(finding.phase);
    if finding.round == 0 {
        phase.to_owned()
    } else {
        format!("{phase}, round {}", finding.round)
    }
}

/// What the findings took, in a few words: whether requests had to meet, and whose.
#[must_use]
pub fn takes(report: &Report) -> &'static str {
    let found = report.found_in();
    let sequential = found.keys().any(|one| !one.takes_race());
    let (own, race) = (
        found.contains_key(&FoundIn::OwnRace),
        found.contains_key(&FoundIn::Race),
    );
    match (sequential, own, race) {
        (true, false, false) => "it needs no race",
        (true, _, _) => "some need no race",
        (false, true, false) => "it takes requests of one user that overlap, and nobody else",
        (false, true, true) => "it takes requests that overlap, some of them of one user alone",
        (false, false, _) => "it takes requests that overlap",
    }
}

/// The name of a part of a run.
#[must_use]
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Setup => "set-up",
        Phase::Solo => "solo",
        Phase::Sequence => "sequence",
        Phase::Volley => "volley",
        Phase::ReadBack => "read-back",
        Phase::CleanUp => "clean-up",
    }
}

/// The finding in full, one sentence each, in the order in which things happened.
#[must_use]
pub fn sentences(finding: &Finding) -> Vec<String> {
    let mut sentences = Vec::new();
    let Finding {
        viewer,
        victim,
        viewer_side,
        ..
    } = finding;
    if let Some(shown_by) = &finding.shown_by {
        sentences.extend(in_schedule(finding, shown_by));
        sentences.push(result(finding));
        return sentences;
    }
    sentences.push(format!(
        "{viewer} sent {} {}.",
        viewer_side.request,
        at(viewer_side.sent_ns)
    ));
    if let Some(side) = &finding.victim_side {
        sentences.push(format!(
            "{victim} sent {} {}.",
            side.request,
            after(viewer_side.sent_ns, side.sent_ns)
        ));
        sentences.extend(arrivals(finding, side));
        sentences.extend(orders(finding, side));
    }
    sentences.push(result(finding));
    sentences
}

/// Characters of a schedule in a sentence.
const SCHEDULE_TOLD: usize = 120;

/// Under control no clock counts, but the order of the steps.
fn in_schedule(finding: &Finding, shown_by: &ShownBy) -> Vec<String> {
    let Finding {
        viewer,
        victim,
        viewer_side,
        ..
    } = finding;
    let mut sentences = vec![match &finding.victim_side {
        Some(side) => format!(
            "{viewer} sent {}, {victim} sent {}.",
            viewer_side.request, side.request
        ),
        None => format!("{viewer} sent {}.", viewer_side.request),
    }];
    sentences.push(format!(
        "They went on as {} ({}).",
        cut(&shown_by.schedule.to_string(), SCHEDULE_TOLD),
        words::count(shown_by.preemptions.into(), "preemption")
    ));
    sentences
}

fn at(ns: u64) -> String {
    let micros = ns / 1_000;
    format!(
        "{}.{:06} s into the run",
        micros / 1_000_000,
        micros % 1_000_000
    )
}

fn after(first_ns: u64, second_ns: u64) -> String {
    match (
        first_ns.checked_sub(second_ns),
        second_ns.checked_sub(first_ns),
    ) {
        (Some(0), _) => "at the same moment".to_owned(),
        (Some(ns), _) => format!("{} before that", words::time(Duration::from_nanos(ns))),
        (None, Some(ns)) => format!("{} after that", words::time(Duration::from_nanos(ns))),
        (None, None) => String::new(),
    }
}

fn arrivals(finding: &Finding, side: &FindingSide) -> Option<String> {
    let (viewer, victim) = (finding.viewer_side.arrived_us?, side.arrived_us?);
    let gap = words::time(Duration::from_micros(viewer.abs_diff(victim)));
    let (first, second) = if viewer <= victim {
        (&finding.viewer, &finding.victim)
    } else {
        (&finding.victim, &finding.viewer)
    };
    Some(format!(
        "By the server's clock {first}'s request came first, {second}'s {gap} later."
    ))
}

fn orders(finding: &Finding, side: &FindingSide) -> Option<String> {
    let (viewer, victim) = (finding.viewer_side.order?, side.order?);
    let ((first, low), (second, high)) = if viewer <= victim {
        ((&finding.viewer, viewer), (&finding.victim, victim))
    } else {
        ((&finding.victim, victim), (&finding.viewer, viewer))
    };
    Some(format!(
        "The memo was written for {first} (entry {}), then for {second} (entry {}).",
        words::number(low),
        words::number(high)
    ))
}

fn result(finding: &Finding) -> String {
    let Finding {
        viewer,
        victim,
        place,
        ..
    } = finding;
    let status = finding
        .viewer_side
        .status
        .map(|status| format!(" ({status})"))
        .unwrap_or_default();
    let what = finding.slot.as_deref().unwrap_or("data");
    let evidence = finding
        .evidence
        .as_deref()
        .map(|evidence| match finding.slot {
            Some(_) => format!(", canary {evidence}"),
            None => format!(", {evidence}"),
        })
        .unwrap_or_default();
    match finding.kind {
        ExposureKind::Session if is_of_oneself(finding) => format!(
            "The session had ended, but {viewer}'s answer{status} held {victim}'s {what} ({place}{evidence})."
        ),
        ExposureKind::Read if finding.rule == SHIFTED => format!(
            "{viewer}'s answer{status} held the nonce of {victim}'s request ({place}{evidence})."
        ),
        ExposureKind::Read if finding.slot.is_none() => format!(
            "{viewer}'s answer{status} held a value that only {victim} had ({place}{evidence})."
        ),
        ExposureKind::Read => {
            format!("{viewer}'s answer{status} held {victim}'s {what} ({place}{evidence}).")
        }
        ExposureKind::Write => format!(
            "After {viewer}'s request{status} {victim}'s {what} was gone or changed ({place}{evidence})."
        ),
        ExposureKind::Session => format!(
            "{viewer} was answered{status} with a session that {victim} was given as well ({place})."
        ),
    }
}

/// A threshold, and whether the run kept to it: `pairs >= 1000: kept, 1,388`. One of another engine is not measured.
#[must_use]
pub fn threshold(result: &ThresholdResult) -> String {
    let value = match result.value {
        None if result.holds => {
            return format!("{}: not measured by this engine", result.threshold);
        }
        None => "the run has no such value".to_owned(),
        Some(value) if value.fract() == 0.0 && (0.0..1e15).contains(&value) => {
            words::number(value as u64)
        }
        Some(value) => format!("{value:.6}").trim_end_matches('0').to_owned(),
    };
    let held = if result.holds { "kept" } else { "BROKEN" };
    format!("{}: {held}, {value}", result.threshold)
}

//! What the page shows, part by part, as plain data.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::IN_DETAIL;
use super::charts::{OffsetChart, SpreadChart, offset_chart, spread_chart};
use super::day::{DayView, day_view};
use super::schedules::{ExplorationView, explorations, schedule_of};
use super::timeline::{Timeline, timeline};
use crate::history::{Ending, Way};
use crate::judge::Verdict;
use crate::report::place::scenario_file;
use crate::report::{Exploration, Finding, FindingSide, Piece, Report, telling, words};

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    verdict: VerdictView,
    scenario: String,
    target: String,
    lead: String,
    unexpected: Option<String>,
    reasons: Vec<String>,
    advice: Option<String>,
    figures: Vec<Fact>,
    findings_lead: String,
    /// Heading of where in the run findings were seen.
    seen: &'static str,
    groups: Vec<GroupView>,
    findings: Vec<FindingView>,
    rest: Vec<Row>,
    day: Option<DayView>,
    explorations: Vec<ExplorationView>,
    /// Whether there are schedules to walk through, which takes a script.
    walks: bool,
    left_out: Option<String>,
    spread_chart: Option<SpreadChart>,
    offset_chart: Option<OffsetChart>,
    strength: String,
    spreads: Vec<SpreadView>,
    thresholds: Vec<String>,
    notes: Vec<String>,
    facts: Vec<Fact>,
    replay: Option<String>,
    version: String,
}

#[derive(Debug, Serialize)]
struct VerdictView {
    word: &'static str,
    class: &'static str,
    /// A path in a square of 24: the word never stands by its colour alone.
    icon: &'static str,
    means: &'static str,
    means_not: &'static str,
    /// Heading of the reasons.
    reasons: &'static str,
}

#[derive(Debug, Serialize)]
struct Fact {
    label: &'static str,
    value: String,
}

/// Findings alike, told by the most telling of them.
#[derive(Debug, Serialize)]
struct GroupView {
    #[serde(flatten)]
    row: Row,
    findings: String,
}

#[derive(Debug, Serialize)]
struct FindingView {
    #[serde(flatten)]
    row: Row,
    is_open: bool,
    sentences: Vec<String>,
    timeline: Option<Timeline>,
    sides: Vec<SideView>,
    cause: Option<String>,
    rule: String,
    source: Option<String>,
    /// Where the schedule that shows it stands in the page, and the schedule.
    schedule: Option<(String, String)>,
    replay: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    headline: String,
    step: String,
    place: String,
    when: String,
    times: String,
}

#[derive(Debug, Serialize)]
struct SideView {
    class: &'static str,
    role: &'static str,
    label: String,
    user: String,
    request: String,
    status: Option<u16>,
    times: String,
    head: Vec<PieceView>,
    head_label: String,
    body: Vec<PieceView>,
    body_label: String,
    excerpt: String,
}

#[derive(Debug, Serialize)]
struct PieceView {
    text: String,
    hit: bool,
    of: Option<String>,
}

#[derive(Debug, Serialize)]
struct SpreadView {
    strategy: String,
    volleys: String,
    median: String,
    p95: String,
    clock: &'static str,
}

/// Everything that the page shows of a report.
pub(super) fn page(report: &Report) -> Page {
    let (detailed, rest) = report
        .findings
        .split_at(report.findings.len().min(IN_DETAIL));
    // What a reader should see without a click: the most telling finding, and the first whose evidence shows the crossing.
    let telling = detailed.iter().position(|finding| {
        let evidence = &finding.viewer_side.evidence;
        evidence
            .head
            .iter()
            .chain(&evidence.body)
            .any(|piece| piece.hit)
    });
    let kept = report.findings.len() as u64;
    let left_out = report.findings_total.saturating_sub(kept);
    let explorations = explorations(report);
    Page {
        verdict: verdict_of(report),
        scenario: report.scenario.clone(),
        target: report.target.clone(),
        lead: capital(&format!("{}.", telling::outcome(report))),
        unexpected: (!report.as_expected()).then(|| format!("Expected was: {}.", report.expected)),
        reasons: report
            .reasons
            .iter()
            .map(|reason| capital(&reason.text))
            .collect(),
        advice: telling::advice(report).map(|advice| capital(&format!("{advice}."))),
        figures: figures(report),
        findings_lead: findings_lead(report),
        seen: if report.is_exploration() {
            "Takes"
        } else {
            "First seen"
        },
        groups: groups(report),
        findings: detailed
            .iter()
            .enumerate()
            .map(|(number, finding)| FindingView {
                is_open: number == 0 || Some(number) == telling,
                ..finding_view(report, number, finding)
            })
            .collect(),
        rest: rest.iter().map(row).collect(),
        day: report.day.as_ref().map(day_view),
        walks: explorations.iter().any(ExplorationView::has_walks),
        explorations,
        left_out: (left_out > 0).then(|| {
            format!(
                "{} of this run {} counted, but not kept in detail.",
                words::count(left_out, "further finding"),
                if left_out == 1 { "is" } else { "are" }
            )
        }),
        // Where schedules decide the order, nothing hangs on how tightly requests arrived.
        spread_chart: spread_chart(&report.points).filter(|_| report.explored.is_empty()),
        offset_chart: offset_chart(&report.points).filter(|_| report.explored.is_empty()),
        strength: capital(&format!("{}.", telling::strength(report))),
        spreads: spreads(report),
        thresholds: report.thresholds.iter().map(telling::threshold).collect(),
        notes: notes(report),
        facts: facts(report),
        replay: report.replay.clone(),
        version: report.crosswire_version.clone(),
    }
}

/// The notes, but for those that stand beside their exploration.
fn notes(report: &Report) -> Vec<String> {
    let is_told = |note: &String| {
        let mut explored = report.explored.iter();
        explored.any(|explored| explored.warnings.contains(note))
    };
    let notes = report.notes.iter().filter(|note| !is_told(note));
    notes.map(|note| capital(note)).collect()
}

/// The verdict; an exploration's is worth something else than that of requests fired.
fn verdict_of(report: &Report) -> VerdictView {
    let view = verdict(report.verdict);
    if report.verdict != Verdict::Isolated || report.explored.is_empty() {
        return view;
    }
    VerdictView {
        means: "Every user received their own data, and nothing crossed in any schedule of their requests that was run.",
        means_not: "That nothing can cross. It holds for the requests that were explored and for switches between the steps \
                    that they have: what happens within one step happens as a whole here. Which schedules were run stands \
                    below.",
        ..view
    }
}

/// Whether steps stand for times.
fn is_in_process(report: &Report) -> bool {
    let mut ways = report.explored.iter().map(|explored| explored.way);
    ways.any(|way| way == Way::InProcess)
}

fn verdict(verdict: Verdict) -> VerdictView {
    match verdict {
        Verdict::Exposed => VerdictView {
            word: "Exposed",
            class: "exposed",
            icon: "M12 3.5 22 20.5H2z M12 10v4.5 M12 17.4v.1",
            means: "A text that only one user had was in another's answer, or an item was gone that only another's request \
                    can have removed, or a session served somebody it should not have. Similarity is never a finding.",
            means_not: "That this is all there is. The run found what its requests could show; there may be more behind \
                        others.",
            reasons: "What else was wrong with the run",
        },
        Verdict::Isolated => VerdictView {
            word: "Isolated",
            class: "isolated",
            icon: "M12 2.5 20 6v6c0 5-3.5 8.2-8 9.5C7.5 20.2 4 17 4 12V6z M8.3 12l2.6 2.7 4.9-5.2",
            means: "Every user logged in and received their own data, enough requests of different owners overlapped, and \
                    nothing crossed.",
            means_not: "That nothing can cross. It bounds the chance that one such overlap crosses, for the kind of overlaps \
                        that this run made, and says nothing about requests that were not in the scenario.",
            reasons: "Reasons",
        },
        Verdict::Inconclusive => VerdictView {
            word: "Inconclusive",
            class: "inconclusive",
            icon: "M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19z M9.3 9.2a2.8 2.8 0 1 1 3.9 2.7c-.8.4-1.2 1-1.2 1.9 M12 17v.1",
            means: "Nothing crossed, but the run is worth too little to say more.",
            means_not: "That the service is fine.",
            reasons: "What is lacking",
        },
    }
}

fn figures(report: &Report) -> Vec<Fact> {
    let (counts, strength) = (&report.counts, &report.strength);
    let mut figures = Vec::new();
    let mut add = |label, value: u64| {
        figures.push(Fact {
            label,
            value: words::number(value),
        });
    };
    if report.verdict == Verdict::Exposed {
        add("findings", report.findings_total);
        if report.findings.iter().all(telling::is_of_oneself) {
            add("users served by a session that had ended", counts.viewers);
        } else {
            add("users who saw or acted", counts.viewers);
            add("users whose data it was", counts.victims);
        }
        if counts.exchanges > 0 {
            add("exchanges that held others' data", counts.exchanges);
        }
        if counts.attachments > 0 {
            add("attachments of others downloaded", counts.attachments);
        }
        if counts.writes > 0 {
            add("items of others changed or removed", counts.writes);
        }
    }
    if !report.explored.is_empty() {
        let sum = |of: fn(&Exploration) -> u64| report.explored.iter().map(of).sum();
        add("schedules run", sum(|explored| explored.schedules));
        add(
            "of these expose something",
            sum(|explored| explored.exposing),
        );
        if report.explored.len() > 1 {
            add("sets of requests", report.explored.len() as u64);
        }
        return figures;
    }
    add(
        "overlapping pairs of different owners",
        strength.overlapping_pairs,
    );
    add("volleys", strength.volleys);
    add("exchanges in all", strength.exchanges);
    if let Some(bound) = strength
        .upper_bound_95
        .filter(|_| report.verdict != Verdict::Exposed)
    {
        figures.push(Fact {
            label: "upper bound per pair, 95 % confidence",
            value: words::percent(bound),
        });
    }
    figures
}

fn findings_lead(report: &Report) -> String {
    if report.is_exploration() {
        return explored_lead(report);
    }
    let phases = report.by_phase();
    let mut parts = Vec::new();
    for (phase, count) in &phases {
        parts.push(format!(
            "{} in {}",
            words::number(*count),
            telling::phase(*phase)
        ));
    }
    format!(
        "First seen: {} ({}). The most telling ones come first.",
        parts.join(", "),
        telling::takes(report)
    )
}

/// The same of an exploration: in which schedules.
fn explored_lead(report: &Report) -> String {
    let mut places: BTreeMap<(u8, u32), u64> = BTreeMap::new();
    for finding in &report.findings {
        let place = match &finding.shown_by {
            Some(by) if by.is_interleaved() => (2, by.preemptions),
            Some(_) => (1, 0),
            None if !finding.found_in().takes_race() => (0, 0),
            None => (3, 0),
        };
        *places.entry(place).or_default() += 1;
    }
    let counts = places.iter().map(|(place, findings)| {
        let place = match place {
            (0, _) => "before the schedules, each request alone".to_owned(),
            (1, _) => "with one request after the other".to_owned(),
            (2, 0) => "in schedules with no preemption".to_owned(),
            (2, n) => format!(
                "in schedules with {}",
                words::count((*n).into(), "preemption")
            ),
            _ => "in schedules that were not kept".to_owned(),
        };
        format!("{} {place}", words::number(*findings))
    });
    let preempts = places.keys().any(|(kind, _)| *kind == 2);
    let means = if preempts {
        " (a preemption is a switch away from a request that could have gone on)"
    } else {
        ""
    };
    let counts: Vec<String> = counts.collect();
    format!(
        "Found: {}{means}. The most telling ones come first.",
        counts.join("; ")
    )
}

/// The findings by kind, when they are many.
fn groups(report: &Report) -> Vec<GroupView> {
    if report.findings.len() <= telling::FEW {
        return Vec::new();
    }
    telling::groups(&report.findings)
        .into_iter()
        .map(|group| GroupView {
            row: Row {
                headline: group.headline(),
                times: format!("{}×", words::number(group.times)),
                ..row(group.example)
            },
            findings: words::number(group.findings),
        })
        .collect()
}

fn row(finding: &Finding) -> Row {
    Row {
        id: finding.id.clone(),
        headline: telling::headline(finding),
        step: finding.step.clone(),
        place: finding.place.clone(),
        when: telling::when(finding),
        times: format!("{}×", words::number(finding.times_seen)),
    }
}

fn finding_view(report: &Report, number: usize, finding: &Finding) -> FindingView {
    let is_timed = !is_in_process(report);
    let mut sides = vec![side(
        "Viewer",
        "viewer",
        &finding.viewer,
        &finding.viewer_side,
        is_timed,
    )];
    if let Some(victim) = &finding.victim_side {
        let role = if finding.viewer == finding.victim {
            "Before"
        } else {
            "Victim"
        };
        sides.push(side(role, "victim", &finding.victim, victim, is_timed));
    }
    FindingView {
        row: row(finding),
        is_open: false,
        sentences: telling::sentences(finding),
        timeline: timeline(number, finding).filter(|_| !is_in_process(report)),
        sides,
        cause: report
            .rule(finding)
            .map(|rule| format!("{}: {}", capital(&rule.title), rule.help)),
        rule: finding.rule.clone(),
        source: scenario_file(report).map(|file| match finding.line {
            0 => file,
            line => format!("{file}:{line}"),
        }),
        schedule: schedule_of(report, &finding.id),
        replay: report.replay_of(finding),
    }
}

fn side(
    role: &'static str,
    class: &'static str,
    user: &str,
    side: &FindingSide,
    is_timed: bool,
) -> SideView {
    let evidence = &side.evidence;
    let excerpt = match (evidence.body_shown, evidence.body_len) {
        (shown, all) if shown >= all => format!("The whole body, {}.", words::count(all, "byte")),
        _ => format!("Of the body, {}.", crate::report::har::excerpt(side)),
    };
    SideView {
        class,
        role,
        label: format!("{role}: {user}"),
        user: user.to_owned(),
        request: side.request.clone(),
        status: side.status,
        times: times(side, is_timed),
        head: pieces(&evidence.head),
        head_label: format!("Head of {user}'s answer"),
        body: pieces(&evidence.body),
        body_label: format!("Body of {user}'s answer, excerpt"),
        excerpt,
    }
}

/// Which exchange it is, and when it was, if that is told by a clock.
fn times(side: &FindingSide, is_timed: bool) -> String {
    let which = format!(
        "exchange {}, step {}",
        words::number(side.exchange),
        side.step
    );
    if !is_timed {
        return which;
    }
    let took = Duration::from_nanos(side.done_ns.saturating_sub(side.sent_ns));
    format!(
        "{which}: sent {}, over after {}",
        clock(side.sent_ns),
        words::time(took)
    )
}

/// A time since the run began, seconds with microseconds.
fn clock(ns: u64) -> String {
    let micros = ns / 1_000;
    format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

fn pieces(pieces: &[Piece]) -> Vec<PieceView> {
    pieces
        .iter()
        .map(|piece| PieceView {
            text: piece.text.clone(),
            hit: piece.hit,
            of: piece.of.clone(),
        })
        .collect()
}

fn spreads(report: &Report) -> Vec<SpreadView> {
    report
        .spread
        .iter()
        .map(|spread| SpreadView {
            strategy: spread.strategy.clone(),
            volleys: words::number(spread.volleys),
            median: words::time(Duration::from_micros(spread.median_us)),
            p95: words::time(Duration::from_micros(spread.p95_us)),
            clock: if spread.by_server {
                "the server's"
            } else {
                "the client's releases"
            },
        })
        .collect()
}

fn facts(report: &Report) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |label, value: String| {
        if !value.is_empty() {
            facts.push(Fact { label, value });
        }
    };
    add("Scenario", report.scenario.clone());
    add("Scenario file", scenario_file(report).unwrap_or_default());
    add("Target", report.target.clone());
    add("Base URL", report.url.clone());
    add("Users", words::number(report.users));
    if !report.is_exploration() {
        add("Rounds", words::number(report.strength.rounds.into()));
    }
    let steps: Vec<&str> = report.steps.iter().map(|step| step.name.as_str()).collect();
    add("Steps", steps.join(", "));
    add("Took", words::time(Duration::from_nanos(report.elapsed_ns)));
    add("Ended", ended(report));
    add("Engine", report.engine.clone());
    add("Seed", report.seed.to_string());
    add("Expected", report.expected.to_string());
    facts
}

fn ended(report: &Report) -> String {
    match &report.ending {
        Some(Ending::Completed) => "when everything was done".to_owned(),
        Some(Ending::Limit { limit }) => format!("at a limit: {limit}"),
        Some(Ending::Interrupted) => "interrupted; what was recorded until then counts".to_owned(),
        Some(Ending::Failed { why, .. }) => format!("early: {why}"),
        None => "unknown: the history breaks off".to_owned(),
    }
}

/// The text with its first letter in upper case, unless it begins with a name.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

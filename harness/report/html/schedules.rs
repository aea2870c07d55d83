//! What explorations have run, part by part: which schedules, how many of them exposed something, with which outcomes, and
//! what steps there were.

use std::collections::BTreeMap;
use std::time::Duration;

use minijinja::value::Value;
use serde::Serialize;

use super::movers::{Column, Movers};
use super::view::capital;
use super::walk::{Again, LONGEST, Table, Walks, walks};
use crate::history::{Doubts, PointCounts, StepEnd, Way};
use crate::judge::Reach;
use crate::report::{Exploration, Report, ShortestSchedule, telling, words};

/// Rows of told schedules that a page holds as data.
const ROOM: usize = 100_000;
/// Distinct steps of a request that are listed.
const STEPS: usize = 200;

/// One exploration.
#[derive(Debug, Serialize)]
pub(super) struct ExplorationView {
    number: usize,
    title: String,
    coverage: String,
    schedules: String,
    exposing: String,
    is_clean: bool,
    share: Share,
    facts: Vec<(&'static str, String)>,
    bounds: Vec<BoundView>,
    outcomes: Vec<OutcomeView>,
    outcomes_left_out: Option<String>,
    layers: Vec<&'static str>,
    points: Vec<PointsView>,
    steps: Vec<StepsView>,
    warnings: Vec<String>,
    columns: Vec<Column>,
    has_shared: bool,
    walks: Vec<WalkView>,
    /// For the page's script.
    data: Value,
}

#[derive(Debug, Serialize)]
struct Share {
    text: String,
    /// Of a hundred.
    width: String,
}

#[derive(Debug, Serialize)]
struct BoundView {
    preemptions: String,
    schedules: String,
    exposing: String,
    share: Share,
    complete: &'static str,
}

#[derive(Debug, Serialize)]
struct OutcomeView {
    what: String,
    schedules: String,
    share: Share,
    exposing: bool,
}

#[derive(Debug, Serialize)]
struct PointsView {
    mover: String,
    name: String,
    counts: Vec<String>,
    inside: String,
}

#[derive(Debug, Serialize)]
struct StepsView {
    title: String,
    steps: Vec<(String, String)>,
    left_out: Option<String>,
}

/// A schedule to be walked through.
#[derive(Debug, Serialize)]
struct WalkView {
    id: String,
    headline: String,
    /// Ids of the findings that stand in the page.
    findings: Vec<String>,
    is_open: bool,
    outcome: String,
    exposing: bool,
    schedule: String,
    story: Vec<String>,
    command: Option<String>,
    /// A test that runs it again.
    test: Option<String>,
    replay: Option<String>,
    /// Place among the told ones.
    told: Option<usize>,
    table: Option<Table>,
    /// Whether steps of the table lead to a schedule that is not told.
    has_untold: bool,
    /// Why there is no table.
    missing: Option<String>,
}

impl ExplorationView {
    /// Whether there is a schedule to walk through.
    pub(super) fn has_walks(&self) -> bool {
        self.walks.iter().any(|walk| walk.table.is_some())
    }
}

/// Everything that the page shows of explorations.
pub(super) fn explorations(report: &Report) -> Vec<ExplorationView> {
    let mut room = ROOM;
    report
        .explored
        .iter()
        .enumerate()
        .map(|(number, explored)| exploration(number, explored, report, &mut room))
        .collect()
}

/// The place in the page of the schedule that shows a finding, and the schedule.
pub(super) fn schedule_of(report: &Report, finding: &str) -> Option<(String, String)> {
    let all = report.explored.iter().enumerate();
    all.flat_map(|(number, explored)| {
        let found = explored.found.iter().enumerate();
        found.map(move |(place, found)| (number, place, found))
    })
    .find(|(_, _, found)| found.exposures.iter().any(|id| id == finding))
    .map(|(number, place, found)| (walk_id(number, place), found.schedule.to_string()))
}

fn walk_id(exploration: usize, found: usize) -> String {
    format!("x{exploration}-{found}")
}

fn exploration(
    number: usize,
    explored: &Exploration,
    report: &Report,
    room: &mut usize,
) -> ExplorationView {
    let movers = Movers::of(explored);
    let columns = movers.columns();
    let mut told = walks(explored, &movers, room);
    told.again = again(explored, report);
    let (layers, points) = points(explored, &columns);
    let mut walks: Vec<WalkView> = (0..explored.found.len())
        .map(|place| found(number, place, explored, &told, report))
        .collect();
    if walks.is_empty() && !told.told.is_empty() {
        walks.push(example(number, &told));
    }
    ExplorationView {
        number,
        title: title(&columns[..explored.requests.len()]),
        coverage: coverage(explored),
        schedules: words::count(explored.schedules, "schedule"),
        exposing: words::number(explored.exposing),
        is_clean: explored.exposing == 0,
        share: share(explored.exposing, explored.schedules),
        facts: facts(explored),
        bounds: bounds(explored),
        outcomes: outcomes(explored),
        outcomes_left_out: outcomes_left_out(explored),
        layers,
        points,
        steps: steps(explored, &columns),
        warnings: explored
            .warnings
            .iter()
            .map(|warning| capital(warning))
            .chain(doubts(&explored.doubts))
            .collect(),
        has_shared: movers.has_shared(),
        columns,
        walks,
        data: data(&told),
    }
}

/// `read by alice and read by bob`.
fn title(requests: &[Column]) -> String {
    let parts: Vec<String> = requests
        .iter()
        .map(|column| format!("{} by {}", column.step, column.name))
        .collect();
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => parts.concat(),
    }
}

/// Which schedules were run, in the words that stand everywhere.
fn coverage(explored: &Exploration) -> String {
    telling::reach(&Reach {
        races: 1,
        schedules: explored.schedules,
        exposing: explored.exposing,
        sampled: explored.sampled,
        covered: explored.schedules.saturating_sub(explored.sampled),
        coverage: explored.coverage.clone(),
    })
}

/// A share in words and as a width. Neither none nor all is said of what is only nearly so.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share is shown with one decimal place"
)]
fn share(part: u64, all: u64) -> Share {
    let percent = 100.0 * part as f64 / all.max(1) as f64;
    let text = match part {
        0 => "none".to_owned(),
        _ if part >= all => "all".to_owned(),
        _ => format!("{:.1} %", percent.clamp(0.1, 99.9)),
    };
    Share {
        text,
        width: format!("{:.2}", percent.clamp(0.0, 100.0)),
    }
}

fn facts(explored: &Exploration) -> Vec<(&'static str, String)> {
    let mut facts = vec![(
        "A step",
        match explored.way {
            Way::InProcess => "one poll between two await points, in this process",
            Way::Turnstile => {
                "one message to or from a backend of the service, let through the turnstile"
            }
        }
        .to_owned(),
    )];
    if let Some(first) = explored.first_exposing {
        facts.push((
            "First exposing",
            format!("the {}", ordinal(first, "schedule that was run")),
        ));
    }
    if explored.sampled > 0 {
        let drawn = words::count(explored.sampled, "schedule");
        facts.push(("Drawn by chance", format!("{drawn} of these")));
    }
    facts.push(("Took", took(explored)));
    facts.push(("Holds for", explored.environment.clone()));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn took(explored: &Exploration) -> String {
    let took = words::time(Duration::from_nanos(explored.elapsed_ns));
    if explored.elapsed_ns == 0 {
        return String::new();
    }
    let each = explored.elapsed_ns / explored.schedules.max(1);
    format!(
        "{took}, {} a schedule",
        words::time(Duration::from_nanos(each))
    )
}

fn ordinal(n: u64, noun: &str) -> String {
    let ending = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{}{ending} {noun}", words::number(n))
}

fn bounds(explored: &Exploration) -> Vec<BoundView> {
    explored
        .bounds
        .iter()
        .map(|bound| BoundView {
            preemptions: match bound.preemptions {
                0 => "0, one request after the other".to_owned(),
                n => words::number(n.into()),
            },
            schedules: words::number(bound.schedules),
            exposing: words::number(bound.exposing),
            share: share(bound.exposing, bound.schedules),
            complete: if bound.complete { "yes" } else { "no" },
        })
        .collect()
}

fn outcomes(explored: &Exploration) -> Vec<OutcomeView> {
    explored
        .outcomes
        .iter()
        .map(|outcome| OutcomeView {
            what: outcome.what.clone(),
            schedules: words::number(outcome.schedules),
            share: share(outcome.schedules, explored.schedules),
            exposing: outcome.exposing,
        })
        .collect()
}

fn outcomes_left_out(explored: &Exploration) -> Option<String> {
    let left = explored
        .outcomes_total
        .saturating_sub(explored.outcomes.len() as u64);
    let were = if left == 1 { "is" } else { "are" };
    (left > 0).then(|| {
        format!(
            "{}, each of fewer schedules, {were} left out.",
            words::count(left, "further outcome")
        )
    })
}

type Layer = (&'static str, fn(&PointCounts) -> u32);

/// Names of the layers that have points, and the points of each request in them.
fn points(explored: &Exploration, columns: &[Column]) -> (Vec<&'static str>, Vec<PointsView>) {
    const LAYERS: [Layer; 6] = [
        ("Natural waits", |points| points.natural),
        ("Starved awaits", |points| points.starved),
        ("Named points", |points| points.explicit),
        ("Service boundaries", |points| points.service),
        ("Backend messages", |points| points.backend),
        ("Front pieces", |points| points.front),
    ];
    let used: Vec<&Layer> = LAYERS
        .iter()
        .filter(|(_, count)| explored.points.iter().any(|points| count(points) > 0))
        .collect();
    let rows = explored
        .points
        .iter()
        .zip(columns)
        .map(|(points, column)| PointsView {
            mover: column.mover.clone(),
            name: column.name.clone(),
            counts: used
                .iter()
                .map(|(_, count)| words::number(count(points).into()))
                .collect(),
            inside: words::number(points.inside().into()),
        })
        .collect();
    (used.iter().map(|(name, _)| *name).collect(), rows)
}

/// The distinct steps of each request in the told schedules, in the order in which they were first seen.
fn steps(explored: &Exploration, columns: &[Column]) -> Vec<StepsView> {
    let mut seen: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
    for step in explored.told.iter().flat_map(|told| &told.steps) {
        let Some(request) = step.mv.request().filter(|at| *at < explored.requests.len()) else {
            continue;
        };
        let place = match (&step.place, step.ended) {
            (Some(place), StepEnd::Natural | StepEnd::Starved) => format!("await at {place}"),
            (Some(place), _) => place.clone(),
            (None, _) => String::new(),
        };
        let of_request = seen.entry(request).or_default();
        let told = (step.what.clone(), place);
        if !of_request.contains(&told) && of_request.len() <= STEPS {
            of_request.push(told);
        }
    }
    seen.into_iter()
        .map(|(request, mut steps)| {
            let left_out =
                (steps.len() > STEPS).then(|| format!("Only the first {STEPS} are listed."));
            steps.truncate(STEPS);
            StepsView {
                title: format!("{} {}", columns[request].mover, columns[request].name),
                steps,
                left_out,
            }
        })
        .collect()
}

fn doubts(doubts: &Doubts) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |n: u64, noun: &str, what: &str| {
        if n > 0 {
            said.push(format!("{} {what}", words::count(n, noun)));
        }
    };
    say(
        doubts.diverged,
        "execution",
        "diverged: after the same moves, other moves were possible than before. They do not count as schedules.",
    );
    say(
        doubts.differed,
        "schedule",
        "with an exposure came out otherwise when run once more: something that is not controlled takes part.",
    );
    say(
        doubts.foreign_wakes,
        "execution",
        "had a request woken from another thread: its timing is not controlled.",
    );
    say(
        doubts.stuck,
        "execution",
        "ended with requests blocked for ever.",
    );
    say(
        doubts.endless,
        "execution",
        "ended by the limit on moves. They do not count as schedules.",
    );
    say(
        doubts.background_messages,
        "message",
        "to a backend belonged to no request; all of these were let through.",
    );
    said
}

fn found(
    number: usize,
    place: usize,
    explored: &Exploration,
    told: &Walks,
    report: &Report,
) -> WalkView {
    let found = &explored.found[place];
    let shown = told.place(&found.schedule);
    let findings: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| found.exposures.contains(&finding.id))
        .map(|finding| finding.id.clone())
        .collect();
    let headlines: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| found.exposures.contains(&finding.id))
        .map(telling::headline)
        .collect();
    WalkView {
        id: walk_id(number, place),
        headline: match headlines.as_slice() {
            [] => format!("Exposure {}", found.exposures.join(", ")),
            some => some.join("; "),
        },
        findings,
        is_open: place == 0,
        outcome: shown
            .map(|at| told.told[at].outcome.clone())
            .unwrap_or_default(),
        exposing: true,
        schedule: found.schedule.to_string(),
        story: story(found),
        command: report.replay_of_schedule(&found.replay),
        test: found.test.clone(),
        replay: Some(found.replay.clone()).filter(|line| !line.is_empty()),
        told: shown,
        table: shown.map(|at| told.table(at)),
        has_untold: shown.is_some_and(|at| told.has_untold(at)),
        missing: shown.is_none().then(|| missing(found)),
    }
}

/// How any schedule of the exploration is run: by its command, or as a call of the library.
fn again(explored: &Exploration, report: &Report) -> Option<Again> {
    // It has to be quoted in a command, as most schedules have.
    const ANY: &str = "R1*2";
    let line = explored.found.iter().find_map(|found| {
        let head = found.replay.strip_suffix(&found.schedule.to_string())?;
        Some(format!("{head}{ANY}"))
    })?;
    let whole = report
        .replay_of_schedule(&line)
        .unwrap_or_else(|| format!(".schedule({line:?})"));
    let (before, after) = whole.rsplit_once(ANY)?;
    Some(Again {
        before: before.to_owned(),
        after: after.to_owned(),
    })
}

fn missing(found: &ShortestSchedule) -> String {
    let steps = found.schedule.0.len();
    if steps > LONGEST {
        return format!(
            "It has {}, too many to show one by one.",
            words::count(steps as u64, "step")
        );
    }
    "Its steps are not in this page; the replay line runs it again.".to_owned()
}

/// A schedule of an exploration that found nothing.
fn example(number: usize, told: &Walks) -> WalkView {
    let first = &told.told[0];
    WalkView {
        id: walk_id(number, 0),
        headline: "One of the schedules".to_owned(),
        findings: Vec::new(),
        is_open: true,
        outcome: first.outcome.clone(),
        exposing: first.exposing,
        schedule: first.schedule.clone(),
        story: Vec::new(),
        command: None,
        test: None,
        replay: None,
        told: Some(0),
        table: Some(told.table(0)),
        has_untold: told.has_untold(0),
        missing: None,
    }
}

/// How the schedule was found, in sentences.
fn story(found: &ShortestSchedule) -> Vec<String> {
    let long = |schedule: &crate::history::Schedule| {
        format!(
            "{} and {}",
            words::count(schedule.0.len() as u64, "step"),
            match schedule.switches() {
                1 => "1 switch".to_owned(),
                n => format!("{} switches", words::number(n as u64)),
            }
        )
    };
    let mut story = vec![format!(
        "The shortest schedule found for this: {}, {}.",
        long(&found.schedule),
        words::count(found.preemptions.into(), "preemption")
    )];
    if found.first_seen != found.schedule {
        story.push(format!(
            "First seen with {}; made shorter in {}.",
            long(&found.first_seen),
            words::count(found.shrunk_in, "execution")
        ));
    }
    let (same, of) = found.repeated;
    if of > 0 {
        let of = words::count(of.into(), "time");
        story.push(match same {
            same if same == found.repeated.1 => format!("Run {of}: the same each time."),
            same => format!("Run {of}: the same in {}.", words::number(same.into())),
        });
    }
    story
}

/// The told schedules as JSON in which nothing can end the element that it stands in.
fn data(told: &Walks) -> Value {
    // Strings and numbers alone: there is nothing that could fail.
    let json = serde_json::to_string(told).unwrap_or_default();
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => safe.push(c),
        }
    }
    Value::from_safe_string(safe)
}

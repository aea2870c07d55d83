//! Schedules step by step, ready to be shown: who went on in which row, what shared state held then, and which schedule two
//! swapped steps lead to.
//!
//! The schedules of findings are written into the page as tables. All that are told stand in it as data too, each distinct
//! row once, for the page's script to lead from one to the next.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::movers::Movers;
use crate::history::{Move, Schedule, SharedTold, StepEnd};
use crate::report::{Exploration, ExploredStep, ScheduleSteps, ShortestSchedule, words};

/// Steps of a schedule beyond which it is not shown step by step.
pub(super) const LONGEST: usize = 1_000;
/// Names of shared state up to which each row tells what all of them hold; of more, only those that its step touched.
const HELD: usize = 6;

/// All told schedules of an exploration.
#[derive(Debug, Serialize)]
pub(super) struct Walks {
    /// What a move is called, by the move.
    movers: BTreeMap<String, String>,
    /// The column of a move, by the move.
    lanes: BTreeMap<String, usize>,
    /// The colour of a column.
    colours: Vec<usize>,
    /// Whether there is a column of shared state.
    shared: bool,
    /// How a schedule is run that is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<Again>,
    /// The distinct rows.
    rows: Vec<Row>,
    /// The schedules; rows by their place.
    pub(super) told: Vec<Told>,
}

/// What stands before and after a schedule where it is run.
#[derive(Debug, Serialize)]
pub(super) struct Again {
    pub(super) before: String,
    pub(super) after: String,
}

/// A schedule.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) schedule: String,
    pub(super) outcome: String,
    pub(super) exposing: bool,
    rows: Vec<usize>,
    /// What swapping each step with the next one leads to.
    swaps: Vec<Swap>,
    /// Number of the finding whose shortest schedule it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decisive: Option<Turn>,
}

/// The decisive move.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Turn {
    at: usize,
    text: String,
}

/// A step, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Row {
    /// The move: `R1`.
    mv: String,
    /// Its column.
    lane: usize,
    /// A letter for each column: [`Lane`].
    lanes: String,
    what: String,
    /// `await at`, before the place.
    at: &'static str,
    place: String,
    /// How it ended.
    end: &'static str,
    woke: String,
    crossed: String,
    held: Vec<Held>,
}

/// What shared state holds after a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Held {
    name: String,
    value: String,
    /// Who wrote it, and who read it just now.
    note: String,
    /// `changed`, `crossread`, `touched`, or nothing.
    class: &'static str,
}

/// What two steps in the other order lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Swap {
    /// Both are of the same mover, or there is no next one.
    None,
    /// That schedule: all other steps as they were.
    Exactly(usize),
    /// That schedule, which goes on otherwise after the two.
    Otherwise(usize),
    /// The second step was possible because of the first one alone.
    Needed,
    /// It is not among those that are told.
    Untold,
}

impl Serialize for Swap {
    /// As the script reads it: nothing, a place, a place in a list, or the reason.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Swap::None => serializer.serialize_none(),
            Swap::Exactly(at) => at.serialize(serializer),
            Swap::Otherwise(at) => [at].serialize(serializer),
            Swap::Needed => serializer.serialize_str("needs this step"),
            Swap::Untold => serializer.serialize_str("not told"),
        }
    }
}

/// A schedule as it is written into the page.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub(super) runs: Vec<Run>,
    rows: Vec<TableRow>,
}

/// Steps of one mover in a row.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    colour: usize,
    label: String,
}

#[derive(Debug, Serialize)]
struct TableRow {
    number: String,
    #[serde(flatten)]
    row: Row,
    who: String,
    /// Letters of [`Row::lanes`].
    cells: Vec<String>,
    turn: Option<String>,
    swap: Option<SwapText>,
}

#[derive(Debug, Serialize)]
struct SwapText {
    class: &'static str,
    text: String,
}

/// Tells the first schedules, up to `room` rows; the room that is left is kept in it.
pub(super) fn walks(explored: &Exploration, movers: &Movers<'_>, room: &mut usize) -> Walks {
    let mut shown: Vec<&ScheduleSteps> = Vec::new();
    for told in &explored.told {
        let steps = told.steps.len().min(told.schedule.0.len());
        if steps == 0 || steps > LONGEST || steps > *room {
            continue;
        }
        *room -= steps;
        shown.push(told);
    }
    let neighbours = Neighbours::of(&shown);
    let mut rows = Interned::default();
    let told = shown
        .iter()
        .enumerate()
        .map(|(at, told)| {
            let found = explored
                .found
                .iter()
                .position(|found| found.schedule == told.schedule);
            Told {
                schedule: told.schedule.to_string(),
                outcome: told.outcome.clone(),
                exposing: !told.exposures.is_empty(),
                rows: told_rows(told, movers)
                    .into_iter()
                    .map(|row| rows.place(row))
                    .collect(),
                swaps: (0..told.steps.len())
                    .map(|step| neighbours.swapped(at, step))
                    .collect(),
                found,
                decisive: found.and_then(|found| turn(&explored.found[found])),
            }
        })
        .collect();
    Walks {
        movers: movers.told_names(),
        lanes: movers.told_lanes(),
        colours: movers
            .columns()
            .iter()
            .map(|column| column.colour)
            .collect(),
        shared: movers.has_shared(),
        again: None,
        rows: rows.rows,
        told,
    }
}

impl Walks {
    /// Place of a schedule.
    pub(super) fn place(&self, schedule: &Schedule) -> Option<usize> {
        let schedule = schedule.to_string();
        self.told.iter().position(|told| told.schedule == schedule)
    }

    /// Whether a swap of that schedule's steps leads to one that is not told.
    pub(super) fn has_untold(&self, at: usize) -> bool {
        self.told[at].swaps.contains(&Swap::Untold)
    }

    /// The schedule at that place, as a table.
    pub(super) fn table(&self, at: usize) -> Table {
        let told = &self.told[at];
        let rows: Vec<&Row> = told.rows.iter().map(|row| &self.rows[*row]).collect();
        Table {
            runs: rows
                .chunk_by(|a, b| a.mv == b.mv)
                .map(|run| Run {
                    colour: self.colours[run[0].lane],
                    label: match run.len() {
                        1 => self.movers[&run[0].mv].clone(),
                        times => format!("{} ×{times}", self.movers[&run[0].mv]),
                    },
                })
                .collect(),
            rows: rows
                .iter()
                .enumerate()
                .map(|(step, row)| TableRow {
                    number: words::number(step as u64 + 1),
                    row: (*row).clone(),
                    who: self.movers[&row.mv].clone(),
                    cells: row.lanes.chars().map(String::from).collect(),
                    turn: told
                        .decisive
                        .as_ref()
                        .filter(|turn| turn.at == step)
                        .map(|turn| turn.text.clone()),
                    swap: self.swap_text(&told.swaps[step]),
                })
                .collect(),
        }
    }

    fn swap_text(&self, swap: &Swap) -> Option<SwapText> {
        let (class, text) = match swap {
            Swap::None => return None,
            Swap::Exactly(at) | Swap::Otherwise(at) if self.told[*at].exposing => {
                ("crosses", "data crosses")
            }
            Swap::Exactly(_) | Swap::Otherwise(_) => ("quiet", "nothing crosses"),
            Swap::Needed => ("untold", "needs this step"),
            Swap::Untold => ("untold", "not told"),
        };
        Some(SwapText {
            class,
            text: text.to_owned(),
        })
    }
}

/// Which move is decisive, and how that is known.
fn turn(found: &ShortestSchedule) -> Option<Turn> {
    let decisive = found.decisive?;
    let (ways, exposing) = decisive.before;
    let all = match (decisive.after, decisive.complete) {
        (1, true) => "the only way to go on after it does".to_owned(),
        (after, true) => format!("all {} ways to go on after it do", words::number(after)),
        (after, false) => format!(
            "all {} ways to go on after it that were run do",
            words::number(after)
        ),
    };
    let which = if decisive.complete {
        ""
    } else {
        " that were run"
    };
    Some(Turn {
        at: decisive.at as usize,
        text: format!(
            "Decisive: before it {} of {}{which} exposed; {all}.",
            words::number(exposing),
            match ways {
                1 => "1 way to go on".to_owned(),
                ways => format!("{} ways to go on", words::number(ways)),
            },
        ),
    })
}

fn told_rows(told: &ScheduleSteps, movers: &Movers<'_>) -> Vec<Row> {
    let moves: Vec<Move> = told.steps.iter().map(|step| step.mv).collect();
    let lanes: Vec<usize> = moves.iter().map(|mv| movers.lane(*mv)).collect();
    // Where each column's first and last step is.
    let spans: Vec<Option<(usize, usize)>> = (0..movers.column_count())
        .map(|lane| {
            let first = lanes.iter().position(|of| *of == lane)?;
            let last = lanes.iter().rposition(|of| *of == lane)?;
            Some((first, last))
        })
        .collect();
    let mut shared = Shared::default();
    told.steps
        .iter()
        .enumerate()
        .map(|(at, step)| Row {
            mv: step.mv.to_string(),
            lane: lanes[at],
            lanes: spans
                .iter()
                .enumerate()
                .map(|(lane, span)| letter(lane == lanes[at], at, *span))
                .collect(),
            what: step.what.clone(),
            at: before_place(step.ended),
            place: step.place.clone().unwrap_or_default(),
            end: ended(step),
            woke: woke(step, movers),
            crossed: crossed(step),
            held: shared.after(step, movers),
        })
        .collect()
}

/// `a` acts, `b` before its first step, `w` waits between its steps, `d` done.
fn letter(acts: bool, at: usize, span: Option<(usize, usize)>) -> char {
    match span {
        _ if acts => 'a',
        Some((first, last)) if first < at && at < last => 'w',
        Some((_, last)) if last < at => 'd',
        _ => 'b',
    }
}

fn before_place(end: StepEnd) -> &'static str {
    match end {
        StepEnd::Natural | StepEnd::Starved => "await at",
        StepEnd::Explicit => "named point at",
        StepEnd::Blocked => "blocked at",
        StepEnd::Service
        | StepEnd::Backend
        | StepEnd::Front
        | StepEnd::Finished
        | StepEnd::Other => "at",
    }
}

/// How the step ended, unless its place says so.
fn ended(step: &ExploredStep) -> &'static str {
    match step.ended {
        StepEnd::Explicit | StepEnd::Blocked if step.place.is_some() => "",
        StepEnd::Natural => "natural wait",
        StepEnd::Starved => "starved: could have gone on",
        StepEnd::Explicit => "named point",
        StepEnd::Service => "service boundary",
        StepEnd::Backend => "held at the backend",
        StepEnd::Front => "piece passed",
        StepEnd::Blocked => "blocked",
        StepEnd::Finished => "over",
        StepEnd::Other => "",
    }
}

fn woke(step: &ExploredStep, movers: &Movers<'_>) -> String {
    let names: Vec<String> = step.woke.iter().map(|mv| movers.name(*mv)).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("lets {} go on", names.join(", "))
}

fn crossed(step: &ExploredStep) -> String {
    let whose: Vec<String> = step
        .crossed
        .iter()
        .map(|user| format!("{}’s", user))
        .collect();
    if whose.is_empty() {
        return String::new();
    }
    format!("Holds {} data", whose.join(" and "))
}

/// What shared state holds, and who wrote it.
#[derive(Debug, Default)]
struct Shared {
    held: BTreeMap<String, (String, Option<Move>)>,
}

impl Shared {
    /// After that step.
    fn after(&mut self, step: &ExploredStep, movers: &Movers<'_>) -> Vec<Held> {
        let mut touched: BTreeMap<&str, (&'static str, String)> = BTreeMap::new();
        for access in &step.shared {
            let told = self.access(step.mv, access, movers);
            // Of several accesses in one step the most telling one gives the colour.
            let entry = touched
                .entry(access.name.as_str())
                .or_insert(("touched", String::new()));
            if told.0 == "crossread" || entry.0 == "touched" {
                entry.0 = told.0;
            }
            entry.1 = told.1;
        }
        let tells_all = self.held.len() <= HELD;
        self.held
            .iter()
            .filter(|(name, _)| tells_all || touched.contains_key(name.as_str()))
            .map(|(name, (value, writer))| {
                let (class, note) = touched.get(name.as_str()).cloned().unwrap_or_else(|| {
                    let note = writer
                        .map(|by| format!("written by {}", movers.name(by)))
                        .unwrap_or_default();
                    ("", note)
                });
                Held {
                    name: name.clone(),
                    value: value.clone(),
                    note,
                    class,
                }
            })
            .collect()
    }

    fn access(
        &mut self,
        by: Move,
        access: &SharedTold,
        movers: &Movers<'_>,
    ) -> (&'static str, String) {
        let name = movers.name(by);
        let before = self.held.get(&access.name).cloned();
        if access.wrote {
            let is_changed = before
                .as_ref()
                .is_none_or(|(value, _)| *value != access.value);
            self.held
                .insert(access.name.clone(), (access.value.clone(), Some(by)));
            return if is_changed {
                ("changed", format!("written now by {name}"))
            } else {
                ("touched", format!("written now by {name}, unchanged"))
            };
        }
        let writer = before.and_then(|(_, writer)| writer);
        self.held
            .insert(access.name.clone(), (access.value.clone(), writer));
        match writer {
            Some(writer) if movers.is_of_others(writer, by) => (
                "crossread",
                format!("written by {}, read now by {name}", movers.name(writer)),
            ),
            Some(writer) => (
                "touched",
                format!("written by {}, read now by {name}", movers.name(writer)),
            ),
            None => ("touched", format!("read now by {name}")),
        }
    }
}

/// Distinct rows, in the order of their first use.
#[derive(Debug, Default)]
struct Interned {
    rows: Vec<Row>,
    places: BTreeMap<Row, usize>,
}

impl Interned {
    fn place(&mut self, row: Row) -> usize {
        if let Some(place) = self.places.get(&row) {
            return *place;
        }
        self.places.insert(row.clone(), self.rows.len());
        self.rows.push(row);
        self.rows.len() - 1
    }
}

/// Finds the schedules that others become when two of their steps are swapped.
struct Neighbours<'a> {
    told: &'a [&'a ScheduleSteps],
    /// Places of [`Neighbours::told`] in the order of their moves.
    sorted: Vec<usize>,
}

impl<'a> Neighbours<'a> {
    fn of(told: &'a [&'a ScheduleSteps]) -> Neighbours<'a> {
        let mut sorted: Vec<usize> = (0..told.len()).collect();
        sorted.sort_by(|a, b| told[*a].schedule.cmp(&told[*b].schedule));
        Neighbours { told, sorted }
    }

    fn swapped(&self, at: usize, step: usize) -> Swap {
        let told = self.told[at];
        let moves = &told.schedule.0;
        let Some([first, second]) = moves.get(step..step + 2) else {
            return Swap::None;
        };
        if first == second {
            return Swap::None;
        }
        let mut wanted = moves.clone();
        wanted.swap(step, step + 1);
        let from = self
            .sorted
            .partition_point(|place| self.told[*place].schedule.0 < wanted);
        if let Some(place) = self.sorted.get(from)
            && self.told[*place].schedule.0 == wanted
        {
            return Swap::Exactly(*place);
        }
        if told
            .steps
            .get(step)
            .is_some_and(|s| s.woke.contains(second))
        {
            return Swap::Needed;
        }
        // All that begin with the swapped moves stand together in the order; the one most alike stands next to `wanted`.
        let begin = step + 2;
        let alike = |place: &usize| {
            let others = &self.told[*place].schedule.0;
            let alike = others.iter().zip(&wanted).take_while(|(a, b)| a == b);
            alike.count()
        };
        let before = from.checked_sub(1).and_then(|place| self.sorted.get(place));
        before
            .into_iter()
            .chain(self.sorted.get(from))
            .map(|place| (alike(place), *place))
            .filter(|(alike, _)| *alike >= begin)
            .max_by_key(|(alike, place)| (*alike, std::cmp::Reverse(*place)))
            .map_or(Swap::Untold, |(_, place)| Swap::Otherwise(place))
    }
}

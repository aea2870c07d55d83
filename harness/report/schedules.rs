//! Schedules as text: a line for the switches, a table with one column per request, and the sums of an exploration.

use std::time::Duration;

use super::exploration::{Exploration, ExploredStep, ScheduleSteps, ShortestSchedule};
use super::words;
use crate::history::{Doubts, Move, PointCounts, Schedule, Way};

/// Steps of a schedule that are told; of a longer one the first and the last.
const STEPS_TOLD: usize = 60;
/// Columns of the numbers of steps.
const NUMBERS: usize = 5;
/// Fewest columns of a request; with less room all requests share one.
const NARROWEST: usize = 18;
/// Outcomes that are told.
const OUTCOMES_TOLD: usize = 8;
/// Numbers of preemptions that are told.
const BOUNDS_TOLD: usize = 12;

/// The requests and who is in control: `read by alice and read by bob, in process`.
pub(super) fn title(exploration: &Exploration) -> String {
    let told: Vec<String> = exploration
        .requests
        .iter()
        .map(|request| format!("{} by {}", request.step, request.user))
        .collect();
    let requests = match told.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => told.concat(),
    };
    let way = match exploration.way {
        Way::InProcess => "in process",
        Way::Turnstile => "through the turnstile",
    };
    format!("{requests}, {way}")
}

/// The switches in a line: `alice ──call, await── │ bob ──call── │ alice ──answered 200──`, see [`switches`].
pub(super) fn diagram(exploration: &Exploration, schedule: &Schedule, width: usize) -> String {
    switches(exploration, schedule, width, 1).concat()
}

/// The switches in so many lines of `width` columns, broken between the runs of one mover. What a run did is told in full, if
/// that fits into one line; otherwise by its last step; then by the number of its steps, of which those in the middle are left
/// out where they are too many.
pub(super) fn switches(
    exploration: &Exploration,
    schedule: &Schedule,
    width: usize,
    most: usize,
) -> Vec<String> {
    let steps = exploration.steps_of(schedule).map(|told| &told.steps[..]);
    let of_run = |from: usize, to: usize| steps?.get(from..to);
    let every = |from, to| {
        let whats = of_run(from, to)?.iter().map(|step| step.what.as_str());
        let whats: Vec<&str> = whats.collect();
        let repeated = whats.chunk_by(|a, b| a == b).map(|same| match same.len() {
            1 => same[0].to_owned(),
            times => format!("{} ×{times}", same[0]),
        });
        Some(repeated.collect::<Vec<_>>().join(", "))
    };
    let last = |from, to| Some(of_run(from, to)?.last()?.what.clone());
    let whole = filled(&runs(exploration, schedule, every), width);
    if whole.len() == 1 {
        return whole;
    }
    let by_last = runs(exploration, schedule, last);
    let by_number = runs(exploration, schedule, |_, _| None);
    for told in [&by_last, &by_number] {
        let lines = filled(told, width);
        let fits = lines.iter().all(|line| line.chars().count() <= width);
        if fits && lines.len() <= most {
            return lines;
        }
    }
    let fewer = (2..by_number.len()).rev();
    let mut elided = fewer.map(|kept| filled(&without_middle(&by_number, kept), width));
    elided
        .find(|lines| lines.len() <= most)
        .unwrap_or_else(|| vec![cut(&by_number.join(BETWEEN), width)])
}

/// Between runs.
const BETWEEN: &str = " │ ";

/// The runs in lines as long as there is room.
fn filled(runs: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for run in runs {
        let length = run.chars().count() + BETWEEN.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + length <= width => {
                line.push_str(BETWEEN);
                line.push_str(run);
            }
            Some(_) => lines.push(format!("{}{run}", BETWEEN.trim_start())),
            None => lines.push(run.clone()),
        }
    }
    lines
}

/// The first and the last of the runs, so many in all, and how many there are between them.
fn without_middle(runs: &[String], kept: usize) -> Vec<String> {
    let (first, last) = (kept.div_ceil(2), kept / 2);
    let left_out = (runs.len() - kept) as u64;
    let middle = format!("… {} more …", words::number(left_out));
    let mut shown = runs[..first].to_vec();
    shown.push(middle);
    shown.extend_from_slice(&runs[runs.len() - last..]);
    shown
}

fn runs(
    exploration: &Exploration,
    schedule: &Schedule,
    told: impl Fn(usize, usize) -> Option<String>,
) -> Vec<String> {
    let mut from = 0;
    let mut parts = Vec::new();
    for run in schedule.0.chunk_by(|a, b| a == b) {
        let to = from + run.len();
        let number = || words::count(run.len() as u64, "step");
        let what = told(from, to).unwrap_or_else(number);
        let who = exploration.who(run[0]);
        parts.push(match run[0] {
            Move::Request(_) => format!("{who} ──{what}──"),
            Move::Background | Move::Time | Move::Cancel(_) => who,
        });
        from = to;
    }
    parts
}

/// A schedule step by step: a column for each request, a row for each step, at most `width` columns wide.
pub(super) fn table(
    exploration: &Exploration,
    told: &ScheduleSteps,
    decisive: Option<u32>,
    width: usize,
) -> Vec<String> {
    let requests = exploration.requests.len().max(1);
    let room = width.saturating_sub(NUMBERS);
    let columns = if room / requests >= NARROWEST {
        requests
    } else {
        1
    };
    let table = Table {
        exploration,
        columns,
        column: (room / columns).saturating_sub(2).max(1),
    };
    let mut lines = Vec::new();
    if columns > 1 {
        let names = (0..requests).map(|at| exploration.who(Move::Request(place(at))));
        let cells = names.map(|name| format!("{name:0$}", table.column + 2));
        lines.push(
            format!("{:NUMBERS$}{}", "", cells.collect::<String>())
                .trim_end()
                .to_owned(),
        );
    }
    let steps = told.steps.len();
    let hidden = steps.saturating_sub(STEPS_TOLD);
    let gap = STEPS_TOLD * 2 / 3..STEPS_TOLD * 2 / 3 + hidden;
    let mut last: Option<Move> = None;
    for (at, step) in told.steps.iter().enumerate() {
        if gap.contains(&at) {
            if at == gap.start {
                let more = words::count(hidden as u64, "step");
                lines.push(format!("{:NUMBERS$}… {more} left out here", ""));
            }
            last = Some(step.mv);
            continue;
        }
        let is_switch = last.is_some_and(|last| last != step.mv);
        let is_decisive = decisive == u32::try_from(at).ok();
        if is_switch || is_decisive {
            lines.push(table.switch(step.mv, is_switch, is_decisive));
        }
        lines.extend(table.row(at + 1, step));
        last = Some(step.mv);
    }
    lines
}

fn place(at: usize) -> u8 {
    u8::try_from(at).unwrap_or(u8::MAX)
}

struct Table<'a> {
    exploration: &'a Exploration,
    columns: usize,
    /// Columns of text of a request.
    column: usize,
}

impl Table<'_> {
    fn switch(&self, mv: Move, is_switch: bool, is_decisive: bool) -> String {
        let what = if is_switch { "switch to " } else { "" };
        let decisive = if is_decisive {
            ": from here on every way to go on exposes"
        } else {
            ""
        };
        let line = format!(
            "{:NUMBERS$}┄┄ {what}{}{decisive}",
            "",
            self.exploration.who(mv)
        );
        cut(&line, NUMBERS + self.columns * (self.column + 2))
    }

    fn row(&self, number: usize, step: &ExploredStep) -> Vec<String> {
        let own_column = match step.mv {
            Move::Request(at) | Move::Cancel(at) if self.columns > 1 => usize::from(at),
            _ => 0,
        };
        let own_column = own_column.min(self.columns - 1);
        // Whoever has no column of its own takes the whole row.
        let is_named = self.columns == 1 || !matches!(step.mv, Move::Request(_));
        let width = if is_named {
            (self.columns - own_column) * (self.column + 2) - 2
        } else {
            self.column
        };
        let mut text = self.what(step);
        if is_named {
            let who = self.exploration.who(step.mv);
            text = if text == who {
                who
            } else {
                format!("{who}: {text}")
            };
        }
        let mut lines: Vec<String> = wrapped(&text, width);
        for more in self.edges(step) {
            let more = wrapped(&more, width.saturating_sub(2));
            lines.extend(more.into_iter().map(|line| format!("  {line}")));
        }
        let indent = own_column * (self.column + 2);
        let lines = lines.into_iter().enumerate().map(|(at, line)| {
            let number = if at == 0 {
                number.to_string()
            } else {
                String::new()
            };
            format!("{number:>3}  {:indent$}{line}", "")
        });
        lines.collect()
    }

    /// `await at src/notes.rs:31:18`.
    fn what(&self, step: &ExploredStep) -> String {
        match &step.place {
            Some(place) => format!("{} at {place}", step.what),
            None => step.what.clone(),
        }
    }

    /// What it did to shared state, whom it woke, and what crossed.
    fn edges(&self, step: &ExploredStep) -> Vec<String> {
        let mut edges: Vec<String> = step
            .shared
            .iter()
            .map(|shared| {
                let how = if shared.wrote { "writes" } else { "reads" };
                format!("{how} {}: {}", shared.name, shared.value)
            })
            .collect();
        edges.extend(
            step.woke
                .iter()
                .map(|mv| format!("wakes {}", self.exploration.who(*mv))),
        );
        edges.extend(
            step.crossed
                .iter()
                .map(|user| format!("HOLDS {user}'s DATA")),
        );
        edges
    }
}

/// Lines of at most `width` columns, broken at spaces; within words that are longer, such as paths, after a `/` or `:` where
/// there is one.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for line in words::wrapped(text, width) {
        let characters: Vec<char> = line.chars().collect();
        let mut rest = &characters[..];
        while rest.len() > width {
            let seam = rest[..width].iter().rposition(|c| matches!(c, '/' | ':'));
            let (piece, after) = rest.split_at(seam.map_or(width, |seam| seam + 1));
            lines.push(piece.iter().collect());
            rest = after;
        }
        lines.push(rest.iter().collect());
    }
    lines
}

/// The text, shortened to `width` columns.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// What is known of the decisive move: `bob's step 3: before it 4 of 12 ways to go on exposed, after it all 4`.
pub(super) fn decisive(exploration: &Exploration, found: &ShortestSchedule) -> Option<String> {
    let decisive = found.decisive?;
    let mv = found.schedule.0.get(decisive.at as usize)?;
    let whose = match mv {
        Move::Request(_) => format!("{} goes on", exploration.who(*mv)),
        other => exploration.who(*other),
    };
    let (ways, exposing) = decisive.before;
    let all = if decisive.complete {
        ""
    } else {
        " that were run"
    };
    Some(format!(
        "step {}, {whose}: before it {} of {} to go on{all} exposed, after it all {}",
        decisive.at + 1,
        words::number(exposing),
        words::count(ways, "way"),
        words::number(decisive.after),
    ))
}

/// How it was found: `first as a schedule of 9 moves and 7 switches; shrunk in 9 executions; 2 of 2 executions the same`.
pub(super) fn found_how(found: &ShortestSchedule) -> String {
    let size = |schedule: &Schedule| {
        format!(
            "{} and {}",
            words::count(schedule.0.len() as u64, "move"),
            count_switches(schedule.switches() as u64)
        )
    };
    let mut parts = vec![format!(
        "{} ({}, {})",
        found.schedule,
        size(&found.schedule),
        words::count(found.preemptions.into(), "preemption")
    )];
    if found.first_seen != found.schedule {
        parts.push(format!(
            "first seen with {}, shrunk in {}",
            size(&found.first_seen),
            words::count(found.shrunk_in, "execution")
        ));
    }
    let (same, all) = found.repeated;
    parts.push(format!(
        "{same} of {} came out the same",
        words::count(all.into(), "execution")
    ));
    parts.join("; ")
}

fn count_switches(n: u64) -> String {
    if n == 1 {
        "1 switch".to_owned()
    } else {
        format!("{} switches", words::number(n))
    }
}

/// The outcomes, the most frequent first: how many schedules led to each, their share, and what it was.
pub(super) fn outcomes(exploration: &Exploration) -> Vec<String> {
    let all = exploration.schedules.max(1);
    let shown = exploration.outcomes.iter().take(OUTCOMES_TOLD);
    let mut lines: Vec<String> = shown
        .clone()
        .map(|outcome| {
            let exposed = if outcome.exposing { "EXPOSED" } else { "" };
            format!(
                "{:>9}  {:>6}  {exposed:7}  {}",
                words::number(outcome.schedules),
                share(outcome.schedules, all),
                outcome.what
            )
        })
        .collect();
    let told = shown.count() as u64;
    if exploration.outcomes_total > told {
        let more = exploration.outcomes_total - told;
        lines.push(format!("and {} more", words::number(more)));
    }
    lines
}

/// `5.7 %`; what is more than nothing is never told as nothing.
fn share(part: u64, all: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal place is shown")]
    let percent = part as f64 / all as f64 * 100.0;
    if part > 0 && percent < 0.1 {
        "<0.1 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

/// A line for each number of preemptions, under a heading.
pub(super) fn bounds(exploration: &Exploration) -> Vec<String> {
    let line = |label: &str, schedules: u64, exposing: u64, note: &str| {
        let (schedules, exposing) = (words::number(schedules), words::number(exposing));
        format!("{label:<11}  {schedules:>11}  {exposing:>9}{note}")
            .trim_end()
            .to_owned()
    };
    let mut lines = vec![format!(
        "{:<11}  {:>11}  {:>9}",
        "preemptions", "schedules", "exposing"
    )];
    for bound in exploration.bounds.iter().take(BOUNDS_TOLD) {
        let note = if bound.complete {
            ""
        } else {
            "  not all of them"
        };
        lines.push(line(
            &bound.preemptions.to_string(),
            bound.schedules,
            bound.exposing,
            note,
        ));
    }
    let rest = exploration.bounds.get(BOUNDS_TOLD..).unwrap_or_default();
    if !rest.is_empty() {
        let sum = |of: fn(&crate::history::BoundTold) -> u64| rest.iter().map(of).sum::<u64>();
        lines.push(line(
            "more",
            sum(|bound| bound.schedules),
            sum(|bound| bound.exposing),
            "",
        ));
    }
    if exploration.sampled > 0 {
        let by_bound: u64 = exploration.bounds.iter().map(|bound| bound.exposing).sum();
        let exposing = exploration.exposing.saturating_sub(by_bound);
        lines.push(line("by chance", exploration.sampled, exposing, ""));
    }
    lines
}

/// The points of each request by layer: `alice (read): inside the service 3 starved, 1 natural; beside it 3 of the protocol`.
pub(super) fn points(exploration: &Exploration) -> Vec<String> {
    let lines = exploration.requests.iter().zip(&exploration.points);
    lines
        .map(|(request, points)| format!("{} ({}): {}", request.user, request.step, layers(points)))
        .collect()
}

fn layers(points: &PointCounts) -> String {
    let told = |layers: &[(u32, &str)]| {
        let layers = layers.iter().filter(|(count, _)| *count > 0);
        let layers: Vec<String> = layers
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        layers.join(", ")
    };
    let inside = told(&[
        (points.starved, "starved"),
        (points.natural, "natural"),
        (points.explicit, "explicit"),
        (points.backend, "at a backend"),
    ]);
    let beside = told(&[
        (points.service, "of the service protocol"),
        (points.front, "at the front"),
    ]);
    let inside = if inside.is_empty() {
        "none inside the service".to_owned()
    } else {
        format!("inside the service {inside}")
    };
    if beside.is_empty() {
        inside
    } else {
        format!("{inside}; beside it {beside}")
    }
}

/// What speaks against the executions being repeatable, when anything does.
pub(super) fn doubts(doubts: &Doubts) -> Vec<String> {
    let told = [
        (
            doubts.diverged,
            "times other moves were possible than before",
        ),
        (
            doubts.differed,
            "times a schedule with an exposure came out otherwise the second time",
        ),
        (
            doubts.foreign_wakes,
            "executions in which a request was woken from another thread",
        ),
        (doubts.stuck, "executions in which requests waited for ever"),
        (doubts.endless, "executions that the limit on moves ended"),
        (
            doubts.background_messages,
            "messages to a backend that belonged to no request",
        ),
    ];
    let told = told.into_iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| format!("{} {what}", words::number(count)))
        .collect()
}

/// What it came to, in a line: `all 70 schedules, 4 exposing, 1.4 ms`.
pub(super) fn summary(exploration: &Exploration) -> String {
    let mut parts = vec![super::telling::coverage(exploration)];
    parts.push(match exploration.exposing {
        0 => "none exposing".to_owned(),
        exposing => format!("{} exposing", words::number(exposing)),
    });
    if let Some(first) = exploration.first_exposing {
        parts.push(format!(
            "the first of them schedule {}",
            words::number(first)
        ));
    }
    parts.push(words::time(Duration::from_nanos(exploration.elapsed_ns)));
    parts.join(", ")
}

#[cfg(test)]
mod tests;

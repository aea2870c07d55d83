//! The picture of a replayed day: what was served, how many came, how much crossed, and what happened when.

use serde::Serialize;

use super::timeline::{Tick, percent, round_step};
use crate::history::{Day, DayEvent, DayPhase};
use crate::judge::PhaseJudged;
use crate::report::day::{ReplayedDay, WORTH};
use crate::report::words::{count, number};

/// Where the bars stand, from the top.
const TOP: f64 = 44.0;
const AXIS: f64 = 214.0;
/// Where the clock begins and ends, shares of a hundred.
const LEFT: f64 = 7.0;
const RIGHT: f64 = 99.0;
/// Where the numbers of events stand, from the top; those that would cover the one before take the second row.
const MARKS: [f64; 2] = [12.0, 34.0];
/// Two numbers that are nearer to one another would touch on a phone.
const MARK_WIDTH: f64 = 5.8;
/// Bars at most: minutes of a longer day are put together.
const BARS: u32 = 120;

/// A day, ready to be drawn.
#[derive(Debug, Serialize)]
pub(super) struct DayView {
    title: String,
    source: String,
    scale: String,
    rows: Vec<RowView>,
    worth: &'static str,
    /// What a bar counts over: `a minute`, or `in 5 minutes` of a longer day.
    each: String,
    caption: String,
    /// The caption, and what the colours and the marks say, for those who do not see them.
    described: String,
    spans: Vec<SpanView>,
    /// The colours of the spans that there are, with what they mean.
    meanings: Vec<(&'static str, &'static str)>,
    bars: Vec<BarView>,
    ticks: Vec<Tick>,
    grid: Vec<LineView>,
    events: Vec<EventView>,
    lines: Vec<LineOfTable>,
}

#[derive(Debug, Serialize)]
struct RowView {
    what: String,
    ruling: String,
    replay: String,
}

/// What is served in a stretch of the clock.
#[derive(Debug, Serialize)]
struct SpanView {
    x: String,
    width: String,
    class: &'static str,
}

#[derive(Debug, Serialize)]
struct BarView {
    x: String,
    width: String,
    requests_y: String,
    requests_height: String,
    /// Absent where nothing crossed.
    crossed: Option<(String, String)>,
}

#[derive(Debug, Serialize)]
struct LineView {
    y: String,
    label: String,
}

#[derive(Debug, Serialize)]
struct EventView {
    x: String,
    mark_y: String,
    number: usize,
    at: String,
    says: String,
}

/// A line of the table that says the same.
#[derive(Debug, Serialize)]
struct LineOfTable {
    at: String,
    requests: String,
    crossings: String,
    events: String,
}

/// The stretch of the clock that is drawn.
struct Span {
    from: u32,
    to: u32,
}

impl Span {
    fn x(&self, at_s: u32) -> f64 {
        let at = f64::from(at_s.clamp(self.from, self.to) - self.from);
        LEFT + (RIGHT - LEFT) * at / f64::from((self.to - self.from).max(1))
    }

    /// Minutes of the clock in a bar.
    fn bar_minutes(&self) -> u32 {
        let minutes = (self.to - self.from).div_ceil(60);
        minutes.div_ceil(BARS).max(1)
    }
}

/// The view of a replayed day.
pub(super) fn day_view(replayed: &ReplayedDay) -> DayView {
    let day = &replayed.judged.day;
    let own = || replayed.own_phases().map(|(phase, _)| phase);
    let from = own().map(|phase| phase.from_s).min().unwrap_or(0);
    let to = own().map(|phase| phase.to_s).max().unwrap_or(Day::END_S);
    let span = Span {
        from,
        to: to.max(from),
    };
    let ruling = day.ruling.as_ref();
    let (bars, grid) = bars(replayed, &span);
    DayView {
        title: day.title.clone(),
        source: ruling.map_or_else(String::new, |ruling| ruling.source.clone()),
        scale: number(day.scale.into()),
        rows: rows(replayed),
        worth: WORTH,
        each: each(&span),
        caption: caption(replayed, &span),
        described: described(replayed, &span),
        meanings: meanings(replayed),
        spans: spans(replayed, &span),
        bars,
        ticks: ticks(&span),
        grid,
        events: events(replayed, &span),
        lines: lines(replayed),
    }
}

fn rows(replayed: &ReplayedDay) -> Vec<RowView> {
    let row = |row: crate::report::DayRow| RowView {
        what: row.what,
        ruling: row.ruling,
        replay: row.replay,
    };
    replayed.rows().into_iter().map(row).collect()
}

fn each(span: &Span) -> String {
    match span.bar_minutes() {
        1 => "a minute".to_owned(),
        minutes => format!("in {minutes} minutes"),
    }
}

fn caption(replayed: &ReplayedDay, span: &Span) -> String {
    let whole = &replayed.judged.whole;
    let first = match replayed.judged.first_s {
        Some(at_s) => format!(", the first at {}", Day::clock(at_s)),
        None => String::new(),
    };
    format!(
        "Requests {}, and those whose answer held somebody else's data. {} in all, {}{first}.",
        each(span),
        count(whole.requests, "request"),
        count(whole.crossings, "crossing")
    )
}

/// What a phase is drawn as, and what that says.
fn class(phase: &DayPhase, judged: &PhaseJudged) -> &'static str {
    match (&phase.serves, judged.counts.crossings) {
        (None, _) => "shut",
        (Some(_), 0) => "clean",
        (Some(_), _) => "faulty",
    }
}

fn meanings(replayed: &ReplayedDay) -> Vec<(&'static str, &'static str)> {
    const MEANINGS: [(&str, &str); 2] = [
        ("faulty", "a version that exposed somebody is served"),
        ("shut", "closed"),
    ];
    let is_drawn = |(wanted, _): &(&str, &str)| {
        replayed
            .own_phases()
            .any(|(phase, judged)| class(phase, judged) == *wanted)
    };
    MEANINGS.into_iter().filter(is_drawn).collect()
}

fn described(replayed: &ReplayedDay, span: &Span) -> String {
    let phases = replayed.own_phases().map(|(phase, judged)| {
        let (from, to) = (Day::clock(phase.from_s), Day::clock(phase.to_s));
        let what = match &phase.serves {
            None => "closed".to_owned(),
            Some(variant) => format!(
                "{variant} is served, {}",
                count(judged.counts.crossings, "crossing")
            ),
        };
        format!("{from} to {to}: {what}.")
    });
    let events = replayed.judged.day.events.iter();
    let events = events.map(|event| format!("{}: {}.", Day::clock(event.at_s), event.says));
    let sentences = std::iter::once(caption(replayed, span));
    let sentences: Vec<String> = sentences.chain(phases).chain(events).collect();
    sentences.join(" ")
}

fn spans(replayed: &ReplayedDay, span: &Span) -> Vec<SpanView> {
    let of_phase = |(phase, judged): (&DayPhase, &PhaseJudged)| {
        let x = span.x(phase.from_s);
        SpanView {
            x: percent(x),
            width: percent(span.x(phase.to_s) - x),
            class: class(phase, judged),
        }
    };
    replayed.own_phases().map(of_phase).collect()
}

/// A bar for every so many minutes, and the lines behind them.
fn bars(replayed: &ReplayedDay, span: &Span) -> (Vec<BarView>, Vec<LineView>) {
    let step = span.bar_minutes() * 60;
    let slices = replayed.own_phases().flat_map(|(_, judged)| &judged.slices);
    let mut sums = vec![(0u64, 0u64); (span.to - span.from).div_ceil(step).max(1) as usize];
    for slice in slices {
        let place = (slice.at_s.saturating_sub(span.from) / step) as usize;
        if let Some(sum) = sums.get_mut(place) {
            sum.0 = sum.0.saturating_add(slice.requests);
            sum.1 = sum.1.saturating_add(slice.crossings);
        }
    }
    let most = sums.iter().map(|sum| sum.0.max(sum.1)).max().unwrap_or(0);
    let most = most.max(1);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a drawing has a few hundred rows"
    )]
    let height = |n: u64| (AXIS - TOP) * n as f64 / most as f64;
    let bar = |(place, (requests, crossings)): (u32, &(u64, u64))| {
        let at = span.from + place * step;
        let x = span.x(at);
        let width = (span.x(at + step) - x) * 0.82;
        let crossed = (*crossings > 0).then(|| {
            // What is there at all is seen.
            let height = height(*crossings).max(1.5);
            (percent(AXIS - height), percent(height))
        });
        BarView {
            x: percent(x),
            width: percent(width),
            requests_y: percent(AXIS - height(*requests)),
            requests_height: percent(height(*requests)),
            crossed,
        }
    };
    let line_step = round_step(most.div_ceil(3)).max(1);
    let grid = (1..=4u64)
        .map(|n| n.saturating_mul(line_step))
        .take_while(|n| *n <= most)
        .map(|n| LineView {
            y: percent(AXIS - height(n)),
            label: number(n),
        });
    let bars = (0..).zip(&sums).map(bar).collect();
    (bars, grid.collect())
}

/// Round times of the clock, so few that they fit on a phone.
fn ticks(span: &Span) -> Vec<Tick> {
    const STEPS: [u32; 9] = [60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600];
    let length = span.to - span.from;
    let step = STEPS.into_iter().find(|step| length / step <= 5);
    let step = step.unwrap_or(43_200);
    let first = span.from.next_multiple_of(step);
    let tick = |at_s: u32| Tick {
        x: percent(span.x(at_s)),
        label: Day::clock(at_s),
        anchor: match span.x(at_s) {
            x if x < 6.0 => "start",
            x if x > 94.0 => "end",
            _ => "middle",
        },
    };
    (first..=span.to).step_by(step as usize).map(tick).collect()
}

fn events(replayed: &ReplayedDay, span: &Span) -> Vec<EventView> {
    let events = replayed.judged.day.events.iter().enumerate();
    let mut before: Option<(f64, usize)> = None;
    let event = |(place, event): (usize, &DayEvent)| {
        let x = span.x(event.at_s);
        let row = match before {
            Some((at, row)) if x - at < MARK_WIDTH => 1 - row,
            _ => 0,
        };
        before = Some((x, row));
        EventView {
            x: percent(x),
            mark_y: percent(MARKS[row]),
            number: place + 1,
            at: Day::clock(event.at_s),
            says: event.says.clone(),
        }
    };
    events.map(event).collect()
}

fn lines(replayed: &ReplayedDay) -> Vec<LineOfTable> {
    let told = |is_played: bool, n: u64| match is_played {
        true => number(n),
        false => "not played".to_owned(),
    };
    let line = |line: crate::report::day::DayLine| LineOfTable {
        at: Day::clock(line.at_s),
        requests: told(line.is_played, line.requests),
        crossings: told(line.is_played, line.crossings),
        events: line.events.join("; "),
    };
    replayed.lines().into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{DayJudged, DaySlice};

    fn replayed(from_s: u32, to_s: u32, slices: Vec<DaySlice>) -> ReplayedDay {
        let phase = DayPhase {
            name: "p".into(),
            from_s,
            to_s,
            serves: Some("v".into()),
            ..DayPhase::default()
        };
        ReplayedDay {
            judged: DayJudged {
                day: Day {
                    phases: vec![phase],
                    events: vec![DayEvent {
                        at_s: to_s,
                        says: "e".into(),
                    }],
                    ..Day::default()
                },
                phases: vec![PhaseJudged {
                    slices,
                    ..PhaseJudged::default()
                }],
                ..DayJudged::default()
            },
            in_ci: None,
        }
    }

    #[test]
    fn what_colours_and_marks_say_stands_in_words() {
        let day = crate::report::testing::all()["replayed"]
            .day
            .clone()
            .unwrap();
        let view = day_view(&day);
        let classes: Vec<&str> = view.meanings.iter().map(|meaning| meaning.0).collect();
        assert_eq!(classes, ["faulty", "shut"]);
        for piece in [
            "15:10 to 16:10: shared-note is served, 21 crossings.",
            "16:10 to 16:25: closed.",
            "15:25: first report.",
        ] {
            assert!(view.described.contains(piece), "{}", view.described);
        }
        let long = day_view(&replayed(0, Day::END_S, vec![]));
        assert_eq!(
            (view.each.as_str(), long.each.as_str()),
            ("a minute", "in 12 minutes")
        );
        let last = view.lines.last().unwrap();
        assert_eq!(
            (last.at.as_str(), last.requests.as_str()),
            ("16:20", "not played")
        );
    }

    #[test]
    fn numbers_of_events_that_are_near_to_one_another_do_not_touch() {
        let mut day = replayed(0, 3_600, vec![]);
        day.judged.day.events = [0, 60, 120, 1_800, 3_599, 3_600]
            .map(|at_s| DayEvent {
                at_s,
                says: "e".into(),
            })
            .into();
        let view = day_view(&day);
        let number = |text: &String| text.parse::<f64>().unwrap();
        let marks: Vec<(f64, f64)> = view
            .events
            .iter()
            .map(|event| (number(&event.x), number(&event.mark_y)))
            .collect();
        for pair in marks.windows(2) {
            let is_apart = pair[1].0 - pair[0].0 >= MARK_WIDTH || pair[0].1 != pair[1].1;
            assert!(is_apart, "{marks:?}");
        }
        assert_eq!(marks[3].1, MARKS[0], "with room enough all stand above");
    }

    #[test]
    fn strange_days_are_drawn_within_the_picture() {
        let slice = |at_s, requests, crossings| DaySlice {
            at_s,
            requests,
            crossings,
            pairs: 0,
        };
        for day in [
            replayed(0, 0, vec![]),
            replayed(5, 6, vec![slice(5, 1, 1)]),
            replayed(
                0,
                Day::END_S,
                vec![slice(86_399, 3, u64::MAX), slice(7, u64::MAX, 0)],
            ),
            replayed(
                54_600,
                58_200,
                vec![slice(0, 9, 9), slice(Day::END_S, 9, 9)],
            ),
            replayed(9, 3, vec![]),
            ReplayedDay::default(),
        ] {
            let view = day_view(&day);
            assert!(view.bars.len() <= BARS as usize + 1 && view.ticks.len() <= 8);
            for bar in &view.bars {
                let number = |text: &String| text.parse::<f64>().unwrap();
                assert!(number(&bar.requests_y) >= TOP - 0.1, "{bar:?}");
                assert!(number(&bar.x) >= 0.0 && number(&bar.x) + number(&bar.width) <= 100.0);
            }
        }
    }
}

//! How far an exploration has come: a line on a terminal that is written over, lines with `-v`, otherwise
//! only what is waited for.

use std::io::Write;
use std::time::{Duration, Instant};

use crosswire::explore::turnstile::Waiting;
use crosswire::explore::{Progress as Told, Watch, Work};
use crosswire::report::words::number;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Loudness;
use crate::screen::Screen;

/// Between two lines of `-v`, unless other work begins.
const LINES_EVERY: Duration = Duration::from_secs(1);

/// Shows progress on stderr.
#[derive(Debug)]
pub(crate) enum Progress {
    /// A line that is drawn when there is something to say, and by no thread of its own.
    Line(ProgressBar),
    /// A line for every piece of work, and every second.
    Lines {
        last: Option<(Instant, usize, Work)>,
    },
    /// Nothing but what is waited for.
    Waits,
    /// Nothing.
    Silent,
}

impl Progress {
    /// What suits the flags and the terminal.
    pub(crate) fn new(loudness: Loudness, screen: &Screen) -> Progress {
        match loudness {
            Loudness { verbose: true, .. } => Progress::Lines { last: None },
            Loudness { quiet: false, .. } if screen.live => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                let fallback = ProgressStyle::default_bar;
                bar.set_style(
                    ProgressStyle::with_template("  {msg}").unwrap_or_else(|_| fallback()),
                );
                Progress::Line(bar)
            }
            Loudness { quiet: false, .. } => Progress::Waits,
            _ => Progress::Silent,
        }
    }

    /// Shows what is waited for: a line, over which a terminal's own counts down.
    pub(crate) fn waits(&self) -> impl FnMut(&Waiting) + use<> {
        let bar = match self {
            Progress::Line(bar) => Some(bar.clone()),
            Progress::Lines { .. } | Progress::Waits | Progress::Silent => None,
        };
        let mut is_told = matches!(self, Progress::Silent);
        move |waiting| {
            if !std::mem::replace(&mut is_told, true) {
                let say = || {
                    // When stderr is gone nobody can be told so.
                    let _ = writeln!(std::io::stderr().lock(), "{waiting}");
                };
                match &bar {
                    Some(bar) => bar.suspend(say),
                    None => say(),
                }
            }
            if let Some(bar) = &bar {
                let left = waiting.left.as_secs_f64().ceil();
                bar.set_message(format!("waiting for {}: {left} s left", waiting.target));
            }
        }
    }

    /// Takes the line away, so that a report can follow.
    pub(crate) fn clear(&self) {
        if let Progress::Line(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Progress {
    fn progress(&mut self, told: &Told) {
        match self {
            Progress::Waits | Progress::Silent => {}
            Progress::Line(bar) => bar.set_message(line(told)),
            Progress::Lines { last } => {
                let is_news = last.is_none_or(|(at, race, work)| {
                    (race, work) != (told.race, told.work) || at.elapsed() >= LINES_EVERY
                });
                if is_news {
                    *last = Some((Instant::now(), told.race, told.work));
                    // When stderr is gone nobody can be told so.
                    let _ = writeln!(std::io::stderr().lock(), "{}", line(told));
                }
            }
        }
    }
}

fn line(told: &Told) -> String {
    let race = format!("race {} of {}: {}", told.race, told.races, told.requests);
    let executions = number(told.executions);
    let exposing = match told.exposing {
        0 => String::new(),
        some => format!(", {} exposing", number(some)),
    };
    match told.work {
        Work::Alone => format!("{race}: each alone"),
        Work::Search => match told.bound {
            Some(bound) => {
                format!("{race}: {executions} executions, preemptions: {bound}{exposing}")
            }
            None => format!("{race}: {executions} executions{exposing}"),
        },
        Work::Samples => format!("{race}: {executions} executions, now by chance{exposing}"),
        Work::Shrink => format!("{race}: {executions} executions{exposing}, shortening"),
        Work::Tell => format!("{race}: {executions} executions{exposing}, step by step"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_done_and_what_was_seen() {
        let mut told = Told {
            race: 2,
            races: 3,
            requests: "user1 read, user2 read".to_owned(),
            work: Work::Search,
            executions: 12_345,
            schedules: 12_000,
            bound: Some(2),
            exposing: 1_000,
        };
        assert_eq!(
            line(&told),
            "race 2 of 3: user1 read, user2 read: 12,345 executions, preemptions: 2, 1,000 exposing"
        );
        told.work = Work::Alone;
        assert_eq!(
            line(&told),
            "race 2 of 3: user1 read, user2 read: each alone"
        );
    }
}

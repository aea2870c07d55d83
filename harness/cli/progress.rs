//! How far a run has come, told between volleys only: a bar on a terminal, lines with `-v`, otherwise nothing.

use std::io::Write;

use crosswire::fire::{Event, Watch};
use crosswire::report::telling;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Loudness;
use crate::screen::Screen;

/// Shows events on stderr.
#[derive(Debug)]
pub(crate) enum Progress {
    /// A bar that is drawn when an event comes, and by no thread of its own.
    Bar(ProgressBar),
    /// A line for every event.
    Lines,
    /// Nothing.
    Silent,
}

impl Progress {
    /// What suits the flags and the terminal.
    pub(crate) fn new(loudness: Loudness, screen: &Screen) -> Progress {
        match loudness {
            Loudness { verbose: true, .. } => Progress::Lines,
            Loudness { quiet: false, .. } if screen.live => Progress::bar(),
            _ => Progress::Silent,
        }
    }

    /// A bar without a text.
    pub(crate) fn bar() -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style());
        Progress::Bar(bar)
    }

    /// Takes the bar away, so that a report can follow.
    pub(crate) fn clear(&self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    let fallback = ProgressStyle::default_bar;
    ProgressStyle::with_template("  {bar:32} {pos}/{len} rounds  {msg}")
        .unwrap_or_else(|_| fallback())
        .progress_chars("━╸ ")
}

impl Watch for Progress {
    fn event(&mut self, event: &Event<'_>) {
        match self {
            Progress::Silent => {}
            Progress::Bar(bar) => draw(bar, event),
            // When stderr is gone nobody can be told so.
            Progress::Lines => drop(writeln!(std::io::stderr().lock(), "{}", line(event))),
        }
    }
}

fn draw(bar: &ProgressBar, event: &Event<'_>) {
    match *event {
        Event::Phase { phase, rounds, .. } => {
            bar.set_length(rounds.into());
            bar.set_message(telling::phase(phase));
        }
        Event::Volley {
            volley,
            requests,
            step,
            ..
        } => bar.set_message(format!("volley {volley}, {requests} × {step}")),
        Event::Round { round, .. } => bar.set_position(round.into()),
        _ => {}
    }
}

fn line(event: &Event<'_>) -> String {
    match *event {
        Event::Phase {
            phase, round: 0, ..
        } => format!("phase {}", telling::phase(phase)),
        Event::Phase {
            phase,
            round,
            rounds,
        } => format!("round {round} of {rounds}: phase {}", telling::phase(phase)),
        Event::Volley {
            volley,
            requests,
            step,
            spread_us,
            by_server,
        } => {
            let whose = if by_server { "server" } else { "client" };
            format!("volley {volley}: {requests} requests, {step}, spread {spread_us} µs ({whose})")
        }
        Event::Round { round, rounds } => format!("round {round} of {rounds} done"),
        _ => String::new(),
    }
}

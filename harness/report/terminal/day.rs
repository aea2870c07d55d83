//! A replayed day for people: the ruling's table beside the replay's, and the timeline.

use std::io;

use super::{Page, WIDTH};
use crate::history::Day;
use crate::report::day::{DayRow, ReplayedDay, WORTH};
use crate::report::words::{count, number, wrapped};

/// Columns of the first two columns of the table.
const WHAT: usize = 27;
const RULING: usize = 30;
/// Columns of a full bar of the timeline.
const BAR: usize = 28;

impl Page<'_> {
    pub(super) fn day(&mut self, day: &ReplayedDay) -> io::Result<()> {
        let plan = &day.judged.day;
        let source = plan.ruling.as_ref().map_or("", |ruling| &ruling.source);
        let replayed = format!("this replay, {} times as fast", number(plan.scale.into()));
        let title = self.look.strong(&plan.title);
        writeln!(self.out, "  {title}  {}\n", self.look.faint(source))?;
        self.day_row(
            &DayRow {
                what: String::new(),
                ruling: "the ruling".to_owned(),
                replay: replayed,
            },
            true,
        )?;
        for row in day.rows() {
            self.day_row(&row, false)?;
        }
        for line in wrapped(WORTH, WIDTH - 2) {
            writeln!(self.out, "  {}", self.look.faint(&line))?;
        }
        writeln!(self.out)?;
        self.timeline(day)?;
        writeln!(self.out)
    }

    fn day_row(&mut self, row: &DayRow, is_heading: bool) -> io::Result<()> {
        let cells = [
            wrapped(&row.what, WHAT - 2),
            wrapped(&row.ruling, RULING - 2),
            wrapped(&row.replay, WIDTH - WHAT - RULING - 2),
        ];
        let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..lines {
            let cell = |place: usize| cells[place].get(line).map_or("", String::as_str);
            let text = format!("{:WHAT$}{:RULING$}{}", cell(0), cell(1), cell(2));
            let text = match is_heading {
                true => self.look.faint(text.trim_end()),
                false => text.trim_end().to_owned(),
            };
            writeln!(self.out, "  {text}")?;
        }
        Ok(())
    }

    fn timeline(&mut self, day: &ReplayedDay) -> io::Result<()> {
        let lines = day.lines();
        let most = lines.iter().map(|line| line.crossings).max().unwrap_or(0);
        for line in &lines {
            let share = line.crossings.saturating_mul(BAR as u64) / most.max(1);
            // What is there at all is seen.
            let share = usize::try_from(share)
                .unwrap_or(BAR)
                .max(usize::from(line.crossings > 0));
            let bar = "█".repeat(share.min(BAR));
            let counts = match line.crossings {
                _ if !line.is_played => "not played".to_owned(),
                0 => count(line.requests, "request"),
                crossings => format!(
                    "{}, {}",
                    count(line.requests, "request"),
                    count(crossings, "crossing")
                ),
            };
            let text = format!(
                "{:<7}{bar:BAR$}  {counts:<28}  {}",
                Day::clock(line.at_s),
                line.events.join("; ")
            );
            writeln!(self.out, "  {}", text.trim_end())?;
        }
        Ok(())
    }
}

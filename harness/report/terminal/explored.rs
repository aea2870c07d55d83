//! Explorations in the report for people: what was run of each set of requests, and the shortest schedule of each finding.

use std::io;

use super::{LABEL, Page};
use crate::report::schedules::{
    self, bounds, decisive, doubts, found_how, outcomes, points, summary, switches, table, title,
};
use crate::report::{Exploration, Report, ShortestSchedule, words};

/// Columns of a line at most.
pub(super) const WIDTH: usize = 98;
/// Sets of requests that are told in full; those that expose come first.
const IN_FULL: usize = 3;
/// Sets of requests that are told in a line.
const IN_A_LINE: usize = 20;
/// Schedules of one set of requests that are told step by step, and those beyond them that are told in a line.
const STEP_BY_STEP: usize = 1;
const MORE_SCHEDULES: usize = 4;
/// Columns and lines of the switches of a schedule: with their label no more than 80 columns.
const SWITCHES: usize = 80 - LABEL - 2;
const SWITCHES_LINES: usize = 2;
/// Where the last column of the table of outcomes begins.
const OUTCOME: usize = 28;

impl Page<'_> {
    /// Everything on schedules; nothing of a run without them.
    pub(super) fn explored(&mut self, report: &Report) -> io::Result<()> {
        let mut all: Vec<&Exploration> = report.explored.iter().collect();
        all.sort_by_key(|one| one.exposing == 0);
        for one in all.iter().take(IN_FULL) {
            self.exploration(report, one)?;
        }
        let rest = all.get(IN_FULL..).unwrap_or_default();
        for one in rest.iter().take(IN_A_LINE) {
            self.row("explored", &format!("{}: {}", title(one), summary(one)))?;
        }
        if rest.len() > IN_A_LINE {
            let more = words::count((rest.len() - IN_A_LINE) as u64, "more race");
            self.row("", &format!("and {more}"))?;
        }
        if !rest.is_empty() {
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn exploration(&mut self, report: &Report, one: &Exploration) -> io::Result<()> {
        self.row("explored", &format!("{}: {}", title(one), summary(one)))?;
        for found in one.found.iter().take(STEP_BY_STEP) {
            self.schedule(report, one, found)?;
        }
        let more = one.found.iter().skip(STEP_BY_STEP).take(MORE_SCHEDULES);
        for found in more {
            self.switches("and", one, found)?;
            self.again(report, found)?;
        }
        self.columns("outcomes", &outcomes(one), OUTCOME)?;
        if !one.coverage.is_of_one_schedule() {
            self.lines("bounds", &bounds(one))?;
        }
        self.rows("points", &points(one))?;
        self.rows("doubts", &doubts(&one.doubts))?;
        writeln!(self.out)
    }

    fn schedule(
        &mut self,
        report: &Report,
        one: &Exploration,
        found: &ShortestSchedule,
    ) -> io::Result<()> {
        self.switches("shortest", one, found)?;
        if let Some(told) = one.steps_of(&found.schedule) {
            writeln!(self.out)?;
            let at = found.decisive.map(|decisive| decisive.at);
            for line in table(one, told, at, WIDTH - 2) {
                writeln!(self.out, "  {line}")?;
            }
            writeln!(self.out)?;
        }
        if let Some(text) = decisive(one, found) {
            self.row("decisive", &text)?;
        }
        self.row("schedule", &found_how(found))?;
        self.again(report, found)
    }

    fn switches(
        &mut self,
        label: &str,
        one: &Exploration,
        found: &ShortestSchedule,
    ) -> io::Result<()> {
        let lines = switches(one, &found.schedule, SWITCHES, SWITCHES_LINES);
        for (at, line) in lines.iter().enumerate() {
            self.whole_row(if at == 0 { label } else { "" }, line)?;
        }
        Ok(())
    }

    fn again(&mut self, report: &Report, found: &ShortestSchedule) -> io::Result<()> {
        match report.replay_of_schedule(&found.replay) {
            Some(command) => self.whole_row("again", &command)?,
            None if found.test.is_none() => self.whole_row("line", &found.replay)?,
            None => {}
        }
        let test = found.test.iter().flat_map(|test| test.lines());
        for (at, line) in test.enumerate() {
            self.whole_row(if at == 0 { "as a test" } else { "" }, line)?;
        }
        Ok(())
    }

    /// Rows of one label.
    fn rows(&mut self, label: &str, texts: &[String]) -> io::Result<()> {
        for (at, text) in texts.iter().enumerate() {
            self.row(if at == 0 { label } else { "" }, text)?;
        }
        Ok(())
    }

    /// Lines of a table, which are cut instead of broken.
    fn lines(&mut self, label: &str, lines: &[String]) -> io::Result<()> {
        for (at, line) in lines.iter().enumerate() {
            let line = schedules::cut(line, WIDTH - LABEL - 2);
            self.whole_row(if at == 0 { label } else { "" }, &line)?;
        }
        Ok(())
    }

    /// Lines of a table; what is too long goes on below its last column, which begins at `last`.
    fn columns(&mut self, label: &str, lines: &[String], last: usize) -> io::Result<()> {
        let mut label = label;
        for line in lines {
            let at = line
                .char_indices()
                .nth(last)
                .map_or(line.len(), |(at, _)| at);
            let (before, text) = line.split_at(at);
            let width = WIDTH - LABEL - 2 - last;
            for (row, text) in words::wrapped(text, width).into_iter().enumerate() {
                let before = if row == 0 { before } else { "" };
                let text = schedules::cut(&text, width);
                self.whole_row(label, format!("{before:last$}{text}").trim_end())?;
                label = "";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Cause, Coverage, Ending};
    use crate::judge::{Reason, ReasonKind, Verdict};
    use crate::report::testing::all;
    use crate::report::{Look, Report, render_terminal};

    fn shown(report: &Report) -> String {
        let mut bytes = Vec::new();
        render_terminal(report, Look::PLAIN, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn words(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_exposing_exploration_is_told_step_by_step() {
        let text = shown(&all()["explored-exposed"]);
        let expected = include_str!("exposed.txt");
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn a_clean_one_says_how_far_it_went() {
        let text = shown(&all()["explored-isolated"]);
        assert!(
            text.starts_with(
                "ISOLATED  notes on mail/shared-note, in process: no user received or acted on another's data (all 12,870 \
                 schedules)\n"
            ),
            "{text}"
        );
        assert!(
            text.contains("\n  strength      all 12,870 schedules\n"),
            "{text}"
        );
        for pairs in ["pair", "95 %", "volley"] {
            assert!(!text.contains(pairs), "{pairs}: {text}");
        }
        let text = shown(&all()["explored-capped"]);
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(
            words.join(" ").contains(
                "strength capped at 14,920 schedules of 2 races (2,000 executions), 50 of them drawn by chance; all within 1 \
                 preemption were run"
            ),
            "{text}"
        );
    }

    #[test]
    fn what_is_lacking_has_its_cure() {
        let text = shown(&all()["explored-inconclusive"]);
        assert!(
            text.contains("to do         name points inside the service"),
            "{text}"
        );
        assert!(!text.contains("--rounds"), "{text}");
    }

    #[test]
    fn lines_stay_short_but_for_what_is_to_be_copied() {
        for (name, report) in all() {
            let test = report.explored.iter().flat_map(|one| &one.found);
            let test: Vec<&str> = test
                .filter_map(|found| found.test.as_deref())
                .flat_map(str::lines)
                .collect();
            for line in shown(&report)
                .lines()
                .skip(1)
                .filter(|_| !report.explored.is_empty())
            {
                let copied = line.contains("crosswire explore ")
                    || test.iter().any(|test| line.ends_with(test));
                let long_word = line
                    .split_whitespace()
                    .any(|word| word.chars().count() > 60);
                assert!(
                    copied || long_word || line.chars().count() <= super::WIDTH,
                    "{name}: {line}"
                );
            }
        }
    }

    #[test]
    fn one_schedule_alone_is_told_as_such() {
        let mut report = all()["explored-capped"].clone();
        report.explored.truncate(1);
        let coverage = Coverage::Capped {
            bound: None,
            limit: Coverage::ONE_SCHEDULE.to_owned(),
        };
        report.explored[0].coverage = coverage.clone();
        report.explored[0].schedules = 1;
        if let Some(reach) = &mut report.strength.reach {
            (reach.races, reach.schedules, reach.coverage) = (1, 1, coverage);
        }
        report.reasons = vec![Reason::new(ReasonKind::Schedules, "one schedule was run")];
        report.verdict = Verdict::Inconclusive;
        let text = shown(&report);
        for told in [
            "one schedule alone, none exposing",
            "  strength      one schedule alone\n",
            "  to do         leave --schedule out",
        ] {
            let is_told = text.contains(told) || words(&text).contains(told);
            assert!(is_told, "{told}: {text}");
        }
        for wrong in ["capped", "--executions", "preemptions    schedules"] {
            assert!(!text.contains(wrong), "{wrong}: {text}");
        }
    }

    #[test]
    fn a_bound_of_no_preemption_is_to_be_raised() {
        let mut report = all()["explored-isolated"].clone();
        report.explored[0].coverage = Coverage::WithinBound { bound: 0 };
        report.reasons = vec![Reason::new(ReasonKind::Schedules, "too few")];
        report.verdict = Verdict::Inconclusive;
        let text = shown(&report);
        assert!(
            text.contains("to do         allow preemptions (--preemptions"),
            "{text}"
        );
    }

    #[test]
    fn an_exploration_that_failed_before_its_first_schedule_speaks_of_schedules() {
        let mut report = all()["explored-isolated"].clone();
        report.explored.clear();
        report.strength.reach = None;
        report.engine = "explore".to_owned();
        report.verdict = Verdict::Inconclusive;
        report.ending = Some(Ending::Failed {
            why: "the replay line is of another scenario".to_owned(),
            cause: Cause::Step,
        });
        let text = shown(&report);
        for told in [
            "to do         put right what the reason above names, then explore again",
            "strength      no schedule was run\n",
            ", 0 schedules, ",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
        for wrong in ["that step of the scenario", "pairs", "round"] {
            assert!(!text.contains(wrong), "{wrong}: {text}");
        }
    }

    #[test]
    fn a_long_outcome_goes_on_below_itself() {
        let mut report = all()["explored-exposed"].clone();
        let what = "alice 200 with own subject, own text and own file; bob 200 with alice's subject and alice's text";
        report.explored[0].outcomes[0].what = what.to_owned();
        let text = shown(&report);
        assert!(words(&text).contains(what), "{text}");
    }

    #[test]
    fn many_races_are_told_in_lines() {
        let mut report = all()["explored-isolated"].clone();
        report.explored = vec![report.explored[0].clone(); 30];
        let text = shown(&report);
        assert_eq!(text.matches("outcomes  ").count(), super::IN_FULL);
        assert_eq!(
            text.matches("  explored      ").count(),
            super::IN_FULL + super::IN_A_LINE
        );
        assert!(text.contains("and 7 more races"), "{text}");
    }
}

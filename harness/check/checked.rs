//! What a check came to, and what a test demands of it.

use std::ops::Deref;

use crate::history::{Coverage, Ending};
use crate::judge::{Judgement, ReasonKind, Verdict};
use crate::report::telling::threshold;
use crate::report::{Exploration, Look, Report, render_terminal};

/// What a check came to: a [`Report`], to which it derefs, and the [`Judgement`] it was made from.
#[derive(Clone, Debug)]
#[must_use = "nothing is demanded of it yet: call assert_isolated()"]
pub struct Checked {
    report: Report,
    judgement: Judgement,
}

impl Checked {
    pub(super) fn new(report: Report, judgement: Judgement) -> Checked {
        Checked { report, judgement }
    }

    /// The report: names instead of indices, evidence masked. Every format is made from it.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The judgement, with evidence as it was found.
    #[must_use]
    pub fn judgement(&self) -> &Judgement {
        &self.judgement
    }
}

impl Deref for Checked {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.report
    }
}

/// What a test demands.
impl Report {
    /// Demands that nobody received another's data, that the run is worth something, and that every threshold holds.
    ///
    /// # Panics
    /// When the verdict is `exposed` or `inconclusive`, or a threshold is broken; with the report, and what to do.
    #[track_caller]
    pub fn assert_isolated(&self) {
        self.assert_verdict(Verdict::Isolated);
    }

    /// Demands that the fault shows: for a test that shows what a defect does, or that a check would see one.
    ///
    /// # Panics
    /// When the verdict is another one, or a threshold is broken; with the report, and what to do.
    #[track_caller]
    pub fn assert_exposed(&self) {
        self.assert_verdict(Verdict::Exposed);
    }

    /// Demands the verdict that the scenario expects.
    ///
    /// # Panics
    /// As for [`Report::assert_verdict`].
    #[track_caller]
    pub fn assert_as_expected(&self) {
        self.assert_verdict(self.expected);
    }

    /// Demands a verdict.
    ///
    /// # Panics
    /// When the verdict is another one, or a threshold is broken; with the report, and what to do.
    #[track_caller]
    pub fn assert_verdict(&self, wanted: Verdict) {
        if let Some(text) = objection(self, wanted) {
            panic!("{text}");
        }
    }
}

const OWN_DATA: &str = "each user must receive its own data when it is alone: check the paths and `.sees(…)` of the steps";

/// What a test is told when the report is not what it demands.
fn objection(report: &Report, wanted: Verdict) -> Option<String> {
    let broken = report.thresholds.iter().find(|result| !result.holds);
    let first = match (report.verdict == wanted, broken) {
        (true, None) => return None,
        (true, Some(result)) => {
            format!("{wanted}, but a threshold is broken: {}", threshold(result))
        }
        (false, _) => format!("expected {wanted}, but the verdict is {}", report.verdict),
    };
    // Its last line is about the verdict that is demanded here.
    let shown = Report {
        expected: wanted,
        ..report.clone()
    };
    let mut page = Vec::new();
    // Nothing fails to be written into memory.
    let _ = render_terminal(&shown, Look::PLAIN, &mut page);
    let page = String::from_utf8_lossy(&page);
    let mut text = format!("crosswire: {first}\n\n{}\n", page.trim_end());
    for (i, line) in to_do(report).iter().enumerate() {
        let label = if i == 0 { "in the test" } else { "" };
        text.push_str(&format!("\n  {label:14}{line}"));
    }
    Some(text)
}

/// What to change in the test, in its own words.
fn to_do(report: &Report) -> Vec<String> {
    if report.is_exploration() {
        return to_do_of_schedules(report);
    }
    let mut lines = Vec::new();
    let lacks = |kind| report.reasons.iter().any(|reason| reason.kind == kind);
    if report.verdict == Verdict::Inconclusive {
        if matches!(report.ending, Some(Ending::Limit { .. })) {
            lines.push(
                "more time or requests: `.duration(…)`, `.requests(…)`; or fewer `.rounds(…)`"
                    .to_owned(),
            );
        }
        if lacks(ReasonKind::Overlaps) {
            lines.push(
                "more pairs: `.rounds(…)`, `.users(…)`, another `.strategy(…)`; or ask for fewer: `.min_overlaps(…)`"
                    .to_owned(),
            );
        }
        if lacks(ReasonKind::Control) {
            lines.push(OWN_DATA.to_owned());
        }
        if lacks(ReasonKind::LogIn) {
            lines.push("check the step with `.login()`, and the users' attributes".to_owned());
        }
    }
    if report.verdict == Verdict::Isolated {
        lines.push("a fault that shows rarely needs more `.rounds(…)` or `.users(…)`".to_owned());
    }
    lines.push(format!(
        "`.seed({})` repeats what was sent and when, not in which order the service worked",
        report.seed
    ));
    lines
}

/// The same for an exploration.
fn to_do_of_schedules(report: &Report) -> Vec<String> {
    let explored = &report.explored;
    let mut lines = Vec::new();
    let is_blind = |told: &Exploration| told.points.iter().all(|counts| counts.inside() == 0);
    if report.verdict == Verdict::Inconclusive && explored.iter().any(is_blind) {
        lines.push(
            "nothing was interleaved: give the service points, such as `tokio::task::coop::consume_budget().await` where \
             it would ask a database (the guide: crosswire::explore::guide)"
                .to_owned(),
        );
    }
    let is_capped = |told: &Exploration| matches!(told.coverage, Coverage::Capped { .. });
    if report.verdict != Verdict::Exposed && explored.iter().any(is_capped) {
        lines.push(
            "a limit ended it: `.executions(…)`, `.duration(…)`, or a bound, `.preemptions(2)`"
                .to_owned(),
        );
    }
    if report.verdict == Verdict::Inconclusive
        && report
            .reasons
            .iter()
            .any(|reason| reason.kind == ReasonKind::Control)
    {
        lines.push(OWN_DATA.to_owned());
    }
    let found = explored.iter().flat_map(|told| &told.found);
    lines.extend(
        found
            .take(1)
            .map(|found| format!("`.schedule({:?})` runs this order alone", found.replay)),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Redactor;
    use crate::judge::Judge;
    use crate::judge::weigh_thresholds;
    use crate::report::Facts;

    fn nothing() -> Report {
        let redactor = Redactor::new::<&str>([]);
        Report::new(
            &Judge::new().finish(),
            &Facts::new(Verdict::Isolated, &redactor),
        )
    }

    #[test]
    fn what_is_demanded_is_met_without_a_word() {
        assert_eq!(objection(&nothing(), Verdict::Inconclusive), None);
    }

    #[test]
    fn another_verdict_is_told_with_the_report_and_the_seed() {
        let text = objection(&nothing(), Verdict::Isolated).unwrap();
        assert!(
            text.starts_with(
                "crosswire: expected isolated, but the verdict is inconclusive\n\nINCONCLUSIVE  "
            ),
            "{text}"
        );
        assert!(
            text.contains("\n  in the test   `.seed(0)` repeats"),
            "{text}"
        );
        assert!(text.contains("expected      isolated, so this"), "{text}");
    }

    #[test]
    fn a_broken_threshold_is_no_success() {
        let mut report = nothing();
        let judgement = Judge::new().finish();
        report.thresholds = weigh_thresholds(&judgement, &["pairs >= 5".parse().unwrap()]);
        let text = objection(&report, Verdict::Inconclusive).unwrap();
        assert!(
            text.starts_with("crosswire: inconclusive, but a threshold is broken: pairs >= 5"),
            "{text}"
        );
    }
}

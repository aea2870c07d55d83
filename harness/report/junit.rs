//! JUnit XML, as continuous integration shows it: one suite per run, a case for the verdict and one for every step.
//!
//! Cases have the same names in every run of a scenario, so that their history can be followed. The step's case fails when
//! something was found in it that was not expected; the verdict's case is an error when the run is worth too little, and a
//! failure when another verdict was expected. A threshold has a case as well, which fails when it is broken. The order of
//! elements is that of the schemas in use (properties, cases, output; in a case its result first).

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::xml::Xml;
use super::{Finding, Report, schedules, telling, words};
use crate::judge::{ThresholdResult, Verdict};

/// Columns up to which a schedule is told with what its steps did.
const WIDTH: usize = 200;
/// Findings that the text of one case tells.
const TOLD: usize = 20;

/// Writes a report as JUnit XML.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let cases = cases(report);
    let count = |kind: Kind| {
        let of_kind = |case: &&Case| case.result.as_ref().is_some_and(|r| r.kind == kind);
        cases.iter().filter(of_kind).count().to_string()
    };
    let (tests, failures, errors) = (
        cases.len().to_string(),
        count(Kind::Failure),
        count(Kind::Error),
    );
    let time = seconds(report.elapsed_ns);
    let totals = [
        ("tests", tests.as_str()),
        ("failures", failures.as_str()),
        ("errors", errors.as_str()),
        ("time", time.as_str()),
    ];
    let mut xml = Xml::new(out)?;
    xml.open(
        "testsuites",
        &[&[("name", "crosswire")][..], &totals].concat(),
    )?;
    let suite = format!("{} on {}", report.scenario, report.target);
    xml.open(
        "testsuite",
        &[
            &[("name", suite.as_str())][..],
            &totals,
            &[("skipped", "0")],
        ]
        .concat(),
    )?;
    xml.open("properties", &[])?;
    for (name, value) in properties(report) {
        xml.empty("property", &[("name", name), ("value", &value)])?;
    }
    xml.close()?;
    let class = format!("crosswire.{}", report.scenario);
    for (at, case) in cases.iter().enumerate() {
        // Only the whole run was timed.
        let time = if at == 0 { time.as_str() } else { "0" };
        case.write(&class, time, &mut xml)?;
    }
    xml.text("system-out", &[], &strength(report))?;
    xml.close()?;
    xml.close()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failure,
    Error,
}

struct Outcome {
    kind: Kind,
    what: String,
    message: String,
    text: String,
}

struct Case {
    name: String,
    result: Option<Outcome>,
    output: String,
}

impl Case {
    fn write(&self, class: &str, time: &str, xml: &mut Xml<'_>) -> io::Result<()> {
        let attributes = [
            ("name", self.name.as_str()),
            ("classname", class),
            ("time", time),
        ];
        if self.result.is_none() && self.output.is_empty() {
            return xml.empty("testcase", &attributes);
        }
        xml.open("testcase", &attributes)?;
        if let Some(outcome) = &self.result {
            let element = match outcome.kind {
                Kind::Failure => "failure",
                Kind::Error => "error",
            };
            xml.text(
                element,
                &[("message", &outcome.message), ("type", &outcome.what)],
                &outcome.text,
            )?;
        }
        if !self.output.is_empty() {
            xml.text("system-out", &[], &self.output)?;
        }
        xml.close()
    }
}

fn cases(report: &Report) -> Vec<Case> {
    let mut by_step: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_step.entry(&finding.step).or_default().push(finding);
    }
    let mut cases = vec![verdict(report)];
    cases.extend(report.thresholds.iter().map(threshold));
    for step in &report.steps {
        let findings = by_step.remove(step.name.as_str()).unwrap_or_default();
        cases.push(of_step(report, &step.name, &findings));
    }
    // Reports that do not tell their steps, and findings in steps that are not listed.
    for (step, findings) in by_step {
        cases.push(of_step(report, step, &findings));
    }
    cases
}

fn verdict(report: &Report) -> Case {
    let message = format!("{}: {}", report.verdict, telling::outcome(report));
    let kind = match report.verdict {
        _ if report.as_expected() => None,
        Verdict::Inconclusive => Some(Kind::Error),
        Verdict::Exposed | Verdict::Isolated => Some(Kind::Failure),
    };
    let mut text: Vec<String> = report
        .reasons
        .iter()
        .map(|reason| reason.text.clone())
        .collect();
    text.push(format!("expected: {}", report.expected));
    text.extend(
        report
            .replay
            .iter()
            .map(|replay| format!("again: {replay}")),
    );
    let text = text.join("\n");
    match kind {
        None => Case {
            name: "verdict".into(),
            result: None,
            output: format!("{message}\n{text}"),
        },
        Some(kind) => Case {
            name: "verdict".into(),
            result: Some(Outcome {
                kind,
                what: report.verdict.to_string(),
                message,
                text,
            }),
            output: String::new(),
        },
    }
}

fn threshold(result: &ThresholdResult) -> Case {
    let text = telling::threshold(result);
    let broken = || Outcome {
        kind: Kind::Failure,
        what: "threshold".into(),
        message: text.clone(),
        text: text.clone(),
    };
    Case {
        name: format!("threshold: {}", result.threshold),
        result: (!result.holds).then(broken),
        output: if result.holds {
            text.clone()
        } else {
            String::new()
        },
    }
}

fn of_step(report: &Report, step: &str, findings: &[&Finding]) -> Case {
    let mut case = Case {
        name: format!("step: {step}"),
        result: None,
        output: String::new(),
    };
    let Some(first) = findings.first() else {
        return case;
    };
    let message = match findings.len() {
        1 => telling::headline(first),
        n => format!(
            "{}, and {} more",
            telling::headline(first),
            words::number(n as u64 - 1)
        ),
    };
    let text = told(report, findings);
    if report.expected == Verdict::Exposed {
        case.output = format!("{message} (as expected)\n{text}");
    } else {
        case.result = Some(Outcome {
            kind: Kind::Failure,
            what: first.rule.clone(),
            message,
            text,
        });
    }
    case
}

fn told(report: &Report, findings: &[&Finding]) -> String {
    let mut text = String::new();
    for finding in findings.iter().take(TOLD) {
        text.push_str(&format!(
            "{} [{}, {}, {}, {} times]\n",
            telling::headline(finding),
            finding.id,
            finding.rule,
            telling::when(finding),
            words::number(finding.times_seen)
        ));
        for sentence in telling::sentences(finding) {
            text.push_str(&format!("  {sentence}\n"));
        }
        if let Some((one, shortest)) = report.schedule_of(finding) {
            let switches = schedules::diagram(one, &shortest.schedule, WIDTH);
            text.push_str(&format!("  {switches}\n"));
        }
        if let Some(replay) = report.replay_of(finding) {
            text.push_str(&format!("  again: {replay}\n"));
        }
    }
    if findings.len() > TOLD {
        let more = words::number((findings.len() - TOLD) as u64);
        text.push_str(&format!("and {more} more\n"));
    }
    text
}

fn properties(report: &Report) -> Vec<(&'static str, String)> {
    let strength = &report.strength;
    let mut properties = vec![
        ("crosswire.version", report.crosswire_version.clone()),
        ("verdict", report.verdict.to_string()),
        ("expected", report.expected.to_string()),
        ("target", report.target.clone()),
        ("seed", report.seed.to_string()),
        ("users", report.users.to_string()),
        ("rounds", strength.rounds.to_string()),
        ("exchanges", strength.exchanges.to_string()),
    ];
    match &strength.reach {
        Some(reach) => properties.extend([
            ("races", reach.races.to_string()),
            ("schedules", reach.schedules.to_string()),
            ("exposing-schedules", reach.exposing.to_string()),
            ("reach", telling::reach(reach)),
        ]),
        None => properties.extend([
            ("volleys", strength.volleys.to_string()),
            ("overlapping-pairs", strength.overlapping_pairs.to_string()),
            (
                "overlapping-pairs-by-server",
                strength.pairs_by_server.to_string(),
            ),
        ]),
    }
    properties.push(("exposures", report.findings_total.to_string()));
    let bound = strength.upper_bound_95;
    properties.extend(bound.map(|bound| ("upper-bound-95", bound.to_string())));
    let replay = report.replay.clone();
    properties.extend(replay.map(|replay| ("replay", replay)));
    properties
}

fn strength(report: &Report) -> String {
    let mut lines = vec![format!("{}: {}", report.verdict, telling::outcome(report))];
    lines.push(telling::strength(report));
    for one in &report.explored {
        let (title, summary) = (schedules::title(one), schedules::summary(one));
        lines.push(format!("explored: {title}: {summary}"));
    }
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}

/// Seconds with milliseconds, as JUnit's readers take them.
fn seconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::super::testing::all;
    use super::*;

    fn xml(report: &Report) -> String {
        let mut bytes = Vec::new();
        render(report, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn findings_are_failures_of_their_steps_and_of_the_verdict() {
        let mut report = all()["exposed"].clone();
        let text = xml(&report);
        assert!(
            text.contains("tests=\"3\" failures=\"3\" errors=\"0\" time=\"2.300\""),
            "{text}"
        );
        assert!(
            text.contains("<failure message=\"exposed: 3 users received"),
            "{text}"
        );
        assert!(
            text.contains("<failure message=\"bob received carol&#39;s note, and 1 more\" type=\"canary-crossed\">"),
            "{text}"
        );
        assert!(
            text.contains("again: crosswire replay out/report.json#"),
            "{text}"
        );
        report.expected = Verdict::Exposed;
        let text = xml(&report);
        assert!(
            text.contains("failures=\"0\"") && text.contains("(as expected)"),
            "{text}"
        );
    }

    #[test]
    fn a_run_that_is_worth_too_little_is_an_error() {
        let text = xml(&all()["inconclusive"]);
        assert!(
            text.contains("tests=\"3\" failures=\"0\" errors=\"1\""),
            "{text}"
        );
        assert!(
            text.contains("type=\"inconclusive\">the run was interrupted\n"),
            "{text}"
        );
    }

    #[test]
    fn a_clean_run_passes_and_says_what_it_is_worth() {
        let mut report = all()["isolated"].clone();
        let text = xml(&report);
        assert!(text.contains("failures=\"0\" errors=\"0\""), "{text}");
        assert!(
            text.contains("<property name=\"overlapping-pairs\" value=\"1900\"/>"),
            "{text}"
        );
        assert!(
            text.contains("<property name=\"seed\" value=\"42\"/>"),
            "{text}"
        );
        assert!(
            text.contains(
                "<testcase name=\"step: read\" classname=\"crosswire.notes\" time=\"0\"/>"
            ),
            "{text}"
        );
        report.expected = Verdict::Exposed;
        let text = xml(&report);
        assert!(
            text.contains("<failure message=\"isolated: no user"),
            "{text}"
        );
    }

    #[test]
    fn schedules_are_told_and_pairs_are_not() {
        let text = xml(&all()["explored-exposed"]);
        for part in [
            "<property name=\"schedules\" value=\"70\"/>",
            "<property name=\"reach\" value=\"all 70 schedules\"/>",
            "\n  alice ──call, await── │ bob ──call, await──",
            "again: crosswire explore ./notes.toml --preemptions 2 --schedule &#39;xw1:1f2e3d4c:tokio-permit-first:R1*2,R2*2,R1,B,R1,R2&#39;",
            "explored: read by alice and read by bob, in process: all 70 schedules, 4 exposing",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("pairs"), "{text}");
        let text = xml(&all()["explored-inconclusive"]);
        assert!(
            text.contains("errors=\"1\"") && text.contains("nothing was interleaved"),
            "{text}"
        );
    }

    #[test]
    fn a_broken_threshold_fails_by_itself() {
        let text = xml(&all()["thresholds"]);
        assert!(
            text.contains("tests=\"5\" failures=\"1\" errors=\"0\""),
            "{text}"
        );
        assert!(
            text.contains("<testcase name=\"threshold: upper-bound &lt;= 0.001\""),
            "{text}"
        );
        assert!(
            text.contains("type=\"threshold\">upper-bound &lt;= 0.001: BROKEN, 0.001575"),
            "{text}"
        );
    }

    #[test]
    fn elements_stand_in_the_order_of_the_schemas() {
        for (name, report) in all() {
            let text = xml(&report);
            let at = |part: &str| {
                text.find(part)
                    .unwrap_or_else(|| panic!("{name}: no {part}"))
            };
            assert!(at("<properties>") < at("<testcase "), "{name}");
            assert!(at("<testcase ") < at("\n    <system-out>"), "{name}");
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{name}");
        }
    }
}

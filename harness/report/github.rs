//! Workflow commands: printed by a step of a GitHub workflow they become annotations beside the scenario's file.

use std::io::{self, Write};

use super::place::scenario_file;
use super::telling::Group;
use super::{Report, schedules, telling, words};
use crate::judge::Verdict;

/// Columns up to which a schedule is told with what its steps did.
const WIDTH: usize = 120;
/// Annotations of one level that GitHub takes from one step; it drops the others without a word.
const LIMIT: usize = 10;

/// Writes a report as workflow commands.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for result in report.thresholds.iter().filter(|result| !result.holds) {
        let text = telling::threshold(result);
        command(report, "warning", 0, "threshold broken", &text, out)?;
    }
    // What was expected must not look like a failure on a step that succeeds.
    let level = if report.as_expected() {
        "notice"
    } else {
        "error"
    };
    let groups = telling::few(&report.findings);
    let left_out = (report.findings_total).saturating_sub(report.findings.len() as u64);
    let shown = match left_out + groups.len() as u64 {
        0 => return verdict(report, level, out),
        total if total <= LIMIT as u64 => LIMIT,
        // The last one says how many more there are.
        _ => LIMIT - 1,
    };
    for group in groups.iter().take(shown) {
        let finding = group.example;
        let title = report
            .rule(finding)
            .map_or(finding.rule.as_str(), |rule| rule.title.as_str());
        let message = message(report, group);
        command(report, level, finding.line, title, &message, out)?;
    }
    let told: u64 = groups.iter().take(shown).map(|group| group.findings).sum();
    if report.findings_total > told {
        let more = words::count(report.findings_total - told, "more finding");
        let message = format!("{more}: the other reports of this run hold what was found.");
        command(report, level, 0, &more, &message, out)?;
    }
    Ok(())
}

fn verdict(report: &Report, level: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = vec![format!("{}.", telling::outcome(report))];
    if report.verdict == Verdict::Inconclusive {
        lines.extend(report.reasons.iter().map(|reason| reason.text.clone()));
    }
    lines.push(telling::strength(report));
    if !report.as_expected() {
        lines.push(format!("Expected: {}.", report.expected));
    }
    let title = format!("{} is {}", report.scenario, report.verdict);
    command(report, level, 0, &title, &lines.join("\n"), out)
}

fn message(report: &Report, group: &Group<'_>) -> String {
    let finding = group.example;
    let mut lines = vec![format!("{}.", group.headline())];
    lines.extend(telling::sentences(finding));
    let shown = report.schedule_of(finding);
    lines.extend(shown.map(|(one, shortest)| schedules::diagram(one, &shortest.schedule, WIDTH)));
    lines.extend(
        report
            .replay_of(finding)
            .map(|replay| format!("Again: {replay}")),
    );
    lines.push(format!("What it means: crosswire explain {}", finding.rule));
    lines.join("\n")
}

fn command(
    report: &Report,
    level: &str,
    line: u64,
    title: &str,
    message: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut properties = Vec::new();
    if let Some(file) = scenario_file(report) {
        properties.push(format!("file={}", property(&file)));
        properties.push(format!("line={}", line.max(1)));
    }
    properties.push(format!(
        "title={}",
        property(&format!("crosswire: {title}"))
    ));
    writeln!(out, "::{level} {}::{}", properties.join(","), data(message))
}

/// A message: the runner ends a command at the end of its line.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property's value, which also ends at a colon or a comma.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::testing::all;
    use super::*;

    fn commands(report: &Report) -> Vec<String> {
        let mut bytes = Vec::new();
        render(report, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_users_were_served_with_their_own_ended_sessions_is_one_annotation() {
        let mut report = all()["exposed"].clone();
        for finding in &mut report.findings {
            *finding = super::super::Finding {
                kind: crate::judge::ExposureKind::Session,
                viewer: finding.viewer.clone(),
                victim: finding.viewer.clone(),
                ..a_finding()
            };
        }
        report.findings_total = 3;
        let commands = commands(&report);
        assert_eq!(commands.len(), 1, "{commands:#?}");
        assert!(
            commands[0].contains("::3 users were still served by sessions that had ended.%0A"),
            "{commands:#?}"
        );
    }

    fn a_finding() -> super::super::Finding {
        all()["exposed"].findings[0].clone()
    }

    #[test]
    fn each_finding_stands_beside_its_step() {
        let mut report = all()["exposed"].clone();
        report.findings_total = 3;
        let commands = commands(&report);
        assert_eq!(commands.len(), 3);
        assert!(
            commands[0]
                .starts_with("::error file=scenarios/notes.toml,line=27,title=crosswire%3A "),
            "{}",
            commands[0]
        );
        assert!(
            commands[0].contains("::carol changed or removed alice's note.%0A"),
            "{}",
            commands[0]
        );
        assert!(commands[1].contains("line=21,"), "{}", commands[1]);
    }

    #[test]
    fn there_are_never_more_than_github_takes() {
        let mut report = all()["exposed"].clone();
        let one = report.findings[0].clone();
        report.findings = vec![one; 40];
        report.findings_total = 1_240;
        let found = commands(&report);
        assert_eq!(found.len(), LIMIT);
        assert!(
            found[LIMIT - 1].contains("::1,231 more findings: "),
            "{}",
            found[LIMIT - 1]
        );
        report.findings.truncate(LIMIT);
        report.findings_total = LIMIT as u64;
        let found = commands(&report);
        assert_eq!(found.len(), LIMIT);
        assert!(
            found
                .iter()
                .all(|command| !command.contains("more finding"))
        );
    }

    #[test]
    fn every_command_keeps_to_its_line() {
        for (name, report) in all() {
            for command in commands(&report) {
                assert!(
                    ["::error ", "::warning ", "::notice "]
                        .iter()
                        .any(|level| command.starts_with(level)),
                    "{name}: {command}"
                );
                assert!(!command.chars().any(char::is_control), "{name}: {command}");
                let properties = command[2..].split("::").next().unwrap();
                assert!(
                    properties.split_once(' ').unwrap().1.split(',').all(|p| {
                        let (key, value) = p.split_once('=').unwrap();
                        matches!(key, "file" | "line" | "title") && !value.contains(':')
                    }),
                    "{name}: {command}"
                );
            }
        }
    }

    #[test]
    fn a_broken_threshold_is_a_warning() {
        let commands = commands(&all()["thresholds"]);
        assert_eq!(commands.len(), 2);
        assert!(commands[0].starts_with("::warning "), "{}", commands[0]);
        assert!(
            commands[0].ends_with("::upper-bound <= 0.001: BROKEN, 0.001575"),
            "{}",
            commands[0]
        );
    }

    #[test]
    fn what_is_as_expected_is_no_error() {
        let isolated = commands(&all()["isolated"]);
        assert_eq!(isolated.len(), 1);
        assert!(isolated[0].starts_with("::notice "), "{}", isolated[0]);
        let inconclusive = commands(&all()["inconclusive"]);
        assert!(
            inconclusive[0].starts_with("::error "),
            "{}",
            inconclusive[0]
        );
        assert!(
            inconclusive[0].contains("%0Athe run was interrupted%0A"),
            "{}",
            inconclusive[0]
        );
    }
}

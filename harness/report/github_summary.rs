//! The step summary of a GitHub workflow: Markdown, kept below the size that GitHub takes.

use std::io::{self, Write};

use super::telling::Group;
use super::{Finding, Report, schedules, telling, words};
use crate::judge::Verdict;

/// Bytes that GitHub takes from one step; a larger summary is not shown at all.
pub const SUMMARY_LIMIT: usize = 1 << 20;
/// Bytes that are kept free for the end of the summary.
const RESERVE: usize = 64 << 10;
/// Explorations that are told.
const EXPLORED: usize = 10;
/// Columns of a schedule's table.
const WIDTH: usize = 98;
/// Lines of the switches of a schedule.
const SWITCHES_LINES: usize = 2;
/// Findings told in sentences.
const IN_FULL: usize = 3;

/// Writes a report as Markdown.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut page = format!(
        "## crosswire: {} ({} on {})\n\n{}.\n\n",
        report.verdict.as_str().to_uppercase(),
        escaped(&report.scenario),
        escaped(&report.target),
        escaped(&capital(&telling::outcome(report)))
    );
    if !report.as_expected() {
        page.push_str(&format!("Expected: **{}**.\n\n", report.expected));
    }
    let end = explorations(report) + &ended(report);
    // The end is short unless somebody writes long notes.
    let end = cut(&end, RESERVE);
    findings(report, SUMMARY_LIMIT - end.len() - 1_024, &mut page);
    page.push_str(&end);
    out.write_all(page.as_bytes())
}

/// What was explored, and the shortest schedule of each exploration that exposes something.
fn explorations(report: &Report) -> String {
    let mut page = String::new();
    for (at, one) in report.explored.iter().enumerate() {
        if at == EXPLORED {
            let more = words::count((report.explored.len() - at) as u64, "more race");
            page.push_str(&format!("- {more}\n"));
            break;
        }
        let title = escaped(&capital(&schedules::title(one)));
        page.push_str(&format!(
            "- {title}: {}\n",
            escaped(&schedules::summary(one))
        ));
    }
    if !page.is_empty() {
        page.push('\n');
    }
    for one in report.explored.iter().take(EXPLORED) {
        let Some(found) = one.found.first() else {
            continue;
        };
        let mut lines = schedules::switches(one, &found.schedule, WIDTH, SWITCHES_LINES);
        if let Some(told) = one.steps_of(&found.schedule) {
            let at = found.decisive.map(|decisive| decisive.at);
            lines.extend(schedules::table(one, told, at, WIDTH));
        }
        lines.extend(schedules::outcomes(one));
        page.push_str(&fenced("text", &lines.join("\n")));
        page.push('\n');
        if let Some(test) = &found.test {
            page.push_str(&fenced("rust", test));
            page.push('\n');
        }
    }
    page
}

fn findings(report: &Report, limit: usize, page: &mut String) {
    if report.findings.is_empty() {
        return;
    }
    page.push_str("| what | step | where | first seen | times | id |\n| --- | --- | --- | --- | ---: | --- |\n");
    let mut told = 0;
    for group in telling::few(&report.findings) {
        let row = row(&group);
        if page.len() + row.len() > limit {
            break;
        }
        page.push_str(&row);
        told += group.findings;
    }
    page.push('\n');
    let left_out = report.findings_total.saturating_sub(told);
    if left_out > 0 {
        page.push_str(&format!(
            "{} left out here; the other reports of this run hold what was kept of them.\n\n",
            if left_out == 1 {
                "1 finding is".to_owned()
            } else {
                format!("{} findings are", words::number(left_out))
            }
        ));
    }
    for finding in report.findings.iter().take(IN_FULL) {
        let full = in_full(report, finding);
        if page.len() + full.len() <= limit {
            page.push_str(&full);
        }
    }
}

fn row(group: &Group<'_>) -> String {
    let finding = group.example;
    let cells = [
        group.headline(),
        finding.step.clone(),
        finding.place.clone(),
        telling::when(finding),
        words::number(group.times),
        finding.id.clone(),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn in_full(report: &Report, finding: &Finding) -> String {
    let sentences: Vec<String> = telling::sentences(finding)
        .iter()
        .map(|sentence| format!("- {}\n", escaped(sentence)))
        .collect();
    let again = report
        .replay_of(finding)
        .map(|replay| format!("\n{}", code(&replay)))
        .unwrap_or_default();
    format!(
        "<details><summary>{} ({})</summary>\n\n{}{again}\n</details>\n\n",
        escaped(&telling::headline(finding)),
        escaped(&finding.id),
        sentences.concat()
    )
}

fn ended(report: &Report) -> String {
    let mut page = String::new();
    if report.verdict == Verdict::Inconclusive {
        page.push_str("Lacking:\n\n");
        for reason in &report.reasons {
            page.push_str(&format!("- {}\n", escaped(&reason.text)));
        }
        page.push('\n');
    }
    page.push_str(&format!(
        "Strength: {}.\n\n",
        escaped(&telling::strength(report))
    ));
    for result in &report.thresholds {
        page.push_str(&format!(
            "- threshold {}\n",
            escaped(&telling::threshold(result))
        ));
    }
    for note in &report.notes {
        page.push_str(&format!("- {}\n", escaped(note)));
    }
    page.push_str(&format!(
        "\n{}, {}, {}, seed {}\n\n",
        words::count(report.users, "user"),
        match &report.strength.reach {
            Some(reach) => words::count(reach.schedules, "schedule"),
            None if report.is_exploration() => words::count(0, "schedule"),
            None => words::count(report.strength.rounds.into(), "round"),
        },
        words::time(std::time::Duration::from_nanos(report.elapsed_ns)),
        report.seed
    ));
    if let Some(replay) = &report.replay {
        page.push_str(&code(replay));
    }
    page
}

/// A block of code, fenced by more backticks than it holds.
fn code(text: &str) -> String {
    fenced("sh", text)
}

fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit - 100)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let end = text[..end].rfind('\n').unwrap_or(end);
    format!(
        "{}\n\nThe rest is left out: a summary has at most 1 MiB.\n",
        &text[..end]
    )
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

/// Text that Markdown and HTML take for text: everything that could mean more is written as its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let is_plain = c.is_ascii_alphanumeric() || !c.is_ascii() || " .,;()/%'+-=?…".contains(c);
        match c {
            '\n' | '\r' | '\t' => escaped.push(' '),
            c if is_plain => escaped.push(c),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::testing::all;
    use super::*;

    fn page(report: &Report) -> String {
        let mut bytes = Vec::new();
        render(report, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn findings_stand_in_a_table() {
        let text = page(&all()["exposed"]);
        assert!(
            text.starts_with("## crosswire: EXPOSED (notes on http&#58;//127.0.0.1&#58;8080)\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "| bob received carol's note | read | body | volley, round 2 | 1,200 | 00010002 |\n"
            ),
            "{text}"
        );
        assert!(text.contains("112 findings are left out here;"), "{text}");
        assert!(
            text.contains("```sh\ncrosswire run ./notes.toml --seed 42\n```\n"),
            "{text}"
        );
    }

    #[test]
    fn schedules_are_told_step_by_step() {
        let text = page(&all()["explored-exposed"]);
        for part in [
            "- Read by alice and read by bob, in process: all 70 schedules, 4 exposing",
            "```text\nalice ──await── │ bob ──await── │ alice ──await── │ background │ alice ──answered 200──\n│ bob ──",
            "  7  answered 200\n       HOLDS bob's DATA\n",
            "```rust\n#[test]\nfn again() {\n",
            "--schedule 'xw1:",
            "\n3 users, 70 schedules, 1.4 ms, seed 42\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("overlap"), "{text}");
    }

    #[test]
    fn a_long_one_is_cut_and_says_so() {
        let mut report = all()["exposed"].clone();
        let mut one = report.findings[0].clone();
        one.viewer = "|".repeat(3_000);
        report.findings = vec![one; 1_000];
        report.findings_total = 1_000;
        report.notes = vec!["*".repeat(500_000)];
        let text = page(&report);
        assert!(text.len() < SUMMARY_LIMIT, "{}", text.len());
        assert!(text.contains("findings are left out here;"));
        assert!(text.contains("The rest is left out: "));
    }

    #[test]
    fn no_text_becomes_markup() {
        let text = page(&all()["hostile"]);
        for markup in ["<script", "<img", "](", "`|", "\u{1b}"] {
            assert!(!text.contains(markup), "{markup}: {text}");
        }
        let table: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(table.len(), 5);
        assert!(
            table.iter().all(|row| row.matches('|').count() == 7),
            "{table:#?}"
        );
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(code("a ```` b"), "`````sh\na ```` b\n`````\n");
    }
}

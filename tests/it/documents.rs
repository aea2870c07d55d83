//! The documents say what is so: output, exit codes, scenarios, paths.
//!
//! `UPDATE_DOCS=1 cargo test --release --test it documents` writes the output in the README anew.

use std::collections::BTreeSet;
use std::path::Path;

use crosswire::scenario::Scenario;
use crosswire_targets::{Sees, targets};

use crate::command::{crosswire, expect, folder, run};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What stands between two texts, for every place where both occur.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from)
        .skip(1)
        .filter_map(|rest| rest.split_once(to))
        .map(|(inside, _)| inside)
        .collect()
}

/// The first cells of the lines that have several: labels and headings, which do not depend on luck. Numbers count as
/// equal.
fn shape(output: &str) -> BTreeSet<String> {
    let label = |line: &str| {
        let (label, _) = line.trim().split_once("  ")?;
        let label = label.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
        (!label.contains("user") && !label.is_empty()).then(|| label.to_owned())
    };
    output.lines().filter_map(label).collect()
}

/// The same command, made short: what it writes has the same shape.
fn shortened(arguments: &str) -> String {
    match arguments {
        "demo" => "demo --quick".to_owned(),
        day if day.starts_with("run replay-2008") => format!("{day} --scale 100000"),
        other => other.to_owned(),
    }
}

/// From the first occurrence of a text; after `; to: ` in it, up to the line of the first occurrence of another one.
fn part_of<'o>(output: &'o str, part: &str) -> &'o str {
    let (from, to) = part
        .split_once("; to: ")
        .map_or((part, None), |(from, to)| (from, Some(to)));
    let rest = &output[output.find(from).unwrap()..];
    let end = to.map_or(rest.len(), |to| rest.find(to).unwrap());
    let is_whole_line = to.is_none();
    let end = if is_whole_line {
        end
    } else {
        rest[..end].rfind('\n').unwrap()
    };
    rest[..end].trim_end()
}

const BEGIN: &str = "<!-- output of: crosswire ";
const END: &str = "```\n<!-- end of output -->";

#[test]
fn the_output_in_the_readme_is_what_the_command_writes() {
    let readme = read("README.md");
    let blocks = between(&readme, BEGIN, END);
    assert_eq!(blocks.len(), 6);
    let mut updated = readme.clone();
    for block in blocks {
        let (head, shown) = block.split_once(" -->\n```text\n").unwrap();
        let (arguments, part) = head.split_once("; from: ").unwrap_or((head, ""));
        let is_update = std::env::var_os("UPDATE_DOCS").is_some();
        if arguments.starts_with("run catalogue") && !is_update {
            // What the engines say is tested beside the catalogue; here, that it is what the README shows.
            let rows = matrix(shown);
            let verdicts = rows.iter().map(Row::verdict).collect::<BTreeSet<_>>();
            assert_eq!(verdicts, expected_matrix(), "{REGENERATE}");
            assert_eq!(read(MEASURED), measured(&rows), "{REGENERATE}");
            continue;
        }
        let stdout = match is_update {
            true => expect(0, arguments).stdout,
            false => expect(0, &shortened(arguments)).stdout,
        };
        let real = part_of(&stdout, part);
        if is_update {
            updated = updated.replace(block, &format!("{head} -->\n```text\n{real}\n"));
            if arguments.starts_with("run catalogue") {
                std::fs::write(root().join(MEASURED), measured(&matrix(real))).unwrap();
            }
        } else {
            assert_eq!(shape(shown), shape(real), "`{head}`: {REGENERATE}\n{real}");
        }
    }
    if updated != readme {
        std::fs::write(root().join("README.md"), updated).unwrap();
    }
}

/// Where `crosswire catalogue` takes from how fast each engine was.
const MEASURED: &str = "harness/cli/catalogue/measured.tsv";

const REGENERATE: &str = "run UPDATE_DOCS=1 cargo test --release --test it documents";

/// A row of the matrix.
struct Row {
    variant: String,
    engine: String,
    verdict: String,
    first: String,
    seconds: String,
}

impl Row {
    fn verdict(&self) -> (String, String, String) {
        (
            self.variant.clone(),
            self.engine.clone(),
            self.verdict.clone(),
        )
    }
}

/// The rows of the matrix. Columns are two spaces apart at least.
fn matrix(shown: &str) -> Vec<Row> {
    let mut variant = String::new();
    let mut rows = Vec::new();
    for line in shown.lines() {
        let columns: Vec<&str> = line
            .split("  ")
            .map(str::trim)
            .filter(|column| !column.is_empty())
            .collect();
        if let Some(first) = columns.first().filter(|first| first.contains('/')) {
            variant = (*first).to_owned();
        }
        if let [.., engine, verdict, first, seconds] = columns[..]
            && ["EXPOSED", "ISOLATED", "INCONCLUSIVE"].contains(&verdict)
        {
            rows.push(Row {
                variant: variant.clone(),
                engine: engine.to_owned(),
                verdict: verdict.to_owned(),
                first: first.to_owned(),
                seconds: seconds.to_owned(),
            });
        }
    }
    rows
}

/// The rows as `crosswire catalogue` reads them.
fn measured(rows: &[Row]) -> String {
    let line = |row: &Row| {
        format!(
            "{}\t{}\t{}\t{}\n",
            row.variant, row.engine, row.first, row.seconds
        )
    };
    rows.iter().map(line).collect()
}

fn expected_matrix() -> BTreeSet<(String, String, String)> {
    let mut rows = BTreeSet::new();
    for target in targets() {
        for variant in target.variants {
            for expected in variant.expected {
                let verdict = match expected.sees {
                    Sees::Nothing => "ISOLATED",
                    _ => "EXPOSED",
                };
                let name = format!("{}/{}", target.name, variant.name);
                rows.insert((name, expected.engine.to_string(), verdict.to_owned()));
            }
        }
    }
    rows
}

#[test]
fn the_exit_codes_in_the_readme_are_those_of_the_help() {
    let help = expect(0, "--help").stdout;
    let of_help: Vec<(&str, &str)> = help
        .split("Exit codes:\n")
        .nth(1)
        .unwrap()
        .lines()
        .filter_map(|line| line.trim().split_once("  "))
        .collect();
    let readme = read("README.md");
    let table = readme
        .split("## Exit codes")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .nth(1)
        .unwrap();
    let of_readme: Vec<(&str, &str)> = table
        .lines()
        .skip(2)
        .map(|row| row.trim_matches(['|', ' ']).split_once(" | ").unwrap())
        .collect();
    assert_eq!(of_readme, of_help);
    assert_eq!(of_help.len(), 8);
}

#[test]
fn the_scenario_in_the_readme_can_be_run() {
    let readme = read("README.md");
    let blocks = between(&readme, "```toml\n", "```");
    assert!(!blocks.is_empty());
    for block in blocks {
        if block.starts_with('[') {
            assert_settings(block);
            continue;
        }
        Scenario::parse_in("readme", block, &|name| {
            (name == "TESTER_PASSWORD").then(|| "x".to_owned())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// A `crosswire.toml`: the command itself says whether it knows every setting.
fn assert_settings(block: &str) {
    let folder = folder();
    std::fs::write(folder.path().join("crosswire.toml"), block).unwrap();
    let shown = crosswire()
        .args(["run", "x", "--show-config"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(shown.status.success(), "{block}: {told}");
}

/// The commands of a console block, as a shell splits them: lines that end in a backslash go on, comments are left out.
fn commands(block: &str) -> Vec<Vec<String>> {
    let whole = block.replace("\\\n", " ");
    let lines = whole
        .lines()
        .filter_map(|line| line.strip_prefix("$ crosswire "));
    lines
        .map(|line| shlex::split(line).unwrap_or_else(|| panic!("quotes of {line}")))
        .collect()
}

#[test]
fn every_command_in_the_readme_is_understood() {
    let readme = read("README.md");
    for block in between(&readme, "```console\n", "```") {
        for words in commands(block) {
            // An argument after all the others that nobody knows: the error must be about it, not about what is shown.
            let ran = run(words.iter().map(String::as_str).chain(["--no-such-flag"]));
            assert!(
                ran.code == 2 && ran.stderr.contains("'--no-such-flag'"),
                "{words:?}: {}",
                ran.stderr
            );
        }
    }
}

#[test]
fn paths_in_the_documents_exist() {
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "scenarios/README.md",
        "targets/README.md",
        "benches/README.md",
    ] {
        if !root().join(document).exists() {
            assert!(!matches!(document, "README.md" | "CONTRIBUTING.md"));
            continue;
        }
        let text = read(document);
        let folder = root().join(document).parent().unwrap().to_owned();
        for link in between(&text, "](", ")")
            .into_iter()
            .filter(|link| !link.contains("://") && !link.starts_with('#'))
        {
            assert!(folder.join(link).exists(), "{document}: there is no {link}");
        }
        let folders = [
            "harness/",
            "targets/",
            "scenarios/",
            "tests/",
            "benches/",
            ".ci/",
        ];
        for path in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|path| folders.iter().any(|folder| path.starts_with(folder)))
        {
            assert!(root().join(path).exists(), "{document}: there is no {path}");
        }
    }
}

//! The formats a report can be written in.

use std::io::{self, Write};

use super::{
    Look, Report, github, github_summary, har, html, json, junit, ndjson, sarif, terminal,
};

/// A format: what it is called, and how it is written.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Name on the command line: `--report NAME=FILE`.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub what: &'static str,
    /// Writes a report.
    pub render: fn(&Report, &mut dyn Write) -> io::Result<()>,
}

/// Every format. A new one is a file of its own and a line here.
pub static FORMATS: [Format; 9] = [
    Format {
        name: "github",
        what: "workflow commands, which GitHub shows as annotations",
        render: github::render,
    },
    Format {
        name: "github-summary",
        what: "Markdown for $GITHUB_STEP_SUMMARY",
        render: github_summary::render,
    },
    Format {
        name: "har",
        what: "the exchanges that exposed something, for HAR viewers",
        render: har::render,
    },
    Format {
        name: "html",
        what: "one page for people; nothing loaded, and no scripts but for walking through schedules",
        render: html::render,
    },
    Format {
        name: "json",
        what: "for programs; `crosswire schema report` prints its schema",
        render: json::render,
    },
    Format {
        name: "junit",
        what: "JUnit XML, for continuous integration",
        render: junit::render,
    },
    Format {
        name: "ndjson",
        what: "events, one JSON object a line; `crosswire schema events` prints its schema",
        render: ndjson::render,
    },
    Format {
        name: "sarif",
        what: "SARIF 2.1.0, for code scanning",
        render: sarif::render,
    },
    Format {
        name: "text",
        what: "what the terminal shows, without colour",
        render: plain,
    },
];

impl Format {
    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }
}

fn plain(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    terminal::render_terminal(report, Look::PLAIN, out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SALT, SECRET, SESSION, all};
    use super::*;

    fn rendered(format: &Format, report: &Report) -> String {
        let mut bytes = Vec::new();
        (format.render)(report, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_read_back_gives_the_same_in_every_format() {
        let json = Format::named("json").unwrap();
        for (name, report) in all() {
            let read = Report::from_json(rendered(json, &report).as_bytes()).unwrap();
            assert_eq!(read, report, "{name}");
            for format in &FORMATS {
                assert!(
                    rendered(format, &read) == rendered(format, &report),
                    "{name} as {}",
                    format.name
                );
            }
        }
    }

    #[test]
    fn no_format_shows_a_secret_or_a_whole_canary() {
        for format in &FORMATS {
            for (name, report) in all() {
                let text = rendered(format, &report);
                // To look at them: REPORT_SAMPLES=FOLDER cargo test --lib report
                if let Some(folder) = std::env::var_os("REPORT_SAMPLES") {
                    let file = format!("{name}.{}", format.name);
                    std::fs::write(std::path::Path::new(&folder).join(file), &text).unwrap();
                }
                assert!(
                    [&SALT.marker(), SECRET, SESSION]
                        .iter()
                        .all(|hidden| !text.contains(*hidden)),
                    "{name} as {}:\n{text}",
                    format.name
                );
            }
        }
    }

    #[test]
    fn names_are_looked_up_exactly() {
        assert_eq!(
            Format::named("json").map(|format| format.name),
            Some("json")
        );
        assert!(Format::named("JSON").is_none() && Format::named("").is_none());
    }
}

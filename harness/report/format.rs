//! The formats a report can be written in.

use std::io::{self, Write};

use super::{Look, Report, json, terminal};

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
pub static FORMATS: [Format; 2] = [
    Format {
        name: "json",
        what: "for programs; `crosswire schema report` prints its schema",
        render: json::render,
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
    use super::super::testing::{SALT, SECRET, all};
    use super::*;

    #[test]
    fn no_format_shows_a_secret_or_a_whole_canary() {
        for format in &FORMATS {
            for (name, report) in all() {
                let mut bytes = Vec::new();
                (format.render)(&report, &mut bytes).unwrap();
                let text = String::from_utf8(bytes).unwrap();
                assert!(
                    !text.contains(&SALT.marker()) && !text.contains(SECRET),
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

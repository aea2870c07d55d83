//! `crosswire explain`: what a rule's exposures mean, how they come about, where to look.

use std::fmt::Write as _;

use crosswire::judge::RULES;
use crosswire::report::words::wrapped;

use crate::exit::{self, Failure};
use crate::screen::Screen;

/// Explains one rule, or lists all of them.
pub(crate) fn explain(rule: Option<&str>, screen: &mut Screen) -> Result<u8, Failure> {
    let text = match rule {
        None => listed(),
        Some(name) => {
            let Some(rule) = RULES.iter().find(|rule| rule.id == name) else {
                return Err(Failure::usage(format!(
                    "there is no rule `{}`; there is\n{}",
                    name.escape_debug(),
                    listed()
                )));
            };
            let help = wrapped(rule.help, 98).join("\n");
            format!("{}: {}\n\n{help}\n\n{}", rule.id, rule.title, rule.explain)
        }
    };
    screen
        .out(text.as_bytes())
        .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))?;
    Ok(exit::AS_EXPECTED)
}

fn listed() -> String {
    let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for rule in RULES {
        let _ = writeln!(text, "  {:width$}  {}", rule.id, rule.title);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_explained_under_the_same_headings() {
        for rule in RULES {
            for heading in [
                "What it means",
                "Why it is not a false alarm",
                "What it does not mean",
                "How it comes about",
            ] {
                assert!(
                    rule.explain.lines().any(|line| line.starts_with(heading)),
                    "{}: {heading}",
                    rule.id
                );
            }
            assert!(
                rule.explain.lines().all(|line| line.len() <= 132),
                "{}",
                rule.id
            );
        }
    }
}

//! `crosswire targets` and `crosswire scenarios`: what there is to run.

use std::fmt::Write as _;

use crosswire::report::words::wrapped;

use crate::exit::{self, Failure};
use crate::screen::Screen;

/// Lists the bundled targets and their variants.
pub(crate) fn targets(screen: &mut Screen) -> Result<u8, Failure> {
    let mut text = String::new();
    for target in crosswire_targets::targets() {
        let _ = writeln!(text, "{}\n", target.title);
        let names: Vec<String> = target
            .variants
            .iter()
            .map(|variant| format!("{}/{}", target.name, variant.name))
            .collect();
        let width = names.iter().map(String::len).max().unwrap_or(0);
        for (name, variant) in names.iter().zip(target.variants) {
            let _ = writeln!(
                text,
                "  {name:width$}  {:8}  {}",
                variant.role, variant.line
            );
        }
    }
    print(screen, &text)
}

/// Lists the shipped scenarios, each with what it would catch: the first line of its file.
pub(crate) fn scenarios(screen: &mut Screen) -> Result<u8, Failure> {
    let mut text = String::new();
    let shipped = crosswire::scenario::shipped();
    let width = shipped
        .iter()
        .map(|scenario| scenario.name.len())
        .max()
        .unwrap_or(0);
    for scenario in shipped {
        let first = scenario
            .text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches(['#', ' '])
            .trim_start_matches("Would catch: ");
        for (i, line) in wrapped(first, 98 - width).iter().enumerate() {
            let name = if i == 0 { scenario.name } else { "" };
            let _ = writeln!(text, "{name:width$}  {line}");
        }
    }
    print(screen, &text)
}

fn print(screen: &mut Screen, text: &str) -> Result<u8, Failure> {
    screen
        .out(text.as_bytes())
        .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))?;
    Ok(exit::AS_EXPECTED)
}

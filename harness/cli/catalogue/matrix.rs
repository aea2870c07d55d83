//! `crosswire run catalogue`: every variant of every class, by every engine that applies, beside what is expected.

use std::time::Instant;

use crosswire::fire::Stop;
use crosswire_targets::{Expected, TargetInfo, VariantInfo};

use super::trial::{How, Tried, tried};
use super::words;
use crate::args::RunArgs;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::screen::Screen;
use crate::trial::random_seed;

/// Runs these classes, and prints a row as soon as it is there.
///
/// # Errors
/// Usage, when a flag is given that is for one scenario, or stdout cannot be written to.
pub(crate) fn matrix(
    classes: &[&TargetInfo],
    args: &RunArgs,
    screen: &mut Screen,
) -> Result<u8, Failure> {
    refuse_flags(args)?;
    let stop = Stop::default();
    let asked = stop.clone();
    interrupt::on_first_signal(move || asked.ask())?;
    let seed = args.common.seed.map_or_else(random_seed, Ok)?;
    let how = How {
        seed,
        quick: args.quick,
    };
    let begun = Instant::now();
    let mut rows = Rows {
        screen,
        quiet: args.common.loudness.quiet,
        width: widest(classes),
        count: 0,
        differing: Vec::new(),
    };
    rows.head()?;
    for target in classes {
        rows.class(target)?;
        for variant in target.variants {
            for expected in variant.expected {
                let tried = tried(target, variant, expected.engine, &how, &stop)?;
                if tried.interrupted || stop.asked() {
                    rows.screen.error("interrupted: the rest was not run");
                    return Ok(exit::INTERRUPTED);
                }
                rows.row(target, variant, expected, &tried)?;
            }
        }
    }
    rows.foot(seed, begun)
}

/// What is said of one scenario says nothing of a matrix.
fn refuse_flags(args: &RunArgs) -> Result<(), Failure> {
    let common = &args.common;
    let network = &common.network;
    for (flag, given) in [
        ("--url", args.url.is_some()),
        ("--variant", args.variant.is_some()),
        ("--store", args.store.is_some()),
        ("--store-delay", args.store_delay.is_some()),
        ("--users", args.users.is_some()),
        ("--tag", !args.tag.is_empty()),
        ("--skip-tag", !args.skip_tag.is_empty()),
        ("--scale", args.scale.is_some()),
        ("--rounds", common.rounds.is_some()),
        ("--duration", common.duration.is_some()),
        ("--rate", common.rate.is_some()),
        ("--strategy", common.strategy.is_some()),
        ("--connections", common.connections.is_some()),
        ("--protocol", common.protocol.is_some()),
        ("--threshold", !common.threshold.is_empty()),
        ("--history", common.history.is_some()),
        ("--control", common.control),
        ("--report", !common.output.wanted().is_empty()),
        ("--expect", common.expect.is_some()),
        ("--show-config", common.config.show_config),
        ("--allow-host", !network.allow_host.is_empty()),
        ("--ca", network.ca.is_some()),
        ("--client-cert", network.client_cert.is_some()),
        ("--insecure", network.insecure),
        ("--proxy", network.proxy.is_some()),
        ("--resolve", !network.resolve.is_empty()),
    ] {
        if given {
            return Err(Failure::usage(format!(
                "{flag} is for a scenario, and the catalogue runs one for each class: leave it out, or run the class's own \
                 scenario (crosswire scenarios)"
            )));
        }
    }
    Ok(())
}

/// The table as it grows.
struct Rows<'s> {
    screen: &'s mut Screen,
    quiet: bool,
    /// Of the widest variant.
    width: usize,
    count: usize,
    /// Rows that are not as expected, and how.
    differing: Vec<String>,
}

impl Rows<'_> {
    fn head(&mut self) -> Result<(), Failure> {
        let width = self.width;
        self.line(&format!(
            "    {:width$}  {:8}  {:7}  {:12}  {:17}  seconds\n",
            "variant", "role", "engine", "verdict", "first seen in"
        ))
    }

    fn class(&mut self, target: &TargetInfo) -> Result<(), Failure> {
        let class = target.class;
        self.line(&format!("{:2}  {}\n", class.number, class.title))
    }

    fn row(
        &mut self,
        target: &TargetInfo,
        variant: &VariantInfo,
        expected: &Expected,
        tried: &Tried,
    ) -> Result<(), Failure> {
        self.count += 1;
        let name = format!("{}/{}", target.name, variant.name);
        let engine = expected.engine;
        let is_first = variant.expected.first().map(|first| first.engine) == Some(engine);
        let (shown, role) = match is_first {
            true => (name.as_str(), variant.role.to_string()),
            false => ("", String::new()),
        };
        let width = self.width;
        self.line(&format!(
            "    {shown:width$}  {role:8}  {engine:7}  {:12}  {:17}  {:7.2}\n",
            tried.verdict.to_string().to_uppercase(),
            tried.first,
            tried.took.as_secs_f64(),
        ))?;
        if !tried.sees.is_some_and(|said| expected.sees.allows(said)) {
            let said = tried.sees.map_or("is inconclusive", words);
            let why = tried.why.as_ref().map(|why| format!(" ({why})"));
            self.differing.push(format!(
                "{name} by {engine}: {said}{}, expected: {}",
                why.unwrap_or_default(),
                words(expected.sees)
            ));
        }
        Ok(())
    }

    fn foot(mut self, seed: u64, begun: Instant) -> Result<u8, Failure> {
        let seconds = begun.elapsed().as_secs_f64();
        let (count, differing) = (self.count, std::mem::take(&mut self.differing));
        let said = match differing.len() {
            0 => format!("all {count} rows as expected"),
            some => format!("{some} of {count} rows not as expected"),
        };
        self.line(&format!("\n{said}, {seconds:.1} s, seed {seed}\n"))?;
        for one in &differing {
            self.screen.error(one);
        }
        Ok(match differing.is_empty() {
            true => exit::AS_EXPECTED,
            false => exit::NOT_SHOWN,
        })
    }

    fn line(&mut self, text: &str) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        self.screen
            .out(text.as_bytes())
            .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))
    }
}

fn widest(classes: &[&TargetInfo]) -> usize {
    let names = classes.iter().flat_map(|target| {
        let of = target.variants.iter();
        of.map(|variant| target.name.len() + 1 + variant.name.len())
    });
    names.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crosswire_targets::{Engine, Role, Sees, targets};

    use crosswire::scenario::{Scenario, TargetSpec, find_shipped};

    #[test]
    fn every_target_has_a_scenario_that_is_about_it() {
        for target in targets() {
            let shipped = find_shipped(target.scenario).expect(target.scenario);
            let scenario = Scenario::parse(shipped.name, shipped.text).unwrap();
            let TargetSpec::Bundled {
                target: about,
                variant,
                ..
            } = &scenario.target
            else {
                panic!("{}: a URL", shipped.name);
            };
            assert_eq!(about, target.name);
            assert!(
                target.variants.iter().any(|known| known.name == variant),
                "{variant}"
            );
        }
    }

    #[test]
    fn what_is_broken_is_found_and_what_is_right_is_clean_by_every_engine_that_applies() {
        for target in targets() {
            for variant in target.variants {
                let name = format!("{}/{}", target.name, variant.name);
                let found = variant
                    .expected
                    .iter()
                    .any(|expected| expected.sees != Sees::Nothing);
                assert_eq!(found, variant.role != Role::Fixed, "{name}");
                let engines: Vec<Engine> = variant
                    .expected
                    .iter()
                    .map(|expected| expected.engine)
                    .collect();
                assert!(!engines.is_empty(), "{name}: no engine applies");
                assert!(engines.is_sorted_by(|a, b| a < b), "{name}");
            }
        }
    }
}

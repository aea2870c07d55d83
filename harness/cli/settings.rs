//! From a scenario's name and the flags to what is run: everything is read and checked here, before anything starts.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crosswire::check::Beside;
use crosswire::judge::Verdict;
use crosswire::scenario::{
    Bounds, FILE_LIMIT, FireSettings, Limits, Scenario, TargetSpec, find_shipped, shipped,
};

use crate::args::{CommonArgs, Expect, NetworkArgs, RunArgs};
use crate::exit::Failure;
use crate::host;
use crate::network;
use crate::screen::Screen;

impl From<Expect> for Verdict {
    fn from(expect: Expect) -> Verdict {
        match expect {
            Expect::Isolated => Verdict::Isolated,
            Expect::Exposed => Verdict::Exposed,
            Expect::Inconclusive => Verdict::Inconclusive,
        }
    }
}

/// Reads the scenario that `given` names and lets the flags change it.
///
/// # Errors
/// Usage, when there is no such scenario, it is wrong, a flag does not fit it, or its host may not be fired at.
pub(crate) fn load(given: &str, args: &RunArgs, screen: &Screen) -> Result<Scenario, Failure> {
    let mut scenario = read(given, screen)?;
    target(&mut scenario, args)?;
    if let Some(users) = args.users {
        scenario
            .set_user_count(users)
            .map_err(|error| Failure::usage(format!("--users {users}: {error}")))?;
    }
    day(&mut scenario, args)?;
    settle(&mut scenario, &args.common)?;
    if let Some((_, why)) = scenario.fire.too_few(scenario.users.count()) {
        return Err(Failure::usage(why));
    }
    Ok(scenario)
}

/// What a day serves is its own affair: when the command line says what to fire at, its steps are fired like any others.
fn day(scenario: &mut Scenario, args: &RunArgs) -> Result<(), Failure> {
    if args.url.is_some() || args.variant.is_some() {
        scenario.day = None;
    }
    let common = &args.common;
    for (flag, given) in [
        ("--rounds", common.rounds.is_some()),
        ("--strategy", common.strategy.is_some()),
    ] {
        if given && scenario.day.is_some() {
            return Err(Failure::usage(format!(
                "{flag} is for what is fired, and a replayed day says itself who comes when: name what to fire at with --variant"
            )));
        }
    }
    match (&mut scenario.day, args.scale) {
        (Some(day), Some(scale)) => day.scale = scale,
        (None, Some(scale)) => {
            return Err(Failure::usage(format!(
                "--scale {scale} is for scenarios with a [day], and {} has none",
                scenario.name
            )));
        }
        (_, None) => {}
    }
    Ok(())
}

/// Lets the flags that every firing command has change a scenario.
///
/// # Errors
/// Usage, when a flag does not fit it, or a host may not be fired at.
pub(crate) fn settle(scenario: &mut Scenario, args: &CommonArgs) -> Result<(), Failure> {
    reach(scenario, &args.network)?;
    numbers(scenario, args)?;
    release(&mut scenario.fire, args)?;
    scenario.thresholds.extend(args.threshold.iter().copied());
    if let Some(expect) = args.expect {
        scenario.expect = expect.into();
    }
    Ok(())
}

/// Lets the flags that say how a target is reached change a scenario.
///
/// # Errors
/// Usage, when a file of theirs cannot be used, or a host may not be fired at.
pub(crate) fn reach(scenario: &mut Scenario, args: &NetworkArgs) -> Result<(), Failure> {
    args.allow_host
        .iter()
        .try_for_each(|name| host::check_name(name))?;
    network::apply(&mut scenario.network, args)?;
    host::check(scenario, &args.allow_host)
}

/// The file that is meant, when `given` looks like a path or is one; otherwise a shipped scenario is.
pub(crate) fn path(given: &str) -> Option<&Path> {
    let path = Path::new(given);
    (path.components().count() > 1 || path.extension().is_some() || path.exists()).then_some(path)
}

/// Reads the scenario that `given` names.
///
/// # Errors
/// Usage, when there is no such scenario, or it is wrong.
pub(crate) fn read(given: &str, screen: &Screen) -> Result<Scenario, Failure> {
    let parsed = match (path(given), find_shipped(given)) {
        (Some(path), _) => Scenario::parse_bytes_with(given, &bytes(path)?, &Beside::new(path)),
        (None, Some(found)) => Scenario::parse(found.name, found.text),
        (None, None) => return Err(unknown(given)),
    };
    parsed.map_err(|error| Failure::usage(error.render(screen.colour_err)))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // One byte more than a scenario may have, so that the parser can say that it is too large.
    let limit = u64::try_from(FILE_LIMIT)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| {
            Failure::usage(format!(
                "cannot read the scenario {}: {error}",
                path.display()
            ))
        })?;
    Ok(bytes)
}

fn unknown(given: &str) -> Failure {
    let names: Vec<&str> = shipped().iter().map(|scenario| scenario.name).collect();
    Failure::usage(format!(
        "there is no shipped scenario `{given}` and no file of that name\n  shipped: {}; a file of your own: ./{given}.toml",
        names.join(", ")
    ))
}

fn target(scenario: &mut Scenario, args: &RunArgs) -> Result<(), Failure> {
    if let Some(url) = &args.url {
        scenario.target = TargetSpec::Url(url.clone());
    }
    match &mut scenario.target {
        TargetSpec::Bundled { variant, store, .. } => {
            if let Some(wanted) = &args.variant {
                variant.clone_from(wanted);
            }
            *store = args.store.unwrap_or(*store);
            Ok(())
        }
        TargetSpec::Url(_) => {
            for (flag, given) in [
                ("--variant", args.variant.is_some()),
                ("--store", args.store.is_some()),
                ("--store-delay", args.store_delay.is_some()),
            ] {
                if given {
                    let name = &scenario.name;
                    return Err(Failure::usage(format!(
                        "{flag} is for bundled targets, but {name} is about a service of its own"
                    )));
                }
            }
            Ok(())
        }
    }
}

fn numbers(scenario: &mut Scenario, args: &CommonArgs) -> Result<(), Failure> {
    if let Some(rounds) = args.rounds {
        within("--rounds", rounds.into(), FireSettings::ROUNDS, "")?;
        scenario.fire.rounds = rounds;
    }
    if let Some(rate) = args.rate {
        within("--rate", rate, Limits::RATE, " requests a second")?;
        scenario.limits.rate = rate;
    }
    if let Some(duration) = args.duration {
        if duration < Duration::from_secs(1) {
            return Err(Failure::usage(format!(
                "--duration {}: must be at least 1s",
                exactly(duration)
            )));
        }
        scenario.limits.duration_s = whole_seconds(duration);
        within(
            "--duration",
            scenario.limits.duration_s,
            Limits::DURATION_S,
            " s",
        )?;
    }
    Ok(())
}

/// Rounded up: a run is not ended before the time that was asked for.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Whether a flag's value lies within the bounds of what it sets.
///
/// # Errors
/// Usage, when it does not.
pub(crate) fn within(flag: &str, value: u64, bounds: Bounds, unit: &str) -> Result<(), Failure> {
    if bounds.contain(value) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{flag} {value}{unit}: must be from {} to {}{unit}",
        bounds.min, bounds.max
    )))
}

fn release(fire: &mut FireSettings, args: &CommonArgs) -> Result<(), Failure> {
    if let Some(strategy) = args.strategy {
        fire.set_strategy(strategy);
    }
    fire.protocol = args.protocol.unwrap_or(fire.protocol);
    fire.connections = args.connections.unwrap_or(fire.connections);
    match fire.conflict() {
        Some((setting, why)) => Err(Failure::usage(format!("--{setting} does not fit: {why}"))),
        None => Ok(()),
    }
}

/// A time as a flag takes it, in the largest unit that gives a whole number.
pub(crate) fn exactly(time: Duration) -> String {
    let us = time.as_micros();
    if us == 0 {
        return "0s".to_owned();
    }
    [(60_000_000, "m"), (1_000_000, "s"), (1_000, "ms")]
        .into_iter()
        .find(|(size, _)| us.is_multiple_of(*size))
        .map_or_else(
            || format!("{us}us"),
            |(size, unit)| format!("{}{unit}", us / size),
        )
}

/// The command that runs the same scenario with the same seed, ready for a shell.
pub(crate) fn replay(given: &str, args: &RunArgs, seed: u64) -> Option<String> {
    let mut words: Vec<String> = vec!["crosswire".to_owned(), "run".to_owned(), given.to_owned()];
    let of_run = [
        ("variant", args.variant.clone()),
        ("url", args.url.clone()),
        ("store", args.store.map(|store| store.to_string())),
        ("store-delay", args.store_delay.map(exactly)),
        ("users", args.users.map(|n| n.to_string())),
        ("scale", args.scale.map(|n| n.to_string())),
    ];
    words.extend(flags(of_run));
    words.extend(common_flags(&args.common, seed));
    // Only a NUL cannot be quoted, and no argument can hold one.
    shlex::try_join(words.iter().map(String::as_str)).ok()
}

/// The flags that every firing command has, as they were given, and the seed.
pub(crate) fn common_flags(args: &CommonArgs, seed: u64) -> Vec<String> {
    let seconds = |duration| exactly(Duration::from_secs(whole_seconds(duration)));
    let single = [
        (
            "expect",
            args.expect.map(|expect| Verdict::from(expect).to_string()),
        ),
        ("rounds", args.rounds.map(|n| n.to_string())),
        ("duration", args.duration.map(seconds)),
        ("rate", args.rate.map(|n| n.to_string())),
        (
            "strategy",
            args.strategy.map(|strategy| strategy.to_string()),
        ),
        (
            "connections",
            args.connections.map(|connections| connections.to_string()),
        ),
        (
            "protocol",
            args.protocol.map(|protocol| protocol.to_string()),
        ),
        ("control-rounds", args.control_rounds.map(|n| n.to_string())),
        ("seed", Some(seed.to_string())),
    ];
    let thresholds = args.threshold.iter();
    let thresholds = thresholds.map(|threshold| ("threshold", Some(threshold.to_string())));
    let mut words = network_flags(&args.network);
    words.extend(flags(single.into_iter().chain(thresholds)));
    words.extend(args.network.insecure.then(|| "--insecure".to_owned()));
    words.extend(args.control.then(|| "--control".to_owned()));
    words
}

/// The flags with a value that say how a target is reached, as they were given.
pub(crate) fn network_flags(args: &NetworkArgs) -> Vec<String> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let hosts = args
        .allow_host
        .iter()
        .map(|host| ("allow-host", Some(host.clone())));
    let resolved = args.resolve.iter();
    let resolved = resolved.map(|(host, address)| ("resolve", Some(format!("{host}:{address}"))));
    let single = [
        ("ca", path(&args.ca)),
        ("client-cert", path(&args.client_cert)),
        ("client-key", path(&args.client_key)),
        ("proxy", args.proxy.as_deref().map(network::shown_proxy)),
    ];
    flags(hosts.chain(resolved).chain(single))
}

/// Flags with their values; those without one are left out.
pub(crate) fn flags<'n>(given: impl IntoIterator<Item = (&'n str, Option<String>)>) -> Vec<String> {
    let given = given.into_iter();
    let given = given.filter_map(|(name, value)| Some([format!("--{name}"), value?]));
    given.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_exactly_and_shortly() {
        for (us, told) in [
            (0, "0s"),
            (1, "1us"),
            (1_500, "1500us"),
            (2_000, "2ms"),
            (10_000_000, "10s"),
            (90_000_000, "90s"),
            (120_000_000, "2m"),
        ] {
            assert_eq!(exactly(Duration::from_micros(us)), told);
        }
    }
}

//! From the command line to what is explored: everything is read and checked here, before anything starts.

use std::path::Path;
use std::time::Duration;

use crosswire::explore::races;
use crosswire::judge::Verdict;
use crosswire::scenario::{ExploreSettings, Scenario, TargetSpec, find_shipped, shipped};
use crosswire_targets::{Role, TargetInfo, VariantInfo, targets};

use crate::args::ExploreArgs;
use crate::exit::Failure;
use crate::network::shown_proxy;
use crate::screen::Screen;
use crate::settings::{self, exactly, flags, network_flags, whole_seconds, within};

/// What stands before the flags.
enum Given {
    /// A scenario: a file, or the name of a shipped one.
    Scenario,
    /// Variants of a bundled target.
    Bundled(&'static TargetInfo, Vec<&'static VariantInfo>),
}

/// The scenarios that are meant, with everything that the flags change.
///
/// # Errors
/// Usage, when there is no such scenario or target, it is wrong, a flag does not fit it, or its host may not be asked.
pub(crate) fn scenarios(args: &ExploreArgs, screen: &Screen) -> Result<Vec<Scenario>, Failure> {
    let mut scenarios = match given(args)? {
        Given::Scenario => vec![settings::read(&args.what, screen)?],
        Given::Bundled(target, variants) => bundled(target, &variants)?,
    };
    if args.schedule.is_some() && scenarios.len() > 1 {
        let why = "a schedule is run on one variant: say TARGET/VARIANT";
        return Err(Failure::usage(why));
    }
    for scenario in &mut scenarios {
        settle(scenario, args)?;
    }
    Ok(scenarios)
}

fn given(args: &ExploreArgs) -> Result<Given, Failure> {
    let what = args.what.as_str();
    if Path::new(what).is_dir() {
        return Err(Failure::usage(format!(
            "{what} is a folder: `explore` takes one scenario, such as {what}/mine.toml"
        )));
    }
    let (name, variant) = match what.split_once('/') {
        Some((name, variant)) => (name, Some(variant)),
        None => (what, args.variant.as_deref()),
    };
    let target = targets().iter().find(|target| target.name == name);
    let Some(target) = target.filter(|_| !Path::new(what).exists()) else {
        return match settings::path(what).is_some() || find_shipped(what).is_some() {
            true => Ok(Given::Scenario),
            false => Err(unknown(what)),
        };
    };
    if args.url.is_some() {
        return Err(Failure::usage(format!(
            "{what} is a bundled target and runs in this process: give a scenario with --url"
        )));
    }
    if what.contains('/') && args.variant.is_some() {
        return Err(Failure::usage(format!(
            "--variant says again which variant: give {name} --variant NAME, or {name}/NAME"
        )));
    }
    let Some(variant) = variant else {
        return Ok(Given::Bundled(target, target.variants.iter().collect()));
    };
    let known = target.variants.iter();
    let found = known.clone().find(|known| known.name == variant);
    match found {
        Some(found) => Ok(Given::Bundled(target, vec![found])),
        None => {
            let known: Vec<&str> = known.map(|known| known.name).collect();
            Err(Failure::usage(format!(
                "target \"{name}\" has no variant \"{}\"; it has {}",
                variant.escape_debug(),
                known.join(", ")
            )))
        }
    }
}

fn unknown(what: &str) -> Failure {
    let known: Vec<&str> = targets().iter().map(|target| target.name).collect();
    let named: Vec<&str> = shipped().iter().map(|scenario| scenario.name).collect();
    Failure::usage(format!(
        "there is no bundled target, no shipped scenario and no file `{}`\n  targets: {}; shipped: {}; a file of your own: \
         ./{}.toml",
        what.escape_debug(),
        known.join(", "),
        named.join(", "),
        what.escape_debug()
    ))
}

/// The shipped scenario by which a target is explored, once for each variant. What is expected follows from what a variant
/// is there to show.
fn bundled(target: &TargetInfo, variants: &[&VariantInfo]) -> Result<Vec<Scenario>, Failure> {
    let shipped = find_shipped(target.scenario)
        .ok_or_else(|| Failure::usage(format!("no shipped scenario explores {}", target.name)))?;
    let scenario = Scenario::parse(shipped.name, shipped.text)
        .map_err(|error| Failure::usage(error.to_string()))?;
    Ok(variants
        .iter()
        .map(|info| {
            let mut scenario = scenario.clone();
            if let TargetSpec::Bundled { variant, .. } = &mut scenario.target {
                info.name.clone_into(variant);
            }
            scenario.expect = match info.role {
                Role::Fault | Role::Tempting => Verdict::Exposed,
                Role::Fixed => Verdict::Isolated,
            };
            scenario
        })
        .collect())
}

fn settle(scenario: &mut Scenario, args: &ExploreArgs) -> Result<(), Failure> {
    if let Some(url) = &args.url {
        scenario.target = TargetSpec::Url(url.clone());
    }
    match (&mut scenario.target, &args.variant) {
        (TargetSpec::Bundled { variant, .. }, Some(wanted)) => variant.clone_from(wanted),
        (TargetSpec::Url(_), Some(_)) => {
            return Err(Failure::usage(format!(
                "--variant is for bundled targets, but {} is about a service of its own",
                scenario.name
            )));
        }
        (_, None) => {}
    }
    is_within_reach(scenario, args)?;
    settings::reach(scenario, &args.network)?;
    explored(&mut scenario.explore, args)?;
    scenario.thresholds.extend(args.threshold.iter().copied());
    if let Some(expect) = args.expect {
        scenario.expect = expect.into();
    }
    races(scenario).map(|_| ()).map_err(Failure::usage)
}

/// Whether there is a way to decide who goes on.
fn is_within_reach(scenario: &Scenario, args: &ExploreArgs) -> Result<(), Failure> {
    let name = &scenario.name;
    match (&scenario.target, args.through.is_empty()) {
        (TargetSpec::Bundled { .. }, false) => Err(Failure::usage(format!(
            "--through relays the connections between a service and its backends; {} runs in this process and has none\n  \
             leave --through out, or give the URL of a service with --url",
            scenario.target
        ))),
        (TargetSpec::Url(url), true) => {
            let given = args.url.as_ref().map_or_else(
                || format!("crosswire explore {}", args.what),
                |url| format!("crosswire explore {} --url {url}", args.what),
            );
            let fire = args.url.as_ref().map_or_else(
                || format!("crosswire run {}", args.what),
                |url| format!("crosswire run {} --url {url}", args.what),
            );
            Err(Failure::usage(format!(
                "{name} is about a service at {url}: to decide which of its requests goes on next, crosswire has to stand \
                 between it and its backends\n  1. let the service connect to a port of this machine instead of its \
                 database, cache or upstream\n  2. {given} --through 6380=127.0.0.1:6379   (that port, and the backend; \
                 repeatable)\n  a service without backends, or one that cannot be told where they are, is fired at: {fire}"
            )))
        }
        _ => Ok(()),
    }
}

fn explored(explore: &mut ExploreSettings, args: &ExploreArgs) -> Result<(), Failure> {
    if !args.race.is_empty() {
        let names = |race: &String| race.split(',').map(|name| name.trim().to_owned()).collect();
        explore.races = args.race.iter().map(names).collect();
    }
    explore.search = args.search.unwrap_or(explore.search);
    if let Some(preemptions) = args.preemptions {
        let bounds = ExploreSettings::PREEMPTIONS;
        within("--preemptions", preemptions, bounds, "")?;
        explore.preemptions = u32::try_from(preemptions).ok();
    }
    if let Some(executions) = args.executions {
        within("--executions", executions, ExploreSettings::EXECUTIONS, "")?;
        explore.executions = executions;
    }
    if let Some(samples) = args.samples {
        within("--samples", samples, ExploreSettings::SAMPLES, "")?;
        explore.samples = samples;
    }
    if let Some(moves) = args.moves {
        within("--moves", moves, ExploreSettings::MOVES, "")?;
        explore.moves = moves;
    }
    if let Some(blocked) = args.blocked {
        let milliseconds = whole_milliseconds(blocked);
        within(
            "--blocked",
            milliseconds,
            ExploreSettings::BLOCKED_MS,
            " ms",
        )?;
        explore.blocked_ms = milliseconds;
    }
    explore.time |= args.time;
    if let Some(duration) = args.duration {
        let seconds = whole_seconds(duration);
        within("--duration", seconds, ExploreSettings::DURATION_S, " s")?;
        explore.duration_s = seconds;
    }
    if args.cancel && !explore.cancel {
        explore.cancel = true;
        // The file did not think of clients that go away.
        explore.set_hold(args.hold.clone());
    } else if !args.hold.is_empty() {
        explore.set_hold(args.hold.clone());
    }
    Ok(())
}

/// Rounded up, as other times are.
fn whole_milliseconds(time: Duration) -> u64 {
    let milliseconds = time.as_micros().div_ceil(1_000);
    u64::try_from(milliseconds).unwrap_or(u64::MAX)
}

/// The scenario's file, as the user names it; absent when it has none.
pub(super) fn path(args: &ExploreArgs) -> Option<String> {
    let is_bundled = matches!(given(args), Ok(Given::Bundled(..)));
    let path = settings::path(&args.what).filter(|_| !is_bundled);
    path.map(|path| path.display().to_string())
}

/// How a command names this one of the scenarios that were meant.
pub(super) fn named(args: &ExploreArgs, scenario: &Scenario) -> String {
    match given(args) {
        Ok(Given::Bundled(..)) => scenario.target.to_string(),
        _ => args.what.clone(),
    }
}

/// The command that explores the same with the same seed, ready for a shell.
pub(super) fn replay(what: &str, args: &ExploreArgs, seed: u64) -> Option<String> {
    let is_bundled = what != args.what || what.contains('/') && path(args).is_none();
    let variant = args.variant.clone().filter(|_| !is_bundled);
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    let single = [
        ("variant", variant),
        ("url", args.url.as_deref().map(shown_proxy)),
        ("restart", args.restart.clone()),
        ("search", args.search.map(|search| search.to_string())),
        ("preemptions", text(args.preemptions)),
        ("executions", text(args.executions)),
        ("samples", text(args.samples)),
        ("moves", text(args.moves)),
        ("duration", args.duration.map(exactly)),
        ("blocked", args.blocked.map(exactly)),
        (
            "expect",
            args.expect.map(|expect| Verdict::from(expect).to_string()),
        ),
        ("seed", Some(seed.to_string())),
    ];
    let every = |name, values: &[String]| -> Vec<(&str, Option<String>)> {
        values
            .iter()
            .map(|value| (name, Some(value.clone())))
            .collect()
    };
    let thresholds: Vec<String> = args.threshold.iter().map(ToString::to_string).collect();
    let hold: Vec<String> = args.hold.iter().map(ToString::to_string).collect();
    let mut words: Vec<String> = ["crosswire", "explore", what].map(str::to_owned).into();
    words.extend(flags(every("through", &args.through)));
    words.extend(flags(every("race", &args.race)));
    words.extend(flags(single));
    words.extend(flags(every("hold", &hold)));
    words.extend(flags(every("threshold", &thresholds)));
    words.extend(network_flags(&args.network));
    words.extend(args.network.insecure.then(|| "--insecure".to_owned()));
    words.extend(args.cancel.then(|| "--cancel".to_owned()));
    words.extend(args.time.then(|| "--time".to_owned()));
    // The last one: reports put another schedule in its place.
    let schedule = args.schedule.as_ref().map(ToString::to_string);
    words.extend(flags([("schedule", schedule)]));
    // Only a NUL cannot be quoted, and no argument can hold one.
    shlex::try_join(words.iter().map(String::as_str)).ok()
}

//! `crosswire run`: scenarios against a bundled target or a service of one's own.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use crosswire::control::CONTROL_ROUNDS;
use crosswire::fire::Stop;
use crosswire::identity::Redactor;
use crosswire::report::{Facts, Look, Report, render_terminal};
use crosswire::scenario::Scenario;

use crate::args::{CommonArgs, Loudness, NetworkArgs, OutputArgs, RunArgs};
use crate::catalogue;
use crate::chosen;
use crate::day;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::outputs::{Outputs, cannot_write};
use crate::places::Places;
use crate::progress::Progress;
use crate::screen::Screen;
use crate::settings;
use crate::trial::{Trial, Tried, random_seed};

/// A scenario that is to be run.
pub(crate) struct Wanted<'a> {
    /// The scenario, with everything the command line changed.
    pub(crate) scenario: Scenario,
    /// Its file, as the user names it; absent when it has none.
    pub(crate) path: Option<String>,
    /// The command that does the same again with a seed.
    pub(crate) replay: Replay<'a>,
    /// Pause of a bundled target's store.
    pub(crate) store_delay: Option<Duration>,
    /// Whether `crosswire replay` can run one of its findings again: it needs no credentials but those in the environment.
    pub(crate) is_replayable: bool,
}

/// Gives the command that does the same again with a seed.
pub(crate) type Replay<'a> = Box<dyn Fn(u64) -> Option<String> + 'a>;

/// The same with its files open.
pub(crate) struct Prepared<'a> {
    pub(crate) wanted: Wanted<'a>,
    pub(crate) outputs: Outputs,
}

/// Runs the scenarios one after the other; the gravest code wins.
pub(crate) fn run(args: &RunArgs, screen: &mut Screen) -> Result<u8, Failure> {
    if let Some(classes) = catalogue::meant(&args.scenarios)? {
        return catalogue::matrix(&classes, args, screen);
    }
    if args.quick {
        return Err(Failure::usage(
            "--quick is for the catalogue: crosswire run catalogue --quick",
        ));
    }
    let mut wanted = Vec::new();
    for given in chosen::expanded(&args.scenarios)? {
        let scenario = settings::load(&given, args, screen)?;
        if !chosen::is_chosen(&scenario, &args.tag, &args.skip_tag) {
            continue;
        }
        wanted.push(Wanted {
            scenario,
            path: settings::path(&given).map(|path| path.display().to_string()),
            replay: Box::new(move |seed| settings::replay(&given, args, seed)),
            store_delay: args.store_delay,
            is_replayable: true,
        });
    }
    if wanted.is_empty() {
        return Err(Failure::usage(
            "no scenario has the tags that are asked for: nothing was run",
        ));
    }
    execute(wanted, &args.common, screen)
}

/// Runs what is wanted, one after the other, and delivers the reports.
pub(crate) fn execute(
    wanted: Vec<Wanted<'_>>,
    args: &CommonArgs,
    screen: &mut Screen,
) -> Result<u8, Failure> {
    let (output, history) = (&args.output, args.history.as_deref());
    let prepared = prepare(wanted, output, history, &args.network)?;
    let mut history = args.history.as_deref().map(create).transpose()?;
    let stop = Stop::default();
    let asked = stop.clone();
    interrupt::on_first_signal(move || asked.ask())?;
    let seed = args.seed.map_or_else(random_seed, Ok)?;
    let mut codes = Vec::new();
    for Prepared { wanted, outputs } in prepared {
        let scenario = &wanted.scenario;
        if stop.asked() {
            screen.error(&format!("interrupted before {} was run", scenario.name));
            codes.push(exit::INTERRUPTED);
            break;
        }
        let trial = Trial {
            scenario,
            seed,
            store_delay: wanted.store_delay.unwrap_or_default(),
            history: history.take(),
            control: args
                .control
                .then(|| args.control_rounds.unwrap_or(CONTROL_ROUNDS)),
        };
        let stored_as = outputs.stored_json().filter(|_| wanted.is_replayable);
        let (report, lost) = fire(trial, &wanted, stored_as, args, screen, &stop)?;
        if let Some(error) = lost {
            screen.error(&format!(
                "the history could not be stored to its end: {error}"
            ));
            codes.push(exit::USAGE);
        }
        codes.push(exit::code_of(&report));
        deliver(&report, outputs, args.loudness, screen)?;
    }
    Ok(exit::worst(codes))
}

/// Opens every file before the first run, so that none is lost to a typing error.
///
/// # Errors
/// Usage, when a file cannot be written, or is meant for two things.
pub(crate) fn prepare<'a>(
    wanted: Vec<Wanted<'a>>,
    output: &OutputArgs,
    history: Option<&Path>,
    network: &NetworkArgs,
) -> Result<Vec<Prepared<'a>>, Failure> {
    let several = wanted.len() > 1;
    let reports = output.wanted();
    if history == Some(Path::new("-")) {
        return Err(Failure::usage(
            "--history needs a file; stdout holds the report",
        ));
    }
    if several && history.is_some() {
        return Err(Failure::usage("--history holds one run: give one scenario"));
    }
    if several && !Outputs::differ_by_scenario(&reports) {
        return Err(Failure::usage(
            "with several scenarios every --report needs a file of its own, such as json={scenario}.json",
        ));
    }
    let mut places = Places::default();
    for one in &wanted {
        if let Some(path) = &one.path {
            places.input(
                Path::new(path),
                format!("the scenario {}", one.scenario.name),
            );
        }
    }
    for (flag, path) in [
        ("--ca", &network.ca),
        ("--client-cert", &network.client_cert),
        ("--client-key", &network.client_key),
    ] {
        if let Some(path) = path {
            places.input(path, format!("the file of {flag}"));
        }
    }
    if let Some(path) = history {
        places.output(path, "the history")?;
    }
    let prepare = |wanted: Wanted<'a>| {
        let outputs = Outputs::open(&reports, &wanted.scenario.name, &mut places)?;
        Ok(Prepared { wanted, outputs })
    };
    wanted.into_iter().map(prepare).collect()
}

fn fire(
    trial: Trial<'_>,
    wanted: &Wanted<'_>,
    stored_as: Option<String>,
    args: &CommonArgs,
    screen: &mut Screen,
    stop: &Stop,
) -> Result<(Report, Option<io::Error>), Failure> {
    let (scenario, seed) = (trial.scenario, trial.seed);
    if args.loudness.verbose {
        let users = scenario.users.count();
        screen.say(&format!(
            "{}: {users} users on {}, seed {seed}",
            scenario.name, scenario.target
        ));
    }
    let mut progress = Progress::new(args.loudness, screen);
    let tried = match scenario.day {
        Some(_) => day::replay(trial, &mut progress, stop),
        None => trial.run(&mut progress, stop).map(|tried| (tried, None)),
    };
    progress.clear();
    let (tried, day_in_ci) = tried?;
    let Tried {
        judgement,
        rehearsed,
        lost,
    } = tried;
    let redactor = Redactor::new(scenario.supplied_secrets());
    if let Some(rehearsed) = rehearsed.filter(|_| !args.loudness.quiet) {
        let sentences = rehearsed.sentences(&redactor);
        sentences.iter().for_each(|sentence| screen.say(sentence));
    }
    let facts = Facts {
        replay: (wanted.replay)(seed),
        scenario_path: wanted.path.clone(),
        stored_as,
        thresholds: &scenario.thresholds,
        day_in_ci,
        ..Facts::new(scenario.expect, &redactor)
    };
    Ok((Report::new(&judgement, &facts), lost))
}

/// Writes the reports, then shows one to people: a stdout that fails must not cost the files.
///
/// # Errors
/// Usage, when one of them cannot be written; the others are written all the same.
pub(crate) fn deliver(
    report: &Report,
    outputs: Outputs,
    loudness: Loudness,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let to_stderr = outputs.take_stdout();
    let written = outputs.write(report, screen);
    if loudness.quiet {
        return written;
    }
    let shown = show(report, to_stderr, screen);
    written.and(shown)
}

/// Shows a report to people: on stdout, or on stderr when another report goes to stdout.
fn show(report: &Report, to_stderr: bool, screen: &mut Screen) -> Result<(), Failure> {
    let colour = if to_stderr {
        screen.colour_err
    } else {
        screen.colour_out
    };
    let mut bytes = Vec::new();
    render_terminal(report, Look { colour }, &mut bytes)
        .map_err(|error| cannot_write("the report", &error))?;
    if to_stderr {
        screen.err(&bytes);
        return Ok(());
    }
    screen
        .out(&bytes)
        .map_err(|error| cannot_write("stdout", &error))
}

/// Opens a file for a history.
///
/// # Errors
/// Usage, when it cannot be written.
pub(crate) fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|error| cannot_write(&path.display().to_string(), &error))
}

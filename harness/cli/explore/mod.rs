//! `crosswire explore`: every order of the steps of a few requests, of a bundled target in this process or of a service
//! whose backends are relayed.

mod again;
mod engine;
mod progress;
mod wanted;

use crosswire::explore::Replayed;
use crosswire::fire::Stop;
use crosswire::identity::Redactor;
use crosswire::report::words::wrapped;
use crosswire::report::{Facts, Report};
use crosswire::scenario::TargetSpec;

use crate::args::ExploreArgs;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::run::{Prepared, Wanted, create, deliver, prepare};
use crate::screen::Screen;
use crate::trial::random_seed;

use progress::Progress;
use wanted::{named, path};

pub(crate) use again::again;
pub(crate) use engine::{Done, Exploration};

/// Explores what is meant, one target after the other; the gravest code wins.
pub(crate) fn explore(args: &ExploreArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let wanted: Vec<Wanted<'_>> = wanted::scenarios(args, screen)?
        .into_iter()
        .map(|scenario| {
            let what = named(args, &scenario);
            Wanted {
                path: path(args),
                replay: Box::new(move |seed| wanted::replay(&what, args, seed)),
                store_delay: None,
                is_replayable: true,
                scenario,
            }
        })
        .collect();
    let prepared = prepare(wanted, &args.output, args.history.as_deref(), &args.network)?;
    let mut history = args.history.as_deref().map(create).transpose()?;
    let stop = Stop::default();
    let asked = stop.clone();
    interrupt::on_first_signal(move || asked.ask())?;
    let seed = args.seed.map_or_else(random_seed, Ok)?;
    let mut codes = Vec::new();
    for Prepared { wanted, outputs } in prepared {
        if stop.asked() {
            let target = &wanted.scenario.target;
            screen.error(&format!("interrupted before {target} was explored"));
            codes.push(exit::INTERRUPTED);
            break;
        }
        let exploration = Exploration {
            scenario: &wanted.scenario,
            line: args.schedule.as_ref(),
            seed,
            history: history.take(),
            follows_up: true,
        };
        let done = run(&exploration, args, screen, &stop)?;
        let stored_as = outputs.stored_json().filter(|_| wanted.is_replayable);
        let report = reported(&done, &wanted, stored_as, seed);
        codes.push(code(&done, &report));
        deliver(&report, outputs, args.loudness, screen)?;
        tell(&done, args.loudness.quiet, screen);
    }
    Ok(exit::worst(codes))
}

/// Runs it under a progress line.
fn run(
    exploration: &Exploration<'_>,
    args: &ExploreArgs,
    screen: &mut Screen,
    stop: &Stop,
) -> Result<Done, Failure> {
    let mut progress = Progress::new(args.loudness, screen);
    let done = match &exploration.scenario.target {
        TargetSpec::Bundled {
            target, variant, ..
        } => exploration.in_process(target, variant, &mut progress, stop),
        TargetSpec::Url(url) => exploration.behind_relays(url, args, &mut progress, screen, stop),
    };
    progress.clear();
    done
}

fn reported(done: &Done, wanted: &Wanted<'_>, stored_as: Option<String>, seed: u64) -> Report {
    let scenario = &wanted.scenario;
    let redactor = Redactor::new(scenario.supplied_secrets());
    let facts = Facts {
        replay: (wanted.replay)(seed),
        scenario_path: wanted.path.clone(),
        stored_as,
        thresholds: &scenario.thresholds,
        ..Facts::new(scenario.expect, &redactor)
    };
    Report::new(&done.judgement, &facts)
}

/// That of its report; a schedule that could not be run is never a success, whatever was expected.
fn code(done: &Done, report: &Report) -> u8 {
    let code = exit::code_of(report);
    let is_lost = done.lost.is_some().then_some(exit::USAGE);
    let is_not_run = matches!(done.replayed, Some(Replayed::CannotBeRun { .. }))
        .then_some(exit::INCONCLUSIVE)
        .filter(|_| code == exit::AS_EXPECTED);
    exit::worst([Some(code), is_lost, is_not_run].into_iter().flatten())
}

/// What a report does not say, or nobody sees it.
fn tell(done: &Done, is_quiet: bool, screen: &mut Screen) {
    if let Some(error) = &done.lost {
        screen.error(&format!(
            "the history could not be stored to its end: {error}"
        ));
    }
    if let Some(Replayed::CannotBeRun { why }) = &done.replayed {
        let text = if is_quiet {
            format!("the schedule cannot be run: {why}")
        } else {
            "the schedule cannot be run, for the reason that the report names".to_owned()
        };
        screen.error(&wrapped(&text, 98).join("\n  "));
    }
}

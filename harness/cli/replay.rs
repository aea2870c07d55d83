//! `crosswire replay`: runs one finding of a stored report again by itself, and says whether it is still there.

use std::path::Path;

use crosswire::fire::Stop;
use crosswire::history::{Cause, Ending};
use crosswire::identity::Redactor;
use crosswire::judge::Verdict;
use crosswire::report::words::{number, wrapped};
use crosswire::report::{Facts, Finding, Report, telling};
use crosswire::scenario::Scenario;

use crate::args::{Again, ReplayArgs, RunArgs};
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::outputs::Outputs;
use crate::places::Places;
use crate::progress::Progress;
use crate::report;
use crate::run::deliver;
use crate::screen::Screen;
use crate::settings;
use crate::trial::{Trial, random_seed};

/// What has become of a finding.
enum Fate {
    /// It was seen again, so often between the same users and so often between others.
    StillExposed { same: u64, others: u64 },
    /// It was not, in a run that would have shown it as well as any.
    Fixed { pairs: u64 },
    /// The run is worth too little.
    Unknown,
}

/// Runs it. The code is that of a run that expects to be isolated.
pub(crate) fn replay(args: &ReplayArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let (path, id) = args.finding.rsplit_once('#').ok_or_else(|| {
        Failure::usage(
            "say REPORT#ID: the file of a JSON report, and the id of one of its findings",
        )
    })?;
    let mut places = Places::default();
    places.input(Path::new(path), "the report");
    let stored = report::read(Path::new(path), None)?;
    let finding = found(&stored, id)?;
    let run = match original(&stored)? {
        Again::Explore(explored) => {
            screen_what(finding, args, screen);
            return crate::explore::again(explored, finding, args, places, screen);
        }
        Again::Run(run) => changed(run, args),
    };
    let [given] = &run.scenarios[..] else {
        return Err(Failure::usage(
            "the report's own command names no single scenario",
        ));
    };
    let scenario = settings::load(given, &run, screen)?;
    let outputs = Outputs::open(&args.output.wanted(), &scenario.name, &mut places)?;
    let stop = Stop::default();
    let asked = stop.clone();
    interrupt::on_first_signal(move || asked.ask())?;
    let seed = args.seed.or(run.common.seed).map_or_else(random_seed, Ok)?;
    screen_what(finding, args, screen);
    let mut tried = None;
    for scenario in [narrowed(&scenario, finding), scenario] {
        let report = again(&scenario, given, &run, seed, args, &stop, screen)?;
        let is_torn = matches!(
            report.ending,
            Some(Ending::Failed {
                cause: Cause::Step,
                ..
            })
        );
        tried = Some(report);
        // A step that was left out may have been needed by another one: then everything is run.
        if !is_torn {
            break;
        }
    }
    let Some(report) = tried else {
        return Err(Failure::usage("nothing was run"));
    };
    let fate = fate(&report, finding);
    deliver(&report, outputs, args.loudness, screen)?;
    tell(&fate, finding, args.loudness.quiet, screen)?;
    Ok(match fate {
        Fate::StillExposed { .. } => exit::EXPOSED,
        Fate::Fixed { .. } => exit::AS_EXPECTED,
        Fate::Unknown => exit::code(report.verdict, report.ending.as_ref(), Verdict::Isolated),
    })
}

/// The finding whose id begins with `id`.
fn found<'r>(report: &'r Report, id: &str) -> Result<&'r Finding, Failure> {
    let matching: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| !id.is_empty() && finding.id.starts_with(id))
        .collect();
    match matching[..] {
        [finding] => Ok(finding),
        [] if report.findings.is_empty() => Err(Failure::usage("the report has no findings")),
        _ => {
            let some: Vec<&str> = report
                .findings
                .iter()
                .take(5)
                .map(|f| f.id.as_str())
                .collect();
            Err(Failure::usage(format!(
                "{} findings of the report have the id `{}`; there is {}{}",
                matching.len(),
                id.escape_debug(),
                some.join(", "),
                if report.findings.len() > some.len() {
                    ", …"
                } else {
                    ""
                }
            )))
        }
    }
}

/// The command by which the report came about.
fn original(report: &Report) -> Result<Again, Failure> {
    let words = report.replay.as_deref().and_then(shlex::split);
    let words = words.ok_or_else(|| {
        Failure::usage(
            "the report does not say how it was run (a history holds no command): run the scenario itself",
        )
    })?;
    Again::of(&words)
}

/// The arguments with which the report's run was started, changed by those of this command.
fn changed(mut run: RunArgs, args: &ReplayArgs) -> RunArgs {
    if let Some(url) = &args.url {
        (run.url, run.variant, run.store, run.store_delay) = (Some(url.clone()), None, None, None);
    }
    if args.variant.is_some() {
        run.variant.clone_from(&args.variant);
    }
    run.common
        .network
        .allow_host
        .extend(args.allow_host.iter().cloned());
    run.common.rounds = args.rounds.or(run.common.rounds);
    run.common.control = false;
    run.common.expect = None;
    run.common.threshold.clear();
    run
}

/// The scenario with no more raced steps than viewer and victim sent; a finding that needed no race gets one round.
fn narrowed(scenario: &Scenario, finding: &Finding) -> Scenario {
    let mut narrowed = scenario.clone();
    let of_victim = finding.victim_side.as_ref().map(|side| side.step.as_str());
    let wanted = [
        Some(finding.step.as_str()),
        Some(finding.viewer_side.step.as_str()),
        of_victim,
    ];
    let is_wanted = |name: &str| wanted.contains(&Some(name));
    let raced: Vec<u16> = scenario.volley.iter().map(|step| step.index).collect();
    let kept = |index: u16, name: &str| !raced.contains(&index) || is_wanted(name);
    // With none of them left there would be nothing to race.
    if scenario.volley.iter().any(|step| is_wanted(&step.name)) {
        narrowed.retain_steps(|step| kept(step.index, &step.name));
    }
    if !finding.found_in().takes_race() {
        narrowed.fire.rounds = 1;
    }
    narrowed
}

fn again(
    scenario: &Scenario,
    given: &str,
    run: &RunArgs,
    seed: u64,
    args: &ReplayArgs,
    stop: &Stop,
    screen: &mut Screen,
) -> Result<Report, Failure> {
    let trial = Trial {
        scenario,
        seed,
        store_delay: run.store_delay.unwrap_or_default(),
        history: None,
        control: None,
    };
    let mut progress = Progress::new(args.loudness, screen);
    let tried = trial.run(&mut progress, stop);
    progress.clear();
    let redactor = Redactor::new(scenario.supplied_secrets());
    let facts = Facts {
        replay: settings::replay(given, run, seed),
        scenario_path: settings::path(given).map(|path| path.display().to_string()),
        ..Facts::new(Verdict::Isolated, &redactor)
    };
    Ok(Report::new(&tried?.judgement, &facts))
}

/// Who crosses with whom is chance; what crosses where is the finding.
fn fate(report: &Report, finding: &Finding) -> Fate {
    let what = |finding: &Finding| {
        (
            finding.rule.clone(),
            finding.kind,
            finding.step.clone(),
            finding.place.clone(),
        )
    };
    let alike = || {
        report
            .findings
            .iter()
            .filter(|found| what(found) == what(finding))
    };
    let times = |is_same: bool| {
        let of = alike().filter(|found| (found.id == finding.id) == is_same);
        of.map(|found| found.times_seen).sum::<u64>()
    };
    let (same, others) = (times(true), times(false));
    match (same + others, report.verdict) {
        (1.., _) => Fate::StillExposed { same, others },
        (0, Verdict::Isolated) => Fate::Fixed {
            pairs: report.strength.overlapping_pairs,
        },
        // Something else crossed: this finding may hide behind it, or may be gone.
        (0, _) => Fate::Unknown,
    }
}

fn screen_what(finding: &Finding, args: &ReplayArgs, screen: &mut Screen) {
    if !args.loudness.quiet {
        screen.say(&format!(
            "again: {} ({}, {})",
            telling::headline(finding),
            finding.id,
            finding.rule
        ));
    }
}

fn tell(fate: &Fate, finding: &Finding, quiet: bool, screen: &mut Screen) -> Result<(), Failure> {
    let text = match fate {
        Fate::StillExposed { same, others } => format!(
            "STILL EXPOSED  {}: seen again {}",
            finding.id,
            match (*same, *others) {
                (same, 0) => format!("{} times between the same users", number(same)),
                (0, others) => format!(
                    "{} times between other users; who meets whom is chance",
                    number(others)
                ),
                (same, others) => format!(
                    "{} times between the same users, {} times between others",
                    number(same),
                    number(others)
                ),
            }
        ),
        Fate::Fixed { pairs } => format!(
            "FIXED  {}: not seen again in {} overlapping pairs of different owners",
            finding.id,
            number(*pairs)
        ),
        Fate::Unknown => format!(
            "NOT CERTAIN  {}: not seen again, but the run proves too little, or something else crossed; see above",
            finding.id
        ),
    };
    if quiet {
        return Ok(());
    }
    let text = wrapped(&text, 98).join("\n") + "\n";
    screen
        .out(text.as_bytes())
        .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))
}

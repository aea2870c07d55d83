//! `crosswire replay` of a finding that an exploration made: runs its schedule again, and says what has become of it.

use crosswire::explore::{Replay, Replayed};
use crosswire::fire::Stop;
use crosswire::judge::Verdict;
use crosswire::report::words::wrapped;
use crosswire::report::{Finding, Report};
use crosswire::scenario::Scenario;

use super::engine::Exploration;
use super::{named, path, reported, run, wanted};
use crate::args::{ExploreArgs, ReplayArgs};
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::outputs::Outputs;
use crate::places::Places;
use crate::run::{Wanted, deliver};
use crate::screen::Screen;
use crate::trial::random_seed;

/// Runs the schedule of a finding again; `explored` is the command that found it. The code is that of a run that expects to be
/// isolated; a schedule that is not possible any more proves nothing.
pub(crate) fn again(
    mut explored: ExploreArgs,
    finding: &Finding,
    args: &ReplayArgs,
    mut places: Places,
    screen: &mut Screen,
) -> Result<u8, Failure> {
    let line = line_of(finding)?;
    change(&mut explored, args)?;
    let scenarios = wanted::scenarios(&explored, screen)?;
    let [mut scenario]: [Scenario; 1] = scenarios.try_into().map_err(|_| {
        Failure::usage("the report's own command explores several variants: say --variant NAME")
    })?;
    scenario.expect = Verdict::Isolated;
    let outputs = Outputs::open(&args.output.wanted(), &scenario.name, &mut places)?;
    let stop = Stop::default();
    let asked = stop.clone();
    interrupt::on_first_signal(move || asked.ask())?;
    let seed = args.seed.or(explored.seed).map_or_else(random_seed, Ok)?;
    let what = named(&explored, &scenario);
    let exploration = Exploration {
        scenario: &scenario,
        line: Some(&line),
        seed,
        history: None,
        follows_up: true,
    };
    let done = run(&exploration, &explored, screen, &stop)?;
    let wanted = Wanted {
        path: path(&explored),
        replay: Box::new(|seed| wanted::replay(&what, &explored, seed)),
        store_delay: None,
        is_replayable: false,
        scenario: scenario.clone(),
    };
    let report = reported(&done, &wanted, None, seed);
    let told = told(finding, done.replayed.as_ref(), (wanted.replay)(seed));
    let code = match &done.replayed {
        Some(Replayed::Exposed { .. }) => exit::EXPOSED,
        Some(Replayed::Clean { .. }) => exit::AS_EXPECTED,
        Some(Replayed::CannotBeRun { .. }) | None => not_run(&report),
    };
    deliver(&report, outputs, args.loudness, screen)?;
    if !args.loudness.quiet {
        let text = wrapped(&told, 98).join("\n") + "\n";
        screen
            .out(text.as_bytes())
            .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))?;
    }
    Ok(code)
}

/// That of its report, which is of no exposure and of nothing proved.
fn not_run(report: &Report) -> u8 {
    match exit::code(report.verdict, report.ending.as_ref(), Verdict::Isolated) {
        exit::AS_EXPECTED => exit::INCONCLUSIVE,
        code => code,
    }
}

fn line_of(finding: &Finding) -> Result<Replay, Failure> {
    let shown_by = finding.shown_by.as_ref().ok_or_else(|| {
        Failure::usage(format!(
            "the report has no schedule of {} (every request alone shows it, or there were more exposures than schedules \
             are kept of): explore again",
            finding.id
        ))
    })?;
    shown_by.replay.parse().map_err(|error| {
        Failure::usage(format!(
            "the schedule of {} cannot be run: {error}",
            finding.id
        ))
    })
}

/// Lets the flags of `replay` change the command that found it.
fn change(explored: &mut ExploreArgs, args: &ReplayArgs) -> Result<(), Failure> {
    if args.rounds.is_some() {
        return Err(Failure::usage(
            "--rounds is for findings that were fired at: a schedule is run twice",
        ));
    }
    if let Some(url) = &args.url {
        (explored.url, explored.variant) = (Some(url.clone()), None);
    }
    if let Some(variant) = &args.variant {
        explored.set_variant(variant);
    }
    let allowed = args.allow_host.iter().cloned();
    explored.network.allow_host.extend(allowed);
    explored.loudness = args.loudness;
    explored.expect = None;
    explored.threshold.clear();
    explored.schedule = None;
    Ok(())
}

fn told(finding: &Finding, replayed: Option<&Replayed>, command: Option<String>) -> String {
    let id = &finding.id;
    match replayed {
        Some(Replayed::Exposed {
            exposures,
            what,
            repeated: (of, times),
        }) => {
            let is_same = exposures.contains(id);
            let other = if is_same {
                ""
            } else {
                ", as another exposure than then"
            };
            format!(
                "STILL EXPOSED  {id}: the same schedule shows it in {times} of {of} executions{other} ({what})"
            )
        }
        Some(Replayed::Clean { what }) => format!(
            "FIXED  {id}: the same schedule was run to its end and exposes nothing ({what}). Of other schedules that says \
             nothing: {}",
            command.unwrap_or_else(|| "explore them".to_owned())
        ),
        // Why, the report before it says.
        Some(Replayed::CannotBeRun { .. }) => {
            let then =
                command.map_or_else(String::new, |command| format!("; explore anew: {command}"));
            format!("CANNOT BE RUN ANY MORE  {id}: for the reason above{then}")
        }
        None => format!("NOT CERTAIN  {id}: the schedule was not run"),
    }
}

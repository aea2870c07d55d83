//! `crosswire demo`: the accident of 22 July 2008 on a real server, in five acts.

mod acts;
mod telling;

use std::time::{Duration, Instant};

use crosswire::fire::Stop;
use crosswire::identity::Redactor;
use crosswire::judge::Verdict;
use crosswire::report::{Facts, Look, Report};
use crosswire::scenario::{Scenario, TargetSpec, find_shipped};

use self::acts::{ACTS, Act, Size};
use crate::args::DemoArgs;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::outputs::cannot_write;
use crate::progress::Progress;
use crate::screen::Screen;
use crate::trial::{Trial, random_seed};

/// The scenario that every act runs.
const SCENARIO: &str = "mail-2008";

/// How an act went.
struct Played {
    act: &'static Act,
    report: Report,
}

impl Played {
    fn as_told(&self) -> bool {
        self.act.must.holds(&self.report)
    }
}

/// Plays the acts one after the other and tells each as it ends.
pub(crate) fn demo(args: &DemoArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let begun = Instant::now();
    let look = Look {
        colour: screen.colour_out,
    };
    let size = if args.quick {
        Size::quick(args.users)
    } else {
        Size::full(args.users)
    };
    let seed = args.seed.map_or_else(random_seed, Ok)?;
    let stop = Stop::default();
    let asked = stop.clone();
    interrupt::on_first_signal(move || asked.ask())?;
    print(screen, &telling::opening(seed, look))?;
    let mut played = Vec::new();
    for (number, act) in (1..).zip(&ACTS) {
        print(screen, &telling::before(number, act, look))?;
        let report = play(act, size, seed, screen, &stop)?;
        let one = Played { act, report };
        print(screen, &telling::after(&one, look))?;
        let code = exit::code(
            one.report.verdict,
            one.report.ending.as_ref(),
            one.report.verdict,
        );
        if code != exit::AS_EXPECTED {
            screen.error(&format!(
                "act {number} did not run to its end: {}",
                telling::ended(&one.report)
            ));
            return Ok(code);
        }
        played.push(one);
    }
    close(&played, begun.elapsed(), look, screen)
}

/// Prints the summary and finds the first act that did not end as told.
fn close(
    played: &[Played],
    took: Duration,
    look: Look,
    screen: &mut Screen,
) -> Result<u8, Failure> {
    print(screen, &telling::closing(played, took, look))?;
    as_the_story_says(played).map(|()| exit::AS_EXPECTED)
}

/// # Errors
/// The first act that did not end as told, with the code of how it ended instead.
fn as_the_story_says(played: &[Played]) -> Result<(), Failure> {
    let Some((number, one)) = (1..).zip(played).find(|(_, one)| !one.as_told()) else {
        return Ok(());
    };
    let (title, got, told) = (one.act.title, one.report.verdict, one.act.must.told());
    Err(Failure {
        code: match one.report.verdict {
            Verdict::Exposed => exit::EXPOSED,
            Verdict::Isolated => exit::NOT_SHOWN,
            Verdict::Inconclusive => exit::INCONCLUSIVE,
        },
        message: format!("act {number} ({title}) ended {got}; the story says {told}"),
    })
}

fn play(act: &Act, size: Size, seed: u64, screen: &Screen, stop: &Stop) -> Result<Report, Failure> {
    let scenario = scenario(act, size)?;
    let trial = Trial {
        scenario: &scenario,
        seed,
        store_delay: Duration::ZERO,
        history: None,
        control: None,
    };
    let mut progress = if screen.live {
        Progress::bar()
    } else {
        Progress::Silent
    };
    let judgement = trial.run(&mut progress, stop)?.judgement;
    progress.clear();
    let redactor = Redactor::new(scenario.supplied_secrets());
    Ok(Report::new(
        &judgement,
        &Facts::new(judgement.verdict, &redactor),
    ))
}

fn scenario(act: &Act, size: Size) -> Result<Scenario, Failure> {
    let missing = || Failure::usage(format!("the scenario {SCENARIO} is not in this build"));
    let shipped = find_shipped(SCENARIO).ok_or_else(missing)?;
    let mut scenario = Scenario::parse(shipped.name, shipped.text)
        .map_err(|error| Failure::usage(error.to_string()))?;
    scenario
        .set_user_count(size.users(act.use_))
        .map_err(|error| Failure::usage(error.to_string()))?;
    let (name, wanted) = act.variant.split_once('/').unwrap_or(("", act.variant));
    if let TargetSpec::Bundled {
        target, variant, ..
    } = &mut scenario.target
    {
        (*target, *variant) = (name.to_owned(), wanted.to_owned());
    }
    act.use_.apply(&mut scenario.fire, size);
    Ok(scenario)
}

fn print(screen: &mut Screen, text: &str) -> Result<(), Failure> {
    screen
        .out(text.as_bytes())
        .map_err(|error| cannot_write("stdout", &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosswire::judge::Judge;

    /// An act whose report says this and nothing else.
    fn played(act: &'static Act, verdict: Verdict, overlapping_pairs: u64) -> Played {
        let redactor = Redactor::default();
        let facts = Facts::new(verdict, &redactor);
        let mut report = Report::new(&Judge::new().finish(), &facts);
        report.verdict = verdict;
        report.strength.overlapping_pairs = overlapping_pairs;
        Played { act, report }
    }

    /// How the story goes: verdict and overlapping pairs of each act.
    const STORY: [(Verdict, u64); 5] = [
        (Verdict::Inconclusive, 0),
        (Verdict::Inconclusive, 3),
        (Verdict::Exposed, 900),
        (Verdict::Exposed, 900),
        (Verdict::Isolated, 900),
    ];

    fn end(story: [(Verdict, u64); 5]) -> Result<(), Failure> {
        let acts = ACTS.iter().zip(story);
        let played: Vec<Played> = acts
            .map(|(act, (verdict, pairs))| played(act, verdict, pairs))
            .collect();
        as_the_story_says(&played)
    }

    #[test]
    fn a_story_that_goes_as_told_is_a_success() {
        assert!(end(STORY).is_ok());
        let mut lucky = STORY;
        lucky[1] = (Verdict::Exposed, 14);
        assert!(end(lucky).is_ok(), "act 2 may find something");
    }

    #[test]
    fn an_act_that_ends_otherwise_is_named_and_is_no_success() {
        for (act, ended, code) in [
            (1, (Verdict::Inconclusive, 1), exit::INCONCLUSIVE),
            (1, (Verdict::Exposed, 0), exit::EXPOSED),
            (3, (Verdict::Inconclusive, 900), exit::INCONCLUSIVE),
            (4, (Verdict::Isolated, 900), exit::NOT_SHOWN),
            (5, (Verdict::Exposed, 900), exit::EXPOSED),
        ] {
            let mut story = STORY;
            story[act - 1] = ended;
            let failure = end(story).unwrap_err();
            assert_eq!(failure.code, code, "{failure}");
            let named = format!("act {act} ({}) ended", ACTS[act - 1].title);
            assert!(failure.message.starts_with(&named), "{failure}");
        }
    }
}

//! What to do about a run that proves nothing.

use crate::history::{Cause, Coverage, Ending};
use crate::judge::{ReasonKind, Verdict};
use crate::report::Report;

/// What would make an inconclusive run conclusive, when that can be said.
#[must_use]
pub fn advice(report: &Report) -> Option<String> {
    let lacks = |kind| report.reasons.iter().any(|reason| reason.kind == kind);
    let text = match (&report.ending, report.verdict) {
        (_, Verdict::Exposed | Verdict::Isolated) => return None,
        (
            Some(Ending::Failed {
                cause: Cause::LogIn,
                ..
            }),
            _,
        ) => "check the log-in steps of the scenario and the credentials of its users".to_owned(),
        (
            Some(Ending::Failed {
                cause: Cause::Step, ..
            }),
            _,
        ) if !report.is_exploration() => {
            "check that step of the scenario: its request, and the answer it expects".to_owned()
        }
        // An exploration fails for more reasons than its steps: a line of other requests, relays that nobody uses.
        (
            Some(Ending::Failed {
                cause: Cause::Step, ..
            }),
            _,
        ) => "put right what the reason above names, then explore again".to_owned(),
        // The ending does not say whether nobody listens, a name is unknown or a certificate is not trusted; its sentence does.
        (Some(Ending::Failed { .. }), _) => format!(
            "put right what the reason above names, then run it again (the service is expected at {})",
            report.url
        ),
        _ if lacks(ReasonKind::Learning) => {
            "check each identity's header: open the URL with it; is what each is shown different?".to_owned()
        }
        _ if lacks(ReasonKind::Control) => {
            "check those steps' paths, statuses and `sees`, and that the log-in got in (give it the `status` or `expect` that only success has): alone, each user must receive its own canaries".to_owned()
        }
        _ if lacks(ReasonKind::PlantedExposures) => {
            "let raced steps show what only their user may see: `sees`".to_owned()
        }
        _ if lacks(ReasonKind::Points) => {
            "name points inside the service (`crosswire::explore::point`), hold more of it (--hold), or fire at it: `crosswire fire`"
                .to_owned()
        }
        _ if lacks(ReasonKind::Schedules) => more_schedules(report).to_owned(),
        _ if lacks(ReasonKind::Unrepeatable) => {
            "take out of the requests' way what no schedule decides (threads, clocks, chance, what earlier executions left \
             behind), or begin each execution anew (--restart)"
                .to_owned()
        }
        _ if report.strength.reach.is_some() => return None,
        _ if report.users < 2 => {
            "give it at least two users (--users): one cannot be shown another's data".to_owned()
        }
        _ if report.strength.overlapping_pairs < report.min_overlaps.max(1) => {
            "more rounds (--rounds), more users (--users), or another release (--strategy)"
                .to_owned()
        }
        _ => return None,
    };
    Some(text)
}

/// What lets more schedules be run, by what ended the runs of those that were too few.
fn more_schedules(report: &Report) -> &'static str {
    let coverages = || report.explored.iter().map(|one| &one.coverage);
    if coverages().any(Coverage::is_of_one_schedule) {
        return "leave --schedule out, and the other schedules are run as well: one says nothing of them";
    }
    if coverages().any(|coverage| *coverage == Coverage::WithinBound { bound: 0 }) {
        return "allow preemptions (--preemptions 1 or more): without one, the requests run one after the other";
    }
    "give it more executions or time (--executions, --duration), or fewer and shorter requests at once (--race)"
}

//! What explorations of schedules are worth: how far they went, and why they may prove nothing.

use crate::history::{Coverage, Explored, PointCounts};

use super::world::World;
use super::{Reason, ReasonKind};

/// How far explorations went: all sets of requests together, where the least of them counts for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Sets of requests that were explored.
    pub races: u64,
    /// Distinct schedules that were run to their end, the sampled ones included.
    pub schedules: u64,
    /// Those of them in which an exposure was seen.
    pub exposing: u64,
    /// Those that were drawn by chance.
    pub sampled: u64,
    /// The schedules that [`Reach::coverage`] says were all run; those that were run before the limit, when one ended it.
    pub covered: u64,
    /// Which of the possible schedules of every set were run.
    pub coverage: Coverage,
}

impl Reach {
    /// Of all of them together; `None` for none.
    ///
    /// ```
    /// use crosswire::history::Coverage;
    /// use crosswire::judge::Reach;
    ///
    /// assert_eq!(Reach::of(&[]), None);
    /// ```
    #[must_use]
    pub fn of(explored: &[Explored]) -> Option<Reach> {
        let sum = |of: fn(&Explored) -> u64| {
            explored
                .iter()
                .fold(0, |sum: u64, one| sum.saturating_add(of(one)))
        };
        if explored.is_empty() {
            return None;
        }
        let coverage = weakest(explored);
        let schedules = sum(|one| one.schedules);
        let covered = match &coverage {
            Coverage::All => sum(|one| one.schedules.saturating_sub(one.sampled)),
            Coverage::Capped { .. } => schedules,
            Coverage::WithinBound { bound } => explored.iter().fold(0, |sum: u64, one| {
                let within = one.bounds.iter().filter(|told| told.preemptions <= *bound);
                within.fold(sum, |sum, told| sum.saturating_add(told.schedules))
            }),
        };
        Some(Reach {
            races: explored.len() as u64,
            schedules,
            exposing: sum(|one| one.exposing),
            sampled: sum(|one| one.sampled),
            covered,
            coverage,
        })
    }

    /// Every schedule with at most so many preemptions was run; `None` when not even those with none, and the greatest
    /// number when there is no schedule that was not run.
    #[must_use]
    pub fn bound(&self) -> Option<u32> {
        bound(&self.coverage)
    }
}

fn bound(coverage: &Coverage) -> Option<u32> {
    match coverage {
        Coverage::All => Some(u32::MAX),
        Coverage::WithinBound { bound } => Some(*bound),
        Coverage::Capped { bound, .. } => *bound,
    }
}

/// What holds for every one of them. A limit that ended one of them is named, whatever the others came to.
fn weakest(explored: &[Explored]) -> Coverage {
    let least = explored
        .iter()
        .map(|one| bound(&one.coverage))
        .min()
        .flatten();
    let mut limits: Vec<&str> = Vec::new();
    for one in explored {
        if let Coverage::Capped { limit, .. } = &one.coverage
            && !limits.contains(&limit.as_str())
        {
            limits.push(limit);
        }
    }
    match (limits.is_empty(), least) {
        (true, None | Some(u32::MAX)) => Coverage::All,
        (true, Some(bound)) => Coverage::WithinBound { bound },
        (false, bound) => Coverage::Capped {
            bound: bound.filter(|bound| *bound != u32::MAX),
            limit: limits.join("; "),
        },
    }
}

/// Why explorations prove nothing, one sentence each.
pub(super) fn reasons(explored: &[Explored], world: &World, is_exposed: bool) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for one in explored {
        let who = requests(one, world);
        let mut reason = |kind, text: String| reasons.push(Reason::new(kind, text));
        if one.schedules == 0 {
            reason(
                ReasonKind::Nothing,
                format!("no schedule of {who} was run to its end"),
            );
            continue;
        }
        if !one.points.iter().any(|points| points.inside() > 0) {
            reason(
                ReasonKind::Points,
                format!(
                    "{who}: no request could be stopped inside the service, so nothing was interleaved"
                ),
            );
        }
        if bound(&one.coverage).is_none_or(|bound| bound < 1) {
            reason(ReasonKind::Schedules, too_few(&one.coverage, &who));
        }
        if one.doubts.endless > 0 {
            reason(
                ReasonKind::Schedules,
                format!(
                    "{who}: {} executions were ended by the limit on moves, so their schedules were not run to the end",
                    one.doubts.endless
                ),
            );
        }
        if one.doubts.diverged > 0 {
            reason(
                ReasonKind::Unrepeatable,
                format!(
                    "{who}: {} times other moves were possible than before, after the same ones; something outside the schedule \
                     decides what happens",
                    one.doubts.diverged
                ),
            );
        }
        if one.doubts.differed > 0 {
            reason(
                ReasonKind::Unrepeatable,
                format!(
                    "{who}: {} times a schedule with an exposure came out otherwise when it was run once more; something outside \
                     the schedule decides what happens",
                    one.doubts.differed
                ),
            );
        }
        if one.exposing > 0 && !is_exposed {
            reason(
                ReasonKind::History,
                format!(
                    "{who}: {} schedules exposed something when they ran, but no exchange of the history shows it",
                    one.exposing
                ),
            );
        }
    }
    reasons
}

/// Not even one preemption: requests that ran one after the other, and little else.
fn too_few(coverage: &Coverage, who: &str) -> String {
    if coverage.is_of_one_schedule() {
        return format!("{who}: one schedule was run, and it says nothing of the others");
    }
    let run = match bound(coverage) {
        Some(0) => "only the schedules without a preemption were all run",
        _ => "not even the schedules without a preemption were all run",
    };
    match coverage {
        Coverage::Capped { limit, .. } => format!("{who}: {run} (limit: {limit})"),
        _ => format!("{who}: {run}"),
    }
}

/// What weakens explorations, one sentence each.
pub(super) fn notes(explored: &[Explored], world: &World) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut note = |text: String| {
        if !notes.contains(&text) {
            notes.push(text);
        }
    };
    for one in explored {
        let who = requests(one, world);
        let some_inside = one.points.iter().any(|points| points.inside() > 0);
        for (raced, points) in one.requests.iter().zip(&one.points) {
            if points.inside() <= 1 && some_inside {
                note(few_points(
                    &world.user_name(raced.user),
                    &world.step_name(raced.step),
                    *points,
                ));
            }
        }
        for (count, text) in [
            (one.doubts.stuck, "requests waited for ever"),
            (
                one.doubts.foreign_wakes,
                "a request was woken from another thread, whose timing is not controlled",
            ),
        ] {
            match count {
                0 => {}
                1 => note(format!("{who}: in 1 execution {text}")),
                more => note(format!("{who}: in {more} executions {text}")),
            }
        }
        one.warnings.iter().cloned().for_each(&mut note);
    }
    notes
}

fn few_points(user: &str, step: &str, points: PointCounts) -> String {
    let found = match points.inside() {
        0 => "no point",
        _ => "only one point",
    };
    format!(
        "{user}'s request ({step}) has {found} inside the service at which another one can go on: explicit points show more"
    )
}

/// `read by alice and read by bob`.
pub(super) fn requests(explored: &Explored, world: &World) -> String {
    let told: Vec<String> = explored
        .requests
        .iter()
        .map(|raced| {
            format!(
                "{} by {}",
                world.step_name(raced.step),
                world.user_name(raced.user)
            )
        })
        .collect();
    match told.split_last() {
        None => "no request".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;

//! One execution of an exploration, judged as a run of its own: what it shows users, and what it exposes.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Exchange, Outcome, Phase, Raced, Record};
use crate::identity::UserId;

use super::Strength;
use super::look::Found;
use super::run::Run;
use super::world::World;

/// What an execution has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutionShown {
    /// For people, in a line: `alice 200 with bob's note; bob 200 with own note`. Equal for executions in which every request
    /// came to the same: its status, and whose canaries of which slots it held.
    pub what: String,
    /// Ids of the exposures, sorted, each once.
    pub exposures: Vec<String>,
    /// For every raced request that received, or acted on, data of others, whose: its place, and the users.
    pub crossed: Vec<(usize, Vec<UserId>)>,
    /// A rule says that it may not be called clean, though nothing crossed: one such execution has to stand in the history.
    pub is_doubtful: bool,
}

/// Judges the executions of one set of requests, each after the records that stand before all of them.
///
/// An execution that began with a service of its own is judged by itself; those that went on in one service are judged one
/// after the other, since what one left behind is there in the next.
#[derive(Clone)]
pub struct Executions {
    raced: Vec<Raced>,
    /// Absent when the records do not begin with a usable header.
    run: Option<Run>,
    next_exchange: u64,
}

impl std::fmt::Debug for Executions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executions")
            .field("raced", &self.raced)
            .finish_non_exhaustive()
    }
}

impl Executions {
    /// Of these requests, after these records: the header first, then what was done once and alone.
    pub fn new<'r>(raced: &[Raced], before: impl IntoIterator<Item = &'r Record>) -> Executions {
        let mut executions = Executions {
            raced: raced.to_vec(),
            run: None,
            next_exchange: 0,
        };
        for record in before {
            match (&mut executions.run, record) {
                (None, Record::Start(start)) => {
                    let salt = start.salt.parse().ok();
                    executions.run = salt.map(|salt| Run::new(World::new(start.clone(), salt)));
                }
                (None, _) => {}
                (Some(run), record) => {
                    take(run, record);
                    if let Record::Exchange(exchange) = record {
                        let next = exchange.id.saturating_add(1);
                        executions.next_exchange = executions.next_exchange.max(next);
                    }
                }
            }
        }
        if let Some(run) = &mut executions.run {
            run.end_read_back(&mut Vec::new());
            run.findings = super::findings::Findings::default();
        }
        executions
    }

    /// What an execution shows that began with a service of its own.
    #[must_use]
    pub fn alone(&self, records: &[Record]) -> ExecutionShown {
        self.clone().shown(records)
    }

    /// What an execution shows that went on where the last one ended.
    pub fn next(&mut self, records: &[Record]) -> ExecutionShown {
        let shown = self.clone().shown(records);
        if let Some(run) = &mut self.run {
            let mut next = self.next_exchange;
            records
                .iter()
                .for_each(|record| numbered(run, record, &mut next));
            run.end_read_back(&mut Vec::new());
            run.findings = super::findings::Findings::default();
            self.next_exchange = next;
        }
        shown
    }

    fn shown(mut self, records: &[Record]) -> ExecutionShown {
        let Some(mut run) = self.run.take() else {
            return ExecutionShown::default();
        };
        run.shown = Some(Vec::new());
        let mut next = self.next_exchange;
        records
            .iter()
            .for_each(|record| numbered(&mut run, record, &mut next));
        run.finish(&mut Strength::default(), &mut Vec::new());
        let shown = run.shown.take().unwrap_or_default();
        let is_doubtful = !run.reasons.is_empty();
        let (found, _, _) = run.findings.finish();
        let mut crossed: BTreeMap<usize, BTreeSet<UserId>> = BTreeMap::new();
        let mut exposures = BTreeSet::new();
        for exposure in found {
            let viewer = shown
                .iter()
                .find(|shown| shown.id == exposure.viewer_side.exchange);
            if let Some(place) = viewer.and_then(|viewer| self.place(viewer))
                && exposure.viewer != exposure.victim
            {
                crossed.entry(place).or_default().insert(exposure.victim);
            }
            exposures.insert(exposure.id);
        }
        let crossed = crossed
            .into_iter()
            .map(|(place, users)| (place, users.into_iter().collect()));
        ExecutionShown {
            what: self.what(&shown, &run.world),
            exposures: exposures.into_iter().collect(),
            crossed: crossed.collect(),
            is_doubtful,
        }
    }

    /// Which of the raced requests it is.
    fn place(&self, shown: &Shown) -> Option<usize> {
        let is_it = |raced: &Raced| raced.user == shown.user && raced.step == shown.step;
        let is_raced = shown.phase == Phase::Volley;
        self.raced.iter().position(is_it).filter(|_| is_raced)
    }

    fn what(&self, shown: &[Shown], world: &World) -> String {
        let final_ones = || shown.iter().filter(|shown| !shown.is_followed);
        let mut parts = Vec::new();
        for (place, raced) in self.raced.iter().enumerate() {
            let mut of_request = final_ones().filter(|shown| self.place(shown) == Some(place));
            let of_request = of_request.next_back();
            let told =
                of_request.map_or_else(|| "not answered".to_owned(), |shown| shown.told(world));
            let user = world.user_name(raced.user);
            let is_alone = self
                .raced
                .iter()
                .filter(|other| other.user == raced.user)
                .count()
                == 1;
            parts.push(if is_alone {
                format!("{user} {told}")
            } else {
                format!("{user} {} {told}", world.step_name(raced.step))
            });
        }
        let mut line = parts.join("; ");
        let read_back = final_ones().filter(|shown| shown.phase == Phase::ReadBack);
        let read_back: Vec<String> = read_back
            .map(|shown| format!("{} {}", world.user_name(shown.user), shown.told(world)))
            .collect();
        if !read_back.is_empty() {
            line.push_str("; then ");
            line.push_str(&read_back.join("; "));
        }
        line
    }
}

fn take(run: &mut Run, record: &Record) {
    let (strength, notes) = (&mut Strength::default(), &mut Vec::new());
    match record {
        Record::Planted(planted) => drop(run.planted(planted, notes)),
        Record::Exchange(exchange) => run.exchange(exchange, strength, notes),
        Record::Volley(volley) => run.volley(volley, strength),
        _ => {}
    }
}

/// Takes a record of an execution. Exchanges are numbered on: rules go by the order of the numbers.
fn numbered(run: &mut Run, record: &Record, next: &mut u64) {
    let Record::Exchange(exchange) = record else {
        return take(run, record);
    };
    let id = std::mem::replace(next, next.saturating_add(1));
    if exchange.id == id {
        take(run, record);
    } else {
        take(
            run,
            &Record::Exchange(Exchange {
                id,
                ..exchange.clone()
            }),
        );
    }
}

/// What is kept of an exchange to tell the outcome.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    id: u64,
    user: UserId,
    step: u16,
    phase: Phase,
    status: Option<u16>,
    is_cut_off: bool,
    is_followed: bool,
    /// Owners and slots of what it held, sorted, each once; what everybody may see and own nonces left out.
    held: Vec<(UserId, u16)>,
}

impl Shown {
    pub(super) fn of(exchange: &Exchange, found: &[Found], world: &World) -> Shown {
        let own_nonce = |owner: UserId, slot: u16| owner == exchange.user && world.is_nonce(slot);
        let held = found
            .iter()
            .map(|found| (found.canary.owner, found.canary.slot));
        let mut held: Vec<(UserId, u16)> = held
            .filter(|(owner, slot)| {
                !world.is_public(*slot) && !own_nonce(*owner, *slot) && world.has_user(*owner)
            })
            .collect();
        // The requesting user's own come first.
        held.sort_unstable_by_key(|(owner, slot)| (*owner != exchange.user, *owner, *slot));
        held.dedup();
        let status = match exchange.outcome {
            Outcome::Answer { status, .. } => Some(status),
            Outcome::Failed { .. } => None,
        };
        Shown {
            id: exchange.id,
            user: exchange.user,
            step: exchange.step,
            phase: exchange.phase,
            status,
            is_cut_off: exchange.cut_off,
            is_followed: exchange.followed,
            held,
        }
    }

    /// `200 with own note and bob's note`.
    fn told(&self, world: &World) -> String {
        let ended = match self.status {
            Some(status) => status.to_string(),
            None if self.is_cut_off => "cancelled".to_owned(),
            None => "failed".to_owned(),
        };
        let held: Vec<String> = self
            .held
            .iter()
            .map(|(owner, slot)| {
                let slot = world.slot_name(*slot);
                if *owner == self.user {
                    format!("own {slot}")
                } else {
                    format!("{}'s {slot}", world.user_name(*owner))
                }
            })
            .collect();
        match held.split_last() {
            None => ended,
            Some((last, [])) => format!("{ended} with {last}"),
            Some((last, first)) => format!("{ended} with {} and {last}", first.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests;

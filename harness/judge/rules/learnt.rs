//! A value that only one user's own answers contained, in an answer to another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Rule, RuleInfo, Seen};
use crate::history::{Exchange, Outcome, Phase};
use crate::identity::{UserId, digest};
use crate::judge::evidence::Mark;
use crate::judge::facts::{self, is_accepted, status};
use crate::judge::findings::{Crossing, Findings};
use crate::judge::tokens::{VALUE_LENGTH, is_identifying, values};
use crate::judge::world::World;
use crate::judge::{ExposureKind, Place, Reason, ReasonKind, Side};

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "learnt-value-crossed",
    title: "received a value that only another user had",
    help: "Before, every user asked alone several times. The answer contains a value that each of the victim's answers \
           contained then and no answer to anybody else. Look for state that outlives a request or is reached by two.",
    explain: include_str!("explain/learnt-value-crossed.txt"),
    kind: ExposureKind::Read,
    make: || Box::new(Learnt::default()),
};

/// Values that are remembered of all solo answers, as digests.
const SEEN_KEPT: usize = 1_000_000;
/// Values that are learnt of one user.
const LEARNT_PER_USER: usize = 5_000;
/// Distinct crossings, by viewer, victim and step, that are remembered until the end.
const CROSSINGS_KEPT: usize = 1_000;
/// Solo answers of a user to a step, below which nothing is learnt from them.
const REPEATS_NEEDED: u32 = 2;

/// For steps that learn ([`StepInfo::learns`](crate::history::StepInfo::learns)). A value is learnt as one user's when
///
/// - every one of at least two accepted solo answers to the user's step contains it, so it does not change;
/// - no solo answer of any other user to any such step contains it, though the users took turns between the repetitions;
/// - it is no number, date or time, and neither very short nor very long (see `tokens.rs`), and no canary.
///
/// Values are compared whole; likeness counts for nothing. What another user then receives may still have become everybody's
/// meanwhile: a shared list that has changed. So a crossing counts only when the viewer, asking alone after the volleys, does
/// not receive the value; if it does, there is a reason against a clean result instead, since that is what a cache does as
/// well. When the viewer did not ask again, only identifying values count (addresses, ids, long tokens), no words, and
/// for those there is a reason too. A value that stands in the request's own path is an echo: it teaches nothing, shows nothing
/// and crosses nothing. A user whose own solo answers are missing is no viewer, and a step that only one user was answered
/// teaches nothing.
#[derive(Clone, Debug, Default)]
struct Learnt {
    /// Whose solo answers contained a value: one user's, or several users'.
    seen: HashMap<u64, Option<UserId>>,
    is_full: bool,
    /// What every solo answer so far of a user to a step contained.
    stable: BTreeMap<(UserId, u16), Stable>,
    /// Filled when the first learning step is sent other than alone.
    learnt: Option<HashMap<u64, (UserId, Box<str>)>>,
    learnt_of: BTreeMap<UserId, usize>,
    /// What users and steps were answered alone that taught nothing.
    untaught: BTreeMap<(UserId, u16), String>,
    /// Users and steps with enough solo answers to know what the user is shown.
    taught: BTreeSet<(UserId, u16)>,
    crossings: BTreeMap<(UserId, UserId, u16), Kept>,
    /// Viewers and values, as digests, that the viewer receives alone as well by now.
    shared_by_now: BTreeSet<(UserId, u64)>,
    /// Users and steps that asked alone again after the volleys.
    asked_again: BTreeSet<(UserId, u16)>,
    fired: BTreeSet<UserId>,
    /// Answers in volleys that should hold something learnt, and those that did.
    fired_to_see: u64,
    fired_and_seen: u64,
    last_shows: Option<bool>,
}

#[derive(Clone, Debug, Default)]
struct Stable {
    repeats: u32,
    values: BTreeMap<u64, Box<str>>,
}

#[derive(Clone, Debug)]
struct Kept {
    crossing: Crossing,
    value: u64,
    is_identifying: bool,
    side: Side,
    times: u64,
    in_volleys: u64,
    /// Exchanges whose first crossing it is.
    exchanges: u64,
}

impl Rule for Learnt {
    fn boxed(&self) -> Box<dyn Rule> {
        Box::new(self.clone())
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, _: &mut Vec<Crossing>) {
        let exchange = seen.exchange;
        self.last_shows = None;
        let learns = world.step(exchange.step).is_some_and(|step| step.learns);
        if !learns || exchange.followed {
            return;
        }
        match (exchange.phase, &self.learnt) {
            (Phase::Solo, None) => self.learn(exchange, seen.is_complete, world),
            (Phase::Solo, Some(_)) => self.ask_again(exchange),
            (Phase::Setup, _) => {}
            (_, None) => {
                self.decide();
                self.look(exchange, world);
            }
            (_, Some(_)) => self.look(exchange, world),
        }
    }

    fn shows(&self) -> Option<bool> {
        self.last_shows
    }

    fn finish(
        &mut self,
        world: &World,
        findings: &mut Findings,
        notes: &mut Vec<String>,
    ) -> Vec<Reason> {
        let mut reasons = self.control(world);
        for kept in std::mem::take(&mut self.crossings).into_values() {
            let (viewer, victim) = (kept.crossing.viewer, kept.crossing.victim);
            let told = |what: &str| {
                format!(
                    "{} received a value that had only been {}'s ({}), {what}",
                    world.user_name(viewer),
                    world.user_name(victim),
                    world.step_name(kept.crossing.step)
                )
            };
            if self.shared_by_now.contains(&(viewer, kept.value)) {
                let text = told(
                    "and receives it alone as well by now: it is shared meanwhile, or a cache keeps it",
                );
                reasons.push(Reason::new(ReasonKind::Learning, text));
                continue;
            }
            let asked_again = self.asked_again.contains(&(viewer, kept.crossing.step));
            if !asked_again && !kept.is_identifying {
                let text = told("but did not ask again alone: it may have become everybody's");
                reasons.push(Reason::new(ReasonKind::Learning, text));
                continue;
            }
            findings.in_volleys += kept.in_volleys;
            findings.counts.exchanges += kept.exchanges;
            for _ in 0..kept.times {
                findings.add(kept.crossing.clone(), world, || (kept.side.clone(), None));
            }
        }
        if self.is_full {
            notes.push(format!(
                "users' answers hold more than {SEEN_KEPT} values; what came later was not learnt"
            ));
        }
        reasons
    }
}

impl Learnt {
    fn learn(&mut self, exchange: &Exchange, is_complete: bool, world: &World) {
        let marker = world.salt.marker();
        let user = exchange.user;
        let mut found: BTreeMap<u64, Box<str>> = BTreeMap::new();
        let echoes = Echoes::of(exchange);
        values(exchange, |value| {
            if !value.contains(&marker) && !echoes.hold(value) {
                found.insert(digest(0, &[value.as_bytes()]), value.into());
            }
        });
        for value in found.keys() {
            let is_room = self.seen.len() < SEEN_KEPT;
            match self.seen.get_mut(value) {
                Some(owner) if *owner != Some(user) => *owner = None,
                Some(_) => {}
                None if is_room => {
                    self.seen.insert(*value, Some(user));
                }
                None => self.is_full = true,
            }
        }
        // A refused answer is still looked at for what others are shown; it teaches nothing of its own user.
        if !is_good(exchange) || !is_complete || asks_for_a_password(exchange) {
            let told = match status(exchange) {
                None => "was not answered".to_owned(),
                Some(200..=299) if asks_for_a_password(exchange) => {
                    "was asked for a password".to_owned()
                }
                Some(200..=299) => "was answered more than is kept".to_owned(),
                Some(status) => format!("was answered {status}"),
            };
            self.untaught.entry((user, exchange.step)).or_insert(told);
            return;
        }
        let stable = self.stable.entry((user, exchange.step)).or_default();
        stable.repeats += 1;
        if stable.repeats == 1 {
            stable.values = found;
        } else {
            stable.values.retain(|value, _| found.contains_key(value));
        }
    }

    fn decide(&mut self) {
        let mut learnt = HashMap::new();
        let stable = std::mem::take(&mut self.stable);
        let enough = stable
            .iter()
            .filter(|(_, stable)| stable.repeats >= REPEATS_NEEDED);
        self.taught = enough.map(|(key, _)| *key).collect();
        for ((user, step), stable) in stable {
            // With one user's answers alone, whatever stands on every page would seem to be that user's.
            let others = |(other, of): &(UserId, u16)| *of == step && *other != user;
            if !self.taught.contains(&(user, step)) || !self.taught.iter().any(others) {
                continue;
            }
            let of_user = self.learnt_of.entry(user).or_default();
            for (value, text) in stable.values {
                if *of_user < LEARNT_PER_USER && self.seen.get(&value) == Some(&Some(user)) {
                    *of_user += usize::from(learnt.insert(value, (user, text)).is_none());
                }
            }
        }
        self.learnt = Some(learnt);
        self.seen = HashMap::new();
    }

    /// Looks for what was learnt, in an answer that may have been raced.
    fn look(&mut self, exchange: &Exchange, world: &World) {
        let Some(learnt) = &self.learnt else {
            return;
        };
        let is_fired = exchange.phase == Phase::Volley;
        if is_fired {
            self.fired.insert(exchange.user);
        }
        let echoes = Echoes::of(exchange);
        let is_taught = self.taught.contains(&(exchange.user, exchange.step));
        let (mut shows, mut own) = (false, false);
        let mut crossed: BTreeMap<UserId, (u64, Box<str>)> = BTreeMap::new();
        values(exchange, |value| {
            let key = digest(0, &[value.as_bytes()]);
            let Some((owner, _)) = learnt.get(&key).filter(|known| *known.1 == *value) else {
                return;
            };
            if echoes.hold(value) {
                return;
            }
            shows = true;
            if *owner == exchange.user {
                own = true;
            } else if is_taught {
                let better = crossed
                    .get(owner)
                    .is_none_or(|(_, known)| is_identifying(value) && !is_identifying(known));
                if better {
                    crossed.insert(*owner, (key, value.into()));
                }
            }
        });
        self.last_shows = Some(shows);
        if is_fired {
            self.fired_to_see += 1;
            self.fired_and_seen += u64::from(own);
        }
        let mut is_first = true;
        for (victim, (key, value)) in crossed {
            if let Some(kept) = self.crossed(exchange, victim, key, &value, world) {
                kept.times += 1;
                kept.in_volleys += u64::from(is_fired);
                kept.exchanges += u64::from(std::mem::take(&mut is_first));
            }
        }
    }

    /// The crossing between these two at this step, remembered from the first on.
    fn crossed(
        &mut self,
        exchange: &Exchange,
        victim: UserId,
        value: u64,
        text: &str,
        world: &World,
    ) -> Option<&mut Kept> {
        let key = (exchange.user, victim, exchange.step);
        let is_full = self.crossings.len() == CROSSINGS_KEPT;
        if !self.crossings.contains_key(&key) && !is_full {
            let crossing = Crossing {
                rule: INFO.id,
                kind: INFO.kind,
                viewer: exchange.user,
                victim,
                step: exchange.step,
                slot: None,
                place: Place::Body,
                form: None,
                phase: exchange.phase,
                round: exchange.round,
                canary: None,
                value: Some(text.to_owned()),
            };
            let kept = Kept {
                crossing,
                value,
                is_identifying: is_identifying(text),
                side: facts::side_with(exchange, Mark::Text(text), world.salt),
                times: 0,
                in_volleys: 0,
                exchanges: 0,
            };
            self.crossings.insert(key, kept);
        }
        self.crossings.get_mut(&key)
    }

    /// Alone, after volleys.
    fn ask_again(&mut self, exchange: &Exchange) {
        if !is_accepted(exchange) {
            return;
        }
        self.asked_again.insert((exchange.user, exchange.step));
        let Some(learnt) = &self.learnt else {
            return;
        };
        values(exchange, |value| {
            let key = digest(0, &[value.as_bytes()]);
            if learnt
                .get(&key)
                .is_some_and(|known| known.0 != exchange.user)
            {
                self.shared_by_now.insert((exchange.user, key));
            }
        });
    }

    /// Why the run proves nothing: nothing was learnt of somebody, or it did not come back.
    fn control(&self, world: &World) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for ((user, step), told) in &self.untaught {
            if !self.taught.iter().any(|(taught, _)| taught == user) {
                let text = format!(
                    "{} alone {told} ({}), so nothing was learnt of it: is it still logged in?",
                    world.user_name(*user),
                    world.step_name(*step)
                );
                reasons.push(Reason::new(ReasonKind::Learning, text));
            }
        }
        let blank: Vec<String> = self
            .fired
            .iter()
            .filter(|user| self.learnt_of.get(user).is_none_or(|learnt| *learnt == 0))
            .map(|user| world.user_name(*user))
            .collect();
        if !blank.is_empty() {
            let text = format!(
                "nothing was learnt by which the data of {} would be known: no value that stays is in their answers alone",
                crate::judge::control::listed(&blank)
            );
            reasons.push(Reason::new(ReasonKind::Learning, text));
        } else if self.fired_to_see > 0 && self.fired_and_seen == 0 {
            let text = "no answer in a volley contained what was learnt of its user";
            reasons.push(Reason::new(ReasonKind::Learning, text));
        }
        reasons
    }
}

/// Answered 2xx, and as the step expects: an error or a redirect shows nothing of anybody's.
fn is_good(exchange: &Exchange) -> bool {
    is_accepted(exchange) && matches!(status(exchange), Some(200..=299))
}

/// Whether the answer is a page with a field for a password: most likely a log-in form, answered with 200.
fn asks_for_a_password(exchange: &Exchange) -> bool {
    let Outcome::Answer { body, .. } = &exchange.outcome else {
        return false;
    };
    let holds = |text: &[u8]| memchr::memmem::find(body, text).is_some();
    holds(b"type=\"password\"") || holds(b"type='password'") || holds(b"type=password")
}

/// What stands in a request's path, as it is and decoded: an answer that holds it may only repeat it.
struct Echoes<'e> {
    path: &'e str,
    decoded: String,
}

impl<'e> Echoes<'e> {
    fn of(exchange: &'e Exchange) -> Echoes<'e> {
        let path = exchange.request.path.as_str();
        let spaced = path.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
        Echoes {
            path,
            decoded: decoded.into_owned(),
        }
    }

    /// Whether the value is a piece of the path, or is put together with one: "there is nothing at /orders/4711".
    fn hold(&self, value: &str) -> bool {
        let is_part = |path: &str| {
            let parts = path.split(['/', '?', '&', '=']);
            let mut telling = parts.filter(|part| part.len() >= *VALUE_LENGTH.start());
            telling.any(|part| value.contains(part))
        };
        self.path.contains(value)
            || self.decoded.contains(value)
            || is_part(self.path)
            || is_part(&self.decoded)
    }
}

#[cfg(test)]
mod tests;

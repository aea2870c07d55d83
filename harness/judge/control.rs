//! What a clean run must have done before it is worth anything: log-ins that worked, own canaries received back.

use crate::history::{Exchange, Phase, StepInfo, StepRole};
use crate::identity::UserId;

use super::facts::{counts_nowhere, is_accepted, status};
use super::look::Found;
use super::shots::Refusals;
use super::world::World;
use super::{Reason, ReasonKind};

/// Names listed in one reason; the rest is counted.
const NAMED: usize = 3;

const RAN_ALONE: u8 = 1;
const SEEN_ALONE: u8 = 2;
const FIRED: u8 = 4;

/// Follows log-ins and own canaries.
#[derive(Clone, Debug, Default)]
pub(super) struct Control {
    has_log_in: bool,
    users: Vec<OfUser>,
    /// Every step that shows slots, with each of them.
    shown: Vec<(u16, u16)>,
    /// For each user in turn, one byte per entry of `shown`.
    flags: Vec<u8>,
    /// Good answers in volleys that should show something of their user's, and those that did.
    fired_to_see: u64,
    fired_and_seen: u64,
    /// The first round in which one did not.
    missing_from: Option<u32>,
}

/// Share of the good answers in volleys that must show something of their user's.
const SEEN_SHARE: f64 = 0.9;

#[derive(Clone, Copy, Debug, Default)]
struct OfUser {
    logged_in: bool,
    log_in_failed: bool,
    fired: bool,
}

impl Control {
    pub(super) fn new(world: &World) -> Control {
        let users = world.start.users.len();
        let steps = world.start.steps.iter().zip(0u16..);
        // Alone, every user runs all steps before the read-back; what one of them takes away is rightly gone by then.
        let is_taken_away = |slot: u16| {
            world
                .start
                .steps
                .iter()
                .any(|step| step.removes.contains(&slot))
        };
        let shows =
            |info: &StepInfo, slot: u16| info.role != StepRole::ReadBack || !is_taken_away(slot);
        let is_shown = |info: &StepInfo| info.dead.is_none() && !info.breaks_off;
        let nonce = world.nonce_slot();
        let shown: Vec<(u16, u16)> = steps
            .filter(|(info, _)| is_shown(info))
            .flat_map(|(info, step)| {
                let seen = info.sees.iter().copied();
                let seen = seen.filter(move |slot| shows(info, *slot));
                let echoed = nonce.filter(|_| info.echoes);
                seen.chain(echoed).map(move |slot| (step, slot))
            })
            .collect();
        Control {
            has_log_in: world
                .start
                .steps
                .iter()
                .any(|step| step.role == StepRole::LogIn),
            users: vec![OfUser::default(); users],
            flags: vec![0; users * shown.len()],
            shown,
            ..Control::default()
        }
    }

    pub(super) fn take(
        &mut self,
        exchange: &Exchange,
        found: &[Found],
        refusals: &Refusals,
        world: &World,
    ) {
        let Some(of_user) = self.users.get_mut(exchange.user.index()) else {
            return;
        };
        let step = world.step(exchange.step);
        // A redirect that was followed is not the step's answer; the one that it led to is.
        if exchange.followed || counts_nowhere(exchange, step) {
            return;
        }
        if step.is_some_and(|step| step.role == StepRole::LogIn) {
            let is_good = is_accepted(exchange);
            of_user.logged_in |= is_good;
            of_user.log_in_failed |= !is_good && exchange.phase != Phase::Volley;
        }
        of_user.fired |= exchange.phase == Phase::Volley;
        if matches!(exchange.phase, Phase::Solo | Phase::Volley) {
            self.own(exchange, found, refusals, world);
        }
    }

    fn own(&mut self, exchange: &Exchange, found: &[Found], refusals: &Refusals, world: &World) {
        let is_alone = exchange.phase == Phase::Solo;
        let first = exchange.user.index() * self.shown.len();
        let (mut to_see, mut seen) = (false, false);
        for (&(_, slot), flags) in self
            .shown
            .iter()
            .zip(&mut self.flags[first..])
            .filter(|((step, _), _)| *step == exchange.step)
        {
            // What its owner has asked to remove may rightly be missing.
            to_see |= is_alone || !refusals.is_asked_away(exchange.user, slot);
            *flags |= if is_alone { RAN_ALONE } else { FIRED };
            if is_alone && *flags & SEEN_ALONE != 0 {
                continue;
            }
            let is_own =
                |found: &Found| found.canary.owner == exchange.user && found.canary.slot == slot;
            let is_there = if world.is_nonce(slot) {
                let own = world.nonce_of(exchange);
                found.iter().any(|found| Some(found.canary) == own)
            } else {
                let is_right = |found: &Found| !is_alone || world.is_newest(found.canary);
                found.iter().any(|found| is_own(found) && is_right(found))
            };
            seen |= is_there;
            if is_alone && is_there && status(exchange).is_some() && !exchange.refused {
                *flags |= SEEN_ALONE;
            }
        }
        // Of an exploration one execution stands for many: what it exposes is told as that, and not as missing as well.
        let is_told = world.is_explored()
            && found
                .iter()
                .any(|found| !world.may_read(exchange.user, found.canary));
        // What is refused or fails is counted elsewhere.
        if to_see && !is_alone && !is_told && is_accepted(exchange) {
            self.fired_to_see += 1;
            self.fired_and_seen += u64::from(seen);
            if !seen {
                self.missing_from.get_or_insert(exchange.round);
            }
        }
    }

    /// Why the run proves nothing, one sentence each.
    pub(super) fn reasons(&self, world: &World) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let each = |wanted: &dyn Fn(&OfUser) -> bool| {
            let users = self
                .users
                .iter()
                .zip(0..)
                .filter(|(of_user, _)| wanted(of_user));
            users
                .map(|(_, user)| world.user_name(UserId(user)))
                .collect::<Vec<_>>()
        };
        let failed = each(&|of_user| of_user.log_in_failed);
        if !failed.is_empty() {
            let text = format!("log-in failed for {}", listed(&failed));
            reasons.push(Reason::new(ReasonKind::LogIn, text));
        }
        let missing = each(&|of_user| {
            self.has_log_in && of_user.fired && !of_user.logged_in && !of_user.log_in_failed
        });
        if !missing.is_empty() {
            let text = format!("no log-in was recorded for {}", listed(&missing));
            reasons.push(Reason::new(ReasonKind::LogIn, text));
        }
        if self.shown.is_empty() && world.start.steps.iter().any(|step| step.learns) {
            // Its rule says whether what was learnt came back.
            return reasons;
        }
        if self.shown.is_empty() {
            reasons.push(Reason::new(ReasonKind::Control, "no step says which canaries its user should see, so nothing shows that they come back at all"));
            return reasons;
        }
        if self.shown.iter().all(|(_, slot)| world.is_public(*slot))
            && !world.start.steps.iter().any(|step| step.learns)
        {
            let text = "all that users are to see is public, so nothing that could be exposed was in the run";
            reasons.push(Reason::new(ReasonKind::Control, text));
        }
        self.own_reasons(world, &mut reasons);
        if self.fired_to_see > 0 && self.fired_and_seen == 0 {
            reasons.push(Reason::new(
                ReasonKind::Control,
                format!(
                    "no answer in {} contained the canary that its user should see",
                    if world.is_explored() {
                        "a kept execution"
                    } else {
                        "a volley"
                    }
                ),
            ));
        } else if let Some(round) = self.missing_from.filter(|_| self.is_weak()) {
            let (what, ended) = if world.is_explored() {
                ("own data did not always come back", "")
            } else {
                ("own data stopped coming back", "; a session may have ended")
            };
            let text = format!(
                "{what}, first in round {round}: only {} of {} good answers in {} held what their user should see{ended}",
                self.fired_and_seen,
                self.fired_to_see,
                world.raced_in()
            );
            reasons.push(Reason::new(ReasonKind::Control, text));
        }
        reasons
    }

    fn own_reasons(&self, world: &World, reasons: &mut Vec<Reason>) {
        let mut unseen = Vec::new();
        let mut unchecked = Vec::new();
        for (of_user, user) in self.users.iter().zip(0u32..) {
            let first = user as usize * self.shown.len();
            let flags = &self.flags[first..first + self.shown.len()];
            for (&(step, slot), flags) in self.shown.iter().zip(flags) {
                if flags & (RAN_ALONE | FIRED) != 0 && flags & SEEN_ALONE == 0 {
                    let (user, step, slot) = (
                        world.user_name(UserId(user)),
                        world.step_name(step),
                        world.slot_name(slot),
                    );
                    unseen.push(format!("{user} ({slot} in {step})"));
                }
            }
            if of_user.fired && flags.iter().all(|flags| flags & (RAN_ALONE | FIRED) == 0) {
                unchecked.push(world.user_name(UserId(user)));
            }
        }
        if !unseen.is_empty() {
            reasons.push(Reason::new(
                ReasonKind::Control,
                format!(
                    "own canaries were not received back alone by {}",
                    listed(&unseen)
                ),
            ));
        }
        if !unchecked.is_empty() {
            reasons.push(Reason::new(
                ReasonKind::Control,
                format!(
                    "no volley or read-back step showed the own canaries of {}",
                    listed(&unchecked)
                ),
            ));
        }
    }

    fn is_weak(&self) -> bool {
        (self.fired_and_seen as f64) < self.fired_to_see as f64 * SEEN_SHARE
    }

    /// What weakens the run.
    pub(super) fn note(&self, world: &World) -> Option<String> {
        (self.fired_and_seen > 0 && self.is_weak()).then(|| {
            format!(
                "only {} of {} answers in {} contained the canary that their user should see",
                self.fired_and_seen,
                self.fired_to_see,
                world.raced_in()
            )
        })
    }
}

/// The first few, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(NAMED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

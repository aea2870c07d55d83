//! Takes a history's records to the rules, and sums the volleys up: what the judge does once it knows the header.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{DayRecord, Exchange, Explored, Phase, Planted, StepInfo, Volley, Way};

use super::alone::Alone;
use super::control::Control;
use super::day::DayTally;
use super::execution::Shown;
use super::facts::{self, Facts};
use super::findings::{Crossing, Findings};
use super::look::{Found, Look};
use super::overlap::{Pairs, overlapping_pairs};
use super::points::Points;
use super::rules::{self, Rule, Seen};
use super::shots::{Refusals, Shots};
use super::spread::Spreads;
use super::unserved::Unserved;
use super::world::World;
use super::{Reason, Strength, VolleyPoint};

/// Notes kept of a run; the rest is dropped.
pub const NOTES_KEPT: usize = 100;

/// Volleys that may be under way at once in a history; with more, the earliest is taken for ended.
pub const VOLLEYS_OPEN: usize = 64;

/// What there is once the header is known.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) world: World,
    look: Look,
    pub(super) control: Control,
    alone: Alone,
    rules: Vec<Box<dyn Rule>>,
    pub(super) findings: Findings,
    pub(super) spreads: Spreads,
    pub(super) points: Points,
    open: BTreeMap<u32, OpenVolley>,
    /// An emptied one, for its memory.
    spare: OpenVolley,
    crossings: Vec<Crossing>,
    is_reading_back: bool,
    /// Phase and round of the last exchange.
    last: Option<(Phase, u32)>,
    /// What the exchanges show, where somebody asks.
    pub(super) shown: Option<Vec<Shown>>,
    refusals: Refusals,
    pub(super) shots: Shots,
    pub(super) unserved: Unserved,
    /// What the rules say against a clean result.
    pub(super) reasons: Vec<Reason>,
}

#[derive(Clone, Default)]
struct OpenVolley {
    facts: Facts,
    /// With the position of the viewer's exchange.
    crossings: Vec<(usize, Crossing, First)>,
}

/// An answer may hold many canaries of one victim: which crossing of an exchange stands for all that are alike.
#[derive(Clone, Copy, Debug)]
struct First {
    /// The first of its exposure.
    of_exposure: bool,
    /// The first of its victim.
    of_victim: bool,
}

impl Run {
    pub(super) fn new(world: World) -> Run {
        Run {
            look: Look::new(world.salt),
            control: Control::new(&world),
            alone: Alone::default(),
            rules: rules::all(),
            world,
            findings: Findings::default(),
            spreads: Spreads::default(),
            points: Points::default(),
            open: BTreeMap::new(),
            spare: OpenVolley::default(),
            crossings: Vec::new(),
            is_reading_back: false,
            last: None,
            shown: None,
            refusals: Refusals::default(),
            shots: Shots::default(),
            unserved: Unserved::default(),
            reasons: Vec::new(),
        }
    }

    /// Overlapping pairs of different owners that a clean result needs: one at least.
    pub(super) fn needed_overlaps(&self) -> u64 {
        self.world.start.min_overlaps.max(1)
    }

    /// Takes a planting; false when its text is not a canary of this run.
    pub(super) fn planted(&mut self, planted: &Planted, notes: &mut Vec<String>) -> bool {
        self.end_read_back(notes);
        let Some(canary) = self.world.plant(planted) else {
            return false;
        };
        self.refusals.planted(canary.owner, canary.slot);
        for rule in &mut self.rules {
            rule.planted(canary, &self.world);
        }
        true
    }

    pub(super) fn exchange(
        &mut self,
        exchange: &Exchange,
        strength: &mut Strength,
        notes: &mut Vec<String>,
    ) {
        if exchange.phase != Phase::ReadBack {
            self.end_read_back(notes);
        }
        self.is_reading_back = exchange.phase == Phase::ReadBack;
        self.begin_execution(exchange);
        strength.exchanges += 1;
        strength.rounds = strength.rounds.max(exchange.round);
        self.look.at(exchange);
        let found = self.look.found();
        if let Some(shown) = &mut self.shown {
            shown.push(Shown::of(exchange, found, &self.world));
        }
        self.control
            .take(exchange, found, &self.refusals, &self.world);
        self.alone.take(exchange);
        self.unserved.take(exchange, &self.world);
        let seen = Seen {
            exchange,
            found,
            is_complete: self.look.is_complete(),
        };
        for rule in &mut self.rules {
            rule.exchange(&seen, &self.world, &mut self.crossings);
        }
        // A user served by a session of its own that had ended holds nobody else's data.
        let of_others = |crossing: &Crossing| crossing.viewer != crossing.victim;
        self.findings.counts.exchanges += u64::from(self.crossings.iter().any(of_others));
        if exchange.phase == Phase::Volley || exchange.volley.is_some() {
            let (world, refusals) = (&self.world, &self.refusals);
            let is_complete = self.look.is_complete();
            self.shots.take(exchange, is_complete, world, refusals);
        }
        self.refusals.take(exchange, &self.world);
        let step = self.world.step(exchange.step);
        if let Some(day) = &mut self.findings.day {
            day.exchange(exchange, step.map(|step| step.role));
        }
        let shown_by_rule = || self.rules.iter().any(|rule| rule.shows() == Some(true));
        let shows =
            step.is_none_or(|step| shows(step, exchange, found, &self.world)) || shown_by_rule();
        let is_anonymous = step.is_some_and(|step| step.anonymous);
        let firsts = firsts(&self.crossings);
        let found = std::mem::take(&mut self.crossings);
        let crossings = found.into_iter().zip(firsts);
        let Some(number) = exchange.volley else {
            for (crossing, first) in crossings {
                if first.of_exposure {
                    let (mark, salt) = (crossing.mark(), self.world.salt);
                    self.findings.add(crossing, &self.world, || {
                        (facts::side_with(exchange, mark, salt), None)
                    });
                } else {
                    self.findings.add_canary(&crossing, &self.world);
                }
            }
            return;
        };
        if !self.open.contains_key(&number)
            && self.open.len() == VOLLEYS_OPEN
            && let Some(first) = self.open.keys().next().copied()
        {
            self.close(first, None, strength);
        }
        let spare = &mut self.spare;
        let volley = self
            .open
            .entry(number)
            .or_insert_with(|| std::mem::take(spare));
        let alone_ns = self.alone.shortest(exchange.step);
        let at = volley.facts.push(exchange, shows, is_anonymous, alone_ns);
        volley
            .crossings
            .extend(crossings.map(|(crossing, first)| (at, crossing, first)));
    }

    pub(super) fn volley(&mut self, volley: &Volley, strength: &mut Strength) {
        self.close(volley.volley, Some(volley), strength);
    }

    /// Takes what the history says of a replayed day; false when that makes no sense where it stands.
    pub(super) fn day(&mut self, record: &DayRecord, notes: &mut Vec<String>) -> bool {
        // What was found at the end of a phase is that phase's.
        self.end_read_back(notes);
        match (record, &mut self.findings.day) {
            (DayRecord::Plan(day), None) => {
                self.findings.day = Some(DayTally::new(day));
                true
            }
            (_, None) => false,
            (_, Some(day)) => day.stands(record),
        }
    }

    /// Sums a volley up and forgets its exchanges.
    fn close(&mut self, number: u32, volley: Option<&Volley>, strength: &mut Strength) {
        let mut open = self.open.remove(&number).unwrap_or_default();
        let facts = open.facts.all();
        strength.volleys += 1;
        // Under control nothing is released at once, and no clock says anything.
        let volley = volley.filter(|_| !self.world.is_explored());
        let pairs = if self.world.is_explored() {
            Pairs::default()
        } else {
            overlapping_pairs(facts)
        };
        strength.overlapping_pairs += pairs.all;
        strength.pairs_by_server += pairs.by_server;
        if let Some(volley) = volley {
            self.spreads.take(volley, facts);
        }
        let exposing_before = self.findings.in_volleys;
        for rule in &mut self.rules {
            rule.volley(&open.facts);
        }
        for (at, crossing, first) in open.crossings.drain(..) {
            if !first.of_exposure {
                self.findings.add_canary(&crossing, &self.world);
                continue;
            }
            let viewer = open.facts.all()[at];
            let victim = open.facts.victim_of(viewer, crossing.victim);
            if first.of_victim {
                self.findings.in_volleys += 1;
                if let Some(day) = &mut self.findings.day {
                    day.crossed_at(viewer.done_ns());
                }
                let victim = victim.and_then(|victim| victim.order());
                self.findings.order(viewer.order(), victim);
            }
            let (facts, salt) = (&open.facts, self.world.salt);
            let (mark, of_victim) = (crossing.mark(), crossing.mark_of_victim());
            self.findings.add(crossing, &self.world, || {
                (
                    facts.side_with(&viewer, mark, salt),
                    victim.map(|victim| facts.side_with(&victim, of_victim, salt)),
                )
            });
        }
        if let Some(day) = &mut self.findings.day {
            day.volley(pairs.all, self.findings.in_volleys - exposing_before);
        }
        if let Some(volley) = volley {
            self.points.take(VolleyPoint {
                volley: number,
                round: volley.round,
                offset_us: volley.offset_us,
                spread_us: volley
                    .server_spread_us
                    .unwrap_or(volley.release.client_spread_ns / 1_000),
                by_server: volley.server_spread_us.is_some(),
                pairs: pairs.all,
                exposing: self.findings.in_volleys - exposing_before,
            });
        }
        open.facts.clear();
        self.spare = open;
    }

    /// Tells the rules when an exchange is the first of another execution: of another round, or made to prepare something
    /// after something else than that.
    fn begin_execution(&mut self, exchange: &Exchange) {
        if !self.world.is_explored() {
            return;
        }
        let now = (exchange.phase, exchange.round);
        let is_another = self.last.replace(now).is_some_and(|(phase, round)| {
            round != now.1 || now.0 == Phase::Setup && phase != Phase::Setup
        });
        if is_another {
            for rule in &mut self.rules {
                rule.execution();
            }
        }
    }

    /// A set of requests is explored to its end. The next one is explored from the beginning, with exchanges of its own
    /// alone, so the rules say what they have left of this one and begin anew.
    pub(super) fn explored(
        &mut self,
        explored: &Explored,
        strength: &mut Strength,
        notes: &mut Vec<String>,
    ) {
        self.finish(strength, notes);
        self.rules = rules::all();
        self.last = None;
        if explored.way == Way::InProcess {
            self.world.forget_plantings();
        }
    }

    /// Sums up what has not ended, and lets the rules say what they have left.
    pub(super) fn finish(&mut self, strength: &mut Strength, notes: &mut Vec<String>) {
        while let Some(number) = self.open.keys().next().copied() {
            self.close(number, None, strength);
        }
        self.end_read_back(notes);
        for rule in &mut self.rules {
            let mut said = Vec::new();
            let reasons = rule.finish(&self.world, &mut self.findings, &mut said);
            for reason in reasons {
                if !self.reasons.contains(&reason) {
                    self.reasons.push(reason);
                }
            }
            let news = said.into_iter().filter(|note| !notes.contains(note));
            let news: Vec<String> = news.collect();
            notes.extend(news);
        }
        notes.truncate(NOTES_KEPT);
    }

    /// Lets the rules decide when the users' states have been read back.
    pub(super) fn end_read_back(&mut self, notes: &mut Vec<String>) {
        if std::mem::take(&mut self.is_reading_back) {
            for rule in &mut self.rules {
                rule.read_back(&self.world, &mut self.findings, notes);
            }
            notes.truncate(NOTES_KEPT);
        }
    }
}

/// Whether an answer shows what its step is to show: somebody's canary in one of its slots, or the request's own nonce. True
/// for a step that is to show nothing. An error page that echoes something else shows nothing.
fn shows(step: &StepInfo, exchange: &Exchange, found: &[Found], world: &World) -> bool {
    let is_of_slot = |found: &Found| step.sees.contains(&found.canary.slot);
    let own_nonce = world.nonce_of(exchange).filter(|_| step.echoes);
    let is_own_nonce = |found: &Found| Some(found.canary) == own_nonce;
    let should_show = !step.sees.is_empty() || step.learns || step.echoes;
    !should_show
        || found
            .iter()
            .any(|found| is_of_slot(found) || is_own_nonce(found))
}

fn firsts(crossings: &[Crossing]) -> Vec<First> {
    let (mut exposures, mut victims) = (BTreeSet::new(), BTreeSet::new());
    let first = |crossing: &Crossing| First {
        of_exposure: exposures.insert(crossing.key()),
        of_victim: victims.insert(crossing.victim),
    };
    crossings.iter().map(first).collect()
}

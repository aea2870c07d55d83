//! What is kept of the exchanges of a volley until it is over: times and names, no bodies.

use crate::history::{Exchange, Outcome, ServerTimes, StepInfo};
use crate::identity::{Salt, UserId};

use super::evidence::{Kept, Mark};
use super::{Evidence, Side};

/// A span of time, both ends included.
pub(super) type Interval = (u64, u64);

/// One exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) id: u64,
    pub(super) user: UserId,
    pub(super) status: Option<u16>,
    is_served: bool,
    is_anonymous: bool,
    /// On the client's clock, as far as it is known that the request was under way: see [`Facts::push`].
    pub(super) client: Interval,
    /// On the client's clock, to the first byte that was read.
    raw_client: Interval,
    pub(super) server: Option<Interval>,
    pub(super) times: Option<ServerTimes>,
    step: u16,
    sent_ns: u64,
    done_ns: u64,
    /// Where its method and path stand in the text of the [`Facts`].
    request: (usize, usize),
}

impl Fact {
    /// When it was over, nanoseconds since the run began.
    pub(super) fn done_ns(&self) -> u64 {
        self.done_ns
    }

    pub(super) fn order(&self) -> Option<u64> {
        self.times.and_then(|times| times.order)
    }

    /// True when the exchange shows something: the request was answered below 400 and as its step expects and, where its
    /// user should see own canaries, the answer held at least one of anybody's. Only such exchanges count as having
    /// overlapped with anything; error pages that overlap prove nothing, whatever their status.
    pub(super) fn is_served(&self) -> bool {
        self.is_served
    }

    /// True when it was nobody's request: of two such, neither can be shown the other's data.
    pub(super) fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// As [`Exchange::overlaps`]: what may have been under way together, which is enough to name the victim's request of a
    /// crossing that has been found, but too much to be counted.
    fn may_overlap(&self, other: &Fact) -> bool {
        let (a, b) = match (self.server, other.server) {
            (Some(a), Some(b)) => (a, b),
            _ => (self.raw_client, other.raw_client),
        };
        a.0 <= b.1 && b.0 <= a.1
    }
}

/// The exchanges of one volley, in order of recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    facts: Vec<Fact>,
    /// The answers, in the same order; given up as soon as the volley is over.
    kept: Vec<Kept>,
    /// Methods and paths, one after the other: one allocation for all.
    text: String,
    /// Positions in `facts`, ordered by user; filled when first needed.
    by_user: Vec<(UserId, u32)>,
}

/// Status of an answer.
pub(super) fn status(exchange: &Exchange) -> Option<u16> {
    match exchange.outcome {
        Outcome::Answer { status, .. } => Some(status),
        Outcome::Failed { .. } => None,
    }
}

/// True when an answer came, below 400, that is what the step expects.
pub(super) fn is_accepted(exchange: &Exchange) -> bool {
    !exchange.refused && status(exchange).is_some_and(|status| status < 400)
}

/// True when how the exchange ended is no evidence of anything, since it was meant to end so: crosswire itself cut it off;
/// it was no request, and was not served; or its session must be dead, and it was turned away. What else goes wrong, goes
/// wrong, whatever was provoked beside it.
pub(super) fn counts_nowhere(exchange: &Exchange, step: Option<&StepInfo>) -> bool {
    if is_accepted(exchange) {
        return false;
    }
    let is_server_error = status(exchange).is_some_and(|status| status >= 500);
    let is_answer = status(exchange).is_some();
    let is_refused_rightly = step.is_some_and(|step| step.malformed || step.dead.is_some());
    exchange.cut_off && !is_answer || is_refused_rightly && !is_server_error
}

/// One exchange with what a report shows of its answer.
pub(super) fn side_with(exchange: &Exchange, mark: Mark<'_>, salt: Salt) -> Side {
    Side {
        evidence: Kept::of(exchange).evidence(mark, salt),
        ..side(exchange)
    }
}

/// One exchange as a report tells it, without its answer.
pub(super) fn side(exchange: &Exchange) -> Side {
    Side {
        exchange: exchange.id,
        step: exchange.step,
        request: format!("{} {}", exchange.request.method, exchange.request.path),
        status: status(exchange),
        sent_ns: exchange.sent_ns,
        done_ns: exchange.done_ns,
        arrived_us: exchange.server.map(|times| times.arrived_us),
        order: exchange.server.and_then(|times| times.order),
        evidence: Evidence::default(),
    }
}

impl Facts {
    /// Adds an exchange; gives its position. `shows` is false when it should have held canaries and held none.
    ///
    /// A client reads the answers of a volley after the whole of it is released, so by its own clock all of them seem to
    /// have been under way together, however quickly the service was done with the first. `alone_ns` is how long such a
    /// request takes when nothing else is under way; no longer is it taken to have been under way here.
    pub(super) fn push(
        &mut self,
        exchange: &Exchange,
        shows: bool,
        is_anonymous: bool,
        alone_ns: Option<u64>,
    ) -> usize {
        let start = self.text.len();
        self.text.push_str(&exchange.request.method);
        self.text.push(' ');
        self.text.push_str(&exchange.request.path);
        let raw_client = exchange.client_interval();
        let latest = alone_ns.map_or(u64::MAX, |ns| exchange.sent_ns.saturating_add(ns));
        self.facts.push(Fact {
            id: exchange.id,
            user: exchange.user,
            status: status(exchange),
            is_served: shows && is_accepted(exchange),
            is_anonymous,
            client: (raw_client.0, raw_client.1.min(latest)),
            raw_client,
            server: exchange.server_interval(),
            times: exchange.server,
            step: exchange.step,
            sent_ns: exchange.sent_ns,
            done_ns: exchange.done_ns,
            request: (start, self.text.len()),
        });
        self.kept.push(Kept::of(exchange));
        self.by_user.clear();
        self.facts.len() - 1
    }

    /// The same without the answers, for whoever remembers it longer than the volley.
    pub(super) fn without_answers(&self) -> Facts {
        Facts {
            facts: self.facts.clone(),
            kept: Vec::new(),
            text: self.text.clone(),
            by_user: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.facts.clear();
        self.kept.clear();
        self.text.clear();
        self.by_user.clear();
    }

    pub(super) fn all(&self) -> &[Fact] {
        &self.facts
    }

    /// The exchange with what a report shows of its answer.
    pub(super) fn side_with(&self, fact: &Fact, mark: Mark<'_>, salt: Salt) -> Side {
        let at = self.facts.iter().position(|known| known.id == fact.id);
        let kept = at.and_then(|at| self.kept.get(at));
        Side {
            evidence: kept.map_or_else(Evidence::default, |kept| kept.evidence(mark, salt)),
            ..self.side(fact)
        }
    }

    /// The exchange without its answer.
    pub(super) fn side(&self, fact: &Fact) -> Side {
        Side {
            exchange: fact.id,
            step: fact.step,
            request: self.text[fact.request.0..fact.request.1].to_owned(),
            status: fact.status,
            sent_ns: fact.sent_ns,
            done_ns: fact.done_ns,
            arrived_us: fact.times.map(|times| times.arrived_us),
            order: fact.order(),
            evidence: Evidence::default(),
        }
    }

    /// The victim's exchange that was under way together with the viewer's: the one that wrote the server's memo next after
    /// the viewer, when both sides tell that order; otherwise the one that was sent closest in time.
    pub(super) fn victim_of(&mut self, viewer: Fact, victim: UserId) -> Option<Fact> {
        if self.by_user.is_empty() {
            self.by_user = self
                .facts
                .iter()
                .zip(0..)
                .map(|(fact, at)| (fact.user, at))
                .collect();
            self.by_user.sort_unstable();
        }
        let from = self.by_user.partition_point(|(user, _)| *user < victim);
        let own = self.by_user[from..]
            .iter()
            .take_while(|(user, _)| *user == victim);
        own.map(|(_, at)| self.facts[*at as usize])
            .filter(|fact| fact.may_overlap(&viewer))
            .min_by_key(|fact| {
                let distance = match (viewer.order(), fact.order()) {
                    (Some(viewer), Some(victim)) if victim > viewer => (0, victim - viewer),
                    (Some(viewer), Some(victim)) => (1, viewer - victim),
                    _ => (2, fact.sent_ns.abs_diff(viewer.sent_ns)),
                };
                (distance, fact.id)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::testing::exchange;

    /// Exchanges of the given users: sent, over, place in the memo's order.
    fn facts(of: &[(u32, u64, u64, Option<u64>)]) -> Facts {
        let mut facts = Facts::default();
        for (id, (user, sent, done, order)) in of.iter().enumerate() {
            let mut exchange = exchange(id as u64, *user, 1);
            (exchange.sent_ns, exchange.first_byte_ns) = (*sent, Some(*done));
            exchange.server = order.map(|order| ServerTimes {
                arrived_us: 0,
                answered_us: None,
                order: Some(order),
            });
            facts.push(&exchange, true, false, None);
        }
        facts
    }

    fn victim(of: &[(u32, u64, u64, Option<u64>)]) -> Option<u64> {
        let mut facts = facts(of);
        let viewer = facts.all()[0];
        facts.victim_of(viewer, UserId(7)).map(|fact| fact.id)
    }

    #[test]
    fn the_victim_wrote_next() {
        let at = |order| (7, 0, 9, Some(order));
        assert_eq!(
            victim(&[(1, 0, 9, Some(5)), at(4), at(9), at(6), (3, 0, 9, Some(5))]),
            Some(3)
        );
        assert_eq!(
            victim(&[(1, 0, 9, Some(5)), at(1), at(4)]),
            Some(2),
            "if none did, the last before"
        );
    }

    #[test]
    fn without_an_order_the_closest_in_time() {
        assert_eq!(
            victim(&[
                (1, 10, 90, None),
                (7, 60, 99, None),
                (7, 15, 99, None),
                (7, 0, 99, None)
            ]),
            Some(2)
        );
    }

    #[test]
    fn only_what_was_under_way_together() {
        assert_eq!(
            victim(&[
                (1, 10, 20, Some(1)),
                (7, 30, 40, Some(2)),
                (7, 0, 9, Some(3))
            ]),
            None
        );
        assert_eq!(
            victim(&[
                (1, 10, 20, Some(1)),
                (7, 30, 40, Some(2)),
                (7, 20, 50, Some(3))
            ]),
            Some(2)
        );
        assert_eq!(victim(&[(1, 10, 20, None), (8, 10, 20, None)]), None);
    }

    #[test]
    fn a_request_is_not_under_way_for_longer_than_alone() {
        let mut facts = Facts::default();
        let mut exchange = exchange(0, 1, 1);
        (exchange.sent_ns, exchange.first_byte_ns) = (10, Some(90));
        for alone_ns in [None, Some(30), Some(500), Some(u64::MAX)] {
            facts.push(&exchange, true, false, alone_ns);
        }
        let ends: Vec<Interval> = facts.all().iter().map(|fact| fact.client).collect();
        assert_eq!(ends, [(10, 90), (10, 40), (10, 90), (10, 90)]);
    }

    #[test]
    fn the_victim_of_a_crossing_is_named_by_the_whole_time() {
        let mut facts = Facts::default();
        for (id, user, sent_ns) in [(0, 1, 10), (1, 7, 60)] {
            let mut exchange = exchange(id, user, 1);
            (exchange.sent_ns, exchange.first_byte_ns) = (sent_ns, Some(90));
            facts.push(&exchange, true, false, Some(5));
        }
        let viewer = facts.all()[0];
        let victim = facts.victim_of(viewer, UserId(7));
        assert_eq!(victim.map(|fact| fact.id), Some(1));
    }

    #[test]
    fn what_is_refused_is_not_served() {
        let mut facts = Facts::default();
        let mut exchange = exchange(0, 1, 1);
        facts.push(&exchange, true, false, None);
        facts.push(&exchange, false, false, None);
        exchange.refused = true;
        facts.push(&exchange, true, false, None);
        let served: Vec<bool> = facts.all().iter().map(Fact::is_served).collect();
        assert_eq!(served, [true, false, false]);
    }

    #[test]
    fn sides_tell_their_own_request() {
        let facts = facts(&[(1, 10, 20, Some(1)), (7, 30, 40, Some(2))]);
        let side = facts.side(&facts.all()[1]);
        assert_eq!(
            (
                side.exchange,
                side.request.as_str(),
                side.status,
                side.order
            ),
            (1, "GET /1", Some(200), Some(2))
        );
    }
}

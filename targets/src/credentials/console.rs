//! Sessions of the staff console, and their end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clock::Clock;
use super::limits::Limits;
use crate::members::{Member, Tokens};
use crate::sync::Mutex;

/// The most sessions at one time.
const MAX_SESSIONS: usize = 100_000;

/// All that are open.
#[derive(Debug)]
pub(super) struct Consoles {
    limits: Limits,
    ids: Tokens,
    open: Mutex<BTreeMap<String, Session>>,
}

#[derive(Debug)]
struct Session {
    member: Member,
    opened: Duration,
    used: Duration,
}

/// Who has sent a request of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A person.
    Person,
    /// The page, by itself, every few minutes.
    Page,
}

impl Consoles {
    /// None yet; their ids are drawn from `ids`.
    pub(super) fn new(limits: Limits, ids: Tokens) -> Self {
        Self {
            limits,
            ids,
            open: Mutex::new(BTreeMap::new()),
        }
    }

    /// Opens one; its id, or `None` when there are too many or there is no randomness.
    pub(super) fn open(&self, member: Member, now: Duration) -> Option<String> {
        let id = self.ids.draw()?;
        let mut open = self.open.lock();
        if open.len() >= MAX_SESSIONS {
            return None;
        }
        let session = Session {
            member,
            opened: now,
            used: now,
        };
        open.insert(id.clone(), session);
        Some(id)
    }

    /// Whose session it is, if it is still alive; this counts as use of it where it should.
    pub(super) fn enter(&self, id: &str, clock: &Clock, by: By) -> Option<Member> {
        let mut open = self.open.lock();
        let session = open.get_mut(id)?;
        let now = clock.now(session.member);
        let is_past = |limit: Option<Duration>, since: Duration| {
            limit.is_some_and(|limit| now.saturating_sub(since) > limit)
        };
        if is_past(self.limits.idle, session.used) || is_past(self.limits.absolute, session.opened)
        {
            open.remove(id);
            return None;
        }
        if by == By::Person || self.limits.polls_are_use {
            session.used = now;
        }
        Some(session.member)
    }

    /// Ends all of that person.
    pub(super) fn close(&self, member: Member) {
        self.open
            .lock()
            .retain(|_, session| session.member != member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(600);

    fn after(variant: &str, times: usize, by: By) -> bool {
        let consoles = Consoles::new(Limits::of(variant).unwrap(), Tokens::counted());
        let (clock, one) = (Clock::default(), Member(1));
        let id = consoles.open(one, clock.now(one)).unwrap();
        for _ in 0..times {
            clock.advance(one, TEN);
            consoles.enter(&id, &clock, by);
        }
        consoles.enter(&id, &clock, By::Person).is_some()
    }

    #[test]
    fn a_session_lives_while_a_person_uses_it_but_not_for_ever() {
        assert!(after("limits-held", 1, By::Page));
        assert!(!after("limits-held", 2, By::Page), "the idle limit");
        assert!(after("limits-held", 6, By::Person));
        assert!(!after("limits-held", 7, By::Person), "the absolute limit");
    }

    #[test]
    fn without_a_limit_or_with_polls_it_lives_on() {
        assert!(after("no-idle-limit", 1_000, By::Page));
        assert!(after("polls-keep-alive", 6, By::Page));
        assert!(
            !after("polls-keep-alive", 7, By::Page),
            "the absolute limit"
        );
        assert!(after("idle-limit-alone", 1_000, By::Person));
        assert!(!after("idle-limit-alone", 2, By::Page), "the idle limit");
    }
}

//! The service's time: it stands still but for what it is told, so that nobody has to wait for a limit.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::members::Member;
use crate::sync::Mutex;

/// A clock for each person, since all use one service: whoever tries an idle limit must not end the sessions of the others.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<BTreeMap<Member, Duration>>);

impl Clock {
    /// The time since the service began, for what that person does.
    pub(super) fn now(&self, member: Member) -> Duration {
        self.0.lock().get(&member).copied().unwrap_or_default()
    }

    /// Lets so much time pass for that person.
    pub(super) fn advance(&self, member: Member, by: Duration) {
        let mut times = self.0.lock();
        let now = times.entry(member).or_default();
        *now = now.saturating_add(by);
    }
}

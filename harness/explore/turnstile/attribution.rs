//! Whose message it is.
//!
//! Only one request moves at a time, so what appears during a move is the mover's, whichever connection of a pool it
//! comes over. What needs a second look is a request that counts as blocked: it may wake in another's move, because that
//! one gave back a lock or a connection, or because it never was blocked, but slow. In this order:
//!
//! 1. the rest of a message that is not whole belongs to whom its beginning belongs (where the protocol tells);
//! 2. a connection that is as busy while nobody is at work as while somebody is belongs to the background;
//! 3. when nobody could have woken, it is the mover's; between moves that of the request that uses the connection;
//! 4. otherwise bytes that only one of them sent when it ran alone are its own (the look-up of its session, mostly);
//! 5. who is inside something on this very connection (a transaction) goes on there;
//! 6. a mover that is held or over already, or has sent as many messages as it sends alone, is done: it is another's.
//!
//! A message that gets the wrong name is neither lost nor stuck: it can be let go under that name. The order in which
//! things ran is the one that is told; only the column is wrong, and the search sees other moves than before (divergence).

use super::board::{Front, State, hash};

impl State {
    /// Whose message begins with, or goes on with, these bytes; none for nobody's.
    pub(super) fn whose(&self, number: u64, bytes: &[u8]) -> Option<usize> {
        let line = self.lines.get(&number)?;
        if let (Some(true), Some(last)) = (line.framing.inside(), line.last) {
            return last;
        }
        if line.background {
            return None;
        }
        // Work for a client that has gone may go on for long.
        let at_work = |user: &usize| !self.is_over(*user) || self.requests[*user].cancelled;
        let user = line.user.filter(at_work);
        let wakeable: Vec<usize> = self.wakeable().collect();
        let Some(mover) = self.mover else {
            let known = self.known(bytes, wakeable.iter().copied());
            return known.or(user).or(wakeable.first().copied());
        };
        if wakeable.is_empty() {
            return Some(mover);
        }
        let candidates = wakeable.iter().copied().chain([mover]);
        if let Some(known) = self.known(bytes, candidates) {
            return Some(known);
        }
        if let Some(user) = user.filter(|user| wakeable.contains(user)) {
            return Some(user);
        }
        let moving = &self.requests[mover];
        let alone = self
            .alone
            .get(mover)
            .map_or(usize::MAX, |alone| alone.messages);
        let is_done =
            self.holds(mover) > 0 || moving.front == Front::Over || moving.messages >= alone;
        match wakeable.first() {
            Some(first) if is_done && !line.writes_on(Some(mover)) => Some(*first),
            _ => Some(mover),
        }
    }

    /// Requests that count as blocked, the longest first.
    fn wakeable(&self) -> impl Iterator<Item = usize> {
        let mut blocked: Vec<_> = (0..self.requests.len())
            .filter(|request| Some(*request) != self.mover)
            .filter_map(|request| Some((self.requests[request].blocked?, request)))
            .collect();
        blocked.sort_unstable();
        blocked.into_iter().map(|(_, request)| request)
    }

    /// The only one of these requests that sends these bytes when it runs alone.
    fn known(&self, bytes: &[u8], among: impl Iterator<Item = usize>) -> Option<usize> {
        let hash = hash(bytes);
        let sends = |request: &usize| {
            let alone = self.alone.get(*request);
            alone.is_some_and(|alone| alone.hashes.contains(&hash))
        };
        let mut senders = among.filter(sends);
        let first = senders.next()?;
        senders.next().is_none().then_some(first)
    }
}

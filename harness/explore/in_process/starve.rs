//! Makes every await of tokio a point at which a request stops, by leaving it next to nothing of tokio's budget.
//!
//! Tokio gives a future 128 units whenever it is polled from outside; each of its own awaits takes one, and when none is left
//! it makes the future yield. A request that goes on from an await with one unit therefore stops at the next one, whether or
//! not it would have to wait there; one that begins is left none, and stops at its first. So is one that goes on from something
//! else than an await of tokio's that takes a unit ([`Units`]): it would have the unit to spare.
//!
//! What is left can be set without running through 128 units each time: [`poll_proceed`] gives a token that, dropped, sets the
//! budget back to what it was before. A token taken at 2 and kept is a way back to 2 from wherever the budget is. So before
//! each poll of a request the kept token is dropped (2 are left) and the next one taken (1 is left), and one poll of the
//! explorer's own future holds as many polls of requests as wanted.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::coop::{RestoreOnPending, has_budget_remaining, poll_proceed};

/// More than tokio gives: a budget that lasts longer is none.
const UNITS: usize = 1 << 12;

/// The tokens by which the budget of this thread is set.
pub(super) struct Starving {
    /// Sets it to 2.
    two: Option<RestoreOnPending>,
    /// Sets it to what a future is given at first.
    whole: Option<RestoreOnPending>,
    probe: Probe,
}

/// Whether anybody asks to be woken when the explorer's future returns: a future that was made to yield, or `yield_now`.
///
/// Tokio keeps a list of their wakers and puts a waker only once in a row into it. So a waker that stands last in the list
/// before a poll, and is put in once more afterwards, is in it once more when another one came in between.
struct Probe {
    nobody: Arc<Nobody>,
    waker: Waker,
    /// It stands last in the list.
    stands: bool,
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Nobody>) {}
}

/// What a request is left when it is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Units {
    /// It stops at its next await of tokio's.
    None,
    /// It goes on from the await at which it is, and stops at the next one.
    One,
    /// As much as a future is given at first: it needs several for one await.
    All,
}

/// How the budget looked after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Nothing is left of it.
    pub(super) exhausted: bool,
    /// Somebody asked to be woken as soon as may be: nothing that has to happen first is waited for.
    pub(super) yielded: bool,
}

impl Starving {
    pub(super) fn new() -> Starving {
        let nobody = Arc::new(Nobody);
        // A clone, as all in the list are: the first one may have another table of functions, and is told apart by it.
        let waker = Waker::from(Arc::clone(&nobody)).clone();
        Starving {
            two: None,
            whole: None,
            probe: Probe {
                nobody,
                waker,
                stands: false,
            },
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.two.is_some()
    }

    /// Takes the tokens. To be called in a poll of the explorer's future, on the thread on which requests are polled, once.
    pub(super) fn begin(&mut self) {
        if self.two.is_some() {
            return;
        }
        let mut tokens = Vec::new();
        while has_budget_remaining() && tokens.len() < UNITS {
            match take() {
                Some(token) => tokens.push(token),
                None => break,
            }
        }
        if has_budget_remaining() || tokens.len() < 3 {
            tokens.iter().for_each(RestoreOnPending::made_progress);
            return;
        }
        // The last token leads back to 1, the one before it to 2.
        let last = tokens.pop();
        self.two = tokens.pop();
        last.iter().for_each(RestoreOnPending::made_progress);
        let mut others = tokens.into_iter();
        self.whole = others.next();
        others.for_each(|token| token.made_progress());
    }

    /// Leaves one unit.
    pub(super) fn leave_one(&mut self) {
        if self.two.take().is_some() {
            self.two = take();
        }
    }

    /// Leaves as much as a future is given at first.
    pub(super) fn leave_all(&mut self) {
        if self.whole.take().is_some() {
            self.whole = take();
        }
    }

    /// The explorer's future has returned: tokio's list was emptied.
    pub(super) fn returned(&mut self) {
        self.probe.stands = false;
    }

    /// Before a request is polled.
    pub(super) fn before(&mut self, units: Units) {
        if !self.probe.stands && self.two.is_some() {
            self.leave_one();
            self.ask();
        }
        match units {
            Units::All => self.leave_all(),
            Units::One => self.leave_one(),
            Units::None => {
                self.leave_one();
                if self.two.is_some() {
                    take().iter().for_each(RestoreOnPending::made_progress);
                }
            }
        }
    }

    /// After it was polled, and is not over.
    pub(super) fn after(&mut self) -> Left {
        let exhausted = !has_budget_remaining();
        let before = Arc::strong_count(&self.probe.nobody);
        let yielded = self.two.is_some() && {
            self.ask();
            Arc::strong_count(&self.probe.nobody) > before
        };
        Left { exhausted, yielded }
    }

    /// Puts the probe into tokio's list: that is done for whoever has no budget.
    fn ask(&mut self) {
        let rest = has_budget_remaining().then(take).flatten();
        let mut context = Context::from_waker(&self.probe.waker);
        match poll_proceed(&mut context) {
            Poll::Pending => self.probe.stands = true,
            // There is more than one unit; nobody leaves more.
            Poll::Ready(token) => drop(token),
        }
        drop(rest);
    }
}

impl Drop for Starving {
    fn drop(&mut self) {
        // Dropped as they are, they would give this thread a budget outside of any runtime.
        for token in [&self.two, &self.whole].into_iter().flatten() {
            token.made_progress();
        }
    }
}

/// One unit, until the token is dropped.
fn take() -> Option<RestoreOnPending> {
    match poll_proceed(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(token) => Some(token),
        Poll::Pending => None,
    }
}

//! Wakers of the requests under control: a bit each, and a knock at the explorer's own future when it waits.
//!
//! Tokio keeps the waker of a future that was made to yield in a list, and wakes it only when the explorer's own future next
//! returns. By then the request may have been polled again and really wait. So every poll that ended in such a yield has a
//! waker of its own: the request is ready at once, is polled next with another [`Slot`], and what happens to the old one says
//! nothing any more. `Future::poll` asks for that itself: only the waker of the last poll must be woken. For futures that do
//! not keep to it, old slots are kept and looked at before anybody is said to wait for ever.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use cooked_waker::IntoWaker as _;
use tokio::time::Instant;

use super::place::Seen;

thread_local! {
    /// The explorer that runs on this thread; 0 for none.
    static HERE: Cell<u64> = const { Cell::new(0) };
}

/// Numbers of explorers.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// It was woken.
const WOKEN: u8 = 1;
/// It was woken by a step of a request: not by tokio's list.
const BY_A_STEP: u8 = 2;

/// What all wakers of an explorer share.
pub(super) struct Hub {
    number: u64,
    parent: Mutex<Option<Waker>>,
    /// The explorer's own future has returned, and wants to know of everything.
    waiting: AtomicBool,
    /// The time of the runtime's clock since which it waits for time to pass.
    since: Mutex<Option<Instant>>,
    /// A request is being polled, by the explorer.
    stepping: AtomicBool,
    /// Wakes from other threads.
    foreign: AtomicU64,
    /// Counts the beginnings and ends of steps and waits.
    pulse: AtomicU64,
    /// The request that was polled last.
    polled: AtomicUsize,
}

impl Hub {
    pub(super) fn new() -> Arc<Hub> {
        Arc::new(Hub {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            parent: Mutex::new(None),
            waiting: AtomicBool::new(false),
            since: Mutex::new(None),
            stepping: AtomicBool::new(false),
            foreign: AtomicU64::new(0),
            pulse: AtomicU64::new(0),
            polled: AtomicUsize::new(0),
        })
    }

    /// An execution begins on this thread; `parent` wakes its future.
    pub(super) fn begin(&self, parent: &Waker) {
        HERE.set(self.number);
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner) = Some(parent.clone());
    }

    /// It has ended.
    pub(super) fn end(&self) {
        HERE.set(0);
        self.wait(false);
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the explorer's future is to be woken by everything from now on.
    pub(super) fn wait(&self, waiting: bool) {
        self.beat();
        self.waiting.store(waiting, Ordering::SeqCst);
    }

    /// Only the explorer's thread counts.
    fn beat(&self) {
        let pulse = self.pulse.load(Ordering::Relaxed);
        self.pulse.store(pulse.wrapping_add(1), Ordering::Relaxed);
    }

    /// Another number after every step and every wait, for whoever looks whether anything goes on.
    pub(super) fn pulse(&self) -> u64 {
        self.pulse.load(Ordering::Relaxed)
    }

    /// That request is polled next.
    pub(super) fn polls(&self, place: usize) {
        self.polled.store(place, Ordering::Relaxed);
    }

    /// Which request was polled last.
    pub(super) fn polled(&self) -> usize {
        self.polled.load(Ordering::Relaxed)
    }

    /// Whether it waits.
    pub(super) fn waits(&self) -> bool {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Whether a request is being polled from now on.
    pub(super) fn step(&self, stepping: bool) {
        self.beat();
        self.stepping.store(stepping, Ordering::Relaxed);
    }

    /// Whether a request is being polled.
    pub(super) fn steps(&self) -> bool {
        self.stepping.load(Ordering::Relaxed)
    }

    /// It waits for time to pass from now on, or no longer.
    pub(super) fn wait_since(&self, since: Option<Instant>) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
        self.wait(since.is_some());
    }

    /// The thread was parked. Knocking when time has not passed would keep it from passing: tokio takes it for something that
    /// happens, and then does not advance its clock.
    pub(super) fn unparked(&self) {
        if !self.waits() {
            return;
        }
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if since.is_some_and(|since| now > since) {
            *since = Some(now);
            drop(since);
            self.knock();
        }
    }

    /// Wakes the explorer's future if it waits.
    pub(super) fn knock(&self) {
        if self.waits() {
            let parent = self.parent.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(parent) = &*parent {
                parent.wake_by_ref();
            }
        }
    }

    /// Wakes from other threads since this was asked last.
    pub(super) fn take_foreign(&self) -> u64 {
        match self.foreign.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.foreign.swap(0, Ordering::Relaxed),
        }
    }
}

/// What a waker of one request sets.
pub(super) struct Slot {
    hub: Arc<Hub>,
    state: AtomicU8,
}

impl Slot {
    pub(super) fn new(hub: &Arc<Hub>) -> Arc<Slot> {
        Arc::new(Slot {
            hub: Arc::clone(hub),
            state: AtomicU8::new(0),
        })
    }

    pub(super) fn is_woken(&self) -> bool {
        self.state.load(Ordering::SeqCst) != 0
    }

    /// Whether it was woken by a step of a request, or from another thread.
    pub(super) fn is_woken_by_a_step(&self) -> bool {
        self.state.load(Ordering::SeqCst) & BY_A_STEP != 0
    }

    pub(super) fn reset(&self) {
        self.state.store(0, Ordering::SeqCst);
    }

    fn set(&self) {
        let hub = &self.hub;
        let here = HERE.try_with(|here| here.get() == hub.number);
        let mut bits = WOKEN;
        if !here.unwrap_or(false) {
            hub.foreign.fetch_add(1, Ordering::Relaxed);
            bits |= BY_A_STEP;
        } else if hub.steps() {
            bits |= BY_A_STEP;
        }
        // The order of this and of the look at `waiting`, and of their counterparts where the explorer waits, is one order
        // for all threads: either this is seen before the explorer sleeps, or the explorer is woken.
        self.state.fetch_or(bits, Ordering::SeqCst);
        hub.knock();
    }
}

impl Wake for Slot {
    fn wake(self: Arc<Slot>) {
        self.set();
    }

    fn wake_by_ref(self: &Arc<Slot>) {
        self.set();
    }
}

/// The same, and whoever clones it is looked at: futures clone the waker where they begin to wait.
struct Watched {
    slot: Arc<Slot>,
    seen: Arc<Seen>,
}

impl Clone for Watched {
    fn clone(&self) -> Watched {
        self.seen.look();
        Watched {
            slot: Arc::clone(&self.slot),
            seen: Arc::clone(&self.seen),
        }
    }
}

impl cooked_waker::WakeRef for Watched {
    fn wake_by_ref(&self) {
        self.slot.set();
    }
}

impl cooked_waker::Wake for Watched {}

/// A waker of that slot; with `seen`, one that tells where it is waited.
pub(super) fn waker(slot: &Arc<Slot>, seen: Option<&Arc<Seen>>) -> Waker {
    match seen {
        None => Waker::from(Arc::clone(slot)),
        Some(seen) => Box::new(Watched {
            slot: Arc::clone(slot),
            seen: Arc::clone(seen),
        })
        .into_waker(),
    }
}

//! The runtime on which executions run: one thread, a clock that stands still, one background task at a time.

use std::cell::{Cell, OnceCell};
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime, RuntimeMetrics};
use tokio::time::Instant;

use super::wake::Hub;

/// How far time may jump to the next timer: what is set for later counts as never.
const FAR: Duration = Duration::from_secs(30 * 24 * 3600);

/// A runtime, and what it takes to let one task of it run.
///
/// With an event interval of 1 it polls the explorer's future, if that was woken, then at most one task, then looks at timers
/// and sockets, and begins again. So an explorer that wakes itself and returns lets one task run.
pub(super) struct Host {
    runtime: Runtime,
    metrics: RuntimeMetrics,
    hub: Arc<Hub>,
    mark: OnceCell<Arc<Mark>>,
    /// Time has passed on it.
    aged: Cell<bool>,
}

/// A task of the explorer's own that tells by when it runs how many others were waiting to run: tokio's queue is first in,
/// first out.
#[derive(Default)]
struct Mark {
    ran: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// It stands in the queue.
    queued: AtomicBool,
}

/// What waiting for time to pass has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// Time has jumped to the next timer.
    Time(Duration),
    /// What was waited for has happened; no time has passed.
    Changed,
    /// There is no timer.
    Nothing,
    /// It took too long: something in this process works, outside of the runtime.
    Late,
}

impl Host {
    pub(super) fn new(hub: &Arc<Hub>) -> io::Result<Host> {
        let unparked = Arc::clone(hub);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .event_interval(1)
            // Time jumps while the thread is parked: the explorer has to see each jump by itself.
            .on_thread_unpark(move || unparked.unparked())
            .build()?;
        Ok(Host {
            metrics: runtime.metrics(),
            runtime,
            hub: Arc::clone(hub),
            mark: OnceCell::new(),
            aged: Cell::new(false),
        })
    }

    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Tasks that are alive, but for the explorer's own.
    pub(super) fn alive(&self) -> usize {
        let own = usize::from(self.mark.get().is_some());
        self.metrics.num_alive_tasks().saturating_sub(own)
    }

    /// Whether it is as good as new: no task is left, and no time has passed. Where a timer stands in tokio's wheel depends on
    /// when it is set, and time may jump on the way to it.
    pub(super) fn is_as_new(&self) -> bool {
        self.alive() == 0 && !self.aged.get()
    }

    /// Ends it without waiting for what works on other threads.
    pub(super) fn shut_down(self) {
        self.runtime.shutdown_background();
    }
}

/// What runs within the runtime, on its thread.
impl Host {
    /// Lets one task run; false when none was waiting to.
    pub(super) async fn run_one(&self) -> bool {
        let mark = self.mark.get_or_init(Mark::spawn);
        loop {
            // Tasks that were made ready after the mark was queued stand behind it.
            let is_last = mark.queue();
            mark.ran.store(false, Ordering::Relaxed);
            turn(&self.hub).await;
            if !mark.ran.load(Ordering::Relaxed) {
                return true;
            }
            if is_last && self.metrics.global_queue_depth() == 0 {
                return false;
            }
        }
    }

    /// Lets everything wait until time has jumped to the next timer, `changed` says that there is no need to, or there is
    /// nothing to wait for; tasks run meanwhile.
    ///
    /// Tokio's wheel of timers turns in larger steps while the next one is far: where no task could be waiting for it, a jump
    /// after which nothing has changed is not yet the one to the next timer.
    pub(super) async fn pass_time(&self, mut changed: impl FnMut() -> bool) -> Passed {
        let before = Instant::now();
        let mut guard = pin!(tokio::time::sleep(FAR));
        let started = std::time::Instant::now();
        self.hub.wait_since(Some(before));
        let passed = poll_fn(|context| {
            if guard.as_mut().poll(context).is_ready() {
                return Poll::Ready(Passed::Nothing);
            }
            let (now, changed) = (Instant::now(), changed());
            if now > before && (changed || self.alive() > 0) {
                return Poll::Ready(Passed::Time(now - before));
            }
            if changed {
                return Poll::Ready(Passed::Changed);
            }
            match started.elapsed() > super::REAL_LIMIT {
                true => Poll::Ready(Passed::Late),
                false => Poll::Pending,
            }
        })
        .await;
        self.hub.wait_since(None);
        self.aged.set(self.aged.get() || Instant::now() > before);
        passed
    }

    /// Waits in real time, at most so long, for what other threads or sockets do; true when `changed` says so.
    pub(super) async fn wait(&self, limit: Duration, mut changed: impl FnMut() -> bool) -> bool {
        /// Short enough to be noticed by nobody, long enough to let others work.
        const NAP: Duration = Duration::from_micros(200);
        let started = std::time::Instant::now();
        loop {
            turn(&self.hub).await;
            if changed() {
                return true;
            }
            if started.elapsed() >= limit {
                return false;
            }
            std::thread::sleep(NAP);
        }
    }
}

impl Mark {
    /// To be called within the runtime.
    fn spawn() -> Arc<Mark> {
        let mark = Arc::new(Mark::default());
        mark.queued.store(true, Ordering::Relaxed);
        let own = Arc::clone(&mark);
        tokio::spawn(poll_fn(move |context| {
            own.ran.store(true, Ordering::Relaxed);
            own.queued.store(false, Ordering::Relaxed);
            *own.waker.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        mark
    }

    /// Puts it at the queue's end, unless it stands in the queue; true when it is the last there.
    fn queue(&self) -> bool {
        if self.queued.swap(true, Ordering::Relaxed) {
            return false;
        }
        let waker = self
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

/// Returns to the runtime once: it runs one task, if there is one, and looks at timers and sockets.
pub(super) async fn turn(hub: &Hub) {
    let mut returned = false;
    hub.wait(false);
    poll_fn(|context| {
        if returned {
            return Poll::Ready(());
        }
        returned = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

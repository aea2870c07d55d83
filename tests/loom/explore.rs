//! Running a model to exhaustion, and saying how many executions that took.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use loom::model::Builder;

/// The most branch points in one execution. Loom panics beyond it, so it cannot end an exploration unnoticed.
const MAX_BRANCHES: usize = 10_000;

/// How many switches away from a thread that could go on are explored.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    None,
    Preemptions(usize),
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => out.write_str("no bound"),
            Self::Preemptions(most) => write!(out, "bound={most} preemptions"),
        }
    }
}

/// Executions counted from 1, outside of loom's view.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// In which executions something was seen.
#[derive(Clone, Default)]
pub(crate) struct Sighting {
    first: Arc<AtomicUsize>,
    times: Count,
}

impl Sighting {
    /// Notes that it was seen in this execution.
    pub(crate) fn saw(&self, execution: usize) {
        if self.times.next() == 1 {
            self.first.store(execution, Ordering::Relaxed);
        }
    }

    /// How many executions showed it.
    pub(crate) fn times(&self) -> usize {
        self.times.get()
    }

    /// The first execution that showed it.
    pub(crate) fn first(&self) -> Option<usize> {
        (self.times() > 0).then(|| self.first.load(Ordering::Relaxed))
    }
}

/// Runs `model` in every order within `bound` and returns how many executions that were; `model` is told which one it
/// is, from 1.
///
/// Loom ends silently at a limit on permutations or time, also one from the environment. Neither is set here, so that
/// coming back means that nothing was left.
pub(crate) fn exhaust(bound: Bound, model: impl Fn(usize) + Send + Sync + 'static) -> usize {
    let count = Count::default();
    let executions = count.clone();
    let mut builder = Builder::new();
    builder.max_branches = MAX_BRANCHES;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder.expect_explicit_explore = false;
    builder.preemption_bound = match bound {
        Bound::None => None,
        Bound::Preemptions(most) => Some(most),
    };
    builder.check(move || model(count.next()));
    executions.get()
}

/// The value of a future that never waits: under loom, waiting is blocking.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => {
            panic!("a future of the model waited for something that loom does not know")
        }
    }
}

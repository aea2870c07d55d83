//! What a run of an engine has come to, and how it is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A run of an engine over one variant of the request path.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Executions that were run.
    pub executions: u64,
    /// Number of the first that exposed, from 1.
    pub first: Option<u64>,
    /// Whether there is no other execution within the bound.
    pub exhausted: bool,
}

/// Executions, and the first of them that exposed: counted outside of the engine's view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<(AtomicU64, AtomicU64)>);

impl Tally {
    /// Counts an execution that came out so.
    pub(crate) fn count(&self, exposed: bool) {
        let number = self.0.0.fetch_add(1, Ordering::Relaxed) + 1;
        if exposed {
            // Executions come one after the other.
            let _ = self
                .0
                .1
                .compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    pub(crate) fn measured(&self, is_exhausted: impl FnOnce(u64) -> bool) -> Measured {
        let executions = self.0.0.load(Ordering::Relaxed);
        let first = self.0.1.load(Ordering::Relaxed);
        Measured {
            executions,
            first: (first > 0).then_some(first),
            exhausted: is_exhausted(executions),
        }
    }
}

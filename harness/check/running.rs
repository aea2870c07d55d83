//! A run on a thread of its own, waited for by a test that blocks or by one that is async.

use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::{CheckError, Checked};
use crate::fire::Stop;

/// A run under way. Its thread is its own, so that it does not matter whether the test's is inside a runtime.
pub(super) struct Running {
    thread: JoinHandle<Result<Checked, CheckError>>,
    ended: oneshot::Receiver<()>,
}

impl Running {
    /// Starts it; `lacking` begins the error when the system gives no thread.
    pub(super) fn start(
        lacking: &str,
        work: impl FnOnce() -> Result<Checked, CheckError> + Send + 'static,
    ) -> Result<Running, CheckError> {
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new().name("crosswire".to_owned());
        let thread = thread.spawn(move || {
            // Gone when the closure is over, however it ends.
            let _end: oneshot::Sender<()> = end;
            work()
        });
        let thread = thread.map_err(|error| CheckError::system(lacking, &error))?;
        Ok(Running { thread, ended })
    }

    /// Waits for its end; a panic in there goes on here.
    pub(super) fn join(self) -> Result<Checked, CheckError> {
        self.thread
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// [`Running::join`] for tests that are async.
    pub(super) async fn over(mut self) -> Result<Checked, CheckError> {
        // The thread is over once it has answered, or has panicked instead.
        let _ = (&mut self.ended).await;
        self.join()
    }
}

/// Ends the run of a future that nobody waits for any more.
pub(super) struct StopOnDrop(pub(super) Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.ask();
    }
}

//! One thread that serves all requests of a service, in turns.

use std::future::Future;
use std::pin::Pin;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::start_error::StartError;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The way to that thread, which ends when nobody has one any more.
#[derive(Clone, Debug)]
pub(super) struct Lane(mpsc::UnboundedSender<Job>);

impl Lane {
    /// A thread with a runtime of its own.
    ///
    /// # Errors
    /// A [`StartError`] when the system refuses.
    pub(super) fn start() -> Result<Self, StartError> {
        let (sender, mut jobs) = mpsc::unbounded_channel::<Job>();
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(StartError::system)?;
        let serve = async move {
            while let Some(job) = jobs.recv().await {
                tokio::spawn(job);
            }
        };
        thread::Builder::new()
            .name("the one thread".to_owned())
            .spawn(move || runtime.block_on(serve))
            .map_err(StartError::system)?;
        Ok(Self(sender))
    }

    /// Lets that thread do it; `None` when it has ended.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, done) = oneshot::channel();
        let job = async move {
            // Whoever asked may have gone away.
            let _ = sender.send(work.await);
        };
        self.0.send(Box::pin(job)).ok()?;
        done.await.ok()
    }
}

//! A few connections, used from blocking threads so that the reactor never waits for the disk.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::mail::store::StoreError;

/// Connections of one kind; who wants one waits in line.
#[derive(Debug)]
pub(super) struct Pool {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    /// A pool of these connections.
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        let permits = Arc::new(Semaphore::new(connections.len()));
        Self {
            free: Arc::new(Mutex::new(connections)),
            permits,
        }
    }

    /// Runs `work` with a connection. It runs to its end even if the caller stops waiting, and only then is the
    /// connection free again: a client that hangs up cannot leave a half-done step behind.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(StoreError::new)?;
        let free = Arc::clone(&self.free);
        let done = tokio::task::spawn_blocking(move || {
            let take = || free.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = take().pop();
            let mut connection = taken.ok_or_else(|| StoreError::new("a connection was lost"))?;
            let result = work(&mut connection);
            take().push(connection);
            drop(permit);
            result.map_err(StoreError::new)
        });
        done.await.map_err(StoreError::new)?
    }
}

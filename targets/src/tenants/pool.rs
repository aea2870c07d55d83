//! The connection to the database, lent to one request at a time.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::database::{Database, Failure, Session, Statement};
use crate::sync::{AtomicU32, Mutex, Ordering, point};

/// Connections that are lent at one time; whoever comes then waits.
const LARGEST: usize = 1;

/// The pool.
#[derive(Debug)]
pub(super) struct Pool {
    database: Database,
    /// A connection that is in a transaction is closed instead of being lent.
    looks_at_transactions: bool,
    delay: Duration,
    room: Semaphore,
    idle: Mutex<Vec<Session>>,
    /// How often the tenant is to be taken back before anything else is done.
    resets: AtomicU32,
}

/// A connection that is lent until this is dropped: at the end of the request, or when its client leaves in the middle.
#[derive(Debug)]
pub(super) struct Lent<'p> {
    pool: &'p Pool,
    session: Option<Session>,
    #[expect(dead_code, reason = "held, never read")]
    permit: SemaphorePermit<'p>,
}

/// Has the tenant taken back before the next use of a connection, once this is dropped.
#[derive(Debug)]
pub(super) struct Reset<'p>(&'p Pool);

impl Pool {
    /// One without a connection yet. `delay` passes before each statement, when a person wants a wide window.
    pub(super) fn new(database: Database, looks_at_transactions: bool, delay: Duration) -> Self {
        Self {
            database,
            looks_at_transactions,
            delay,
            room: Semaphore::new(LARGEST),
            idle: Mutex::new(Vec::new()),
            resets: AtomicU32::new(0),
        }
    }

    /// A connection, for as long as it is held.
    ///
    /// # Errors
    /// When none can be opened.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, Failure> {
        point().await;
        let permit = self.room.acquire().await.map_err(Failure::broken)?;
        let mut lent = Lent {
            pool: self,
            session: self.idle.lock().pop(),
            permit,
        };
        let is_used = lent.session.is_some();
        if is_used && self.looks_at_transactions {
            // In a transaction: closed, and what it did is undone.
            if lent.run(Statement::IsInTransaction).await?.is_some() {
                lent.session = None;
            }
        }
        if self.resets.swap(0, Ordering::Relaxed) > 0 {
            lent.run(Statement::Unset).await?;
        }
        Ok(lent)
    }

    /// Has the tenant taken back when what this returns is dropped, however that comes about.
    pub(super) fn reset_afterwards(&self) -> Reset<'_> {
        Reset(self)
    }
}

impl Lent<'_> {
    /// What a statement gives.
    ///
    /// # Errors
    /// When SQLite refuses it, or the connection's thread has ended.
    pub(super) async fn run(&mut self, statement: Statement) -> Result<Option<String>, Failure> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.pool.database.open()?),
        };
        session.run(statement, self.pool.delay).await
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let session = self.session.take();
        self.pool.idle.lock().extend(session);
    }
}

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.resets.fetch_add(1, Ordering::Relaxed);
    }
}

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
    pub(super) idle: Mutex<Vec<Session>>,
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
        let idle = self.idle.lock().pop();
        let mut lent = Lent {
            pool: self,
            // Its last request may have left before the connection ended.
            session: idle.filter(|session| !session.has_ended()),
            permit,
        };
        let is_used = lent.session.is_some();
        if is_used && self.looks_at_transactions {
            // In a transaction: closed, and what it did is undone.
            if lent.run(Statement::IsInTransaction).await?.is_some() {
                lent.session = None;
            }
        }
        let owed = self.resets.load(Ordering::Relaxed);
        if owed > 0 {
            lent.run(Statement::Unset).await?;
            // Not before: whoever leaves in between leaves it to the next one.
            self.resets.fetch_sub(owed, Ordering::Relaxed);
        }
        Ok(lent)
    }

    /// Has the tenant taken back when what this returns is dropped, however that comes about.
    pub(super) fn reset_afterwards(&self) -> Reset<'_> {
        Reset(self)
    }
}

impl Lent<'_> {
    /// What a statement gives. A connection that turns out to have ended is not given back, and a new one is opened when the
    /// next statement comes.
    ///
    /// # Errors
    /// When the database refuses it, or the connection has ended.
    pub(super) async fn run(&mut self, statement: Statement) -> Result<Option<String>, Failure> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.pool.database.open().await?),
        };
        let answer = session.run(statement, self.pool.delay).await;
        if let Err(Failure::Ended(_)) = answer {
            self.session = None;
        }
        answer
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::Member;
    use crate::tenants::tenancy::{Rule, Work, done};

    /// What the front page shows after a request of the first tenant has failed, for a pool that looks at transactions or
    /// does not, and what the second tenant's own request comes to then.
    async fn after_an_error(rule: Rule, looks: bool) -> (Option<String>, Result<String, Failure>) {
        let pool = Pool::new(Database::sqlite(false).unwrap(), looks, Duration::ZERO);
        for tenant in [Member(2), Member(1)] {
            let work = Work::Write(tenant.name());
            done(&pool, rule, tenant, work).await.unwrap();
        }
        let failed = done(&pool, rule, Member(1), Work::Page(99)).await;
        assert!(matches!(failed, Err(Failure::Missing)), "{failed:?}");
        let front = pool.lend().await.unwrap().run(Statement::Front).await;
        let own = done(&pool, rule, Member(2), Work::Page(1)).await;
        (front.unwrap(), own)
    }

    #[tokio::test]
    async fn an_error_leaves_the_tenant_behind_where_nothing_takes_it_back() {
        for rule in [Rule::Left, Rule::ResetAtTheEnd] {
            let (front, own) = after_an_error(rule, false).await;
            assert_eq!(front.as_deref(), Some("user1"), "{rule:?}");
            assert_eq!(own.unwrap(), "user2", "{rule:?}");
        }
        for rule in [Rule::ResetAfterErrors, Rule::ByItself] {
            let (front, own) = after_an_error(rule, false).await;
            assert_eq!(front, None, "{rule:?}");
            assert_eq!(own.unwrap(), "user2", "{rule:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_within_a_transaction_is_closed_by_a_pool_that_looks() {
        let (front, own) = after_an_error(Rule::InTransaction, false).await;
        assert_eq!(front.as_deref(), Some("user1"));
        assert!(matches!(own, Err(Failure::Broken(_))), "{own:?}");
        let (front, own) = after_an_error(Rule::InTransaction, true).await;
        assert_eq!(front, None);
        assert_eq!(own.unwrap(), "user2");
    }
}

//! The database: pages of all tenants in one table, which a connection sees through a view that shows those of one tenant.
//!
//! This stands for row-level security. Which tenant that is, is said in a table of the connection's own, as a setting of the
//! session; where nothing is said, the view shows nothing and takes nothing.

use std::fmt;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use tokio::sync::oneshot;

use crate::members::{Member, Tokens, pause};
use crate::start_error::StartError;
use crate::sync::{Mutex, point, shared};

const TABLES: &str = "CREATE TABLE page (
    tenant INTEGER NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (tenant, number)
)";
/// What each connection has of its own.
const SESSION: &str = "
CREATE TEMP TABLE ctx (one INTEGER PRIMARY KEY CHECK (one = 1), tenant INTEGER NOT NULL);
CREATE TEMP VIEW mine AS SELECT number, text FROM page WHERE tenant = (SELECT tenant FROM ctx);
CREATE TEMP TRIGGER written INSTEAD OF INSERT ON mine BEGIN
    INSERT OR REPLACE INTO page SELECT (SELECT tenant FROM ctx), NEW.number, NEW.text;
END;
";
/// How long a connection waits for another one that is being closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database in memory.
#[derive(Debug)]
pub(super) struct Database {
    place: String,
    has_threads: bool,
    #[expect(
        dead_code,
        reason = "held: the database is there for as long as a connection is"
    )]
    anchor: Mutex<Connection>,
}

/// A connection.
pub(super) enum Session {
    /// On a thread of its own, which ends with it.
    Served(mpsc::Sender<Order>),
    /// Here; before each use another request can go on, as it can where an answer is waited for.
    Explored(Connection),
}

/// What a connection's thread is to do.
pub(super) struct Order {
    statement: Statement,
    reply: oneshot::Sender<rusqlite::Result<Option<String>>>,
}

/// What is said to the database.
#[derive(Debug)]
pub(super) enum Statement {
    /// From now on it works for this tenant.
    Set(Member),
    /// It works for nobody any more.
    Unset,
    Begin,
    Commit,
    /// Whether it is in a transaction: something or nothing.
    IsInTransaction,
    /// The tenant's page.
    Page(u16),
    /// Puts a text in place of the tenant's first page.
    Write(String),
    /// What the front page shows: the beginning of the tenant's first page.
    Front,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such page.
    Missing,
    /// The database refused.
    Broken(String),
}

impl Failure {
    /// The database refused.
    pub(super) fn broken(why: impl fmt::Display) -> Self {
        Self::Broken(why.to_string())
    }
}

impl Database {
    /// An empty one. Its connections have a thread each, or none.
    ///
    /// # Errors
    /// When SQLite refuses, or there is no randomness for its name.
    pub(super) fn new(has_threads: bool) -> Result<Self, StartError> {
        let name = Tokens::Random.draw();
        let name = name.ok_or_else(|| StartError::system("there is no randomness"))?;
        let place = format!("file:/tenants-{name}?vfs=memdb");
        let anchor = connected(&place).map_err(StartError::store)?;
        anchor.execute_batch(TABLES).map_err(StartError::store)?;
        Ok(Self {
            place,
            has_threads,
            anchor: Mutex::new(anchor),
        })
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// When SQLite or the system refuses.
    pub(super) fn open(&self) -> Result<Session, Failure> {
        let connection = connected(&self.place).map_err(Failure::broken)?;
        connection.execute_batch(SESSION).map_err(Failure::broken)?;
        if !self.has_threads {
            return Ok(Session::Explored(connection));
        }
        let (orders, inbox) = mpsc::channel::<Order>();
        let work = move || {
            for Order { statement, reply } in inbox {
                // Who has left does not want it; it is done all the same.
                let _ = reply.send(run(&connection, &statement));
            }
        };
        thread::Builder::new()
            .name("tenants".to_owned())
            .spawn(work)
            .map_err(Failure::broken)?;
        Ok(Session::Served(orders))
    }
}

impl Session {
    /// What a statement gives. `delay` passes before.
    ///
    /// # Errors
    /// When SQLite refuses it, or the thread has ended.
    pub(super) async fn run(
        &mut self,
        statement: Statement,
        delay: Duration,
    ) -> Result<Option<String>, Failure> {
        match self {
            Self::Served(orders) => {
                pause(delay).await;
                let (reply, answer) = oneshot::channel();
                let order = Order { statement, reply };
                orders.send(order).map_err(Failure::broken)?;
                answer.await.map_err(Failure::broken)?
            }
            Self::Explored(connection) => {
                point().await;
                run(connection, &statement)
            }
        }
        .map_err(Failure::broken)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Session").finish_non_exhaustive()
    }
}

fn connected(place: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(place, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn run(connection: &Connection, statement: &Statement) -> rusqlite::Result<Option<String>> {
    let done = |sql: &str| connection.execute_batch(sql).map(|()| None);
    match statement {
        Statement::Begin => done("BEGIN"),
        Statement::Commit => done("COMMIT"),
        Statement::Unset => {
            shared("the connection's tenant", true, &"nobody");
            done("DELETE FROM ctx")
        }
        Statement::IsInTransaction => Ok((!connection.is_autocommit()).then(String::new)),
        Statement::Set(tenant) => {
            shared("the connection's tenant", true, &tenant.name());
            connection
                .prepare_cached("INSERT OR REPLACE INTO ctx VALUES (1, ?1)")?
                .execute([tenant.0])
                .map(|_| None)
        }
        Statement::Page(number) => connection
            .prepare_cached("SELECT text FROM mine WHERE number = ?1")?
            .query_row([number], |row| row.get(0))
            .optional(),
        Statement::Write(text) => connection
            .prepare_cached("INSERT INTO mine VALUES (1, ?1)")?
            .execute([text])
            .map(|_| None),
        Statement::Front => connection
            .prepare_cached("SELECT substr(text, 1, 200) FROM mine WHERE number = 1")?
            .query_row([], |row| row.get(0))
            .optional(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> (Connection, Connection, Connection) {
        let place = format!("file:/{}?vfs=memdb", Tokens::Random.draw().unwrap());
        let anchor = connected(&place).unwrap();
        anchor.execute_batch(TABLES).unwrap();
        let open = || {
            let connection = connected(&place).unwrap();
            connection.execute_batch(SESSION).unwrap();
            connection
        };
        let (one, other) = (open(), open());
        (anchor, one, other)
    }

    fn front(connection: &Connection) -> Option<String> {
        run(connection, &Statement::Front).unwrap()
    }

    #[test]
    fn a_view_shows_its_tenant_and_nothing_when_there_is_none() {
        let (_anchor, one, other) = two();
        for (tenant, text) in [(Member(1), "first"), (Member(2), "second")] {
            run(&one, &Statement::Set(tenant)).unwrap();
            run(&one, &Statement::Write(text.to_owned())).unwrap();
        }
        assert_eq!(front(&one).as_deref(), Some("second"));
        assert_eq!(front(&other), None, "a connection of its own");
        run(&other, &Statement::Set(Member(1))).unwrap();
        assert_eq!(front(&other).as_deref(), Some("first"));
        run(&other, &Statement::Unset).unwrap();
        assert_eq!(front(&other), None);
        run(&other, &Statement::Write("nobody's".to_owned())).unwrap_err();
        let pages = one.query_row("SELECT count(*) FROM page", [], |row| row.get(0));
        assert_eq!(pages, Ok(2));
    }

    #[test]
    fn a_tenant_that_is_set_in_a_transaction_goes_with_it() {
        let (_anchor, one, _) = two();
        run(&one, &Statement::Begin).unwrap();
        run(&one, &Statement::Set(Member(1))).unwrap();
        run(&one, &Statement::Write("never there".to_owned())).unwrap();
        assert!(run(&one, &Statement::IsInTransaction).unwrap().is_some());
        one.execute_batch("ROLLBACK").unwrap();
        assert!(run(&one, &Statement::IsInTransaction).unwrap().is_none());
        let tenants = one.query_row("SELECT count(*) FROM ctx", [], |row| row.get(0));
        assert_eq!(tenants, Ok(0));
    }
}

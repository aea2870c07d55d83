//! SQLite as the database: a view stands for row-level security.
//!
//! Which tenant a connection works for is said in a table of its own, as a setting of the session; where nothing is said, the
//! view shows nothing and takes nothing.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::database::{Failure, Statement};
use crate::sync::shared;

/// What all connections share.
pub(super) const TABLES: &str = "CREATE TABLE page (
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

/// A connection to the database of this name, and whatever it has of its own.
///
/// # Errors
/// When SQLite refuses.
pub(super) fn open(place: &str) -> Result<Connection, Failure> {
    let connection = connected(place).map_err(Failure::broken)?;
    connection.execute_batch(SESSION).map_err(Failure::broken)?;
    Ok(connection)
}

/// A connection without anything of its own.
///
/// # Errors
/// When SQLite refuses.
pub(super) fn connected(place: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(place, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// What a statement gives.
///
/// # Errors
/// When SQLite refuses it.
pub(super) fn run(
    connection: &Connection,
    statement: &Statement,
) -> rusqlite::Result<Option<String>> {
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
    use crate::members::{Member, Tokens};

    fn two() -> (Connection, Connection, Connection) {
        let place = format!("file:/{}?vfs=memdb", Tokens::Random.draw().unwrap());
        let anchor = connected(&place).unwrap();
        anchor.execute_batch(TABLES).unwrap();
        let (one, other) = (open(&place).unwrap(), open(&place).unwrap());
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

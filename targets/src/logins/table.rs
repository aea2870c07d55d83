//! The table of sessions, which all workers share: SQLite on a thread of its own, or at hand where every order is explored.

use std::sync::mpsc;
use std::thread;

use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

use crate::members::Member;
use crate::start_error::StartError;
use crate::sync::{Mutex, point};

const SCHEMA: &str = "CREATE TABLE session (
    id TEXT PRIMARY KEY,
    member INTEGER NOT NULL,
    visits INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    version INTEGER NOT NULL
)";
const FIND: &str = "SELECT member, visits, ended, version FROM session WHERE id = ?1";
const INSERT_IF_ABSENT: &str =
    "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING";
const REPLACE: &str = "INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3, ?4, ?5)";
/// The version is that of the row as it was read.
const SAVE: &str = "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE
    SET member = ?2, visits = ?3, ended = ?4, version = ?5 + 1 WHERE version = ?5";
/// A mark is the youngest row, however long ago its session began.
const MARK: &str = "UPDATE session SET ended = 1, version = version + 1,
    rowid = (SELECT max(rowid) + 1 FROM session) WHERE id = ?1";
const DELETE: &str = "DELETE FROM session WHERE id = ?1";
/// Rows are numbered in the order in which sessions began or were ended.
const FORGET: &str = "DELETE FROM session WHERE rowid <= (SELECT max(rowid) FROM session) - ?1";

/// Most rows, sessions and marks of ended ones together; the oldest are forgotten. A session that is forgotten costs its user a
/// log-in. A mark is there for requests that read the session before it was ended, and is forgotten when so many others have
/// begun or ended since: none of those requests is on its way for so long. A time would do as well, but then equal orders of
/// steps would not give equal answers; and a service that refused new sessions instead would refuse them for ever, since
/// marks never go by themselves.
const MOST_ROWS: u32 = 100_000;

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: String,
    /// Whose it is; nobody's is of number 0.
    pub(super) member: Member,
    /// How many requests were made in it.
    pub(super) visits: u32,
    /// It has been ended.
    pub(super) ended: bool,
    /// How often it was changed.
    pub(super) version: u32,
}

/// The table.
#[derive(Debug)]
pub(super) enum Table {
    /// What is asked goes to its thread, and the answer comes back from there.
    Served(mpsc::Sender<Job>),
    /// Before each use another request can go on, as it can where an answer is waited for.
    Explored(Mutex<Connection>),
}

/// What that thread is to do.
pub(super) struct Job(Box<dyn FnOnce(&Connection) + Send>);

impl std::fmt::Debug for Job {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Job")
    }
}

impl Table {
    /// An empty one behind a thread, which ends with it.
    ///
    /// # Errors
    /// A [`StartError`] when SQLite or the system refuses.
    pub(super) fn served() -> Result<Self, StartError> {
        let connection = open()?;
        let (jobs, inbox) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("sessions".to_owned())
            .spawn(move || inbox.iter().for_each(|job| (job.0)(&connection)))
            .map_err(StartError::system)?;
        Ok(Self::Served(jobs))
    }

    /// An empty one for one execution.
    ///
    /// # Errors
    /// A [`StartError`] when SQLite refuses.
    pub(super) fn explored() -> Result<Self, StartError> {
        open().map(|connection| Self::Explored(Mutex::new(connection)))
    }

    /// The session of that id; the outer `None` when the table is gone.
    pub(super) async fn find(&self, id: &str) -> Option<Option<Session>> {
        let id = id.to_owned();
        self.ask(move |connection| {
            let mut find = connection.prepare_cached(FIND)?;
            find.query_row([&id], |row| {
                Ok(Session {
                    id: id.clone(),
                    member: Member(row.get(0)?),
                    visits: row.get(1)?,
                    ended: row.get(2)?,
                    version: row.get(3)?,
                })
            })
            .optional()
        })
        .await
    }

    /// Puts a new session in; false when there is one of that id.
    pub(super) async fn insert(&self, session: Session) -> Option<bool> {
        self.write(INSERT_IF_ABSENT, session).await
    }

    /// Puts a session in place of what is there.
    pub(super) async fn replace(&self, session: Session) -> Option<bool> {
        self.write(REPLACE, session).await
    }

    /// Writes a session that was read, if nobody has changed it since; false when somebody has.
    pub(super) async fn save(&self, session: Session) -> Option<bool> {
        self.write(SAVE, session).await
    }

    /// Ends a session, and leaves a mark in its place or nothing.
    pub(super) async fn end(&self, id: &str, leaves_mark: bool) -> Option<()> {
        let (id, sql) = (id.to_owned(), if leaves_mark { MARK } else { DELETE });
        let ended = self.ask(move |connection| {
            connection.prepare_cached(sql)?.execute([id])?;
            forget(connection, MOST_ROWS)
        });
        ended.await.map(|_| ())
    }

    async fn write(&self, sql: &'static str, session: Session) -> Option<bool> {
        let Session {
            id,
            member,
            visits,
            ended,
            version,
        } = session;
        let written = self.ask(move |connection| {
            let row = params![id, member.0, visits, ended, version];
            let rows = connection.prepare_cached(sql)?.execute(row)?;
            forget(connection, MOST_ROWS).map(|()| rows)
        });
        written.await.map(|rows| rows > 0)
    }

    /// Lets SQLite do it; `None` when it refuses or has gone.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Option<T> {
        match self {
            Self::Served(jobs) => {
                let (reply, answer) = oneshot::channel();
                let job = move |connection: &Connection| {
                    // Whoever asked may have gone away.
                    let _ = reply.send(work(connection));
                };
                jobs.send(Job(Box::new(job))).ok()?;
                answer.await.ok()?.ok()
            }
            Self::Explored(connection) => {
                point().await;
                work(&connection.lock()).ok()
            }
        }
    }
}

/// Leaves so many rows, the youngest.
fn forget(connection: &Connection, most: u32) -> rusqlite::Result<()> {
    let mut forget = connection.prepare_cached(FORGET)?;
    forget.execute([most]).map(|_| ())
}

fn open() -> Result<Connection, StartError> {
    let connection = Connection::open_in_memory().map_err(StartError::store)?;
    connection
        .execute_batch(SCHEMA)
        .map_err(StartError::store)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(visits: u32, version: u32) -> Session {
        Session {
            id: "a".to_owned(),
            member: Member(1),
            visits,
            ended: false,
            version,
        }
    }

    #[tokio::test]
    async fn a_session_is_saved_by_whoever_read_it_last() {
        for table in [Table::served().unwrap(), Table::explored().unwrap()] {
            assert_eq!(table.insert(session(0, 0)).await, Some(true));
            assert_eq!(table.insert(session(9, 0)).await, Some(false));
            assert_eq!(table.save(session(1, 0)).await, Some(true));
            assert_eq!(table.save(session(2, 0)).await, Some(false));
            assert_eq!(table.find("a").await, Some(Some(session(1, 1))));
        }
    }

    #[tokio::test]
    async fn an_ended_session_comes_back_where_it_left_no_mark_or_is_written_whole() {
        for (leaves_mark, whole, is_back) in [
            (true, false, false),
            (false, false, true),
            (true, true, true),
        ] {
            let table = Table::explored().unwrap();
            table.insert(session(0, 0)).await.unwrap();
            table.end("a", leaves_mark).await.unwrap();
            match whole {
                true => table.replace(session(1, 0)).await,
                false => table.save(session(1, 0)).await,
            };
            let found = table.find("a").await.unwrap();
            assert_eq!(found.is_some_and(|found| !found.ended), is_back);
        }
    }

    #[tokio::test]
    async fn the_oldest_rows_are_forgotten_and_a_mark_is_as_old_as_the_end() {
        let table = Table::explored().unwrap();
        let named = |id: &str| Session {
            id: id.to_owned(),
            ..session(0, 0)
        };
        for id in ["left alone", "ended late", "third"] {
            table.insert(named(id)).await.unwrap();
        }
        let others =
            "WITH RECURSIVE many (at) AS (SELECT 4 UNION ALL SELECT at + 1 FROM many WHERE at < ?1)
            INSERT INTO session SELECT 'row ' || at, 1, 0, 0, 0 FROM many";
        let fill = table.ask(move |connection| connection.execute(others, [MOST_ROWS]));
        assert_eq!(fill.await, Some(MOST_ROWS as usize - 3));
        let count = async || {
            let count = "SELECT count(*) FROM session";
            let count = table.ask(move |all| all.query_row(count, [], |row| row.get::<_, u32>(0)));
            count.await.unwrap()
        };
        let is_there = async |id: &str| table.find(id).await.unwrap().is_some();
        assert!(count().await == MOST_ROWS && is_there("left alone").await);
        table.end("ended late", true).await.unwrap();
        assert!(!is_there("left alone").await, "too old a session");
        let late = table.find("ended late").await.unwrap().unwrap();
        assert!(late.ended);
        for id in ["new", "newer"] {
            table.insert(named(id)).await.unwrap();
        }
        assert!(!is_there("third").await && is_there("row 4").await);
        // The page that was being made meanwhile finds the mark.
        assert_eq!(table.save(named("ended late")).await, Some(false));
        assert!(is_there("ended late").await && count().await == MOST_ROWS);
    }
}

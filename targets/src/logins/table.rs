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
const MARK: &str = "UPDATE session SET ended = 1, version = version + 1 WHERE id = ?1";
const DELETE: &str = "DELETE FROM session WHERE id = ?1";

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
        let ended = self.ask(move |connection| connection.prepare_cached(sql)?.execute([id]));
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
            connection.prepare_cached(sql)?.execute(row)
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
}

//! A note of each user, in a store that a request has to wait for: SQLite on a thread of its own.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::{Member, pause};
use crate::start_error::StartError;
use crate::sync::{Mutex, point};

/// The notes.
#[derive(Debug)]
pub(crate) enum Ledger {
    /// In SQLite. What is asked goes to its thread, and the answer comes back from there.
    Served {
        orders: mpsc::Sender<Order>,
        /// Before each order, when a person wants a wide window.
        delay: Duration,
    },
    /// In memory; before each use another request can go on, as it can where an answer is waited for.
    Explored(Mutex<BTreeMap<Member, String>>),
}

/// What the store's thread is to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Puts a note in place of the one before.
    Write(Member, String, oneshot::Sender<()>),
    /// Gives the note; empty when there is none.
    Read(Member, oneshot::Sender<String>),
}

impl Ledger {
    /// An empty one behind a thread, which ends with it.
    ///
    /// # Errors
    /// A [`StartError`] when SQLite or the system refuses.
    pub(crate) fn served(delay: Duration) -> Result<Self, StartError> {
        let connection = Connection::open_in_memory().map_err(StartError::store)?;
        connection
            .execute_batch("CREATE TABLE note (member INTEGER PRIMARY KEY, text TEXT NOT NULL)")
            .map_err(StartError::store)?;
        let (orders, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("notes".to_owned())
            .spawn(move || work(&connection, &inbox))
            .map_err(StartError::system)?;
        Ok(Self::Served { orders, delay })
    }

    /// An empty one for one execution.
    pub(crate) fn explored() -> Self {
        Self::Explored(Mutex::new(BTreeMap::new()))
    }

    /// A user's note, empty when there is none; `None` when the store has stopped.
    pub(crate) async fn note(&self, member: Member) -> Option<String> {
        match self {
            Self::Served { orders, delay } => {
                pause(*delay).await;
                let (reply, answer) = oneshot::channel();
                orders.send(Order::Read(member, reply)).ok()?;
                answer.await.ok()
            }
            Self::Explored(notes) => {
                point().await;
                let note = notes.lock().get(&member).cloned();
                Some(note.unwrap_or_default())
            }
        }
    }

    /// Puts a note in place of the one before; `None` when the store has stopped.
    pub(crate) async fn write(&self, member: Member, text: String) -> Option<()> {
        match self {
            Self::Served { orders, delay } => {
                pause(*delay).await;
                let (reply, done) = oneshot::channel();
                orders.send(Order::Write(member, text, reply)).ok()?;
                done.await.ok()
            }
            Self::Explored(notes) => {
                point().await;
                notes.lock().insert(member, text);
                Some(())
            }
        }
    }
}

/// Does what is asked until nobody can ask any more. Whoever stopped waiting gets no answer, and an error of SQLite ends the
/// thread: the next request is told that the store has stopped.
fn work(connection: &Connection, inbox: &mpsc::Receiver<Order>) {
    for order in inbox {
        let done = match order {
            Order::Write(member, text, reply) => connection
                .prepare_cached("INSERT OR REPLACE INTO note (member, text) VALUES (?1, ?2)")
                .and_then(|mut write| write.execute(params![member.0, text]))
                .map(|_| reply.send(()).is_ok()),
            Order::Read(member, reply) => connection
                .prepare_cached("SELECT text FROM note WHERE member = ?1")
                .and_then(|mut read| read.query_row([member.0], |row| row.get(0)).optional())
                .map(|note| reply.send(note.unwrap_or_default()).is_ok()),
        };
        if done.is_err() {
            return;
        }
    }
}

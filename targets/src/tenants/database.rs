//! The database: pages of all tenants in one table, of which a connection sees those of one tenant.
//!
//! Which tenant that is, is said by a setting of the session; where nothing is said, it sees nothing and may write nothing.

use std::fmt;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{postgres, sqlite};
use crate::members::{Member, Tokens, pause};
use crate::start_error::StartError;
use crate::sync::{Mutex, point};

/// A database.
#[derive(Debug)]
pub(super) enum Database {
    /// SQLite, in memory.
    Sqlite {
        place: String,
        has_threads: bool,
        #[expect(
            dead_code,
            reason = "held: the database is there for as long as a connection is"
        )]
        anchor: Mutex<Connection>,
    },
    /// PostgreSQL at this address, made as `postgres.sql` says. Nothing is connected before the first request.
    Postgres(SocketAddr),
}

/// A connection.
pub(super) enum Session {
    /// On a thread of its own, which ends with it, or before it when the connection has ended.
    Served(mpsc::Sender<Order>, JoinHandle<()>),
    /// Here; before each use another request can go on, as it can where an answer is waited for.
    Explored(Connection),
}

/// What a statement gives.
pub(super) type Answer = Result<Option<String>, Failure>;

/// What a connection's thread is to do.
pub(super) struct Order {
    statement: Statement,
    reply: oneshot::Sender<Answer>,
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
    /// The database refused, and goes on.
    Broken(String),
    /// The connection is of no more use.
    Ended(String),
}

impl Failure {
    /// The database refused.
    pub(super) fn broken(why: impl fmt::Display) -> Self {
        Self::Broken(why.to_string())
    }

    /// The connection is of no more use.
    pub(super) fn ended(why: impl fmt::Display) -> Self {
        Self::Ended(why.to_string())
    }
}

impl Database {
    /// SQLite without a page. Its connections have a thread each, or none.
    ///
    /// # Errors
    /// When SQLite refuses, or there is no randomness for its name.
    pub(super) fn sqlite(has_threads: bool) -> Result<Self, StartError> {
        let name = Tokens::Random.draw();
        let name = name.ok_or_else(|| StartError::system("there is no randomness"))?;
        let place = format!("file:/tenants-{name}?vfs=memdb");
        let anchor = sqlite::connected(&place).map_err(StartError::store)?;
        let made = anchor.execute_batch(sqlite::TABLES);
        made.map_err(StartError::store)?;
        Ok(Self::Sqlite {
            place,
            has_threads,
            anchor: Mutex::new(anchor),
        })
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// When the database or the system refuses.
    pub(super) async fn open(&self) -> Result<Session, Failure> {
        match self {
            Self::Sqlite {
                place,
                has_threads: false,
                ..
            } => sqlite::open(place).map(Session::Explored),
            Self::Sqlite { place, .. } => {
                let place = place.clone();
                let open = move || sqlite::open(&place);
                on_a_thread(open, |connection, statement| {
                    sqlite::run(connection, statement).map_err(Failure::broken)
                })
                .await
            }
            &Self::Postgres(address) => {
                let open = move || postgres::Client::connect(address);
                on_a_thread(open, postgres::Client::run).await
            }
        }
    }
}

/// A session on a thread of its own. What was asked for is done whether or not somebody still waits for it.
async fn on_a_thread<C: 'static>(
    open: impl FnOnce() -> Result<C, Failure> + Send + 'static,
    run: fn(&mut C, &Statement) -> Answer,
) -> Result<Session, Failure> {
    let (orders, inbox) = mpsc::channel::<Order>();
    let (ready, opened) = oneshot::channel();
    let work = move || {
        let mut connection = match open() {
            Ok(connection) => connection,
            // Who has left does not want to know.
            Err(why) => return drop(ready.send(Err(why))),
        };
        let _ = ready.send(Ok(()));
        for Order { statement, reply } in inbox {
            let answer = run(&mut connection, &statement);
            let has_ended = matches!(answer, Err(Failure::Ended(_)));
            let _ = reply.send(answer);
            if has_ended {
                return;
            }
        }
    };
    let thread = thread::Builder::new()
        .name("tenants".to_owned())
        .spawn(work)
        .map_err(Failure::broken)?;
    opened.await.map_err(Failure::broken)??;
    Ok(Session::Served(orders, thread))
}

impl Session {
    /// Whether nothing can be asked of it any more. One whose connection was lost while nobody asked does not know it yet.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Served(_, thread) => thread.is_finished(),
            Self::Explored(_) => false,
        }
    }

    /// What a statement gives. `delay` passes before.
    ///
    /// # Errors
    /// When the database refuses it, or the connection has ended.
    pub(super) async fn run(&mut self, statement: Statement, delay: Duration) -> Answer {
        match self {
            Self::Served(orders, _) => {
                pause(delay).await;
                let (reply, answer) = oneshot::channel();
                let order = Order { statement, reply };
                orders.send(order).map_err(Failure::ended)?;
                answer.await.map_err(Failure::ended)?
            }
            Self::Explored(connection) => {
                point().await;
                sqlite::run(connection, &statement).map_err(Failure::broken)
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Session").finish_non_exhaustive()
    }
}

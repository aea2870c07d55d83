//! Connections that are lent for one command each. The variants differ in when a connection comes back, and in nothing else.

use std::io;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::connection::Connection;
use super::keeper::Keeper;
use super::resp::{self, Reply};
use crate::sync::{Mutex, shared};

/// Connections that are lent at one time; whoever comes then waits. With one alone nobody finds another that is in step.
const LARGEST: usize = 1;

/// Which connections come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// All.
    Anyway,
    /// Those on which nothing has failed.
    UnlessFailed,
    /// All; but one that is used again has to answer `PING` with `PONG` first. The command leaves in the same write, so that
    /// this costs no round trip.
    Pinged,
    /// Those on which no reply is outstanding.
    UnlessAwaiting,
}

/// The pool: the connection that came back last is lent first.
#[derive(Debug)]
pub(super) struct Pool {
    rule: Rule,
    keeper: Keeper,
    room: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

/// A connection that is lent until this is dropped: at the end of the request, or when its client leaves in the middle.
struct Lent<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
    failed: bool,
    /// A command was sent, or is being sent, and its reply has not come.
    awaiting: bool,
    #[expect(dead_code, reason = "held, never read")]
    permit: SemaphorePermit<'p>,
}

impl Pool {
    /// An empty one.
    pub(super) fn new(rule: Rule, keeper: Keeper) -> Self {
        Self {
            rule,
            keeper,
            room: Semaphore::new(LARGEST),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// The server's reply to a command.
    ///
    /// # Errors
    /// When there is no connection, or it broke.
    pub(super) async fn ask(&self, words: &[&[u8]]) -> io::Result<Reply> {
        let mut lent = self.lend().await?;
        if let (Rule::Pinged, Some(connection)) = (self.rule, &mut lent.connection) {
            lent.awaiting = true;
            if let Some(reply) = pinged(connection, words).await? {
                lent.awaiting = false;
                return Ok(reply);
            }
            lent.connection = None;
        }
        lent.ask(words).await
    }

    async fn lend(&self) -> io::Result<Lent<'_>> {
        let permit = self.room.acquire().await.map_err(io::Error::other)?;
        let connection = self.idle.lock().pop();
        Ok(Lent {
            pool: self,
            connection,
            failed: false,
            awaiting: false,
            permit,
        })
    }
}

/// The reply to a command that is sent behind a `PING`; none when that was not answered as it should be.
async fn pinged(connection: &mut Connection, words: &[&[u8]]) -> io::Result<Option<Reply>> {
    let both = [resp::command(&[b"PING"]), resp::command(words)].concat();
    connection.send(&both).await?;
    match connection.next().await? {
        Reply::Status(word) if word == "PONG" => connection.next().await.map(Some),
        _ => Ok(None),
    }
}

impl Lent<'_> {
    async fn ask(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.pool.keeper.connect().await?),
        };
        self.awaiting = true;
        let reply = connection.ask(words).await;
        self.awaiting = reply.is_err();
        self.failed = reply.is_err();
        reply
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let comes_back = match self.pool.rule {
            Rule::Anyway | Rule::Pinged => true,
            Rule::UnlessFailed => !self.failed,
            Rule::UnlessAwaiting => !self.awaiting,
        };
        let state = match self.awaiting {
            true => "with a reply outstanding",
            false => "in step",
        };
        if comes_back && let Some(connection) = self.connection.take() {
            shared("connection back in the pool", true, &state);
            self.pool.idle.lock().push(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    const RULES: [(Rule, &str); 4] = [
        (Rule::Anyway, "one"),
        (Rule::UnlessFailed, "one"),
        (Rule::Pinged, "one"),
        (Rule::UnlessAwaiting, "other"),
    ];

    async fn get(pool: &Pool, key: &str) -> String {
        match pool.ask(&[b"GET", key.as_bytes()]).await.unwrap() {
            Reply::Value(value) => String::from_utf8(value).unwrap(),
            reply => panic!("{key}: {reply:?}"),
        }
    }

    /// Somebody asks for `one` and leaves; what somebody else gets for `other` then, and for `one` afterwards.
    async fn after_somebody_left(rule: Rule) -> (String, String) {
        let pool = Pool::new(rule, Keeper::explored());
        for key in ["one", "other"] {
            let set = [b"SET", key.as_bytes(), key.as_bytes()];
            let reply = pool.ask(&set).await.unwrap();
            assert_eq!(reply, Reply::Status("OK".to_owned()));
        }
        {
            let mut context = Context::from_waker(Waker::noop());
            let mut asks = pin!(pool.ask(&[b"GET", b"one"]));
            assert!(asks.as_mut().poll(&mut context).is_pending());
        }
        (get(&pool, "other").await, get(&pool, "one").await)
    }

    #[tokio::test]
    async fn the_reply_to_somebody_who_left_is_the_next_ones_unless_the_connection_was_closed() {
        for (rule, gets) in RULES {
            let (next, then) = after_somebody_left(rule).await;
            assert_eq!(next, gets, "{rule:?}");
            assert_eq!(then == "one", gets == "other", "{rule:?}: {then}");
        }
    }
}

//! The connections of a run, kept open from one exchange to the next.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::hosts::{HostId, Hosts};

/// Which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// To which host.
    pub(crate) host: HostId,
    /// The user's index where each has its own, otherwise the number of the shared one.
    pub(crate) lane: usize,
}

/// Open connections by key. One that is in use has been taken out.
pub(crate) struct Pool {
    pub(crate) hosts: Hosts,
    open: BTreeMap<Key, Connection>,
    opened: u32,
}

impl Pool {
    pub(crate) fn new(hosts: Hosts) -> Pool {
        Pool {
            hosts,
            open: BTreeMap::new(),
            opened: 0,
        }
    }

    /// The connection with this key and whether it was open already; a dead one is replaced.
    ///
    /// # Errors
    /// A sentence that says why none can be opened.
    pub(crate) async fn take(&mut self, key: Key) -> Result<(Connection, bool), String> {
        if let Some(mut connection) = self.open.remove(&key) {
            connection.catch_up().await;
            if connection.alive() {
                return Ok((connection, true));
            }
        }
        self.fresh(key.host)
            .await
            .map(|connection| (connection, false))
    }

    /// A new connection.
    pub(crate) async fn fresh(&mut self, host: HostId) -> Result<Connection, String> {
        let connection = Connection::open(self.hosts.dial(host), self.opened).await?;
        self.opened += 1;
        Ok(connection)
    }

    /// Keeps a connection for the next time.
    pub(crate) fn put(&mut self, key: Key, connection: Connection) {
        if connection.alive() {
            self.open.insert(key, connection);
        }
    }
}

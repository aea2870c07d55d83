//! What to start: a target, a variant, and the circumstances.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// How many users are seeded unless asked otherwise.
pub const DEFAULT_USERS: usize = 5;

/// Where a target keeps its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// An SQLite file in a temporary folder, which is removed when the server stops (a killed process leaves it).
    #[default]
    Temporary,
    /// An SQLite file that is created if missing and stays.
    File(PathBuf),
    /// Memory.
    Memory,
    /// At this loopback address, perhaps with a relay before it: for `mail` a
    /// [`StoreServer`](crate::mail::store_server::StoreServer), whose users are those that it has; for `replies` a Redis; for
    /// `tenants` a PostgreSQL in which `src/tenants/postgres.sql` was run. The other targets have none. Sessions stay in the
    /// server's memory, and nothing is asked of the store before the first request comes.
    Remote(SocketAddr),
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The target's name, for instance `mail`.
    pub target: String,
    /// The variant's name, for instance `shared-note`.
    pub variant: String,
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Whether `addr` may be other than a loopback address. The targets are faulty on purpose and their passwords are
    /// public.
    pub allow_remote: bool,
    /// Where the data is kept.
    pub store: StoreKind,
    /// How many users there are at least: user1, user2 … A remote store has those that it has.
    pub users: usize,
    /// A pause before each call to the store, to widen a race's window; zero for none.
    pub store_delay: Duration,
    /// Whether to serve over TLS, with a certificate made at the start.
    pub tls: bool,
    /// How many threads serve requests, at least 1.
    pub workers: usize,
}

impl Options {
    /// A variant of a target on a free loopback port: a temporary store, [`DEFAULT_USERS`] users, no pause, no TLS, as
    /// many threads as there are cores, and two at least: some faults are those of a request that changes threads.
    pub fn new(target: &str, variant: &str) -> Self {
        Self {
            target: target.to_owned(),
            variant: variant.to_owned(),
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_remote: false,
            store: StoreKind::default(),
            users: DEFAULT_USERS,
            store_delay: Duration::ZERO,
            tls: false,
            workers: thread::available_parallelism().map_or(2, |cores| cores.get().max(2)),
        }
    }
}

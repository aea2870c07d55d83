//! The database file: recognising one, creating one, and how each connection is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::mail::store::StoreError;

/// Marks a file as a mail database of this crate (`PRAGMA application_id`, the bytes "CwMl").
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"CwMl");

/// The schema's version (`PRAGMA user_version`).
const SCHEMA_VERSION: i32 = 1;

/// How long a statement waits for another process that holds the file.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// How many prepared statements a connection keeps.
const STATEMENTS_KEPT: usize = 32;

const SCHEMA: &str = "
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    display TEXT NOT NULL,
    password_hash TEXT NOT NULL
) STRICT;
CREATE TABLE logins (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    address TEXT NOT NULL
) STRICT;
CREATE INDEX logins_of_user ON logins (user_id, id);
CREATE TABLE mails (
    user_id INTEGER NOT NULL REFERENCES users (id),
    number INTEGER NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    attachments INTEGER NOT NULL,
    in_trash INTEGER NOT NULL,
    PRIMARY KEY (user_id, number)
) STRICT;
CREATE TABLE attachments (
    user_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (user_id, number, position),
    FOREIGN KEY (user_id, number) REFERENCES mails (user_id, number)
) STRICT;
";

/// What a finished write survives. It is acknowledged when its commit has returned, in either case.
#[derive(Clone, Copy, Debug)]
pub(super) enum Durability {
    /// The death of the process: the log is in the operating system's hands by then. Tens of microseconds a write.
    Process,
    /// A power cut as well: each commit waits until the disk has it. Up to several milliseconds a write.
    PowerCut,
}

impl Durability {
    /// SQLite's name for it, in WAL mode.
    fn synchronous(self) -> &'static str {
        match self {
            Self::Process => "NORMAL",
            Self::PowerCut => "FULL",
        }
    }
}

/// Opens the connection that writes, and creates the schema in an empty or missing file.
pub(super) fn open_writer(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let explain = |error| explain(path, &error);
    let mut writer = open(path).map_err(explain)?;
    let pages: i64 = pragma(&writer, "page_count").map_err(explain)?;
    if pages == 0 {
        create(&mut writer).map_err(explain)?;
    }
    let application_id: i32 = pragma(&writer, "application_id").map_err(explain)?;
    if application_id != APPLICATION_ID {
        return Err(not_ours(path));
    }
    let version: i32 = pragma(&writer, "user_version").map_err(explain)?;
    if version != SCHEMA_VERSION {
        let path = path.display();
        return Err(StoreError::new(format!(
            "{path} has schema version {version}; this program reads version {SCHEMA_VERSION} only"
        )));
    }
    writer
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(explain)?;
    writer
        .pragma_update(None, "synchronous", durability.synchronous())
        .map_err(explain)?;
    Ok(writer)
}

/// Opens a connection that only reads, to a file that [`open_writer`] has opened before.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let reader = open(path).and_then(|reader| {
        reader
            .pragma_update(None, "query_only", true)
            .map(|()| reader)
    });
    reader.map_err(|error| explain(path, &error))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn create(writer: &mut Connection) -> rusqlite::Result<()> {
    let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn not_ours(path: &Path) -> StoreError {
    StoreError::new(format!(
        "{} is not a crosswire mail database",
        path.display()
    ))
}

fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => not_ours(path),
        _ => StoreError::new(format!("cannot open {}: {error}", path.display())),
    }
}

//! The served store: SQLite in a file, in WAL mode, with one connection that writes and several that read.

mod pool;
mod schema;

use std::net::Ipv4Addr;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, named_params, params};
use tempfile::TempDir;

use self::pool::Pool;
use self::schema::Durability;
use super::store::{
    Account, Attachment, AttachmentInfo, Credentials, Draft, Folder, Login, Mail, NewUser, Store,
    StoreError, Summary, UserId,
};

/// How many connections read at the same time.
const READERS: usize = 4;

/// Users, log-ins and mail in an SQLite file. What a call reported as done survives the death of the process and, in a
/// file that stays, a power cut: there each commit waits for the disk.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped before the folder that their file may be in.
    readers: Pool,
    writer: Pool,
    _folder: Option<TempDir>,
}

impl SqliteStore {
    /// Opens the database at `path`, or creates it if there is no such file.
    ///
    /// # Errors
    /// A [`StoreError`] if the file cannot be opened, is not a mail database of this crate, or has another schema
    /// version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Durability::PowerCut)
    }

    fn open_with(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let writer = schema::open_writer(path, durability)?;
        let readers = (0..READERS)
            .map(|_| schema::open_reader(path))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            readers: Pool::new(readers),
            writer: Pool::new(vec![writer]),
            _folder: None,
        })
    }

    /// A new database in a temporary folder, which is removed with the store.
    ///
    /// # Errors
    /// A [`StoreError`] if the folder or the file cannot be created.
    pub fn temporary() -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("crosswire-mail-")
            .tempdir()
            .map_err(StoreError::new)?;
        let store = Self::open_with(&folder.path().join("mail.sqlite"), Durability::Process)?;
        Ok(Self {
            _folder: Some(folder),
            ..store
        })
    }
}

impl Store for SqliteStore {
    async fn create_user(&self, new: NewUser) -> Result<Option<UserId>, StoreError> {
        self.writer
            .run(move |connection| create_user(connection, &new))
            .await
    }

    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        let name = name.to_owned();
        let query = "SELECT id, password_hash FROM users WHERE name = ?1";
        let make = |row: &Row<'_>| {
            Ok(Credentials {
                user: UserId(row.get(0)?),
                password_hash: row.get(1)?,
            })
        };
        self.readers
            .run(move |db| db.prepare_cached(query)?.query_row([name], make).optional())
            .await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        let query = "SELECT name, display FROM users WHERE id = ?1";
        let make = |row: &Row<'_>| {
            Ok(Account {
                name: row.get(0)?,
                display: row.get(1)?,
            })
        };
        self.readers
            .run(move |db| {
                db.prepare_cached(query)?
                    .query_row([user.0], make)
                    .optional()
            })
            .await
    }

    async fn rename(&self, user: UserId, display: String) -> Result<bool, StoreError> {
        let change = "UPDATE users SET display = ?2 WHERE id = ?1";
        self.writer
            .run(move |db| {
                Ok(db
                    .prepare_cached(change)?
                    .execute(params![user.0, display])?
                    == 1)
            })
            .await
    }

    async fn record_login(&self, user: UserId, login: Login) -> Result<Option<Login>, StoreError> {
        self.writer
            .run(move |connection| record_login(connection, user, login))
            .await
    }

    async fn logins(&self, user: UserId, limit: usize) -> Result<Vec<Login>, StoreError> {
        self.readers
            .run(move |connection| logins(connection, user, limit))
            .await
    }

    async fn list(&self, user: UserId, folder: Folder) -> Result<Vec<Summary>, StoreError> {
        let query = "SELECT number, sender, subject, sent_at, attachments, in_trash FROM mails \
                     WHERE user_id = ?1 AND in_trash = ?2 ORDER BY number";
        let list = move |db: &mut Connection| {
            db.prepare_cached(query)?
                .query_map(params![user.0, folder == Folder::Trash], summary)?
                .collect()
        };
        self.readers.run(list).await
    }

    async fn read(&self, user: UserId, number: u64) -> Result<Option<Mail>, StoreError> {
        self.readers
            .run(move |connection| read(connection, user, number))
            .await
    }

    async fn attachment(
        &self,
        user: UserId,
        number: u64,
        index: usize,
    ) -> Result<Option<Attachment>, StoreError> {
        let query = "SELECT name, media_type, data FROM attachments \
                     WHERE user_id = ?1 AND number = ?2 AND position = ?3";
        let make = |row: &Row<'_>| {
            Ok(Attachment {
                name: row.get(0)?,
                media_type: row.get(1)?,
                data: row.get(2)?,
            })
        };
        let (number, index) = (key(number), key(index as u64));
        let fetch = move |db: &mut Connection| {
            db.prepare_cached(query)?
                .query_row(params![user.0, number, index], make)
                .optional()
        };
        self.readers.run(fetch).await
    }

    async fn deliver(&self, from: UserId, draft: Draft) -> Result<Option<u64>, StoreError> {
        self.writer
            .run(move |connection| deliver(connection, from, &draft))
            .await
    }

    async fn file(
        &self,
        user: UserId,
        number: u64,
        folder: Folder,
    ) -> Result<Option<String>, StoreError> {
        let change = "UPDATE mails SET in_trash = ?3 WHERE user_id = ?1 AND number = ?2 AND in_trash <> ?3 \
                      RETURNING subject";
        let (number, in_trash) = (key(number), folder == Folder::Trash);
        let file = move |db: &mut Connection| {
            let mut statement = db.prepare_cached(change)?;
            statement
                .query_row(params![user.0, number, in_trash], |row| row.get(0))
                .optional()
        };
        self.writer.run(file).await
    }
}

fn create_user(db: &mut Connection, new: &NewUser) -> rusqlite::Result<Option<UserId>> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let insert = "INSERT INTO users (name, display, password_hash) VALUES (?1, ?2, ?3) \
                  ON CONFLICT (name) DO NOTHING RETURNING id";
    let id: Option<u64> = transaction
        .prepare_cached(insert)?
        .query_row(params![new.name, new.display, new.password_hash], |row| {
            row.get(0)
        })
        .optional()?;
    if let (Some(id), Some(login)) = (id, new.first_login) {
        insert_login(&transaction, UserId(id), login)?;
    }
    transaction.commit()?;
    Ok(id.map(UserId))
}

fn record_login(
    db: &mut Connection,
    user: UserId,
    login: Login,
) -> rusqlite::Result<Option<Login>> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let previous = logins(&transaction, user, 1)?.pop();
    insert_login(&transaction, user, login)?;
    transaction.commit()?;
    Ok(previous)
}

fn insert_login(db: &Connection, user: UserId, login: Login) -> rusqlite::Result<()> {
    let insert = "INSERT INTO logins (user_id, at, address) VALUES (?1, ?2, ?3)";
    db.prepare_cached(insert)?
        .execute(params![user.0, login.at, login.address.to_string()])?;
    Ok(())
}

fn logins(db: &Connection, user: UserId, limit: usize) -> rusqlite::Result<Vec<Login>> {
    let query = "SELECT at, address FROM logins WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2";
    let make = |row: &Row<'_>| {
        let address: String = row.get(1)?;
        Ok(Login {
            at: row.get(0)?,
            address: address.parse().unwrap_or(Ipv4Addr::UNSPECIFIED),
        })
    };
    db.prepare_cached(query)?
        .query_map(params![user.0, limit], make)?
        .collect()
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let in_trash: bool = row.get(5)?;
    Ok(Summary {
        number: row.get(0)?,
        from: row.get(1)?,
        subject: row.get(2)?,
        sent_at: row.get(3)?,
        attachments: row.get(4)?,
        folder: if in_trash {
            Folder::Trash
        } else {
            Folder::Inbox
        },
    })
}

fn read(db: &mut Connection, user: UserId, number: u64) -> rusqlite::Result<Option<Mail>> {
    let one_state = db.transaction()?;
    let query = "SELECT number, sender, subject, sent_at, attachments, in_trash, body FROM mails \
                 WHERE user_id = ?1 AND number = ?2";
    let number = key(number);
    let found = one_state
        .prepare_cached(query)?
        .query_row(params![user.0, number], |row| {
            Ok((summary(row)?, row.get(6)?))
        })
        .optional()?;
    let Some((summary, body)) = found else {
        return Ok(None);
    };
    let query = "SELECT name, media_type, size FROM attachments WHERE user_id = ?1 AND number = ?2 ORDER BY position";
    let make = |row: &Row<'_>| {
        Ok(AttachmentInfo {
            name: row.get(0)?,
            media_type: row.get(1)?,
            size: row.get(2)?,
        })
    };
    let attachments = one_state
        .prepare_cached(query)?
        .query_map(params![user.0, number], make)?
        .collect::<Result<_, _>>()?;
    Ok(Some(Mail {
        summary,
        body,
        attachments,
    }))
}

fn deliver(db: &mut Connection, from: UserId, draft: &Draft) -> rusqlite::Result<Option<u64>> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let insert = "INSERT INTO mails (user_id, number, sender, subject, body, sent_at, attachments, in_trash) \
                  SELECT recipient.id, \
                         1 + (SELECT coalesce(max(number), 0) FROM mails WHERE user_id = recipient.id), \
                         sender.name, :subject, :body, :sent_at, :attachments, 0 \
                  FROM users AS recipient, users AS sender WHERE recipient.name = :to AND sender.id = :from \
                  RETURNING user_id, number";
    let values = named_params! {
        ":to": draft.to, ":from": from.0, ":subject": draft.subject, ":body": draft.body,
        ":sent_at": draft.sent_at, ":attachments": draft.attachments.len(),
    };
    let placed: Option<(u64, u64)> = transaction
        .prepare_cached(insert)?
        .query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((user, number)) = placed else {
        return Ok(None);
    };
    for (position, attachment) in (1_u64..).zip(&draft.attachments) {
        let insert = "INSERT INTO attachments (user_id, number, position, name, media_type, size, data) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let Attachment {
            name,
            media_type,
            data,
        } = attachment;
        let values = params![user, number, position, name, media_type, data.len(), data];
        transaction.prepare_cached(insert)?.execute(values)?;
    }
    transaction.commit()?;
    Ok(Some(number))
}

/// A number from a request as SQLite's signed integer; what does not fit names nothing.
fn key(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(-1)
}

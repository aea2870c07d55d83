//! How a store is spoken to over a connection: a call is a line of JSON, its answer the next line the other way.

use std::io::{self, ErrorKind};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::store::{Draft, Folder, Login, NewUser, UserId};

/// Most bytes of a line. An attachment's bytes are written as numbers, so that one takes up to four.
pub(super) const MAX_LINE: u64 = 64 << 20;

/// A call of the store, by the name of its method.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub(super) enum Call {
    CreateUser {
        new: NewUser,
    },
    Credentials {
        name: String,
    },
    Account {
        user: UserId,
    },
    Rename {
        user: UserId,
        display: String,
    },
    RecordLogin {
        user: UserId,
        login: Login,
    },
    Logins {
        user: UserId,
        limit: usize,
    },
    List {
        user: UserId,
        folder: Folder,
    },
    Read {
        user: UserId,
        number: u64,
    },
    Attachment {
        user: UserId,
        number: u64,
        index: usize,
    },
    Deliver {
        from: UserId,
        draft: Draft,
    },
    File {
        user: UserId,
        number: u64,
        folder: Folder,
    },
}

/// What a call led to; or why the store failed.
pub(super) type Reply<T> = Result<T, String>;

/// Writes one line.
pub(super) async fn send<W, T>(to: &mut W, value: &T) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
    T: Serialize,
{
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    // In one piece: who relays it sees one message.
    to.write_all(&line).await?;
    to.flush().await
}

/// Reads one line; `None` where the other side has ended.
pub(super) async fn receive<R, T>(from: &mut R) -> io::Result<Option<T>>
where
    R: AsyncBufRead + Unpin,
    T: DeserializeOwned,
{
    let mut line = Vec::new();
    from.take(MAX_LINE).read_until(b'\n', &mut line).await?;
    match line.strip_suffix(b"\n") {
        Some(line) => Ok(Some(serde_json::from_slice(line)?)),
        None if line.is_empty() => Ok(None),
        None => Err(io::Error::new(
            ErrorKind::InvalidData,
            format!("a line is cut off, or longer than {MAX_LINE} bytes"),
        )),
    }
}

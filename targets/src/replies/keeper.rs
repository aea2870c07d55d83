//! A small server that speaks Redis's protocol, and how it, or Redis, is reached: over TCP, or over a pipe within the process.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex};
use tokio::net::{TcpListener, TcpStream};

use super::connection::Connection;
use super::resp::{self, Reply};
use crate::members::pause;
use crate::sync::Mutex;

/// Most keys; when there are as many, no other is taken.
const KEYS: usize = 100_000;
/// Bytes that a pipe holds in each direction before its writer has to wait.
const PIPE: usize = 1 << 16;

/// Its values.
#[derive(Debug, Default)]
pub(super) struct Values(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

/// Where it is.
#[derive(Debug)]
pub(super) enum Keeper {
    /// At this address: the one here, or Redis.
    Served(SocketAddr),
    /// In this process: each connection is a pipe to a task.
    Explored(Arc<Values>),
}

impl Keeper {
    /// Starts one on a free port of its own. It ends with the runtime. `delay` passes before each command, when a person wants
    /// a wide window.
    ///
    /// # Errors
    /// When the system gives no port.
    pub(super) async fn served(delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let values = Arc::new(Values::default());
        tokio::spawn(async move {
            // When no connection can be taken, whoever asks for one is told so by the system.
            while let Ok((stream, _)) = listener.accept().await {
                // Without it a second reply may wait for an acknowledgement; if it cannot be set, replies are late, not wrong.
                let _ = stream.set_nodelay(true);
                let values = Arc::clone(&values);
                tokio::spawn(async move { serve(stream, &values, delay).await });
            }
        });
        Ok(Self::Served(address))
    }

    /// An empty one for one execution.
    pub(super) fn explored() -> Self {
        Self::Explored(Arc::default())
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// When the server is not there.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        match self {
            Self::Served(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Connection::new(stream))
            }
            Self::Explored(values) => {
                let (near, far) = duplex(PIPE);
                let values = Arc::clone(values);
                tokio::spawn(async move { serve(far, &values, Duration::ZERO).await });
                Ok(Connection::new(near))
            }
        }
    }
}

/// Answers one connection's commands in their order until it ends: those that have come together in one write, as Redis does.
/// How it ended concerns its client.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, values: &Values, delay: Duration) {
    let mut come = Vec::new();
    let mut out = Vec::new();
    loop {
        match resp::read_command(&come) {
            Ok(Some((words, length))) => {
                come.drain(..length);
                pause(delay).await;
                values.answer(&words).write(&mut out);
            }
            Ok(None) => {
                if !out.is_empty() && stream.write_all(&out).await.is_err() {
                    return;
                }
                out.clear();
                if !matches!(stream.read_buf(&mut come).await, Ok(1..)) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

impl Values {
    fn answer(&self, words: &[Vec<u8>]) -> Reply {
        let name = words.first().map(|name| name.to_ascii_uppercase());
        match (name.as_deref(), words.get(1..).unwrap_or_default()) {
            (Some(b"PING"), []) => Reply::Status("PONG".to_owned()),
            (Some(b"PING" | b"ECHO"), [word]) => Reply::Value(word.clone()),
            (Some(b"GET"), [key]) => match self.0.lock().get(key) {
                Some(value) => Reply::Value(value.clone()),
                None => Reply::Nothing,
            },
            (Some(b"SET"), [key, value]) => {
                let mut values = self.0.lock();
                if values.len() >= KEYS && !values.contains_key(key) {
                    return Reply::Refused("there are too many keys".to_owned());
                }
                values.insert(key.clone(), value.clone());
                Reply::Status("OK".to_owned())
            }
            _ => Reply::Refused("unknown command, or another number of words".to_owned()),
        }
    }
}

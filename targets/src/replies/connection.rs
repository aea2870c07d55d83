//! A connection to the server: a command goes out, the next reply that comes is taken for its own.

use std::fmt;
use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::resp::{self, Reply};

/// A stream of bytes in both directions.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection, and what has come on it that nobody has taken yet.
pub(super) struct Connection {
    wire: Box<dyn Wire>,
    come: Vec<u8>,
}

impl Connection {
    /// One over this stream.
    pub(super) fn new(wire: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            wire: Box::new(wire),
            come: Vec::new(),
        }
    }

    /// Sends a command and waits for the next reply. Whoever stops waiting leaves a reply behind.
    ///
    /// # Errors
    /// When the connection has ended, or what came is no reply.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        self.send(&resp::command(words)).await?;
        self.next().await
    }

    /// Sends commands, as bytes, in one write.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(super) async fn send(&mut self, commands: &[u8]) -> io::Result<()> {
        self.wire.write_all(commands).await
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// When the connection has ended, or what came is no reply.
    pub(super) async fn next(&mut self) -> io::Result<Reply> {
        loop {
            if let Some((reply, length)) = Reply::read(&self.come)? {
                self.come.drain(..length);
                return Ok(reply);
            }
            if self.wire.read_buf(&mut self.come).await? == 0 {
                let why = "the store has closed the connection";
                return Err(io::Error::new(ErrorKind::UnexpectedEof, why));
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Connection").finish_non_exhaustive()
    }
}

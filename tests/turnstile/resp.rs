//! A client for Redis, as small as a service needs it: commands of texts, answers of one text, and a pool.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// Connections to a Redis, each lent for one command; the one that came back last goes first.
pub(crate) struct Pool {
    address: SocketAddr,
    idle: Mutex<Vec<BufStream<TcpStream>>>,
}

impl Pool {
    pub(crate) fn new(address: SocketAddr) -> Pool {
        Pool {
            address,
            idle: Mutex::default(),
        }
    }

    /// Sends a command and reads its answer; `None` for what is not there. A connection is closed when its answer is not
    /// read to the end, whatever the reason.
    pub(crate) async fn ask(&self, words: &[&str]) -> io::Result<Option<String>> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lent = idle().pop();
        let mut connection = match lent {
            Some(connection) => connection,
            None => BufStream::new(TcpStream::connect(self.address).await?),
        };
        let answer = exchange(&mut connection, words).await?;
        idle().push(connection);
        Ok(answer)
    }
}

async fn exchange(
    connection: &mut BufStream<TcpStream>,
    words: &[&str],
) -> io::Result<Option<String>> {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    connection.write_all(command.as_bytes()).await?;
    connection.flush().await?;
    let mut line = String::new();
    connection.read_line(&mut line).await?;
    let wrong = || io::Error::new(ErrorKind::InvalidData, format!("redis answers {line:?}"));
    let answer = line.strip_suffix("\r\n").ok_or_else(wrong)?;
    match answer.split_at_checked(1) {
        Some(("$", "-1")) => Ok(None),
        Some(("$", length)) => {
            let length: usize = length.parse().map_err(|_| wrong())?;
            let mut text = vec![0; length + 2];
            connection.read_exact(&mut text).await?;
            text.truncate(length);
            let text = String::from_utf8(text);
            text.map(Some).map_err(|_| wrong())
        }
        Some(("+", text)) => Ok(Some(text.to_owned())),
        _ => Err(wrong()),
    }
}

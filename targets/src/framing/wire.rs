//! HTTP/1.1 as bytes: the head of a message, read and written. Both ends of a connection use it.

use std::fmt::Write as _;
use std::io;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Bytes of a head.
const LARGEST_HEAD: u64 = 16 * 1024;

/// The first line of a message, and its header fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) first: String,
    pub(super) fields: HeaderMap,
}

impl Head {
    /// Reads one, up to the empty line; `None` when the connection ends before its first byte.
    ///
    /// # Errors
    /// Of the connection; `InvalidData` when these bytes are no head.
    pub(super) async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let mut limited = stream.take(LARGEST_HEAD);
        let Some(first) = line(&mut limited).await? else {
            return Ok(None);
        };
        let mut fields = HeaderMap::new();
        loop {
            let line = line(&mut limited).await?;
            let line = line.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(Some(Self { first, fields }));
            }
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(no_head)?;
            let value = HeaderValue::from_str(value.trim()).map_err(no_head)?;
            fields.append(name, value);
        }
    }

    /// Whether both fields are there that can say where its body ends.
    pub(super) fn states_two_lengths(&self) -> bool {
        let says = |name| self.fields.contains_key(name);
        says(CONTENT_LENGTH) && says(TRANSFER_ENCODING)
    }

    /// Bytes of the body that follows; `None` when that is not said in one clear way.
    pub(super) fn length(&self) -> Option<u64> {
        let mut said = self.fields.get_all(CONTENT_LENGTH).iter();
        match (said.next(), said.next()) {
            (None, _) => Some(0),
            (Some(one), None) => one.to_str().ok()?.parse().ok(),
            _ => None,
        }
    }
}

/// A line without its end; `None` when the connection ends before its first byte.
async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    // Without an end it is too long, or the connection has ended.
    let line = bytes
        .strip_suffix(b"\n")
        .ok_or(io::ErrorKind::InvalidData)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8(line.to_vec()).map(Some).map_err(no_head)
}

fn no_head(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A head as it is sent.
pub(super) fn written<'f>(
    first: &str,
    fields: impl IntoIterator<Item = (&'f str, &'f str)>,
) -> String {
    let mut text = format!("{first}\r\n");
    for (name, value) in fields {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> io::Result<Option<Head>> {
        Head::read(&mut bytes).await
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let text = written("GET / HTTP/1.1", [("content-length", "3"), ("a", "b: c")]);
        let head = read(text.as_bytes()).await.unwrap().unwrap();
        assert_eq!(head.first, "GET / HTTP/1.1");
        assert_eq!(head.fields["a"], "b: c");
        assert_eq!(head.length(), Some(3));
        assert_eq!(read(b"").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_head_is_refused() {
        let endless = "x".repeat(70_000);
        for bytes in [
            endless.as_bytes(),
            b"GET /",
            b"GET / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"\xff\r\n\r\n",
        ] {
            assert!(read(bytes).await.is_err());
        }
        let twice = b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n";
        assert_eq!(read(twice).await.unwrap().unwrap().length(), None);
    }
}

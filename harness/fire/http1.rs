//! HTTP/1.1 as a client: a request as bytes, an answer read back whole, raw head kept.
//!
//! Written here, and not left to a client library, because the engine decides which byte leaves when and because the
//! judge wants the head as it came.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Clock;
use super::dial::Io;
use super::exchange::{Answer, Failure, Request};
use super::gate::Latch;

/// Longest accepted head of an answer, bytes.
pub(super) const HEAD_LIMIT: usize = 256 * 1024;
/// Most header lines of an answer.
const HEADERS_LIMIT: usize = 512;
/// Longest answer that is read to its end, bytes; a longer one is a failure, since it may have none.
pub(super) const DRAIN_LIMIT: u64 = 1 << 30;
const READ_CHUNK: usize = 16 * 1024;

/// One connection.
pub(super) struct Http1 {
    io: Io,
    pub(super) latch: Latch,
    read: BytesMut,
    reusable: bool,
}

impl Http1 {
    pub(super) fn new(io: Io, latch: Latch) -> Http1 {
        Http1 {
            io,
            latch,
            read: BytesMut::with_capacity(READ_CHUNK),
            reusable: true,
        }
    }

    /// Whether another request may go out on it.
    pub(super) fn alive(&self) -> bool {
        self.reusable && !self.latch.dead()
    }

    /// Writes the request; with the gate closed it is held there.
    pub(super) async fn write(&mut self, request: &Request) -> std::io::Result<()> {
        let result = async {
            self.io.write_all(&head_bytes(request)).await?;
            self.io.write_all(&request.body).await?;
            self.io.flush().await
        };
        let result = result.await;
        self.reusable &= result.is_ok();
        result
    }

    /// Reads the answer to a request with this method. The body is kept up to `keep` bytes and read to its end.
    pub(super) async fn answer(
        &mut self,
        method: &str,
        keep: usize,
        clock: Clock,
    ) -> Result<Answer, Failure> {
        // Set again only at the end of a whole answer that leaves the connection in step.
        let reusable = std::mem::replace(&mut self.reusable, false);
        let mut first_ns = (!self.read.is_empty()).then(|| clock.now());
        let mut interim = Vec::new();
        let (status, head, framing) = loop {
            match self.head(&mut first_ns, clock).await {
                Ok((status @ 100..=199, head, _)) if status != 101 => {
                    interim.extend_from_slice(header_lines(&head))
                }
                Ok(found) => break found,
                Err(why) => {
                    return Err(Failure {
                        why,
                        partial: self.read.split().freeze(),
                        first_ns,
                    });
                }
            }
        };
        let mut body = Body {
            keep,
            kept: BytesMut::new(),
            cut: false,
            seen: 0,
        };
        let framing = if method == "HEAD" || matches!(status, 101 | 204 | 304) {
            Framing::Length(0)
        } else {
            framing
        };
        let in_step = match self.body(&framing, &mut body).await {
            Ok(in_step) => in_step,
            Err(why) => {
                let mut partial = BytesMut::from(&head[..]);
                partial.extend_from_slice(&body.kept);
                return Err(Failure {
                    why,
                    partial: partial.freeze(),
                    first_ns,
                });
            }
        };
        self.reusable = reusable && in_step && status != 101 && !closes(&head);
        let head = if interim.is_empty() {
            head
        } else {
            with_interim(&head, &interim)
        };
        Ok(Answer {
            status,
            head,
            body: body.kept.freeze(),
            cut: body.cut,
            first_ns: first_ns.unwrap_or_default(),
            done_ns: clock.now(),
        })
    }

    /// A failure that was told from outside (a time limit), with what had come until then.
    pub(super) fn with_partial(&mut self, mut failure: Failure) -> Failure {
        if failure.partial.is_empty() {
            failure.partial = self.read.split().freeze();
        }
        failure
    }

    async fn head(
        &mut self,
        first_ns: &mut Option<u64>,
        clock: Clock,
    ) -> Result<(u16, Bytes, Framing), String> {
        loop {
            if let Some(parsed) = parse_head(&self.read)? {
                let head = self.read.split_to(parsed.length).freeze();
                return Ok((parsed.status, head, parsed.framing));
            }
            if self.read.len() > HEAD_LIMIT {
                return Err(format!(
                    "the head of the answer is longer than {HEAD_LIMIT} bytes"
                ));
            }
            self.more("before the head of the answer was whole").await?;
            first_ns.get_or_insert_with(|| clock.now());
        }
    }

    /// Reads the body; true when the connection is in step afterwards.
    async fn body(&mut self, framing: &Framing, body: &mut Body) -> Result<bool, String> {
        match *framing {
            Framing::Length(length) => {
                self.take(length, body).await?;
                Ok(true)
            }
            Framing::Chunked => {
                self.chunks(body).await?;
                Ok(true)
            }
            Framing::UntilClose => loop {
                body.take(&self.read)?;
                self.read.clear();
                match self.io.read_buf(&mut self.read).await {
                    Ok(0) => return Ok(false),
                    Ok(_) => {}
                    // Servers that skip TLS's close_notify end so as well; what came is the answer.
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                        return Ok(false);
                    }
                    Err(error) => {
                        return Err(format!("the connection broke inside the body: {error}"));
                    }
                }
            },
        }
    }

    async fn take(&mut self, length: u64, body: &mut Body) -> Result<(), String> {
        let mut left = length;
        while left > 0 {
            if self.read.is_empty() {
                self.more("before the body was whole").await?;
            }
            let now = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.read.len());
            body.take(&self.read[..now])?;
            self.read.advance(now);
            left -= now as u64;
        }
        Ok(())
    }

    async fn chunks(&mut self, body: &mut Body) -> Result<(), String> {
        loop {
            let size = self.chunk_size().await?;
            if size == 0 {
                // Trailers, up to the empty line. They are headers that come late; none is kept.
                while !self.line().await?.is_empty() {}
                return Ok(());
            }
            self.take(size, body).await?;
            if !self.line().await?.is_empty() {
                return Err("the body is chunked, but a chunk is longer than it says".to_owned());
            }
        }
    }

    async fn chunk_size(&mut self) -> Result<u64, String> {
        let line = self.line().await?;
        let digits = line
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        std::str::from_utf8(digits)
            .ok()
            .filter(|digits| {
                !digits.is_empty()
                    && digits.len() <= 15
                    && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(|| "the body is chunked, but a chunk's size is not a number".to_owned())
    }

    /// One line without its end, at most [`HEAD_LIMIT`] bytes.
    async fn line(&mut self) -> Result<Bytes, String> {
        let mut looked = 0;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.read[looked..]) {
                let mut line = self.read.split_to(looked + end + 1).freeze();
                line.truncate(line.trim_ascii_end().len());
                return Ok(line);
            }
            looked = self.read.len();
            if looked > HEAD_LIMIT {
                return Err("a line inside a chunked body does not end".to_owned());
            }
            self.more("inside a chunked body").await?;
        }
    }

    async fn more(&mut self, place: &str) -> Result<(), String> {
        self.read.reserve(READ_CHUNK);
        match self.io.read_buf(&mut self.read).await {
            Ok(0) => Err(format!("the server closed the connection {place}")),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the connection broke {place}: {error}")),
        }
    }
}

/// The part of a body that is kept, and how much has come.
struct Body {
    keep: usize,
    kept: BytesMut,
    cut: bool,
    seen: u64,
}

impl Body {
    fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.seen += bytes.len() as u64;
        if self.seen > DRAIN_LIMIT {
            return Err(format!("the body does not end within {DRAIN_LIMIT} bytes"));
        }
        let room = self.keep - self.kept.len();
        self.cut |= bytes.len() > room;
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }
}

/// How long a body is (RFC 9112, section 6.3).
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

struct Head {
    status: u16,
    length: usize,
    framing: Framing,
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("the answer is not HTTP: {error}")),
    };
    Ok(Some(Head {
        status: response.code.unwrap_or_default(),
        length,
        framing: framing(response.headers)?,
    }))
}

fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing, String> {
    let named = |name: &'static str| {
        headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
    };
    if named("transfer-encoding")
        .any(|header| header.value.to_ascii_lowercase().ends_with(b"chunked"))
    {
        return Ok(Framing::Chunked);
    }
    let mut lengths = named("content-length").map(|header| {
        std::str::from_utf8(header.value)
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok())
            .ok_or_else(|| "the Content-Length is not a number".to_owned())
    });
    let Some(length) = lengths.next().transpose()? else {
        return Ok(Framing::UntilClose);
    };
    for other in lengths {
        if other? != length {
            return Err("the answer has two different Content-Length headers".to_owned());
        }
    }
    Ok(Framing::Length(length))
}

/// Whether the connection ends with this answer: `Connection: close`, or HTTP/1.0 without `keep-alive`.
fn closes(head: &[u8]) -> bool {
    let old = head.starts_with(b"HTTP/1.0");
    let mut keeps = false;
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        if line[..colon].eq_ignore_ascii_case(b"connection") {
            let value = line[colon + 1..].to_ascii_lowercase();
            if memchr::memmem::find(&value, b"close").is_some() {
                return true;
            }
            keeps |= memchr::memmem::find(&value, b"keep-alive").is_some();
        }
    }
    old && !keeps
}

/// A head without its status line and its empty line.
fn header_lines(head: &[u8]) -> &[u8] {
    let start = memchr::memchr(b'\n', head).map_or(head.len(), |end| end + 1);
    let lines = &head[start..];
    lines
        .strip_suffix(b"\r\n")
        .or_else(|| lines.strip_suffix(b"\n"))
        .unwrap_or(lines)
}

/// The final head with the header lines of the interim answers (1xx) put behind its own, so that the judge sees them.
fn with_interim(head: &[u8], interim: &[u8]) -> Bytes {
    let end = head.len() - if head.ends_with(b"\r\n") { 2 } else { 1 };
    [&head[..end], interim, b"\r\n"].concat().into()
}

/// Request line and headers.
fn head_bytes(request: &Request) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    for part in [
        request.method.as_bytes(),
        b" ",
        request.path.as_bytes(),
        b" HTTP/1.1\r\n",
    ] {
        head.extend_from_slice(part);
    }
    for (name, value) in request.headers_with_host() {
        for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    if !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        head.extend_from_slice(format!("content-length: {}\r\n", request.body.len()).as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

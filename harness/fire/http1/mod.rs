//! HTTP/1.1 as a client: a request as bytes, an answer read back whole, raw head kept.
//!
//! Written here, and not left to a client library, because the engine decides which byte leaves when and because the
//! judge wants the head as it came.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt as _;

mod batch;
mod head;
mod perform;
mod push;

pub(super) use self::batch::Batch;
use self::head::{Framing, chunk_size, closes, parse_head, with_extra};
pub(super) use self::perform::Begin;
use self::push::Interim;
use super::Clock;
use super::dial::Io;
use super::exchange::{Answer, Failure};
use super::gate::Latch;
use crate::scenario::Pace;

/// Longest accepted head of an answer, bytes.
pub(super) const HEAD_LIMIT: usize = 256 * 1024;
/// Longest answer that is read to its end, bytes; a longer one is a failure, since it may have none.
pub(super) const DRAIN_LIMIT: u64 = 1 << 30;
const READ_CHUNK: usize = 16 * 1024;

/// One connection.
pub(super) struct Http1 {
    /// Absent once the connection was broken off.
    io: Option<Io>,
    pub(super) latch: Latch,
    read: BytesMut,
    /// Of the answer under way: what is kept when it does not come to its end.
    head: Bytes,
    kept: BytesMut,
    /// When its first byte came.
    came_ns: Option<u64>,
    /// What came of interim answers while the request was still being written.
    interim: Interim,
    reusable: bool,
    /// How slowly answers are read, when they are.
    pace: Option<Pace>,
    /// The kernel's receive buffer as it was before it was made small for a slow reader, bytes.
    buffer: Option<usize>,
}

impl Http1 {
    pub(super) fn new(io: Io, latch: Latch) -> Http1 {
        Http1 {
            io: Some(io),
            latch,
            read: BytesMut::with_capacity(READ_CHUNK),
            head: Bytes::new(),
            kept: BytesMut::new(),
            came_ns: None,
            interim: Interim::default(),
            reusable: true,
            pace: None,
            buffer: None,
        }
    }

    /// Whether another request may go out on it.
    pub(super) fn alive(&self) -> bool {
        self.reusable && !self.latch.dead()
    }

    /// Reads what TLS has waiting on the idle connection: the gate sees only that there is something, which may be the
    /// peer's close_notify, or a session ticket and nothing that concerns HTTP. What is said unasked ends the connection.
    pub(super) async fn catch_up(&mut self) {
        if !self.reusable || !matches!(self.io, Some(Io::Tls(_))) {
            return;
        }
        // Lets the runtime hear of what has come.
        tokio::task::yield_now().await;
        if poll_fn(|cx| Poll::Ready(self.poll_listen(cx).is_ready())).await {
            self.give_up();
        }
    }

    /// Lets nothing more go out on it.
    pub(super) fn give_up(&mut self) {
        self.reusable = false;
    }

    /// Reads the answer to a request with this method. The body is kept up to `keep` bytes and read to its end. After
    /// a failure, [`Http1::with_partial`] has what came.
    async fn answer(&mut self, method: &str, keep: usize, clock: Clock) -> Result<Answer, Failure> {
        // Set again only at the end of a whole answer that leaves the connection in step.
        let reusable = std::mem::replace(&mut self.reusable, false);
        (self.head, self.kept) = (Bytes::new(), BytesMut::new());
        let mut interim = std::mem::take(&mut self.interim);
        let came = interim.came() || !self.read.is_empty();
        self.came_ns = came.then(|| clock.now());
        let mut fits = true;
        let (status, framing) = loop {
            if !fits {
                let why = format!("the interim answers are longer than {HEAD_LIMIT} bytes");
                return Err(Failure::new(why).at(self.came_ns));
            }
            let found = self.head(clock).await;
            let (status, head, framing) = found.map_err(|failure| failure.at(self.came_ns))?;
            if !matches!(status, 100..=199) || status == 101 {
                self.head = head;
                break (status, framing);
            }
            fits = interim.take(&head);
        };
        let mut extra = interim.lines;
        let mut body = Body {
            keep,
            cut: false,
            seen: 0,
        };
        let framing = if method == "HEAD" || matches!(status, 101 | 204 | 304) {
            Framing::Length(0)
        } else {
            framing
        };
        let in_step = self.body(&framing, &mut body, &mut extra).await;
        let in_step = in_step.map_err(|failure| failure.at(self.came_ns))?;
        self.reusable = reusable && in_step && status != 101 && !closes(&self.head);
        let head = std::mem::take(&mut self.head);
        Ok(Answer {
            status,
            head: if extra.is_empty() {
                head
            } else {
                with_extra(&head, &extra)
            },
            body: self.kept.split().freeze(),
            cut: body.cut,
            first_ns: self.came_ns.unwrap_or_default(),
            done_ns: clock.now(),
        })
    }

    /// The failure with what had come of the answer until then.
    fn with_partial(&mut self, mut failure: Failure) -> Failure {
        // What was read ahead may be more than was to be accepted: a buffer grows by doubling.
        self.read.truncate(HEAD_LIMIT);
        let parts = [&self.head[..], &self.kept[..], &self.read[..]];
        failure.partial = parts.concat().into();
        (self.head, self.kept) = (Bytes::new(), BytesMut::new());
        self.read.clear();
        failure
    }

    async fn head(&mut self, clock: Clock) -> Result<(u16, Bytes, Framing), Failure> {
        loop {
            if let Some(parsed) = parse_head(&self.read)? {
                let head = self.read.split_to(parsed.length).freeze();
                return Ok((parsed.status, head, parsed.framing));
            }
            if self.read.len() > HEAD_LIMIT {
                let why = format!("the head of the answer is longer than {HEAD_LIMIT} bytes");
                return Err(Failure::new(why));
            }
            self.more("before the head of the answer was whole").await?;
            self.came_ns.get_or_insert_with(|| clock.now());
        }
    }

    /// Reads the body, and trailers into `extra`; true when the connection is in step afterwards.
    async fn body(
        &mut self,
        framing: &Framing,
        body: &mut Body,
        extra: &mut Vec<u8>,
    ) -> Result<bool, Failure> {
        match *framing {
            Framing::Length(length) => {
                self.take(length, body).await?;
                Ok(true)
            }
            Framing::Chunked => {
                self.chunks(body, extra).await?;
                Ok(true)
            }
            Framing::UntilClose => loop {
                body.take(&self.read, &mut self.kept)?;
                self.read.clear();
                match self.read_some().await {
                    Ok(0) => return Ok(false),
                    Ok(_) => {}
                    // Servers that skip TLS's close_notify end so as well; what came is the answer.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return Ok(false);
                    }
                    Err(error) => {
                        let why = format!("the connection broke inside the body: {error}");
                        return Err(Failure::closed(why));
                    }
                }
            },
        }
    }

    async fn take(&mut self, length: u64, body: &mut Body) -> Result<(), Failure> {
        let mut left = length;
        while left > 0 {
            if self.read.is_empty() {
                self.more("before the body was whole").await?;
            }
            let now = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.read.len());
            body.take(&self.read[..now], &mut self.kept)?;
            self.read.advance(now);
            left -= now as u64;
        }
        Ok(())
    }

    async fn chunks(&mut self, body: &mut Body, trailers: &mut Vec<u8>) -> Result<(), Failure> {
        loop {
            let size = chunk_size(&self.line().await?)?;
            if size == 0 {
                return self.trailers(trailers).await;
            }
            self.take(size, body).await?;
            if !self.line().await?.is_empty() {
                let why = "the body is chunked, but a chunk is longer than it says";
                return Err(Failure::new(why));
            }
        }
    }

    /// Headers that come after the body, up to the empty line.
    async fn trailers(&mut self, trailers: &mut Vec<u8>) -> Result<(), Failure> {
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(());
            }
            trailers.extend_from_slice(&line);
            trailers.extend_from_slice(b"\r\n");
            if trailers.len() > HEAD_LIMIT {
                let why = format!("the trailers of the answer are longer than {HEAD_LIMIT} bytes");
                return Err(Failure::new(why));
            }
        }
    }

    /// One line without its end, at most [`HEAD_LIMIT`] bytes.
    async fn line(&mut self) -> Result<Bytes, Failure> {
        let mut looked = 0;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.read[looked..]) {
                let mut line = self.read.split_to(looked + end + 1).freeze();
                line.truncate(line.trim_ascii_end().len());
                return Ok(line);
            }
            looked = self.read.len();
            if looked > HEAD_LIMIT {
                return Err(Failure::new("a line inside a chunked body does not end"));
            }
            self.more("inside a chunked body").await?;
        }
    }

    async fn more(&mut self, place: &str) -> Result<(), Failure> {
        match self.read_some().await {
            Ok(0) => Err(Failure::closed(format!(
                "the server closed the connection {place}"
            ))),
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::closed(format!(
                "the connection broke {place}: {error}"
            ))),
        }
    }

    /// Reads what has come, or waits for it; 0 at the end. A slow reader takes its time before, and little.
    async fn read_some(&mut self) -> io::Result<usize> {
        self.read.reserve(READ_CHUNK);
        let io = self.io.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let Some(pace) = self.pace else {
            return io.read_buf(&mut self.read).await;
        };
        tokio::time::sleep(Duration::from_millis(u64::from(pace.every_ms))).await;
        io.take(u64::from(pace.bytes))
            .read_buf(&mut self.read)
            .await
    }
}

/// How far the reading of a body has come.
struct Body {
    /// Bytes that are kept at most.
    keep: usize,
    cut: bool,
    seen: u64,
}

impl Body {
    fn take(&mut self, bytes: &[u8], kept: &mut BytesMut) -> Result<(), Failure> {
        self.seen += bytes.len() as u64;
        if self.seen > DRAIN_LIMIT {
            let why = format!("the body does not end within {DRAIN_LIMIT} bytes");
            return Err(Failure::new(why));
        }
        let room = self.keep - kept.len();
        self.cut |= bytes.len() > room;
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }
}

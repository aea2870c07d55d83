//! HTTP/2 as a client, on the `h2` crate: the connection is driven by hand, in the task that uses it.
//!
//! Driving it by hand is what makes a release exact: after one poll, everything submitted has been written into the
//! gate, and nothing else can run in between.

use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, SendStream};

use super::Clock;
use super::dial::Io;
use super::exchange::{Answer, Failure, Request};
use super::gate::Latch;
use super::http1::{DRAIN_LIMIT, HEAD_LIMIT};

/// Room for the answers on the way, per stream and per connection, bytes: wide, so that answers do not wait.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;
/// A body up to this length fits the window every peer starts with (65,535, RFC 9113, section 6.9.2), so that its last
/// byte can be held back; of a longer one, the empty frame that ends the stream is held.
const LAST_BYTE_BODY: usize = 60_000;

/// One connection.
pub(super) struct Http2 {
    send: SendRequest<Bytes>,
    connection: Connection<Io, Bytes>,
    ping: Option<PingPong>,
    pub(super) latch: Latch,
    ended: bool,
}

/// A request under way: its answer, and the stream it went out on, which must not be dropped before.
pub(super) struct Pending {
    response: ResponseFuture,
    stream: SendStream<Bytes>,
    /// What is withheld when a body was sent ahead.
    rest: Option<Bytes>,
}

impl Http2 {
    /// Opens HTTP/2 on the stream and waits for the peer's settings.
    pub(super) async fn new(io: Io, latch: Latch) -> Result<Http2, String> {
        let (send, mut connection) = h2::client::Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .enable_push(false)
            .max_header_list_size(HEAD_LIMIT as u32)
            .handshake(io)
            .await
            .map_err(|error| format!("HTTP/2 could not be opened: {error}"))?;
        let ping = connection.ping_pong();
        let mut opened = Http2 {
            send,
            connection,
            ping,
            latch,
            ended: false,
        };
        // The peer's settings stand before its PONG, and with them the number of streams it allows.
        opened.quiet().await.map_err(|why| {
            format!("the server does not speak HTTP/2 (take protocol http/1.1): {why}")
        })?;
        Ok(opened)
    }

    /// Whether another request may go out on it, as far as is known.
    pub(super) fn alive(&self) -> bool {
        !self.ended && self.ping.is_some() && !self.latch.dead()
    }

    /// Lets nothing more go out on it.
    pub(super) fn give_up(&mut self) {
        self.ended = true;
    }

    /// How many requests it can carry at once; more would wait in a queue, silently.
    pub(super) fn streams(&self) -> usize {
        self.send.current_max_send_streams()
    }

    /// PING, and wait for the PONG: frames are parsed in order, so the peer has parsed everything sent before.
    pub(super) async fn quiet(&mut self) -> Result<(), String> {
        // Whoever stops waiting for a PONG takes the handle along: the connection is not to be trusted then.
        let Some(mut ping) = self.ping.take() else {
            return Err("an earlier PING was not answered".to_owned());
        };
        let result = self.drive(ping.ping(Ping::opaque())).await;
        self.ping = Some(ping);
        result?.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Submits a whole request; [`Http2::flush`] writes it.
    pub(super) async fn submit(&mut self, request: &Request) -> Result<Pending, Failure> {
        let mut pending = self.open(request, request.body.is_empty()).await?;
        if !request.body.is_empty() {
            self.send_body(&mut pending.stream, request.body.clone(), true)
                .await?;
        }
        Ok(pending)
    }

    /// Submits a request with a body but for the end of the body, which [`Http2::submit_rest`] sends.
    pub(super) async fn submit_ahead(&mut self, request: &Request) -> Result<Pending, Failure> {
        let mut pending = self.open(request, false).await?;
        let ahead = if request.body.len() <= LAST_BYTE_BODY {
            request.body.len().saturating_sub(1)
        } else {
            request.body.len()
        };
        self.send_body(&mut pending.stream, request.body.slice(..ahead), false)
            .await?;
        pending.rest = Some(request.body.slice(ahead..));
        self.flush().await;
        Ok(pending)
    }

    /// Submits what [`Http2::submit_ahead`] has withheld; [`Http2::flush`] writes it.
    pub(super) fn submit_rest(pending: &mut Pending) -> Result<(), Failure> {
        let Some(rest) = pending.rest.take() else {
            return Ok(());
        };
        let sent = pending.stream.send_data(rest, true);
        sent.map_err(|error| Failure::new(error.to_string()))
    }

    async fn open(&mut self, request: &Request, whole: bool) -> Result<Pending, Failure> {
        let message = message(request).map_err(Failure::new)?;
        let mut send = self.send.clone();
        // Ready at once, as a rule: the connection is then not driven, so that what was submitted before is not written
        // yet, and all that is submitted together leaves together.
        let ready = match poll_fn(|cx| Poll::Ready(send.poll_ready(cx))).await {
            Poll::Ready(ready) => ready,
            Poll::Pending => self.drive(poll_fn(|cx| send.poll_ready(cx))).await?,
        };
        ready.map_err(|error| Failure::new(error.to_string()))?;
        let (response, stream) = send
            .send_request(message, whole)
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(Pending {
            response,
            stream,
            rest: None,
        })
    }

    async fn send_body(
        &mut self,
        stream: &mut SendStream<Bytes>,
        mut body: Bytes,
        end: bool,
    ) -> Result<(), Failure> {
        while !body.is_empty() {
            stream.reserve_capacity(body.len());
            let granted = match stream.capacity() {
                0 => self
                    .drive(poll_fn(|cx| stream.poll_capacity(cx)))
                    .await
                    .map_err(Failure::new)?,
                granted => Some(Ok(granted)),
            };
            let granted = granted
                .ok_or_else(|| {
                    Failure::new("the server ended the stream before the body was sent")
                })?
                .map_err(|error| Failure::new(error.to_string()))?;
            let chunk = body.split_to(granted.min(body.len()));
            let last = end && body.is_empty();
            stream
                .send_data(chunk, last)
                .map_err(|error| Failure::new(error.to_string()))?;
        }
        Ok(())
    }

    /// Polls the connection once: everything submitted is then written, into the gate or the socket.
    pub(super) async fn flush(&mut self) {
        let ended =
            poll_fn(|cx| Poll::Ready(Pin::new(&mut self.connection).poll(cx).is_ready())).await;
        self.ended |= ended;
    }

    /// The answers to the requests, in their order, each within `timeout`.
    pub(super) async fn answers(
        &mut self,
        pending: Vec<Pending>,
        keep: usize,
        timeout: Duration,
        clock: Clock,
    ) -> Vec<Result<Answer, Failure>> {
        let mut results: Vec<Option<Result<Answer, Failure>>> =
            pending.iter().map(|_| None).collect();
        let mut all: FuturesUnordered<_> = pending
            .into_iter()
            .enumerate()
            .map(|(at, pending)| async move { (at, within(timeout, pending, keep, clock).await) })
            .collect();
        let collecting = async {
            while let Some((at, result)) = all.next().await {
                results[at] = Some(result);
            }
        };
        // When the connection breaks, what has arrived until then counts.
        let why = self.drive(collecting).await.err().unwrap_or_default();
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(Failure::closed(why.clone()))))
            .collect()
    }

    /// Runs the future and the connection side by side until the future is done.
    async fn drive<F: Future>(&mut self, future: F) -> Result<F::Output, String> {
        let mut future = pin!(future);
        let connection = &mut self.connection;
        let ended = &mut self.ended;
        poll_fn(|cx| {
            let end = if *ended {
                Poll::Pending
            } else {
                Pin::new(&mut *connection).poll(cx)
            };
            // The streams learn of the connection's end before this does, and tell more; they are asked first.
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                *ended |= end.is_ready();
                return Poll::Ready(Ok(output));
            }
            match end {
                Poll::Pending if *ended => {
                    Poll::Ready(Err("the server closed the connection".to_owned()))
                }
                Poll::Pending => Poll::Pending,
                Poll::Ready(result) => {
                    *ended = true;
                    let why = result.err().map_or_else(
                        || "the server closed the connection".to_owned(),
                        |error| error.to_string(),
                    );
                    Poll::Ready(Err(why))
                }
            }
        })
        .await
    }
}

/// What has come of an answer.
#[derive(Default)]
struct Arrived {
    status: u16,
    head: Vec<u8>,
    body: BytesMut,
    cut: bool,
    seen: u64,
    first_ns: Option<u64>,
}

impl Arrived {
    fn failed(self, why: String) -> Failure {
        let partial = match self.first_ns {
            Some(_) => [&self.head[..], b"\r\n", &self.body[..]].concat().into(),
            None => Bytes::new(),
        };
        Failure {
            partial,
            first_ns: self.first_ns,
            ..Failure::new(why)
        }
    }
}

/// The answer, or, when it is late or breaks off, a failure with what has come of it.
async fn within(
    timeout: Duration,
    pending: Pending,
    keep: usize,
    clock: Clock,
) -> Result<Answer, Failure> {
    let mut arrived = Arrived::default();
    let why = match tokio::time::timeout(timeout, answer(pending, keep, clock, &mut arrived)).await
    {
        Ok(Ok(())) => {
            arrived.head.extend_from_slice(b"\r\n");
            return Ok(Answer {
                status: arrived.status,
                head: arrived.head.into(),
                body: arrived.body.freeze(),
                cut: arrived.cut,
                first_ns: arrived.first_ns.unwrap_or_default(),
                done_ns: clock.now(),
            });
        }
        Ok(Err(why)) => why,
        Err(_) => format!("no whole answer within {} ms", timeout.as_millis()),
    };
    Err(arrived.failed(why))
}

async fn answer(
    pending: Pending,
    keep: usize,
    clock: Clock,
    arrived: &mut Arrived,
) -> Result<(), String> {
    let Pending {
        response,
        stream: _stream,
        rest: _,
    } = pending;
    let response = response.await.map_err(|error| error.to_string())?;
    arrived.first_ns = Some(clock.now());
    let (parts, mut stream) = response.into_parts();
    arrived.status = parts.status.as_u16();
    arrived.head = format!("HTTP/2 {}\r\n", arrived.status).into_bytes();
    push_headers(&mut arrived.head, &parts.headers);
    while let Some(chunk) = stream.data().await {
        let chunk = chunk.map_err(|error| error.to_string())?;
        // Only a stream that is already over refuses capacity; there is nothing to give back to then.
        let _ = stream.flow_control().release_capacity(chunk.len());
        arrived.seen += chunk.len() as u64;
        if arrived.seen > DRAIN_LIMIT {
            return Err(format!("the body does not end within {DRAIN_LIMIT} bytes"));
        }
        let room = keep - arrived.body.len();
        arrived.cut |= chunk.len() > room;
        arrived
            .body
            .extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    if let Ok(Some(trailers)) = stream.trailers().await {
        push_headers(&mut arrived.head, &trailers);
    }
    Ok(())
}

fn push_headers(head: &mut Vec<u8>, headers: &http::HeaderMap) {
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
}

fn message(request: &Request) -> Result<http::Request<()>, String> {
    let mut uri = String::new();
    // Writing into a String cannot fail.
    let _ = write!(
        uri,
        "{}://{}{}",
        request.scheme, request.authority, request.path
    );
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .version(http::Version::HTTP_2);
    for (name, value) in &request.headers {
        // RFC 9113, section 8.2.2: fields that speak of the connection do not exist in HTTP/2; `:authority` is the host.
        if ![
            "connection",
            "keep-alive",
            "transfer-encoding",
            "upgrade",
            "host",
        ]
        .iter()
        .any(|no| name.eq_ignore_ascii_case(no))
        {
            builder = builder.header(name.as_str(), value.as_str());
        }
    }
    if !request.body.is_empty() {
        builder = builder.header("content-length", request.body.len());
    }
    builder
        .body(())
        .map_err(|error| format!("the request cannot be sent over HTTP/2: {error}"))
}

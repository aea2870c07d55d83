//! HTTP/2 as a client, on the `h2` crate: the connection is driven by hand, in the task that uses it.
//!
//! Driving it by hand is what makes a release exact: after one poll, everything submitted has been written into the
//! gate, and nothing else can run in between.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::client::{Connection, SendRequest};
use h2::{Ping, PingPong, SendStream};

mod message;
mod stream;

use self::message::message;
pub(super) use self::stream::Pending;
use self::stream::{Landed, perform};
use super::connection::Bounds;
use super::dial::Io;
use super::exchange::{Done, Failure, Request};
use super::fault::{Deeds, Script};
use super::gate::Latch;
use super::http1::HEAD_LIMIT;
use crate::scenario::AbortWhen;

/// Room for the answers on the way, per stream and per connection, bytes: wide, so that answers do not wait.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;
/// A body up to this length fits the window every peer starts with (65,535, RFC 9113, section 6.9.2), so that its last
/// byte can be held back; of a longer one, the empty frame that ends the stream is held.
const LAST_BYTE_BODY: usize = 60_000;
/// How many streams that were reset on purpose are remembered, so that what still comes for them is no error: as many
/// as a group has users at most.
const RESET_STREAMS: usize = 1_000;

/// One connection.
pub(super) struct Http2 {
    send: SendRequest<Bytes>,
    /// Absent once it was closed on purpose.
    connection: Option<Connection<Io, Bytes>>,
    ping: Option<PingPong>,
    pub(super) latch: Latch,
    ended: bool,
    /// Whether the server has little room for an answer, for the sake of a slow reader.
    narrow: bool,
}

impl Http2 {
    /// Opens HTTP/2 on the stream and waits for the peer's settings.
    pub(super) async fn new(io: Io, latch: Latch) -> Result<Http2, String> {
        let (send, mut connection) = h2::client::Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_reset_streams(RESET_STREAMS)
            .enable_push(false)
            .max_header_list_size(HEAD_LIMIT as u32)
            .handshake(io)
            .await
            .map_err(|error| format!("HTTP/2 could not be opened: {error}"))?;
        let ping = connection.ping_pong();
        let mut opened = Http2 {
            send,
            connection: Some(connection),
            ping,
            latch,
            ended: false,
            narrow: false,
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

    /// Submits what of a request leaves at once, [`Http2::flush`] writes it: all of it, as a rule.
    pub(super) async fn submit(&mut self, request: &Request) -> Result<Pending, Failure> {
        let mut pending = self.open(request).await?;
        if pending.script.slow_write().is_none() {
            let (part, ends) = part(request, &pending.script);
            pending.unsent = self.send_body(&mut pending.stream, part, ends).await.err();
        }
        Ok(pending)
    }

    /// Submits a request with a body but for the end of the body, which [`Http2::submit_rest`] sends.
    async fn submit_ahead(&mut self, request: &Request) -> Result<Pending, Failure> {
        let mut pending = self.open(request).await?;
        let (mut part, ends) = part(request, &pending.script);
        let ahead = if part.len() <= LAST_BYTE_BODY {
            part.len().saturating_sub(1)
        } else {
            part.len()
        };
        let withheld = part.split_off(ahead);
        pending.unsent = self.send_body(&mut pending.stream, part, false).await.err();
        pending.withheld =
            Some((withheld, ends)).filter(|(bytes, ends)| *ends || !bytes.is_empty());
        self.flush().await;
        Ok(pending)
    }

    /// Submits what [`Http2::submit_ahead`] has withheld; [`Http2::flush`] writes it.
    fn submit_rest(pending: &mut Pending) {
        if let Some((rest, ends)) = pending.withheld.take()
            && pending.unsent.is_none()
        {
            let sent = pending.stream.send_data(rest, ends);
            pending.unsent = sent.err().map(|error| error.to_string());
        }
    }

    /// Puts requests behind the gate, which it closes. Bodies go ahead but for their last byte, since a peer that waits
    /// for the body waits for that.
    pub(super) async fn arm(&mut self, requests: &[&Request]) -> Vec<Result<Pending, Failure>> {
        self.prepare(requests).await;
        let mut ahead = Vec::with_capacity(requests.len());
        for request in requests {
            let slow = request.faults.slow_write.is_some();
            ahead.push(match request.body.is_empty() || slow {
                true => None,
                false => Some(self.submit_ahead(request).await),
            });
        }
        let quiet = self.quiet().await;
        self.latch.close();
        let mut armed = Vec::with_capacity(requests.len());
        for (request, ahead) in requests.iter().zip(ahead) {
            armed.push(match (&quiet, ahead) {
                (Err(why), _) => Err(Failure::new(why.clone())),
                (Ok(()), None) => self.submit(request).await,
                (Ok(()), Some(ahead)) => ahead.map(|mut pending| {
                    Http2::submit_rest(&mut pending);
                    pending
                }),
            });
        }
        self.flush().await;
        armed
    }

    /// Opens a stream with the request's head.
    async fn open(&mut self, request: &Request) -> Result<Pending, Failure> {
        let message = message(request).map_err(Failure::new)?;
        let script = Script::of(&request.faults);
        let (part, ends) = part(request, &script);
        let mut send = self.send.clone();
        // Ready at once, as a rule: the connection is then not driven, so that what was submitted before is not written
        // yet, and all that is submitted together leaves together.
        let ready = match poll_fn(|cx| Poll::Ready(send.poll_ready(cx))).await {
            Poll::Ready(ready) => ready,
            Poll::Pending => self.drive(poll_fn(|cx| send.poll_ready(cx))).await?,
        };
        ready.map_err(|error| Failure::new(error.to_string()))?;
        let (response, stream) = send
            .send_request(message, ends && part.is_empty())
            .map_err(|error| Failure::new(error.to_string()))?;
        let later = (script.slow_write().is_some() && !part.is_empty()).then_some((part, ends));
        Ok(Pending {
            response,
            stream,
            withheld: None,
            later,
            unsent: None,
            script,
        })
    }

    async fn send_body(
        &mut self,
        stream: &mut SendStream<Bytes>,
        mut body: Bytes,
        ends: bool,
    ) -> Result<(), String> {
        while !body.is_empty() {
            stream.reserve_capacity(body.len());
            let granted = match stream.capacity() {
                0 => self.drive(poll_fn(|cx| stream.poll_capacity(cx))).await?,
                granted => Some(Ok(granted)),
            };
            let granted = granted
                .ok_or("the server ended the stream before the body was sent")?
                .map_err(|error| error.to_string())?;
            let chunk = body.split_to(granted.min(body.len()));
            let last = ends && body.is_empty();
            let sent = stream.send_data(chunk, last);
            sent.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Makes the server's room for an answer small when the only request on the connection is to be read slowly; among
    /// others, it is read slowly, but they keep their room.
    pub(super) async fn prepare(&mut self, requests: &[&Request]) {
        let [request] = requests else {
            return;
        };
        let Some(pace) = request.faults.slow_read else {
            return;
        };
        // Refused while an earlier change is not acknowledged yet, which a server does before it answers a PING; and so it
        // holds once that is answered.
        self.narrow =
            self.room(pace.bytes) || (self.quiet().await.is_ok() && self.room(pace.bytes));
        let _ = self.quiet().await;
    }

    /// Asks for so much room for an answer on every new stream.
    fn room(&mut self, bytes: u32) -> bool {
        let connection = self.connection.as_mut();
        connection.is_some_and(|connection| connection.set_initial_window_size(bytes).is_ok())
    }

    fn ordinary_again(&mut self) {
        if std::mem::take(&mut self.narrow) && !self.room(STREAM_WINDOW) {
            // Another is opened in its place.
            self.give_up();
        }
    }

    /// Polls the connection once: everything submitted is then written, into the gate or the socket.
    pub(super) async fn flush(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let ended = poll_fn(|cx| Poll::Ready(Pin::new(&mut *connection).poll(cx).is_ready())).await;
        self.ended |= ended;
    }

    /// Closes the connection, at once.
    fn close(&mut self) {
        self.ended = true;
        self.latch.finish();
        self.connection = None;
    }

    /// Carries out what is left of the requests, which were sent at `sent_ns`, up to their answers; a result for each,
    /// in their order.
    pub(super) async fn perform(
        &mut self,
        pending: Vec<Pending>,
        sent_ns: u64,
        bounds: Bounds<'_>,
    ) -> Vec<Done> {
        let mut landed: Vec<Option<Landed>> = pending.iter().map(|_| None).collect();
        let mut all: FuturesUnordered<_> = pending
            .into_iter()
            .enumerate()
            .map(|(at, pending)| async move { (at, perform(pending, bounds).await) })
            .collect();
        let mut closed = false;
        // When the connection breaks, what has arrived until then counts.
        let why = loop {
            match self.drive(all.next()).await {
                Ok(Some((at, mut stream))) => {
                    if closed && stream.result.is_err() && !stream.cut_off {
                        stream.deeds.lost_its_connection();
                        stream.cut_off = true;
                    }
                    if stream.closes {
                        // The others learn of it from their streams, and keep what has come.
                        self.close();
                        closed = true;
                    }
                    landed[at] = Some(stream);
                }
                Ok(None) => break String::new(),
                Err(why) => break why,
            }
        };
        drop(all);
        self.ordinary_again();
        // What was reset is told to the server now, and not with the next request.
        self.flush().await;
        let done = |landed: Option<Landed>| {
            let landed = landed.unwrap_or_else(|| unheard(&why, closed));
            let sent_ns = landed.sent_ns.unwrap_or(sent_ns);
            Done::new(sent_ns, landed.result, bounds.clock)
                .provoked(landed.deeds.told())
                .cut_off(landed.cut_off)
        };
        landed.into_iter().map(done).collect()
    }

    /// Runs the future and the connection side by side until the future is done.
    async fn drive<F: Future>(&mut self, future: F) -> Result<F::Output, String> {
        let mut future = pin!(future);
        let connection = &mut self.connection;
        let ended = &mut self.ended;
        poll_fn(|cx| {
            let end = match connection.as_mut() {
                Some(connection) if !*ended => Pin::new(connection).poll(cx),
                _ => Poll::Pending,
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

/// What becomes of a stream of which nothing was heard any more, when the connection was over; `closed` by this side.
fn unheard(why: &str, closed: bool) -> Landed {
    let mut deeds = Deeds::default();
    if closed {
        deeds.lost_its_connection();
    }
    Landed {
        result: Err(Failure::closed(why)),
        deeds,
        cut_off: closed,
        sent_ns: None,
        closes: false,
    }
}

/// What of the body is to be sent, and whether the request ends with it.
fn part(request: &Request, script: &Script) -> (Bytes, bool) {
    match script.breaks_off(AbortWhen::MidRequest) {
        Some(_) => (request.body.slice(..request.body.len() / 2), false),
        None => (request.body.clone(), true),
    }
}

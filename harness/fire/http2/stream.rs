//! One stream after its release: the rest of its request, its answer, and what is done to it on purpose.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};

use super::message::push_headers;
use crate::fire::Clock;
use crate::fire::connection::Bounds;
use crate::fire::exchange::{Answer, Failure};
use crate::fire::fault::{BreakOff, Cut, Deeds, Script};
use crate::fire::http1::DRAIN_LIMIT;
use crate::fire::wait::pause;
use crate::scenario::{AbortHow, AbortWhen, Pace};

/// A request under way: its answer, and the stream it went out on, which must not be dropped before.
pub(crate) struct Pending {
    pub(crate) response: ResponseFuture,
    pub(crate) stream: SendStream<Bytes>,
    /// What is withheld when a body was sent ahead, and whether the request ends with it.
    pub(crate) withheld: Option<(Bytes, bool)>,
    /// What a slow writer sends after the release, and whether the request ends with it.
    pub(crate) later: Option<(Bytes, bool)>,
    /// Why the body did not leave whole. An answer may come all the same.
    pub(crate) unsent: Option<String>,
    pub(crate) script: Script,
}

/// What has become of a stream.
pub(crate) struct Landed {
    pub(crate) result: Result<Answer, Failure>,
    pub(crate) deeds: Deeds,
    /// Whether this side ended it.
    pub(crate) cut_off: bool,
    /// When the last byte of a slowly written request left.
    pub(crate) sent_ns: Option<u64>,
    /// Whether the connection is to be closed on its account.
    pub(crate) closes: bool,
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

impl Pending {
    /// Changes what is done to it.
    pub(crate) fn script_mut(&mut self) -> &mut Script {
        &mut self.script
    }
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

    fn whole(mut self, clock: Clock) -> Answer {
        self.head.extend_from_slice(b"\r\n");
        Answer {
            status: self.status,
            head: self.head.into(),
            body: self.body.freeze(),
            cut: self.cut,
            first_ns: self.first_ns.unwrap_or_default(),
            done_ns: clock.now(),
        }
    }
}

/// Why an answer did not come whole.
enum Ended {
    Failed(String),
    BrokenOff(BreakOff),
}

impl From<String> for Ended {
    fn from(why: String) -> Ended {
        Ended::Failed(why)
    }
}

/// The receiving half of a stream.
struct Receiving {
    response: ResponseFuture,
    stream: Option<RecvStream>,
    arrived: Arrived,
    keep: usize,
    clock: Clock,
}

/// Carries out what is left of a request, up to its answer.
pub(crate) async fn perform(pending: Pending, bounds: Bounds<'_>) -> Landed {
    let Pending {
        response,
        stream: mut sending,
        withheld: _,
        later,
        unsent,
        script,
    } = pending;
    let mut deeds = Deeds::default();
    let mut sent_ns = None;
    let mut receiving = Receiving {
        response,
        stream: None,
        arrived: Arrived::default(),
        keep: bounds.keep,
        clock: bounds.clock,
    };
    let act = async {
        if let (Some(pace), Some(later)) = (script.slow_write(), later) {
            deeds.wrote_slowly(pace);
            let breaks = script.breaks_off(AbortWhen::MidRequest).is_some()
                || script.breaks_off(AbortWhen::BeforeAnswer).is_some();
            let writing = async {
                let written = send_slowly(&mut sending, later, pace).await;
                sent_ns = Some(bounds.clock.now());
                written
            };
            if breaks {
                writing.await?;
            } else {
                return alongside(writing, read(&mut receiving, script, &mut deeds)).await;
            }
        }
        for when in [AbortWhen::MidRequest, AbortWhen::BeforeAnswer] {
            if let Some(break_off) = script.breaks_off(when) {
                pause(break_off.after, bounds.clock).await;
                return Err(Ended::BrokenOff(break_off));
            }
        }
        read(&mut receiving, script, &mut deeds).await
    };
    let acted = script.bounded(bounds, act).await;
    let mut closes = false;
    let mut cut_off = false;
    let why = match acted {
        Ok(Ok(())) => {
            return Landed {
                result: Ok(receiving.arrived.whole(bounds.clock)),
                deeds,
                cut_off: false,
                sent_ns,
                closes,
            };
        }
        Ok(Err(Ended::Failed(why))) => unsent.unwrap_or(why),
        Ok(Err(Ended::BrokenOff(break_off))) => {
            receiving.take_what_came().await;
            deeds.broke_off(break_off);
            sending.send_reset(Reason::CANCEL);
            closes = break_off.how == AbortHow::Close;
            cut_off = true;
            "broken off on purpose".to_owned()
        }
        Err(cut) => {
            if let Cut::GaveUp(limit) = cut {
                deeds.gave_up(limit);
                cut_off = true;
            }
            sending.send_reset(Reason::CANCEL);
            cut.why()
        }
    };
    Landed {
        result: Err(receiving.arrived.failed(why)),
        deeds,
        cut_off,
        sent_ns,
        closes,
    }
}

/// Reads the answer as the script asks for.
async fn read(receiving: &mut Receiving, script: Script, deeds: &mut Deeds) -> Result<(), Ended> {
    let pace = script.slow_read();
    if let Some(pace) = pace {
        deeds.read_slowly(pace);
    }
    receiving.head().await?;
    if let Some(break_off) = script.breaks_off(AbortWhen::MidAnswer) {
        pause(break_off.after, receiving.clock).await;
        return Err(Ended::BrokenOff(break_off));
    }
    while let Some(length) = receiving.chunk().await? {
        receiving.release(length, pace).await;
    }
    receiving.trailers().await;
    Ok(())
}

impl Receiving {
    async fn head(&mut self) -> Result<(), String> {
        let response = (&mut self.response).await;
        let response = response.map_err(|error| error.to_string())?;
        self.answered(response);
        Ok(())
    }

    fn answered(&mut self, response: http::Response<RecvStream>) {
        self.arrived.first_ns = Some(self.clock.now());
        let (parts, stream) = response.into_parts();
        self.arrived.status = parts.status.as_u16();
        self.arrived.head = format!("HTTP/2 {}\r\n", self.arrived.status).into_bytes();
        push_headers(&mut self.arrived.head, &parts.headers);
        self.stream = Some(stream);
    }

    /// Takes the next piece of the body; its length, or `None` at the end.
    async fn chunk(&mut self) -> Result<Option<usize>, String> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        match stream.data().await {
            Some(Ok(chunk)) => self.keep(&chunk).map(Some),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(None),
        }
    }

    fn keep(&mut self, chunk: &[u8]) -> Result<usize, String> {
        let arrived = &mut self.arrived;
        arrived.seen += chunk.len() as u64;
        if arrived.seen > DRAIN_LIMIT {
            return Err(format!("the body does not end within {DRAIN_LIMIT} bytes"));
        }
        let room = self.keep - arrived.body.len();
        arrived.cut |= chunk.len() > room;
        arrived
            .body
            .extend_from_slice(&chunk[..chunk.len().min(room)]);
        Ok(chunk.len())
    }

    /// Gives the server room for so many bytes more: at once, or as a slow reader does.
    async fn release(&mut self, mut length: usize, pace: Option<Pace>) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        // Only a stream that is already over refuses capacity; there is nothing to give back to then.
        let Some(pace) = pace else {
            let _ = stream.flow_control().release_capacity(length);
            return;
        };
        while length > 0 {
            rest(pace).await;
            let now = length.min(pace.bytes.max(1) as usize);
            let _ = stream.flow_control().release_capacity(now);
            length -= now;
        }
    }

    async fn trailers(&mut self) {
        if let Some(stream) = &mut self.stream
            && let Ok(Some(trailers)) = stream.trailers().await
        {
            push_headers(&mut self.arrived.head, &trailers);
        }
    }

    /// Takes what has come already, without waiting for more.
    async fn take_what_came(&mut self) {
        if self.stream.is_none() {
            let response = poll_fn(|cx| Poll::Ready(Pin::new(&mut self.response).poll(cx))).await;
            let Poll::Ready(Ok(response)) = response else {
                return;
            };
            self.answered(response);
        }
        while let Some(stream) = &mut self.stream {
            let polled = poll_fn(|cx| Poll::Ready(stream.poll_data(cx))).await;
            let Poll::Ready(Some(Ok(chunk))) = polled else {
                return;
            };
            if self.keep(&chunk).is_err() {
                return;
            }
        }
    }
}

/// Writes and reads at the same time; over when the answer is, whether all was written or not.
async fn alongside(
    writing: impl Future<Output = Result<(), String>>,
    reading: impl Future<Output = Result<(), Ended>>,
) -> Result<(), Ended> {
    match select(pin!(writing), pin!(reading)).await {
        Either::Left((written, reading)) => match (written, reading.await) {
            (Err(why), Err(Ended::Failed(_))) => Err(Ended::Failed(why)),
            (_, read) => read,
        },
        Either::Right((read, _)) => read,
    }
}

async fn send_slowly(
    stream: &mut SendStream<Bytes>,
    (mut bytes, ends): (Bytes, bool),
    pace: Pace,
) -> Result<(), String> {
    let mut first = true;
    while !bytes.is_empty() {
        if !std::mem::take(&mut first) {
            rest(pace).await;
        }
        let wanted = bytes.len().min(pace.bytes.max(1) as usize);
        stream.reserve_capacity(wanted);
        let granted = poll_fn(|cx| stream.poll_capacity(cx)).await;
        let granted = granted
            .ok_or("the server ended the stream before the body was sent")?
            .map_err(|error| error.to_string())?;
        let chunk = bytes.split_to(granted.min(wanted));
        let last = ends && bytes.is_empty();
        let sent = stream.send_data(chunk, last);
        sent.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn rest(pace: Pace) {
    tokio::time::sleep(Duration::from_millis(u64::from(pace.every_ms))).await;
}

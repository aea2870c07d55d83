//! One connection, whichever protocol it speaks: single exchanges, and the three acts of a volley, which are arming,
//! release (through the latch) and collecting.

use std::time::Duration;

use super::dial::{Dial, Io};
use super::exchange::{Done, Failure, Request};
use super::fault::{BreakOff, Cut, Script};
use super::gate::Latch;
use super::http1::{Batch, Begin, Http1};
use super::http2::{Http2, Pending};
use super::{Clock, Stop};
use crate::scenario::Protocol;

/// How long opening one connection may take, TLS and HTTP/2 included.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What holds for every exchange of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds<'a> {
    /// Bytes of a body that are kept.
    pub(crate) keep: usize,
    /// How long one exchange may take.
    pub(crate) timeout: Duration,
    pub(crate) clock: Clock,
    /// Ends every wait that is made on purpose.
    pub(crate) stop: &'a Stop,
    /// When the run is over at the latest, nanoseconds since it began.
    pub(crate) until_ns: u64,
}

/// A connection and its number in the run.
pub(crate) struct Connection {
    pub(crate) number: u32,
    speaks: Speaks,
}

enum Speaks {
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

/// Requests that are armed on a connection.
pub(crate) enum Armed {
    Http1(Batch),
    Http2(Vec<Result<Pending, Failure>>),
    /// They could not be armed, so many of them; the failure is their result.
    Failed(Failure, usize),
}

impl Armed {
    /// Nothing yet.
    pub(crate) fn none() -> Armed {
        Armed::Http2(Vec::new())
    }

    /// Breaks every one of them off so, once they are released.
    pub(crate) fn break_off(&mut self, break_off: BreakOff) {
        let change = |script: &mut Script| *script = script.broken_off(break_off);
        match self {
            Armed::Http1(batch) => change(batch.script_mut()),
            Armed::Http2(pending) => pending
                .iter_mut()
                .flatten()
                .for_each(|pending| change(pending.script_mut())),
            Armed::Failed(..) => {}
        }
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Armed::Http1(batch) => batch.len(),
            Armed::Http2(pending) => pending.len(),
            Armed::Failed(_, count) => *count,
        }
    }
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    /// A sentence that says which step failed, or that it took longer than [`DIAL_TIMEOUT`].
    pub(crate) async fn open(dial: &Dial, number: u32) -> Result<Connection, String> {
        tokio::time::timeout(DIAL_TIMEOUT, Connection::open_unbounded(dial, number))
            .await
            .unwrap_or_else(|_| {
                Err(format!(
                    "no connection to {} within {} s",
                    dial.base.authority(),
                    DIAL_TIMEOUT.as_secs()
                ))
            })
    }

    async fn open_unbounded(dial: &Dial, number: u32) -> Result<Connection, String> {
        let (io, latch): (Io, Latch) = dial.open().await?;
        let speaks = match dial.protocol {
            Protocol::Http1 => Speaks::Http1(Box::new(Http1::new(io, latch))),
            Protocol::Http2 => Speaks::Http2(Box::new(Http2::new(io, latch).await?)),
        };
        Ok(Connection { number, speaks })
    }

    /// Takes notice of what the peer has sent meanwhile, such as the end of the connection.
    pub(crate) async fn catch_up(&mut self) {
        match &mut self.speaks {
            Speaks::Http1(http1) => http1.catch_up().await,
            Speaks::Http2(http2) => http2.flush().await,
        }
    }

    pub(crate) fn alive(&self) -> bool {
        match &self.speaks {
            Speaks::Http1(http1) => http1.alive(),
            Speaks::Http2(http2) => http2.alive(),
        }
    }

    /// Lets nothing more go out on it: something was begun on it that did not come to its end.
    pub(crate) fn give_up(&mut self) {
        match &mut self.speaks {
            Speaks::Http1(http1) => http1.give_up(),
            Speaks::Http2(http2) => http2.give_up(),
        }
    }

    /// How many requests it can carry at once.
    pub(crate) fn capacity(&self) -> usize {
        match &self.speaks {
            Speaks::Http1(_) => 1,
            Speaks::Http2(http2) => http2.streams(),
        }
    }

    /// Whether it takes requests in one write, however many, and answers them in order.
    pub(crate) fn pipelines(&self) -> bool {
        matches!(self.speaks, Speaks::Http1(_))
    }

    pub(crate) fn latch(&self) -> &Latch {
        match &self.speaks {
            Speaks::Http1(http1) => &http1.latch,
            Speaks::Http2(http2) => &http2.latch,
        }
    }

    /// One request and its answer, alone, with everything that is done to it on purpose.
    pub(crate) async fn exchange(&mut self, request: &Request, bounds: Bounds<'_>) -> Done {
        let done = self.exchanges(&[request], bounds).await.pop();
        done.unwrap_or_else(|| lost(bounds))
    }

    /// Requests of one step in one write, and their answers in order. Over HTTP/2 they are streams at the same time.
    pub(crate) async fn pipeline(&mut self, requests: &[Request], bounds: Bounds<'_>) -> Vec<Done> {
        let requests: Vec<&Request> = requests.iter().collect();
        self.exchanges(&requests, bounds).await
    }

    async fn exchanges(&mut self, requests: &[&Request], bounds: Bounds<'_>) -> Vec<Done> {
        match &mut self.speaks {
            Speaks::Http1(http1) => {
                let batch = Batch::new(requests);
                http1.prepare(&batch);
                http1.perform(batch, Begin::Now, bounds).await
            }
            Speaks::Http2(http2) => {
                let submit = async {
                    http2.prepare(requests).await;
                    let mut pending = Vec::with_capacity(requests.len());
                    for request in requests {
                        pending.push(http2.submit(request).await);
                    }
                    http2.flush().await;
                    pending
                };
                let submitted = tokio::time::timeout(bounds.timeout, submit).await;
                let sent_ns = bounds.clock.now();
                match submitted {
                    Ok(pending) => all(http2, pending, sent_ns, bounds).await,
                    Err(_) => {
                        let late = Failure::new(Cut::Late(bounds.timeout).why());
                        failed(late, requests.len(), sent_ns, bounds)
                    }
                }
            }
        }
    }

    /// Puts requests behind the closed gate: as many as the connection carries at once, or several of one step.
    pub(crate) async fn arm(&mut self, requests: &[&Request], bounds: Bounds<'_>) -> Armed {
        let arming = self.arm_unbounded(requests);
        let why = match tokio::time::timeout(bounds.timeout, arming).await {
            Ok(Ok(armed)) => return armed,
            Ok(Err(error)) => format!("the request could not be armed: {error}"),
            Err(_) => "the server did not let the request be prepared".to_owned(),
        };
        self.unarmed(why, requests.len())
    }

    /// Nothing of what was prepared is to leave.
    fn unarmed(&mut self, why: String, count: usize) -> Armed {
        self.give_up();
        self.latch().discard();
        Armed::Failed(Failure::new(why), count)
    }

    async fn arm_unbounded(&mut self, requests: &[&Request]) -> std::io::Result<Armed> {
        match &mut self.speaks {
            Speaks::Http1(http1) => {
                let batch = Batch::new(requests);
                http1.prepare(&batch);
                http1.latch.close();
                http1.hold(&batch).await?;
                Ok(Armed::Http1(batch))
            }
            Speaks::Http2(http2) => Ok(Armed::Http2(http2.arm(requests).await)),
        }
    }

    /// Sends ahead all but the last `keep` bytes of what is armed; nothing of what is written slowly from its release on.
    /// When the peer does not take it, the requests have failed and the connection is given up: a request with a hole in
    /// it must not be released.
    pub(crate) async fn send_ahead(&mut self, keep: usize, armed: &mut Armed, bounds: Bounds<'_>) {
        if matches!(armed, Armed::Http1(batch) if batch.slow()) {
            return;
        }
        let sending = self.latch().send_ahead(keep);
        let why = match tokio::time::timeout(bounds.timeout, sending).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the server does not take it".to_owned(),
        };
        let why = format!("the request could not be sent ahead: {why}");
        *armed = self.unarmed(why, armed.len());
    }

    /// Opens the gate, which was released at `released_ns`, carries out what is done to the armed requests on purpose and
    /// reads their answers; a result for each, in their order.
    pub(crate) async fn collect(
        &mut self,
        armed: Armed,
        released_ns: u64,
        bounds: Bounds<'_>,
    ) -> Vec<Done> {
        match (armed, &mut self.speaks) {
            (Armed::Http1(batch), Speaks::Http1(http1)) => {
                let begin = Begin::Released(released_ns);
                http1.perform(batch, begin, bounds).await
            }
            (Armed::Http2(pending), Speaks::Http2(http2)) => {
                let late = http2.latch.held() > 0;
                let opened = tokio::time::timeout(bounds.timeout, http2.latch.open()).await;
                let why = match opened {
                    Ok(Ok(())) => {
                        // What the kernel did not take at the release has left now.
                        let sent_ns = if late {
                            bounds.clock.now()
                        } else {
                            released_ns
                        };
                        return all(http2, pending, sent_ns, bounds).await;
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "the server does not take it".to_owned(),
                };
                http2.give_up();
                let why = format!("the request could not be sent: {why}");
                failed(Failure::new(why), pending.len(), released_ns, bounds)
            }
            (Armed::Failed(failure, count), _) => failed(failure, count, released_ns, bounds),
            (armed, _) => {
                let why = Failure::new("armed for another protocol");
                failed(why, armed.len(), released_ns, bounds)
            }
        }
    }
}

/// The results of what was submitted, in its order.
async fn all(
    http2: &mut Http2,
    submitted: Vec<Result<Pending, Failure>>,
    sent_ns: u64,
    bounds: Bounds<'_>,
) -> Vec<Done> {
    let mut failures = Vec::with_capacity(submitted.len());
    let mut pending = Vec::with_capacity(submitted.len());
    for one in submitted {
        match one {
            Ok(one) => {
                pending.push(one);
                failures.push(None);
            }
            Err(failure) => failures.push(Some(failure)),
        }
    }
    let mut landed = http2.perform(pending, sent_ns, bounds).await.into_iter();
    let done = |failure: Option<Failure>| match failure {
        Some(failure) => Done::new(sent_ns, Err(failure), bounds.clock),
        None => landed.next().unwrap_or_else(|| lost(bounds)),
    };
    failures.into_iter().map(done).collect()
}

fn failed(failure: Failure, count: usize, sent_ns: u64, bounds: Bounds<'_>) -> Vec<Done> {
    let done = |_| Done::new(sent_ns, Err(failure.clone()), bounds.clock);
    (0..count).map(done).collect()
}

fn lost(bounds: Bounds<'_>) -> Done {
    let failure = Failure::new("the answer was lost");
    Done::new(bounds.clock.now(), Err(failure), bounds.clock)
}

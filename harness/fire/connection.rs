//! One connection, whichever protocol it speaks: single exchanges, and the three acts of a volley, which are arming,
//! release (through the latch) and collecting.

use std::time::Duration;

use super::dial::{Dial, Io};
use super::exchange::{Answer, Done, Failure, Request};
use super::gate::Latch;
use super::http1::Http1;
use super::http2::{Http2, Pending};
use super::{Clock, Stop};
use crate::scenario::Protocol;

/// How long opening one connection may take, TLS and HTTP/2 included.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What holds for every exchange of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    /// Bytes of a body that are kept.
    pub(super) keep: usize,
    /// How long one exchange may take.
    pub(super) timeout: Duration,
    pub(super) clock: Clock,
    /// Ends every wait that is made on purpose.
    pub(super) stop: &'a Stop,
    /// When the run is over at the latest, nanoseconds since it began.
    pub(super) until_ns: u64,
}

/// A connection and its number in the run.
pub(super) struct Connection {
    pub(super) number: u32,
    speaks: Speaks,
}

enum Speaks {
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

/// A request that is armed on a connection.
pub(super) enum Armed {
    Http1 {
        method: String,
    },
    Http2(Pending),
    /// It could not be armed; the failure is its result.
    Failed(Failure),
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    /// A sentence that says which step failed, or that it took longer than [`DIAL_TIMEOUT`].
    pub(super) async fn open(dial: &Dial, number: u32) -> Result<Connection, String> {
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
    pub(super) async fn catch_up(&mut self) {
        if let Speaks::Http2(http2) = &mut self.speaks {
            http2.flush().await;
        }
    }

    pub(super) fn alive(&self) -> bool {
        match &self.speaks {
            Speaks::Http1(http1) => http1.alive(),
            Speaks::Http2(http2) => http2.alive(),
        }
    }

    /// Lets nothing more go out on it: something was begun on it that did not come to its end.
    pub(super) fn give_up(&mut self) {
        match &mut self.speaks {
            Speaks::Http1(http1) => http1.give_up(),
            Speaks::Http2(http2) => http2.give_up(),
        }
    }

    /// How many requests it can carry at once.
    pub(super) fn capacity(&self) -> usize {
        match &self.speaks {
            Speaks::Http1(_) => 1,
            Speaks::Http2(http2) => http2.streams(),
        }
    }

    pub(super) fn latch(&self) -> &Latch {
        match &self.speaks {
            Speaks::Http1(http1) => &http1.latch,
            Speaks::Http2(http2) => &http2.latch,
        }
    }

    /// One request and its answer, alone.
    pub(super) async fn exchange(&mut self, request: &Request, bounds: Bounds<'_>) -> Done {
        let clock = bounds.clock;
        match &mut self.speaks {
            Speaks::Http1(http1) => {
                let mut sent_ns = clock.now();
                let alone = async {
                    http1.write(request).await.map_err(|error| {
                        Failure::closed(format!("the request could not be sent: {error}"))
                    })?;
                    sent_ns = clock.now();
                    http1.answer(&request.method, bounds.keep, clock).await
                };
                let result = timed(bounds, alone)
                    .await
                    .map_err(|failure| http1.with_partial(failure));
                Done::new(sent_ns, result, clock)
            }
            Speaks::Http2(http2) => {
                let submit = async {
                    let pending = http2.submit(request).await;
                    http2.flush().await;
                    pending
                };
                let submitted = tokio::time::timeout(bounds.timeout, submit).await;
                let sent_ns = clock.now();
                let result = match submitted {
                    Ok(Ok(pending)) => one(http2
                        .answers(vec![pending], bounds.keep, bounds.timeout, clock)
                        .await),
                    Ok(Err(failure)) => Err(failure),
                    Err(_) => Err(late(bounds)),
                };
                Done::new(sent_ns, result, clock)
            }
        }
    }

    /// Puts requests behind the closed gate. Over HTTP/2, bodies go ahead but for their last byte, since a peer that
    /// waits for the body waits for that.
    pub(super) async fn arm(&mut self, requests: &[&Request], bounds: Bounds<'_>) -> Vec<Armed> {
        let arming = self.arm_unbounded(requests);
        if let Ok(armed) = tokio::time::timeout(bounds.timeout, arming).await {
            return armed;
        }
        self.give_up();
        let why = "the server did not let the request be prepared";
        let failed = || Armed::Failed(Failure::new(why));
        requests.iter().map(|_| failed()).collect()
    }

    /// Sends ahead all but the last `keep` bytes of what is armed. When the peer does not take it, the requests have
    /// failed and the connection is given up: a request with a hole in it must not be released.
    pub(super) async fn send_ahead(
        &mut self,
        keep: usize,
        armed: &mut [Armed],
        bounds: Bounds<'_>,
    ) {
        let sending = self.latch().send_ahead(keep);
        let why = match tokio::time::timeout(bounds.timeout, sending).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the server does not take it".to_owned(),
        };
        self.give_up();
        self.latch().discard();
        let why = format!("the request could not be sent ahead: {why}");
        for armed in armed {
            *armed = Armed::Failed(Failure::new(why.clone()));
        }
    }

    async fn arm_unbounded(&mut self, requests: &[&Request]) -> Vec<Armed> {
        let mut armed = Vec::with_capacity(requests.len());
        match &mut self.speaks {
            Speaks::Http1(http1) => {
                http1.latch.close();
                for request in requests {
                    armed.push(match http1.write(request).await {
                        Ok(()) => Armed::Http1 {
                            method: request.method.clone(),
                        },
                        Err(error) => Armed::Failed(Failure::new(format!(
                            "the request could not be armed: {error}"
                        ))),
                    });
                }
            }
            Speaks::Http2(http2) => {
                let mut ahead = Vec::with_capacity(requests.len());
                for request in requests {
                    ahead.push(if request.body.is_empty() {
                        None
                    } else {
                        Some(http2.submit_ahead(request).await)
                    });
                }
                let quiet = http2.quiet().await;
                http2.latch.close();
                for (request, ahead) in requests.iter().zip(ahead) {
                    armed.push(match (&quiet, ahead) {
                        (Err(why), _) => Armed::Failed(Failure::new(why.clone())),
                        (Ok(()), None) => held(http2.submit(request).await),
                        (Ok(()), Some(Err(failure))) => Armed::Failed(failure),
                        (Ok(()), Some(Ok(mut pending))) => {
                            held(Http2::submit_rest(&mut pending).map(|()| pending))
                        }
                    });
                }
                http2.flush().await;
            }
        }
        armed
    }

    /// Opens the gate and reads the answers to the armed requests, in their order.
    pub(super) async fn collect(
        &mut self,
        armed: Vec<Armed>,
        bounds: Bounds<'_>,
    ) -> Vec<Result<Answer, Failure>> {
        let opened = tokio::time::timeout(bounds.timeout, self.latch().open()).await;
        let why = opened.map_or_else(
            |_| Some("the server does not take the request".to_owned()),
            |opened| opened.err().map(|error| error.to_string()),
        );
        if let Some(why) = why {
            self.give_up();
            return armed
                .iter()
                .map(|_| {
                    Err(Failure::new(format!(
                        "the request could not be sent: {why}"
                    )))
                })
                .collect();
        }
        match &mut self.speaks {
            Speaks::Http1(http1) => {
                let mut answers = Vec::with_capacity(armed.len());
                for armed in armed {
                    answers.push(match armed {
                        Armed::Http1 { method } => {
                            let answer =
                                timed(bounds, http1.answer(&method, bounds.keep, bounds.clock))
                                    .await;
                            answer.map_err(|failure| http1.with_partial(failure))
                        }
                        Armed::Failed(failure) => Err(failure),
                        Armed::Http2(_) => Err(Failure::new("armed for another protocol")),
                    });
                }
                answers
            }
            Speaks::Http2(http2) => {
                let mut failures = Vec::with_capacity(armed.len());
                let mut pending = Vec::with_capacity(armed.len());
                for armed in armed {
                    match armed {
                        Armed::Http2(request) => {
                            failures.push(None);
                            pending.push(request);
                        }
                        Armed::Failed(failure) => failures.push(Some(failure)),
                        Armed::Http1 { .. } => {
                            failures.push(Some(Failure::new("armed for another protocol")))
                        }
                    }
                }
                let mut answers = http2
                    .answers(pending, bounds.keep, bounds.timeout, bounds.clock)
                    .await
                    .into_iter();
                let missing = || Err(Failure::new("the answer was lost"));
                failures
                    .into_iter()
                    .map(|failure| {
                        failure.map_or_else(|| answers.next().unwrap_or_else(missing), Err)
                    })
                    .collect()
            }
        }
    }
}

fn held(submitted: Result<Pending, Failure>) -> Armed {
    match submitted {
        Ok(pending) => Armed::Http2(pending),
        Err(failure) => Armed::Failed(failure),
    }
}

fn one(answers: Vec<Result<Answer, Failure>>) -> Result<Answer, Failure> {
    answers
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(Failure::new("the answer was lost")))
}

fn late(bounds: Bounds<'_>) -> Failure {
    Failure::new(format!(
        "no whole answer within {} ms",
        bounds.timeout.as_millis()
    ))
}

async fn timed<F: Future<Output = Result<Answer, Failure>>>(
    bounds: Bounds<'_>,
    answer: F,
) -> Result<Answer, Failure> {
    tokio::time::timeout(bounds.timeout, answer)
        .await
        .unwrap_or_else(|_| Err(late(bounds)))
}

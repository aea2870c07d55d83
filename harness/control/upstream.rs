//! The proxy's connections to the target: those of one connection of crosswire's are used by nobody else, so that the
//! target sees as many clients as without the proxy.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;

use super::headers::{Door, to_target};
use crate::fire::Line;

/// How long opening a connection may take, TLS included.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// How long a target may take to the head of its answer; crosswire's own limit, as a rule, is met before.
const HEAD_LIMIT: Duration = Duration::from_secs(600);
/// Most header lines of an answer.
pub(super) const HEADER_LINES: usize = 1024;
/// Longest head of a request or an answer, bytes.
pub(super) const HEAD_BYTES: usize = 1 << 20;

/// Runs futures on the proxy's thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here;

impl<F> Executor<F> for Here
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move { drop(future.await) });
    }
}

/// The connections to the target that belong to one connection of crosswire's. Clones share them.
#[derive(Clone)]
pub(super) struct Lines(Rc<Shared>);

struct Shared {
    line: Rc<Line>,
    door: Rc<Door>,
    idle: RefCell<Vec<http1::SendRequest<Incoming>>>,
    http2: tokio::sync::Mutex<Option<http2::SendRequest<Incoming>>>,
}

/// An HTTP/1.1 connection whose answer is being read.
pub(super) struct Lent {
    sender: http1::SendRequest<Incoming>,
    lines: Lines,
}

impl Lent {
    /// The answer was read to its end: another request may go out.
    pub(super) fn give_back(self) {
        if !self.sender.is_closed() {
            self.lines.0.idle.borrow_mut().push(self.sender);
        }
    }
}

impl Lines {
    pub(super) fn new(line: Rc<Line>, door: Rc<Door>) -> Lines {
        Lines(Rc::new(Shared {
            line,
            door,
            idle: RefCell::new(Vec::new()),
            http2: tokio::sync::Mutex::new(None),
        }))
    }

    /// Passes a request on and gives the head of the answer, whose body is still coming.
    ///
    /// # Errors
    /// A sentence that says what the target did.
    pub(super) async fn send(
        &self,
        request: Request<Incoming>,
    ) -> Result<(Response<Incoming>, Option<Lent>), String> {
        let sending = async {
            if self.0.line.http2() {
                let answer = self.send_http2(request).await?;
                Ok((answer, None))
            } else {
                let (answer, lent) = self.send_http1(request).await?;
                Ok((answer, Some(lent)))
            }
        };
        let authority = &self.0.door.authority;
        tokio::time::timeout(HEAD_LIMIT, sending)
            .await
            .unwrap_or_else(|_| {
                let seconds = HEAD_LIMIT.as_secs();
                Err(format!("{authority} gave no answer within {seconds} s"))
            })
    }

    async fn send_http1(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<(Response<Incoming>, Lent), String> {
        to_target(&mut request, &self.0.door, false);
        loop {
            let idle = self.0.idle.borrow_mut().pop();
            let reused = idle.is_some();
            let mut sender = match idle {
                Some(sender) => sender,
                None => self.open_http1().await?,
            };
            if let Err(error) = sender.ready().await {
                if reused {
                    continue;
                }
                return Err(self.no_answer(&error));
            }
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    let lines = self.clone();
                    return Ok((answer, Lent { sender, lines }));
                }
                // Nothing of it has left: the target had closed the idle connection.
                Err(mut error) => match error.take_message().filter(|_| reused) {
                    Some(unsent) => request = unsent,
                    None => return Err(self.no_answer(error.error())),
                },
            }
        }
    }

    async fn send_http2(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<Incoming>, String> {
        to_target(&mut request, &self.0.door, true);
        let mut sender = {
            let mut open = self.0.http2.lock().await;
            match &*open {
                Some(sender) if !sender.is_closed() => sender.clone(),
                _ => open.insert(self.open_http2().await?).clone(),
            }
        };
        let wrong = |error: hyper::Error| self.no_answer(&error);
        sender.ready().await.map_err(wrong)?;
        sender.send_request(request).await.map_err(wrong)
    }

    async fn open_http1(&self) -> Result<http1::SendRequest<Incoming>, String> {
        let io = TokioIo::new(self.open().await?);
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(HEADER_LINES)
            .max_buf_size(HEAD_BYTES)
            .handshake(io)
            .await
            .map_err(|error| self.no_answer(&error))?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }

    async fn open_http2(&self) -> Result<http2::SendRequest<Incoming>, String> {
        let io = TokioIo::new(self.open().await?);
        let (sender, connection) = http2::Builder::new(Here)
            .max_header_list_size(HEAD_BYTES as u32)
            .handshake(io)
            .await
            .map_err(|error| self.no_answer(&error))?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }

    async fn open(&self) -> Result<crate::fire::LineIo, String> {
        let opening = self.0.line.open();
        tokio::time::timeout(OPEN_LIMIT, opening)
            .await
            .unwrap_or_else(|_| {
                Err(format!(
                    "no connection to {} within {} s",
                    self.0.door.authority,
                    OPEN_LIMIT.as_secs()
                ))
            })
    }

    fn no_answer(&self, error: &hyper::Error) -> String {
        let mut why = format!("{} gave no answer: {error}", self.0.door.authority);
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            why = format!("{why}: {cause}");
            source = cause.source();
        }
        why
    }
}

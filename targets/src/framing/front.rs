//! The front: it passes requests on over connections that it keeps open, whoever they are for.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use tokio::io::{
    AsyncBufRead as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;

use super::backend::Backend;
use super::reuse::Rules;
use super::wire::{Head, written};
use crate::sync::{Mutex, point};

/// Connections that are kept while nobody uses them.
const KEPT: usize = 32;
/// Bytes of an answer's body; none is longer here.
const LARGEST: u64 = 1 << 20;
/// Bytes that are under way between the ends of a pipe, as in the buffers of a socket.
const PIPE: usize = 256 * 1024;

/// What is between one hop and the next, and is not passed on.
const OF_THE_HOP: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// A connection to the backend.
type Upstream = BufReader<Box<dyn Stream>>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How the backend is reached.
#[derive(Debug)]
pub(super) enum Reach {
    /// At its address.
    Socket(SocketAddr),
    /// Through a pipe, at whose other end it works as a task.
    Pipe(Arc<Backend>),
}

/// Passes requests on.
pub(super) struct Front {
    rules: Rules,
    reach: Reach,
    /// Open, and of use to whoever comes next; the one that was used last comes first.
    idle: Mutex<Vec<Upstream>>,
}

impl fmt::Debug for Front {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Front").finish_non_exhaustive()
    }
}

impl Front {
    pub(super) fn new(rules: Rules, reach: Reach) -> Self {
        Self {
            rules,
            reach,
            idle: Mutex::new(Vec::new()),
        }
    }

    async fn take(&self) -> io::Result<Upstream> {
        point().await;
        while let Some(mut kept) = self.idle_one() {
            if !self.rules.quiet_when_taken || is_quiet(&mut kept) {
                return Ok(kept);
            }
        }
        Ok(BufReader::new(self.connect().await?))
    }

    fn idle_one(&self) -> Option<Upstream> {
        self.idle.lock().pop()
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match &self.reach {
            Reach::Socket(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Reach::Pipe(backend) => {
                let (near, far) = tokio::io::duplex(PIPE);
                let backend = Arc::clone(backend);
                tokio::spawn(async move { backend.serve(far).await });
                Ok(Box::new(near))
            }
        }
    }

    async fn give_back(&self, upstream: Upstream) {
        point().await;
        let mut idle = self.idle.lock();
        if idle.len() < KEPT {
            idle.push(upstream);
        }
    }

    async fn answer(&self, request: Request) -> Result<Response, StatusCode> {
        let (head, body) = request.into_parts();
        // Bodies without a stated length are not passed on.
        let length = body.size_hint().exact();
        let length = length.ok_or(StatusCode::LENGTH_REQUIRED)?;
        let failed = |_: io::Error| StatusCode::BAD_GATEWAY;
        let mut upstream = self.take().await.map_err(failed)?;
        // Whoever leaves meanwhile takes the connection with it: it is dropped, and not given back.
        let said = send(&mut upstream, &head, length, body).await;
        // A backend that is closing may take no more, and yet have answered.
        let answer = receive(&mut upstream).await;
        let (stays, answer) = answer.map_err(failed)?;
        if stays && said.is_ok() {
            self.give_back(upstream).await;
        }
        Ok(answer)
    }
}

/// Passes a request on, and its answer back.
pub(super) async fn forward(State(front): State<Arc<Front>>, request: Request) -> Response {
    match front.answer(request).await {
        Ok(answer) => answer,
        Err(status) => (status, "not passed on\n").into_response(),
    }
}

/// Whether nothing has arrived on a connection that nobody uses, not even its end.
fn is_quiet(upstream: &mut Upstream) -> bool {
    let look = poll_fn(|context: &mut Context<'_>| {
        Poll::Ready(Pin::new(&mut *upstream).poll_fill_buf(context).is_pending())
    });
    // Whether there is something must not depend on how much of its turn the task has used up.
    let mut look = std::pin::pin!(tokio::task::unconstrained(look));
    let mut context = Context::from_waker(Waker::noop());
    matches!(look.as_mut().poll(&mut context), Poll::Ready(true))
}

/// Sends a whole request.
async fn send(
    upstream: &mut Upstream,
    head: &Parts,
    length: u64,
    mut body: Body,
) -> io::Result<()> {
    let target = head.uri.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let length = length.to_string();
    let passed = head.headers.iter();
    let passed = passed
        .filter(|(name, _)| !OF_THE_HOP.contains(name))
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let own = [("content-length", length.as_str())];
    let bytes = written(
        &format!("{} {target} HTTP/1.1", head.method),
        passed.chain(own),
    );
    upstream.write_all(bytes.as_bytes()).await?;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let data = frame.map_err(io::Error::other)?.into_data();
        if let Ok(data) = data {
            upstream.write_all(&data).await?;
        }
    }
    upstream.flush().await
}

/// Receives a whole answer, and whether the connection stays open.
async fn receive(upstream: &mut Upstream) -> io::Result<(bool, Response)> {
    let head = Head::read(upstream).await?;
    let head = head.ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head
        .first
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok());
    let length = head.length().filter(|length| *length <= LARGEST);
    let (Some(status), Some(length)) = (status, length) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut body = Vec::new();
    upstream.take(length).read_to_end(&mut body).await?;
    if u64::try_from(body.len()) != Ok(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let stays = head
        .fields
        .get(CONNECTION)
        .is_none_or(|said| said != "close");
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let passed = head.fields.into_iter();
    let passed = passed.filter_map(|(name, value)| Some((name?, value)));
    answer
        .headers_mut()
        .extend(passed.filter(|(name, _)| !OF_THE_HOP.contains(name)));
    Ok((stays, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_quiet_until_something_or_its_end_arrives() {
        for end in [false, true] {
            let (near, mut far) = tokio::io::duplex(PIPE);
            let mut upstream: Upstream = BufReader::new(Box::new(near));
            assert!(is_quiet(&mut upstream) && is_quiet(&mut upstream));
            match end {
                true => far.shutdown().await.unwrap(),
                false => far.write_all(b"H").await.unwrap(),
            }
            assert!(!is_quiet(&mut upstream));
        }
    }
}

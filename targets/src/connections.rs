//! Taking connections and serving them: HTTP/1.1 and HTTP/2 on one port, with or without TLS.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use http::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::peer::Peer;

/// How long a stopping server waits for the requests that it is answering.
pub const STOP_LIMIT: Duration = Duration::from_secs(5);
/// The most connections served at one time; further ones wait to be accepted.
pub const MAX_CONNECTIONS: usize = 10_000;
/// The most requests in flight on one HTTP/2 connection.
pub const MAX_STREAMS: u32 = 1_000;
/// How long a stopping server waits for the last answers to leave its buffers and for connections to end in good order,
/// once there is no request left to answer. Short, because a client that stops its own server may wait for it, with
/// open connections that it does not look after meanwhile.
const FAREWELL_LIMIT: Duration = Duration::from_millis(100);
/// How long a TLS handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long the head of an HTTP/1.1 request may take. Long, because a client under test may hold one back on purpose.
const HEAD_LIMIT: Duration = Duration::from_secs(60);
/// How many connections may wait to be accepted, as far as the system allows it.
const BACKLOG: u32 = 4_096;
/// How long to wait after a failed accept, which most often means that the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Listens on `addr`, also when connections of an earlier server are still winding down there.
pub(crate) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Serves until `stopped` resolves, and then finishes what is being answered.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    mut stopped: oneshot::Receiver<()>,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (none_in_flight, in_flight) = watch::channel(());
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            _ = &mut stopped => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (tls, watcher) = (tls.clone(), graceful.watcher());
                let site = Site {
                    router: router.clone(),
                    peer: peer.ip().into(),
                    in_flight: none_in_flight.clone(),
                };
                tokio::spawn(async move {
                    connection(stream, site, tls, watcher).await;
                    drop(permit);
                });
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    drop(in_flight);
    let mut ended = pin!(graceful.shutdown());
    // What is not done by then is cut off with the runtime.
    tokio::select! {
        () = &mut ended => {}
        _ = timeout(STOP_LIMIT, none_in_flight.closed()) => drop(timeout(FAREWELL_LIMIT, ended).await),
    }
}

/// What a connection needs for its requests.
struct Site {
    router: Router,
    peer: Peer,
    /// A request in flight holds a receiver.
    in_flight: watch::Sender<()>,
}

async fn connection(stream: TcpStream, site: Site, tls: Option<TlsAcceptor>, watcher: Watcher) {
    // Without it an answer may wait for an acknowledgement; if it cannot be set, answers are late, not wrong.
    let _ = stream.set_nodelay(true);
    match tls {
        None => exchange(stream, site, watcher).await,
        // A client that fails the handshake has ended its own connection.
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
                exchange(stream, site, watcher).await;
            }
        }
    }
}

async fn exchange<S>(stream: S, site: Site, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(site.peer);
        let answer = site.router.clone().oneshot(request);
        let in_flight = site.in_flight.subscribe();
        async move {
            let answer = answer.await.unwrap_or_else(|never| match never {});
            Result::<_, Infallible>::Ok(answer.map(|body| Departing { body, in_flight }))
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS);
    let connection = server
        .serve_connection(TokioIo::new(stream), service)
        .into_owned();
    // How a connection ended concerns its client, who saw it.
    let _ = watcher.watch(connection).await;
}

/// An answer's body, which keeps its request in flight until the connection has taken it all.
struct Departing {
    body: Body,
    #[expect(dead_code, reason = "held, never read")]
    in_flight: watch::Receiver<()>,
}

impl HttpBody for Departing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

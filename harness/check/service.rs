//! A service in this process, served on 127.0.0.1 for as long as it is needed.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tower_service::Service;

use super::{Check, CheckError};

/// Connections that are served at a time; further ones wait.
const CONNECTIONS: usize = 10_000;
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 1_000;
/// Header lines of a request, and bytes of its head.
const HEADER_LINES: usize = 1_000;
const HEAD_BYTES: usize = 1 << 20;
/// Threads that work for the service: two at least, so that requests are worked on at once.
const WORKERS: (usize, usize) = (2, 8);
/// How long stopping waits for what the service does on blocking threads.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait after a failed accept, which most often means that there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A service that can be served: every [`tower_service::Service`] that takes hyper's requests, can be cloned, and is
/// `Send`. `axum::Router` and tonic's services are such without further ado; a hyper service is one as
/// `tower::service_fn(move |request| service.call(request))`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served: it is no `tower` service of `http::Request<hyper::body::Incoming>` that is `Clone + Send + 'static`",
    note = "an `axum::Router` is one once its state is given: `.with_state(…)`"
)]
pub trait HttpService: Clone + Send + 'static {
    /// Body of its answers.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;

    /// Answers a request. An error ends the request without an answer.
    fn answer(
        self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Self::Body>, BoxError>> + Send;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;

    async fn answer(mut self, request: Request<Incoming>) -> Result<Response<B>, BoxError> {
        poll_fn(|context| self.poll_ready(context))
            .await
            .map_err(Into::into)?;
        self.call(request).await.map_err(Into::into)
    }
}

/// A check of a service in this process. It is served on a free port of 127.0.0.1, over HTTP/1.1 and HTTP/2 without TLS, on
/// threads of its own, for as long as the check runs.
///
/// It is called after the place of this call until [`Check::named`] says otherwise.
#[track_caller]
pub fn check_service(service: impl HttpService) -> Check {
    // The port is known once it is served.
    Check::built("http://127.0.0.1").service(service)
}

impl Check {
    /// A service in this process instead of the scenario's own target; see [`check_service`].
    pub fn service<S: HttpService>(self, service: S) -> Check {
        self.service_from(async move || service)
    }

    /// [`Check::service`] with a service that is made on the runtime that serves it, for instance because it opens a pool
    /// of connections there.
    pub fn service_from<S: HttpService>(
        mut self,
        make: impl AsyncFnOnce() -> S + Send + 'static,
    ) -> Check {
        self.service = Some(Start(Box::new(move || serve_from(make))));
        self
    }
}

/// Starts the service of a check.
pub(super) struct Start(Box<dyn FnOnce() -> io::Result<Served> + Send>);

impl Start {
    pub(super) fn now(self) -> Result<Served, CheckError> {
        (self.0)().map_err(|error| CheckError::system("the service cannot be served", &error))
    }
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a service")
    }
}

/// A service that is being served on 127.0.0.1. It stops when it is dropped: no further connections, and what is still
/// being answered is cut off.
#[derive(Debug)]
pub struct Served {
    url: String,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves a service on a free port of 127.0.0.1, for tests that ask it something before or after a check.
///
/// # Errors
/// When the system gives no thread or port.
///
/// ```
/// use axum::{Router, routing};
///
/// let served = crosswire::check::serve(Router::new().route("/", routing::get(async || "hello")))?;
/// assert!(served.url().starts_with("http://127.0.0.1:"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn serve(service: impl HttpService) -> io::Result<Served> {
    serve_from(async move || service)
}

/// [`serve`] for a service that is made on the runtime that serves it.
///
/// # Errors
/// As for [`serve`], and when `make` panics.
pub fn serve_from<S: HttpService>(
    make: impl AsyncFnOnce() -> S + Send + 'static,
) -> io::Result<Served> {
    let (stop, stopped) = oneshot::channel();
    let (tell, told) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("service under test".to_owned());
    let thread = thread.spawn(move || run(make, &tell, stopped))?;
    let url = told
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other("making it panicked")))?;
    Ok(Served {
        url,
        stop: Some(stop),
        thread: Some(thread),
    })
}

impl Served {
    /// Where it is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Dropping the sender is the sign to stop.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the panic hook; there is nothing to add to it.
            let _ = thread.join();
        }
    }
}

fn run<S: HttpService>(
    make: impl AsyncFnOnce() -> S,
    tell: &mpsc::SyncSender<io::Result<String>>,
    stopped: oneshot::Receiver<Infallible>,
) {
    // Whoever started it waits for this; if nobody does, there is nobody to be told.
    let say = |told| drop(tell.send(told));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.clamp(WORKERS.0, WORKERS.1))
        .thread_name("service under test")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return say(Err(error)),
    };
    runtime.block_on(async {
        let service = make().await;
        let opened = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            Ok((listener, format!("http://{address}")))
        };
        match opened.await {
            Err(error) => say(Err(error)),
            Ok((listener, url)) => {
                say(Ok(url));
                tokio::select! {
                    () = listen(listener, service) => {}
                    _ = stopped => {}
                }
            }
        }
    });
    runtime.shutdown_timeout(STOP_LIMIT);
}

async fn listen<S: HttpService>(listener: TcpListener, service: S) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = service.clone();
                tokio::spawn(async move {
                    connection(stream, service).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection<S: HttpService>(stream: TcpStream, service: S) {
    // Without it an answer may wait for an acknowledgement; if it cannot be set, answers are late, not wrong.
    let _ = stream.set_nodelay(true);
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        // A scenario may close its sending side and still wait for the answer.
        .half_close(true)
        .max_headers(HEADER_LINES)
        .max_buf_size(HEAD_BYTES);
    server
        .http2()
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(STREAMS);
    let service = service_fn(move |request| service.clone().answer(request));
    // How a connection ended concerns its client, who saw it.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

//! The proxy's thread: takes connections, passes requests on, and lets answers change hands while it is armed.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

use super::body::{Passing, Read, read};
use super::headers::{Door, to_crosswire, who};
use super::swapping::{Given, Swapping, Ticket, Whole};
use super::upstream::{HEAD_BYTES, HEADER_LINES, Here, Lines};
use super::{MARK, SWAPPED, Swap, SwapCounts, Upstream};
use crate::fire::Line;

/// Connections that are served at a time; further ones wait.
const CONNECTIONS: usize = 10_000;
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 1_000;
/// How long to wait after a failed accept, which most often means that there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What all connections share.
#[derive(Clone)]
struct Site {
    doors: Rc<[Door]>,
    swapping: Swapping,
    armed: Arc<AtomicBool>,
    room: Arc<Semaphore>,
}

/// Runs the proxy until it is stopped.
pub(super) fn run(
    upstreams: &[Upstream],
    swap: Swap,
    armed: Arc<AtomicBool>,
    tell: &SyncSender<Result<Vec<String>, String>>,
    stopped: oneshot::Receiver<()>,
) -> SwapCounts {
    // Whoever started the proxy waits for this; if nobody does, there is nobody to be told.
    let say = |told| drop(tell.send(told));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            say(Err(error.to_string()));
            return SwapCounts::default();
        }
    };
    let swapping = Swapping::new(swap);
    let counts = swapping.clone();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let opened = open(upstreams).await;
        let (ports, urls) = match opened {
            Ok(opened) => opened,
            Err(why) => return say(Err(why)),
        };
        let doors: Rc<[Door]> = ports.iter().map(|port| port.door.clone()).collect();
        let site = Site {
            doors,
            swapping,
            armed,
            room: Arc::new(Semaphore::new(CONNECTIONS)),
        };
        for port in ports {
            tokio::task::spawn_local(listen(port, site.clone()));
        }
        say(Ok(urls));
        // Also when the proxy is gone without a word.
        let _ = stopped.await;
    });
    // Ends every connection.
    drop(local);
    counts.counts()
}

/// An upstream and the listener that stands for it.
struct Port {
    listener: TcpListener,
    door: Door,
    line: Rc<Line>,
}

/// Opens a port for each upstream; also gives what takes the place of their base URLs.
async fn open(upstreams: &[Upstream]) -> Result<(Vec<Port>, Vec<String>), String> {
    let mut ports = Vec::with_capacity(upstreams.len());
    let mut urls = Vec::with_capacity(upstreams.len());
    for upstream in upstreams {
        let line = Line::new(
            &upstream.network,
            &upstream.base_url,
            upstream.trusted_pem.as_deref(),
            upstream.http2,
        )
        .await?;
        let base = line.base();
        let authority = base.authority().rsplit('@').next().unwrap_or_default();
        let origin = format!("{}://{authority}", base.scheme());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|error| format!("no port can be opened: {error}"))?;
        let address = listener
            .local_addr()
            .map_err(|error| format!("the port is not known: {error}"))?;
        let local = format!("http://{address}");
        urls.push(format!("{local}{}", base.path().trim_end_matches('/')));
        let door = Door {
            scheme: if base.scheme() == "https" {
                Scheme::HTTPS
            } else {
                Scheme::HTTP
            },
            authority: Authority::try_from(authority)
                .map_err(|error| format!("`{authority}` cannot be asked: {error}"))?,
            origin,
            local,
        };
        ports.push(Port {
            listener,
            door,
            line: Rc::new(line),
        });
    }
    Ok((ports, urls))
}

async fn listen(port: Port, site: Site) {
    let door = Rc::new(port.door);
    loop {
        let permit = Arc::clone(&site.room).acquire_owned().await;
        match port.listener.accept().await {
            Ok((stream, _)) => {
                let lines = Lines::new(Rc::clone(&port.line), Rc::clone(&door));
                let site = site.clone();
                tokio::task::spawn_local(async move {
                    connection(stream, lines, site).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, lines: Lines, site: Site) {
    // Without it an answer may wait for an acknowledgement; if it cannot be set, answers are late, not wrong.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let (lines, site) = (lines.clone(), site.clone());
        async move { Ok::<_, Infallible>(answer(request, &lines, &site).await) }
    });
    let mut server = auto::Builder::new(Here);
    server
        .http1()
        .auto_date_header(false)
        // A scenario may close its sending side and still wait for the answer.
        .half_close(true)
        .preserve_header_case(true)
        .max_headers(HEADER_LINES)
        .max_buf_size(HEAD_BYTES);
    server
        .http2()
        .auto_date_header(false)
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(STREAMS);
    // How a connection ended concerns its client, who saw it.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(mut request: Request<Incoming>, lines: &Lines, site: &Site) -> Response<Passing> {
    let who = who(&mut request);
    let is_head = request.method() == Method::HEAD;
    let ticket = who
        .filter(|_| site.armed.load(Ordering::Relaxed) && !is_head)
        .map(|who| site.swapping.begin(who));
    match lines.send(request).await {
        Err(why) => bad_gateway(&why, site),
        Ok((answer, lent)) => {
            let (mut head, incoming) = answer.into_parts();
            to_crosswire(&mut head.headers, &site.doors);
            head.version = Version::HTTP_11;
            let ticket = ticket.filter(|_| may_be_swapped(head.status));
            let Some(ticket) = ticket else {
                let ahead = std::collections::VecDeque::new();
                return Response::from_parts(
                    head,
                    Passing::Rest {
                        ahead,
                        incoming,
                        lent,
                    },
                );
            };
            match read(incoming).await {
                Err(error) => bad_gateway(&format!("the answer broke off: {error}"), site),
                Ok(Read::Longer { ahead, incoming }) => Response::from_parts(
                    head,
                    Passing::Rest {
                        ahead,
                        incoming,
                        lent,
                    },
                ),
                Ok(Read::Whole { body, trailers }) => {
                    if let Some(lent) = lent {
                        lent.give_back();
                    }
                    let whole = Whole {
                        head,
                        body,
                        trailers,
                    };
                    offered(ticket, whole).await
                }
            }
        }
    }
}

/// An answer of 2xx that has a body.
fn may_be_swapped(status: StatusCode) -> bool {
    status.is_success()
        && !matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT
        )
}

async fn offered(ticket: Ticket, whole: Whole) -> Response<Passing> {
    // An empty answer holds nobody's data: swapping it would show nothing.
    let given = if whole.body.is_empty() {
        Given {
            answer: whole,
            swapped: false,
        }
    } else {
        ticket.offer(whole).await
    };
    let Whole {
        mut head,
        body,
        trailers,
    } = given.answer;
    if given.swapped {
        let mark = HeaderValue::from_static(SWAPPED);
        head.headers.insert(MARK, mark);
        head.headers.remove(CONTENT_LENGTH);
    }
    Response::from_parts(head, Passing::Whole { body, trailers })
}

fn bad_gateway(why: &str, site: &Site) -> Response<Passing> {
    site.swapping.failed();
    let body = Bytes::from(format!("the control's proxy has no answer: {why}\n"));
    let mut answer = Response::new(Passing::Whole {
        body,
        trailers: None,
    });
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

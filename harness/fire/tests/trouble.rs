//! HTTP/2 from servers that break it: each failure says what happened, and no more is kept than was asked for.

use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};

use super::scripted::{Act, Scripted, block_on, bounds, get};
use crate::fire::connection::{Bounds, Connection};
use crate::fire::dial::Dial;
use crate::fire::exchange::{Answer, Failure};
use crate::scenario::Protocol;

/// What a server does with a request.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Sends a body for as long as somebody takes it.
    Endless,
    /// Sends the head and the beginning of a body, then resets the stream.
    Reset,
    /// Sends the head and the beginning of a body, then closes the connection.
    Leave,
    /// Says that there are ten bytes, and sends four.
    Short,
    /// Sends headers of a megabyte.
    Flood,
}

/// What comes of a request that a server treats so.
fn asked(deed: Deed) -> Result<Answer, Failure> {
    let asking = async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::task::spawn_local(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
            let mut busy = None;
            while let Some(Ok((_, respond))) = connection.accept().await {
                busy = begin(deed, respond);
                if matches!(deed, Deed::Leave) {
                    // What was sent leaves first: the client sees it, then the end.
                    connection.graceful_shutdown();
                    let driven = std::future::poll_fn(|cx| {
                        std::task::Poll::Ready(connection.poll_closed(cx).is_ready())
                    });
                    driven.await;
                    return;
                }
            }
            drop(busy);
        });
        let dial = Dial::new(&format!("http://{address}"), None, Protocol::Http2).await;
        let mut connection = Connection::open(&dial.expect("an address"), 0)
            .await
            .expect("a connection");
        let bounds = Bounds {
            timeout: match deed {
                Deed::Endless => Duration::from_millis(300),
                _ => bounds().timeout,
            },
            ..bounds()
        };
        let done = connection.exchange(&get("/x"), bounds).await;
        drop(connection);
        server.await.expect("the server ends");
        done.result
    };
    block_on(tokio::task::LocalSet::new().run_until(asking))
}

/// Begins to answer; what is given back must live for the answer to go on.
fn begin(deed: Deed, mut respond: SendResponse<Bytes>) -> Option<tokio::task::JoinHandle<()>> {
    let head = http::Response::builder();
    let head = match deed {
        Deed::Short => head.header("content-length", "10"),
        Deed::Flood => head.header("x-flood", "y".repeat(1 << 20)),
        _ => head.header("x-head", "came"),
    };
    let head = head.body(()).expect("a head");
    let Ok(mut stream) = respond.send_response(head, false) else {
        // The server's own library refuses to send such a head.
        respond.send_reset(Reason::INTERNAL_ERROR);
        return None;
    };
    let _ = stream.send_data(Bytes::from_static(b"begi"), matches!(deed, Deed::Short));
    match deed {
        Deed::Endless => Some(tokio::task::spawn_local(pour(stream))),
        Deed::Reset => {
            // Behind the data that the client has taken.
            Some(tokio::task::spawn_local(async move {
                tokio::task::yield_now().await;
                stream.send_reset(Reason::INTERNAL_ERROR);
            }))
        }
        _ => None,
    }
}

async fn pour(mut stream: SendStream<Bytes>) {
    let piece = Bytes::from(vec![b'x'; 16 * 1024]);
    loop {
        stream.reserve_capacity(piece.len());
        match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(Ok(granted)) if granted > 0 => {
                let piece = piece.slice(..granted.min(piece.len()));
                if stream.send_data(piece, false).is_err() {
                    return;
                }
            }
            Some(Ok(_)) => {}
            _ => return,
        }
    }
}

#[test]
fn what_breaks_off_is_told_and_its_beginning_kept() {
    for (deed, part) in [
        (Deed::Endless, "no whole answer within 300 ms"),
        (Deed::Reset, "internal error"),
        (Deed::Leave, "closed"),
        (Deed::Short, "protocol error"),
        (Deed::Flood, ""),
    ] {
        let failure = asked(deed).expect_err("no whole answer");
        assert!(!failure.why.is_empty(), "{deed:?}");
        assert!(failure.why.contains(part), "{deed:?}: {}", failure.why);
        let kept = bounds().keep + 256;
        assert!(
            failure.partial.len() <= kept,
            "{deed:?}: {}",
            failure.partial.len()
        );
        if matches!(deed, Deed::Endless) {
            assert!(failure.partial.starts_with(b"HTTP/2 200"), "{failure:?}");
        }
    }
}

#[test]
fn garbage_after_the_preface_is_no_http2() {
    let server = Scripted::new(vec![Act::SayAndClose(
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff garbage",
    )]);
    let opened = block_on(async {
        let dial = server.dial(Protocol::Http2).await;
        Connection::open(&dial, 0).await.map(drop)
    });
    let why = opened.expect_err("no connection");
    assert!(why.contains("does not speak HTTP/2"), "{why}");
}

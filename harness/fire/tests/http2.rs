//! HTTP/2: many streams leave in one write, and a server that does not speak it is told apart.

use bytes::Bytes;

use super::scripted::{Act, Scripted, block_on, bounds, get};
use crate::fire::connection::Connection;
use crate::fire::dial::Dial;
use crate::fire::exchange::Request;
use crate::scenario::Protocol;

/// An HTTP/2 server on a port of its own that echoes path and body of every request on one connection.
async fn echo() -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::task::spawn_local(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut connection = h2::server::Builder::new()
            .max_concurrent_streams(50)
            .handshake::<_, Bytes>(stream)
            .await
            .expect("HTTP/2");
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            tokio::task::spawn_local(async move {
                let mut text = request.uri().path().as_bytes().to_vec();
                let mut body = request.into_body();
                while let Some(Ok(chunk)) = body.data().await {
                    drop(body.flow_control().release_capacity(chunk.len()));
                    text.extend_from_slice(&chunk);
                }
                let mut stream = respond
                    .send_response(http::Response::new(()), false)
                    .expect("a stream");
                stream.send_data(text.into(), true).expect("a stream");
            });
        }
    });
    (format!("http://{address}"), server)
}

pub(super) fn local<F: Future>(future: F) -> F::Output {
    block_on(tokio::task::LocalSet::new().run_until(future))
}

#[test]
fn whole_requests_of_many_users_leave_in_one_write() {
    local(async {
        let (url, server) = echo().await;
        let dial = Dial::new(&url, None, Protocol::Http2)
            .await
            .expect("an address");
        let mut connection = Connection::open(&dial, 0).await.expect("a connection");
        assert_eq!(connection.capacity(), 50);
        let requests: Vec<Request> = (0..20).map(|user| get(&format!("/user{user}"))).collect();
        let armed = connection
            .arm(&requests.iter().collect::<Vec<_>>(), bounds())
            .await;
        let held = connection.latch().held();
        assert!(
            (20 * 9..1400).contains(&held),
            "20 HEADERS frames are held, {held} bytes"
        );
        assert!(
            connection.latch().release().expect("released"),
            "one write takes them all"
        );
        assert_eq!(connection.latch().held(), 0);
        let answers = connection.collect(armed, 0, bounds()).await;
        for (user, answer) in answers.iter().enumerate() {
            assert_eq!(
                answer.result.as_ref().expect("an answer").body,
                format!("/user{user}")
            );
        }
        drop(connection);
        server.await.expect("the server ends");
    });
}

#[test]
fn of_a_body_only_the_last_byte_is_held() {
    local(async {
        let (url, server) = echo().await;
        let dial = Dial::new(&url, None, Protocol::Http2)
            .await
            .expect("an address");
        let mut connection = Connection::open(&dial, 0).await.expect("a connection");
        for length in [1, 2, 3000, 200_000] {
            let body = vec![b'x'; length];
            let request = Request {
                method: "POST".to_owned(),
                body: body.clone().into(),
                ..get("/b")
            };
            let armed = connection.arm(&[&request], bounds()).await;
            let held = connection.latch().held();
            assert!(
                (9..=40).contains(&held),
                "a frame of at most one byte is held, not {held} bytes"
            );
            let keep = crate::fire::connection::Bounds {
                keep: 1 << 20,
                ..bounds()
            };
            let answers = connection.collect(armed, 0, keep).await;
            assert_eq!(
                answers[0].result.as_ref().expect("an answer").body.len(),
                length + 2
            );
        }
        drop(connection);
        server.await.expect("the server ends");
    });
}

#[test]
fn a_server_of_http1_is_told_apart() {
    block_on(async {
        let server = Scripted::new(vec![Act::SayAndClose(
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        )]);
        let dial = server.dial(Protocol::Http2).await;
        let why = Connection::open(&dial, 0).await.err().expect("no HTTP/2");
        assert!(why.contains("does not speak HTTP/2"), "{why}");
    });
}

/// Over TLS, a record is what the peer can read or not: all requests must be in one.
#[cfg(feature = "cli")]
#[test]
fn whole_requests_of_many_users_are_one_tls_record() {
    block_on(async {
        let mut options = crosswire_targets::Options::new("mail", "per-request");
        options.tls = true;
        let server = crosswire_targets::start(options).expect("a server");
        let pem = server.certificate_pem();
        let dial = Dial::new(&server.base_url(), pem, Protocol::Http2).await;
        let dial = dial.expect("an address");
        let mut connection = Connection::open(&dial, 0).await.expect("a connection");
        let requests: Vec<Request> = (0..100).map(|user| get(&format!("/u{user}"))).collect();
        let armed = connection
            .arm(&requests.iter().collect::<Vec<_>>(), bounds())
            .await;
        let held = connection.latch().held_bytes();
        assert_eq!(held[0], 23, "application data");
        let length = usize::from(u16::from_be_bytes([held[3], held[4]]));
        assert_eq!(held.len(), 5 + length, "one record and nothing else");
        assert!(connection.latch().release().expect("released"));
        let answers = connection.collect(armed, 0, bounds()).await;
        assert!(answers.iter().all(|answer| answer.result.is_ok()));
        drop(connection);
        server.stop();
    });
}

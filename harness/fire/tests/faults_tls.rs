//! Faults through TLS: the server's TLS sees whole records of half a request, and the end of the client's side.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use rustls::pki_types::PrivatePkcs8KeyDer;

use super::scripted::{block_on, bounds, get};
use crate::fire::connection::Connection;
use crate::fire::dial::Dial;
use crate::fire::exchange::{Done, Request};
use crate::scenario::{Abort, AbortHow, AbortWhen, Faults, Protocol};

type Stream = rustls::StreamOwned<rustls::ServerConnection, std::net::TcpStream>;

/// One connection over TLS, met by `act`, which tells when the client may go on after the release.
fn ask(request: &Request, act: fn(&mut Stream, &Sender<()>) -> String) -> (Done, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .expect("a certificate and its key");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = channel();
    let server: JoinHandle<String> = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let tls = rustls::ServerConnection::new(Arc::new(config)).expect("a connection");
        act(&mut Stream::new(tls, stream), &tell)
    });
    block_on(async {
        let pem = made.cert.pem();
        let url = format!("https://{address}");
        let dial = Dial::new(&url, Some(&pem), Protocol::Http1).await;
        let connection = Connection::open(&dial.expect("an address"), 0).await;
        let mut connection = connection.expect("a connection");
        let armed = connection.arm(&[request], bounds()).await;
        assert!(connection.latch().release().expect("released"));
        told.recv().expect("the server is ready");
        let done = connection.collect(armed, 0, bounds()).await.remove(0);
        // While the connection is still held here.
        let saw = server.join().expect("the server ends");
        (done, saw)
    })
}

/// Everything up to the end, and what that was; the client may go on once `first` bytes have come.
fn rest(stream: &mut Stream, first: usize, tell: &Sender<()>) -> String {
    let mut all = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        if all.len() >= first {
            // Told more often than it is heard.
            let _ = tell.send(());
        }
        let end = match stream.read(&mut buffer) {
            Ok(0) => "close_notify",
            Ok(read) => {
                all.extend_from_slice(&buffer[..read]);
                continue;
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => "RST",
            Err(_) => "trouble",
        };
        return format!("{} bytes, {end}", all.len());
    }
}

fn with(faults: Faults, request: Request) -> Request {
    Request {
        faults,
        scheme: "https",
        ..request
    }
}

#[test]
fn a_half_close_is_close_notify_and_the_answer_comes_after_it() {
    let faults = Faults {
        half_close: true,
        ..Faults::default()
    };
    let (done, saw) = ask(&with(faults, get("/x")), |stream, tell| {
        let saw = rest(stream, 0, tell);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        stream.write_all(answer).expect("it is written");
        saw
    });
    assert!(saw.ends_with("close_notify"), "{saw}");
    assert_eq!(done.result.expect("an answer").body, b"ok".as_slice());
}

#[test]
fn half_a_request_can_be_read_before_it_is_broken_off() {
    for (how, end) in [(AbortHow::Close, "close_notify"), (AbortHow::Reset, "RST")] {
        let abort = Abort {
            when: AbortWhen::MidRequest,
            how,
            after_ms: 0,
        };
        let faults = Faults {
            abort: Some(abort),
            ..Faults::default()
        };
        let request = Request {
            method: "POST".to_owned(),
            body: vec![b'x'; 2_000].into(),
            ..get("/x")
        };
        let (done, saw) = ask(&with(faults, request), |stream, tell| {
            rest(stream, 1_000, tell)
        });
        let (bytes, ended) = saw.split_once(" bytes, ").expect("two parts");
        let bytes: usize = bytes.parse().expect("a number");
        assert!((1_000..1_100).contains(&bytes), "{saw}");
        assert_eq!(ended, end);
        assert!(done.provoked.is_some());
    }
}

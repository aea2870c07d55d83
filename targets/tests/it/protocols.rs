//! Over real connections: HTTP/1.1, HTTP/2 with and without TLS, and a stop in the middle of a request.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use crosswire_targets::{Options, Server, StoreKind, start};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio_rustls::TlsConnector;

/// What a logged-in client sends along.
struct Session {
    cookie: String,
    csrf: String,
}

impl Session {
    const NONE: Self = Self {
        cookie: String::new(),
        csrf: String::new(),
    };

    /// One request on a connection of its own; all that came back.
    fn exchange(
        &self,
        addr: SocketAddr,
        method: &str,
        path: &str,
        body: &str,
    ) -> io::Result<String> {
        let Self { cookie, csrf } = self;
        let length = body.len();
        let mut stream = TcpStream::connect(addr)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncookie: {cookie}\r\n\
             x-csrf-token: {csrf}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// Logs a seeded user in.
fn log_in(addr: SocketAddr, user: usize) -> Session {
    let body = credentials(user);
    let answer = Session::NONE
        .exchange(addr, "POST", "/api/login", &body)
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let cookie = head
        .split("set-cookie: ")
        .nth(1)
        .and_then(|rest| rest.split(';').next());
    let body: Value = serde_json::from_str(body).unwrap();
    Session {
        cookie: cookie.unwrap().to_owned(),
        csrf: body["csrf"].as_str().unwrap().to_owned(),
    }
}

fn credentials(user: usize) -> String {
    format!("{{\"user\":\"user{user}\",\"password\":\"password-user{user}\"}}")
}

fn server(tls: bool) -> Server {
    start(Options {
        store: StoreKind::Memory,
        tls,
        ..Options::new("mail", "per-request")
    })
    .unwrap()
}

#[test]
fn http_1_is_served_and_knows_the_clients_address() {
    let server = server(false);
    let first = log_in(server.addr(), 1);
    let answer = first
        .exchange(server.addr(), "GET", "/api/inbox", "")
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("Welcome (user1)"),
        "{answer}"
    );
    let second = log_in(server.addr(), 1);
    let answer = second
        .exchange(server.addr(), "GET", "/api/inbox", "")
        .unwrap();
    assert!(answer.contains("\"address\":\"127.0.0.1\""), "{answer}");
    let sent = second
        .exchange(
            server.addr(),
            "POST",
            "/api/mail",
            "{\"to\":\"user2\",\"subject\":\"\"}",
        )
        .unwrap();
    assert!(sent.starts_with("HTTP/1.1 201 "), "{sent}");
}

#[tokio::test]
async fn http_2_is_served_by_prior_knowledge_and_over_tls() {
    for tls in [false, true] {
        let server = server(tls);
        let scheme = if tls { "https://" } else { "http://" };
        assert!(server.base_url().starts_with(scheme));
        let stream = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
        let (mut sender, connection) = if tls {
            let stream = connector(&server, b"h2")
                .connect(ServerName::try_from("127.0.0.1").unwrap(), stream);
            let stream = stream.await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
            (
                sender,
                tokio::spawn(async move { connection.await.unwrap() }),
            )
        } else {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
            (
                sender,
                tokio::spawn(async move { connection.await.unwrap() }),
            )
        };
        let request = |user| {
            let request = Request::post(format!("{}/api/login", server.base_url()));
            let request = request.header("content-type", "application/json");
            request
                .body(Full::<bytes::Bytes>::from(credentials(user)))
                .unwrap()
        };
        // Two requests on their way on one connection.
        let answers = [
            sender.send_request(request(1)),
            sender.send_request(request(2)),
        ];
        for (user, answer) in (1..).zip(answers) {
            let answer = answer.await.unwrap();
            let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
            assert_eq!(cookie.ends_with("; Secure"), tls, "{cookie}");
            let body: Value =
                serde_json::from_slice(&answer.collect().await.unwrap().to_bytes()).unwrap();
            assert_eq!(body["user"], format!("user{user}"));
        }
        // Stopped elsewhere, so that this end can say goodbye.
        tokio::task::spawn_blocking(move || server.stop())
            .await
            .unwrap();
        connection.await.unwrap();
    }
}

/// A client that trusts this server alone.
fn connector(server: &Server, protocol: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(
            server.certificate_der().unwrap().to_vec(),
        ))
        .unwrap();
    assert!(
        server
            .certificate_pem()
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[test]
fn a_stopping_server_answers_what_it_has_begun() {
    let server = server(false);
    let addr = server.addr();
    let body = credentials(1);
    let mut begun = TcpStream::connect(addr).unwrap();
    write!(
        begun,
        "POST /api/login HTTP/1.1\r\nhost: {addr}\r\nexpect: 100-continue\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    let mut first = [0; 25];
    begun.read_exact(&mut first).unwrap();
    assert_eq!(
        &first, b"HTTP/1.1 100 Continue\r\n\r\n",
        "the handler asks for the body"
    );
    let stopping = thread::spawn(move || server.stop());
    while TcpStream::connect(addr).is_ok() {
        thread::yield_now();
    }
    begun.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    begun.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"user\":\"user1\""),
        "{answer}"
    );
    stopping.join().unwrap();
}

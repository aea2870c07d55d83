//! Connections over TLS on which nothing is under way.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use super::scripted::{block_on, bounds, get};
use super::tls::{Authority, serving};
use crate::fire::connection::Connection;
use crate::fire::dial::Dial;
use crate::scenario::Protocol;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

type Stream = rustls::StreamOwned<rustls::ServerConnection, std::net::TcpStream>;

fn head(stream: &mut Stream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
}

/// A connection after its first answer and what the server did then; whether it is to be used again.
fn lives_after(act: fn(&mut Stream)) -> bool {
    let authority = Authority::new();
    let config = serving(&authority, None, &[b"http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let (tell, told) = channel();
    let (go_on, going): (_, Receiver<()>) = channel();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        // What is said later waits for no acknowledgement.
        stream.set_nodelay(true).expect("an option");
        let tls = rustls::ServerConnection::new(config).expect("a session");
        let mut stream = Stream::new(tls, stream);
        head(&mut stream);
        stream.write_all(OK).expect("it is written");
        going.recv().expect("the client has its answer");
        act(&mut stream);
        stream.flush().expect("it is written");
        tell.send(()).expect("somebody listens");
        // The socket stays open until then.
        let _ = going.recv();
    });
    let lives = block_on(async {
        let dial = Dial::new(&url, Some(&authority.pem()), Protocol::Http1).await;
        let connection = Connection::open(&dial.expect("an address"), 0).await;
        let mut connection = connection.expect("a connection");
        let done = connection.exchange(&get("/x"), bounds()).await;
        assert_eq!(done.result.expect("an answer").status, 200);
        go_on.send(()).expect("the server listens");
        told.recv().expect("the server has acted");
        connection.catch_up().await;
        connection.alive()
    });
    drop(go_on);
    server.join().expect("the server ends");
    lives
}

#[test]
fn one_that_the_server_has_closed_is_not_used_again() {
    assert!(!lives_after(|stream| stream.conn.send_close_notify()));
}

#[test]
fn one_on_which_something_is_said_unasked_is_not_used_again() {
    assert!(!lives_after(|stream| {
        let unasked = b"HTTP/1.1 408 Request Timeout\r\n\r\n";
        stream.write_all(unasked).expect("it is written");
    }));
}

#[test]
fn one_on_which_nothing_is_said_is_used_again() {
    // TLS 1.3 has said something nevertheless: its session tickets.
    assert!(lives_after(|_| {}));
}

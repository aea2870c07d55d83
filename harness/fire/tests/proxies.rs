//! Proxies: SOCKS 5 and CONNECT, with and without a password.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::service::{Service, ok, run, scenario};
use super::tls::{Authority, serving};
use crate::scenario::Scenario;

const ASK: &str = "[[setup]]\nname = \"ask\"\npath = \"/ask\"";

/// A proxy that leads every connection to `to`; what it was told, it tells on. It lasts as long as the test process.
fn proxy(
    to: SocketAddr,
    greet: impl Fn(&mut TcpStream, &Sender<String>) -> bool + Send + 'static,
) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a client");
            if greet(&mut client, &tell) {
                let server = TcpStream::connect(to).expect("the target");
                join(&client, &server);
                join(&server, &client);
            }
        }
    });
    (address, told)
}

/// Copies one direction in a thread of its own until it ends.
fn join(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (
        from.try_clone().expect("a handle"),
        to.try_clone().expect("a handle"),
    );
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(std::net::Shutdown::Write));
    });
}

fn exactly(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("bytes");
    bytes
}

fn say(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("it is written");
}

/// A SOCKS 5 greeting that wants a password when `login`, and replies with `reply`.
fn socks5(
    login: bool,
    reply: u8,
) -> impl Fn(&mut TcpStream, &Sender<String>) -> bool + Send + 'static {
    move |stream, tell| {
        let offered = exactly(stream, 2);
        let methods = exactly(stream, usize::from(offered[1]));
        if login {
            say(stream, &[5, if methods.contains(&2) { 2 } else { 255 }]);
            if !methods.contains(&2) {
                return false;
            }
            exactly(stream, 1);
            for _ in 0..2 {
                let length = exactly(stream, 1)[0];
                let text = exactly(stream, usize::from(length));
                drop(tell.send(String::from_utf8(text).expect("a text")));
            }
            say(stream, &[1, 0]);
        } else {
            say(stream, &[5, 0]);
        }
        let request = exactly(stream, 4);
        let host = match request[3] {
            1 => exactly(stream, 4)
                .iter()
                .map(u8::to_string)
                .collect::<Vec<_>>()
                .join("."),
            3 => {
                let length = exactly(stream, 1)[0];
                String::from_utf8(exactly(stream, usize::from(length))).expect("a name")
            }
            other => panic!("an address of kind {other}"),
        };
        let port = exactly(stream, 2);
        let port = u16::from_be_bytes([port[0], port[1]]);
        drop(tell.send(format!("{host}:{port}")));
        say(stream, &[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]);
        reply == 0
    }
}

/// A CONNECT that is answered so.
fn connect(
    answer: &'static str,
) -> impl Fn(&mut TcpStream, &Sender<String>) -> bool + Send + 'static {
    move |stream, tell| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(exactly(stream, 1));
        }
        drop(tell.send(String::from_utf8(head).expect("a head")));
        say(stream, answer.as_bytes());
        answer.starts_with("HTTP/1.1 2")
    }
}

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\nvia: p\r\n\r\n";

fn through(proxy: &str) -> Scenario {
    let mut scenario = scenario(1, ASK);
    scenario.network.proxy = Some(proxy.to_owned());
    scenario
}

#[test]
fn socks5_is_asked_for_the_name_and_looks_it_up_itself() {
    let service = Service::new(|_| ok());
    let (address, told) = proxy(service.address, socks5(false, 0));
    let ran = run(
        &through(&format!("socks5://{address}")),
        "http://nowhere.invalid:8080",
    );
    let ran = ran.completed();
    assert_eq!(told.recv().as_deref(), Ok("nowhere.invalid:8080"));
    assert_eq!(service.lines(), ["GET /ask"]);
    assert!(ran.notes()[0].contains(&format!("socks5://{address}")));
}

#[test]
fn socks5_takes_a_user_and_a_password() {
    let service = Service::new(|_| ok());
    let (address, told) = proxy(service.address, socks5(true, 0));
    let url = "http://127.0.0.1:8080";
    run(&through(&format!("socks5://ann:p%40ss@{address}")), url).completed();
    let told: Vec<String> = told.try_iter().collect();
    assert_eq!(told, ["ann", "p@ss", "127.0.0.1:8080"]);
    let ran = run(&through(&format!("socks5://{address}")), url);
    let why = ran.why();
    assert!(why.contains("wants a user and a password"), "{why}");
}

#[test]
fn a_refusal_names_the_proxy_and_not_its_password() {
    let nowhere = "127.0.0.1:1".parse().expect("an address");
    let url = "http://app.invalid";
    let (address, _told) = proxy(nowhere, socks5(true, 5));
    let ran = run(&through(&format!("socks5://ann:hunter2@{address}")), url);
    let why = ran.why();
    assert!(
        why.contains(&format!(
            "the proxy socks5://{address} opens no connection to app.invalid:80: the connection was refused"
        )),
        "{why}"
    );
    let (address, _told) = proxy(nowhere, connect("HTTP/1.1 407 No\r\n\r\n"));
    let ran = run(&through(&format!("http://ann:hunter2@{address}")), url);
    let why = ran.why();
    assert!(
        why.contains(&format!("the proxy http://{address}")) && why.contains("407"),
        "{why}"
    );
    assert!(!why.contains("hunter2"), "{why}");
}

#[test]
fn a_tunnel_through_connect_carries_tls() {
    let authority = Authority::new();
    let service = Service::over(Some(serving(&authority, None, &[])), |_| ok());
    let (address, told) = proxy(service.address, connect(ESTABLISHED));
    let mut scenario = through(&format!("http://ann:secret@{address}"));
    scenario.network.ca = Some(authority.pem());
    run(&scenario, "https://127.0.0.1:4443").completed();
    let head = told.recv().expect("a head");
    assert!(head.starts_with("CONNECT 127.0.0.1:4443 HTTP/1.1\r\nhost: 127.0.0.1:4443\r\n"));
    // `ann:secret` in Base64.
    assert!(
        head.contains("proxy-authorization: Basic YW5uOnNlY3JldA==\r\n"),
        "{head}"
    );
    assert_eq!(service.lines(), ["GET /ask"]);
}

#[test]
fn a_volley_goes_through_a_proxy() {
    let service = Service::new(|_| ok());
    let (address, _told) = proxy(service.address, socks5(false, 0));
    let mut scenario = scenario(3, "");
    scenario.fire.rounds = 2;
    scenario.network.proxy = Some(format!("socks5://{address}"));
    run(&scenario, "http://127.0.0.1:8080").completed();
    assert_eq!(service.lines(), ["GET /raced"; 6]);
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let ran = run(
        &through(&format!("socks5://{address}")),
        "http://app.invalid",
    );
    let why = ran.why();
    assert!(
        why.contains(&format!("cannot connect to the proxy socks5://{address}")),
        "{why}"
    );
}

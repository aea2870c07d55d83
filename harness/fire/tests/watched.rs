//! A server that does what a test says with each connection, and tells what it saw of the client.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::fire::connection::Connection;
use crate::fire::dial::Dial;
use crate::scenario::Protocol;

/// How long a test waits for the server to see something, at most: the failure of a test, not its measure.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Saw {
    /// One read.
    Bytes(Vec<u8>),
    /// Nothing: it has said what it had to say.
    Said,
    /// The client's FIN.
    End,
    /// The client's RST.
    Reset,
    /// Something else went wrong.
    Trouble(String),
}

/// A server on a port of its own.
pub(super) struct Watched {
    address: SocketAddr,
    saw: Receiver<Saw>,
    thread: Option<JoinHandle<()>>,
}

/// The server's end of a connection.
pub(super) struct Peer<'a> {
    pub(super) stream: TcpStream,
    tell: &'a Sender<Saw>,
}

type Part = Box<dyn FnOnce(&mut Peer<'_>) + Send>;

/// What is done with one connection.
pub(super) fn part(act: impl FnOnce(&mut Peer<'_>) + Send + 'static) -> Part {
    Box::new(act)
}

impl Watched {
    /// Takes as many connections as there are parts, one after another.
    pub(super) fn new(parts: Vec<Part>) -> Watched {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, saw) = channel();
        let thread = std::thread::spawn(move || {
            for part in parts {
                let (stream, _) = listener.accept().expect("a client");
                stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
                stream
                    .set_write_timeout(Some(PATIENCE))
                    .expect("a time-out");
                let tell = &tell;
                part(&mut Peer { stream, tell });
            }
        });
        Watched {
            address,
            saw,
            thread: Some(thread),
        }
    }

    pub(super) fn one(act: impl FnOnce(&mut Peer<'_>) + Send + 'static) -> Watched {
        Watched::new(vec![part(act)])
    }

    pub(super) async fn connect(&self) -> Connection {
        let dial = Dial::new(&format!("http://{}", self.address), None, Protocol::Http1).await;
        let dial = dial.expect("an address");
        Connection::open(&dial, 0).await.expect("a connection")
    }

    /// What the server saw next.
    pub(super) fn saw(&self) -> Saw {
        self.saw
            .recv_timeout(PATIENCE)
            .expect("the server saw something")
    }

    /// The bytes of the next reads together, and what ended them.
    pub(super) fn saw_until_end(&self) -> (Vec<u8>, Saw) {
        let mut all = Vec::new();
        loop {
            match self.saw() {
                Saw::Bytes(bytes) => all.extend(bytes),
                end => return (all, end),
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the watched server ends");
        }
    }
}

impl Peer<'_> {
    /// One read, told; false at the end, however it came.
    pub(super) fn read(&mut self) -> bool {
        let mut buffer = [0_u8; 64 * 1024];
        let saw = match self.stream.read(&mut buffer) {
            Ok(0) => Saw::End,
            Ok(read) => Saw::Bytes(buffer[..read].to_vec()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Saw::Reset,
            Err(error) => Saw::Trouble(error.to_string()),
        };
        let goes_on = matches!(saw, Saw::Bytes(_));
        drop(self.tell.send(saw));
        goes_on
    }

    /// Reads and tells up to the end of the connection.
    pub(super) fn rest(&mut self) {
        while self.read() {}
    }

    /// Reads a head, byte by byte and untold, so that what follows it is left.
    pub(super) fn head(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        let mut byte = [0_u8];
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        head
    }

    pub(super) fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it is written");
    }

    /// Says it and tells so: it is on its way then.
    pub(super) fn say_and_tell(&mut self, bytes: &[u8]) {
        self.say(bytes);
        drop(self.tell.send(Saw::Said));
    }
}

//! A server that answers every request with prepared bytes; it ends with the value.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::fire::connection::{Bounds, Connection};
use crate::fire::dial::Dial;
use crate::fire::exchange::Request;
use crate::fire::{Clock, Stop};
use crate::scenario::Protocol;

/// What to do when a request has come.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Write this and keep the connection.
    Say(&'static [u8]),
    /// Write this and close.
    SayAndClose(&'static [u8]),
    /// Say nothing until the client goes.
    Silence,
}

/// Takes connections one after another; each request on any of them is met by the next act.
pub(super) struct Scripted {
    address: SocketAddr,
    /// What was read, a message per read.
    pub(super) heard: Receiver<Vec<u8>>,
    /// Nobody needs it any more.
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    pub(super) fn new(acts: Vec<Act>) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, heard) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let thread = std::thread::spawn(move || serve(&listener, acts, &tell, &is_over));
        Scripted {
            address,
            heard,
            over,
            thread: Some(thread),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) async fn dial(&self, protocol: Protocol) -> Dial {
        Dial::new(&format!("http://{}", self.address), None, protocol)
            .await
            .expect("an address")
    }

    pub(super) async fn connect(&self) -> Connection {
        Connection::open(&self.dial(Protocol::Http1).await, 0)
            .await
            .expect("a connection")
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        // The thread ends with its acts, or now; one more connection wakes it when it still waits for a client.
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the scripted server ends");
        }
    }
}

fn serve(listener: &TcpListener, acts: Vec<Act>, tell: &Sender<Vec<u8>>, is_over: &AtomicBool) {
    let mut acts = acts.into_iter().peekable();
    while acts.peek().is_some() && !is_over.load(Ordering::SeqCst) {
        let Ok((mut stream, _)) = listener.accept() else {
            return;
        };
        while let Some(request) = request(&mut stream, tell) {
            let _ = request;
            match acts.next() {
                Some(Act::Say(bytes)) => drop(stream.write_all(bytes)),
                Some(Act::SayAndClose(bytes)) => {
                    drop(stream.write_all(bytes));
                    break;
                }
                Some(Act::Silence) => drop(stream.read(&mut [0_u8; 1])),
                None => return,
            }
        }
        if acts.peek().is_none() {
            return;
        }
    }
}

/// Reads up to the end of a head; `None` when the client has gone.
fn request(stream: &mut TcpStream, tell: &Sender<Vec<u8>>) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        // The test may have ended and hear no more.
        drop(tell.send(buffer[..read].to_vec()));
        all.extend_from_slice(&buffer[..read]);
        if all.windows(4).any(|window| window == b"\r\n\r\n") {
            return Some(all);
        }
    }
}

pub(super) fn bounds() -> Bounds<'static> {
    static NEVER: LazyLock<Stop> = LazyLock::new(Stop::default);
    Bounds {
        keep: 1024,
        timeout: Duration::from_secs(20),
        clock: Clock::start(),
        stop: &NEVER,
        until_ns: u64::MAX,
    }
}

pub(super) fn get(path: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
        scheme: "http",
        authority: "127.0.0.1".to_owned(),
        faults: crate::scenario::Faults::default(),
    }
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

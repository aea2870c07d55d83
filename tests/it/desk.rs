//! A service of the tests' own that keeps users' notes behind TCP, and what it keeps them in.
//!
//! `PUT /note` keeps the note of the user whom `x-user` names, `GET /note` gives it back. To know whose note is meant the service
//! writes down who asks, and reads that again: three round trips. The fault is one place to write it down for all.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// Keeps texts by name: `SET name text`, `GET name`. It stops when it is dropped.
pub(crate) struct Store {
    pub(crate) address: SocketAddr,
    shelf: Arc<Shelf>,
}

struct Shelf {
    texts: Mutex<BTreeMap<String, String>>,
    open: Mutex<Vec<TcpStream>>,
    /// Commands until it stops.
    left: AtomicU64,
    has_stopped: AtomicBool,
    address: SocketAddr,
}

impl Store {
    pub(crate) fn start() -> Store {
        Store::for_commands(u64::MAX)
    }

    /// Stops by itself once it has answered so many commands.
    pub(crate) fn for_commands(left: u64) -> Store {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Arc::new(Shelf {
            texts: Mutex::default(),
            open: Mutex::default(),
            left: AtomicU64::new(left),
            has_stopped: AtomicBool::new(false),
            address,
        });
        let kept = Arc::clone(&shelf);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if kept.has_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.unwrap();
                kept.open.lock().unwrap().push(stream.try_clone().unwrap());
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || kept.serve(stream));
            }
        });
        Store { address, shelf }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shelf.stop();
    }
}

impl Shelf {
    fn serve(&self, stream: TcpStream) {
        let mut line = Line::over(stream);
        while let Some(command) = line.hear() {
            let words: Vec<&str> = command.splitn(3, ' ').collect();
            let answer = match words.as_slice() {
                ["SET", name, text] => {
                    let mut texts = self.texts.lock().unwrap();
                    texts.insert((*name).to_owned(), (*text).to_owned());
                    "OK".to_owned()
                }
                ["GET", name] => {
                    let texts = self.texts.lock().unwrap();
                    texts.get(*name).cloned().unwrap_or_default()
                }
                _ => "WHAT".to_owned(),
            };
            if line.say(&answer).is_none() {
                return;
            }
            if self.left.fetch_sub(1, Ordering::SeqCst) <= 1 {
                return self.stop();
            }
        }
    }

    fn stop(&self) {
        self.has_stopped.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes whoever takes connections, so that nobody listens any more.
        let _ = TcpStream::connect(self.address);
    }
}

/// A connection on which lines are spoken.
struct Line(BufReader<TcpStream>);

impl Line {
    fn over(stream: TcpStream) -> Line {
        stream.set_nodelay(true).unwrap();
        Line(BufReader::new(stream))
    }

    fn say(&mut self, text: &str) -> Option<()> {
        self.0
            .get_mut()
            .write_all(format!("{text}\n").as_bytes())
            .ok()
    }

    fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

/// The service. It ends with the process.
pub(crate) struct Desk {
    pub(crate) url: String,
    room: Arc<Room>,
}

struct Room {
    /// Whether who asks is written down in one place for all.
    is_shared: bool,
    /// Where the store is; requests wait until that is said.
    store: Mutex<Option<SocketAddr>>,
    is_said: Condvar,
    idle: Mutex<Vec<Line>>,
}

impl Desk {
    pub(crate) fn start(is_shared: bool) -> Desk {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let room = Arc::new(Room {
            is_shared,
            store: Mutex::default(),
            is_said: Condvar::new(),
            idle: Mutex::default(),
        });
        let inside = Arc::clone(&room);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let room = Arc::clone(&inside);
                std::thread::spawn(move || room.converse(stream.unwrap()));
            }
        });
        Desk { url, room }
    }

    /// Says where the store is, from the next new connection on; idle ones stay.
    pub(crate) fn reaches(&self, store: SocketAddr) {
        *self.room.store.lock().unwrap() = Some(store);
        self.room.is_said.notify_all();
    }

    /// The scenario in which two users read their notes, with more lines at its end.
    pub(crate) fn scenario(&self, more: &str) -> String {
        let url = &self.url;
        format!(
            r#"version = 1
target = {{ url = "{url}" }}
users = {{ count = 2, name = "user{{{{ index }}}}" }}
session = {{ headers = {{ x-user = "{{{{ user.name }}}}" }} }}

[[each-round]]
name = "write"
method = "PUT"
path = "/note"
text = "{{{{ secret('note') }}}}"

[[volley]]
name = "read"
path = "/note"
sees = ["note"]
{more}
"#
        )
    }
}

impl Room {
    fn converse(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut stream = BufReader::new(stream);
        while let Some((method, user, body)) = asked(&mut stream) {
            let done = match method.as_str() {
                "PUT" => self.ask(&format!("SET note:{user} {body}")),
                _ => self.note(&user),
            };
            let (status, body) = match done {
                Some(text) => ("200 OK", text),
                None => ("500 Internal Server Error", String::new()),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
            if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn note(&self, user: &str) -> Option<String> {
        let place = match self.is_shared {
            true => "memo".to_owned(),
            false => format!("memo:{user}"),
        };
        self.ask(&format!("SET {place} {user}"))?;
        let whose = self.ask(&format!("GET {place}"))?;
        self.ask(&format!("GET note:{whose}"))
    }

    /// One round trip. A connection that breaks is not used again.
    fn ask(&self, command: &str) -> Option<String> {
        let idle = self.idle.lock().unwrap().pop();
        let mut line = match idle {
            Some(line) => line,
            None => {
                let said = self.store.lock().unwrap();
                let said = self
                    .is_said
                    .wait_while(said, |said| said.is_none())
                    .unwrap();
                let address = said.unwrap();
                drop(said);
                Line::over(TcpStream::connect(address).ok()?)
            }
        };
        line.say(command)?;
        let answer = line.hear()?;
        self.idle.lock().unwrap().push(line);
        Some(answer)
    }
}

/// Method, user and body of the next request.
fn asked(stream: &mut BufReader<TcpStream>) -> Option<(String, String, String)> {
    let (mut method, mut user, mut length) = (String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        match line.split_once(": ") {
            _ if line.is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("x-user") => user = value.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap();
            }
            Some(_) => {}
            None => method = line.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((method, user, String::from_utf8(body).unwrap()))
}

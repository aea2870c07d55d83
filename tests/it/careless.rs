//! A service of the tests' own, careless in a way that does not depend on timing: one note for all users, and a password
//! and a session that it tells to everybody who asks.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What the service knows and nobody should see.
pub(crate) const PASSWORD: &str = "correct-horse-battery";
/// Begin of every session id.
pub(crate) const SESSION: &str = "verysecretsession";

/// The service; it stops when it is dropped.
pub(crate) struct Careless {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Careless {
    pub(crate) fn start() -> Careless {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            let note = Arc::new(Mutex::new(String::new()));
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let note = Arc::clone(&note);
                // Ends when the client closes its connection.
                std::thread::spawn(move || converse(&stream.unwrap(), &note));
            }
        });
        Careless {
            address,
            stopped,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A scenario in which each user writes a note and all read theirs.
    pub(crate) fn scenario(&self) -> String {
        format!(
            r#"version = 1
target = {{ url = "{url}" }}
users = {{ count = 3, name = "user{{{{ index }}}}", password = "{PASSWORD}-{{{{ index }}}}" }}
fire = {{ rounds = 2, min-overlaps = 1 }}

[[setup]]
name = "log in"
login = true
method = "POST"
path = "/login"
form = {{ user = "{{{{ user.name }}}}", password = "{{{{ user.password }}}}" }}

[[each-round]]
name = "write"
method = "POST"
path = "/note"
text = "{{{{ secret('note') }}}}"

[[volley]]
name = "read"
path = "/note?password={{{{ user.password }}}}"
sees = ["note"]
"#,
            url = self.url()
        )
    }
}

impl Drop for Careless {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn converse(stream: &TcpStream, note: &Mutex<String>) {
    let mut reader = BufReader::new(stream);
    while let Some((line, body)) = request(&mut reader) {
        let (head, answer) = if line.starts_with("POST /login") {
            let user = body.split(['=', '&']).nth(1).unwrap_or_default();
            (
                format!("set-cookie: sid={SESSION}{user}; HttpOnly\r\n"),
                format!("welcome, you sent {body}"),
            )
        } else if line.starts_with("POST /note") {
            *note.lock().unwrap() = body;
            (String::new(), "kept".to_owned())
        } else {
            let note = note.lock().unwrap().clone();
            (
                format!("x-asked: {line}\r\n"),
                format!("{note}\nyou asked {line}"),
            )
        };
        let length = answer.len();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{head}\r\n{answer}");
        let mut stream = stream;
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Request line and body.
fn request(reader: &mut impl BufRead) -> Option<(String, String)> {
    let mut first = None;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        first.get_or_insert_with(|| line.to_owned());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first?, String::from_utf8(body).ok()?))
}

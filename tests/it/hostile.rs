//! A service of the tests' own that is right but for what a test makes it do to its raced requests.
//!
//! Users log in, write a note and read it, in set-up and alone, as anywhere. `/raced` gives the note too, unless the test
//! has an act for it. `/measure` notes how much memory the process that asks has ever had, and answers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What happens to a raced request, by the number of raced requests before it and the note of its user.
pub(crate) type Act = dyn Fn(u64, &str) -> Done + Send + Sync;

/// What is done.
pub(crate) enum Done {
    /// The bytes are written, and the connection is kept.
    Say(Vec<u8>),
    /// The bytes are written, and the connection is closed.
    SayAndClose(Vec<u8>),
    /// The first bytes are written, then the second ones for as long as somebody takes them.
    Endless(Vec<u8>, Vec<u8>),
    /// The service ends: every connection is closed, and no further one is accepted.
    Die,
}

/// The service; it stops when it is dropped.
pub(crate) struct Hostile {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    act: Box<Act>,
    raced: AtomicU64,
    dead: AtomicBool,
    notes: Mutex<BTreeMap<String, String>>,
    open: Mutex<Vec<TcpStream>>,
    /// The process that asks.
    asker: AtomicU32,
    /// Its memory, KiB at most so far.
    peak_kib: AtomicU64,
}

impl Hostile {
    pub(crate) fn start(act: impl Fn(u64, &str) -> Done + Send + Sync + 'static) -> Hostile {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            act: Box::new(act),
            raced: AtomicU64::new(0),
            dead: AtomicBool::new(false),
            notes: Mutex::new(BTreeMap::new()),
            open: Mutex::new(Vec::new()),
            asker: AtomicU32::new(0),
            peak_kib: AtomicU64::new(0),
        });
        let site = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if site.dead.load(Ordering::SeqCst) {
                    return;
                }
                site.open.lock().unwrap().push(stream.try_clone().unwrap());
                let site = Arc::clone(&site);
                // Ends when the client closes its connection, or the service dies.
                std::thread::spawn(move || converse(&stream, &site, address));
            }
        });
        Hostile {
            address,
            shared,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whose memory `/measure` looks at.
    pub(crate) fn asked_by(&self, process: u32) {
        self.shared.asker.store(process, Ordering::SeqCst);
    }

    /// The most memory that process ever had when `/measure` was asked for, KiB; `None` when it never was.
    pub(crate) fn peak_kib(&self) -> Option<u64> {
        Some(self.shared.peak_kib.load(Ordering::SeqCst)).filter(|peak| *peak > 0)
    }

    /// How many raced requests came.
    pub(crate) fn raced(&self) -> u64 {
        self.shared.raced.load(Ordering::SeqCst)
    }

    /// A scenario in which three users read their notes together, with these limits.
    pub(crate) fn scenario(&self, limits: &str) -> String {
        format!(
            r#"version = 1
target = {{ url = "{url}" }}
users = {{ count = 3, name = "user{{{{ index }}}}", password = "open-sesame-{{{{ index }}}}" }}
fire = {{ rounds = 2, min-overlaps = 1 }}
limits = {{ {limits} }}

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
path = "/raced"
sees = ["note"]

[[read-back]]
name = "measure"
path = "/measure"
"#,
            url = self.url()
        )
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        die(&self.shared, self.address);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Closes every connection and lets the listener end.
fn die(shared: &Shared, address: SocketAddr) {
    shared.dead.store(true, Ordering::SeqCst);
    for stream in shared.open.lock().unwrap().drain(..) {
        // Whoever has gone already needs no closing.
        let _ = stream.shutdown(Shutdown::Both);
    }
    // Wakes the listener.
    drop(TcpStream::connect(address));
}

/// An answer with this body.
pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "", body)
}

/// An answer with a status, further header lines and a body.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn converse(stream: &TcpStream, shared: &Shared, address: SocketAddr) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some((line, user, body)) = request(&mut reader) {
        let path = line.split(' ').nth(1).unwrap_or_default();
        let note = || {
            shared
                .notes
                .lock()
                .unwrap()
                .get(&user)
                .cloned()
                .unwrap_or_default()
        };
        let done = match path {
            "/login" => {
                let user = body.split(['=', '&']).nth(1).unwrap_or_default();
                Done::Say(answer(
                    "200 OK",
                    &format!("set-cookie: sid={user}\r\n"),
                    b"welcome",
                ))
            }
            "/note" => {
                shared.notes.lock().unwrap().insert(user, body);
                Done::Say(ok(b"kept"))
            }
            "/measure" => {
                let peak = peak_kib(shared.asker.load(Ordering::SeqCst));
                shared
                    .peak_kib
                    .fetch_max(peak.unwrap_or(0), Ordering::SeqCst);
                Done::Say(ok(b"measured"))
            }
            // Alone, each user gets its own note three times: in the solo phase, first and second in the sequence.
            "/raced" => (shared.act)(shared.raced.fetch_add(1, Ordering::SeqCst), &note()),
            _ => Done::Say(answer("404 Not Found", "", b"")),
        };
        let written = match done {
            Done::Say(bytes) => writer.write_all(&bytes),
            Done::SayAndClose(bytes) => {
                // Who is written to may have gone.
                let _ = writer.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Write);
                return;
            }
            Done::Endless(first, again) => {
                let mut written = writer.write_all(&first);
                while written.is_ok() {
                    written = writer.write_all(&again);
                }
                written
            }
            Done::Die => {
                die(shared, address);
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

/// Request line, value of the session's cookie, body.
fn request(reader: &mut impl BufRead) -> Option<(String, String, String)> {
    let (mut first, mut user, mut length) = (None, String::new(), 0);
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
        if let Some(cookies) = line.strip_prefix("cookie: ") {
            let sid = cookies
                .split("; ")
                .find_map(|pair| pair.strip_prefix("sid="));
            user = sid.unwrap_or_default().to_owned();
        }
        first.get_or_insert_with(|| line.to_owned());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first?, user, String::from_utf8(body).ok()?))
}

/// `VmHWM` of a process, where the system tells it.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

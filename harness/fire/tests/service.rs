//! A service that answers by a function, for whole runs: HTTP/1.1, many connections, over TLS when asked to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::fire::{Plan, Stop, fire};
use crate::history::{End, Ending, Exchange, Outcome, Record};
use crate::identity::Salt;
use crate::scenario::{Scenario, TargetSpec};

/// A request as the service heard it.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) head: String,
    pub(super) body: String,
}

impl Asked {
    /// The value of a header (lower case), if it came.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

type Handler = dyn Fn(&Asked) -> String + Send + Sync;

/// Shared by the threads of a service.
struct Inside {
    handler: Box<Handler>,
    heard: Mutex<Vec<Asked>>,
    tls: Option<Arc<rustls::ServerConfig>>,
    over: AtomicBool,
}

/// It ends with the value.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    inside: Arc<Inside>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    pub(super) fn new(handler: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Service {
        Service::over(None, handler)
    }

    pub(super) fn over(
        tls: Option<Arc<rustls::ServerConfig>>,
        handler: impl Fn(&Asked) -> String + Send + Sync + 'static,
    ) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let inside = Arc::new(Inside {
            handler: Box::new(handler),
            heard: Mutex::new(Vec::new()),
            tls,
            over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&inside);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                // It ends with its connection, which the engine closes at the latest when the run is over.
                std::thread::spawn(move || serve(stream.expect("a client"), &shared));
            }
        });
        Service {
            address,
            inside,
            thread: Some(thread),
        }
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.inside.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    pub(super) fn heard(&self) -> Vec<Asked> {
        self.inside.heard.lock().expect("no panic").clone()
    }

    /// Method and path of everything that was heard.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |asked: &Asked| format!("{} {}", asked.method, asked.path);
        self.heard().iter().map(line).collect()
    }

    /// The first request for this path.
    pub(super) fn asked(&self, path: &str) -> Asked {
        let found = self.heard().into_iter().find(|asked| asked.path == path);
        found.unwrap_or_else(|| panic!("{path} was never asked for: {:?}", self.lines()))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.inside.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the service ends");
        }
    }
}

fn serve(stream: TcpStream, inside: &Inside) {
    match &inside.tls {
        None => talk(stream, inside),
        Some(config) => {
            let session = rustls::ServerConnection::new(Arc::clone(config)).expect("a session");
            talk(rustls::StreamOwned::new(session, stream), inside);
        }
    }
}

fn talk(mut stream: impl Read + Write, inside: &Inside) {
    while let Some(asked) = request(&mut stream) {
        inside.heard.lock().expect("no panic").push(asked.clone());
        let answer = (inside.handler)(&asked);
        if answer.is_empty() || stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        drop(stream.flush());
        if answer.contains("connection: close") {
            return;
        }
    }
}

/// One request; `None` when the client has gone.
fn request(stream: &mut impl Read) -> Option<Asked> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("an ASCII head");
    let mut words = head.split(' ').map(str::to_owned);
    let mut asked = Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        head,
        body: String::new(),
    };
    let length = asked.header("content-length").unwrap_or("0");
    let mut body = vec![0; length.parse().expect("a length")];
    stream.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}

/// An answer with this status, these header lines (each ended by CR LF) and this body.
pub(super) fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Answer\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

pub(super) fn ok() -> String {
    answer(200, "", "ok")
}

/// A redirect.
pub(super) fn to(status: u16, location: &str) -> String {
    answer(status, &format!("location: {location}\r\n"), "")
}

/// A scenario of one user, or `count`, that only does what its steps say, with nothing fired.
pub(super) fn scenario(count: u32, steps: &str) -> Scenario {
    let text = format!(
        r#"version = 1
target = {{ url = "http://127.0.0.1:1" }}
users = {{ count = {count}, name = "u{{{{ index }}}}" }}
{steps}
[[volley]]
name = "raced"
path = "/raced"
"#
    );
    let mut scenario = Scenario::parse("scripted", &text).unwrap_or_else(|error| panic!("{error}"));
    scenario.fire.rounds = 0;
    (scenario.fire.solo, scenario.fire.sequence) = (false, false);
    scenario
}

/// What a run has recorded.
pub(super) struct Ran(pub(super) Vec<Record>);

impl Ran {
    pub(super) fn exchanges(&self) -> Vec<&Exchange> {
        let mut exchanges = Vec::new();
        for record in &self.0 {
            if let Record::Exchange(exchange) = record {
                exchanges.push(exchange);
            }
        }
        exchanges
    }

    /// Status and whether it was followed, of every exchange.
    pub(super) fn statuses(&self) -> Vec<(u16, bool)> {
        let status = |exchange: &&Exchange| match exchange.outcome {
            Outcome::Answer { status, .. } => (status, exchange.followed),
            Outcome::Failed { .. } => (0, exchange.followed),
        };
        self.exchanges().iter().map(status).collect()
    }

    pub(super) fn notes(&self) -> Vec<&str> {
        let mut notes = Vec::new();
        for record in &self.0 {
            if let Record::Note { text } = record {
                notes.push(text.as_str());
            }
        }
        notes
    }

    pub(super) fn end(&self) -> &End {
        match self.0.last() {
            Some(Record::End(end)) => end,
            other => panic!("no end but {other:?}"),
        }
    }

    /// Why it has failed.
    pub(super) fn why(&self) -> &str {
        match &self.end().ending {
            Ending::Failed { why, .. } => why,
            other => panic!("it has not failed: {other:?}"),
        }
    }

    pub(super) fn completed(self) -> Ran {
        assert_eq!(self.end().ending, Ending::Completed);
        self
    }
}

/// Runs the scenario against the URL.
pub(super) fn run(scenario: &Scenario, url: &str) -> Ran {
    run_until(scenario, url, &Stop::default())
}

/// Runs it with somebody who may ask it to stop.
pub(super) fn run_until(scenario: &Scenario, url: &str, stop: &Stop) -> Ran {
    let mut scenario = scenario.clone();
    scenario.target = TargetSpec::Url(url.to_owned());
    let plan = Plan {
        scenario: &scenario,
        target_name: "scripted".to_owned(),
        base_url: url.to_owned(),
        trusted_pem: None,
        seed: 1,
        salt: Salt::new(1),
    };
    let mut records = Vec::new();
    fire(&plan, &mut records, &mut (), stop).expect("it is recorded");
    Ran(records)
}

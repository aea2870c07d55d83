//! A client in a closed loop: every user asks again as soon as it is answered.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crosswire::history::{
    Exchange, Outcome, Phase, Record, Release, RequestLine, SlotInfo, Start, StepInfo, StepRole,
    Target, Volley,
};
use crosswire::identity::{Mint, Salt, UserId};
use crosswire::judge::Judge;
use crosswire_targets::{Options, StoreKind, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::machine::thread_cpu_ns;

/// What one row has come to.
pub(crate) struct Load {
    pub(crate) per_second: f64,
    /// Processor time of the client per request, microseconds.
    pub(crate) client_us: f64,
    sorted_us: Vec<u32>,
}

impl Load {
    /// Nearest rank.
    pub(crate) fn percentile_us(&self, percent: f64) -> u32 {
        let rank = (percent / 100.0 * self.sorted_us.len() as f64)
            .ceil()
            .max(1.0) as usize;
        self.sorted_us.get(rank - 1).copied().unwrap_or(0)
    }
}

/// One user's connection, logged in.
struct User {
    id: UserId,
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

/// What all users put their answers into.
struct Tally {
    latencies_us: Vec<u32>,
    judge: Option<Judge>,
    exchanges: u64,
    volleys: u32,
    users: u64,
    started: Instant,
}

/// Loads one variant over one store for that long.
pub(crate) fn load(
    variant: &str,
    store: StoreKind,
    delay: Duration,
    users: usize,
    each: Duration,
    judging: bool,
) -> Load {
    let mut options = Options::new("mail", variant);
    options.store = store;
    options.users = users;
    options.store_delay = delay;
    let server = start(options).expect("the target starts");
    let address = server.addr();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let load = tokio::task::LocalSet::new().block_on(&runtime, async {
        let salt = Salt::new(7);
        let mut mint = Mint::new(salt);
        let mut ready = Vec::new();
        for id in 0..users {
            ready.push(User::log_in(address, id, &mut mint).await);
        }
        let mut judge = Judge::new();
        judge.take(&Record::Start(begin(users, salt)));
        let tally = Rc::new(RefCell::new(Tally {
            latencies_us: Vec::with_capacity(1 << 20),
            judge: judging.then_some(judge),
            exchanges: 0,
            volleys: 0,
            users: users as u64,
            started: Instant::now(),
        }));
        let (cpu, until) = (thread_cpu_ns(), Instant::now() + each);
        let tasks: Vec<_> = ready
            .into_iter()
            .map(|user| tokio::task::spawn_local(user.ask_until(until, Rc::clone(&tally))))
            .collect();
        for task in tasks {
            task.await.expect("a user's loop ends");
        }
        let cpu = thread_cpu_ns() - cpu;
        let mut tally = tally.borrow_mut();
        let mut sorted_us = std::mem::take(&mut tally.latencies_us);
        sorted_us.sort_unstable();
        let requests = sorted_us.len().max(1) as f64;
        Load {
            per_second: requests / tally.started.elapsed().as_secs_f64(),
            client_us: cpu as f64 / 1e3 / requests,
            sorted_us,
        }
    });
    server.stop();
    load
}

fn begin(users: usize, salt: Salt) -> Start {
    Start {
        history_version: crosswire::history::HISTORY_VERSION,
        crosswire_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: "load".to_owned(),
        target: Target {
            name: "mail".to_owned(),
            url: String::new(),
        },
        engine: "load".to_owned(),
        seed: 0,
        salt: salt.to_string(),
        users: (0..users).map(|user| format!("user{}", user + 1)).collect(),
        slots: vec![SlotInfo {
            name: "subject".to_owned(),
            attachment: false,
            ..SlotInfo::default()
        }],
        steps: vec![StepInfo {
            name: "inbox".to_owned(),
            role: StepRole::Fire,
            session: None,
            sees: vec![0],
            removes: Vec::new(),
            ..StepInfo::default()
        }],
        min_overlaps: 0,
    }
}

impl User {
    async fn log_in(address: std::net::SocketAddr, id: usize, mint: &mut Mint) -> User {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let id = UserId(u32::try_from(id).expect("few users"));
        let name = format!("user{}", id.0 + 1);
        let mut user = User {
            id,
            stream,
            request: Vec::new(),
            buffer: Vec::new(),
        };
        let body = format!(r#"{{"user":"{name}","password":"password-{name}"}}"#);
        let (head, body) = user.exchange(&post("/api/login", "", &body)).await;
        let head = String::from_utf8_lossy(&head).into_owned();
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .and_then(|value| value.split(';').next())
            .expect("a session");
        let answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let csrf = answer["csrf"].as_str().expect("a token");
        let with = format!("cookie: {cookie}\r\nx-csrf-token: {csrf}\r\n");
        let (_, canary) = mint.mint(id, 0);
        let mail = format!(r#"{{"to":"{name}","subject":"{canary}","body":"load"}}"#);
        user.exchange(&post("/api/mail", &with, &mail)).await;
        user.request =
            format!("GET /api/inbox HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\n\r\n").into_bytes();
        user
    }

    async fn ask_until(mut self, until: Instant, tally: Rc<RefCell<Tally>>) {
        let request = std::mem::take(&mut self.request);
        while Instant::now() < until {
            let sent = Instant::now();
            let (head, body) = self.exchange(&request).await;
            tally.borrow_mut().take(self.id, sent, head, body);
        }
    }

    /// Writes a request and reads an answer with a Content-Length, which all of the target's have.
    async fn exchange(&mut self, request: &[u8]) -> (Bytes, Bytes) {
        self.stream
            .write_all(request)
            .await
            .expect("the server takes it");
        self.buffer.clear();
        loop {
            if let Some((head, body)) = whole(&self.buffer) {
                return (
                    Bytes::copy_from_slice(&self.buffer[..head]),
                    Bytes::copy_from_slice(&self.buffer[head..head + body]),
                );
            }
            let read = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .expect("the server answers");
            assert!(read > 0, "the server closed the connection");
        }
    }
}

impl Tally {
    fn take(&mut self, user: UserId, sent: Instant, head: Bytes, body: Bytes) {
        let done = Instant::now();
        self.latencies_us
            .push(u32::try_from((done - sent).as_micros()).unwrap_or(u32::MAX));
        let Some(judge) = &mut self.judge else { return };
        let ns = |at: Instant| u64::try_from((at - self.started).as_nanos()).unwrap_or(u64::MAX);
        judge.take(&Record::Exchange(Exchange {
            id: self.exchanges,
            user,
            step: 0,
            phase: Phase::Volley,
            round: 1,
            volley: Some(self.volleys + 1),
            connection: user.0,
            request: RequestLine {
                method: "GET".to_owned(),
                path: "/api/inbox".to_owned(),
                body_len: 0,
            },
            sent_ns: ns(sent),
            first_byte_ns: Some(ns(done)),
            done_ns: ns(done),
            server: None,
            refused: false,
            followed: false,
            nonce: None,
            provoked: None,
            cut_off: false,
            outcome: Outcome::Answer {
                status: 200,
                head,
                body,
                cut: false,
            },
        }));
        self.exchanges += 1;
        if self.exchanges.is_multiple_of(self.users) {
            self.volleys += 1;
            let release = Release {
                strategy: "barrier".to_owned(),
                connections: 0,
                writes: 0,
                client_spread_ns: 0,
                armed: true,
            };
            judge.take(&Record::Volley(Volley {
                volley: self.volleys,
                round: 1,
                requests: 0,
                server_spread_us: None,
                offset_us: 0,
                release,
            }));
        }
    }
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Lengths of head and body once both are there.
fn whole(buffer: &[u8]) -> Option<(usize, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(buffer).expect("HTTP") else {
        return None;
    };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))?
        .value;
    let body: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    (buffer.len() >= head + body).then_some((head, body))
}

//! The proxy over real sockets, between a client and a target that both do what a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::{Proxy, Swap, SwapCounts, Upstream};

/// A target that answers every request with its cookie, and does a few other things by path:
///
/// - `/new-session` sets a cookie of its asker's;
/// - `/moved` redirects to an absolute URL, `/away/HOST` to one of that host;
/// - `/refused` is no 2xx, `/empty` has no body;
/// - `/dies` closes the connection instead of answering;
/// - `/meet` is answered when a second such request has come: both are then under way together.
struct Target {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    fn start() -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let (kept, stop) = (Arc::clone(&heads), Arc::clone(&stopped));
        let meeting = Arc::new(std::sync::Barrier::new(2));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (kept, meeting) = (Arc::clone(&kept), Arc::clone(&meeting));
                // Ends when the proxy closes its connection.
                std::thread::spawn(move || converse(&stream.unwrap(), &kept, &meeting, address));
            }
        });
        Target {
            address,
            heads,
            stopped,
            thread: Some(thread),
        }
    }

    fn proxy(&self, rate: f64, at_least: u64) -> Proxy {
        let upstream = Upstream::plain(format!("http://{}", self.address));
        let swap = Swap {
            rate,
            at_least,
            seed: 1,
        };
        Proxy::start(vec![upstream], swap).unwrap()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn converse(
    stream: &TcpStream,
    heads: &Mutex<Vec<String>>,
    meeting: &std::sync::Barrier,
    address: SocketAddr,
) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(head) = head(&mut reader) {
        heads.lock().unwrap().push(head.clone());
        let path = head.split(' ').nth(1).unwrap_or_default();
        let header = |name: &str| {
            let found = head
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name}: ")));
            found.unwrap_or_default().to_owned()
        };
        let (cookie, mut status, mut more) = (header("cookie"), "200 OK", String::new());
        match path {
            "/new-session" => {
                more = format!("set-cookie: for={cookie}; Secure; Domain=example\r\n");
            }
            "/moved" => {
                status = "302 Found";
                more = format!("location: http://{address}/there\r\n");
            }
            _ if path.starts_with("/away/") => {
                status = "302 Found";
                more = format!("location: http://{}/there\r\n", &path["/away/".len()..]);
            }
            "/refused" => status = "403 Forbidden",
            "/claims" => more = "x-crosswire-control: swapped\r\n".to_owned(),
            "/dies" => return,
            "/meet" => drop(meeting.wait()),
            _ => {}
        }
        let body = if path == "/empty" {
            String::new()
        } else {
            format!("data of {cookie}")
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nx-owner: {cookie}\r\n{more}\r\n{body}"
        );
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Everything up to the empty line; `None` at the end of the connection.
fn head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// A client over HTTP/1.1.
struct Client {
    reader: BufReader<TcpStream>,
    cookie: String,
}

/// Head in lower case, and body.
type Answer = (String, String);

impl Client {
    fn new(proxy: &Proxy, cookie: &str) -> Client {
        let address = proxy.url().strip_prefix("http://").unwrap();
        Client {
            reader: BufReader::new(TcpStream::connect(address).unwrap()),
            cookie: cookie.to_owned(),
        }
    }

    fn send(&mut self, path: &str) {
        let cookie = if self.cookie.is_empty() {
            String::new()
        } else {
            format!("cookie: {}\r\n", self.cookie)
        };
        let host = self.reader.get_ref().peer_addr().unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{cookie}\r\n");
        self.reader.get_mut().write_all(request.as_bytes()).unwrap();
    }

    fn receive(&mut self) -> Answer {
        let head = head(&mut self.reader).unwrap().to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.reader.read_exact(&mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    fn ask(&mut self, path: &str) -> Answer {
        self.send(path);
        self.receive()
    }
}

fn is_marked(head: &str) -> bool {
    head.contains("\r\nx-crosswire-control: swapped\r\n")
}

#[test]
fn disarmed_it_changes_nothing_but_what_loopback_needs() {
    let target = Target::start();
    let proxy = target.proxy(1.0, 3);
    let (mut ann, mut bob) = (Client::new(&proxy, "ann"), Client::new(&proxy, "bob"));
    for _ in 0..3 {
        assert_eq!(ann.ask("/a").1, "data of ann");
        assert_eq!(bob.ask("/a").1, "data of bob");
    }
    let moved = ann.ask("/moved").0;
    let there = format!("location: {}/there\r\n", proxy.url());
    assert!(moved.contains(&there), "{moved}");
    let session = ann.ask("/new-session").0;
    assert!(session.contains("set-cookie: for=ann\r\n"), "{session}");
    assert!(!is_marked(&ann.ask("/claims").0));
    assert_eq!(proxy.stop(), SwapCounts::default());
    let heads = target.heads.lock().unwrap();
    let host = format!("host: {}", target.address);
    let is_by_name = |head: &String| head.lines().any(|line| line == host);
    assert!(heads.iter().all(is_by_name), "{heads:?}");
}

#[test]
fn several_upstreams_have_a_port_each_and_lead_to_one_another() {
    let (app, log_in) = (Target::start(), Target::start());
    let upstreams =
        [&app, &log_in].map(|target| Upstream::plain(format!("http://{}", target.address)));
    let proxy = Proxy::start(upstreams.to_vec(), Swap::default()).unwrap();
    let mut ann = Client::new(&proxy, "ann");
    let away = ann.ask(&format!("/away/{}", log_in.address)).0;
    let there = format!("location: {}/there\r\n", proxy.urls()[1]);
    assert!(away.contains(&there), "{away}");
    let nobodys = ann.ask("/away/127.0.0.1:1").0;
    assert!(
        nobodys.contains("location: http://127.0.0.1:1/there\r\n"),
        "{nobodys}"
    );
    assert!(log_in.heads.lock().unwrap().is_empty());
    drop(proxy);
}

#[test]
fn an_answer_last_given_to_another_user_is_given_once_more() {
    let target = Target::start();
    let proxy = target.proxy(1.0, 0);
    proxy.arm();
    let (mut ann, mut bob) = (Client::new(&proxy, "ann"), Client::new(&proxy, "bob"));
    // Nobody else has been here yet.
    assert_eq!(ann.ask("/a").1, "data of ann");
    let (head, body) = bob.ask("/a");
    assert_eq!(body, "data of ann");
    assert!(is_marked(&head) && head.contains("x-owner: ann"), "{head}");
    // The same user over another connection is nobody else.
    assert_eq!(Client::new(&proxy, "bob").ask("/a").1, "data of bob");
    proxy.disarm();
    assert_eq!(bob.ask("/a").1, "data of bob");
    let counts = proxy.stop();
    let (answers, swapped, repeated, failed) = (3, 1, 1, 0);
    assert_eq!(
        counts,
        SwapCounts {
            answers,
            swapped,
            repeated,
            failed
        }
    );
}

#[test]
fn answers_under_way_together_change_hands_but_no_session_does() {
    let target = Target::start();
    let proxy = target.proxy(1.0, 0);
    proxy.arm();
    let (mut ann, mut bob) = (Client::new(&proxy, "ann"), Client::new(&proxy, "bob"));
    // Each is answered only when both have come.
    ann.send("/meet");
    bob.send("/meet");
    assert_eq!(ann.receive().1, "data of bob");
    assert_eq!(bob.receive().1, "data of ann");
    for client in [&mut ann, &mut bob] {
        let own = format!("set-cookie: for={}\r\n", client.cookie);
        let (head, body) = client.ask("/new-session");
        assert!(head.contains(&own), "{head}");
        assert_eq!(head.matches("set-cookie").count(), 1, "{head}");
        assert_eq!(
            is_marked(&head),
            !body.contains(&client.cookie),
            "{head}{body}"
        );
    }
    let counts = proxy.stop();
    assert_eq!((counts.answers, counts.repeated), (4, counts.swapped - 2));
}

#[test]
fn at_least_so_many_are_swapped_and_of_every_kind_one() {
    let target = Target::start();
    let proxy = target.proxy(0.0, 3);
    proxy.arm();
    let (mut ann, mut bob) = (Client::new(&proxy, "ann"), Client::new(&proxy, "bob"));
    let mut swapped = Vec::new();
    for path in ["/a", "/a", "/a", "/a", "/b/1", "/b/2", "/b/3"] {
        for client in [&mut ann, &mut bob] {
            let (head, body) = client.ask(path);
            let is_own = body == format!("data of {}", client.cookie);
            assert_eq!(is_marked(&head), !is_own, "{head}");
            swapped.push(u8::from(!is_own));
        }
    }
    // None is there for the first; then three of one kind; then one of the second kind, which ann's request asks for in
    // vain: only an /a of bob's is remembered.
    assert_eq!(swapped[..4], [0, 1, 1, 1], "{swapped:?}");
    assert_eq!(swapped[4..8], [0; 4], "{swapped:?}");
    assert_eq!(swapped[8..].iter().sum::<u8>(), 2, "{swapped:?}");
    assert_eq!(proxy.stop().swapped, 5);
}

#[test]
fn what_holds_nobodys_data_is_left_alone() {
    let target = Target::start();
    let proxy = target.proxy(1.0, 3);
    proxy.arm();
    let mut nobody = Client::new(&proxy, "");
    let (mut ann, mut bob) = (Client::new(&proxy, "ann"), Client::new(&proxy, "bob"));
    for path in ["/refused", "/empty", "/moved"] {
        for client in [&mut ann, &mut bob] {
            assert!(!is_marked(&client.ask(path).0));
        }
    }
    ann.ask("/a");
    assert_eq!(nobody.ask("/a").1, "data of ");
    let counts = proxy.stop();
    assert_eq!((counts.answers, counts.swapped), (1, 0));
}

#[test]
fn a_target_that_dies_is_told_as_502() {
    let target = Target::start();
    let proxy = target.proxy(1.0, 3);
    proxy.arm();
    let mut ann = Client::new(&proxy, "ann");
    let (head, body) = ann.ask("/dies");
    assert!(head.starts_with("http/1.1 502"), "{head}");
    assert!(body.contains("gave no answer"), "{body}");
    assert_eq!(ann.ask("/a").1, "data of ann", "the next one is answered");
    drop(target);
    let gone = Client::new(&proxy, "bob").ask("/a");
    assert!(gone.1.contains("cannot connect"), "{gone:?}");
    assert_eq!(proxy.stop().failed, 2);
}

#[test]
fn wrong_settings_are_told() {
    let upstream = |url: &str| vec![Upstream::plain(url)];
    let too_often = Swap {
        rate: 1.5,
        ..Swap::default()
    };
    for (upstreams, swap, part) in [
        (vec![], Swap::default(), "no upstream"),
        (upstream("nonsense"), Swap::default(), "not a URL"),
        (
            upstream("ftp://127.0.0.1"),
            Swap::default(),
            "only http and https",
        ),
        (upstream("http://127.0.0.1:1"), too_often, "from 0 to 1"),
    ] {
        let error = Proxy::start(upstreams, swap).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// Asks for a path with each cookie at once, as streams of one HTTP/2 connection.
fn ask_together(proxy: &Proxy, path: &str, cookies: &[&'static str]) -> Vec<(bool, String)> {
    let address = proxy.url().strip_prefix("http://").unwrap().to_owned();
    let asking = async {
        let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
        let driven = tokio::spawn(connection);
        let mut answers = Vec::new();
        for cookie in cookies {
            let request = http::Request::get(format!("http://{address}{path}"))
                .header("cookie", *cookie)
                .body(())
                .unwrap();
            send = send.ready().await.unwrap();
            answers.push(send.send_request(request, true).unwrap().0);
        }
        let mut given = Vec::new();
        for answer in answers {
            let answer = answer.await.unwrap();
            let marked = answer.headers().contains_key(super::MARK);
            let mut body = answer.into_body();
            let mut text = Vec::new();
            while let Some(piece) = body.data().await {
                text.extend_from_slice(&piece.unwrap());
            }
            given.push((marked, String::from_utf8(text).unwrap()));
        }
        drop(send);
        driven.abort();
        given
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(asking)
}

#[test]
fn streams_of_one_http2_connection_are_swapped_as_well() {
    let target = Target::start();
    let proxy = target.proxy(1.0, 0);
    let own = |name| (false, format!("data of {name}"));
    let asked = ask_together(&proxy, "/meet", &["ann", "bob"]);
    assert_eq!(asked, [own("ann"), own("bob")]);
    proxy.arm();
    let asked = ask_together(&proxy, "/meet", &["ann", "bob"]);
    let other = |name| (true, format!("data of {name}"));
    assert_eq!(asked, [other("bob"), other("ann")]);
    assert_eq!(proxy.stop().swapped, 2);
}

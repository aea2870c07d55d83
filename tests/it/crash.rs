//! A served webmail that is killed in the middle of load loses no mail that it acknowledged.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::{Value, json};

use crate::command::{crosswire, folder, text};

/// Users that write at the same time.
const WRITERS: usize = 4;
/// Acknowledged mails after which the server is killed.
const BEFORE_KILL: usize = 60;

/// A served webmail; killed when dropped.
struct Served {
    child: Child,
    address: String,
    _stdout: BufReader<ChildStdout>,
}

impl Served {
    fn start(db: &Path) -> Served {
        let mut child = crosswire()
            .args([
                "serve",
                "mail/per-request",
                "--addr",
                "127.0.0.1:0",
                "--users",
                "4",
                "--db",
                text(db),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap().to_owned();
        Served {
            child,
            address,
            _stdout: stdout,
        }
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Already dead in most cases.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A user's session over one connection.
struct Client {
    stream: BufReader<TcpStream>,
    cookie: String,
    csrf: String,
}

impl Client {
    fn log_in(address: &str, user: usize) -> Client {
        let stream = BufReader::new(TcpStream::connect(address).unwrap());
        let mut client = Client {
            stream,
            cookie: String::new(),
            csrf: String::new(),
        };
        let credentials =
            json!({ "user": format!("user{user}"), "password": format!("password-user{user}") });
        let (status, head, body) = client
            .send("POST", "/api/login", &credentials.to_string())
            .unwrap();
        assert_eq!(status, 200, "{body}");
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .unwrap();
        client.cookie = cookie.split(';').next().unwrap().to_owned();
        client.csrf = serde_json::from_str::<Value>(&body).unwrap()["csrf"]
            .as_str()
            .unwrap()
            .to_owned();
        client
    }

    /// Status, head and body; an error when the server is gone.
    fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> std::io::Result<(u16, String, String)> {
        let Client {
            stream,
            cookie,
            csrf,
        } = self;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\nx-csrf-token: {csrf}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap()
            .parse()
            .unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        Ok((status, head, String::from_utf8(body).unwrap()))
    }
}

/// Writes mails to itself until the server is gone, and tells of each that was acknowledged.
fn write_until_the_end(address: &str, user: usize, acknowledged: &Sender<(usize, u64, String)>) {
    let mut client = Client::log_in(address, user);
    for n in 0.. {
        let subject = format!("mail {n} of user{user}");
        let mail =
            json!({ "to": format!("user{user}"), "subject": subject, "body": "x".repeat(2_000) });
        let Ok((status, _, body)) = client.send("POST", "/api/mail", &mail.to_string()) else {
            return;
        };
        assert_eq!(status, 201, "{body}");
        let number = serde_json::from_str::<Value>(&body).unwrap()["number"]
            .as_u64()
            .unwrap();
        acknowledged.send((user, number, subject)).unwrap();
    }
}

fn killed_in_the_middle(db: &Path) -> Receiver<(usize, u64, String)> {
    let mut served = Served::start(db);
    let (acknowledged, all) = channel();
    let (relay, kept) = channel();
    let writers: Vec<_> = (1..=WRITERS)
        .map(|user| {
            let (address, acknowledged) = (served.address.clone(), acknowledged.clone());
            thread::spawn(move || write_until_the_end(&address, user, &acknowledged))
        })
        .collect();
    drop(acknowledged);
    for (seen, mail) in all.into_iter().enumerate() {
        if seen + 1 == BEFORE_KILL {
            served.kill();
        }
        relay.send(mail).unwrap();
    }
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
    kept
}

#[test]
fn no_acknowledged_mail_is_lost_by_kill_9() {
    let folder = folder();
    let db = folder.path().join("mail.db");
    let acknowledged: Vec<_> = killed_in_the_middle(&db).into_iter().collect();
    assert!(acknowledged.len() >= BEFORE_KILL);

    let served = Served::start(&db);
    let mut clients: Vec<Client> = (1..=WRITERS)
        .map(|user| Client::log_in(&served.address, user))
        .collect();
    for (user, number, subject) in acknowledged {
        let (status, _, body) = clients[user - 1]
            .send("GET", &format!("/api/mail/{number}"), "")
            .unwrap();
        assert_eq!(status, 200, "{subject}: {body}");
        let mail: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(mail["subject"], subject.as_str());
        assert_eq!(mail["body"].as_str().map(str::len), Some(2_000));
    }
}

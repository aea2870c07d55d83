//! A server that is killed in the middle of its work keeps every mail that it acknowledged.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crosswire_targets::mail::sqlite::SqliteStore;
use crosswire_targets::mail::store::{Folder, Store, UserId};
use crosswire_targets::{Options, StoreKind, start};

use crate::protocols::{Session, log_in};

/// Tells [`the_server_that_is_killed`] which file to serve.
const FILE: &str = "CROSSWIRE_TARGETS_KILL_FILE";

const CLIENTS: usize = 4;
/// How many mails are acknowledged before the server is killed.
const BEFORE_THE_KILL: usize = 60;

/// Not a test by itself: the process that the test below starts and kills.
#[test]
fn the_server_that_is_killed() {
    let Some(file) = env::var_os(FILE) else {
        return;
    };
    let store = StoreKind::File(PathBuf::from(file));
    let server = start(Options {
        store,
        ..Options::new("mail", "per-request")
    })
    .unwrap();
    println!("\nlistening {}", server.addr());
    loop {
        thread::park();
    }
}

#[tokio::test]
async fn a_killed_server_loses_no_acknowledged_mail() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.sqlite");
    let (mut process, addr) = serve(&file);
    let acknowledged = AtomicUsize::new(0);
    let sent: Vec<Vec<String>> = thread::scope(|scope| {
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|user| {
                let session = log_in(addr, user);
                let acknowledged = &acknowledged;
                scope.spawn(move || send_until_cut_off(addr, user, &session, acknowledged))
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < BEFORE_THE_KILL {
            thread::yield_now();
        }
        process.kill().unwrap();
        process.wait().unwrap();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    assert!(sent.iter().flatten().count() >= BEFORE_THE_KILL);
    let store = SqliteStore::open(&file).unwrap();
    for (user, sent) in (1..).map(UserId).zip(sent) {
        let kept = store.list(user, Folder::Inbox).await.unwrap();
        for subject in sent {
            assert!(
                kept.iter().any(|mail| mail.subject == subject),
                "{subject} is lost"
            );
        }
        for mail in kept {
            // What was on its way may be there or not, but never in half.
            let read = store.read(user, mail.number).await.unwrap().unwrap();
            assert_eq!(read.attachments.len(), mail.attachments);
        }
    }
}

fn serve(file: &std::path::Path) -> (Child, SocketAddr) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--exact",
        "kill::the_server_that_is_killed",
        "--nocapture",
        "--test-threads=1",
    ]);
    let mut process = command
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let addr = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("listening ")?.parse().ok());
    (process, addr.expect("the server says where it listens"))
}

/// Sends mails to oneself; those whose answer came back whole.
fn send_until_cut_off(
    addr: SocketAddr,
    user: usize,
    session: &Session,
    acknowledged: &AtomicUsize,
) -> Vec<String> {
    let mut sent = Vec::new();
    for count in 0.. {
        let subject = format!("mail {count} of {user}");
        let body = format!(
            "{{\"to\":\"user{user}\",\"subject\":\"{subject}\",\
             \"attachments\":[{{\"name\":\"a\",\"data\":\"AAAA\"}}]}}"
        );
        match session.exchange(addr, "POST", "/api/mail", &body) {
            Ok(answer) if answer.starts_with("HTTP/1.1 201 ") && answer.ends_with('}') => {
                sent.push(subject)
            }
            Ok(answer) if answer.contains("\r\n\r\n") && !answer.starts_with("HTTP/1.1 201 ") => {
                panic!("refused: {answer}")
            }
            _ => break,
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    sent
}

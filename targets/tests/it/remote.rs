//! The store behind a connection: one line each way for a call, and no answer that was meant for another one.

use std::net::SocketAddr;
use std::sync::Arc;

use crosswire_targets::mail::remote::RemoteStore;
use crosswire_targets::mail::store::{Store, UserId};
use crosswire_targets::mail::store_server::StoreServer;
use crosswire_targets::mail::variant::Variant;
use crosswire_targets::{Options, StoreKind, start};
use http::StatusCode;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use crate::client::Client;

/// A relay before a store: it tells every line that goes to the store, and lets an answer pass for every permit.
struct Relay {
    addr: SocketAddr,
    calls: mpsc::UnboundedReceiver<String>,
    answers: Arc<Semaphore>,
}

impl Relay {
    async fn before(store: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (told, calls) = mpsc::unbounded_channel();
        let answers = Arc::new(Semaphore::new(0));
        let permits = Arc::clone(&answers);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let store = TcpStream::connect(store).await.unwrap();
                tokio::spawn(pass(client, store, told.clone(), Arc::clone(&permits)));
            }
        });
        Relay {
            addr,
            calls,
            answers,
        }
    }

    /// Lets everything pass from now on.
    fn open(&self) {
        self.answers.add_permits(1_000);
    }

    /// The calls told so far.
    fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.calls.try_recv().ok()).collect()
    }
}

async fn pass(
    client: TcpStream,
    store: TcpStream,
    told: mpsc::UnboundedSender<String>,
    answers: Arc<Semaphore>,
) {
    let (from_client, mut to_client) = client.into_split();
    let (from_store, mut to_store) = store.into_split();
    let mut calls = BufReader::new(from_client).lines();
    let mut replies = BufReader::new(from_store).lines();
    while let Ok(Some(call)) = calls.next_line().await {
        told.send(call.clone()).unwrap();
        to_store
            .write_all(format!("{call}\n").as_bytes())
            .await
            .unwrap();
        let reply = replies.next_line().await.unwrap().unwrap();
        answers.acquire().await.unwrap().forget();
        let reply = format!("{reply}\n");
        if to_client.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_request_is_as_many_lines_as_it_has_calls() {
    let server = StoreServer::start(2).unwrap();
    let mut relay = Relay::before(server.addr()).await;
    relay.open();
    let store = RemoteStore::new(relay.addr).unwrap();
    let router = Variant::PerRequest.router(store, false).unwrap();
    let mut client = Client::logged_in(&router, 2).await;
    relay.told();
    let reply = client.get("/api/inbox").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let account = r#"{"call":"account","user":2}"#;
    let list = r#"{"call":"list","user":2,"folder":"Inbox"}"#;
    assert_eq!(relay.told(), [account, list, account]);
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_its_answer_to_nobody() {
    let server = StoreServer::start(2).unwrap();
    let mut relay = Relay::before(server.addr()).await;
    let store = Arc::new(RemoteStore::new(relay.addr).unwrap());
    let given_up = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.account(UserId(1)).await }
    });
    assert!(relay.calls.recv().await.is_some(), "it has been sent");
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    relay.open();
    let account = store.account(UserId(2)).await.unwrap().unwrap();
    assert_eq!(account.name, "user2");
}

#[tokio::test]
async fn what_is_no_call_ends_its_connection_alone() {
    let server = StoreServer::start(1).unwrap();
    let store = RemoteStore::new(server.addr()).unwrap();
    for wrong in ["nothing\n", "{\"call\":\"drop-everything\"}\n", "[]\n"] {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(wrong.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next_line().await.unwrap(), None, "{wrong}");
    }
    assert!(store.account(UserId(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_store_that_is_gone_is_an_error() {
    let server = StoreServer::start(0).unwrap();
    let store = RemoteStore::new(server.addr()).unwrap();
    assert!(store.account(UserId(1)).await.unwrap().is_none());
    drop(server);
    for _ in 0..2 {
        let error = store.account(UserId(1)).await.unwrap_err().to_string();
        assert!(error.contains("does not answer"), "{error}");
    }
}

#[test]
fn a_store_elsewhere_is_refused() {
    let options = Options {
        store: StoreKind::Remote("192.0.2.1:7000".parse().unwrap()),
        ..Options::new("mail", "per-request")
    };
    let error = start(options).unwrap_err();
    assert!(error.is_store(), "{error}");
    assert!(error.to_string().contains("loopback"), "{error}");
}

#[tokio::test]
async fn nothing_is_asked_before_the_first_request() {
    let server = StoreServer::start(1).unwrap();
    let mut relay = Relay::before(server.addr()).await;
    let addr = relay.addr;
    // It waits for no answer: none passes yet.
    let started = tokio::task::spawn_blocking(move || {
        start(Options {
            store: StoreKind::Remote(addr),
            ..Options::new("mail", "one-lock")
        })
    });
    let webmail = started.await.unwrap().unwrap();
    assert_eq!(relay.told(), [""; 0]);
    tokio::task::spawn_blocking(|| webmail.stop())
        .await
        .unwrap();
}

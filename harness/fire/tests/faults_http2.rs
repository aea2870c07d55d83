//! Faults over HTTP/2, as the server sees them: frames, not connections, unless the connection is closed.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;
use h2::server::{Connection as Served, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::http2::local;
use super::scripted::{bounds, get};
use crate::fire::connection::{Bounds, Connection};
use crate::fire::dial::Dial;
use crate::fire::exchange::{Done, Request};
use crate::fire::fault::BreakOff;
use crate::scenario::{Abort, AbortHow, AbortWhen, Faults, Pace, Protocol};

type Incoming = (http::Request<RecvStream>, SendResponse<Bytes>);
type Log = Rc<RefCell<Vec<String>>>;

/// Serves one connection: `act` for every request, in a task of its own; ends with the connection.
async fn serve<F, A>(log: &Log, act: F) -> (Connection, JoinHandle<()>)
where
    F: Fn(Incoming, Log) -> A + 'static,
    A: Future<Output = ()> + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    let log = Rc::clone(log);
    let server = tokio::task::spawn_local(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut connection: Served<TcpStream, Bytes> =
            h2::server::handshake(stream).await.expect("HTTP/2");
        while let Some(Ok(incoming)) = connection.accept().await {
            tokio::task::spawn_local(act(incoming, Rc::clone(&log)));
        }
        log.borrow_mut().push("connection over".to_owned());
    });
    let dial = Dial::new(&format!("http://{address}"), None, Protocol::Http2).await;
    let connection = Connection::open(&dial.expect("an address"), 0).await;
    (connection.expect("a connection"), server)
}

fn with(faults: Faults, path: &str) -> Request {
    Request {
        faults,
        ..get(path)
    }
}

fn abort(when: AbortWhen, how: AbortHow) -> Faults {
    Faults {
        abort: Some(Abort {
            when,
            how,
            after_ms: 0,
        }),
        ..Faults::default()
    }
}

/// Answers with head and body; `ends` when the answer is whole with that.
fn say(mut respond: SendResponse<Bytes>, body: &'static [u8], ends: bool) -> SendStream<Bytes> {
    let head = http::Response::new(());
    let mut stream = respond.send_response(head, false).expect("a stream");
    stream.send_data(body.into(), ends).expect("a stream");
    stream
}

fn body(done: &Done) -> &[u8] {
    &done.result.as_ref().expect("an answer").body
}

fn partial(done: &Done) -> String {
    let failure = done.result.as_ref().expect_err("no answer");
    String::from_utf8(failure.partial.to_vec()).expect("ASCII")
}

#[test]
fn an_abort_before_the_answer_is_rst_stream_and_the_connection_goes_on() {
    local(async {
        let log = Log::default();
        let act = |(request, mut respond): Incoming, log: Log| async move {
            if request.uri().path() == "/good" {
                say(respond, b"ok", true);
                return;
            }
            let reason = poll_fn(|cx| respond.poll_reset(cx)).await;
            log.borrow_mut()
                .push(format!("{:?}", reason.expect("a reset")));
        };
        let (mut connection, server) = serve(&log, act).await;
        let faults = abort(AbortWhen::BeforeAnswer, AbortHow::Reset);
        let done = connection.exchange(&with(faults, "/x"), bounds()).await;
        let told = done.provoked.as_deref();
        assert_eq!(told, Some("aborted before the answer by reset"));
        assert!(done.cut_off);
        assert!(connection.alive());
        let next = connection.exchange(&get("/good"), bounds()).await;
        assert_eq!(body(&next), b"ok");
        assert_eq!(*log.borrow(), [format!("{:?}", Reason::CANCEL)]);
        drop(connection);
        server.await.expect("the server ends");
    });
}

#[test]
fn an_abort_in_the_middle_of_the_answer_keeps_what_came() {
    local(async {
        let log = Log::default();
        let act = |(request, respond): Incoming, log: Log| async move {
            let good = request.uri().path() == "/good";
            let mut stream = say(respond, b"first", good);
            if !good {
                let reason = poll_fn(|cx| stream.poll_reset(cx)).await;
                log.borrow_mut()
                    .push(format!("{:?}", reason.expect("a reset")));
            }
        };
        let (mut connection, server) = serve(&log, act).await;
        let mut faults = abort(AbortWhen::MidAnswer, AbortHow::Reset);
        faults.abort.as_mut().expect("an abort").after_ms = 1;
        let done = connection.exchange(&with(faults, "/x"), bounds()).await;
        assert_eq!(partial(&done), "HTTP/2 200\r\n\r\nfirst");
        let next = connection.exchange(&get("/good"), bounds()).await;
        assert_eq!(body(&next), b"first");
        assert_eq!(*log.borrow(), ["CANCEL"]);
        drop(connection);
        server.await.expect("the server ends");
    });
}

#[test]
fn in_the_middle_of_the_request_half_of_its_body_has_come() {
    local(async {
        let log = Log::default();
        let act = |(request, respond): Incoming, log: Log| async move {
            if request.uri().path() == "/good" {
                say(respond, b"ok", true);
                return;
            }
            let mut coming = request.into_body();
            let mut got = 0;
            let end = loop {
                match coming.data().await {
                    Some(Ok(chunk)) => got += chunk.len(),
                    Some(Err(error)) => break format!("{:?}", error.reason()),
                    None => break "whole".to_owned(),
                }
            };
            log.borrow_mut().push(format!("{got} bytes, {end}"));
        };
        let (mut connection, server) = serve(&log, act).await;
        for sent in [&[b'x'; 1000][..], b""] {
            let mut faults = abort(AbortWhen::MidRequest, AbortHow::Reset);
            // So that the half is on its way before: what is queued when a stream is reset is not sent.
            faults.abort.as_mut().expect("an abort").after_ms = 1;
            let request = Request {
                method: "POST".to_owned(),
                body: sent.to_vec().into(),
                ..with(faults, "/x")
            };
            let done = connection.exchange(&request, bounds()).await;
            let told = done.provoked.expect("it was broken off");
            assert!(told.starts_with("aborted in the middle of the request by reset"));
        }
        let next = connection.exchange(&get("/good"), bounds()).await;
        assert_eq!(body(&next), b"ok");
        assert_eq!(
            *log.borrow(),
            ["500 bytes, Some(CANCEL)", "0 bytes, Some(CANCEL)"]
        );
        drop(connection);
        server.await.expect("the server ends");
    });
}

#[test]
fn to_close_is_to_close_the_connection_for_all_on_it() {
    local(async {
        let log = Log::default();
        let act = |(_request, respond): Incoming, _: Log| async move {
            let _stream = say(respond, b"half", false);
            // Nothing more is said, to nobody.
            std::future::pending::<()>().await;
        };
        let (mut connection, server) = serve(&log, act).await;
        let faults = abort(AbortWhen::MidAnswer, AbortHow::Close);
        let requests = [with(faults, "/aborted"), get("/beside")];
        let armed = connection.arm(&requests.each_ref(), bounds()).await;
        assert!(connection.latch().release().expect("released"));
        let done = connection.collect(armed, 0, bounds()).await;
        server
            .await
            .expect("the server sees the end while the connection is still held here");
        assert_eq!(*log.borrow(), ["connection over"]);
        assert!(!connection.alive());
        assert!(done.iter().all(|done| done.cut_off));
        let told: Vec<&str> = done
            .iter()
            .map(|done| done.provoked.as_deref().expect("on purpose"))
            .collect();
        assert_eq!(
            told,
            [
                "aborted in the middle of the answer by close",
                "its connection closed on purpose, to abort another request on it"
            ]
        );
    });
}

#[test]
fn the_own_time_out_resets_the_stream_and_the_connection_goes_on() {
    local(async {
        let log = Log::default();
        let act = |(request, mut respond): Incoming, log: Log| async move {
            if request.uri().path() == "/good" {
                say(respond, b"ok", true);
                return;
            }
            let reason = poll_fn(|cx| respond.poll_reset(cx)).await;
            log.borrow_mut()
                .push(format!("{:?}", reason.expect("a reset")));
        };
        let (mut connection, server) = serve(&log, act).await;
        let faults = Faults {
            timeout_ms: Some(20),
            ..Faults::default()
        };
        let done = connection.exchange(&with(faults, "/x"), bounds()).await;
        let told = done.provoked.as_deref();
        assert_eq!(told, Some("given up by its own time-out of 20 ms"));
        assert!(done.cut_off);
        let next = connection.exchange(&get("/good"), bounds()).await;
        assert_eq!(body(&next), b"ok");
        assert_eq!(*log.borrow(), ["CANCEL"]);
        drop(connection);
        server.await.expect("the server ends");
    });
}

/// Sends 100 bytes as the client gives room for them; tells the largest room.
async fn in_its_room((_, mut respond): Incoming, log: Log) {
    let head = http::Response::new(());
    let mut stream = respond.send_response(head, false).expect("a stream");
    let (mut left, mut largest) = (100, 0);
    while left > 0 {
        stream.reserve_capacity(left);
        let granted = poll_fn(|cx| stream.poll_capacity(cx)).await;
        let granted = granted.expect("room").expect("room").min(left);
        largest = largest.max(granted);
        left -= granted;
        let chunk = Bytes::from(vec![b'x'; granted]);
        stream.send_data(chunk, left == 0).expect("a stream");
    }
    log.borrow_mut().push(format!("{largest} at a time"));
}

#[test]
fn a_slow_reader_gives_the_server_no_more_room_than_its_pace() {
    local(async {
        let log = Log::default();
        let (mut connection, server) = serve(&log, in_its_room).await;
        let faults = Faults {
            slow_read: Some(Pace {
                bytes: 10,
                every_ms: 1,
            }),
            ..Faults::default()
        };
        let done = connection.exchange(&with(faults, "/slow"), bounds()).await;
        assert_eq!(body(&done).len(), 100);
        let told = done.provoked.as_deref();
        assert_eq!(told, Some("its answer read 10 bytes every 1 ms"));
        let request = with(faults, "/slow");
        let armed = connection.arm(&[&request], bounds()).await;
        let done = connection.collect(armed, 0, bounds()).await;
        assert_eq!(body(&done[0]).len(), 100);
        let done = connection.exchange(&get("/ordinary"), bounds()).await;
        assert_eq!(body(&done).len(), 100);
        assert_eq!(
            *log.borrow(),
            ["10 at a time", "10 at a time", "100 at a time"]
        );
        drop(connection);
        server.await.expect("the server ends");
    });
}

#[test]
fn a_slow_writer_sends_frames_of_its_pace_and_delays_nobody_beside_it() {
    local(async {
        let log = Log::default();
        let act = |(request, respond): Incoming, log: Log| async move {
            let path = request.uri().path().to_owned();
            let mut coming = request.into_body();
            let mut sizes = Vec::new();
            while let Some(Ok(chunk)) = coming.data().await {
                drop(coming.flow_control().release_capacity(chunk.len()));
                sizes.push(chunk.len());
            }
            log.borrow_mut().push(format!("{path} {sizes:?}"));
            say(respond, b"ok", true);
        };
        let (mut connection, server) = serve(&log, act).await;
        let faults = Faults {
            slow_write: Some(Pace {
                bytes: 4,
                every_ms: 5,
            }),
            ..Faults::default()
        };
        let slow = Request {
            method: "POST".to_owned(),
            body: Bytes::from_static(b"ten bytes."),
            ..with(faults, "/slow")
        };
        let requests = [slow, get("/quick")];
        let armed = connection.arm(&requests.each_ref(), bounds()).await;
        assert!(connection.latch().release().expect("released"));
        let done = connection.collect(armed, 0, bounds()).await;
        assert_eq!(*log.borrow(), ["/quick []", "/slow [4, 4, 2]"]);
        assert!(done.iter().all(|done| body(done) == b"ok"));
        assert!(done[1].done_ns < done[0].done_ns);
        let told = done[0].provoked.as_deref();
        assert_eq!(told, Some("written 4 bytes every 5 ms"));
        assert_eq!(done[1].provoked, None);
        drop(connection);
        server.await.expect("the server ends");
    });
}

#[test]
fn an_armed_request_can_be_told_to_break_off_later_than_a_timer_tick() {
    local(async {
        let log = Log::default();
        let act = |(_, mut respond): Incoming, log: Log| async move {
            let reason = poll_fn(|cx| respond.poll_reset(cx)).await;
            log.borrow_mut()
                .push(format!("{:?}", reason.expect("a reset")));
        };
        let (mut connection, server) = serve(&log, act).await;
        let mut armed = connection.arm(&[&get("/x")], bounds()).await;
        armed.break_off(BreakOff {
            when: AbortWhen::BeforeAnswer,
            how: AbortHow::Reset,
            after: std::time::Duration::from_micros(700),
        });
        assert!(connection.latch().release().expect("released"));
        let done = connection.collect(armed, 0, bounds()).await;
        let told = done[0].provoked.as_deref();
        assert_eq!(
            told,
            Some("aborted before the answer by reset, 700 us after the release")
        );
        drop(connection);
        server.await.expect("the server ends");
        // The task of the stream may be woken after that of the connection.
        while log.borrow().len() < 2 {
            tokio::task::yield_now().await;
        }
        assert!(log.borrow().iter().any(|line| line == "CANCEL"));
    });
}

#[test]
fn a_pipeline_is_streams_at_the_same_time() {
    local(async {
        let log = Log::default();
        let act = |(request, respond): Incoming, log: Log| async move {
            log.borrow_mut().push(request.uri().path().to_owned());
            // Nobody is answered before all have come.
            while log.borrow().len() < 3 {
                tokio::task::yield_now().await;
            }
            say(respond, b"ok", true);
        };
        let (mut connection, server) = serve(&log, act).await;
        let requests = ["/1", "/2", "/3"].map(get);
        let wide = Bounds {
            keep: 10,
            ..bounds()
        };
        let done = connection.pipeline(&requests, wide).await;
        assert!(done.iter().all(|done| body(done) == b"ok"));
        drop(connection);
        server.await.expect("the server ends");
    });
}

#[test]
fn a_refusal_of_a_body_that_nobody_reads_is_the_answer() {
    local(async {
        let log = Log::default();
        let act = |(request, mut respond): Incoming, _: Log| async move {
            if request.uri().path() == "/good" {
                say(respond, b"ok", true);
                return;
            }
            let mut head = http::Response::new(());
            *head.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
            // The body is let go unread: the server resets the stream behind its answer.
            respond.send_response(head, true).expect("a stream");
        };
        let (mut connection, server) = serve(&log, act).await;
        let request = Request {
            method: "POST".to_owned(),
            body: vec![b'x'; 1 << 20].into(),
            ..get("/big")
        };
        let done = connection.exchange(&request, bounds()).await;
        assert_eq!(done.result.expect("an answer").status, 413);
        let next = connection.exchange(&get("/good"), bounds()).await;
        assert_eq!(body(&next), b"ok");
        drop(connection);
        server.await.expect("the server ends");
    });
}

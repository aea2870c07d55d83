//! Faults over HTTP/1.1, as the server sees them.

use std::time::Duration;

use super::scripted::{block_on, bounds, get};
use super::watched::{Saw, Watched, part};
use crate::fire::Stop;
use crate::fire::connection::{Bounds, Connection};
use crate::fire::exchange::{Done, Failure, Request};
use crate::scenario::{Abort, AbortHow, AbortWhen, Faults, Malformed, Pace};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn abort(when: AbortWhen, how: AbortHow) -> Faults {
    let after_ms = 0;
    Faults {
        abort: Some(Abort {
            when,
            how,
            after_ms,
        }),
        ..Faults::default()
    }
}

fn with(faults: Faults, request: Request) -> Request {
    Request { faults, ..request }
}

fn post(body: &[u8]) -> Request {
    Request {
        method: "POST".to_owned(),
        body: body.to_vec().into(),
        ..get("/post")
    }
}

fn failure(done: &Done) -> &Failure {
    done.result.as_ref().expect_err("no answer")
}

fn body(done: &Done) -> &[u8] {
    &done.result.as_ref().expect("an answer").body
}

fn provoked(done: &Done) -> &str {
    done.provoked
        .as_deref()
        .expect("something was done on purpose")
}

/// Releases the request and goes on once the server has said its part.
async fn let_go_and_answered(
    server: &Watched,
    request: Request,
    connection: &mut Connection,
) -> Done {
    let armed = connection.arm(&[&request], bounds()).await;
    assert!(connection.latch().release().expect("released"));
    assert_eq!(server.saw(), Saw::Said);
    connection.collect(armed, 0, bounds()).await.remove(0)
}

/// How the end of the connection looks from the other side.
const ENDS: [(AbortHow, Saw); 2] = [(AbortHow::Close, Saw::End), (AbortHow::Reset, Saw::Reset)];

#[test]
fn before_the_answer_the_server_sees_fin_or_rst() {
    for (how, end) in ENDS {
        block_on(async {
            let server = Watched::one(|peer| {
                peer.head();
                peer.rest();
            });
            let mut connection = server.connect().await;
            let request = with(abort(AbortWhen::BeforeAnswer, how), get("/x"));
            let done = connection.exchange(&request, bounds()).await;
            assert_eq!(server.saw(), end, "while the connection is still held here");
            assert!(!connection.alive());
            assert_eq!(
                provoked(&done),
                format!("aborted before the answer by {how}")
            );
            assert!(!failure(&done).closed, "no reason to ask again");
            assert!(done.cut_off, "it was ended here");
        });
    }
}

#[test]
fn an_abort_waits_as_long_as_it_says_and_keeps_what_came() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say_and_tell(OK);
            peer.rest();
        });
        let mut connection = server.connect().await;
        let mut faults = abort(AbortWhen::BeforeAnswer, AbortHow::Close);
        faults.abort.as_mut().expect("an abort").after_ms = 5;
        let done = let_go_and_answered(&server, with(faults, get("/x")), &mut connection).await;
        assert_eq!(server.saw(), Saw::End, "what came was read: no reset");
        let told = "aborted before the answer by close, 5 ms after the release";
        assert_eq!(provoked(&done), told);
        assert_eq!(failure(&done).partial, OK);
        assert!(failure(&done).first_ns.is_some());
    });
}

#[test]
fn in_the_middle_of_the_request_half_of_it_has_come() {
    for (how, end) in ENDS {
        block_on(async {
            let server = Watched::one(|peer| peer.rest());
            let mut connection = server.connect().await;
            let request = with(abort(AbortWhen::MidRequest, how), post(&[b'x'; 1000]));
            let done = connection.exchange(&request, bounds()).await;
            let (heard, saw) = server.saw_until_end();
            assert_eq!(saw, end);
            let text = String::from_utf8(heard).expect("ASCII");
            assert!(text.contains("content-length: 1000\r\n\r\nxxx"), "{text}");
            let got = text.len() - text.find("xxx").expect("a body");
            assert!((400..600).contains(&got), "{got} of 1000 bytes of the body");
            assert!(provoked(&done).starts_with("aborted in the middle of the request"));
        });
    }
}

#[test]
fn in_the_middle_of_the_answer_what_came_is_kept() {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthe first words";
    for (how, end) in ENDS {
        block_on(async {
            let server = Watched::one(|peer| {
                peer.head();
                peer.say(HALF);
                peer.rest();
            });
            let mut connection = server.connect().await;
            let request = with(abort(AbortWhen::MidAnswer, how), get("/x"));
            let done = connection.exchange(&request, bounds()).await;
            assert_eq!(server.saw(), end);
            assert_eq!(failure(&done).partial, HALF);
            assert!(
                !connection.alive(),
                "the rest of the answer would come first"
            );
            assert_eq!(
                provoked(&done),
                format!("aborted in the middle of the answer by {how}")
            );
        });
    }
}

#[test]
fn the_own_time_out_gives_up_and_closes() {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say_and_tell(HALF);
            peer.rest();
        });
        let mut connection = server.connect().await;
        let faults = Faults {
            timeout_ms: Some(50),
            ..Faults::default()
        };
        let done = let_go_and_answered(&server, with(faults, get("/x")), &mut connection).await;
        assert_eq!(server.saw(), Saw::End);
        assert_eq!(provoked(&done), "given up by its own time-out of 50 ms");
        assert!(done.cut_off);
        assert_eq!(failure(&done).partial, HALF);
        assert!(!connection.alive());
    });
}

#[test]
fn an_answer_within_the_own_time_out_is_an_ordinary_one() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say(OK);
        });
        let mut connection = server.connect().await;
        let faults = Faults {
            timeout_ms: Some(19_000),
            ..Faults::default()
        };
        let done = connection
            .exchange(&with(faults, get("/x")), bounds())
            .await;
        assert_eq!(body(&done), b"ok");
        assert_eq!(done.provoked, None);
    });
}

#[test]
fn after_a_half_close_the_answer_still_comes() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            // Nothing is said before the client has closed its side.
            assert!(!peer.read());
            peer.say(OK);
        });
        let mut connection = server.connect().await;
        let faults = Faults {
            half_close: true,
            ..Faults::default()
        };
        let done = connection
            .exchange(&with(faults, get("/x")), bounds())
            .await;
        assert_eq!(server.saw(), Saw::End);
        assert_eq!(body(&done), b"ok");
        assert_eq!(provoked(&done), "its sending side closed after the request");
        assert!(!connection.alive());
    });
}

#[test]
fn pipelined_requests_arrive_in_one_read_and_are_answered_in_order() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.read();
            for answer in ["a", "b", "c"] {
                peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n");
                peer.say(answer.as_bytes());
            }
            peer.head();
            peer.say(OK);
        });
        let mut connection = server.connect().await;
        let requests = ["/1", "/2", "/3"].map(get);
        let done = connection.pipeline(&requests, bounds()).await;
        let Saw::Bytes(heard) = server.saw() else {
            panic!("bytes");
        };
        let heard = String::from_utf8(heard).expect("ASCII");
        assert_eq!(heard.matches(" HTTP/1.1\r\n").count(), 3, "{heard}");
        let bodies: Vec<&[u8]> = done.iter().map(body).collect();
        assert_eq!(bodies, [b"a", b"b", b"c"]);
        assert_eq!(provoked(&done[0]), "one of 3 requests in one write");
        let came = |at: usize| done[at].result.as_ref().expect("an answer").first_ns;
        let sent: Vec<u64> = done.iter().map(|done| done.sent_ns).collect();
        assert!(sent[0] < came(0), "{sent:?}");
        assert_eq!(sent[1..], [came(0), came(1)], "not before its turn");
        let next = connection.exchange(&get("/4"), bounds()).await;
        assert_eq!(body(&next), b"ok", "the connection is in step afterwards");
    });
}

#[test]
fn a_pipeline_that_the_server_ends_early_fails_for_the_rest() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.read();
            peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na");
        });
        let mut connection = server.connect().await;
        let requests = ["/1", "/2"].map(get);
        let done = connection.pipeline(&requests, bounds()).await;
        assert_eq!(body(&done[0]), b"a");
        assert!(failure(&done[1]).why.contains("closed the connection"));
        assert!(!done[1].cut_off, "that was the server's doing");
        assert!(!connection.alive());
    });
}

#[test]
fn a_malformed_request_and_then_a_good_one() {
    let cases = [
        (Malformed::RequestLine, "POST /post HTTP/x.y\r\n"),
        (Malformed::Header, "\r\nthis line has no colon\r\n"),
        (Malformed::Length, "\r\ncontent-length: many\r\n"),
        (Malformed::Chunk, "chunked\r\n\r\nmany\r\n"),
        (
            Malformed::DoubleLength,
            "\r\ncontent-length: 4\r\ncontent-length: 3\r\n\r\nbody",
        ),
    ];
    for (malformed, sign) in cases {
        block_on(async {
            let server = Watched::one(|peer| {
                peer.read();
                peer.say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nbad");
                peer.head();
                peer.say(OK);
            });
            let mut connection = server.connect().await;
            let faults = Faults {
                malformed: Some(malformed),
                ..Faults::default()
            };
            let done = connection
                .exchange(&with(faults, post(b"body")), bounds())
                .await;
            let Saw::Bytes(heard) = server.saw() else {
                panic!("bytes");
            };
            let heard = String::from_utf8(heard).expect("ASCII");
            assert!(heard.contains(sign), "{malformed}: {heard}");
            assert_eq!(done.result.as_ref().expect("an answer").status, 400);
            assert!(provoked(&done).starts_with("sent with "));
            let next = connection.exchange(&get("/good"), bounds()).await;
            assert_eq!(body(&next), b"ok");
        });
    }
}

#[test]
fn a_connection_is_used_again_after_an_error_answer() {
    block_on(async {
        let server = Watched::one(|peer| {
            for status in ["404 Not Found", "500 Broken"] {
                peer.head();
                peer.say(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes());
            }
            peer.head();
            peer.say(OK);
        });
        let mut connection = server.connect().await;
        for status in [404, 500, 200] {
            assert!(connection.alive());
            let done = connection.exchange(&get("/x"), bounds()).await;
            assert_eq!(done.result.expect("an answer").status, status);
        }
    });
}

#[test]
fn a_refusal_of_a_body_that_nobody_reads_is_the_answer() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig");
            // Until the client has heard it, nothing is read and nothing closed.
            peer.read();
        });
        let mut connection = server.connect().await;
        let done = connection
            .exchange(&post(&vec![b'x'; 32 << 20]), bounds())
            .await;
        let answer = done.result.as_ref().expect("an answer");
        assert_eq!((answer.status, &answer.body[..]), (413, b"big".as_slice()));
        assert!(!connection.alive(), "half a request is on it");
    });
}

#[test]
fn a_slow_writer_lets_only_its_first_bytes_go_at_the_release() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say(OK);
            peer.rest();
        });
        let mut connection = server.connect().await;
        let pace = Pace {
            bytes: 16,
            every_ms: 1,
        };
        let faults = Faults {
            slow_write: Some(pace),
            ..Faults::default()
        };
        let request = with(faults, get("/x"));
        let mut armed = connection.arm(&[&request], bounds()).await;
        assert_eq!(connection.latch().held(), 16);
        connection.send_ahead(1, &mut armed, bounds()).await;
        assert_eq!(connection.latch().held(), 16, "nothing of it goes ahead");
        assert!(connection.latch().release().expect("released"));
        let done = connection.collect(armed, 7, bounds()).await;
        assert_eq!(body(&done[0]), b"ok", "all of the head has come");
        let came = done[0].result.as_ref().expect("an answer").first_ns;
        let sent = done[0].sent_ns;
        assert!((8..=came).contains(&sent), "the last byte counts: {sent}");
        assert_eq!(provoked(&done[0]), "written 16 bytes every 1 ms");
        assert!(connection.alive());
    });
}

#[test]
fn a_slow_reader_leaves_the_server_with_its_bytes() {
    // Read at full speed, all of it is taken; the slow reader has taken next to nothing when it gives up.
    const LONG: usize = 64 << 20;
    let answer = || {
        let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {LONG}\r\n\r\n").into_bytes();
        answer.resize(answer.len() + LONG, b'x');
        answer
    };
    block_on(async {
        let server = Watched::new(vec![
            part(move |peer| {
                use std::io::Write as _;
                peer.head();
                assert!(peer.stream.write_all(&answer()).is_err(), "it does not fit");
            }),
            part(move |peer| {
                peer.head();
                peer.say(&answer());
            }),
        ]);
        let pace = Pace {
            bytes: 64,
            every_ms: 1,
        };
        let faults = Faults {
            slow_read: Some(pace),
            timeout_ms: Some(300),
            ..Faults::default()
        };
        let mut connection = server.connect().await;
        let done = connection
            .exchange(&with(faults, get("/x")), bounds())
            .await;
        assert!(provoked(&done).starts_with("its answer read 64 bytes every 1 ms; given up"));
        let partial = failure(&done).partial.len();
        assert!(partial < 1 << 20, "{partial} bytes");
        let mut connection = server.connect().await;
        let done = connection.exchange(&get("/x"), bounds()).await;
        assert!(done.result.expect("an answer").cut);
    });
}

#[test]
fn a_slow_reader_gets_the_whole_answer_and_the_connection_stays() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say(OK);
            peer.head();
            peer.say(OK);
        });
        let mut connection = server.connect().await;
        let before = connection
            .latch()
            .receive_buffer(100_000)
            .expect("a socket");
        connection
            .latch()
            .receive_buffer(before / 2)
            .expect("a socket");
        let pace = Pace {
            bytes: 5,
            every_ms: 1,
        };
        let faults = Faults {
            slow_read: Some(pace),
            ..Faults::default()
        };
        let request = with(faults, get("/x"));
        let armed = connection.arm(&[&request], bounds()).await;
        let small = connection.latch().receive_buffer(2_048).expect("a socket");
        assert!(small < before, "{small} bytes of {before}");
        let done = connection.collect(armed, 0, bounds()).await;
        assert_eq!(body(&done[0]), b"ok");
        let done = connection.exchange(&get("/x"), bounds()).await;
        assert_eq!(body(&done), b"ok");
        assert_eq!(done.provoked, None);
        let after = connection.latch().receive_buffer(2_048).expect("a socket");
        assert_eq!(after, before, "as much room as at first");
    });
}

#[test]
fn a_wait_on_purpose_ends_with_the_run() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.rest();
        });
        let mut connection = server.connect().await;
        let mut faults = abort(AbortWhen::BeforeAnswer, AbortHow::Close);
        faults.abort.as_mut().expect("an abort").after_ms = 600_000;
        let stop = Stop::default();
        stop.ask();
        let bounds = Bounds {
            stop: &stop,
            timeout: Duration::from_secs(600),
            ..bounds()
        };
        let done = connection.exchange(&with(faults, get("/x")), bounds).await;
        assert!(failure(&done).why.contains("the run was ended"));
        assert_eq!(done.provoked, None, "it was not broken off");
        drop(connection);
        assert_eq!(server.saw(), Saw::End);
    });
}

#[test]
fn what_is_too_large_to_leave_at_the_release_counts_from_when_it_has_left() {
    const LARGE: usize = 32 << 20;
    block_on(async {
        let server = Watched::one(|peer| {
            use std::io::Read as _;
            peer.head();
            let mut body = vec![0; LARGE];
            peer.stream.read_exact(&mut body).expect("a body");
            peer.say(OK);
        });
        let mut connection = server.connect().await;
        let request = post(&vec![b'x'; LARGE]);
        let armed = connection.arm(&[&request], bounds()).await;
        assert!(!connection.latch().release().expect("released"));
        let done = connection.collect(armed, 7, bounds()).await;
        let came = done[0].result.as_ref().expect("an answer").first_ns;
        assert!((8..=came).contains(&done[0].sent_ns));
    });
}

//! HTTP/1.1: every way an answer can be delimited, and what a broken one leaves behind.

use std::time::Duration;

use super::scripted::{Act, Scripted, block_on, bounds, get};
use crate::fire::connection::Bounds;
use crate::fire::exchange::{Answer, Failure};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn ask(acts: Vec<Act>, bounds: Bounds<'_>) -> Vec<Result<Answer, Failure>> {
    block_on(async {
        let count = acts.len();
        let server = Scripted::new(acts);
        let mut connection = server.connect().await;
        let mut results = Vec::new();
        for _ in 0..count {
            if !connection.alive() {
                connection = server.connect().await;
            }
            results.push(connection.exchange(&get("/x"), bounds).await.result);
        }
        drop(connection);
        results
    })
}

fn one(answer: &'static [u8]) -> Result<Answer, Failure> {
    ask(vec![Act::SayAndClose(answer)], bounds()).remove(0)
}

fn body(answer: &'static [u8]) -> Vec<u8> {
    one(answer).expect("an answer").body.to_vec()
}

#[test]
fn a_body_ends_by_length_by_chunks_or_by_close() {
    assert_eq!(body(OK), b"ok");
    assert_eq!(body(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nlate: 1\r\n\r\n"), b"abcde");
    assert_eq!(
        body(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"),
        b"until the end"
    );
    assert_eq!(
        body(b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n"),
        b""
    );
}

#[test]
fn the_head_is_kept_as_it_came() {
    let answer = one(b"HTTP/1.1 200 Fine\r\nX-Odd:  \xff value\r\nContent-Length: 0\r\n\r\n")
        .expect("an answer");
    assert_eq!(
        answer.head,
        b"HTTP/1.1 200 Fine\r\nX-Odd:  \xff value\r\nContent-Length: 0\r\n\r\n".as_slice()
    );
    assert_eq!(answer.status, 200);
}

#[test]
fn headers_of_an_interim_answer_are_kept_behind_the_final_ones() {
    let answer = one(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("an answer");
    assert_eq!(
        answer.head,
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nlink: </a>\r\n\r\n".as_slice()
    );
}

#[test]
fn a_connection_is_used_again_after_a_whole_answer() {
    let results = ask(
        vec![
            Act::Say(OK),
            Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo"),
        ],
        bounds(),
    );
    assert_eq!(
        results[1].as_ref().expect("an answer").body,
        b"two".as_slice()
    );
}

#[test]
fn a_long_body_is_cut_and_the_connection_stays_in_step() {
    let bounds = Bounds {
        keep: 4,
        ..bounds()
    };
    let long = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";
    let results = ask(vec![Act::Say(long), Act::Say(OK)], bounds);
    let first = results[0].as_ref().expect("an answer");
    assert_eq!((first.body.as_ref(), first.cut), (b"0123".as_slice(), true));
    let second = results[1].as_ref().expect("an answer");
    assert_eq!(
        (second.body.as_ref(), second.cut),
        (b"ok".as_slice(), false)
    );
}

#[test]
fn what_is_not_http_fails_and_says_so() {
    let cases: [(&[u8], &str); 6] = [
        (b"hello\r\n\r\n", "not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "not a number",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
            "two different",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
            "closed the connection before the body was whole",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "size is not a number",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
            "longer than it says",
        ),
    ];
    for (answer, why) in cases {
        let failure = one(answer).expect_err("no answer");
        assert!(
            failure.why.contains(why),
            "{} does not say {why}",
            failure.why
        );
    }
}

#[test]
fn a_closed_idle_connection_is_told_from_a_broken_answer() {
    assert!(one(b"").expect_err("no answer").closed_idle());
    assert!(!one(b"HTTP/1.1").expect_err("no answer").closed_idle());
}

#[test]
fn what_came_before_a_failure_is_kept() {
    let failure =
        one(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf of it").expect_err("no answer");
    assert!(
        failure.partial.ends_with(b"half of it"),
        "{:?}",
        failure.partial
    );
    assert!(failure.first_ns.is_some());
}

#[test]
fn an_endless_head_is_given_up() {
    static HEAD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let mut head = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
        head.resize(crate::fire::http1::HEAD_LIMIT + 1000, b'y');
        head
    });
    let failure = one(&HEAD).expect_err("no answer");
    assert!(failure.why.contains("longer than"), "{}", failure.why);
}

#[test]
fn a_silent_server_is_not_waited_for_longer_than_the_limit() {
    let bounds = Bounds {
        timeout: Duration::from_millis(1),
        ..bounds()
    };
    let failure = ask(vec![Act::Silence], bounds)
        .remove(0)
        .expect_err("no answer");
    assert!(failure.why.contains("within 1 ms"), "{}", failure.why);
    assert!(!failure.closed_idle(), "it must not be asked a second time");
}

#[test]
fn bytes_after_an_answer_belong_to_the_next_one() {
    // A server out of step: the engine must show what a client would see, answers shifted by one.
    let shifted = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nb";
    let results = ask(vec![Act::Say(shifted), Act::Say(b"")], bounds());
    assert_eq!(
        results[1].as_ref().expect("an answer").body,
        b"b".as_slice()
    );
}

#[test]
fn the_gate_holds_the_last_byte_of_a_get() {
    block_on(async {
        let server = Scripted::new(vec![Act::Say(OK)]);
        let mut connection = server.connect().await;
        let request = get("/held");
        let armed = connection.arm(&[&request], bounds()).await;
        let whole = connection.latch().held();
        connection.latch().send_ahead(1).await.expect("sent ahead");
        assert_eq!(connection.latch().held(), 1);
        let mut heard = Vec::new();
        while heard.len() < whole - 1 {
            heard.extend(server.heard.recv().expect("the prefix"));
        }
        assert_eq!(
            heard.len(),
            whole - 1,
            "nothing but the last byte is held, and that one is"
        );
        assert!(connection.latch().release().expect("released"));
        let answers = connection.collect(armed, 0, bounds()).await;
        assert_eq!(
            answers[0].result.as_ref().expect("an answer").body,
            b"ok".as_slice()
        );
        assert_eq!(server.heard.recv().expect("the last byte"), b"\n");
    });
}

#[test]
fn trailers_are_headers_that_come_late() {
    let answer = one(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-late: yes\r\n\r\n",
    )
    .expect("an answer");
    assert!(
        answer.head.ends_with(b"chunked\r\nx-late: yes\r\n\r\n"),
        "{:?}",
        answer.head
    );
}

#[test]
fn endless_interim_answers_are_given_up() {
    static INTERIM: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let one = format!(
            "HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n",
            "x".repeat(4000)
        );
        one.repeat(crate::fire::http1::HEAD_LIMIT / 4000 + 1)
            .into_bytes()
    });
    let failure = one(&INTERIM).expect_err("no answer");
    assert!(failure.why.contains("interim"), "{}", failure.why);
}

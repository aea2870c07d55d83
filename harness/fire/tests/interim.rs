//! Interim answers that come while a large request is still being written.

use std::io::Write as _;

use super::scripted::{block_on, bounds, get};
use super::watched::Watched;
use crate::fire::exchange::Request;

fn large() -> Request {
    Request {
        method: "POST".to_owned(),
        body: vec![b'x'; 32 << 20].into(),
        ..get("/post")
    }
}

#[test]
fn they_let_the_request_go_on_and_their_headers_are_kept() {
    block_on(async {
        let server = Watched::one(|peer| {
            peer.head();
            peer.say(b"HTTP/1.1 100 Continue\r\n\r\n");
            peer.say(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
            peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig");
            // Until the client has heard it, nothing is closed.
            peer.read();
        });
        let mut connection = server.connect().await;
        let done = connection.exchange(&large(), bounds()).await;
        let answer = done.result.expect("an answer");
        assert_eq!((answer.status, &answer.body[..]), (413, b"big".as_slice()));
        let head = String::from_utf8(answer.head.to_vec()).expect("ASCII");
        assert!(head.contains("link: </a>\r\n"), "{head}");
    });
}

#[test]
fn there_is_an_end_to_them() {
    block_on(async {
        let server = Watched::one(|peer| {
            let many = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4_000);
            while peer.stream.write_all(&many).is_ok() {}
        });
        let mut connection = server.connect().await;
        let done = connection.exchange(&large(), bounds()).await;
        let failure = done.result.expect_err("no answer");
        assert!(
            failure.why.contains("the interim answers are longer than"),
            "{}",
            failure.why
        );
        assert!(
            failure.partial.len() <= 1 << 20,
            "{}",
            failure.partial.len()
        );
        assert!(!connection.alive());
    });
}

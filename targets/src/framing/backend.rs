//! The service behind the front: it reads requests from the bytes of a connection, and answers some before their body has come.

use std::io;
use std::sync::Arc;

use http::StatusCode;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, copy, sink,
};

use super::reuse::Rules;
use super::wire::{Head, written};
use crate::members::Members;

/// Bytes of a note; a longer one is refused before it is read.
const LARGEST: u64 = 64;
/// Bytes that are still taken from a connection which is being closed, so that its answer is not lost with it.
const LINGER: u64 = 16 << 20;

/// Keeps notes.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) members: Arc<Members>,
    pub(super) rules: Rules,
}

/// An answer, and how many bytes of the request's body nobody has read.
struct Answer {
    status: StatusCode,
    body: String,
    left: u64,
}

impl Answer {
    fn early(status: StatusCode, left: u64) -> Self {
        let body = format!("{}\n", status.canonical_reason().unwrap_or_default());
        Self { status, body, left }
    }
}

impl Backend {
    /// Answers the requests of a connection, one after the other, until it ends.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        let mut stream = BufReader::new(stream);
        // An error is the end of the connection; there is nobody to tell.
        while let Ok(true) = self.next(&mut stream).await {}
    }

    /// Answers one request; false when the connection is over.
    async fn next<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
    ) -> io::Result<bool> {
        let head = match Head::read(stream).await {
            Ok(Some(head)) => Some(head),
            Ok(None) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            Err(error) => return Err(error),
        };
        let is_refused = |head: &&Head| self.rules.one_length && head.states_two_lengths();
        let length = head.as_ref().filter(|head| !is_refused(head));
        let length = length.and_then(Head::length);
        let (Some(head), Some(length)) = (head, length) else {
            // Where the next request begins cannot be known.
            let answer = Answer::early(StatusCode::BAD_REQUEST, 0);
            send(stream, &answer, false).await?;
            return close(stream).await;
        };
        let answer = self.answer(&head, length, stream).await?;
        let stays = self.rules.stays(answer.left);
        send(stream, &answer, stays).await?;
        if !stays {
            return close(stream).await;
        }
        let skipped = answer.left.min(self.rules.skips);
        Ok(copy(&mut stream.take(skipped), &mut sink()).await? == skipped)
    }

    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        head: &Head,
        length: u64,
        stream: &mut BufReader<S>,
    ) -> io::Result<Answer> {
        let mut words = head.first.split(' ');
        let (method, target) = (words.next(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Some(member) = self.members.who(&head.fields).await else {
            return Ok(Answer::early(StatusCode::UNAUTHORIZED, length));
        };
        let stopped = |left| Answer::early(StatusCode::SERVICE_UNAVAILABLE, left);
        match (method, path) {
            (Some("GET"), "/notes") => Ok(match self.members.ledger.note(member).await {
                Some(note) => Answer {
                    status: StatusCode::OK,
                    body: format!("{note}\nasked for with {query}\n"),
                    left: length,
                },
                None => stopped(length),
            }),
            (Some("PUT"), "/notes") if length > LARGEST => {
                Ok(Answer::early(StatusCode::PAYLOAD_TOO_LARGE, length))
            }
            (Some("PUT"), "/notes") => {
                let mut note = String::new();
                let read = stream.take(length).read_to_string(&mut note).await?;
                if u64::try_from(read) != Ok(length) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(match self.members.ledger.write(member, note).await {
                    Some(()) => Answer::early(StatusCode::CREATED, 0),
                    None => stopped(0),
                })
            }
            _ => Ok(Answer::early(StatusCode::NOT_FOUND, length)),
        }
    }
}

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    answer: &Answer,
    stays: bool,
) -> io::Result<()> {
    let status = answer.status;
    let reason = status.canonical_reason().unwrap_or_default();
    let length = answer.body.len().to_string();
    let connection = if stays { "keep-alive" } else { "close" };
    let mut bytes = written(
        &format!("HTTP/1.1 {} {reason}", status.as_u16()),
        [
            ("cache-control", "no-store"),
            ("content-length", length.as_str()),
            ("connection", connection),
        ],
    );
    bytes.push_str(&answer.body);
    stream.write_all(bytes.as_bytes()).await?;
    stream.flush().await
}

/// Ends a connection in such a way that its last answer is not lost: first this direction, then, when the front has seen
/// that, the other one.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> io::Result<bool> {
    stream.shutdown().await?;
    copy(&mut stream.take(LINGER), &mut sink()).await?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::{Member, Members};

    /// What a backend answers on one connection to a request with this head and body, and then to a page of the second user's:
    /// the status of each answer, and whose note it has, if any.
    async fn answered(variant: &str, head: &str, body: &str) -> Vec<String> {
        let members = Members::explored(2);
        let [first, second] = [1, 2].map(|user| members.sessions.open(Member(user)).unwrap());
        for user in [1, 2] {
            let written = members.ledger.write(Member(user), format!("of user{user}"));
            written.await.unwrap();
        }
        let rules = Rules::of(variant).unwrap();
        let backend = Backend { members, rules };
        let body = body.replace("TOKEN", &first);
        let length = body.len();
        let sent = format!(
            "{head}authorization: Bearer {first}\r\ncontent-length: {length}\r\n\r\n{body}\
             GET /notes HTTP/1.1\r\nauthorization: Bearer {second}\r\n\r\n"
        );
        let (mut near, far) = tokio::io::duplex(1 << 20);
        near.write_all(sent.as_bytes()).await.unwrap();
        near.shutdown().await.unwrap();
        let mut text = String::new();
        let (read, ()) = tokio::join!(near.read_to_string(&mut text), backend.serve(far));
        read.unwrap();
        let answers = text.split("HTTP/1.1 ").skip(1);
        let short = |answer: &str| {
            let of = ["of user1", "of user2"].into_iter();
            let of: String = of.filter(|of| answer.contains(of)).collect();
            format!("{} {of}", &answer[..3])
        };
        answers.map(short).collect()
    }

    const TOO_LARGE: &str = "PUT /notes HTTP/1.1\r\n";
    const REQUEST: &str = "GET /notes HTTP/1.1\r\nauthorization: Bearer TOKEN\r\n\r\n";

    #[tokio::test]
    async fn a_body_that_is_a_request_is_answered_where_the_rest_of_it_is_neither_read_nor_closed_off()
     {
        let shifted: &[&str] = &["413 ", "200 of user1", "200 of user2"];
        let (in_step, closed): (&[&str], &[&str]) = (&["413 ", "200 of user2"], &["413 "]);
        // What stands before the request is then a first line that is too long.
        let padded = format!("{}{REQUEST}", "x".repeat(64 * 1024));
        let lost: &[&str] = &["413 ", "400 "];
        for (variant, small, large) in [
            ("pooled-at-answer", shifted, lost),
            ("one-length", shifted, lost),
            ("quiet-when-taken", shifted, lost),
            ("drained-64-kib", in_step, shifted),
            ("drained-or-closed", in_step, closed),
            ("both-complete", closed, closed),
        ] {
            assert_eq!(
                answered(variant, TOO_LARGE, REQUEST).await,
                small,
                "{variant}"
            );
            assert_eq!(
                answered(variant, TOO_LARGE, &padded).await,
                large,
                "{variant}"
            );
        }
    }

    #[tokio::test]
    async fn half_a_request_is_completed_by_the_next_one() {
        let half =
            "PUT /notes HTTP/1.1\r\nauthorization: Bearer TOKEN\r\ncontent-length: 60\r\n\r\n";
        for variant in ["pooled-at-answer", "one-length", "quiet-when-taken"] {
            let answers = answered(variant, TOO_LARGE, half).await;
            assert_eq!(answers[..2], ["413 ", "201 "], "{variant}");
        }
        for (variant, expected) in [
            ("drained-64-kib", &["413 ", "200 of user2"][..]),
            ("drained-or-closed", &["413 ", "200 of user2"]),
            ("both-complete", &["413 "]),
        ] {
            assert_eq!(
                answered(variant, TOO_LARGE, half).await,
                expected,
                "{variant}"
            );
        }
    }

    #[tokio::test]
    async fn who_refuses_two_lengths_closes_and_nobody_else_minds() {
        let head = "PUT /notes HTTP/1.1\r\ntransfer-encoding: chunked\r\n";
        assert_eq!(answered("one-length", head, "note").await, ["400 "]);
        let taken = ["201 ", "200 of user2"];
        assert_eq!(answered("pooled-at-answer", head, "note").await, taken);
    }
}

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
        let length = head.as_ref().and_then(Head::length);
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
        let stopped = || Answer::early(StatusCode::SERVICE_UNAVAILABLE, 0);
        match (method, path) {
            (Some("GET"), "/notes") => Ok(match self.members.ledger.note(member).await {
                Some(note) => Answer {
                    status: StatusCode::OK,
                    body: format!("{note}\nasked for with {query}\n"),
                    left: length,
                },
                None => stopped(),
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
                    None => stopped(),
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

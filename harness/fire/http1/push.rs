//! Writing while listening: a server may answer before it has read everything, and then read no further.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::head::{header_lines, parse_head};
use super::{HEAD_LIMIT, Http1, READ_CHUNK};

/// Whether everything was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    All,
    /// The server had answered, or closed, while there was still something to write.
    Answered,
}

impl Http1 {
    /// Writes the bytes as long as the server has not answered.
    pub(super) async fn push(&mut self, mut bytes: &[u8]) -> io::Result<Pushed> {
        poll_fn(|cx| {
            loop {
                let written = self.poll_push(bytes, cx);
                match written {
                    Poll::Ready(Ok(_)) if bytes.is_empty() => return Poll::Ready(Ok(Pushed::All)),
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(written)) => bytes = &bytes[written..],
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return self.poll_early(cx),
                }
            }
        })
        .await
    }

    /// Lets go what the gate still holds, as long as the server has not answered.
    pub(super) async fn push_held(&mut self) -> io::Result<Pushed> {
        let latch = self.latch.clone();
        let mut opening = pin!(latch.open());
        poll_fn(|cx| match opening.as_mut().poll(cx) {
            Poll::Ready(opened) => Poll::Ready(opened.map(|()| Pushed::All)),
            Poll::Pending => self.poll_early(cx),
        })
        .await
    }

    /// Bytes written, or with none left, 0 when all of them are out.
    fn poll_push(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(io) = self.io.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if bytes.is_empty() {
            return Pin::new(io).poll_flush(cx).map_ok(|()| 0);
        }
        Pin::new(io).poll_write(cx, bytes)
    }

    /// Ready when a final answer's head has come, or the end of the connection.
    fn poll_early(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pushed>> {
        loop {
            let came = ready!(self.poll_listen(cx))?;
            if came == 0 || self.answered() {
                return Poll::Ready(Ok(Pushed::Answered));
            }
        }
    }

    /// Reads what has come; how many bytes, 0 at the end.
    pub(super) fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(io) = self.io.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let before = self.read.len();
        self.read.resize(before + READ_CHUNK, 0);
        let mut buffer = ReadBuf::new(&mut self.read[before..]);
        let read = Pin::new(io).poll_read(cx, &mut buffer);
        let came = buffer.filled().len();
        self.read.truncate(before + came);
        read.map_ok(|()| came)
    }
}

/// Interim answers (status 1xx but for 101) that stand before the answer itself.
#[derive(Debug, Default)]
pub(super) struct Interim {
    /// Their header lines.
    pub(super) lines: Vec<u8>,
    /// How long they are, bytes.
    length: usize,
}

impl Interim {
    /// Takes the head of one in; false when they are longer than is put up with: they may have no end.
    pub(super) fn take(&mut self, head: &[u8]) -> bool {
        self.length += head.len();
        self.lines.extend_from_slice(header_lines(head));
        self.length <= HEAD_LIMIT
    }

    /// Whether any has come.
    pub(super) fn came(&self) -> bool {
        self.length > 0
    }
}

impl Http1 {
    /// Whether the head of an answer that is not interim has come, or what is none, or too much of what is interim, which is
    /// taken out of what was read.
    fn answered(&mut self) -> bool {
        loop {
            match parse_head(&self.read) {
                Ok(None) => return self.read.len() > HEAD_LIMIT,
                Ok(Some(head)) if matches!(head.status, 100 | 102..=199) => {
                    let head = self.read.split_to(head.length);
                    if !self.interim.take(&head) {
                        return true;
                    }
                }
                Ok(Some(_)) | Err(_) => return true,
            }
        }
    }
}

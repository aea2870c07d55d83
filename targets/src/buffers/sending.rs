//! An answer's body that is sent from its buffer piece by piece, as fast as the connection takes it.

use std::future::Future as _;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::pool::Lease;
use crate::sync::point;

/// What is left to be sent of a buffer. The buffer is released when all is sent, or nobody wants it any more.
#[derive(Debug)]
pub(super) struct Sending {
    lease: Lease,
    sent: usize,
    length: usize,
    /// Most bytes of a piece.
    piece: usize,
}

impl Sending {
    /// All that is in the buffer now.
    pub(super) fn all_of(lease: Lease, piece: usize) -> Self {
        Self {
            length: lease.len(),
            lease,
            sent: 0,
            piece,
        }
    }

    fn left(&self) -> usize {
        self.length - self.sent
    }
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        // As with all that tokio's tasks wait for: who sends much lets others go on now and then.
        ready!(pin!(point()).poll(context));
        let most = self.piece.min(self.left());
        let piece = self.lease.piece(self.sent, most);
        self.sent += piece.len();
        Poll::Ready(Some(match piece.is_empty() {
            false => Ok(Frame::data(piece)),
            true => Err(io::Error::other("the buffer holds less than it did")),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left() as u64)
    }
}

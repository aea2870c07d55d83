//! The body of an answer on its way back: held whole while it may be swapped, otherwise passed on as it comes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::upstream::Lent;

/// The longest answer that may be swapped, bytes; a longer one is passed on as it comes.
pub(super) const WHOLE_LIMIT: usize = 1 << 20;

/// What crosswire is sent.
pub(super) enum Passing {
    /// All of it is there.
    Whole {
        body: Bytes,
        trailers: Option<HeaderMap>,
    },
    /// What has come already, then the rest as it comes. The connection is given back at the end.
    Rest {
        ahead: VecDeque<Bytes>,
        incoming: Incoming,
        lent: Option<Lent>,
    },
}

/// A body that was read as far as it may be held.
pub(super) enum Read {
    Whole {
        body: Bytes,
        trailers: Option<HeaderMap>,
    },
    /// Longer than [`WHOLE_LIMIT`].
    Longer {
        ahead: VecDeque<Bytes>,
        incoming: Incoming,
    },
}

/// Reads a body to its end, or until it is too long to be held.
pub(super) async fn read(mut incoming: Incoming) -> Result<Read, hyper::Error> {
    let mut ahead = VecDeque::new();
    let mut length = 0;
    let mut trailers = None;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
        match frame?.into_data() {
            Ok(data) => {
                length += data.len();
                ahead.push_back(data);
                if length > WHOLE_LIMIT {
                    return Ok(Read::Longer { ahead, incoming });
                }
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    let mut body = BytesMut::with_capacity(length);
    ahead.iter().for_each(|piece| body.extend_from_slice(piece));
    Ok(Read::Whole {
        body: body.freeze(),
        trailers,
    })
}

impl Body for Passing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Passing::Whole { body, trailers } => Poll::Ready(if body.is_empty() {
                trailers
                    .take()
                    .map(|trailers| Ok(Frame::trailers(trailers)))
            } else {
                Some(Ok(Frame::data(std::mem::take(body))))
            }),
            Passing::Rest {
                ahead,
                incoming,
                lent,
            } => {
                if let Some(piece) = ahead.pop_front() {
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                let polled = Pin::new(incoming).poll_frame(cx);
                match &polled {
                    Poll::Ready(None) => {
                        if let Some(lent) = lent.take() {
                            lent.give_back();
                        }
                    }
                    Poll::Ready(Some(Err(_))) => *lent = None,
                    _ => {}
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Passing::Whole { body, trailers } => body.is_empty() && trailers.is_none(),
            Passing::Rest {
                ahead, incoming, ..
            } => ahead.is_empty() && incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Passing::Whole {
                body,
                trailers: None,
            } => SizeHint::with_exact(body.len() as u64),
            Passing::Whole { .. } => SizeHint::default(),
            Passing::Rest {
                ahead, incoming, ..
            } if ahead.is_empty() => incoming.size_hint(),
            Passing::Rest { .. } => SizeHint::default(),
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // A body without bytes is over before anybody asks for its first piece.
        if let Passing::Rest { incoming, lent, .. } = self
            && incoming.is_end_stream()
            && let Some(lent) = lent.take()
        {
            lent.give_back();
        }
    }
}

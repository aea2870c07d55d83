//! Bodies of requests to a service in this process.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// What a service's errors must become.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request: all of it in one piece, or none.
#[derive(Clone, Debug, Default)]
pub struct Body(Option<Bytes>);

impl Body {
    /// A body of these bytes.
    #[must_use]
    pub fn new(bytes: Bytes) -> Body {
        Body((!bytes.is_empty()).then_some(bytes))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

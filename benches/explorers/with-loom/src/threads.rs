//! Requests as threads of loom's.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub(crate) use loom::sync::Arc as Shared;
pub(crate) use loom::thread::spawn;

/// The value of a future that never waits: waiting is blocking here.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a future of the model waited for something unknown to it"),
    }
}

//! Points that a service names itself, and what it says of its shared state. Outside of an exploration they do nothing.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tower_service::Service;

use crate::history::SharedTold;

thread_local! {
    static NOW: Now = const {
        Now {
            controlled: Cell::new(false),
            told: Cell::new(false),
            hit: Cell::new(None),
            shared: RefCell::new(Vec::new()),
        }
    };
}

/// What this thread is doing.
struct Now {
    /// Requests are under control.
    controlled: Cell<bool>,
    /// Every step is told.
    told: Cell<bool>,
    /// The point that was reached last.
    hit: Cell<Option<Hit>>,
    shared: RefCell<Vec<SharedTold>>,
}

/// A point that was reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) name: &'static str,
    pub(super) place: &'static Location<'static>,
}

/// Requests are under control from here on.
pub(super) fn begin(told: bool) {
    NOW.with(|now| {
        now.controlled.set(true);
        now.told.set(told);
        now.hit.set(None);
        now.shared.borrow_mut().clear();
    });
}

/// They no longer are.
pub(super) fn end() {
    NOW.with(|now| now.controlled.set(false));
}

/// The point that was reached since this was asked last.
pub(super) fn take_hit() -> Option<Hit> {
    NOW.with(|now| now.hit.take())
}

/// What was said of shared state since this was asked last.
pub(super) fn take_shared() -> Vec<SharedTold> {
    NOW.with(|now| std::mem::take(&mut *now.shared.borrow_mut()))
}

/// A point at which the explorer may let another request go on; awaiting it anywhere else does nothing.
///
/// Put one before each access to state that requests share, above all before every lock: tokio's locks are taken before a
/// request is made to yield, so that without a point nobody is seen between two of them.
///
/// ```
/// # use std::sync::Mutex;
/// async fn last_log_in(memo: &Mutex<String>, user: &str) -> String {
///     crosswire::explore::point("write the memo").await;
///     *memo.lock().unwrap() = user.to_owned();
///     crosswire::explore::point("read the memo").await;
///     memo.lock().unwrap().clone()
/// }
/// ```
#[track_caller]
pub fn point(name: &'static str) -> Point {
    Point {
        name,
        place: Location::caller(),
        passed: false,
    }
}

/// The future of [`point`].
#[derive(Debug)]
#[must_use = "a point does nothing unless it is awaited"]
pub struct Point {
    name: &'static str,
    place: &'static Location<'static>,
    passed: bool,
}

impl Future for Point {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // A thread that is ending is under nobody's control.
        let controlled = NOW.try_with(|now| now.controlled.get()).unwrap_or(false);
        if self.passed || !controlled {
            return Poll::Ready(());
        }
        self.passed = true;
        let hit = Hit {
            name: self.name,
            place: self.place,
        };
        let _ = NOW.try_with(|now| now.hit.set(Some(hit)));
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What a service says of the state that its requests share, for the telling of a schedule step by step. Values are only
/// looked at then; secrets that the scenario supplies are masked.
pub mod shared {
    use super::{Display, NOW, SharedTold};

    /// The state called `name` was read, and held `value`.
    pub fn read(name: &str, value: impl Display) {
        told(name, &value, false);
    }

    /// The state called `name` was set to `value`.
    pub fn wrote(name: &str, value: impl Display) {
        told(name, &value, true);
    }

    fn told(name: &str, value: &dyn Display, wrote: bool) {
        // Nobody asks on a thread that is ending.
        let _ = NOW.try_with(|now| {
            if now.controlled.get() && now.told.get() {
                let (name, value) = (name.to_owned(), value.to_string());
                now.shared
                    .borrow_mut()
                    .push(SharedTold { name, wrote, value });
            }
        });
    }
}

/// A `tower` layer that puts a [`point`] before a service's work on a request and another one after it.
#[derive(Clone, Copy, Debug)]
pub struct PointLayer {
    name: &'static str,
}

impl PointLayer {
    /// A layer whose points have that name.
    #[must_use]
    pub const fn new(name: &'static str) -> PointLayer {
        PointLayer { name }
    }
}

impl<S> tower_layer::Layer<S> for PointLayer {
    type Service = PointService<S>;

    fn layer(&self, inner: S) -> PointService<S> {
        PointService {
            inner,
            name: self.name,
        }
    }
}

/// The service of a [`PointLayer`].
#[derive(Clone, Copy, Debug)]
pub struct PointService<S> {
    inner: S,
    name: &'static str,
}

impl<S: Service<R>, R> Service<R> for PointService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = PointFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> PointFuture<S::Future> {
        PointFuture {
            before: point(self.name),
            inner: Box::pin(self.inner.call(request)),
            output: None,
            after: point(self.name),
        }
    }
}

/// The future of a [`PointService`].
pub struct PointFuture<F: Future> {
    before: Point,
    inner: Pin<Box<F>>,
    /// What `inner` has given; boxed, so that the whole may be moved whatever it is.
    output: Option<Box<F::Output>>,
    after: Point,
}

impl<F: Future> Future for PointFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        ready!(Pin::new(&mut self.before).poll(context));
        if self.output.is_none() {
            let output = ready!(self.inner.as_mut().poll(context));
            self.output = Some(Box::new(output));
        }
        ready!(Pin::new(&mut self.after).poll(context));
        match self.output.take() {
            Some(output) => Poll::Ready(*output),
            // Polled again after it was ready, which nobody may: there is nothing to give any more.
            None => Poll::Pending,
        }
    }
}

impl<F: Future> fmt::Debug for PointFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PointFuture")
            .field("before", &self.before)
            .finish_non_exhaustive()
    }
}

//! The primitives that request paths are built from: the served ones, from the standard library and tokio.
//!
//! Files that hold state shared by requests take their primitives from `crate::sync` and from nowhere else. A model
//! checker can therefore include the very same files beside a `sync` of its own.

use std::cell::Cell;
use std::fmt::Display;
use std::future::Future;
use std::sync::PoisonError;

pub use std::sync::Arc;
pub use std::sync::MutexGuard;
pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
pub use tokio::sync::MutexGuard as AsyncMutexGuard;

/// What may be kept across an await: anything that may move to another thread.
///
/// A model checker that runs each request on one thread asks for less.
pub trait Portable: Send {}

impl<T: Send> Portable for T {}

/// A lock for short sections without an await. It does not poison: the state it guards is changed in single steps.
#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Waits for the lock and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock that may be held across an await; those who wait get it in the order they came.
#[derive(Debug, Default)]
pub struct AsyncMutex<T>(tokio::sync::Mutex<T>);

impl<T> AsyncMutex<T> {
    /// A free lock around `value`.
    pub fn new(value: T) -> Self {
        Self(tokio::sync::Mutex::new(value))
    }

    /// Waits for the lock, without holding up the thread, and takes it.
    ///
    /// What uses up tokio's budget is stopped before the lock is taken. Tokio itself stops it as well, but from 1.54 on it
    /// has taken a free lock by then: others would never run between the decision to lock and the lock.
    pub async fn lock(&self) -> AsyncMutexGuard<'_, T> {
        point().await;
        self.0.lock().await
    }
}

/// A place at which another request may go on, when the budget that tokio gives a task for one turn is used up. With
/// budget left it is passed at the cost of a counter.
pub fn point() -> impl Future<Output = ()> + Send {
    // No future of this file's own around it: a place in the source is that of the caller then.
    tokio::task::coop::consume_budget()
}

/// Is told of an access to shared state: what it is called, whether it was written, and the value.
pub type Observer = fn(name: &'static str, wrote: bool, value: &dyn Display);

thread_local! {
    static OBSERVER: Cell<Option<Observer>> = const { Cell::new(None) };
}

/// Lets `observer` know of accesses to shared state on this thread from now on, or nobody; returns who was told before.
pub fn observe(observer: Option<Observer>) -> Option<Observer> {
    OBSERVER.replace(observer)
}

/// Tells whoever observes this thread of an access to shared state. Without an observer nothing is written.
pub fn shared(name: &'static str, wrote: bool, value: &dyn Display) {
    if let Some(observer) = OBSERVER.get() {
        observer(name, wrote, value);
    }
}
